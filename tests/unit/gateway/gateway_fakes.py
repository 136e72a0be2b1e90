# SPDX-License-Identifier: Apache-2.0
"""A node that answers at once from memory, and a caller that speaks ASGI."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hanse.codec.base64url import to_text
from hanse.codec.canonical import decode
from hanse.codec.limits import TX_BYTES_MAX
from hanse.codec.problems import problem_bytes
from hanse.errors import HanseError, Malformed

NOTE = {
    "type": "object",
    "title": "Note",
    "description": "A promise to pay.",
    "properties": {
        "id": {"type": "string"},
        "amount_minor": {"type": "integer"},
        "parent": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["id", "amount_minor"],
    "additionalProperties": False,
}
NOTES = {
    "name": "notes",
    "doc": "Notes passed from hand to hand.",
    "version": "1",
    "hash": "A" * 43,
    "actions": [
        {
            "name": "endorse",
            "doc": "Pass a live note on. Rejects: not_live, wrong_organisation.",
            "role": "treasury",
            "args": {
                "type": "object",
                "properties": {"note": NOTE, "to": {"type": "string", "format": "organisation"}},
                "required": ["note", "to"],
                "additionalProperties": False,
            },
            "result": NOTE,
            "rejects": ["not_live", "wrong_organisation"],
        }
    ],
    "queries": [
        {
            "name": "mine",
            "doc": "The notes I hold.",
            "args": {"type": "object", "properties": {}, "required": []},
            "result": {"type": "array", "items": NOTE},
        }
    ],
    "events": [],
    "maps": [],
    "source": "class Notes(Contract): ...",
}


@dataclass(frozen=True)
class FakeAnswer:
    ok: bool
    body: bytes
    status: int = 200


@dataclass(frozen=True)
class FakeRecord:
    transaction: bytes
    receipt: bytes
    height: int = 1
    index: int = 1
    sentence: str = "alice@acme ran endorse on notes."


@dataclass
class FakeDocuments:
    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, data: bytes) -> str:
        digest = to_text(hashlib.sha256(data).digest())
        self.kept[digest] = data
        return digest

    def find(self, digest: str) -> bytes | None:
        return self.kept.get(digest)


class FakeNode:
    """Keeps the protocol of ``hanse.gateway.seam.NodeService``."""

    ledger = "L" * 43
    genesis_bytes = b'{"network":"fake","v":1}'

    def __init__(self) -> None:
        self.documents = FakeDocuments()
        self.submitted: list[bytes] = []
        self.asked: list[object] = []
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.in_flight = 0
        self.in_flight_max = 0
        self.blocks_to_feed: list[dict[str, object]] = []
        self.live: asyncio.Queue[dict[str, object]] | None = None
        self.is_ready = True
        self.changed = asyncio.Event()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once ``holds`` is true, looked at after each call of the node."""
        while not holds():
            self.changed.clear()
            await self.changed.wait()

    async def submit(self, raws: Sequence[bytes]) -> list[FakeAnswer]:
        self.in_flight += len(raws)
        self.changed.set()
        self.in_flight_max = max(self.in_flight, self.in_flight_max)
        if self.gate is not None:
            await self.gate.wait()
        self.in_flight -= len(raws)
        if self.failure is not None:
            raise self.failure
        return [self._answer(raw) for raw in raws]

    def _answer(self, raw: bytes) -> FakeAnswer:
        try:
            if not isinstance(decode(raw, TX_BYTES_MAX), dict):
                raise Malformed(reason="a transaction is an object")
        except HanseError as error:
            return FakeAnswer(False, problem_bytes(error), error.status)
        self.submitted.append(raw)
        tx = to_text(hashlib.sha256(raw).digest())
        return FakeAnswer(True, b'{"status":"ok","tx":"' + tx.encode() + b'"}')

    def _ask(self, *what: object) -> None:
        self.asked.append(what)
        self.changed.set()
        if self.failure is not None:
            raise self.failure

    def status(self) -> dict[str, object]:
        self._ask("status")
        return {"ledger": self.ledger, "height": 7, "version": "0.1.0"}

    def record(self, tx: str) -> FakeRecord | None:
        return FakeRecord(b'{"body":{}}', b'{"status":"ok"}') if tx == "T1" else None

    def why(self, tx: str) -> dict[str, object]:
        return {"code": "not_live", "tx": tx}

    async def evidence_record(self, tx: str) -> bytes:
        return b'{"kind":"record","v":1}'

    async def evidence_state(self, contract: str, name: str, key_json: str) -> bytes:
        return b'{"kind":"state","v":1}'

    async def state(self, contract: str, name: str, key_json: str) -> dict[str, object]:
        return {"contract": contract, "map": name, "key": key_json}

    def blocks(self, before: int | None, limit: int) -> list[dict[str, object]]:
        self._ask("blocks", before, limit)
        return [{"height": 7}]

    async def block(self, height: int) -> dict[str, object] | None:
        return {"header": {"height": height}} if height <= 7 else None

    async def leaves(self, height: int) -> dict[str, object] | None:
        return {"leaves": []} if height <= 7 else None

    async def header(self, height: int) -> dict[str, object] | None:
        return {"header": {}} if height <= 7 else None

    async def validators(self, since: int) -> list[dict[str, object]]:
        self._ask("validators", since)
        return []

    def checkpoint(self, cosigned: bool) -> str:
        return f"hanse/{self.ledger}\n{int(cosigned)}\n"

    def consistency(self, old: int, new: int) -> list[str]:
        self._ask("consistency", old, new)
        return ["A" * 43]

    def add_cosignature(self, note: str) -> None:
        self._ask("cosign", note)

    async def query(
        self, contract: str, name: str, args: dict[str, object], signer: str | None
    ) -> dict[str, object]:
        self._ask("query", contract, name, args, signer)
        return {"height": 7, "result": [], "state_root": "A" * 43}

    async def check(
        self, contract: str, action: str, args: dict[str, object], signers: tuple[str, ...]
    ) -> dict[str, object]:
        self._ask("check", contract, action, args, signers)
        return {"cost": 1, "events": [], "status": "ok", "writes": 0}

    def contracts(self) -> list[dict[str, object]]:
        return [{"name": "notes", "hash": "A" * 43}]

    def describe(self, contract: str) -> dict[str, object]:
        if contract != "notes":
            raise Malformed(reason="no such contract")
        return NOTES

    def organisations(self) -> list[dict[str, object]]:
        return [{"id": "acme"}]

    async def feed(self, from_height: int | None) -> AsyncIterator[dict[str, object]]:
        self._ask("feed", from_height)
        for block in self.blocks_to_feed:
            yield block
        while self.live is not None:
            yield await self.live.get()

    def formats(self) -> list[dict[str, object]]:
        return [{"name": "epcis"}]

    def check_format(self, name: str, data: bytes, media_type: str | None) -> dict[str, object]:
        self._ask("check_format", name, len(data), media_type)
        return {"verdict": "valid"}

    def metrics(self) -> str:
        return "hanse_height 7\n"

    def ready(self) -> tuple[bool, dict[str, object]]:
        return self.is_ready, {"height": 7}


