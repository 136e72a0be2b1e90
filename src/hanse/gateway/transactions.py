# SPDX-License-Identifier: Apache-2.0
"""The hot routes, as plain ASGI: one transaction, a batch, a stream.

A framework's streaming response loses lines when a request is read while it is answered; these
routes do not, because reader and writer are two tasks with a bounded queue between them, and the
reader stops at the bound: the caller's socket then fills up, which is the back-pressure.
"""

import asyncio
from collections import deque
from typing import Final

from starlette.types import Receive, Scope, Send

from hanse.codec.limits import BATCH_TXS_MAX, PENDING_TXS_MAX, SUBMISSION_TXS_MAX, TX_BYTES_MAX
from hanse.codec.problems import problem_bytes
from hanse.errors import HanseError, Malformed, TooLarge
from hanse.gateway.limits import Counters, read_body
from hanse.gateway.problems import MEDIA_TYPE, WrongMethod
from hanse.gateway.seam import NodeService

STREAM_TXS_MAX: Final = 4_000  # transactions of one stream that are not answered yet
STREAMS_TXS_MAX: Final = (
    PENDING_TXS_MAX // 2
)  # the same of all streams; batches have the other half
WRITE_S: Final = 60  # seconds a caller may leave its answers unread before the stream is cut

_JSON: Final = (b"content-type", b"application/json")
_PROBLEM: Final = (b"content-type", MEDIA_TYPE.encode())
_NDJSON: Final = (b"content-type", b"application/x-ndjson")
_RETRY: Final = (b"retry-after", b"1")


class Window:
    """A bound on what is in flight; who waits is served in order of arrival."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, count: int) -> None:
        """Return once ``count`` places, at most the window's size, are taken for the caller."""
        if not self._waiting and count <= self._free:
            self._free -= count
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((count, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(count)
            else:
                self._waiting.remove((count, turn))
                self._serve()
            raise

    def give(self, count: int) -> None:
        """Return ``count`` places to the window."""
        self._free += count
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            count, turn = self._waiting[0]
            if turn.cancelled():
                return  # its own task removes it, and serves the next
            self._waiting.popleft()
            self._free -= count
            turn.set_result(None)


class Transactions:
    """The three routes under ``/v1/transactions``."""

    def __init__(self, service: NodeService, counters: Counters) -> None:
        self._service = service
        self._counters = counters
        self._window = Window(STREAMS_TXS_MAX)
        self._streams: set[Stream] = set()

    async def one(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one signed transaction with its receipt, or with the problem of its admission."""
        _require_post(scope)
        raw = await read_body(receive)
        (answer,) = await self._service.submit([raw])
        headers = [_JSON if answer.ok else _PROBLEM]
        if answer.status == 429:
            headers.append(_RETRY)
        await _send(send, answer.status, headers, answer.body)

    async def batch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer line i of the body with line i: a receipt or a problem."""
        _require_post(scope)
        lines = (await read_body(receive)).split(b"\n")
        if not lines[-1]:
            lines.pop()
        if not lines:
            raise Malformed(reason="a batch has at least one line")
        if len(lines) > BATCH_TXS_MAX:
            raise TooLarge(what="lines of a batch", limit=BATCH_TXS_MAX, actual=len(lines))
        answers = await self._service.submit(lines)
        assert len(answers) == len(lines)
        content = b"\n".join([answer.body for answer in answers]) + b"\n"
        await _send(send, 200, [_NDJSON], content)

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer every line, in order, for as long as the caller sends; nothing is lost."""
        _require_post(scope)
        stream = Stream(self._service, self._window, receive, send)
        self._streams.add(stream)
        self._counters.streams += 1
        try:
            await stream.run()
        finally:
            self._streams.discard(stream)
            self._counters.streams -= 1

    def stop(self) -> None:
        """End every stream: lines already taken are answered, no more are read."""
        for stream in list(self._streams):
            stream.finish()


class Stream:
    """One open stream: a reader submits groups of lines, a writer answers them in order."""

    def __init__(self, service: NodeService, shared: Window, receive: Receive, send: Send) -> None:
        self._service = service
        self._shared = shared
        self._own = Window(STREAM_TXS_MAX)
        self._receive = receive
        self._send = send
        self._answers: asyncio.Queue[tuple[int, asyncio.Task[bytes]] | None] = asyncio.Queue()
        self._rest = bytearray()
        self._reader: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Return when the caller has sent its last line and has had every answer, or has left."""
        headers = [_NDJSON, (b"connection", b"close")]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        self._reader = asyncio.create_task(self._read())
        try:
            await self._write()
        except TimeoutError:
            return  # answers stay unread: the server closes the unfinished response
        finally:
            self._reader.cancel()
            await asyncio.gather(self._reader, *self._left(), return_exceptions=True)

    def finish(self) -> None:
        """Stop reading; the writer ends after the answers of what was read."""
        if self._reader is not None:
            self._reader.cancel()

    async def _read(self) -> None:
        try:
            more = True
            while more:
                message = await self._receive()
                if message["type"] != "http.request":
                    return
                more = message.get("more_body", False)
                lines = self._split(message.get("body", b""), last=not more)
                for start in range(0, len(lines), SUBMISSION_TXS_MAX):
                    await self._start(lines[start : start + SUBMISSION_TXS_MAX])
        except HanseError:
            return  # silence for too long: the stream ends cleanly after its answers
        finally:
            self._answers.put_nowait(None)

    def _split(self, data: bytes, *, last: bool) -> list[bytes]:
        """Return the lines that ``data`` completes; admission refuses an overlong one."""
        *whole, rest = data.split(b"\n")
        if whole and self._rest:
            self._keep(whole[0])
            whole[0] = bytes(self._rest)
            self._rest.clear()
        self._keep(rest)
        if last and self._rest:
            whole.append(bytes(self._rest))
            self._rest.clear()
        return whole

    def _keep(self, piece: bytes) -> None:
        """Append to the unfinished line; one byte too many is enough to have it refused."""
        self._rest += piece[: TX_BYTES_MAX + 1 - len(self._rest)]

    async def _start(self, lines: list[bytes]) -> None:
        count = len(lines)
        await self._own.take(count)
        await self._shared.take(count)
        self._answers.put_nowait((count, asyncio.create_task(self._submit(lines))))

    async def _submit(self, lines: list[bytes]) -> bytes:
        try:
            answers = await self._service.submit(lines)
            assert len(answers) == len(lines)
            bodies = [answer.body for answer in answers]
        except HanseError as error:
            bodies = [problem_bytes(error)] * len(lines)
        finally:
            self._shared.give(len(lines))
        return b"\n".join(bodies) + b"\n"

    async def _write(self) -> None:
        while (item := await self._answers.get()) is not None:
            count, task = item
            body = await task
            async with asyncio.timeout(WRITE_S):
                await self._send({"type": "http.response.body", "body": body, "more_body": True})
            self._own.give(count)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _left(self) -> list[asyncio.Task[bytes]]:
        """Return the submissions that nobody waits for any more; they still run to their end."""
        left: list[asyncio.Task[bytes]] = []
        while not self._answers.empty():
            item = self._answers.get_nowait()
            if item is not None:
                left.append(item[1])
        return left


def _require_post(scope: Scope) -> None:
    if scope["method"] != "POST":
        raise WrongMethod(method=scope["method"], allowed="POST")


async def _send(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], content: bytes
) -> None:
    length = (b"content-length", b"%d" % len(content))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": content})
