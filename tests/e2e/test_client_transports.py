# SPDX-License-Identifier: Apache-2.0
"""Both transports on real sockets: kept-alive, and sent again after a lost connection."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from hanse.client._http import NotReachable, Request
from hanse.client.sync import HttpTransport
from hanse.client.transports import AioTransport


class Server:
    """Answers each request with its own body; cuts the connection when told to."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.bodies: list[bytes] = []
        self.cuts = 0  # how many of the next requests are read and then left unanswered
        self.per_connection = 10**9
        self.connections = 0
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(0.5)  # an idle client does not hold the only thread
        stream = connection.makefile("rb")
        for _ in range(self.per_connection):
            try:
                head = b""
                while (row := stream.readline()) not in (b"", b"\r\n"):
                    head += row
            except OSError:
                return
            if not head:
                return
            length = 0
            for row in head.lower().split(b"\r\n"):
                if row.startswith(b"content-length:"):
                    length = int(row.split(b":")[1])
            body = stream.read(length)
            self.bodies.append(body)
            if self.cuts:
                self.cuts -= 1
                return
            answer = body or b"none"
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b"
                % (len(answer), answer)
            )

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


POST = Request("POST", "/v1/transactions", b'{"a":1}')


def test_one_connection_carries_many_requests(server: Server) -> None:
    transport = HttpTransport(server.url)
    assert [transport.exchange(POST).body for _ in range(5)] == [POST.body] * 5
    assert transport.exchange(Request("GET", "/v1/ledger")).body == b"none"
    assert server.connections == 1
    transport.close()


def test_a_lost_connection_is_taken_up_with_the_same_bytes(server: Server) -> None:
    transport = HttpTransport(server.url)
    transport.exchange(POST)
    server.cuts = 1
    assert transport.exchange(POST).body == POST.body
    assert server.bodies == [POST.body] * 3
    transport.close()


def test_a_connection_closed_while_idle_is_replaced(server: Server) -> None:
    server.per_connection = 1
    transport = HttpTransport(server.url)
    assert [transport.exchange(POST).status for _ in range(3)] == [200] * 3
    assert server.connections == 3
    transport.close()


def test_two_lost_connections_are_reported(server: Server) -> None:
    transport = HttpTransport(server.url)
    server.cuts = 2
    with pytest.raises(NotReachable):
        transport.exchange(POST)
    assert len(server.bodies) == 2
    assert transport.exchange(POST).status == 200
    transport.close()


def test_nobody_listening_is_not_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(NotReachable):
        HttpTransport(url).exchange(POST)
    with pytest.raises(NotReachable, match="address"):
        HttpTransport("ftp://x")


def test_the_asynchronous_transport_keeps_and_retakes_connections(server: Server) -> None:
    async def main() -> None:
        transport = AioTransport(server.url)
        assert [(await transport.exchange(POST)).body for _ in range(3)] == [POST.body] * 3
        server.cuts = 1
        assert (await transport.exchange(POST)).body == POST.body
        await transport.close()

    asyncio.run(main())
    assert set(server.bodies) == {POST.body}


def test_the_asynchronous_transport_reports_two_losses(server: Server) -> None:
    async def main() -> None:
        transport = AioTransport(server.url)
        server.cuts = 5
        with pytest.raises(NotReachable):
            await transport.exchange(POST)
        await transport.close()

    asyncio.run(main())
