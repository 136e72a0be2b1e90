# SPDX-License-Identifier: Apache-2.0
"""A ledger founded anew with other contract code, and what that changes.

The transactions of a development ledger are signed again by the same members, for the new ledger,
and executed in the same blocks at the same times. So each of them is a true one again, with a
receipt and a proof of its own; what differs comes from the code.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_BODY, Signature, Transaction, decode_transaction
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.contracts.contract import Contract
from hanse.crypto.signers import Signer
from hanse.kernel import BUILT_IN_NAMES, BlockResult
from hanse.node.blocks import as_applied, decode_block, encode_block, transactions_of
from hanse.node.folder import Folder
from hanse.node.ledger import Ledger
from hanse.node.replay import entry_text
from hanse.storage import BlockLog, Snapshot, Store

Progress = Callable[[int, int], None]

KEY_ID: Final = "k1"  # of every member's key, as founding writes it
PAGE_ROWS: Final = 1_000  # of a state that is read at once
_TX_ID = re.compile(rb'(?<=")[A-Za-z0-9_-]{43}(?=")')
_PLACE: Final = ("cost", "height", "index", "tx")  # of a receipt: what differs in any case


@dataclass(frozen=True, slots=True)
class AlteredReceipt:
    """A transaction that ends otherwise on the new code; ``after`` is ``None`` where it cannot run.

    ``tx`` is its id on the new ledger, or on the old one where it is not on the new one.
    """

    tx: str
    contract: str
    action: str
    args: dict[str, Any]
    signer: str
    before: dict[str, Any]
    after: dict[str, Any] | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AlteredEntry:
    """A state entry that differs; ``None`` stands for an absent one."""

    contract: str
    entry: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Refounded:
    """What executing everything again on the new code came to."""

    transactions: int
    receipts: tuple[AlteredReceipt, ...]
    entries: tuple[AlteredEntry, ...]
    cost_before: int
    cost_after: int


@dataclass(slots=True)
class _Run:
    """The old log on its way to the new ledger."""

    ledger: Ledger
    wallet: Mapping[str, Signer]
    new_ids: dict[bytes, bytes] = field(default_factory=dict)
    receipts: list[AlteredReceipt] = field(default_factory=list)
    transactions: int = 0
    cost_before: int = 0
    cost_after: int = 0

    def renamed(self, data: bytes) -> bytes:
        """Return ``data`` with the ids of transactions as the new ledger has them."""
        return _TX_ID.sub(lambda found: self.new_ids.get(found[0], found[0]), data)

    def signed_again(self, tx: Transaction, cost_max: int) -> Transaction | None:
        """Return the same call for the new ledger; ``None`` where a key is not at hand."""
        if any(s.key != KEY_ID or s.signer not in self.wallet for s in tx.signatures):
            return None
        args = msgspec.Raw(self.renamed(bytes(tx.body.args)))
        ledger = self.ledger.folder.ledger
        body = msgspec.structs.replace(tx.body, args=args, cost_max=cost_max, ledger=ledger)
        data = encode(body)
        message = TAG_BODY.encode() + b"\x00" + data
        signatures = [
            Signature(
                key=s.key, signature=to_text(self.wallet[s.signer].sign(message)), signer=s.signer
            )
            for s in tx.signatures
        ]
        raw = encode({"body": msgspec.Raw(data), "signatures": signatures})
        return decode_transaction(raw, self.ledger.hash.tagged)


def refound(
    old: Folder,
    new: Folder,
    contracts: Sequence[type[Contract]],
    wallet: Mapping[str, Signer],
    progress: Progress | None = None,
) -> Refounded:
    """Execute all that the ledger in ``old`` holds on the new ledger in ``new``, and compare.

    Args:
        old: of a node that has stopped; it is only read.
        new: the new node's, founded and still empty.
        contracts: the new code.
        wallet: the members' keys; what another key has signed is not executed again.
        progress: told of blocks.

    Raises:
        Misconfigured: the code is not that which the new genesis names.
        Corrupt: the old log is damaged.
    """
    ledger = Ledger(new, contracts, new.signer(), contained=False)
    ledger.open()
    try:
        run = _Run(ledger, wallet)
        log = BlockLog.open(old.log, readonly=True)
        try:
            last = log.last_height or 0
            for height in range(1, last + 1):
                _execute(run, log.read(height)[1])
                if progress is not None:
                    progress(height, last)
        finally:
            log.close()
        ledger.log.sync()
        entries = tuple(_compare(run, old))
    finally:
        ledger.close()
    return Refounded(
        run.transactions, tuple(run.receipts), entries, run.cost_before, run.cost_after
    )


def _execute(run: _Run, payload: bytes) -> None:
    """Execute one block of the old log as one block of the new ledger."""
    block = decode_block(payload)
    ledger = run.ledger
    earlier: dict[bytes, tuple[Transaction, bytes]] = {}
    calls: list[Transaction] = []
    old = transactions_of(block, ledger.hash)
    for tx, (_, receipt) in zip(old, block.records, strict=True):
        run.transactions += 1
        made = run.signed_again(tx, _cost_max(run, tx, receipt, len(old)))
        if made is None:
            _note(run, tx, receipt, None, "signed with a key that is not at hand")
            continue
        run.new_ids[to_text(tx.id).encode()] = to_text(made.id).encode()
        earlier[made.id] = (tx, receipt)
        calls.append(made)
    submission = OrderedSubmission(b"", tuple(calls))
    header = block.header
    result = ledger.kernel.apply_block(
        ledger.store,
        OrderedBlock(header.engine_height, header.time_ms, (submission,), block.signed),
    )
    _keep(ledger, result)
    for made, receipt in result.records:
        tx, before = earlier[made.id]
        _note(run, tx, before, receipt, "")
    for drop in result.dropped:
        tx, before = earlier[drop.transaction.id]
        _note(run, tx, before, None, drop.code)


def _cost_max(run: _Run, tx: Transaction, receipt: bytes, of_block: int) -> int:
    """Return what the call may cost now: the code may cost more, which is no change to report."""
    if msgspec.json.decode(receipt).get("code") == "cost_exceeded":
        return tx.body.cost_max
    rules = run.ledger.kernel.rules
    return max(tx.body.cost_max, min(rules.cost_max, rules.block_cost_max // of_block))


def _keep(ledger: Ledger, result: BlockResult) -> None:
    if result.header is None:
        return
    payload = encode_block(result, encode(ledger.certificate_of(result)))
    ledger.log.append([(result.header.height, result.block_id, payload)], sync=False)
    ledger.store.apply(as_applied(result))
    if ledger.store.due:
        ledger.log.sync()  # the store never runs ahead of the log
        ledger.store.checkpoint()


def _note(run: _Run, tx: Transaction, before: bytes, after: bytes | None, reason: str) -> None:
    """Count a transaction, and keep it when it ends otherwise."""
    old: dict[str, Any] = msgspec.json.decode(run.renamed(before))
    new: dict[str, Any] | None = None if after is None else msgspec.json.decode(after)
    run.cost_before += old["cost"]
    run.cost_after += new["cost"] if new is not None else 0
    known = run.new_ids.get(to_text(tx.id).encode())
    told_before, told_after = _told(old), None if new is None else _told(new)
    if told_before != told_after:
        body = tx.body
        shown = to_text(tx.id) if known is None or new is None else known.decode()
        run.receipts.append(
            AlteredReceipt(
                tx=shown,
                contract=body.contract,
                action=body.action,
                args=msgspec.json.decode(run.renamed(bytes(body.args))),
                signer=body.signer,
                before=told_before,
                after=told_after,
                reason=reason,
            )
        )


def _told(receipt: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in receipt.items() if name not in _PLACE}


def _compare(run: _Run, old: Folder) -> Iterator[AlteredEntry]:
    """Yield the state entries that differ, contract by contract, in order."""
    names = {c.name for c in old.genesis.contracts} | set(run.ledger.kernel.contracts)
    before = Snapshot.open(old.state, run.ledger.hash)
    try:
        for name in sorted(names - BUILT_IN_NAMES):
            olds, news = _by_entry(run, before, name), _by_entry(run, run.ledger.store, name)
            for entry in sorted(olds.keys() | news.keys()):
                was, now = olds.get(entry), news.get(entry)
                if was != now:
                    yield AlteredEntry(name, entry, _value(was), _value(now))
    finally:
        before.close()


def _by_entry(run: _Run, state: Store | Snapshot, contract: str) -> dict[str, bytes]:
    """Return values by what people write for their keys, old ids of transactions renamed."""
    return {
        run.renamed(entry_text(key).encode()).decode(): run.renamed(value)
        for key, value in _rows(state, contract)
    }


def _rows(state: Store | Snapshot, contract: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield the whole state of a contract, in key order."""
    start = b""
    while True:
        rows = state.scan(contract, b"", start, PAGE_ROWS)
        yield from rows
        if len(rows) < PAGE_ROWS:
            return
        start = rows[-1][0] + b"\x00"


def _value(data: bytes | None) -> Any:
    return None if data is None else msgspec.json.decode(data)
