# SPDX-License-Identifier: Apache-2.0
"""The socket on which CometBFT asks: order, flush, large messages, and the end after a failure."""

import asyncio
import stat
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hanse.codec.limits import SOCKET_PATH_BYTES_MAX
from hanse.engines.cometbft import messages as abci
from hanse.engines.cometbft.abci import AbciServer, frame_request, next_frame, parse_response
from hanse.engines.cometbft.application import Application
from hanse.engines.cometbft.errors import SocketUnusable
from hanse.engines.cometbft.parts import ChunkResult, OfferResult, VerifyStatus
from hanse.engines.cometbft.wire import EngineWireInvalid


class Noting(Application):
    """Notes what it is asked; waits or fails when told to."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def insert_tx(self, request: abci.RequestInsertTx) -> abci.ResponseInsertTx:
        await self.gate.wait()
        self.asked.append(request.tx)
        return abci.ResponseInsertTx(len(request.tx) % 32_000)

    async def commit(self, request: abci.RequestCommit) -> abci.ResponseCommit:
        self.asked.append(request)
        raise OSError("the disk is gone")


class Caller:
    """The engine's side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.buffer = bytearray()

    async def answer(self) -> Any:
        while (found := next_frame(self.buffer, 0)) is None:
            data = await asyncio.wait_for(self.reader.read(1 << 20), 10)
            if not data:
                raise ConnectionResetError
            self.buffer += data
        begin, end = found
        response = parse_response(bytes(self.buffer[begin:end]))
        del self.buffer[:end]
        return response

    async def ask(self, *requests: object) -> list[Any]:
        self.writer.write(b"".join(frame_request(request) for request in requests))
        return [await self.answer() for _ in requests]


@asynccontextmanager
async def serving(
    application: Application, path: Path
) -> AsyncIterator[tuple[AbciServer, list[Caller]]]:
    """Give a running server and four connections to it, as CometBFT opens them."""
    server = AbciServer(application, path)
    await server.start()
    callers = [Caller(*await asyncio.open_unix_connection(path)) for _ in range(4)]
    try:
        yield server, callers
    finally:
        for caller in callers:
            caller.writer.close()
        await server.stop()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


def test_answers_come_in_the_order_of_the_requests(path: Path) -> None:
    async def test() -> None:
        async with serving(Noting(), path) as (_, (caller, *_)):
            requests = [abci.RequestInsertTx(b"x" * n) for n in range(1, 200)]
            answers = await caller.ask(*requests, abci.RequestFlush(), abci.RequestEcho("e"))
            assert [a.code for a in answers[:-2]] == list(range(1, 200))
            assert answers[-2:] == [abci.ResponseFlush(), abci.ResponseEcho("e")]

    run(test())


def test_one_connection_does_not_wait_for_another(path: Path) -> None:
    async def test() -> None:
        application = Noting()
        async with serving(application, path) as (server, (mempool, query, *_)):
            application.gate.clear()
            slow = asyncio.create_task(mempool.ask(abci.RequestInsertTx(b"1")))
            assert await query.ask(abci.RequestEcho("quick")) == [abci.ResponseEcho("quick")]
            assert not slow.done()
            assert server.connections == 4
            application.gate.set()
            assert await slow == [abci.ResponseInsertTx(1)]

    run(test())


def test_messages_of_many_megabytes_pass_whole_or_in_pieces(path: Path) -> None:
    async def test() -> None:
        application = Noting()
        async with serving(application, path) as (_, (caller, *_)):
            big = bytes(range(256)) * 4 * 1024 * 8
            frame = frame_request(abci.RequestInsertTx(big)) * 3
            for at in range(0, len(frame), 300_007):
                caller.writer.write(frame[at : at + 300_007])
                await caller.writer.drain()
            assert [(await caller.answer()).code for _ in range(3)] == [len(big) % 32_000] * 3
            assert application.asked == [big] * 3

    run(test())


def test_a_request_of_single_bytes_is_answered(path: Path) -> None:
    async def test() -> None:
        async with serving(Noting(), path) as (_, (caller, *_)):
            for byte in frame_request(abci.RequestInsertTx(b"y" * 300)):
                caller.writer.write(bytes([byte]))
                await caller.writer.drain()
                await asyncio.sleep(0)
            assert await caller.answer() == abci.ResponseInsertTx(300)

    run(test())


