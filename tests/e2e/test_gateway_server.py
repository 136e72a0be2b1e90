# SPDX-License-Identifier: Apache-2.0
"""Start and stop of the server, and what its connections do beside answering."""

import asyncio
import time

import pytest
from gateway_process import GatewayProcess, first_answer, post

from hanse.gateway import AddressTaken, build_app, protocol, serve, start
from hanse.gateway.server import Running

TX = b'{"a":1}'


def _fake_node() -> object:
    from gateway_fakes import FakeNode

    return FakeNode()


async def _exchange(running: Running, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(running.host, running.port)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def _run(body: object) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await body()

    asyncio.run(bounded())


def test_the_gateway_listens_on_loopback_only_and_takes_a_free_port() -> None:
    async def body() -> None:
        running = await start(build_app(_fake_node()), port=0)
        assert running.host == "127.0.0.1"
        assert running.url == f"http://127.0.0.1:{running.port}"
        assert running.port > 0
        await running.stop()

    _run(body)


def test_a_port_in_use_is_an_error_that_the_operator_can_mend() -> None:
    async def body() -> None:
        running = await start(build_app(_fake_node()), port=0)
        with pytest.raises(AddressTaken) as caught:
            await start(build_app(_fake_node()), port=running.port)
        assert caught.value.port == running.port
        await running.stop()

    _run(body)


def test_a_stop_ends_feeds_and_streams_and_lets_requests_finish() -> None:
    async def body() -> None:
        node = _fake_node()
        node.live = asyncio.Queue()
        node.gate = asyncio.Event()
        app = build_app(node)
        running = await start(app, port=0)
        head = b"Host: localhost\r\n"
        feed = asyncio.create_task(
            _exchange(running, b"GET /v1/feed HTTP/1.1\r\n" + head + b"\r\n")
        )
        one = asyncio.create_task(_exchange(running, post("/v1/transactions", TX)))
        stream = asyncio.create_task(
            _exchange(
                running,
                b"POST /v1/transactions/stream HTTP/1.1\r\n"
                + head
                + b"Transfer-Encoding: chunked\r\n\r\n8\r\n"
                + TX
                + b"\n\r\n",
            )
        )
        await node.until(lambda: node.in_flight == 2 and bool(node.asked))
        stop = asyncio.create_task(running.stop())
        await asyncio.sleep(0)
        node.gate.set()
        await stop
        assert (await feed).endswith(b"0\r\n\r\n")
        assert first_answer(await one).status == 200
        streamed = await stream
        assert b'"status":"ok"' in streamed
        assert streamed.endswith(b"0\r\n\r\n")

    _run(body)


def test_serve_runs_until_it_is_told_to_stop() -> None:
    async def body() -> None:
        stop = asyncio.Event()
        seen: list[str] = []

        def ready(running: Running) -> None:
            seen.append(running.url)
            stop.set()

        await serve(build_app(_fake_node()), port=0, ready=ready, stop=stop)
        assert len(seen) == 1

    _run(body)


def test_a_caller_that_ends_its_sending_side_still_has_its_answer() -> None:
    async def body() -> None:
        node = _fake_node()
        node.gate = asyncio.Event()
        running = await start(build_app(node), port=0)
        reader, writer = await asyncio.open_connection(running.host, running.port)
        writer.write(post("/v1/transactions", TX).replace(b"Connection: close\r\n", b""))
        writer.write_eof()
        await node.until(lambda: node.in_flight == 1)
        for _ in range(20):
            await asyncio.sleep(0.001)  # the end of the sending side leaves no other trace
        node.gate.set()
        assert first_answer(await reader.read()).status == 200
        writer.close()
        await writer.wait_closed()
        await running.stop()

    _run(body)


def test_one_connection_too_many_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol.GuardedProtocol, "connections_max", 3)

    async def body() -> None:
        running = await start(build_app(_fake_node()), port=0)
        idle = [await asyncio.open_connection(running.host, running.port) for _ in range(3)]
        await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(running.host, running.port)
        answer = first_answer(await reader.read())
        assert answer.status == 503
        assert b'"code":"too_many_connections"' in answer.body
        for _, open_writer in [*idle, (reader, writer)]:
            open_writer.close()
            await open_writer.wait_closed()
        await running.stop()

    _run(body)


def test_an_idle_or_trickling_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.05)

    async def body() -> None:
        running = await start(build_app(_fake_node()), port=0)
        for sent, said in ((b"", b""), (b"\r\n", b"HTTP/1.1 408"), (b"GET / HT", b"HTTP/1.1 408")):
            assert (await _exchange(running, sent)).startswith(said)
        await running.stop()

    _run(body)


def test_small_answers_on_one_connection_do_not_wait_for_acknowledgements() -> None:
    gateway = GatewayProcess(node="instant")
    request = post("/v1/transactions", TX).replace(b"Connection: close\r\n", b"")
    with gateway.connect() as line:
        began = time.perf_counter()
        for _ in range(50):
            line.sendall(request)
            answer = b""
            while not answer.endswith(b'"}'):
                answer += line.recv(65_536)
        took = time.perf_counter() - began
    assert gateway.close() == 0
    assert took < 1.0, "40 ms each: the server's sockets delay small packets"
