# SPDX-License-Identifier: Apache-2.0
"""The feed: in order, resumed where it broke off, bounded for readers that do not read."""

import asyncio
from typing import Any

import pytest
from gateway_fakes import FakeNode

from hanse.codec.limits import FEED_QUEUE_BLOCKS
from hanse.gateway.feed import Feed
from hanse.gateway.limits import Counters


class Listener:
    """A reader of the feed whose socket can be stopped and opened."""

    def __init__(self, query: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.scope = {"method": "GET", "headers": list(headers), "query_string": query}
        self.messages: list[dict] = []
        self.open = asyncio.Event()
        self.open.set()
        self.left = asyncio.Event()
        self.changed = asyncio.Event()

    async def receive(self) -> dict:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict) -> None:
        await self.open.wait()
        self.messages.append(message)
        self.changed.set()

    @property
    def text(self) -> str:
        return b"".join(m.get("body", b"") for m in self.messages).decode()

    async def until(self, part: str) -> None:
        async with asyncio.timeout(5):
            while part not in self.text:
                self.changed.clear()
                await self.changed.wait()


def _feed(node: FakeNode, **settings: Any) -> Feed:
    return Feed(node, Counters(), **settings)


def _blocks(first: int, last: int) -> list[dict[str, object]]:
    return [{"height": n, "transactions": []} for n in range(first, last + 1)]


def test_blocks_arrive_in_order_each_with_its_height_as_id() -> None:
    async def run() -> str:
        node = FakeNode()
        node.blocks_to_feed = _blocks(3, 200)
        listener = Listener()
        await _feed(node)(listener.scope, listener.receive, listener.send)
        assert listener.messages[0]["status"] == 200
        assert listener.messages[-1]["more_body"] is False
        return listener.text

    text = asyncio.run(run())
    assert "event: gap" not in text
    ids = [int(line[4:]) for line in text.splitlines() if line.startswith("id: ")]
    assert ids == list(range(3, 201))
    assert 'id: 3\nevent: block\ndata: {"height":3,"transactions":[]}\n\n' in text


@pytest.mark.parametrize(
    ("query", "headers", "first"),
    [
        (b"", (), None),
        (b"from=5", (), 5),
        (b"from=5", ((b"last-event-id", b"9"),), 10),
    ],
)
def test_a_reader_says_where_it_goes_on(
    query: bytes, headers: tuple[tuple[bytes, bytes], ...], first: int | None
) -> None:
    async def run() -> list[object]:
        node = FakeNode()
        listener = Listener(query, headers)
        await _feed(node)(listener.scope, listener.receive, listener.send)
        return node.asked

    assert asyncio.run(run()) == [("feed", first)]


def test_a_slow_reader_loses_the_oldest_and_is_told_how_many() -> None:
    async def run() -> str:
        node = FakeNode()
        node.live = asyncio.Queue(1)  # so that the last block is taken only after all others
        listener = Listener()
        feed = _feed(node, patience_s=0.01)
        task = asyncio.create_task(feed(listener.scope, listener.receive, listener.send))
        await listener.until("retry:")
        listener.open.clear()
        for block in _blocks(1, FEED_QUEUE_BLOCKS + 12):
            await asyncio.wait_for(node.live.put(block), 5)
        listener.open.set()
        await listener.until(f"id: {FEED_QUEUE_BLOCKS + 12}\n")
        listener.left.set()
        await task
        return listener.text

    text = asyncio.run(run())
    ids = [int(line[4:]) for line in text.splitlines() if line.startswith("id: ")]
    gaps = [line for line in text.splitlines() if line.startswith('data: {"skipped"')]
    skipped = sum(int(line.partition(":")[2].strip("} ").rpartition(":")[2]) for line in gaps)
    assert gaps
    assert "event: gap\n" in text
    assert len(ids) + skipped == FEED_QUEUE_BLOCKS + 12
    assert ids == sorted(ids)


def test_an_idle_feed_sends_a_heartbeat_and_ends_when_its_reader_leaves() -> None:
    async def run() -> None:
        node = FakeNode()
        node.live = asyncio.Queue()
        counters = Counters()
        feed = Feed(node, counters, heartbeat_s=0.01)
        listener = Listener()
        task = asyncio.create_task(feed(listener.scope, listener.receive, listener.send))
        await listener.until(": still here\n\n")
        assert counters.feeds == 1
        listener.left.set()
        await asyncio.wait_for(task, 5)
        assert counters.feeds == 0

    asyncio.run(run())


def test_one_reader_too_many_is_told_that_the_feed_is_full() -> None:
    from hanse.gateway.problems import FeedFull

    async def run() -> None:
        node = FakeNode()
        node.live = asyncio.Queue()
        feed = _feed(node, readers_max=2)
        listeners = [Listener() for _ in range(3)]
        tasks = [
            asyncio.create_task(feed(one.scope, one.receive, one.send)) for one in listeners[:2]
        ]
        for one in listeners[:2]:
            await one.until("retry:")
        with pytest.raises(FeedFull) as caught:
            await feed(listeners[2].scope, listeners[2].receive, listeners[2].send)
        assert caught.value.status == 503
        feed.stop()
        await asyncio.gather(*tasks)
        assert all(one.messages[-1]["more_body"] is False for one in listeners[:2])

    asyncio.run(run())


def test_a_fault_of_the_nodes_feed_is_not_swallowed() -> None:
    async def run() -> None:
        node = FakeNode()
        node.failure = RuntimeError("broken")
        listener = Listener()
        with pytest.raises(RuntimeError, match="broken"):
            await _feed(node)(listener.scope, listener.receive, listener.send)

    asyncio.run(run())
