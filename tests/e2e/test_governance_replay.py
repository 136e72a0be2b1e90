# SPDX-License-Identifier: Apache-2.0
"""What was decided about a network comes out alike in the locked process and from the log."""

from pathlib import Path

import pytest
from tests.unit.kernel.network_ledger import ALICE, DORA, NetworkLedger, validator
from tests.unit.kernel.notes_contract import Notes

from hanse.codec.ordered import OrderedBlock
from hanse.crypto import SHA256
from hanse.kernel import BlockResult, Kernel
from hanse.node.blocks import (
    as_applied,
    as_ordered,
    decode_block,
    encode_block,
    execute_again,
    transactions_of,
)
from hanse.node.errors import RootMismatch
from hanse.node.execution import Worker
from hanse.storage import Store

CERTIFICATE = b'{"engine":"none"}'


def story() -> tuple[NetworkLedger, list[BlockResult]]:
    """Return a ledger that was governed for a while, and its blocks."""
    results: list[BlockResult] = []

    class Kept(NetworkLedger):
        def block(self, txs: object, *, after_ms: int = 1_000) -> BlockResult:
            results.append(super().block(txs, after_ms=after_ms))
            return results[-1]

    ledger = Kept(2, 1, 1, 1)
    ledger.change("validator.power", validator=validator("acme", power=3))
    ledger.running.discard("nbolt@bolt")
    ledger.change("organisation.suspend", party={"organisation": "delta"})
    assert ledger.do(DORA, "notes.put", key="k", text="t") == "organisation_suspended"
    ledger.change("parameters.set", ALICE, "bob@bolt", parameters={"block_txs_max": 9})
    assert any(result.validator_updates for result in results)
    return ledger, results


def test_the_log_and_the_process_give_the_same_blocks(tmp_path: Path) -> None:
    ledger, results = story()
    kernel = Kernel(ledger.genesis, ledger.id, [Notes])
    store = Store.open(tmp_path / "state", SHA256)
    store.apply(as_applied(kernel.genesis_block(store)))
    worker = Worker(kernel, store)
    worker.start()
    try:
        for result in results:
            block = decode_block(encode_block(result, CERTIFICATE))
            txs = transactions_of(block, SHA256)
            made = execute_again(
                kernel, store, block, result.block_id, txs, execute=worker.execute_now
            )
            assert made.validator_updates == result.validator_updates
            assert encode_block(made, CERTIFICATE) == encode_block(result, CERTIFICATE)
            store.apply(as_applied(made))
    finally:
        worker.stop()
        store.close()


def test_a_block_keeps_who_signed_and_leaves_it_out_where_nobody_did() -> None:
    _, results = story()
    with_votes = results[0]
    payload = encode_block(with_votes, CERTIFICATE)
    assert payload.endswith(b'"signed":["nacme@acme","nbolt@bolt","ncargo@cargo","ndelta@delta"]}')
    block = decode_block(payload)
    ordered = as_ordered(block, transactions_of(block, SHA256))
    assert isinstance(ordered, OrderedBlock)
    assert ordered.signed == with_votes.signed
    plain = NetworkLedger()
    plain.pass_blocks(1)
    assert b"signed" not in encode_block(plain.result, CERTIFICATE).replace(b'"signatures"', b"")


def test_another_list_of_who_signed_gives_another_block(tmp_path: Path) -> None:
    ledger, results = story()
    kernel = Kernel(ledger.genesis, ledger.id, [Notes])
    store = Store.open(tmp_path / "state", SHA256)
    store.apply(as_applied(kernel.genesis_block(store)))
    payload = encode_block(results[0], CERTIFICATE).replace(b'"nbolt@bolt",', b"")
    block = decode_block(payload)
    with pytest.raises(RootMismatch):
        execute_again(kernel, store, block, results[0].block_id, transactions_of(block, SHA256))
    store.close()
