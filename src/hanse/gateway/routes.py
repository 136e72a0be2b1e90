# SPDX-License-Identifier: Apache-2.0
"""The routes that are not hot: each turns a request into one call of the node."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse.codec.canonical import decode_as, parse
from hanse.codec.limits import INTEGER_MAX, SCAN_ROWS_MAX, TX_SIGNATURES_MAX
from hanse.codec.problems import title_of
from hanse.errors import Malformed, NotCanonical, TooLarge
from hanse.gateway.limits import Counters, printable, read_body
from hanse.gateway.openapi import build_document
from hanse.gateway.pages import STYLE, docs_page, kernel_page, problem_page, refusal_page
from hanse.gateway.problems import (
    UnknownPath,
    error_classes,
    family_of,
    fields_of,
)
from hanse.gateway.seam import Json, NodeService, to_json
from hanse.kernel import KERNEL_CODES
from hanse.lake.history import BEGUN
from hanse.node.errors import NotFound

BLOCKS_SHOWN: Final = 20  # blocks of one answer, unless asked otherwise
ROWS_SHOWN: Final = 100  # rows of a range unless more are asked for
BLOCKS_SHOWN_MAX: Final = 200  # blocks, or versions, of one answer at most
VERSIONS_SHOWN: Final = 50  # versions of an entry in one answer, unless asked otherwise


class _Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    args: dict[str, object]
    signer: str | None = None


class _Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    args: dict[str, object]
    signer: str
    also_signed_by: tuple[str, ...] = ()


class _Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    note: str


_query_decoder = msgspec.json.Decoder(_Query)
_check_decoder = msgspec.json.Decoder(_Check)
_note_decoder = msgspec.json.Decoder(_Note)


class Routes:
    """The endpoints, bound to one node."""

    def __init__(
        self,
        service: NodeService,
        counters: Counters,
        further: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._service = service
        self._further = further
        self._counters = counters
        self._document: tuple[object, Json] = (None, {})
        self._putting = asyncio.Lock()  # one file is written at a time

    def table(self) -> list[Route]:
        """Return the routes for the router."""
        get, post = ["GET"], ["POST"]
        named: list[tuple[str, list[str], Callable[..., object]]] = [
            ("/v1/ledger", get, self.ledger),
            ("/v1/genesis", get, self.genesis),
            ("/v1/transactions/{tx}", get, self.transaction),
            ("/v1/transactions/{tx}/why", get, self.why),
            ("/v1/transactions/{tx}/evidence", get, self.evidence),
            ("/v1/blocks", get, self.blocks),
            ("/v1/blocks/{height}", get, self.block),
            ("/v1/blocks/{height}/leaves", get, self.leaves),
            ("/v1/headers/{height}", get, self.header),
            ("/v1/validators", get, self.validators),
            ("/v1/checkpoint", get, self.checkpoint),
            ("/v1/consistency", get, self.consistency),
            ("/v1/cosignatures", post, self.cosign),
            ("/v1/state/{contract}/{map}", get, self.state),
            ("/v1/state/{contract}/{map}/history", get, self.history),
            ("/v1/state/{contract}/{map}/range", get, self.range),
            ("/v1/contracts", get, self.contracts),
            ("/v1/contracts/{contract}", get, self.contract),
            ("/v1/contracts/{contract}/queries/{query}", post, self.query),
            ("/v1/contracts/{contract}/actions/{action}/check", post, self.check),
            ("/v1/proposals/{number}/rehearsal", get, self.rehearsal),
            ("/v1/organisations", get, self.organisations),
            ("/v1/formats", get, self.formats),
            ("/v1/formats/{format}/check", post, self.check_format),
            ("/v1/documents", post, self.put_document),
            ("/v1/documents/{digest}", get, self.get_document),
            ("/openapi.json", get, self.openapi),
            ("/docs", get, self.docs),
            ("/docs/style.css", get, self.style),
            ("/problems/{code}", get, self.problem),
            ("/metrics", get, self.metrics),
            ("/livez", get, self.alive),
            ("/readyz", get, self.ready),
        ]
        return [Route(path, endpoint, methods=methods) for path, methods, endpoint in named]

    async def ledger(self, _request: Request) -> Response:
        """Answer with what the ledger is and how far it is."""
        return _json(self._service.status())

    async def genesis(self, _request: Request) -> Response:
        """Answer with the exact bytes of the genesis document."""
        return Response(self._service.genesis_bytes, media_type="application/json")

    async def transaction(self, request: Request) -> Response:
        """Answer with a transaction and its receipt, their bytes unchanged, and a sentence."""
        tx = request.path_params["tx"]
        view = self._service.record(tx)
        if view is None:
            raise NotFound("transaction", tx[:100])
        document = {
            "receipt": msgspec.Raw(view.receipt),
            "sentence": view.sentence,
            "transaction": msgspec.Raw(view.transaction),
        }
        return _json(document)

    async def why(self, request: Request) -> Response:
        """Answer with the cause of a refusal and its remedy."""
        return _json(self._service.why(request.path_params["tx"]))

    async def evidence(self, request: Request) -> Response:
        """Answer with the evidence file of a record."""
        tx = request.path_params["tx"]
        return _attachment(await self._service.evidence_record(tx), "application/json", tx, ".json")

    async def blocks(self, request: Request) -> Response:
        """Answer with the newest blocks."""
        before = _query_number(request, "before")
        return _json({"blocks": self._service.blocks(before, _limit(request, BLOCKS_SHOWN))})

    async def block(self, request: Request) -> Response:
        """Answer with a block and its records."""
        return await _by_height(request, self._service.block)

    async def leaves(self, request: Request) -> Response:
        """Answer with a block's leaf hashes and the frontier before them."""
        return await _by_height(request, self._service.leaves)

    async def header(self, request: Request) -> Response:
        """Answer with a header and its certificate."""
        return await _by_height(request, self._service.header)

    async def validators(self, request: Request) -> Response:
        """Answer with changes of the validators, from an engine height on."""
        since = _query_number(request, "since")
        return _json({"steps": await self._service.validators(since or 0)})

    async def checkpoint(self, request: Request) -> Response:
        """Answer with the newest signed note."""
        cosigned = _flag(request, "cosigned")
        return Response(self._service.checkpoint(cosigned), media_type="text/plain")

    async def consistency(self, request: Request) -> Response:
        """Answer with the proof that one size of the log continues another."""
        old, new = _query_number(request, "old"), _query_number(request, "new")
        if old is None or new is None:
            raise Malformed(reason="old and new sizes are needed", at="?old")
        return _json({"path": self._service.consistency(old, new)})

    async def cosign(self, request: Request) -> Response:
        """Keep the witness lines of a note."""
        note = decode_as(await _json_body(request), _note_decoder)
        self._service.add_cosignature(note.note)
        return _json({})

    async def state(self, request: Request) -> Response:
        """Answer with a state value and its proof, or with an evidence file of it."""
        contract, name = request.path_params["contract"], request.path_params["map"]
        key = request.query_params.get("key")
        if key is None:
            raise Malformed(reason="the key is needed, as JSON", at="?key")
        parse(key.encode("utf-8", "replace"))
        if _flag(request, "evidence"):
            data = await self._service.evidence_state(contract, name, key)
            return _attachment(data, "application/json", f"{contract}-{name}", ".json")
        return _json(await self._service.state(contract, name, key))

    async def history(self, request: Request) -> Response:
        """Answer with what a state entry was, and who changed it: the node's word, with places."""
        names, query = request.path_params, request.query_params
        key, as_of, place = query.get("key"), query.get("as_of"), None
        if key is None:
            raise Malformed(reason="the key is needed, as JSON", at="?key")
        parse(key.encode("utf-8", "replace"))
        if as_of is not None:  # a height, with all of it; or the place after which to go on
            height, dot, index = as_of.partition(".")
            at = _number(height, "?as_of")
            place = (at, _number(index, "?as_of") - 1) if dot else (at + 1, BEGUN)
        limit = _limit(request, VERSIONS_SHOWN)
        asked = (names["contract"], names["map"], key, place, limit)
        return _json(await self._service.history(*asked))

    async def range(self, request: Request) -> Response:
        """Answer with rows of an ordered map, and the proof that there are no others."""
        names, query = request.path_params, request.query_params
        bounds = (query.get("from_key", ""), query.get("to_key", ""))
        for bound in bounds:
            if bound:
                parse(bound.encode("utf-8", "replace"))
        rows = _query_number(request, "rows")
        rows = ROWS_SHOWN if rows is None else rows
        if not 1 <= rows <= SCAN_ROWS_MAX:
            raise Malformed(reason=f"rows is 1 to {SCAN_ROWS_MAX}", at="?rows")
        asked, reverse = (names["contract"], names["map"], bounds, rows), _flag(request, "reverse")
        if _flag(request, "evidence"):
            data = await self._service.evidence_range(*asked, reverse=reverse)
            return _attachment(data, "application/json", "-".join(asked[:2]), ".json")
        return _json(await self._service.range(*asked, reverse=reverse))

    async def contracts(self, _request: Request) -> Response:
        """Answer with one line for each contract."""
        return _json(self._service.contracts())

    async def contract(self, request: Request) -> Response:
        """Answer with the description of a contract."""
        return _json(self._service.describe(request.path_params["contract"]))

    async def query(self, request: Request) -> Response:
        """Answer a query of a contract at the committed height."""
        asked = decode_as(await _json_body(request), _query_decoder)
        names = request.path_params
        answer = await self._service.query(
            names["contract"], names["query"], asked.args, asked.signer
        )
        return _json(answer)

    async def check(self, request: Request) -> Response:
        """Answer with what an action would do now; nothing is recorded."""
        asked = decode_as(await _json_body(request), _check_decoder)
        names = request.path_params
        signers = (asked.signer, *asked.also_signed_by)
        if len(signers) > TX_SIGNATURES_MAX:
            raise TooLarge(what="signers", limit=TX_SIGNATURES_MAX, actual=len(signers))
        answer = await self._service.check(names["contract"], names["action"], asked.args, signers)
        return _json(answer)

    async def rehearsal(self, request: Request) -> Response:
        """Answer with what a proposal about a contract would do; nothing is written."""
        number = _number(request.path_params["number"], "number")
        return _json(await self._service.rehearse(number))

    async def organisations(self, _request: Request) -> Response:
        """Answer with organisations, members and keys."""
        return _json(self._service.organisations())

    async def formats(self, _request: Request) -> Response:
        """Answer with the formats that can be checked."""
        return _json(self._service.formats())

    async def check_format(self, request: Request) -> Response:
        """Answer with the findings on a document."""
        data = await read_body(request.receive)
        media_type = request.headers.get("content-type")
        name = request.path_params["format"]
        check = self._service.check_format  # seconds for a large document: not on the event loop
        return _json(await asyncio.to_thread(check, name, data, media_type))

    async def put_document(self, request: Request) -> Response:
        """Keep a document; its digest is the answer, given when it is durable."""
        data = await read_body(request.receive)
        async with self._putting:
            digest = await asyncio.to_thread(self._service.documents.put, data)
        return _json({"bytes": len(data), "digest": digest})

    async def get_document(self, request: Request) -> Response:
        """Answer with a kept document, byte for byte, never to be shown in place."""
        digest = request.path_params["digest"]
        data = await asyncio.to_thread(self._service.documents.find, digest)
        if data is None:
            raise NotFound("document", digest[:100])
        return _attachment(data, "application/octet-stream", digest, "")

    async def openapi(self, _request: Request) -> Response:
        """Answer with the OpenAPI document."""
        return _json(self._openapi())

    async def docs(self, _request: Request) -> Response:
        """Answer with the page drawn from the OpenAPI document."""
        return _html(docs_page(self._openapi(), "Hanse node: HTTP API"))

    async def style(self, _request: Request) -> Response:
        """Answer with the style sheet of the gateway's own pages."""
        return Response(STYLE, media_type="text/css")

    async def problem(self, request: Request) -> Response:
        """Answer with the page of an error code, or its facts as JSON when that is asked for."""
        code = request.path_params["code"]
        as_json = "json" in request.headers.get("accept", "")
        kind = error_classes().get(code)
        if kind is not None:
            facts: Json = {
                "code": code,
                "fields": fields_of(kind),
                "hint": kind.hint,
                "mended_by": family_of(kind),
                "status": kind.status,
                "title": title_of(kind),
            }
            return _json(facts) if as_json else _html(problem_page(facts))
        known = next((entry for entry in KERNEL_CODES if entry.code == code), None)
        given_by = [] if known is not None else self._actions_refusing_with(code)
        if known is not None:
            facts = {
                "cause": known.cause,
                "code": code,
                "recorded": known.recorded,
                "remedy": known.remedy,
                "stage": known.stage,
                "status": known.status,
            }
            return _json(facts) if as_json else _html(kernel_page(facts))
        if not given_by:
            _unknown(request)
        facts = {"code": code, "given_by": given_by}
        return _json(facts) if as_json else _html(refusal_page(code, given_by))

    async def metrics(self, _request: Request) -> Response:
        """Answer with the figures of node and gateway."""
        text = self._service.metrics()
        joined = text if text.endswith("\n") or not text else text + "\n"
        joined += self._counters.text()
        if self._further is not None:
            joined += await self._further()
        return Response(joined, media_type="text/plain; version=0.0.4")

    async def alive(self, _request: Request) -> Response:
        """Answer that the process lives."""
        return Response(b"ok\n", media_type="text/plain")

    async def ready(self, _request: Request) -> Response:
        """Answer whether the node takes transactions; 503 with the reasons if not."""
        is_ready, facts = self._service.ready()
        return _json({**facts, "ready": is_ready}, 200 if is_ready else 503)

    def _openapi(self) -> Json:
        """Return the document, built again only when a contract changed."""
        listed = self._service.contracts()
        if self._document[0] != listed:
            descriptions = [self._service.describe(str(c["name"])) for c in listed]
            version = str(self._service.status().get("version", "1"))
            self._document = (listed, build_document(descriptions, version))
        return self._document[1]

    def _actions_refusing_with(self, code: str) -> list[str]:
        """Return the actions whose contracts give this code."""
        found: list[str] = []
        for line in self._service.contracts():
            actions = self._service.describe(str(line["name"])).get("actions")
            found += [
                f"{line['name']}.{action['name']}"
                for action in (actions if isinstance(actions, list) else [])
                if code in action.get("rejects", ())
            ]
        return found


