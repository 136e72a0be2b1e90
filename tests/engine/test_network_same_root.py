# SPDX-License-Identifier: Apache-2.0
"""The same transactions give the same state on four validators and on the embedded engine.

Who voted is state, too, in the contract ``network``: so its root, and with it that of the whole, is
the network's own. All four nodes have it alike, and so has whoever executes their log again.
"""

import asyncio
from pathlib import Path

import pytest
from tests.engine.network_rig import MINUTE, Network, run

from hanse.apps import discover
from hanse.client import AsyncClient, Drafter
from hanse.client.bulk import Draft, encode_args
from hanse.codec.ordered import OrderedBlock
from hanse.crypto import SHA256, keyfiles
from hanse.engines import Budget, EmbeddedEngine
from hanse.kernel import Kernel
from hanse.node.audit import audit
from hanse.node.blocks import StoredBlock, as_applied, decode_block, transactions_of
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import Folder
from hanse.storage import BlockLog, Store
from hanse.testing.smallbank import APP

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ACCOUNTS = 500
COUNT = 10_000
BATCH = 500
COMPARED = ("governance", "registry", "smallbank")


async def send_all(network: Network) -> None:
    """Send ten thousand creations and payments through all four gateways at once."""
    local = network.nodes[0].local
    signer = keyfiles.load(local.admin_key, passphrase=None)
    clients = [AsyncClient(n.url, trust=local.folder.ledger) for n in network.nodes]
    pen = Drafter(await clients[0].genesis(), f"admin@{local.organisation}", "k1", signer)

    def draft(number: int) -> Draft:
        expires = wall_clock_ms() + 10 * MINUTE
        if number < ACCOUNTS:
            args: dict[str, object] = {"account": f"n{number}", "checking": 900, "savings": 900}
            what = ("smallbank", "create_account")
        else:
            source, target = number % ACCOUNTS, (number * 7 + 1) % ACCOUNTS
            args = {"amount_minor": 1, "source": f"n{source}", "target": f"n{target}"}
            what = ("smallbank", "send_payment")
        return pen.draft(what, encode_args(args), 1_000, expires)

    async def lane(at: int, numbers: range) -> None:
        for start in range(numbers.start, numbers.stop, BATCH):
            batch = [draft(n) for n in range(start, min(start + BATCH, numbers.stop))]
            outcomes = await clients[at].submit_drafts(batch)
            assert all(outcome.ok or outcome.code == "same_account" for outcome in outcomes)

    await lane(0, range(ACCOUNTS))
    quarter = (COUNT - ACCOUNTS) // 4
    lanes = [range(ACCOUNTS + at * quarter, ACCOUNTS + (at + 1) * quarter) for at in range(4)]
    await asyncio.gather(*(lane(at, numbers) for at, numbers in enumerate(lanes)))
    for client in clients:
        await client.close()


def blocks_of(folder: Folder) -> list[StoredBlock]:
    """Return the blocks of a node's log."""
    log = BlockLog.open(folder.log, readonly=True)
    assert log.last_height is not None
    found = [decode_block(log.read(height)[1]) for height in range(log.last_height + 1)]
    log.close()
    return found


async def roots_on_embedded(folder: Folder, blocks: list[StoredBlock], path: Path) -> list[bytes]:
    """Let the embedded engine order the same transactions, in blocks of its own."""
    kernel = Kernel(folder.genesis, folder.ledger, APP.contracts)
    store = Store.open(path, SHA256)
    store.apply(as_applied(kernel.genesis_block(store)))
    clock = [folder.genesis.time_ms]
    applied = asyncio.Event()
    done = 0

    async def deliver(block: OrderedBlock) -> None:
        nonlocal done
        result = kernel.apply_block(store, block)
        if result.header is not None:
            store.apply(as_applied(result))
        done += len(result.records)
        applied.set()

    engine = EmbeddedEngine(
        deliver, lambda: clock[0], Budget(1_000, 2_000_000, 8_000_000), height=0, time_ms=clock[0]
    )
    await engine.start()
    sent = 0
    for block in blocks[1:]:
        transactions = list(transactions_of(block, SHA256))
        clock[0] = block.header.time_ms
        engine.submit(transactions)
        sent += len(transactions)
        while done < sent:
            applied.clear()
            await applied.wait()
    await engine.stop()
    found = [store.tries.root_of(name) for name in COMPARED]
    store.close()
    return found


def test_ten_thousand_transactions_give_the_same_state(tmp_path: Path) -> None:
    folders: list[Folder] = []

    async def scenario(network: Network) -> None:
        await send_all(network)
        folders.extend(node.local.folder for node in network.nodes)

    run(tmp_path / "net", scenario)
    logs = [blocks_of(folder) for folder in folders]
    heads = {block.header_bytes for blocks in logs for block in blocks[-1:]}
    assert len(heads) == 1  # one root of the whole state
    assert sum(len(block.records) for block in logs[0]) >= COUNT
    store = Store.open(folders[0].state, SHA256)
    behind = store.height
    found = [store.tries.root_of(name) for name in COMPARED]
    store.close()
    assert behind == len(logs[0]) - 1  # it was stopped in order
    again = asyncio.run(roots_on_embedded(folders[0], logs[0], tmp_path / "embedded"))
    assert again == found
    assert audit(folders[0], (*discover(), APP)).height == behind
