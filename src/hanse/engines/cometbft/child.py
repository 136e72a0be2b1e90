# SPDX-License-Identifier: Apache-2.0
"""The engine ``cometbft``: our application on a socket, and CometBFT as a child beside it."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from hanse.codec.documents import Transaction
from hanse.engines.budget import Budget
from hanse.engines.cometbft.abci import AbciServer
from hanse.engines.cometbft.binary import find_binary
from hanse.engines.cometbft.configuration import Settings, socket_folder
from hanse.engines.cometbft.engine import CometApplication
from hanse.engines.cometbft.home import EngineGenesis, Keys, write_home
from hanse.engines.cometbft.process import Command, EngineProcess
from hanse.engines.cometbft.rpc import EngineRpc


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where an engine meets its peers: what an operator may choose.

    ``peers`` are ``ID@HOST:PORT``. ``double_sign_check_height`` looks back that many blocks for
    votes of this key before the first vote: once, after a restore or a moved key.
    """

    listen: str = "127.0.0.1:26656"
    external: str = ""
    peers: tuple[str, ...] = ()
    metrics: str = ""
    double_sign_check_height: int = 0

    @property
    def on_loopback(self) -> bool:
        """Whether all of it stays on this machine."""
        addresses = (self.listen, *(peer.partition("@")[2] for peer in self.peers))
        return all(a.startswith(("127.", "localhost:", "[::1]")) for a in addresses)


class CometEngine:
    """Orders by more than two thirds of the validators."""

    def __init__(  # noqa: PLR0913, PLR0917  # the parts of an engine
        self,
        application: CometApplication,
        genesis: EngineGenesis,
        keys: Keys,
        path: Path,
        name: str,
        meeting: Meeting,
    ) -> None:
        """Drive ``application`` by the CometBFT whose home is ``path``."""
        self._application = application
        self._path = path
        self._sockets = socket_folder(path / "run")
        settings = Settings(
            moniker=name,
            app_socket=self._sockets / "abci.sock",
            rpc_socket=self._sockets / "rpc.sock",
            listen=meeting.listen,
            external=meeting.external,
            peers=meeting.peers,
            on_loopback=meeting.on_loopback,
            metrics_listen=meeting.metrics,
            double_sign_check_height=meeting.double_sign_check_height,
        )
        restored = meeting.double_sign_check_height > 0
        write_home(path, genesis, settings, keys, begin_sign_state=restored)
        self._server = AbciServer(application, settings.app_socket)
        command = Command(find_binary(), path, path / "engine.log", (settings.rpc_socket,))
        self._process = EngineProcess(command)
        self.rpc = EngineRpc(settings.rpc_socket)

    @property
    def waiting(self) -> int:
        """Transactions that wait for a block."""
        return self._application.waiting

    @property
    def budget(self) -> Budget:
        """What the next block may hold; all validators have decided it alike."""
        return self._application.budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._application.budget = budget

    @property
    def restarts(self) -> int:
        """How often CometBFT ended by itself and was started again."""
        return self._process.restarts

    def check(self, count: int) -> None:
        """Refuse ``count`` further transactions when the queue has no room.

        Raises:
            QueueFull: with the number that waits.
        """
        self._application.check(count)

    def submit(self, transactions: list[Transaction]) -> None:
        """Put verified transactions behind those that wait."""
        self._application.submit(transactions)

    async def start(self) -> None:
        """Listen, then start CometBFT, which asks at once how far this node is."""
        await self._server.start()
        await self._process.start()

    async def stop(self) -> None:
        """End CometBFT, then close."""
        await self.rpc.close()
        await self._process.stop()
        await self._server.stop()
        if self._sockets.parent != self._path:
            shutil.rmtree(self._sockets, ignore_errors=True)

    async def wait(self) -> None:
        """Return only by raising what has stopped the engine."""
        waits = [asyncio.ensure_future(w) for w in (self._server.wait(), self._process.wait())]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in waits:
                task.cancel()
