# SPDX-License-Identifier: Apache-2.0
"""A contract breaks out of the language in the locked process: the node stays, nothing forks."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from broken_worker import TRICKS
from rig import MINUTE, Rig, run

from hanse.client.bulk import encode_args
from hanse.node import execution
from hanse.node.clock import wall_clock_ms
from hanse.node.errors import WorkerTripped

BROKEN = (sys.executable, str(Path(__file__).with_name("broken_worker.py")))


@pytest.fixture(autouse=True)
def _broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "COMMAND", BROKEN)
    monkeypatch.setattr(execution, "PATIENCE_S", 1.5)


def deposit(rig: Rig, account: str, amount_minor: int) -> bytes:
    args = encode_args({"account": account, "amount_minor": amount_minor})
    what = ("smallbank", "deposit_checking")
    return rig.pen("al@bank").draft(what, args, 2_000, wall_clock_ms() + MINUTE).raw


async def balance(rig: Rig) -> int:
    answer = await rig.service.query("smallbank", "balance", {"account": "a1"}, None)
    return int(json.loads(bytes(answer["result"])))


@pytest.mark.parametrize("trick", [*TRICKS, "foreign"])
def test_a_transaction_that_trips_the_worker_leaves_no_record(tmp_path: Path, trick: str) -> None:
    async def scenario(rig: Rig) -> None:
        height = rig.service.status()["height"]
        answer = await rig.answer(deposit(rig, trick, 1))
        assert (answer["ok"], answer["code"]) == (False, "worker_tripped"), answer
        assert rig.service.status()["height"] == height
        assert "started again after a fault: 2" in str(rig.service.ready()[1]["containment"])
        assert (await rig.answer(rig.pay()))["status"] == "ok"

    run(tmp_path, scenario)


def test_those_that_came_in_the_same_block_are_recorded_all_the_same(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        before = await balance(rig)
        good = [deposit(rig, "a1", 10 + i) for i in range(8)]
        raws = [*good[:4], deposit(rig, "exit", 1), *good[4:]]
        answers = await rig.service.submit(raws)
        assert [a.ok for a in answers] == [True] * 4 + [False] + [True] * 4
        assert await balance(rig) == before + sum(10 + i for i in range(8))

    run(tmp_path, scenario)


def test_under_load_nothing_is_lost_and_nothing_counts_twice(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        before = await balance(rig)

        async def lane(number: int) -> list[bool]:
            raws = [deposit(rig, "a1", 1) for _ in range(400)]
            raws[100 + number] = deposit(rig, "kill", 1)
            return [a.ok for a in await rig.service.submit(raws)]

        done = await asyncio.gather(*[lane(n) for n in range(2)])
        assert [lane.count(False) for lane in done] == [1, 1]
        assert await balance(rig) == before + 2 * 399

    run(tmp_path, scenario)


@pytest.mark.parametrize("trick", ["open", "hang", "memory"])
def test_a_dry_run_that_trips_the_worker_harms_nobody(tmp_path: Path, trick: str) -> None:
    async def scenario(rig: Rig) -> None:
        height = rig.service.status()["height"]
        args = {"account": trick, "amount_minor": 1}
        with pytest.raises(WorkerTripped):
            await rig.service.check("smallbank", "deposit_checking", args, "al@bank")
        assert rig.service.status()["height"] == height
        assert (await rig.answer(rig.pay()))["status"] == "ok"

    run(tmp_path, scenario)
