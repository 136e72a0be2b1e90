# SPDX-License-Identifier: Apache-2.0
"""A running gateway process for tests, and raw exchanges with it."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FAKES = HERE.parent / "unit" / "gateway"
sys.path.append(str(FAKES))
HEAD = b"Host: localhost\r\n"


@dataclass
class Answer:
    status: int
    head: bytes
    body: bytes


class GatewayProcess:
    """Starts ``gateway_server.py`` over a node from memory, and ends it on ``close``."""

    def __init__(self, requests_per_second: int = 1_000_000, node: str = "memory") -> None:
        path = os.pathsep.join([str(FAKES), str(HERE.parents[1] / "src")])
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "gateway_server.py"), str(requests_per_second), node],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def used(self) -> tuple[float, int, int]:
        """Return CPU seconds, transactions submitted, and the largest resident size in KiB."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        seconds, count, size = self.process.stdout.readline().split()
        return float(seconds), int(count), int(size)

    def close(self) -> int:
        """End the process cleanly and return its exit status."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        status = self.process.wait(20)
        self.process.stdout.close()
        return status

    def connect(self) -> socket.socket:
        line = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return line

    def exchange(self, data: bytes) -> bytes:
        """Send ``data``, end the sending side, and return everything that comes back."""
        with self.connect() as line:
            try:
                line.sendall(data)
                line.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the gateway has closed already: what it said is still there to read
            return read_all(line)

    def ask(self, data: bytes) -> Answer:
        """Send ``data`` on a connection of its own and return the first answer."""
        return first_answer(self.exchange(data))

    def get(self, path: str) -> Answer:
        return self.ask(b"GET %s HTTP/1.1\r\n%sConnection: close\r\n\r\n" % (path.encode(), HEAD))


def post(path: str, body: bytes, headers: bytes = b"") -> bytes:
    """Return a complete request with its length declared, which closes the connection."""
    start = b"POST %s HTTP/1.1\r\n%sConnection: close\r\n" % (path.encode(), HEAD)
    return start + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(path: str, rest: bytes) -> bytes:
    """Return the head of a chunked request with ``rest`` behind it, as it stands."""
    return b"POST %s HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\n%s" % (
        path.encode(),
        HEAD,
        rest,
    )


def read_all(line: socket.socket) -> bytes:
    parts = []
    try:
        while part := line.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def first_answer(data: bytes) -> Answer:
    head, _, rest = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 "), data[:200]
    status = int(head.split(b" ", 2)[1])
    length = next(
        (
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        len(rest),
    )
    return Answer(status, head.lower(), rest[:length])
