# SPDX-License-Identifier: Apache-2.0
"""How an engine of several validators fares: asked every few seconds, so that nobody waits."""

import asyncio
import time
from contextlib import suppress
from typing import Final, Protocol

from hanse.engines.cometbft.answers import EnginePeer, EngineStatus
from hanse.engines.cometbft.errors import EngineRpcFailed
from hanse.node.health import EngineFacts

ASK_EVERY_S: Final = 2.0
QUORUM_S: Final = 10.0  # without a block of the engine, which makes one each half second by itself

_UNKNOWN: Final = EngineFacts(peers=0, has_quorum=False, catching_up=True)


class Asked(Protocol):
    """The questions that are put to an engine."""

    async def status(self) -> EngineStatus:
        """Return how far it is."""

    async def peers(self) -> tuple[EnginePeer, ...]:
        """Return with whom it is connected."""


class EngineWatch:
    """Keeps the newest facts of an engine; until it has answered they are those of a silent one."""

    def __init__(self, engine: Asked) -> None:
        """Ask nothing until :meth:`start`."""
        self._engine = engine
        self._height, self._moved = -1, 0.0
        self._task: asyncio.Task[None] | None = None
        self.facts = _UNKNOWN

    def start(self) -> None:
        """Begin to ask, on the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="engine-watch")

    async def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> None:
        """Ask once; an engine that does not answer has neither peers nor quorum."""
        try:
            status, peers = await self._engine.status(), await self._engine.peers()
        except EngineRpcFailed:
            self.facts = _UNKNOWN
            return
        now = time.monotonic()
        if status.height != self._height:
            self._height, self._moved = status.height, now
        moves = status.height > 0 and now - self._moved < QUORUM_S
        self.facts = EngineFacts(len(peers), has_quorum=moves, catching_up=status.catching_up)

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(ASK_EVERY_S)
