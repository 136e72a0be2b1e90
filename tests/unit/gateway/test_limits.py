# SPDX-License-Identifier: Apache-2.0
"""The guard: each bound at its maximum and one beyond, named after what it stops."""

import asyncio

import pytest
from gateway_fakes import Call, FakeNode, Got, ask

from hanse.codec.limits import (
    BATCH_TXS_MAX,
    BODY_BYTES_MAX,
    DOCUMENT_BYTES_MAX,
    HEADER_BYTES_MAX,
    TX_BYTES_MAX,
)
from hanse.gateway import build_app, limits
from hanse.gateway.app import FORM_BYTES_MAX
from hanse.gateway.limits import Buckets, address_group

TX = b'{"a":1}'


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8420",
        "LOCALHOST:1",
        "127.0.0.1",
        "127.0.0.1:8420",
        "[::1]:8420",
        "[::1]",
    ],
)
def test_a_loopback_name_is_served(host: str) -> None:
    assert ask(build_app(FakeNode()), "GET", "/livez", headers={"host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:8420",
        "",
        "[::2]",
        "localhost@x",
        "0",
    ],
)
def test_a_foreign_host_name_is_refused_so_that_dns_rebinding_fails(host: str) -> None:
    got = ask(build_app(FakeNode()), "GET", "/livez", headers={"host": host})
    assert (got.status, got.code) == (421, "unknown_host")


def test_a_configured_host_name_is_served() -> None:
    app = build_app(FakeNode(), hosts=["Node1.Acme.Example"])
    headers = {"host": "node1.acme.example:443"}
    assert ask(app, "GET", "/livez", headers=headers).status == 200


