# SPDX-License-Identifier: Apache-2.0
"""The engine ``cometbft``: our application on a socket, and CometBFT as a child beside it."""

from pathlib import Path

from hanse.codec.documents import Transaction
from hanse.engines.cometbft.abci import AbciServer
from hanse.engines.cometbft.engine import CometApplication


class CometEngine:
    """Orders by more than two thirds of the validators."""

    def __init__(self, application: CometApplication, home: Path) -> None:
        """Drive ``application`` by the CometBFT whose home is ``home``."""
        self._application = application
        self._home = home
        self._server = AbciServer(application, home / "abci.sock")

    @property
    def waiting(self) -> int:
        """Transactions that wait for a block."""
        return self._application.waiting

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

    async def stop(self) -> None:
        """End CometBFT, then close."""
        await self._server.stop()

    async def wait(self) -> None:
        """Return only by raising what has stopped the engine."""
        await self._server.wait()