def test_after_a_failure_nothing_more_is_asked(path: Path) -> None:
    async def test() -> None:
        application = Noting()
        async with serving(application, path) as (server, (consensus, mempool, *_)):
            [answer] = await consensus.ask(abci.RequestCommit())
            assert answer == abci.ResponseException("OSError: the disk is gone")
            with pytest.raises(OSError, match="the disk is gone"):
                await server.wait()
            with pytest.raises(ConnectionResetError):
                await mempool.ask(abci.RequestInsertTx(b"late"))
            late = Caller(*await asyncio.open_unix_connection(path))
            with pytest.raises(ConnectionError):
                await late.ask(abci.RequestInsertTx(b"later"))
            late.writer.close()
            assert application.asked == [abci.RequestCommit()]

    run(test())


def test_what_is_no_abci_ends_the_server(path: Path) -> None:
    async def test() -> None:
        async with serving(Noting(), path) as (server, (caller, *_)):
            caller.writer.write(b"GET / HTTP/1.1\r\n\r\n" * 10)
            with pytest.raises(EngineWireInvalid):
                await server.wait()

    run(test())


def test_an_engine_that_goes_and_comes_is_no_failure(path: Path) -> None:
    async def test() -> None:
        async with serving(Noting(), path) as (server, callers):
            waiting = asyncio.create_task(server.wait())
            for caller in callers:
                caller.writer.write(frame_request(abci.RequestEcho("half"))[:-1])
                caller.writer.close()
            again = Caller(*await asyncio.open_unix_connection(path))
            assert await again.ask(abci.RequestEcho("back")) == [abci.ResponseEcho("back")]
            again.writer.close()
            assert not waiting.done()
            waiting.cancel()

    run(test())


def test_stopping_cancels_what_is_in_hand_and_removes_the_socket(path: Path) -> None:
    async def test() -> None:
        application = Noting()
        async with serving(application, path) as (server, (caller, *_)):
            application.gate.clear()
            waiting = asyncio.create_task(caller.ask(abci.RequestInsertTx(b"1")))
            await asyncio.sleep(0.05)
            await server.stop()
            with pytest.raises(ConnectionError):
                await waiting
            assert not path.exists()  # noqa: ASYNC240  # a local file, once
            assert application.asked == []

    run(test())


def test_what_hanse_does_not_use_is_answered_without_thought(path: Path) -> None:
    async def test() -> None:
        async with serving(Application(), path) as (_, (caller, *_)):
            answers = await caller.ask(
                abci.RequestQuery(height=3),
                abci.RequestExtendVote(),
                abci.RequestVerifyVoteExtension(),
                abci.RequestVerifyVoteExtension(vote_extension=b"x"),
                abci.RequestListSnapshots(),
                abci.RequestOfferSnapshot(),
                abci.RequestLoadSnapshotChunk(),
                abci.RequestApplySnapshotChunk(),
            )
            assert answers == [
                abci.ResponseQuery(1, "read through the gateway", height=3),
                abci.ResponseExtendVote(),
                abci.ResponseVerifyVoteExtension(VerifyStatus.ACCEPT),
                abci.ResponseVerifyVoteExtension(VerifyStatus.REJECT),
                abci.ResponseListSnapshots(),
                abci.ResponseOfferSnapshot(OfferResult.REJECT),
                abci.ResponseLoadSnapshotChunk(),
                abci.ResponseApplySnapshotChunk(ChunkResult.ABORT),
            ]

    run(test())


def test_the_socket_is_for_the_owner_and_replaces_a_stale_one(path: Path) -> None:
    async def test() -> None:
        async with serving(Noting(), path) as (server, _):
            # a local file, once
            assert stat.S_IMODE(path.stat().st_mode) == 0o600  # noqa: ASYNC240
            assert server.address == f"unix://{path}"
            second = AbciServer(Noting(), path)
            await second.start()  # as after a kill: the old file is there, nobody listens
            await second.stop()

    run(test())


def test_a_path_with_something_else_or_too_long_is_refused(tmp_path: Path) -> None:
    async def start(path: Path) -> None:
        server = AbciServer(Noting(), path)
        await server.start()
        await server.stop()

    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(SocketUnusable, match="something else"):
        run(start(file))
    assert file.read_text() == "mine"
    with pytest.raises(SocketUnusable, match="No such file"):
        run(start(tmp_path / "nowhere" / "s"))
    long = Path("/tmp") / ("x" * (SOCKET_PATH_BYTES_MAX - 4))
    with pytest.raises(SocketUnusable, match="bytes"):
        run(start(long))
