# SPDX-License-Identifier: Apache-2.0
"""What a transaction costs one node of several validators, by step; one JSON line.

The test plays the engine: submissions of payments are verified, voted for, executed and kept by one
node. CPU of this process, and of the verifying and the executing process beside it.
"""

import asyncio
import cProfile
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hanse.cli.bench import Load, cpu_of
from hanse.cli.bench_load import load_network_bank
from hanse.client import decode_genesis
from hanse.client.bulk import Drafter
from hanse.codec.documents import decode_transaction
from hanse.codec.submission import make_submission
from hanse.engines.cometbft import messages as m
from hanse.engines.cometbft.engine import BUNDLE_TXS, CometApplication
from hanse.engines.cometbft.parts import ProposalStatus, Timestamp
from hanse.node import service as service_module
from hanse.node.clock import wall_clock_ms
from hanse.node.service import NodeService
from hanse.testing.smallbank import APP


class Played:
    """An engine that does nothing by itself."""

    rpc = None
    budget: object = None

    def __init__(self, application: CometApplication, *rest: object) -> None:
        del rest
        self.application = application

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""


async def measure(path: Path, blocks: int, bundles: int, profile: bool) -> dict[str, float]:
    bank = load_network_bank(
        path, validators=2, members=1_000, accounts=10_000, suite="ed25519-sha256"
    )
    mine, other = bank.folders
    pens = [
        Drafter(decode_genesis(mine.genesis_bytes), name, "k1", signer)
        for name, signer in bank.members.items()
    ]
    load = Load(bank, pens, "uniform", 1)
    service = NodeService(mine, (APP,))
    with patch.object(service_module, "CometEngine", Played):
        await service.start()
    engine: Any = service._engine  # noqa: SLF001  # the test plays it
    application = engine.application
    tagged, sign = service.hash.tagged, other.signer().sign
    pids = os.getpid()
    spent: dict[str, float] = {}
    profiler = cProfile.Profile()

    async def step(name: str, call: Awaitable[Any]) -> Any:
        begin, whole = time.process_time(), cpu_of(pids)
        if profile and number >= 2:
            profiler.enable()
        answer = await call
        profiler.disable()
        if number >= 2:
            own = time.process_time() - begin
            spent[name] = spent.get(name, 0.0) + own
            spent["children"] = spent.get("children", 0.0) + cpu_of(pids) - whole - own
        return answer

    height, now = 1, wall_clock_ms() + 1_000  # after the genesis, in whole seconds
    for number in range(blocks + 2):
        raws = []
        for bundle in range(bundles):
            txs = tuple(decode_transaction(d.raw, tagged) for d in load.batch(BUNDLE_TXS))
            head = (mine.ledger, f"{other.node}@{other.organisation}", number * 100 + bundle)
            raws.append(make_submission(head, txs, sign, tagged).raw)
        for raw in raws:
            await step("insert", application.insert_tx(m.RequestInsertTx(tx=raw)))
        asked = m.RequestProcessProposal(txs=tuple(raws), height=height)
        answer = await step("process", application.process_proposal(asked))
        assert answer.status == ProposalStatus.ACCEPT
        stamp = Timestamp(now // 1_000, 0)
        final = m.RequestFinalizeBlock(txs=tuple(raws), height=height, time=stamp)
        await step("finalize", application.finalize_block(final))
        await step("commit", application.commit(m.RequestCommit()))
        height, now = height + 1, now + 1_000
    await service.stop()
    if profile:
        profiler.dump_stats("/tmp/consensus.prof")
    count = blocks * bundles * BUNDLE_TXS
    return {name: round(seconds / count * 1e6, 1) for name, seconds in spent.items()}


def main(blocks: int, bundles: int, profile: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spent = asyncio.run(measure(Path(folder), blocks, bundles, profile))
    print(json.dumps({"blocks": blocks, "txs": bundles * BUNDLE_TXS, **spent}, sort_keys=True))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, 2, "profile" in sys.argv)
