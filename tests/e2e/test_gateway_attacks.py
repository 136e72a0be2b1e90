# SPDX-License-Identifier: Apache-2.0
"""Bad input of every kind against a running gateway: coded problems, and others are served."""

import contextlib
import json
import socket
from collections.abc import Iterator

import pytest
from gateway_process import HEAD, GatewayProcess, chunked, first_answer, post, read_all

TX = "/v1/transactions"
CHECK = "/v1/contracts/notes/actions/endorse/check"


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    process = GatewayProcess()
    yield process
    assert process.get("/livez").status == 200, "the gateway did not survive"
    assert process.close() == 0


BODIES = {
    "empty": (b"", "malformed"),
    "text": (b"nonsense", "malformed"),
    "cut": (b'{"body":{"v"', "malformed"),
    "list": (b"[]", "malformed"),
    "duplicate_key": (b'{"a":1,"a":1}', "not_canonical"),
    "unsorted": (b'{"b":1,"a":1}', "not_canonical"),
    "space": (b'{"a": 1}', "not_canonical"),
    "key_not_identifier": (b'{"a-b":1}', "not_canonical"),
    "key_not_ascii": ('{"é":1}'.encode(), "not_canonical"),
    "float": (b'{"a":1.0}', "not_canonical"),
    "exponent": (b'{"a":1e2}', "not_canonical"),
    "minus_zero": (b'{"a":-0}', "not_canonical"),
    "nan": (b'{"a":NaN}', "malformed"),
    "infinity": (b'{"a":-Infinity}', "malformed"),
    "integer_2_53": (b'{"a":9007199254740992}', "number_too_large"),
    "integer_2_63": (b'{"a":9223372036854775808}', "number_too_large"),
    "integer_long": (b'{"a":' + b"9" * 5_000 + b"}", None),
    "deep_array": (b'{"a":' + b"[" * 33 + b"]" * 33 + b"}", "too_large"),
    "deep_10000": (b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "too_large"),
    "deep_100000": (b"[" * 100_000, None),
    "utf8_broken": (b'{"a":"\xff\xfe"}', "malformed"),
    "utf8_overlong": (b'{"a":"\xc0\xaf"}', "malformed"),
    "lone_surrogate": (b'{"a":"\\ud800"}', "malformed"),
    "nul": (b"\x00" * 100, "malformed"),
    "bom": (b'\xef\xbb\xbf{"a":1}', "malformed"),
    "needless_escape": (b'{"a":"\\u0061"}', "not_canonical"),
    "trailing": (b'{"a":1}{"a":1}', "malformed"),
    "one_byte_too_many": (b'{"a":"' + b"x" * (256 * 1024 - 7) + b'"}', "too_large"),
    "xml": (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "malformed"),
    "gzip": (b"\x1f\x8b\x08\x00" + b"\x00" * 50, "malformed"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_transaction_is_answered_with_its_code(
    gateway: GatewayProcess, name: str
) -> None:
    body, code = BODIES[name]
    got = gateway.ask(post(TX, body))
    problem = json.loads(got.body)
    assert 400 <= got.status < 500
    assert b"content-type: application/problem+json" in got.head
    assert problem["status"] == got.status
    assert problem["type"] == f"/problems/{problem['code']}"
    if code is not None:
        assert problem["code"] == code


@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_dry_run_never_reaches_the_node(gateway: GatewayProcess, name: str) -> None:
    body, _ = BODIES[name]
    got = gateway.ask(post(CHECK, body))
    assert 400 <= got.status < 500
    assert json.loads(got.body)["code"]


def test_a_transaction_cut_at_each_byte_is_refused(gateway: GatewayProcess) -> None:
    whole = b'{"body":{"action":"x","args":{"a":[1,"\\n"]},"v":1},"signatures":[]}'
    data = b"\n".join(whole[:n] for n in range(1, len(whole)))
    got = gateway.ask(post(TX + "/batch", data))
    lines = got.body.splitlines()
    assert len(lines) == len(whole) - 1
    assert all(b'"type":"/problems/' in line for line in lines)


RAW = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100 + b"\r\n\r\n",
    "no_version": b"GET /\r\n\r\n",
    "http_9": b"GET / HTTP/9.9\r\n" + HEAD + b"\r\n",
    "bad_method": b"G@T / HTTP/1.1\r\n" + HEAD + b"\r\n",
    "space_in_header": b"GET / HTTP/1.1\r\nBad Header: x\r\n" + HEAD + b"\r\n",
    "nul_in_header": b"GET / HTTP/1.1\r\nX: a\x00b\r\n" + HEAD + b"\r\n",
    "no_host": b"GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two_hosts": b"GET /livez HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n" + HEAD + b"\r\n",
    "foreign_host": b"GET /livez HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    "absolute_foreign": b"GET http://evil.example/livez HTTP/1.1\r\n"
    b"Host: evil.example\r\nConnection: close\r\n\r\n",
    "length_negative": b"POST /v1/transactions HTTP/1.1\r\n" + HEAD + b"Content-Length: -1\r\n\r\n",
    "length_word": b"POST /v1/transactions HTTP/1.1\r\n" + HEAD + b"Content-Length: ten\r\n\r\n",
    "length_twice": b"POST /v1/transactions HTTP/1.1\r\n"
    + HEAD
    + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length_huge": b"POST /v1/transactions HTTP/1.1\r\n"
    + HEAD
    + b"Content-Length: 99999999999999999999\r\n\r\n",
    "smuggling": b"POST /v1/transactions HTTP/1.1\r\n"
    + HEAD
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "encoding_unknown": b"POST /v1/transactions HTTP/1.1\r\n"
    + HEAD
    + b"Transfer-Encoding: zip\r\n\r\n",
    "chunk_not_hex": chunked(TX, b"zz\r\n{}\r\n0\r\n\r\n"),
    "chunk_negative": chunked(TX, b"-1\r\n{}\r\n0\r\n\r\n"),
    "chunk_overflow": chunked(TX, b"fffffffffffffffffffff\r\n{}\r\n"),
    "chunk_no_end": chunked(TX, b"2\r\n{}XX0\r\n\r\n"),
    "headers_many": b"GET /livez HTTP/1.1\r\n"
    + HEAD
    + b"".join(b"X%d: y\r\n" % n for n in range(2_000))
    + b"\r\n",
    "header_long": b"GET /livez HTTP/1.1\r\n" + HEAD + b"X: " + b"y" * 9_000 + b"\r\n\r\n",
    "header_endless": b"GET /livez HTTP/1.1\r\n" + HEAD + b"X: " + b"y" * 3_000_000,
    "path_endless": b"GET /" + b"a" * 3_000_000,
    "path_long": b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n",
    "path_not_ascii": b"GET /\xff\xfe HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n",
    "connect": b"CONNECT evil.example:443 HTTP/1.1\r\n" + HEAD + b"\r\n",
    "gzip_declared": post(TX, b"x", b"Content-Encoding: gzip\r\n"),
    "body_too_long": post(TX, b"0" * (256 * 1024 + 1)),
    "batch_too_long": post(TX + "/batch", b"0" * (1024 * 1024 + 1)),
    "chunked_too_long": chunked(TX, b"100000\r\n" + b"0" * 0x100000 + b"\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("name", RAW)
def test_bytes_that_break_http_are_answered_with_a_coded_problem(
    gateway: GatewayProcess, name: str
) -> None:
    got = gateway.ask(RAW[name])
    assert 400 <= got.status < 500, got
    problem = json.loads(got.body)
    assert problem["status"] == got.status
    assert problem["code"]
    assert b"content-type: application/problem+json" in got.head


def test_an_upgrade_is_ignored_and_the_request_answered(gateway: GatewayProcess) -> None:
    for kind in (b"websocket", b"h2c"):
        data = b"GET /livez HTTP/1.1\r\n%sConnection: Upgrade, close\r\nUpgrade: %s\r\n\r\n"
        assert gateway.ask(data % (HEAD, kind)).status == 200


def test_pipelined_requests_are_answered_in_order(gateway: GatewayProcess) -> None:
    one = b"GET /v1/blocks/%d HTTP/1.1\r\n" + HEAD + b"\r\n"
    end = b"GET /livez HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n"
    got = gateway.exchange(b"".join(one % n for n in range(8)) + end)
    assert [got.find(b'"height":%d' % n) for n in range(8)] == sorted(
        got.find(b'"height":%d' % n) for n in range(8)
    )
    assert got.count(b"HTTP/1.1 200") == 9


def test_garbage_behind_a_good_request_does_not_disturb_its_answer(
    gateway: GatewayProcess,
) -> None:
    good = b"GET /v1/ledger HTTP/1.1\r\n" + HEAD + b"\r\n"
    got = gateway.exchange(good + b"\x00\x01garbage\r\n\r\n")
    assert first_answer(got).status == 200
    assert b'"height":7' in got


def test_a_flood_of_pipelined_requests_is_cut_off(gateway: GatewayProcess) -> None:
    one = b"GET /livez HTTP/1.1\r\n" + HEAD + b"\r\n"
    got = gateway.exchange(one * 50_000)
    assert got.startswith(b"HTTP/1.1 200")
    assert got.count(b"HTTP/1.1 200") < 50_000
    assert gateway.get("/livez").status == 200


@pytest.mark.slow
def test_slow_callers_on_200_connections_keep_nobody_else_waiting(
    gateway: GatewayProcess,
) -> None:
    size_before = gateway.used()[2]
    with contextlib.ExitStack() as stack:
        lines: list[socket.socket] = []
        for number in range(200):
            line = stack.enter_context(gateway.connect())
            slow_head = number % 2 == 0
            start = b"GET /livez HTTP/1.1\r\nX: " if slow_head else post(TX, b"{}" * 50)[:-20]
            line.sendall(start)
            lines.append(line)
        for line in lines:
            line.sendall(b"y")
        for _ in range(20):
            assert gateway.get("/v1/ledger").status == 200
        assert gateway.ask(post(TX, b'{"a":1}')).status == 200
        last = {0: first_answer(read_all(lines[0])), 1: first_answer(read_all(lines[1]))}
    for answer in last.values():
        assert answer.status == 408
        assert json.loads(answer.body)["code"] == "too_slow"
    assert gateway.used()[2] - size_before < 64 * 1024


def test_the_answer_to_an_oversized_body_arrives_although_the_rest_is_not_wanted(
    gateway: GatewayProcess,
) -> None:
    with gateway.connect() as line:
        line.sendall(b"POST %s HTTP/1.1\r\n%sContent-Length: 3000000\r\n\r\n" % (TX.encode(), HEAD))
        early = b""
        while b"}" not in early:
            early += line.recv(65_536)
        assert first_answer(early).status == 413
        line.sendall(b"0" * 3_000_000)
        assert line.recv(10) == b""


def test_an_expectation_is_not_met_for_a_body_that_is_too_large(gateway: GatewayProcess) -> None:
    head = b"POST %s HTTP/1.1\r\n%sExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    with gateway.connect() as line:
        line.sendall(head % (TX.encode(), HEAD, 3_000_000))
        assert line.recv(65_536).startswith(b"HTTP/1.1 413")


def test_an_address_that_asks_too_often_is_told_to_wait() -> None:
    gateway = GatewayProcess(requests_per_second=20)
    statuses = [gateway.get("/livez").status for _ in range(60)]
    assert statuses[:20] == [200] * 20
    assert 429 in statuses
    assert gateway.close() == 0
