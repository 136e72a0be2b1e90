# SPDX-License-Identifier: Apache-2.0
"""The socket on which CometBFT asks: requests of a connection are answered in their order.

A frame is a length as a varint and a message, ``Request`` or ``Response``, of which exactly one
choice is set. Answers wait until the engine says ``Flush``, or until no further request is there.
"""

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from hanse.codec.limits import ENGINE_FRAME_BYTES_MAX, SOCKET_PATH_BYTES_MAX
from hanse.engines.cometbft.application import Application
from hanse.engines.cometbft.errors import SocketUnusable
from hanse.engines.cometbft.messages import (
    CALLS,
    EXCEPTION_NUMBER,
    RequestFlush,
    ResponseException,
)
from hanse.engines.cometbft.wire import (
    SIZED,
    VARINT_BYTES_MAX,
    EngineWireInvalid,
    decode,
    decode_varint,
    encode,
    encode_varint,
)

READ_BYTES: Final = 1024 * 1024  # bytes read at once; the answers wait for their drain before more

_REQUESTS: Final = {number: (kind, name) for number, kind, name, _, _ in CALLS}
_REQUEST_NUMBERS: Final = {kind: number for number, kind, _, _, _ in CALLS}
_RESPONSES: Final = {number: kind for _, _, _, kind, number in CALLS} | {
    EXCEPTION_NUMBER: ResponseException
}
_RESPONSE_NUMBERS: Final = {kind: number for number, kind in _RESPONSES.items()}


class AbciServer:
    """Serves one application on a unix socket for its owner only, until a call fails."""

    def __init__(self, application: Application, path: Path) -> None:
        """Serve ``application`` at ``path`` once :meth:`start` is called."""
        self._calls: dict[type, Callable[[Any], Awaitable[Any]]] = {
            kind: getattr(application, name) for _, kind, name, _, _ in CALLS
        }
        self._path = path
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] | None = None

    @property
    def address(self) -> str:
        """The address as the engine's configuration wants it."""
        return f"unix://{self._path}"

    @property
    def connections(self) -> int:
        """How many connections are open; a running engine has four."""
        return len(self._connections)

    async def start(self) -> None:
        """Listen; a socket that an earlier run left is replaced.

        Raises:
            SocketUnusable: the path is too long, taken by something else, or may not be written.
        """
        if len(os.fsencode(self._path)) > SOCKET_PATH_BYTES_MAX:
            raise SocketUnusable(str(self._path), f"more than {SOCKET_PATH_BYTES_MAX} bytes")
        try:
            with suppress(FileNotFoundError):
                if not stat.S_ISSOCK(self._path.lstat().st_mode):
                    raise SocketUnusable(str(self._path), "something else is there")
                self._path.unlink()
            self._failed = asyncio.get_running_loop().create_future()
            self._server = await asyncio.start_unix_server(
                self._connected, self._path, limit=READ_BYTES
            )
            self._path.chmod(0o600)  # its folder is closed to others as well
        except OSError as error:
            raise SocketUnusable(str(self._path), error.strerror or str(error)) from None

    async def stop(self) -> None:
        """Close every connection and the socket; a call in hand is cancelled."""
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)
        if self._failed is not None and self._failed.done() and not self._failed.cancelled():
            self._failed.exception()  # seen, whether or not somebody waited

    async def wait(self) -> None:
        """Return never; raise what a call raised, or what was wrong on the wire.

        An engine that goes away and comes back is no failure.
        """
        assert self._failed is not None, "not started"
        await asyncio.shield(self._failed)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a connection until it ends or a call fails."""
        assert self._failed is not None
        waiting: list[bytes] = []
        try:
            with suppress(ConnectionError):
                await self._answer(reader, writer, waiting)
        except Exception as error:  # noqa: BLE001 - the outermost loop: the node is told
            if not self._failed.done():
                self._failed.set_exception(error)
            waiting.append(frame_response(ResponseException(f"{type(error).__name__}: {error}")))
            with suppress(ConnectionError):
                writer.write(b"".join(waiting))
                await writer.drain()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: list[bytes]
    ) -> None:
        assert self._failed is not None
        buffer = bytearray()
        while data := await reader.read(READ_BYTES):
            buffer += data
            at = 0
            while (found := next_frame(buffer, at)) is not None:
                begin, at = found
                request = parse_request(bytes(memoryview(buffer)[begin:at]))
                if self._failed.done():
                    return  # after a failure nothing is asked of the application
                waiting.append(frame_response(await self._calls[type(request)](request)))
                if isinstance(request, RequestFlush):
                    await self._send(writer, waiting)
            del buffer[:at]
            await self._send(writer, waiting)

    async def _send(self, writer: asyncio.StreamWriter, waiting: list[bytes]) -> None:
        if waiting:
            writer.write(b"".join(waiting))
            waiting.clear()
            await writer.drain()


def next_frame(buffer: bytearray, at: int) -> tuple[int, int] | None:
    """Return where the message at this place begins and ends, once all of it is there.

    Raises:
        EngineWireInvalid: its length is no number or above ``ENGINE_FRAME_BYTES_MAX``.
    """
    for place in range(at, min(at + VARINT_BYTES_MAX, len(buffer))):
        if buffer[place] < 0x80:
            break
    else:
        if len(buffer) - at < VARINT_BYTES_MAX:
            return None
    size, begin = decode_varint(buffer, at)
    if size > ENGINE_FRAME_BYTES_MAX:
        raise EngineWireInvalid(f"a message of {size} bytes; at most {ENGINE_FRAME_BYTES_MAX}")
    return (begin, begin + size) if begin + size <= len(buffer) else None


def parse_request(data: bytes) -> object:
    """Return the request of an envelope.

    Raises:
        EngineWireInvalid: the envelope is broken, or its choice is none of ABCI 2.0.
    """
    number, payload = _choice(data)
    if number not in _REQUESTS:
        raise EngineWireInvalid(f"request {number} is none of ABCI 2.0")
    return decode(_REQUESTS[number][0], payload)


def parse_response(data: bytes) -> object:
    """Return the response of an envelope; the other side's half of :func:`parse_request`.

    Raises:
        EngineWireInvalid: as for a request.
    """
    number, payload = _choice(data)
    if number not in _RESPONSES:
        raise EngineWireInvalid(f"response {number} is none of ABCI 2.0")
    return decode(_RESPONSES[number], payload)


def frame_request(request: object) -> bytes:
    """Return the request as it goes over the socket."""
    return _frame(_REQUEST_NUMBERS[type(request)], encode(request))


def frame_response(response: object) -> bytes:
    """Return the response as it goes over the socket."""
    return _frame(_RESPONSE_NUMBERS[cast("type", type(response))], encode(response))


def _frame(number: int, payload: bytes) -> bytes:
    head = encode_varint(number << 3 | SIZED) + encode_varint(len(payload))
    return b"".join((encode_varint(len(head) + len(payload)), head, payload))


def _choice(data: bytes) -> tuple[int, memoryview]:
    """Return number and bytes of the one choice that an envelope holds."""
    tag, at = decode_varint(data, 0)
    size, at = decode_varint(data, at)
    if tag & 7 != SIZED or at + size != len(data):
        raise EngineWireInvalid("an envelope holds exactly one message")
    return tag >> 3, memoryview(data)[at:]
