# SPDX-License-Identifier: Apache-2.0
"""Blocks executed ahead in the locked process are, byte for byte, those that a node makes."""

import asyncio
from pathlib import Path

from tools.roots import BLOCK_TXS, TIME_MS, build_genesis, build_transaction, draw

from hanse.apps.trace.contract import Trace
from hanse.codec.documents import Transaction
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.crypto import SHA256
from hanse.identity import encode_genesis, ledger_id
from hanse.kernel import BlockResult, Kernel
from hanse.node.blocks import as_applied
from hanse.node.execution import Worker
from hanse.storage import Store

TRANSACTIONS = 1_200
IN_HAND = 3


def history(ledger: str) -> list[OrderedBlock]:
    """Return blocks of good and bad transactions; some come again, some nonces are used twice."""
    blocks = []
    for height, start in enumerate(range(0, TRANSACTIONS, BLOCK_TXS), 1):
        numbers = range(start, start + BLOCK_TXS)
        sent = [max(0, number - 50 * (draw(number, "resend", 10) == 0)) for number in numbers]
        txs: tuple[Transaction, ...] = tuple(build_transaction(n, ledger) for n in sent)
        time_ms = TIME_MS + height * 400_000  # so that nonces expire on the way
        blocks.append(OrderedBlock(height, time_ms, (OrderedSubmission(b"", txs),)))
    return blocks


def begin(home: Path) -> tuple[Kernel, Store]:
    genesis = build_genesis()
    kernel = Kernel(genesis, ledger_id(encode_genesis(genesis), "sha256"), [Trace])
    store = Store.open(home, SHA256)
    store.apply(as_applied(kernel.genesis_block(store)))
    return kernel, store


def apply(store: Store, results: list[BlockResult], result: BlockResult) -> None:
    results.append(result)
    if result.header is not None:
        store.apply(as_applied(result))


def alone(home: Path) -> list[BlockResult]:
    kernel, store = begin(home)
    results: list[BlockResult] = []
    for block in history(kernel.ledger):
        apply(store, results, kernel.apply_block(store, block))
    store.close()
    return results


async def ahead(home: Path, *, trips: bool) -> list[BlockResult]:
    """Execute up to three blocks before the first is sealed, with a checkpoint every few blocks."""
    kernel, store = begin(home)
    worker = Worker(kernel, store)
    worker.start()
    results: list[BlockResult] = []
    lock = asyncio.Lock()
    checkpoints = []

    async def deliver(block: OrderedBlock) -> None:
        executed = await worker.execute(kernel.in_order(store, block), block.time_ms)
        async with lock:
            await asyncio.sleep(0.002)  # as long as the log is written
            apply(store, results, kernel.seal(store, block, executed))
            under_way = bool(checkpoints) and not checkpoints[-1].done()
            if block.engine_height % 4 == 0 and worker.is_caught_up and not under_way:
                store.seal()
                loop = asyncio.get_running_loop()
                checkpoints.append(loop.run_in_executor(None, store.checkpoint))
            if trips and block.engine_height % 9 == 0:
                worker.kill()

    blocks = history(kernel.ledger)
    for first in range(0, len(blocks), IN_HAND):
        await asyncio.gather(*[deliver(block) for block in blocks[first : first + IN_HAND]])
    assert len(await asyncio.gather(*checkpoints)) >= 3
    assert (worker.trips > 0) == trips
    worker.stop()
    store.close()
    return results


def test_the_same_blocks_come_of_it(tmp_path: Path) -> None:
    expected = alone(tmp_path / "alone")
    codes = {drop.code for result in expected for drop in result.dropped}
    assert {"nonce_reused", "expired"} <= codes
    assert any(result.repeated for result in expected)
    found = asyncio.run(ahead(tmp_path / "ahead", trips=False))
    assert found == expected


def test_the_same_blocks_come_of_it_when_the_process_is_killed(tmp_path: Path) -> None:
    expected = alone(tmp_path / "alone")
    assert asyncio.run(ahead(tmp_path / "ahead", trips=True)) == expected