def test_a_page_of_another_origin_cannot_write() -> None:
    app = build_app(FakeNode())
    for origin in ("http://evil.example", "null", "http://localhost:3000"):
        got = ask(app, "POST", "/v1/documents", headers={"origin": origin}, pieces=[b"x"])
        assert (got.status, got.code) == (403, "foreign_origin")
    own = ask(
        app, "POST", "/v1/documents", headers={"origin": "http://localhost:8420"}, pieces=[b"x"]
    )
    assert own.status == 200


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/v1/transactions", TX_BYTES_MAX),
        ("/v1/transactions/batch", BODY_BYTES_MAX),
        ("/v1/cosignatures", BODY_BYTES_MAX),
        ("/v1/documents", DOCUMENT_BYTES_MAX),
        ("/v1/formats/epcis/check", DOCUMENT_BYTES_MAX),
        ("/some/form", FORM_BYTES_MAX),
    ],
)
@pytest.mark.parametrize("declare", [True, False])
def test_a_body_beyond_its_limit_is_refused(path: str, limit: int, declare: bool) -> None:
    async def console(_scope: object, receive: object, _send: object) -> None:
        while (await receive()).get("more_body"):
            pass

    app = build_app(FakeNode(), console=console)
    over = ask(
        app,
        "POST",
        path,
        pieces=[b"0" * (limit // 2), b"0" * (limit - limit // 2 + 1)],
        declare=declare,
        headers={} if declare else {"transfer-encoding": "chunked"},
    )
    assert (over.status, over.code) == (413, "too_large")
    assert over.json()["limit"] == limit
    if path != "/some/form":
        full = ask(app, "POST", path, pieces=[b"0" * limit], declare=declare)
        assert full.status != 413


def test_a_declared_length_is_refused_before_a_byte_is_read() -> None:
    async def run() -> tuple[Got, int]:
        call = Call("POST", "/v1/transactions", headers={"content-length": str(TX_BYTES_MAX + 1)})
        pieces = [b"0"] * 10
        call.pieces = pieces
        read = 0

        class Counting:
            def __init__(self, app: object) -> None:
                self.app = app

            async def __call__(self, scope: object, receive: object, send: object) -> None:
                async def counted() -> object:
                    nonlocal read
                    assert call.sent, "read before the answer"
                    read += 1
                    return await receive()

                await self.app(scope, counted, send)

        return await call.run(Counting(build_app(FakeNode()))), read

    got, read = asyncio.run(run())
    assert got.code == "too_large"
    assert got.headers["connection"] == "close"
    assert read == 10  # the rest is read and dropped afterwards, so that the answer arrives


def test_headers_are_bounded_at_their_limit() -> None:
    app = build_app(FakeNode())
    base = len("host") + len("localhost:8420") + 4 + len("x") + 4
    fits = ask(app, "GET", "/livez", headers={"x": "0" * (HEADER_BYTES_MAX - base)})
    over = ask(app, "GET", "/livez", headers={"x": "0" * (HEADER_BYTES_MAX - base + 1)})
    assert fits.status == 200
    assert (over.status, over.code) == (431, "headers_too_large")


def test_a_batch_has_at_most_its_number_of_lines() -> None:
    app = build_app(FakeNode())
    fits = ask(app, "POST", "/v1/transactions/batch", pieces=[(TX + b"\n") * BATCH_TXS_MAX])
    over = ask(app, "POST", "/v1/transactions/batch", pieces=[(TX + b"\n") * (BATCH_TXS_MAX + 1)])
    assert len(fits.body.splitlines()) == BATCH_TXS_MAX
    assert (over.status, over.code) == (413, "too_large")


def test_a_compressed_body_is_refused_so_that_no_bomb_unpacks() -> None:
    headers = {"content-encoding": "gzip"}
    got = ask(build_app(FakeNode()), "POST", "/v1/documents", headers=headers, pieces=[b"x"])
    assert (got.status, got.code) == (415, "encoding_unsupported")


def test_one_address_is_held_to_its_rate_and_others_are_not() -> None:
    app = build_app(FakeNode(), requests_per_second=5)

    async def run() -> list[Got]:
        mine = [await Call("GET", "/livez").run(app) for _ in range(7)]
        return [*mine, await Call("GET", "/livez", client="192.0.2.2").run(app)]

    *mine, other = asyncio.run(run())
    assert [got.status for got in mine[:5]] == [200] * 5
    assert (mine[6].status, mine[6].code) == (429, "too_many_requests")
    assert mine[6].headers["retry-after"] == "1"
    assert other.status == 200


def test_a_bucket_fills_again_at_its_rate() -> None:
    buckets = Buckets(10)
    assert [buckets.take("a", 0.0) for _ in range(10)] == [0.0] * 10
    wait = buckets.take("a", 0.0)
    assert 0.09 < wait < 0.11
    assert buckets.take("a", wait + 0.001) == 0.0
    assert buckets.take("a", wait + 0.001) > 0.0


def test_only_so_many_addresses_are_remembered() -> None:
    buckets = Buckets(1, addresses_max=3)
    for number in range(100):
        buckets.take(str(number), 0.0)
    assert len(buckets._due) == 3


def test_the_addresses_of_one_ipv6_network_share_a_rate() -> None:
    assert address_group("2001:db8::1") == address_group("2001:db8::ffff:1")
    assert address_group("2001:db8:0:1::1") != address_group("2001:db8::1")
    assert address_group("::ffff:192.0.2.1") == "192.0.2.1"
    assert address_group("192.0.2.1") == "192.0.2.1"
    assert address_group("fe80::1%eth0") == address_group("fe80::2")
    assert address_group("not:an:address") == "not:an:address"


def test_a_body_that_stops_coming_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_IDLE_S", 0.02)
    monkeypatch.setattr(limits, "LINGER_S", 0.02)
    app = build_app(FakeNode())
    sent: list[dict] = []
    pieces = [b"{"]

    async def run() -> None:
        async def receive() -> dict:
            if pieces:
                return {"type": "http.request", "body": pieces.pop(), "more_body": True}
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/transactions",
            "headers": [(b"host", b"localhost"), (b"content-length", b"100")],
            "client": ("192.0.2.1", 1),
        }
        await build_app(FakeNode())(scope, receive, send)

    asyncio.run(run())
    assert app is not None
    assert sent[0]["status"] == 408
    assert b'"code":"too_slow"' in sent[1]["body"]


def test_a_caller_that_leaves_in_the_middle_is_not_answered() -> None:
    sent: list[dict] = []

    async def run() -> None:
        async def receive() -> dict:
            return {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/transactions",
            "headers": [(b"host", b"localhost"), (b"content-length", b"100")],
            "client": ("192.0.2.1", 1),
        }
        await build_app(FakeNode())(scope, receive, send)

    asyncio.run(run())
    assert sent == []


def test_a_path_with_control_characters_is_not_echoed() -> None:
    got = ask(build_app(FakeNode()), "GET", "/a\nb\x1b[31m")
    assert got.json()["path"] == "/a?b?[31m"
