# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI 3.1 document: fixed routes from a table, the rest from the contracts' own types.

Nothing about a contract is written here by hand: its actions, queries and records come from
``service.describe``. A record becomes a component named ``<contract>.<Record>``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hanse.codec.limits import (
    BATCH_TXS_MAX,
    BODY_BYTES_MAX,
    DOCUMENT_BYTES_MAX,
    SCAN_ROWS_MAX,
    TX_BYTES_MAX,
)
from hanse.gateway.schemas import HASH, HEIGHT, OBJECT, TEXT, Schema, closed, fixed_schemas, ref
from hanse.gateway.seam import Json

_JSON: Final = "application/json"
_NDJSON: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Route:
    """One fixed route: its parameters are named in the path or in ``query``."""

    method: str
    path: str
    name: str
    tag: str
    summary: str
    answer: str = _JSON
    query: tuple[str, ...] = ()
    takes: str = ""


ROUTES: Final = (
    Route("get", "/v1/ledger", "ledger", "ledger", "What this ledger is, and how far it is"),
    Route("get", "/v1/genesis", "genesis", "ledger", "The genesis document, byte for byte"),
    Route("get", "/v1/organisations", "organisations", "ledger", "Organisations, members, keys"),
    Route(
        "post", "/v1/transactions", "submit", "transactions",
        f"Submit one signed transaction of at most {TX_BYTES_MAX} bytes; a refusal is a receipt",
        takes=_JSON,
    ),
    Route(
        "post", "/v1/transactions/batch", "submit_batch", "transactions",
        f"Submit up to {BATCH_TXS_MAX} of them in {BODY_BYTES_MAX} bytes; line i answers line i",
        _NDJSON, takes=_NDJSON,
    ),
    Route(
        "post", "/v1/transactions/stream", "submit_stream", "transactions",
        "Submit transactions for as long as you like; answers come in order as they become durable",
        _NDJSON, takes=_NDJSON,
    ),
    Route(
        "get", "/v1/transactions/{tx}", "transaction", "transactions",
        "A transaction, its receipt, in words",
    ),
    Route(
        "get", "/v1/transactions/{tx}/why", "why", "transactions",
        "Why it was refused, and who could mend it",
    ),
    Route(
        "get", "/v1/transactions/{tx}/evidence", "evidence", "transactions",
        "The evidence file of a record",
    ),
    Route("get", "/v1/blocks", "blocks", "blocks", "The newest blocks", query=("before", "limit")),
    Route("get", "/v1/blocks/{height}", "block", "blocks", "A block with its records"),
    Route(
        "get", "/v1/blocks/{height}/leaves", "leaves", "blocks",
        "Leaf hashes of a block, with the frontier before it",
    ),
    Route("get", "/v1/headers/{height}", "header", "blocks", "A header with its certificate"),
    Route(
        "get", "/v1/validators", "validators", "blocks",
        "Changes of the engine's validators, each signed by those before", query=("since",),
    ),
    Route(
        "get", "/v1/checkpoint", "checkpoint", "blocks",
        "The newest signed note", "text/plain", ("cosigned",),
    ),
    Route(
        "get", "/v1/consistency", "consistency", "blocks",
        "Proof that the log only grew", query=("old", "new"),
    ),
    Route(
        "post", "/v1/cosignatures", "cosign", "blocks",
        "Add a witness's line to a checkpoint", takes=_JSON,
    ),
    Route(
        "get", "/v1/state/{contract}/{map}", "state", "state",
        "A state value, or its absence, with proof", query=("key", "evidence"),
    ),
    Route(
        "get", "/v1/state/{contract}/{map}/history", "history", "state",
        "What a state entry was, the newest version first; the node's word",
        query=("key", "as_of", "limit"),
    ),
    Route(
        "get", "/v1/state/{contract}/{map}/range", "range", "state",
        "Rows of an ordered map, proved to be all",
        query=("from_key", "to_key", "rows", "reverse", "evidence"),
    ),
    Route("get", "/v1/contracts", "contracts", "contracts", "The contracts of this ledger"),
    Route(
        "get", "/v1/contracts/{contract}", "contract", "contracts",
        "A contract: schemas, refusals, source",
    ),
    Route(
        "get", "/v1/proposals/{number}/rehearsal", "rehearsal", "contracts",
        "What a proposal about a contract would do to the state of now",
    ),
    Route(
        "get", "/v1/feed", "feed", "blocks",
        "Blocks as they become durable, as server-sent events", "text/event-stream", ("from",),
    ),
    Route("get", "/v1/formats", "formats", "documents", "Formats of documents that can be checked"),
    Route(
        "post", "/v1/formats/{format}/check", "check_format", "documents",
        "Check a document against its standard, and draft the actions that would record it",
        takes="application/octet-stream",
    ),
    Route(
        "post", "/v1/documents", "put_document", "documents",
        f"Keep a document of at most {DOCUMENT_BYTES_MAX} bytes; the answer is its digest",
        takes="application/octet-stream",
    ),
    Route(
        "get", "/v1/documents/{digest}", "get_document", "documents",
        "A document, byte for byte", "application/octet-stream",
    ),
    Route("get", "/metrics", "metrics", "operation", "Figures for Prometheus", "text/plain"),
    Route("get", "/livez", "alive", "operation", "The process answers", "text/plain"),
    Route("get", "/readyz", "ready", "operation", "Ready to take transactions, or 503"),
    Route(
        "get", "/problems/{code}", "problem", "operation",
        "What an error code means", "text/html",
    ),
)  # fmt: skip

