# SPDX-License-Identifier: Apache-2.0
"""The live feed: server-sent events with a bounded queue per reader.

A reader that falls behind loses its oldest blocks and is told how many by a ``gap`` event; it can
fetch them from ``/v1/blocks``. Nobody else waits for it.

Source: WHATWG HTML, section 9.2, server-sent events.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from starlette.types import Receive, Scope, Send

from hanse.codec.limits import FEED_QUEUE_BLOCKS, FEED_READERS_MAX, INTEGER_MAX
from hanse.errors import Malformed
from hanse.gateway.limits import Counters
from hanse.gateway.problems import FeedFull, WrongMethod
from hanse.gateway.seam import Json, NodeService, to_json

HEARTBEAT_S: Final = 15.0  # seconds between comments on an idle feed; proxies cut after 30 to 60
PATIENCE_S: Final = 1.0  # seconds a reader may take to make room before it loses its oldest block
WRITE_S: Final = 60.0  # seconds without progress after which a reader is dropped
RETRY_MS: Final = 2_000  # milliseconds after which a browser connects again

_START: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Feed:
    """The route ``GET /v1/feed``."""

    def __init__(
        self,
        service: NodeService,
        counters: Counters,
        *,
        readers_max: int = FEED_READERS_MAX,
        heartbeat_s: float = HEARTBEAT_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._service = service
        self._counters = counters
        self._readers_max = readers_max
        self._heartbeat_s = heartbeat_s
        self._patience_s = patience_s
        self._readers: set[Reader] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send blocks until the reader leaves or the gateway stops."""
        if scope["method"] != "GET":
            raise WrongMethod(method=scope["method"], allowed="GET")
        if len(self._readers) >= self._readers_max:
            raise FeedFull(limit=self._readers_max)
        blocks = self._service.feed(_from_height(scope))
        reader = Reader(blocks, heartbeat_s=self._heartbeat_s, patience_s=self._patience_s)
        self._readers.add(reader)
        self._counters.feeds += 1
        try:
            await reader.run(receive, send)
        finally:
            self._readers.discard(reader)
            self._counters.feeds -= 1

    def stop(self) -> None:
        """End every feed; browsers connect again by themselves."""
        for reader in list(self._readers):
            reader.finish()


class Reader:
    """One reader of the feed: a pump fills its queue, the writer empties it."""

    def __init__(
        self, blocks: AsyncIterator[Json], *, heartbeat_s: float, patience_s: float
    ) -> None:
        self._blocks = blocks
        self._heartbeat_s = heartbeat_s
        self._patience_s = patience_s
        self._queue: deque[Json] = deque()
        self._skipped = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False

    async def run(self, receive: Receive, send: Send) -> None:
        """Return when the reader has left, is too slow to take anything, or the feed has ended."""
        await send({"type": "http.response.start", "status": 200, "headers": list(_START)})
        tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._watch(receive))]
        try:
            await self._write(send)
        except TimeoutError:
            return  # nothing was taken for long: the server closes the unfinished response
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    def finish(self) -> None:
        """End the feed after what is queued."""
        self._ended = True
        self._filled.set()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._queue.clear()
        self.finish()

    async def _pump(self) -> None:
        try:
            async for block in self._blocks:
                await self._put(block)
        finally:
            self.finish()

    async def _put(self, block: Json) -> None:
        """Queue a block; the oldest one goes when the reader makes no room for it in time."""
        if len(self._queue) >= FEED_QUEUE_BLOCKS:
            self._room.clear()
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._room.wait()
            except TimeoutError:
                self._queue.popleft()
                self._skipped += 1
        self._queue.append(block)
        self._filled.set()

    async def _write(self, send: Send) -> None:
        text = b"retry: %d\n\n" % RETRY_MS
        while text or not self._ended:
            if text:
                async with asyncio.timeout(WRITE_S):
                    await send({"type": "http.response.body", "body": text, "more_body": True})
            text = await self._next()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next(self) -> bytes:
        """Return what is due: a gap, a block, a heartbeat; nothing when the feed has ended."""
        if not self._queue and not self._ended:
            self._filled.clear()
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    await self._filled.wait()
            except TimeoutError:
                return b": still here\n\n"
        if not self._queue:
            return b""
        if self._skipped:
            text = _event(b"gap", {"skipped": self._skipped})
            self._skipped = 0
            return text
        block = self._queue.popleft()
        self._room.set()
        if "skipped" in block:
            return _event(b"gap", block)
        return b"id: %d\n" % _height(block) + _event(b"block", block)


def _event(name: bytes, data: Json) -> bytes:
    return b"event: " + name + b"\ndata: " + to_json(data) + b"\n\n"


def _height(block: Json) -> int:
    height = block["height"]
    assert isinstance(height, int)
    return height


def _from_height(scope: Scope) -> int | None:
    """Return the first height that the reader wants: after ``Last-Event-ID``, or ``from``."""
    for name, value in scope["headers"]:
        if name == b"last-event-id":
            return _number(value.decode("latin-1"), "Last-Event-ID") + 1
    for pair in scope["query_string"].split(b"&"):
        name, _, value = pair.partition(b"=")
        if name == b"from":
            return _number(value.decode("latin-1"), "?from")
    return None


def _number(text: str, at: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) < INTEGER_MAX):
        raise Malformed(reason="a height is a whole number", at=at)
    return int(text)
