# SPDX-License-Identifier: Apache-2.0
"""CPU of a node's main process per payment: admit, order, execute, write, checkpoint, show leaves.

Prints one JSON line. No HTTP and no client; signatures are verified in the node's own child, whose
CPU is not counted.

    python bench/node.py [transactions] [batch]
"""

import asyncio
import gc
import json
import sys
import tempfile
import time
from pathlib import Path

from hanse.cli.bench import Load
from hanse.cli.bench_load import Bank, load_bank
from hanse.client._genesis import decode_genesis
from hanse.client.bulk import Drafter
from hanse.node.service import NodeService
from hanse.testing.smallbank import APP

LANES = 4  # batches under way at once
WARM = 5_000  # transactions before the clock starts


async def measure(bank: Bank, count: int, batch: int) -> float:
    """Return the node's CPU seconds for ``count`` payments."""
    genesis = decode_genesis(bank.folder.genesis_bytes)
    drafters = [Drafter(genesis, name, "k1", signer) for name, signer in bank.members.items()]
    load = Load(bank, drafters, "uniform", 1)
    batches = [[draft.raw for draft in load.batch(batch)] for _ in range((WARM + count) // batch)]
    service = NodeService(bank.folder, (APP,))
    await service.start()
    shown = 0

    async def lane(todo: list[list[bytes]]) -> None:
        nonlocal shown
        while todo:
            answers = await service.submit(todo.pop())
            assert all(answer.ok for answer in answers)
            for height in range(shown + 1, service.status()["height"] + 1):
                service.leaves(height)
            shown = service.status()["height"]

    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # as hanse.cli.hosting does
    warm = batches[: WARM // batch]
    del batches[: WARM // batch]
    await asyncio.gather(*[lane(warm) for _ in range(LANES)])
    begin = time.process_time()
    await asyncio.gather(*[lane(batches) for _ in range(LANES)])
    spent = time.process_time() - begin
    await service.stop()
    return spent


def main(count: int, batch: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bank = load_bank(
            Path(folder) / "node", members=10_000, accounts=10_000, suite="ed25519-sha256"
        )
        spent = asyncio.run(measure(bank, count, batch))
    print(json.dumps({"batch": batch, "node_us": round(spent / count * 1e6, 1), "txs": count}))


if __name__ == "__main__":
    main(*[int(text) for text in sys.argv[1:3]] or [20_000, 500])