_PARAMETERS: Final[dict[str, tuple[Schema, str]]] = {
    "tx": (HASH, "Transaction id."),
    "height": (HEIGHT, "Height of a block."),
    "contract": (TEXT, "Name of a contract."),
    "number": (HEIGHT, "Number of a proposal."),
    "map": (TEXT, "Name of a map of the contract."),
    "format": (TEXT, "Name of a format."),
    "digest": (HASH, "SHA-256 of the document."),
    "code": (TEXT, "An error code."),
    "before": (HEIGHT, "Only blocks below this height."),
    "limit": ({"type": "integer", "minimum": 1, "maximum": 200}, "Number of blocks or versions."),
    "as_of": (TEXT, "Versions up to this height; or, as `next` of an answer, the page after it."),
    "cosigned": ({"enum": ["0", "1"]}, "1: the newest one with a quorum of witnesses."),
    "old": (HEIGHT, "Smaller size of the log."),
    "new": (HEIGHT, "Larger size of the log."),
    "key": (TEXT, "The key as JSON: a string, an integer or an array."),
    "from_key": (TEXT, "First key, or its first parts, as JSON; by default the beginning."),
    "to_key": (TEXT, "Last key, itself included, or its first parts; by default the end."),
    "rows": ({"type": "integer", "minimum": 1, "maximum": SCAN_ROWS_MAX}, "Most rows."),
    "reverse": ({"enum": ["0", "1"]}, "1: the last rows instead of the first."),
    "evidence": ({"enum": ["0", "1"]}, "1: answer with an evidence file."),
    "since": (HEIGHT, "Only changes agreed at this engine height or above; by default all."),
    "from": (HEIGHT, "First height wanted; Last-Event-ID does the same for reconnects."),
}
_ANSWERS: Final = {
    "ledger": "Ledger",
    "rehearsal": "Rehearsal",
    "genesis": "Genesis",
    "organisations": "Organisations",
    "transaction": "Record",
    "why": "Why",
    "evidence": "Evidence",
    "blocks": "Blocks",
    "block": "Block",
    "leaves": "Leaves",
    "header": "CertifiedHeader",
    "validators": "ValidatorSteps",
    "consistency": "Consistency",
    "cosign": "Nothing",
    "state": "State",
    "history": "History",
    "range": "Range",
    "contracts": "Contracts",
    "contract": "Contract",
    "formats": "Formats",
    "check_format": "Report",
    "put_document": "Kept",
    "ready": "Ready",
    "submit": "Receipt",
}
_REQUIRED_QUERY: Final = frozenset({"old", "new", "key"})


