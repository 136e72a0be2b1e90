# SPDX-License-Identifier: Apache-2.0
"""The gateway over a real node: answers keep the OpenAPI document, no question gives a 5xx."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import jsonschema

from hanse.client import AsyncClient
from hanse.crypto import signers
from hanse.crypto.signers import Signer
from hanse.gateway import build_app, start
from hanse.kernel import KERNEL_CODES
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import Folder, make_folder
from hanse.node.founding import Founder, Operator, found
from hanse.node.service import NodeService

SUITE = "ed25519-sha256"
ADMIN = "ada@acme"


@dataclass
class Site:
    """A running node with a gateway, and a plain HTTP caller."""

    folder: Folder
    admin: Signer
    url: str
    http: aiohttp.ClientSession

    async def get(self, path: str) -> tuple[int, bytes]:
        async with self.http.get(path) as answer:
            return answer.status, await answer.read()

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        async with self.http.post(path, data=body) as answer:
            return answer.status, await answer.read()

    def client(self) -> AsyncClient:
        return AsyncClient(self.url, trust=self.folder.ledger, member=ADMIN, signer=self.admin)


@asynccontextmanager
async def _site(path: Path) -> AsyncIterator[Site]:
    admin, operator = signers.generate(SUITE), signers.generate(SUITE)
    genesis = found(
        network=f"test-{secrets.token_hex(3)}",
        time_ms=wall_clock_ms(),
        organisations={"acme": "Acme Ltd"},
        members={ADMIN: Founder(("admin",), admin)},
        operator=Operator("node1", "acme", operator),
        contracts=[],
        witnesses={},
        witness_quorum=0,
    )
    folder = make_folder(path / "node", genesis, "node1", operator)
    service = NodeService(folder, ())
    await service.start()
    running = await start(build_app(service), port=0)
    try:
        async with aiohttp.ClientSession(running.url) as http:
            yield Site(folder, admin, running.url, http)
    finally:
        await running.stop()
        await service.stop()


def _run(path: Path, body: Callable[[Site], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(60), _site(path) as site:
            await body(site)

    asyncio.run(run())


async def _one_record(site: Site) -> str:
    """Return a recorded transaction: a refusal is a record, too."""
    async with site.client() as client:
        receipt = await client.submit("registry", "no_such_action", {})
    return receipt.tx


async def _paths(site: Site) -> list[str]:
    tx = await _one_record(site)
    return [
        "/v1/ledger",
        "/v1/genesis",
        "/v1/organisations",
        f"/v1/transactions/{tx}",
        f"/v1/transactions/{tx}/why",
        f"/v1/transactions/{tx}/evidence",
        "/v1/blocks?limit=5",
        "/v1/blocks/1",
        "/v1/blocks/1/leaves",
        "/v1/headers/1",
        "/v1/consistency?old=1&new=2",
        f"/v1/state/registry/members?key=%22{ADMIN}%22",
        "/v1/state/registry/members?key=%22nobody%40acme%22",
        "/v1/contracts",
        "/v1/contracts/registry",
        "/v1/formats",
        "/readyz",
    ]


def _schema_of(document: dict, path: str) -> dict:
    """Return the schema of the JSON answer of the route that ``path`` is an instance of."""
    asked = path.partition("?")[0].split("/")
    for template, item in document["paths"].items():
        parts = template.split("/")
        fits = len(parts) == len(asked) and all(
            p == a or p.startswith("{") for p, a in zip(parts, asked, strict=True)
        )
        if fits and "get" in item:
            content = item["get"]["responses"]["200"]["content"]["application/json"]
            return {**content["schema"], "components": document["components"]}
    raise AssertionError(path)


def test_every_answer_keeps_the_schema_of_the_openapi_document(tmp_path: Path) -> None:
    async def body(site: Site) -> None:
        paths = await _paths(site)
        document = json.loads((await site.get("/openapi.json"))[1])
        for path in paths:
            status, answer = await site.get(path)
            assert status == 200, (path, answer)
            jsonschema.Draft202012Validator(_schema_of(document, path)).validate(json.loads(answer))

    _run(tmp_path, body)


def test_wrong_questions_to_a_real_node_are_coded_problems(tmp_path: Path) -> None:
    questions = [
        *(
            f"/v1/transactions/{tx}{end}"
            for tx in ("x", "A" * 43)
            for end in ("", "/why", "/evidence")
        ),
        "/v1/blocks/99999",
        "/v1/blocks/99999/leaves",
        "/v1/headers/99999",
        "/v1/consistency?old=0&new=1",
        "/v1/consistency?old=2&new=1",
        "/v1/consistency?old=1&new=99999",
        *(f"/v1/state/registry/members?key={key}" for key in ("1", "null", "{}", "[1,2]", "true")),
        "/v1/state/registry/nowhere?key=%22x%22",
        "/v1/state/nowhere/members?key=%22x%22",
        "/v1/contracts/nowhere",
        "/v1/documents/x",
        f"/v1/documents/{'A' * 43}",
        "/v1/documents/..%2f..%2fnode",
        "/v1/nowhere",
        "/nowhere",
    ]

    async def body(site: Site) -> None:
        for question in questions:
            status, answer = await site.get(question)
            assert 400 <= status < 500, (question, status, answer)
            assert json.loads(answer)["code"], question

    _run(tmp_path, body)


def test_bad_transactions_to_a_real_node_are_refused_and_good_ones_go_through(
    tmp_path: Path,
) -> None:
    async def body(site: Site) -> None:
        async with site.client() as client:
            draft = await client.draft("registry", "nothing", {})
            good = draft.raw
            lines = [good[:n] for n in range(1, len(good), 7)]
            lines += [
                good.replace(b'"v":1', b'"v":2'),
                good.replace(b"ada@acme", b"eve@acme"),
                b"null",
            ]
            status, answer = await site.post("/v1/transactions/batch", b"\n".join(lines))
            assert status == 200
            for line in answer.splitlines():
                assert 400 <= json.loads(line)["status"] < 500, line
            assert len(answer.splitlines()) == len(lines)
            first = await site.post("/v1/transactions", good)
            again = await site.post("/v1/transactions", good)
            streamed = await site.post("/v1/transactions/stream", good + b"\n" + good)
            assert first == again
            assert first[0] == 200
            assert streamed[1].splitlines() == [first[1], first[1]]

    _run(tmp_path, body)


def test_every_code_of_the_kernel_has_a_page(tmp_path: Path) -> None:
    async def body(site: Site) -> None:
        for entry in KERNEL_CODES:
            status, page = await site.get(f"/problems/{entry.code}")
            assert status == 200, entry.code
            assert entry.code.encode() in page

    _run(tmp_path, body)


def test_the_feed_shows_a_block_as_soon_as_it_is_durable(tmp_path: Path) -> None:
    async def body(site: Site) -> None:
        async with site.http.get("/v1/feed?from=1") as feed:
            tx = await _one_record(site)
            seen = b""
            async for piece in feed.content.iter_any():
                seen += piece
                if tx.encode() in seen:
                    break
        assert b"id: 1\nevent: block\ndata: {" in seen

    _run(tmp_path, body)