@dataclass
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        value = decode(self.body)
        assert isinstance(value, dict)
        return value

    @property
    def code(self) -> object:
        assert self.headers["content-type"] == "application/problem+json"
        return self.json()["code"]


@dataclass
class Call:
    """One ASGI exchange; the body comes in ``pieces``."""

    method: str
    path: str
    query: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Iterable[bytes] = (b"",)
    client: str = "192.0.2.1"
    declare: bool = True
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def run(self, app: Any) -> Got:
        pieces = list(self.pieces)
        headers = {"host": "localhost:8420", **self.headers}
        if self.declare and any(pieces):
            headers.setdefault("content-length", str(sum(map(len, pieces))))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": self.path,
            "raw_path": self.path.encode(),
            "root_path": "",
            "query_string": self.query,
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()],
            "client": (self.client, 5555),
            "server": ("127.0.0.1", 8420),
            "state": {},
        }
        done = asyncio.Event()

        async def receive() -> dict[str, object]:
            if pieces:
                piece = pieces.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(pieces)}
            await done.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            self.sent.append(message)

        await app(scope, receive, send)
        return self.got()

    def got(self) -> Got:
        start = self.sent[0]
        pairs: list[tuple[bytes, bytes]] = start["headers"]
        headers = {k.decode(): v.decode("latin-1") for k, v in pairs}
        body = b"".join(m.get("body", b"") for m in self.sent[1:])
        return Got(start["status"], headers, body)


def ask(app: object, method: str, path: str, **rest: Any) -> Got:
    """Run one exchange on a loop of its own."""
    return asyncio.run(Call(method, path, **rest).run(app))