def build_document(descriptions: Iterable[Json], version: str) -> Json:
    """Return the OpenAPI 3.1 document of a ledger with these contracts."""
    paths: dict[str, Json] = {}
    schemas: dict[str, object] = fixed_schemas()
    tags = ["ledger", "transactions", "blocks", "state", "contracts", "documents", "operation"]
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = _fixed_operation(route)
    transactions: list[object] = []
    for description in sorted(descriptions, key=lambda d: str(d["name"])):
        contract = _Contract(description, schemas)
        tags.append(contract.tag)
        transactions += contract.add_to(paths)
    schemas["Transaction"] = {"oneOf": transactions} if transactions else dict(OBJECT)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hanse node",
            "version": version,
            "summary": "A consortium ledger: signed transactions in, provable records out.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {"schemas": schemas, "responses": {"Problem": _problem_response()}},
    }


def _fixed_operation(route: Route) -> Json:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    parameters = [_parameter(name, "path") for name in names]
    parameters += [_parameter(name, "query") for name in route.query]
    schema: Schema = ref(_ANSWERS[route.name]) if route.answer == _JSON else TEXT
    if route.answer == _NDJSON:
        schema = {"type": "string", "description": "Line i answers line i: a Receipt or a Problem."}
    operation = _operation(route.name, route.tag, route.summary)
    operation["responses"] = _responses({route.answer: {"schema": schema}})
    if parameters:
        operation["parameters"] = parameters
    if route.takes:
        body: Schema = OBJECT
        if route.path == "/v1/transactions":
            body = ref("Transaction")
        elif route.path == "/v1/cosignatures":
            body = closed({"note": TEXT})
        elif route.takes == _NDJSON:
            body = {"type": "string", "description": "One Transaction on each line."}
        elif route.takes != _JSON:
            body = {"type": "string", "description": "The document's bytes."}
        operation["requestBody"] = {"required": True, "content": {route.takes: {"schema": body}}}
    return operation


def _parameter(name: str, place: str) -> Json:
    schema, text = _PARAMETERS[name]
    required = place == "path" or name in _REQUIRED_QUERY
    return {"name": name, "in": place, "required": required, "schema": schema, "description": text}


