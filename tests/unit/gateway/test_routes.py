# SPDX-License-Identifier: Apache-2.0
"""Every route of the API table answers, and turns the node's answers into HTTP unchanged."""

from typing import Any

import pytest
from gateway_fakes import Call, FakeNode, ask

from hanse.codec.base64url import to_text
from hanse.errors import Malformed
from hanse.gateway import build_app
from hanse.gateway.openapi import ROUTES

TX = b'{"a":1}'

GETS = [
    ("/v1/ledger", b"", b'"height":7'),
    ("/v1/genesis", b"", FakeNode.genesis_bytes),
    ("/v1/transactions/T1", b"", b'{"receipt":{"status":"ok"},"sentence":"alice@acme'),
    ("/v1/transactions/T1/why", b"", b'"code":"not_live"'),
    ("/v1/transactions/T1/evidence", b"", b'{"kind":"record","v":1}'),
    ("/v1/blocks", b"", b'{"blocks":[{"height":7}]}'),
    ("/v1/blocks/7", b"", b'{"header":{"height":7}}'),
    ("/v1/blocks/7/leaves", b"", b'{"leaves":[]}'),
    ("/v1/headers/7", b"", b'{"header":{}}'),
    ("/v1/checkpoint", b"", b"\n0\n"),
    ("/v1/checkpoint", b"cosigned=1", b"\n1\n"),
    ("/v1/consistency", b"old=1&new=2", b'{"path":["AAA'),
    ("/v1/state/notes/notes", b"key=%22N1%22", b'"key":"\\"N1\\""'),
    ("/v1/state/notes/notes", b"key=%22N1%22&evidence=1", b'{"kind":"state","v":1}'),
    ("/v1/contracts", b"", b'"name":"notes"'),
    ("/v1/contracts/notes", b"", b'"source":"class Notes(Contract): ..."'),
    ("/v1/organisations", b"", b'[{"id":"acme"}]'),
    ("/v1/formats", b"", b'[{"name":"epcis"}]'),
    ("/openapi.json", b"", b'"openapi":"3.1.0"'),
    ("/docs", b"", b"/v1/contracts/notes/actions/endorse/check"),
    ("/docs/style.css", b"", b":root"),
    ("/problems/too_large", b"", b"Something exceeds its limit"),
    ("/metrics", b"", b"hanse_height 7\n# HELP hanse_gateway_responses_total"),
    ("/livez", b"", b"ok\n"),
    ("/readyz", b"", b'"ready":true'),
]


@pytest.mark.parametrize(("path", "query", "part"), GETS)
def test_a_read_route_answers_with_what_the_node_says(path: str, query: bytes, part: bytes) -> None:
    got = ask(build_app(FakeNode()), "GET", path, query=query)
    assert got.status == 200
    assert part in got.body
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["referrer-policy"] == "no-referrer"


POSTS = [
    ("/v1/transactions", TX, b'"status":"ok"'),
    ("/v1/transactions/batch", TX + b"\n" + TX, b'"status":"ok"'),
    ("/v1/transactions/stream", TX + b"\n" + TX, b'"status":"ok"'),
    ("/v1/cosignatures", b'{"note":"hanse/x"}', b"{}"),
    ("/v1/contracts/notes/queries/mine", b'{ "args": {} }', b'"result":[]'),
    ("/v1/contracts/notes/actions/endorse/check", b'{"args":{},"signer":"a@b"}', b'"status":"ok"'),
    ("/v1/formats/epcis/check", b"<x/>", b'"verdict":"valid"'),
    ("/v1/documents", b"\x00\xff", b'{"bytes":2,"digest":"'),
]


@pytest.mark.parametrize(("path", "body", "part"), POSTS)
def test_a_write_route_answers_with_what_the_node_says(path: str, body: bytes, part: bytes) -> None:
    got = ask(build_app(FakeNode()), "POST", path, pieces=[body])
    assert got.status == 200
    assert part in got.body


def test_the_api_table_of_the_document_is_what_the_gateway_serves() -> None:
    app = build_app(FakeNode())
    for route in ROUTES:
        if route.path == "/v1/feed":
            continue  # has tests of its own
        got = ask(app, "DELETE", route.path.replace("{", "").replace("}", ""))
        assert got.code == "wrong_method", route.path
        assert route.method.upper() in got.headers["allow"]


def test_a_refusal_at_admission_is_a_problem_and_a_batch_answers_each_line() -> None:
    app = build_app(FakeNode())
    got = ask(app, "POST", "/v1/transactions", pieces=[b'{"b":1,"a":1}'])
    assert (got.status, got.code) == (400, "not_canonical")
    batch = ask(app, "POST", "/v1/transactions/batch", pieces=[TX + b"\n\nnonsense\n" + TX + b"\n"])
    lines = batch.body.splitlines()
    assert [b'"type"' in line for line in lines] == [False, True, True, False]


def test_an_error_of_the_node_becomes_its_problem() -> None:
    node = FakeNode()
    node.failure = Malformed(reason="just so", at="$.x")
    got = ask(build_app(node), "GET", "/v1/ledger")
    assert got.status == 400
    assert got.json()["at"] == "$.x"


