# SPDX-License-Identifier: Apache-2.0
"""F1: the node is killed at random moments under load; nothing acknowledged may be lost."""

import os
import random  # noqa: TID251  # the moments of death come from a printed seed
import threading
from pathlib import Path

import pytest
from faults.network import Network, NodeProcess, make_network

from hanse.client import Client
from hanse.client.receipts import VerifiedReceipt
from hanse.codec.canonical import decode_as
from hanse.codec.documents import receipt_decoder
from hanse.errors import HanseError
from hanse.node.audit import audit
from hanse.node.blocks import decode_block
from hanse.storage import BlockLog
from hanse.testing.smallbank import APP

ROUNDS = int(os.environ.get("HANSE_ROUNDS", "6"))
BATCH = 150


def _load(network: Network, url: str, acknowledged: dict[str, bytes]) -> threading.Thread:
    """Send batches until the node is gone; note what it acknowledged."""

    def run() -> None:
        try:
            with Client(url, trust=network.folder.ledger) as client:
                while True:
                    for outcome in client.submit_drafts(network.drafts(BATCH)):
                        if isinstance(outcome, VerifiedReceipt):
                            acknowledged[outcome.tx] = outcome.raw
        except HanseError:
            return

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.slow
def test_a_node_killed_under_load_loses_no_acknowledged_receipt(tmp_path: Path) -> None:
    seed = int(os.environ.get("HANSE_SEED", "4711"))
    dice = random.Random(seed)
    network = make_network(tmp_path / "node")
    acknowledged: dict[str, bytes] = {}
    for number in range(ROUNDS):
        node = NodeProcess(network.folder)  # starting it replays what the store lacks
        load = _load(network, node.url, acknowledged)
        threading.Event().wait(dice.uniform(0.05, 0.6))  # the moment of death
        node.kill()
        load.join(timeout=60)
        assert not load.is_alive(), f"seed {seed}, round {number}"
        logged = _logged(network)
        lost = [tx for tx, raw in acknowledged.items() if logged.get(tx) != raw]
        assert not lost, f"seed {seed}, round {number}: {len(lost)} acknowledged receipts are gone"
    node = NodeProcess(network.folder)
    with Client(node.url, trust=network.folder.ledger) as client:
        for tx in list(acknowledged)[:: max(1, len(acknowledged) // 50)]:
            assert client.transaction(tx).receipt.raw == acknowledged[tx]
        height, root = client.ledger()["height"], client.ledger()["state_root"]
    assert node.stop() == 0
    assert len(acknowledged) > ROUNDS * BATCH // 4, "the load was too light to prove anything"
    report = audit(network.folder, (APP,))
    assert (report.height, report.state_root) == (height, root)
    assert report.transactions >= len(acknowledged)


def _logged(network: Network) -> dict[str, bytes]:
    """Return the receipts that the block log on disk holds, by transaction."""
    log = BlockLog.open(network.folder.log, readonly=True)
    try:
        last = -1 if log.last_height is None else log.last_height
        receipts: dict[str, bytes] = {}
        for height in range(1, last + 1):
            for _, raw in decode_block(log.read(height)[1]).records:
                receipts[decode_as(raw, receipt_decoder).tx] = raw
        return receipts
    finally:
        log.close()