async def not_found(request: Request) -> Response:
    """Refuse a path that nothing is served at."""
    _unknown(request)


def _unknown(request: Request) -> NoReturn:
    raise UnknownPath(path=printable(request.scope["path"]))


def _json(value: object, status: int = 200) -> Response:
    return Response(to_json(value), status, media_type="application/json")


def _html(page: bytes) -> Response:
    return Response(page, media_type="text/html; charset=utf-8")


def _attachment(data: bytes, media_type: str, name: str, suffix: str) -> Response:
    safe = "".join(c for c in name if c.isascii() and (c.isalnum() or c in "-_"))[:64] or "file"
    disposition = f'attachment; filename="{safe}{suffix}"'
    return Response(data, media_type=media_type, headers={"content-disposition": disposition})


async def _by_height(request: Request, call: Callable[[int], Awaitable[Json | None]]) -> Response:
    height = _number(request.path_params["height"], "height")
    found = await call(height)
    if found is None:
        raise NotFound("block", str(height))
    return _json(found)


def _query_number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    return None if text is None else _number(text, f"?{name}")


def _limit(request: Request, usual: int) -> int:
    limit = _query_number(request, "limit")
    limit = usual if limit is None else limit
    if not 1 <= limit <= BLOCKS_SHOWN_MAX:
        raise Malformed(reason=f"limit is 1 to {BLOCKS_SHOWN_MAX}", at="?limit")
    return limit


def _number(text: str, at: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= INTEGER_MAX):
        raise Malformed(reason="a whole number is needed", at=at)
    return int(text)


def _flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "0")
    if text not in {"0", "1"}:
        raise Malformed(reason="0 or 1 is needed", at=f"?{name}")
    return text == "1"


async def _json_body(request: Request) -> bytes:
    """Return a body of JSON in any spelling, checked for depth, numbers and repeated keys."""
    data = await read_body(request.receive)
    parse(data)
    json.loads(data, object_pairs_hook=_unique)
    return data


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonical(reason="a key is repeated")
    return found
