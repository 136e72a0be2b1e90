# SPDX-License-Identifier: Apache-2.0
"""The asynchronous client runs the same steps, many at once, against one common history."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from client_fakes import START_MS, FakeGateway, FakeLedger, problem, signer_of

from hanse.client import AsyncClient, HistoryRewritten, NotReachable, VerifiedReceipt
from hanse.client._feed import FeedParser
from hanse.client._http import AnswerInvalid, Request, Response
from hanse.client.aio import STREAM_WINDOW
from hanse.client.bulk import Drafter, encode_args
from hanse.codec.base64url import to_text
from hanse.errors import Corrupt, ProofInvalid, Refusal


class AsyncGateway:
    """The fake gateway for asyncio; every exchange gives others the turn."""

    def __init__(self, ledger: FakeLedger) -> None:
        self.inner = FakeGateway(ledger)
        self.ledger = ledger
        self.cut_after = 10**9
        self.lines_per_chunk = 7

    async def exchange(self, request: Request) -> Response:
        await asyncio.sleep(0)
        response = self.inner.exchange(request)
        await asyncio.sleep(0)
        return response

    async def stream(self, path: str, last_event_id: str) -> AsyncIterator[bytes]:
        for chunk in self.inner.stream(path, last_event_id):
            yield chunk

    async def duplex(self, path: str, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        waiting: list[bytes] = []
        count = 0
        async for line in body:
            waiting.append(line.removesuffix(b"\n"))
            count += 1
            if count > self.cut_after:
                return
            if len(waiting) == self.lines_per_chunk:
                yield b"\n".join(self.ledger.submit(waiting)) + b"\n"
                waiting = []
        if waiting:
            text = b"\n".join(self.ledger.submit(waiting)) + b"\n"
            yield text[:40]
            yield text[40:]

    async def close(self) -> None:
        return


def open_client(gateway: AsyncGateway) -> AsyncClient:
    return AsyncClient(
        transport=gateway,
        trust=gateway.ledger.genesis.ledger,
        member="alice@acme",
        signer=signer_of("alice"),
        now_ms=lambda: START_MS,
    )


def drafts_for(gateway: AsyncGateway, count: int) -> list:
    drafter = Drafter(gateway.ledger.genesis, "alice@acme", "k1", signer_of("alice"))
    return [
        drafter.draft(("book", "put"), encode_args({"key": f"L{n}", "value": n}), 90, START_MS)
        for n in range(count)
    ]


def test_many_submissions_at_once_are_all_proved() -> None:
    async def main() -> None:
        async with open_client(AsyncGateway(FakeLedger())) as client:
            asked = [client.submit("book", "put", {"key": f"L{n}", "value": n}) for n in range(30)]
            receipts = await asyncio.gather(*asked)
            assert sorted(receipt.height for receipt in receipts) == list(range(1, 31))
            assert (await client.state("book", "lots", "L7")).value == 7

    asyncio.run(main())


def test_a_stream_answers_every_draft_in_order() -> None:
    async def main() -> None:
        gateway = AsyncGateway(FakeLedger())
        client = open_client(gateway)
        drafts = drafts_for(gateway, 40)
        pairs = [pair async for pair in client.stream(drafts)]
        assert [made for made, _ in pairs] == drafts
        assert all(isinstance(outcome, VerifiedReceipt) for _, outcome in pairs)
        assert [outcome.result["value"] for _, outcome in pairs] == list(range(40))

    asyncio.run(main())


def test_a_stream_keeps_a_bounded_number_of_drafts_on_their_way() -> None:
    async def main() -> None:
        gateway = AsyncGateway(FakeLedger())
        gateway.lines_per_chunk = 500
        client = open_client(gateway)
        drafts = drafts_for(gateway, STREAM_WINDOW + 1_000)
        count = 0
        async for _ in client.stream(iter(drafts)):
            count += 1
        assert count == len(drafts)

    asyncio.run(main())


def test_a_stream_that_ends_too_early_says_so() -> None:
    async def main() -> None:
        gateway = AsyncGateway(FakeLedger())
        gateway.cut_after = 20
        done: list[object] = []

        async def collect() -> None:
            async for pair in open_client(gateway).stream(drafts_for(gateway, 40)):
                done.append(pair)

        with pytest.raises(NotReachable, match="too early"):
            await collect()
        assert len(done) == 14

    asyncio.run(main())


def test_answers_of_two_histories_at_once_are_refused() -> None:
    """Each fork alone extends what was seen; only together are they a lie."""

    async def main() -> None:
        ledger = FakeLedger()
        client = open_client(AsyncGateway(ledger))
        await client.header(0)
        forks = [FakeLedger(ledger.genesis.raw) for _ in range(2)]
        for n, fork in enumerate(forks):
            fork.put("book", "lots", "L", n)
            fork.close_block([])
        gateways = [AsyncGateway(fork) for fork in forks]
        steps = [client.session.header(1) for _ in forks]

        async def run(gateway: AsyncGateway, step) -> None:
            request = next(step)
            try:
                while True:
                    request = step.send(await gateway.exchange(request))
            except StopIteration:
                return

        await asyncio.gather(*map(run, gateways, steps))

    with pytest.raises(HistoryRewritten):
        asyncio.run(main())


def block_event(ledger: FakeLedger, height: int) -> bytes:
    block = ledger.blocks[height]
    data = {
        "block_id": to_text(ledger.block_id(height)),
        "height": height,
        "time_ms": 1,
        "transactions": [{"sentence": "a lot"} for _ in block.records],
    }
    text = json.dumps(data, separators=(",", ":"), sort_keys=True)
    return f"id: {height}\nevent: block\ndata: {text}\n\n".encode()


def test_the_feed_gives_proved_blocks_and_resumes() -> None:
    async def main() -> None:
        gateway = AsyncGateway(FakeLedger())
        client = open_client(gateway)
        for n in range(3):
            await client.submit("book", "put", {"key": f"L{n}", "value": n}, cost_max=90)
        text = b": hello\n\n" + b"".join(block_event(gateway.ledger, h) for h in (1, 2, 3))
        text += b'event: gap\ndata: {"skipped":4}\n\n'
        gateway.inner.feed_chunks = [text[i : i + 50] for i in range(0, len(text), 50)]
        events = []

        async def collect() -> None:
            async for event in client.feed(1):
                events.append((event.kind, event.height))

        with pytest.raises(NotReachable):
            await collect()
        assert events == [("block", 1), ("block", 2), ("block", 3), ("gap", None)]
        assert gateway.inner.requests[-1].path == "/v1/feed?from=1#3"

    asyncio.run(main())


@pytest.mark.parametrize("change", [
    (b'"transactions":[{', b'"transactions":[{},{'), (b'"height":1', b'"height":0'),
    (b'"transactions":', b'"t":'), (b'"block_id":"', b'"block_id":"A'),
])  # fmt: skip
def test_a_feed_that_does_not_match_the_log_is_refused(change: tuple[bytes, bytes]) -> None:
    async def main() -> None:
        gateway = AsyncGateway(FakeLedger())
        client = open_client(gateway)
        await client.submit("book", "put", {"key": "L", "value": 1}, cost_max=90)
        gateway.inner.feed_chunks = [block_event(gateway.ledger, 1).replace(*change)]
        async for _ in client.feed():
            raise AssertionError("nothing may come through")

    with pytest.raises(Corrupt):
        asyncio.run(main())


def test_a_feed_of_rubbish_is_refused() -> None:
    with pytest.raises(AnswerInvalid):
        FeedParser().feed(b"data: no json\n\n")
    with pytest.raises(AnswerInvalid, match="does not end"):
        FeedParser().feed(b"data: " + b"x" * 3_000_000)
    assert FeedParser().feed(b": heartbeat\r\n\r\n") == []


@pytest.mark.parametrize("status", [400, 409, 429])
def test_a_problem_is_the_refusal_that_it_describes(status: int) -> None:
    async def main() -> None:
        gateway = AsyncGateway(FakeLedger())
        client = open_client(gateway)
        await client.genesis()
        gateway.inner.lie = lambda q, r: Response(
            status, "application/problem+json", problem("busy", status, limit=3)
        )
        await client.submit("book", "put", {}, cost_max=9)

    with pytest.raises(Refusal) as caught:
        asyncio.run(main())
    assert caught.value.refusal == "busy"
    assert caught.value.detail == {"limit": 3}


def test_a_proof_that_fails_is_not_retried_into_truth() -> None:
    async def main() -> None:
        gateway = AsyncGateway(FakeLedger())
        client = open_client(gateway)
        first = await client.submit("book", "put", {"key": "L", "value": 1}, cost_max=90)
        gateway.inner.lie = lambda q, r: (
            Response(200, "", first.raw) if q.path == "/v1/transactions" else r
        )
        with pytest.raises(ProofInvalid):
            await client.submit("book", "put", {"key": "M", "value": 1}, cost_max=90)
        assert gateway.inner.count("/v1/transactions") == 2

    asyncio.run(main())
