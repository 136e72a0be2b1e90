# SPDX-License-Identifier: Apache-2.0
"""The hot routes over a real socket: nothing is lost, order is kept, and the cost stays small."""

import hashlib
import socket
import threading
from collections.abc import Iterator

import pytest
from gateway_process import HEAD, GatewayProcess, read_all

from hanse.codec.base64url import to_text

STREAM = b"POST /v1/transactions/stream HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def _lines(count: int) -> list[bytes]:
    return [b'{"n":%d,"pad":"%s"}' % (n, b"x" * 500) for n in range(count)]


def _send_chunked(line: socket.socket, data: bytes, size: int) -> None:
    line.sendall(STREAM)
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        line.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
    line.sendall(b"0\r\n\r\n")


def _unchunk(data: bytes) -> bytes:
    parts, at = [], data.index(b"\r\n\r\n") + 4
    while True:
        end = data.index(b"\r\n", at)
        size = int(data[at:end], 16)
        if not size:
            return b"".join(parts)
        parts.append(data[end + 2 : end + 2 + size])
        at = end + 2 + size + 2


@pytest.mark.parametrize("size", [997, 65_536])
def test_a_stream_of_40000_transactions_loses_none(size: int) -> None:
    gateway = GatewayProcess()
    lines = _lines(40_000)
    with gateway.connect() as line:
        data = b"\n".join(lines)
        writer = threading.Thread(target=_send_chunked, args=(line, data, size))
        writer.start()
        answers = _unchunk(read_all(line)).splitlines()
        writer.join(20)
    assert gateway.used()[1] == 40_000
    assert gateway.close() == 0
    expected = [to_text(hashlib.sha256(tx).digest()) for tx in lines]
    assert [a.rpartition(b':"')[2][:-2].decode() for a in answers] == expected


def test_a_caller_that_does_not_read_is_held_back_and_costs_no_memory() -> None:
    gateway = GatewayProcess()
    before = gateway.used()[2]
    data = b"\n".join(_lines(2_000))
    with gateway.connect() as line:
        line.settimeout(0.5)
        line.sendall(STREAM)
        chunk = b"%x\r\n%s\n\r\n" % (len(data) + 1, data)
        sent = _count_sent(line, chunk, 200)
        assert sent < 200
        assert gateway.get("/livez").status == 200
        assert gateway.used()[2] - before < 64 * 1024
    assert gateway.get("/livez").status == 200
    assert gateway.close() == 0


def _count_sent(line: socket.socket, chunk: bytes, count: int) -> int:
    """Return how many chunks the gateway took before it stopped taking them."""
    for sent in range(count):
        try:
            line.sendall(chunk)
        except TimeoutError:
            return sent
    return count


@pytest.fixture
def instant() -> Iterator[GatewayProcess]:
    process = GatewayProcess(node="instant")
    yield process
    assert process.close() == 0


def test_a_batch_of_100_costs_the_server_at_most_5_us_a_transaction(
    instant: GatewayProcess,
) -> None:
    body = b"\n".join(_lines(100)) + b"\n"
    request = b"POST /v1/transactions/batch HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (
        HEAD,
        len(body),
        body,
    )
    with instant.connect() as line:
        costs = [_cost(instant, line, request) for _ in range(4)]
    assert min(costs) <= 5.0, costs


def _cost(gateway: GatewayProcess, line: socket.socket, request: bytes) -> float:
    """Return the server's CPU microseconds for each transaction of 300 batches."""
    before = gateway.used()[0]
    for _ in range(300):
        line.sendall(request)
        got = b""
        while got.count(b'"}\n') < 100:
            got += line.recv(65_536)
        assert got.startswith(b"HTTP/1.1 200")
    return (gateway.used()[0] - before) * 1e6 / (300 * 100)
