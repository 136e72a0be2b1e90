# SPDX-License-Identifier: Apache-2.0
"""The stream: every line answered in its place, whatever the pieces; bounded when nobody reads."""

import asyncio
import hashlib

import pytest
from gateway_fakes import Call, FakeNode, ask

from hanse.codec.base64url import to_text
from hanse.codec.limits import TX_BYTES_MAX
from hanse.errors import Malformed
from hanse.gateway import build_app, transactions
from hanse.gateway.transactions import Window

STREAM = "/v1/transactions/stream"


def _lines(count: int) -> list[bytes]:
    return [b'{"n":%d}' % n for n in range(count)]


def _ids(lines: list[bytes]) -> list[str]:
    return [to_text(hashlib.sha256(line).digest()) for line in lines]


@pytest.mark.parametrize("size", [1, 7, 8, 1000, 70_000])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_lines_are_answered_in_order_however_they_are_cut(size: int, end: bytes) -> None:
    lines = _lines(700)
    data = b"\n".join(lines) + end
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    got = ask(build_app(FakeNode()), "POST", STREAM, pieces=pieces, declare=False)
    assert got.headers["content-type"] == "application/x-ndjson"
    answers = got.body.splitlines()
    assert [line.rpartition(b':"')[2].rstrip(b'"}').decode() for line in answers] == _ids(lines)


def test_an_empty_stream_has_an_empty_answer() -> None:
    assert ask(build_app(FakeNode()), "POST", STREAM).body == b""


def test_a_bad_line_is_answered_in_its_place_and_the_rest_goes_on() -> None:
    data = [b'{"n":1}\n', b"\n", b'{"n":2,}\n{"n":3}\n']
    got = ask(build_app(FakeNode()), "POST", STREAM, pieces=data, declare=False)
    assert [b'"type"' in line for line in got.body.splitlines()] == [False, True, True, False]


def test_an_overlong_line_is_refused_and_does_not_stay_in_memory() -> None:
    node = FakeNode()
    long = [b"0" * 100_000] * 30
    got = ask(build_app(node), "POST", STREAM, pieces=[*long, b'\n{"n":1}\n'], declare=False)
    first, second = got.body.splitlines()
    assert b'"code":"too_large"' in first
    assert b'"actual":%d' % (TX_BYTES_MAX + 1) in first
    assert b'"status":"ok"' in second


def test_an_error_of_the_node_answers_each_line_of_its_group() -> None:
    node = FakeNode()
    node.failure = Malformed(reason="not now")
    got = ask(build_app(node), "POST", STREAM, pieces=[b"{}\n{}\n"], declare=False)
    assert [b'"reason":"not now"' in line for line in got.body.splitlines()] == [True, True]


def test_reading_stops_at_the_bound_until_answers_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transactions, "STREAM_TXS_MAX", 1_000)

    async def run() -> None:
        node = FakeNode()
        node.gate = asyncio.Event()
        lines = _lines(5_000)
        pieces = [b"\n".join(lines[i : i + 100]) + b"\n" for i in range(0, 5_000, 100)]
        call = Call("POST", STREAM, pieces=pieces, declare=False)
        task = asyncio.create_task(call.run(build_app(node)))
        for _ in range(500):
            await asyncio.sleep(0)
        assert node.in_flight == 1_000
        node.gate.set()
        got = await asyncio.wait_for(task, 20)
        assert len(got.body.splitlines()) == 5_000
        assert node.in_flight_max <= 1_000

    asyncio.run(run())


def test_streams_share_a_bound_and_each_is_served() -> None:
    async def run() -> None:
        node = FakeNode()
        node.gate = asyncio.Event()
        app = build_app(node)
        data = b"\n".join(_lines(4_000)) + b"\n"
        calls = [Call("POST", STREAM, pieces=[data], declare=False) for _ in range(4)]
        tasks = [asyncio.create_task(call.run(app)) for call in calls]
        for _ in range(500):
            await asyncio.sleep(0)
        assert node.in_flight == transactions.STREAMS_TXS_MAX
        node.gate.set()
        for got in await asyncio.wait_for(asyncio.gather(*tasks), 20):
            assert len(got.body.splitlines()) == 4_000

    asyncio.run(run())


def test_a_stopping_gateway_answers_what_it_took_and_ends_the_stream() -> None:
    async def run() -> bytes:
        node = FakeNode()
        app = build_app(node)
        pieces: list[bytes] = [b'{"n":1}\n{"n":2}\n']
        sent: list[dict] = []

        async def receive() -> dict:
            if pieces:
                return {"type": "http.request", "body": pieces.pop(), "more_body": True}
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict) -> None:
            sent.append(message)
            if b'"status":"ok"' in message.get("body", b""):
                app.stop()

        scope = {
            "type": "http",
            "method": "POST",
            "path": STREAM,
            "headers": [(b"host", b"localhost"), (b"transfer-encoding", b"chunked")],
            "client": ("192.0.2.1", 1),
        }
        await asyncio.wait_for(app(scope, receive, send), 5)
        assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
        return b"".join(m.get("body", b"") for m in sent)

    assert asyncio.run(run()).count(b"\n") == 2


def test_a_window_serves_in_order_and_forgets_who_gave_up() -> None:
    async def run() -> list[str]:
        window = Window(10)
        done: list[str] = []

        async def want(name: str, count: int) -> None:
            await window.take(count)
            done.append(name)

        await window.take(8)
        big = asyncio.create_task(want("big", 5))
        small = asyncio.create_task(want("small", 1))
        await asyncio.sleep(0)
        assert done == []  # small waits behind big
        big.cancel()
        await asyncio.gather(big, return_exceptions=True)
        await small
        window.give(8)
        await want("all", 9)
        return done

    assert asyncio.run(run()) == ["small", "all"]