def test_a_fault_of_the_node_is_one_coded_answer_without_details(
    caplog: pytest.LogCaptureFixture,
) -> None:
    node = FakeNode()
    node.failure = RuntimeError("secret detail")
    got = ask(build_app(node), "GET", "/v1/ledger")
    assert (got.status, got.code) == (500, "internal_fault")
    assert b"secret" not in got.body
    record: Any = caplog.records[-1]
    assert (record.msg, record.facts["kind"]) == ("gateway_fault", "RuntimeError")
    assert record.facts["id"] == got.headers["x-request-id"]
    assert "secret" not in str(record.facts)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/transactions/T9", "not_found"),
        ("/v1/blocks/8", "not_found"),
        ("/v1/documents/abc", "not_found"),
        ("/nowhere", "unknown_path"),
        ("/v1/ledger/", "unknown_path"),
        ("/problems/no_such_code", "unknown_path"),
    ],
)
def test_what_is_not_there_has_its_own_code(path: str, code: str) -> None:
    got = ask(build_app(FakeNode()), "GET", path)
    assert (got.status, got.code) == (404, code)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/blocks", b"limit=0"),
        ("/v1/blocks", b"limit=201"),
        ("/v1/blocks", b"before=-1"),
        ("/v1/blocks", b"before=9007199254740992"),
        ("/v1/blocks/%D9%A3", b""),
        ("/v1/blocks/x", b""),
        ("/v1/consistency", b"old=1"),
        ("/v1/checkpoint", b"cosigned=yes"),
        ("/v1/state/notes/notes", b""),
        ("/v1/state/notes/notes", b"key=N1"),
        ("/v1/feed", b"from=x"),
    ],
)
def test_a_wrong_parameter_is_malformed_with_its_place(path: str, query: bytes) -> None:
    got = ask(build_app(FakeNode()), "GET", path, query=query)
    assert (got.status, got.code) == (400, "malformed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b'{"args":{}}', "malformed"),
        (b'{"args":{},"signer":"a@b","more":1}', "malformed"),
        (b'{"args":{},"signer":1}', "malformed"),
        (b'{"args":{"a":1,"a":2},"signer":"a@b"}', "not_canonical"),
        (b'{"args":{"a":1.5},"signer":"a@b"}', "not_canonical"),
        (b'{"args":{"a":NaN},"signer":"a@b"}', "malformed"),
        (b'{"args":{"a":9007199254740992},"signer":"a@b"}', "number_too_large"),
        (b'{"args":{"a":"\xff"},"signer":"a@b"}', "malformed"),
        (b'{"args":{"a":' + b"[" * 40 + b"]" * 40 + b'},"signer":"a@b"}', "too_large"),
        (b'{"args":{"a":' + b"[" * 20_000 + b"]" * 20_000 + b'},"signer":"a@b"}', "too_large"),
        (b'{"args":{"a":"\\ud800"},"signer":"a@b"}', "malformed"),
    ],
)
def test_a_bad_dry_run_is_refused_before_the_node_sees_it(body: bytes, code: str) -> None:
    node = FakeNode()
    got = ask(build_app(node), "POST", "/v1/contracts/notes/actions/endorse/check", pieces=[body])
    assert got.code == code
    assert not node.asked


def test_a_document_comes_back_byte_for_byte_as_an_attachment() -> None:
    app = build_app(FakeNode())
    digest = str(ask(app, "POST", "/v1/documents", pieces=[b"<script>", b"\x00"]).json()["digest"])
    got = ask(app, "GET", f"/v1/documents/{digest}")
    assert got.body == b"<script>\x00"
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment;")
    assert len(to_text(bytes(32))) == len(digest)


def test_the_console_gets_what_the_gateway_does_not_serve() -> None:
    async def console(scope: dict, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    app = build_app(FakeNode(), console=console)
    assert ask(app, "GET", "/").body == b"/"
    assert b'"height"' in ask(app, "GET", "/v1/ledger").body
    assert ask(app, "GET", "/v1/nowhere").code == "unknown_path"


def test_a_node_that_is_not_ready_says_so_with_503() -> None:
    node = FakeNode()
    node.is_ready = False
    got = ask(build_app(node), "GET", "/readyz")
    assert (got.status, got.json()["ready"]) == (503, False)


def test_an_html_page_may_load_nothing_from_elsewhere_and_run_no_script() -> None:
    app = build_app(FakeNode())
    for path in ("/docs", "/problems/too_large", "/problems/not_live", "/problems/bad_signature"):
        got = ask(app, "GET", path)
        assert got.status == 200
        policy = got.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script" not in policy
        assert b"<script" not in got.body
        assert b"style=" not in got.body


def test_the_page_of_a_refusal_names_the_actions_that_give_it() -> None:
    app = build_app(FakeNode())
    assert b"notes.endorse" in ask(app, "GET", "/problems/not_live").body
    got = ask(app, "GET", "/problems/not_live", headers={"accept": "application/json"})
    assert got.json() == {"code": "not_live", "given_by": ["notes.endorse"]}


def test_a_websocket_is_closed_at_once() -> None:
    import asyncio

    call = Call("GET", "/")

    async def run() -> list[object]:
        sent: list[object] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError

        await build_app(FakeNode())({"type": "websocket"}, receive, send)
        return sent

    assert asyncio.run(run()) == [{"type": "websocket.close", "code": 1008}]
    assert not call.sent
