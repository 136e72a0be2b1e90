# SPDX-License-Identifier: Apache-2.0
"""What orders: embedded, CometBFT. One seam: whoever is above does not know which one runs."""

from typing import Protocol

from hanse.codec.documents import Transaction
from hanse.engines.budget import Budget, QueueFull
from hanse.engines.embedded import EmbeddedEngine


class Engine(Protocol):
    """Orders transactions and delivers blocks to whom it was made with.

    ``budget`` is that of the next block; it may be set anew at any time.
    """

    budget: Budget

    @property
    def waiting(self) -> int:
        """Transactions that wait for a block."""

    def check(self, count: int) -> None:
        """Refuse ``count`` further transactions when the queue has no room.

        Raises:
            QueueFull: with the number that waits.
        """

    def submit(self, transactions: list[Transaction]) -> None:
        """Put verified transactions behind those that wait."""

    async def start(self) -> None:
        """Begin to deliver blocks on the running event loop."""

    async def stop(self) -> None:
        """Deliver nothing more once the block in hand is done."""

    async def wait(self) -> None:
        """Return only by raising what has stopped the engine."""


__all__ = ["Budget", "EmbeddedEngine", "Engine", "QueueFull"]