class _Contract:
    """The part of the document that comes from one contract's description."""

    def __init__(self, description: Json, schemas: dict[str, object]) -> None:
        self.name = str(description["name"])
        self.tag = f"contract {self.name}"
        self._description = description
        self._schemas = schemas

    def add_to(self, paths: dict[str, Json]) -> list[object]:
        """Add the contract's paths; return references to its transactions' schemas."""
        base = f"/v1/contracts/{self.name}"
        found: list[object] = []
        for action in _list_of(self._description, "actions"):
            name = str(action["name"])
            arguments = self._component(f"{name}.args", action["args"])
            self._schemas[f"{self.name}.{name}.transaction"] = _transaction(
                self.name, name, arguments
            )
            found.append(ref(f"{self.name}.{name}.transaction"))
            path = f"{base}/actions/{name}/check"
            paths[path] = {"post": self._check(name, action, arguments)}
        for query in _list_of(self._description, "queries"):
            name = str(query["name"])
            arguments = self._component(f"{name}.args", query["args"])
            paths[f"{base}/queries/{name}"] = {"post": self._query(name, query, arguments)}
        return found

    def _check(self, name: str, action: Json, arguments: Schema) -> Json:
        codes = [str(code) for code in _items(action.get("rejects"))]
        text = str(action.get("doc", ""))
        if codes:
            text += "\n\nRefuses, in this order: " + ", ".join(codes) + "."
        if action.get("role"):
            text += f"\n\nRole: {_role(action['role'])}."
        if action.get("also_signed_by"):
            named = action["also_signed_by"]
            text += f"\n\nAlso to be signed, with the same role, for whom `{named}` names."
        operation = _operation(
            f"{self.name}.{name}.check", self.tag, f"Dry run of {name}: what would happen now"
        )
        operation["description"] = text.strip()
        signers = {"type": "array", "items": TEXT}
        parts = {"also_signed_by": signers, "args": arguments, "signer": TEXT}
        operation["requestBody"] = _body(parts, ["args", "signer"])
        answer = closed(
            {
                "code": TEXT,
                "cost": HEIGHT,
                "events": {"type": "array", "items": OBJECT},
                "facts": OBJECT,
                "reason": TEXT,
                "result": self._inline(action.get("result") or {}),
                "status": {"enum": ["ok", "rejected"]},
                "writes": HEIGHT,
            },
            ["cost", "events", "status", "writes"],
        )
        operation["responses"] = _responses({_JSON: {"schema": answer}})
        operation["x-hanse-rejects"] = codes
        return operation

    def _query(self, name: str, query: Json, arguments: Schema) -> Json:
        summary = str(query.get("doc", "")).partition("\n")[0] or name
        operation = _operation(f"{self.name}.{name}", self.tag, summary)
        operation["requestBody"] = _body({"args": arguments, "signer": TEXT}, ["args"])
        result = self._inline(query.get("result") or {})
        answer = closed({"height": HEIGHT, "result": result, "state_root": HASH})
        operation["responses"] = _responses({_JSON: {"schema": answer}})
        return operation

    def _component(self, name: str, schema: object) -> Schema:
        full = f"{self.name}.{name}"
        self._schemas[full] = self._inline(schema)
        return ref(full)

    def _inline(self, schema: object) -> object:
        """Return ``schema`` with every record replaced by a reference to its component."""
        if isinstance(schema, list):
            return [self._inline(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        inner = {str(k): self._inline(v) for k, v in schema.items()}
        title = inner.get("title")
        if inner.get("type") != "object" or not isinstance(title, str):
            return inner
        full = f"{self.name}.{title}"
        while self._schemas.setdefault(full, inner) != inner:
            full += "_"  # two records of one name and different fields, from two modules
        return ref(full)


def _transaction(contract: str, action: str, arguments: Schema) -> Schema:
    body: dict[str, object] = {
        "action": {"const": action},
        "args": arguments,
        "contract": {"const": contract},
        "cost_max": HEIGHT,
        "expires_ms": HEIGHT,
        "key": TEXT,
        "ledger": HASH,
        "nonce": HASH,
        "private": OBJECT,
        "signer": {"type": "string", "description": "member@organisation"},
        "v": {"const": 1},
    }
    required = [name for name in body if name != "private"]
    return closed({"body": closed(body, required), "signatures": ref("Signatures")})


def _operation(name: str, tag: str, summary: str) -> Json:
    return {"operationId": name, "tags": [tag], "summary": summary}


def _body(properties: dict[str, object], required: list[str] | None = None) -> Json:
    return {"required": True, "content": {_JSON: {"schema": closed(properties, required)}}}


def _responses(content: Json) -> Json:
    return {
        "200": {"description": "The answer.", "content": content},
        "default": {"$ref": "#/components/responses/Problem"},
    }


def _problem_response() -> Json:
    content = {"application/problem+json": {"schema": ref("Problem")}}
    return {"description": "A problem with a stable code (RFC 9457).", "content": content}


def _role(role: object) -> str:
    return ", ".join(map(str, role)) if isinstance(role, list | tuple) else str(role)


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _list_of(description: Json, name: str) -> list[Json]:
    return [item for item in _items(description.get(name)) if isinstance(item, dict)]
