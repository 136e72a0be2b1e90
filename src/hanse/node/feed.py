# SPDX-License-Identifier: Apache-2.0
"""The feed of durable blocks: told of new heights, each reader fetches the blocks itself."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from hanse.kernel import BlockResult

if TYPE_CHECKING:
    from hanse.node.reading import BlockReader


class Feed:
    """Tells readers of new heights; a slow reader holds nothing in memory."""

    def __init__(self, reader: "BlockReader") -> None:
        """Read blocks through ``reader``."""
        self._reader = reader
        self._height = -1
        self._changed = asyncio.Event()
        self.readers = 0

    def publish(self, result: BlockResult) -> None:
        """Announce a durable block."""
        assert result.header is not None
        self._height = result.header.height
        self._changed.set()
        self._changed = asyncio.Event()

    async def read(self, from_height: int | None) -> AsyncIterator[dict[str, Any]]:
        """Yield blocks from ``from_height`` on, or those to come; never ends by itself."""
        newest = self._reader.newest_height
        following = newest + 1 if from_height is None else max(0, from_height)
        self.readers += 1
        try:
            while True:
                changed = self._changed
                while following <= self._reader.newest_height:
                    yield self._reader.feed_item(following)
                    following += 1
                if changed is self._changed:
                    await changed.wait()
        finally:
            self.readers -= 1
