# SPDX-License-Identifier: Apache-2.0
"""What is said of an engine: peers, whether it moves, whether it catches up."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from hanse.engines.cometbft.errors import EngineRpcFailed
from hanse.node import engine_watch
from hanse.node.engine_watch import EngineWatch
from hanse.node.health import EngineFacts


class Told:
    """An engine that says what it is told to."""

    def __init__(self) -> None:
        self.height, self.count, self.behind, self.is_silent = 1, 3, False, False

    async def status(self) -> Any:
        if self.is_silent:
            raise EngineRpcFailed("status", "no answer")
        return SimpleNamespace(height=self.height, catching_up=self.behind)

    async def peers(self) -> Any:
        return ("peer",) * self.count


def test_an_engine_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(engine_watch, "time", SimpleNamespace(monotonic=lambda: now[0]))
    engine = Told()
    watch = EngineWatch(engine)
    silent = EngineFacts(peers=0, has_quorum=False, catching_up=True)
    assert watch.facts == silent

    def look(after_s: float = 0.0) -> EngineFacts:
        now[0] += after_s
        asyncio.run(watch.look())
        return watch.facts

    assert look() == EngineFacts(peers=3, has_quorum=True, catching_up=False)
    assert look(9.9).has_quorum
    assert not look(0.2).has_quorum  # no block for ten seconds
    engine.height, engine.behind = 2, True
    assert look() == EngineFacts(peers=3, has_quorum=True, catching_up=True)
    engine.is_silent = True
    assert look() == silent


def test_it_asks_by_itself_until_it_is_stopped() -> None:
    async def scenario() -> None:
        watch = EngineWatch(Told())
        await watch.stop()
        watch.start()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert watch.facts.peers == 3
        await watch.stop()

    asyncio.run(asyncio.wait_for(scenario(), 10))
