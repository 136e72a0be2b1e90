# SPDX-License-Identifier: Apache-2.0
"""What answers while a node is not up yet: alive, not ready, with the reason and how far it is.

Executing a long log again keeps the event loop busy; so this is a thread, on the socket that the
gateway serves afterwards. A supervisor thus sees a live process instead of a refused connection.
"""

import json
import socket
import ssl
import threading
from contextlib import suppress
from typing import Final

from hanse.codec.limits import HEADER_BYTES_MAX

REQUEST_S: Final = 2.0  # seconds for one caller; one is served at a time
LOOK_S: Final = 0.1  # seconds after which the thread looks whether it is over


class Starting:
    """Answers on ``listener`` from :meth:`start` to :meth:`stop`; the socket stays open."""

    def __init__(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._listener = listener
        self._tls = tls
        self._done = self._total = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="starting", daemon=True)

    def progress(self, done: int, total: int) -> None:
        """Say how far the replay is."""
        self._done, self._total = done, total

    def start(self) -> None:
        """Begin to answer."""
        self._listener.listen()
        self._listener.settimeout(LOOK_S)
        self._thread.start()

    def stop(self) -> None:
        """Answer no more; connections that nobody took wait for the gateway. May come twice."""
        if self._over.is_set():
            return
        self._over.set()
        self._thread.join()
        self._listener.setblocking(False)

    def _serve(self) -> None:
        while not self._over.is_set():
            with suppress(OSError):  # a time-out, or a caller that went away
                self._answer(self._listener.accept()[0])

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(REQUEST_S)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                head = b""
                while b"\r\n\r\n" not in head and len(head) <= HEADER_BYTES_MAX:
                    piece = connection.recv(4096)
                    if not piece:
                        return
                    head += piece
                path = head.split(b" ", 2)[1:2]
                connection.sendall(self._response(path[0] if path else b""))

    def _response(self, path: bytes) -> bytes:
        if path == b"/livez":
            return _http("200 OK", "text/plain", b"ok\n")
        facts = {
            "code": "node_starting",
            "height": self._done,
            "height_of_log": self._total,
            "ready": False,
            "reasons": ["replaying"],
        }
        body = json.dumps(facts, separators=(",", ":")).encode()
        return _http("503 Service Unavailable", "application/json", body)


def _http(status: str, kind: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
        "retry-after: 1\r\nconnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
