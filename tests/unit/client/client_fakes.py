# SPDX-License-Identifier: Apache-2.0
"""A ledger and its gateway in memory: honest by itself, made to lie by the tests."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from hanse.client._genesis import Genesis, decode_genesis
from hanse.client._http import Request, Response
from hanse.client._state import state_key
from hanse.client.note import (
    Checkpoint,
    Note,
    NoteLine,
    build_operator_line,
    build_witness_line,
    encode_note,
    parse_note,
    with_lines,
)
from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import (
    TAG_HEADER,
    TAG_KEY,
    TAG_VALUE,
    decode_transaction,
    record_leaf,
)
from hanse.contracts.keys import encode_key
from hanse.crypto import SHA256
from hanse.crypto.signers import Signer, from_private
from hanse.errors import Rejected
from hanse.merkle.log import Frontier, consistency_path, inclusion_path, leaf_hash
from hanse.merkle.paths import StatePath
from hanse.merkle.trie import StateTries

START_MS = 1_790_000_000_000
Lie = Callable[[Request, Response], Response]


def signer_of(name: str, suite: str = "ed25519-sha256") -> Signer:
    return from_private(suite, SHA256(name.encode()))


class _Pages:
    def get(self, page_key: bytes) -> bytes | None:
        return None


def build_genesis(network: str = "Harbour", quorum: int = 0, operator: str = "node1") -> bytes:
    def named(name: str, /, **more: object) -> dict[str, object]:
        return {
            "public_key": to_text(signer_of(name).public_key),
            "suite": "ed25519-sha256",
            **more,
        }

    return encode(
        {
            "contracts": [{"hash": to_text(bytes(32)), "name": "book", "version": "1"}],
            "hash": "sha256",
            "members": [],
            "network": network,
            "organisations": [],
            "policies": [],
            "rules": {"block_cost_max": 2_000_000},
            "time_ms": START_MS,
            "v": 1,
            "validators": [named(operator, node="node1", organisation="acme")],
            "witness_quorum": quorum,
            "witnesses": [named(w, name=w) for w in ("w-east", "w-west")],
        }
    )


@dataclass(frozen=True)
class Block:
    header: bytes
    header_path: list[bytes]
    frontier: Frontier
    leaves: list[bytes]
    records: list[tuple[bytes, bytes]]
    note: Note


class FakeLedger:
    """One operator's ledger: contract ``book`` with ``put`` (key, value) and ``refuse``."""

    def __init__(self, genesis: bytes | None = None, operator: str = "node1") -> None:
        self.genesis: Genesis = decode_genesis(genesis or build_genesis())
        self.operator = signer_of(operator)
        self.hash = self.genesis.hash
        self.frontier = Frontier(self.hash)
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.tries = StateTries(self.hash, _Pages())
        self.values: dict[tuple[str, bytes], object] = {}
        self.blocks: list[Block] = []
        self.seen: dict[bytes, bytes] = {}
        self.cosigned: dict[int, list[NoteLine]] = {}
        self.state_root = bytes(32)
        self.close_block([])

    def submit(self, raws: list[bytes]) -> list[bytes]:
        """Answer each line: the receipt again, a new one, or a problem; new ones make one block."""
        answers: list[bytes | None] = []
        fresh: list[tuple[bytes, bytes, dict]] = []
        for raw in raws:
            try:
                found = decode_transaction(raw, self.hash.tagged)
            except Rejected as error:
                answers.append(problem(error.code, 400))
                continue
            if found.id in self.seen:
                answers.append(self.seen[found.id])
                continue
            if found.body.ledger != self.genesis.ledger:
                answers.append(problem("wrong_ledger", 409, tx=to_text(found.id)))
                continue
            document = {
                "action": found.body.action,
                "args": json.loads(bytes(found.body.args)),
            }
            fresh.append((raw, found.id, document))
            answers.append(None)
        receipts = iter(self.execute(fresh)) if fresh else iter(())
        return [next(receipts) if answer is None else answer for answer in answers]

    def execute(self, fresh: list[tuple[bytes, bytes, dict]]) -> list[bytes]:
        height = len(self.blocks)
        records: list[tuple[bytes, bytes]] = []
        for index, (raw, tx, call) in enumerate(fresh):
            receipt = {
                "cost": 40, "events": [], "height": height, "index": index, "status": "ok",
                "tx": to_text(tx), "v": 1,
            }  # fmt: skip
            if call["action"] == "put":
                self.put("book", "lots", call["args"]["key"], call["args"]["value"])
                fields = {"key": call["args"]["key"]}
                receipt["events"] = [{"contract": "book", "event": "Put", "fields": fields}]
                receipt["result"] = call["args"]
            else:
                receipt |= {"code": "not_holder", "facts": {"holder": "acme"}, "reason": "no"}
                receipt["status"] = "rejected"
            records.append((raw, encode(receipt)))
            self.seen[tx] = records[-1][1]
        self.close_block(records)
        return [receipt for _, receipt in records]

    def put(self, contract: str, collection: str, key: object, value: object) -> None:
        where = state_key(collection, key)
        self.values[contract, where] = value
        kh = self.hash.tagged(TAG_KEY, where)
        vh = self.hash.tagged(TAG_VALUE, encode(value))
        self.state_root = self.tries.update({contract: {kh: vh}})

    def close_block(self, records: list[tuple[bytes, bytes]]) -> None:
        leaves = [leaf_hash(self.hash, record_leaf(*r, self.hash.tagged)) for r in records]
        before = self.frontier
        self._append(leaves)
        height = len(self.blocks)
        previous = self.block_id(height - 1) if height else bytes(32)
        header = encode(
            {
                "engine_height": height, "height": height, "ledger": self.genesis.ledger,
                "log_root": to_text(self.frontier.root()), "log_size": self.frontier.size,
                "previous": to_text(previous), "rules": self.genesis.rules,
                "state_root": to_text(self.state_root), "time_ms": START_MS + 500 * height,
                "v": 1, "validators": self.validators_at(height),
            }
        )  # fmt: skip
        self._append([leaf_hash(self.hash, self.hash.tagged(TAG_HEADER, header))])
        size = self.frontier.size
        path = inclusion_path(self.hash, self._node, size - 1, size)
        checkpoint = Checkpoint(self.genesis.ledger, size, self.frontier.root())
        line = build_operator_line(checkpoint, "node1@acme", self.operator)
        note = Note(checkpoint, (line,))
        self.blocks.append(Block(header, path, before, leaves, records, note))

    def validators_at(self, height: int) -> str:
        return self.genesis.validators

    def steps(self, since: int) -> dict:
        return {"steps": []}

    def _append(self, leaves: list[bytes]) -> None:
        self.frontier, nodes = self.frontier.append(leaves)
        self.nodes |= {(level, index): digest for level, index, digest in nodes}

    def _node(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def block_id(self, height: int) -> bytes:
        return self.hash.tagged(TAG_HEADER, self.blocks[height].header)

    def note(self, height: int) -> Note:
        return with_lines(self.blocks[height].note, self.cosigned.get(height, []))

    def cosign(self, height: int, *names: str) -> None:
        checkpoint = self.blocks[height].note.checkpoint
        self.cosigned[height] = [
            build_witness_line(checkpoint, n, signer_of(n), START_MS // 1000) for n in names
        ]

    def certified(self, height: int) -> dict:
        block = self.blocks[height]
        certificate = {
            "engine": "embedded",
            "header_path": [to_text(h) for h in block.header_path],
            "note": encode_note(self.note(height)),
        }
        return {"certificate": certificate, "header": msgspec.Raw(block.header)}

    def leaves(self, height: int) -> dict:
        block = self.blocks[height]
        return self.certified(height) | {
            "frontier": [to_text(p) for p in block.frontier.peaks],
            "leaves": [to_text(leaf) for leaf in block.leaves],
        }

    def block(self, height: int) -> dict:
        return self.certified(height) | {
            "block_id": to_text(self.block_id(height)),
            "records": [_record(*r) for r in self.blocks[height].records],
        }

    def state(self, contract: str, key: bytes) -> dict:
        path, top = self.tries.prove(contract, self.hash.tagged(TAG_KEY, key))
        value = self.values.get((contract, key))
        entry = _path(path) | ({"value": value} if (contract, key) in self.values else {})
        proof = _path(top) | {"entries": [entry]}
        return self.certified(len(self.blocks) - 1) | {"proof": proof}

    def consistency(self, old: int, new: int) -> dict:
        if not 0 < old <= new <= self.frontier.size:
            raise KeyError
        path = consistency_path(self.hash, self._node, old, new)
        return {"path": [to_text(h) for h in path]}

    def record(self, tx: str) -> dict:
        for block in self.blocks:
            for raw, receipt in block.records:
                if json.loads(receipt)["tx"] == tx:
                    return _record(raw, receipt)
        raise KeyError


def _record(raw: bytes, receipt: bytes) -> dict:
    sentence = "alice put a lot"
    return {
        "receipt": msgspec.Raw(receipt),
        "sentence": sentence,
        "transaction": msgspec.Raw(raw),
    }


def _path(path: StatePath) -> dict:
    bucket = [to_text(kh + vh) for kh, vh in path.bucket]
    return {"bucket": bucket, "siblings": [to_text(s) for s in path.siblings]}


def problem(code: str, status: int, **facts: object) -> bytes:
    return encode(
        {"code": code, "status": status, "title": code, "type": f"/problems/{code}", **facts}
    )


class FakeGateway:
    """The HTTP API of :class:`FakeLedger`, without HTTP; ``lie`` may change any answer."""

    def __init__(self, ledger: FakeLedger, lie: Lie | None = None) -> None:
        self.ledger = ledger
        self.lie = lie
        self.requests: list[Request] = []
        self.feed_chunks: list[bytes] = []
        self.wanted = 0  # height of the checkpoint that the node wants cosigned; 0 is the newest

    def exchange(self, request: Request) -> Response:
        self.requests.append(request)
        try:
            body = self.answer(request)
            response = Response(200, "application/json", body)
        except (KeyError, IndexError):
            body = problem("not_found", 404)
            response = Response(404, "application/problem+json", body)
        return self.lie(request, response) if self.lie else response

    def count(self, prefix: str) -> int:
        return sum(request.path.startswith(prefix) for request in self.requests)

    def answer(self, request: Request) -> bytes:  # noqa: C901  # one case for each route
        parts = urlsplit(request.path)
        steps = [unquote(s) for s in parts.path.split("/")[2:]]
        asked = {k: v[0] for k, v in parse_qs(parts.query).items()}
        ledger = self.ledger
        match [request.method, *steps]:
            case ["GET", "ledger"]:
                height = len(ledger.blocks) - 1
                return encode({"height": height, "ledger": ledger.genesis.ledger})
            case ["GET", "genesis"]:
                return ledger.genesis.raw
            case ["POST", "transactions"]:
                return ledger.submit([request.body])[0]
            case ["POST", "transactions", "batch"]:
                lines = request.body.removesuffix(b"\n").split(b"\n")
                return b"\n".join(ledger.submit(lines)) + b"\n"
            case ["GET", "transactions", tx]:
                return encode(ledger.record(tx))
            case ["GET", "blocks", height]:
                return encode(ledger.block(int(height)))
            case ["GET", "blocks", height, "leaves"]:
                return encode(ledger.leaves(int(height)))
            case ["GET", "headers", height]:
                return encode(ledger.certified(int(height)))
            case ["GET", "validators"]:
                return encode(ledger.steps(int(asked["since"])))
            case ["GET", "checkpoint"]:
                heights = range(len(ledger.blocks)) if "cosigned" not in asked else ledger.cosigned
                height = self.wanted or max(heights, default=-1)
                return encode_note(ledger.note(height)).encode()
            case ["GET", "consistency"]:
                return encode(ledger.consistency(int(asked["old"]), int(asked["new"])))
            case ["GET", "state", contract, collection]:
                key = encode_key(_tuple(json.loads(asked["key"])))
                return encode(ledger.state(contract, collection.encode() + b"\0" + key))
            case ["POST", "cosignatures"]:
                note = parse_note(json.loads(request.body)["note"])
                height = [b.note.checkpoint for b in ledger.blocks].index(note.checkpoint)
                ledger.cosigned[height] = list(note.lines[1:])
                return b"{}"
            case ["POST", "contracts", _, "queries", name]:
                found = {"asked": json.loads(request.body), "name": name}
                return encode({"height": 1, "result": found, "state_root": "x"})
            case ["POST", "contracts", _, "actions", _, "check"]:
                return encode({"cost": 40, "events": [], "status": "ok", "writes": 1})
            case ["POST", "documents"]:
                return encode({"bytes": len(request.body), "digest": to_text(SHA256(request.body))})
            case ["GET", "documents", _]:
                return b"a document"
            case ["POST", "formats", _, "check"]:
                return self.check(request.body)
        raise KeyError

    def check(self, data: bytes) -> bytes:
        fatal = b"bad" in data
        draft = {"action": "put", "args": {"key": "L9", "value": 9}, "contract": "book"}
        return encode(
            {
                "drafts": [draft],
                "findings": [{"code": "x", "fatal": fatal}],
                "document_digest": to_text(SHA256(data)),
                "verdict": "invalid" if fatal else "valid",
            }
        )

    def stream(self, path: str, last_event_id: str) -> Iterator[bytes]:
        self.requests.append(Request("GET", path + "#" + last_event_id))
        yield from self.feed_chunks
        self.feed_chunks = []

    def close(self) -> None:
        pass


def _tuple(value: object) -> object:
    return tuple(_tuple(v) for v in value) if isinstance(value, list) else value


def edited(path: str, change: Callable[[dict], object]) -> Lie:
    """Lie in every JSON answer below ``path``: ``change`` edits the document in place."""

    def lie(request: Request, response: Response) -> Response:
        if not request.path.startswith(path) or response.status != 200:
            return response
        document = json.loads(response.body)
        other = change(document)
        body = encode(other if isinstance(other, dict) else document)
        return Response(200, response.content_type, body)

    return lie
