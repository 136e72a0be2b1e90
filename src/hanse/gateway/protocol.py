# SPDX-License-Identifier: Apache-2.0
"""The HTTP parser's connection, guarded: slow or endless heads, malformed requests, floods.

The parser below has no bound on a head's size or duration and answers faults in plain text; this
class adds the bounds, and answers with problems. Where no answer fits (a response has begun) it
closes the connection.
"""

import asyncio
import resource
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hanse.codec.limits import HEADER_BYTES_MAX
from hanse.codec.problems import problem_bytes
from hanse.errors import HanseError
from hanse.gateway.problems import (
    MEDIA_TYPE,
    BadHttp,
    HeadersTooLarge,
    TooManyConnections,
    TooSlow,
)

HEAD_S: Final = 10  # seconds for the head of a request, first byte to empty line
HEAD_BYTES_MAX: Final = (
    2 * HEADER_BYTES_MAX
)  # bytes of request line and headers before they are complete
CONNECTIONS_MAX: Final = 4_000  # open connections, if the operating system allows as many files
PIPELINE_MAX: Final = 128  # requests of one connection that wait for their turn
UNREAD_S: Final = 60  # seconds without progress after which a caller that reads nothing is dropped


class GuardedProtocol(HttpToolsProtocol):
    """One connection of the gateway."""

    connections_max: int = CONNECTIONS_MAX
    _in_head = True
    _head_bytes = 0
    _begun = False  # a head began in the chunk that is being fed
    _silent = True  # no byte has come yet
    _closing = False
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _unsent = 0

    def connection_made(  # type: ignore[override]  # as the parent has it
        self, transport: asyncio.Transport
    ) -> None:
        """Accept the connection, or refuse it when all places are taken."""
        super().connection_made(transport)
        limit = min(self.connections_max, _files_max() // 2)
        if len(self.connections) > limit:
            self._refuse(TooManyConnections(limit=limit))
            return
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._disarm()
        if self._write_timer is not None:
            self._write_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, then look at the bounds of an unfinished head."""
        if self._closing:
            return
        self._silent = False
        self._begun = False
        super().data_received(data)
        waiting = self.cycle is None or self.cycle.response_complete
        if self._closing or self.transport.is_closing() or not (self._in_head or waiting):
            return
        if not self._begun:  # a chunk with the head's beginning may hold other requests, too
            self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(HeadersTooLarge(limit=HEADER_BYTES_MAX))
        elif self._head_timer is None:
            self._arm()

    def eof_received(self) -> bool | None:  # type: ignore[override]  # asyncio reads the answer
        """Still answer a caller that has only ended its sending side; a feed's reader has left."""
        cycle = self.cycle
        owed = cycle is not None and not cycle.response_complete and not cycle.more_body
        if not owed or cycle.scope["path"] == "/v1/feed":
            return None
        cycle.keep_alive = False
        return True

    def pause_writing(self) -> None:
        """Wait for the caller to read what it asked for, as long as it makes progress."""
        super().pause_writing()
        self._unsent = self.transport.get_write_buffer_size()
        self._write_timer = self.loop.call_later(UNREAD_S, self._write_late)

    def resume_writing(self) -> None:
        """Go on: the caller reads."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._begun = True
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Hand the request over, unless too many wait already."""
        self._in_head = False
        self._disarm()
        if len(self.pipeline) >= PIPELINE_MAX:
            self._stop_after_answers()
            return
        if not self._closing:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, unless the connection is about to close."""
        if not self._closing:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; the next head may begin."""
        if not self._closing:
            super().on_message_complete()
        self._in_head = False
        self._head_bytes = 0

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no HTTP request."""
        if not self._closing:
            self._refuse(BadHttp(reason=msg.rstrip(".").lower()))

    def _refuse(self, error: HanseError) -> None:
        """Answer with a problem and close; other answers go first, and may leave no place."""
        self._disarm()
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if cycle.more_body:  # the fault is in the body of the request being answered
                self._closing = True
                if cycle.response_started or self.pipeline:
                    self.transport.close()
                    return
                cycle.disconnected = True  # its own answer has no place any more
                cycle.message_event.set()
            else:
                self._stop_after_answers()
                return
        self._closing = True
        content = problem_bytes(error)
        phrase = HTTPStatus(error.status).phrase
        head = (
            f"HTTP/1.1 {error.status} {phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(content)}\r\nx-content-type-options: nosniff\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + content)
        self.transport.close()

    def _stop_after_answers(self) -> None:
        """Read no more; close after the answers to the requests taken so far."""
        self._closing = True
        self.cycle.keep_alive = False
        self.flow.pause_reading()

    def _arm(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self._head_late)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_late(self) -> None:
        self._head_timer = None
        if self.transport.is_closing():
            return
        if self._silent:
            self.transport.close()  # a browser opens connections in advance: no answer is due
        else:
            self._refuse(TooSlow(what="head", limit_s=HEAD_S))

    def _write_late(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent >= self._unsent:
            self.transport.abort()
            return
        self._unsent = unsent
        self._write_timer = self.loop.call_later(UNREAD_S, self._write_late)


def _files_max() -> int:
    """Return how many files this process may have open."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 2 * CONNECTIONS_MAX if soft == resource.RLIM_INFINITY else soft
