# SPDX-License-Identifier: Apache-2.0
"""Tiny genuine evidence, made from scratch: a ledger of three blocks that shares no code with ours.

Only signing comes from outside. Everything else is the shortest transcription of ``spec/`` that
works: recursive trees, dictionaries, no thought of speed.
"""

import base64
import copy
import hashlib
import json
from collections.abc import Callable

from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hashes import Hash as HashContext
from tests.verifier import engine

from hanse.crypto.signers import from_private

SEPARATORS = (",", ":")
ZERO = bytes(32)


def canon(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=SEPARATORS).encode()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def std64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def sm3(data: bytes) -> bytes:
    context = HashContext(SM3())
    context.update(data)
    return context.finalize()


def text_key(map_: str, *parts: str) -> bytes:
    return map_.encode() + b"\0" + b"".join(b"\x30" + p.encode() + b"\0" for p in parts)


class Ledger:
    """A network of the given suite with three blocks, and all that evidence of it needs."""

    def __init__(
        self, suite: str = "ed25519-sha256", seed: str = "a", *, cometbft: bool = False,
        quorum: int = 2, genesis: dict | None = None, edit: Callable[[dict], None] | None = None,
        amend: Callable[[str, dict], None] = lambda _what, _document: None,
        changes: dict[int, engine.Powers] | None = None,
    ) -> None:  # fmt: skip
        """Build it; ``edit`` changes the first registry, ``amend`` each new document.

        ``changes`` are those of the validators of a CometBFT engine, by engine height.
        """
        self.amend = amend
        self.suite, self.seed, self.cometbft = suite, seed, cometbft or bool(changes)
        self.hash: Callable[[bytes], bytes] = sm3 if suite == "sm2-sm3" else sha256
        self.genesis = genesis or self._genesis(quorum)
        self.id = b64(self.tag("genesis", self.genesis))
        self.engine = engine.Engine(seed, self.id, changes or {})
        self.state = self._first_state()
        if edit:
            edit(self.state["registry"])
        self.leaves: list[bytes] = []
        self.headers: list[dict] = []
        self.states: list[dict] = []
        self.records: dict[tuple[int, int], tuple[int, dict, dict]] = {}
        self._block([])
        joint = self._transaction("bob@beta", "swap", 3, also=("alice@acme",))
        refused = self._transaction("bob@beta", "move", 2)
        self._block([self._transaction("alice@acme", "move", 1), refused, joint], refuse=1)
        self._block([self._transaction("alice@acme", "move", n) for n in (4, 5)])
        self._withdraw(self.records[2, 1][1]["body"], replacement=None)
        self._block([self._transaction("carol@acme", "withdraw", 6)])

    def signer(self, name: str):
        return from_private(self.suite, sha256(f"{self.seed}/{name}".encode()))

    def tag(self, tag: str, value: object) -> bytes:
        return self.raw_tag(tag, canon(value))

    def raw_tag(self, tag: str, data: bytes) -> bytes:
        return self.hash(f"hanse/{tag}/1".encode() + b"\0" + data)

    def _named(self, who: str, **more: object) -> dict:
        public_key = b64(self.signer(who).public_key)
        return {"public_key": public_key, "suite": self.suite, **more}

    def _genesis(self, quorum: int) -> dict:
        members = ["alice@acme", "bob@beta", "carol@acme"]
        genesis = {
            "contracts": [{"hash": b64(sha256(b"c")), "name": "book", "version": "1.0"}],
            "hash": "sm3" if self.suite == "sm2-sm3" else "sha256",
            "members": [
                {"id": m, "keys": [self._named(m, id="k1", purpose="signing")], "roles": ["maker"]}
                for m in members
            ],
            "network": "Harbour",
            "organisations": [{"id": o, "name": o.title()} for o in ("acme", "beta")],
            "policies": [],
            "rules": {"block_cost_max": 2_000_000, "expiry_ms_max": 86_400_000},
            "time_ms": 1_790_000_000_000,
            "v": 1,
            "validators": [
                self._named("node1", node="node1", organisation="acme"),
                self._named("node2", node="node2", organisation="beta"),
            ],
            "witness_quorum": quorum,
            "witnesses": [self._named(w, name=w) for w in ("w-east", "w-north", "w-south")],
        }
        if self.cometbft:
            genesis["engine_validators"] = engine.validators(self.seed)
        return genesis

    def _first_state(self) -> dict[str, dict[bytes, object]]:
        registry: dict[bytes, object] = {}
        for m in self.genesis["members"]:
            end = 3 if m["id"].startswith("bob") else None
            key = {"from_height": 0, "to_height": end, "purpose": "signing", "suite": self.suite}
            key["public_key"] = b64(self.signer(m["id"]).public_key)
            registry[text_key("keys", m["id"], "k1")] = key
            organisation = m["id"].partition("@")[2]
            member = {"from_height": 0, "organisation": organisation, "to_height": None}
            registry[text_key("members", m["id"])] = member
        versions = [{"from_height": 0, "hash": b64(sha256(b"c")), "version": "1.0"}]
        registry[text_key("contracts", "book")] = {"versions": versions}
        for n in range(40):
            registry[text_key("roles", f"m{n}@beta", "maker")] = {"from_height": 0}
        book = {text_key("lots", f"L{n}"): {"holder": "acme", "kg": n} for n in range(30)}
        return {"registry": registry, "book": book}

    def _transaction(self, signer: str, action: str, n: int, also: tuple[str, ...] = ()) -> dict:
        body = {
            "action": action,
            "args": {"lot": f"L{n}", "note": '\u00e9 "\u65e5" \u0001', "to": ["beta", None, True]},
            "contract": "book", "cost_max": 500 + n, "expires_ms": 1_790_000_060_000, "key": "k1",
            "ledger": self.id, "nonce": b64(sha256(bytes([n]))[:16]), "signer": signer, "v": 1,
        }  # fmt: skip
        self.amend("body", body)
        message = b"hanse/tx/1\0" + canon(body)
        signatures = [
            {"key": "k1", "signature": b64(self.signer(m).sign(message)), "signer": m}
            for m in (signer, *also)
        ]
        self.amend("signatures", {"list": signatures})
        return {"body": body, "signatures": signatures}

    def _withdraw(self, body: dict, replacement: str | None) -> None:
        organisation = body["signer"].partition("@")[2]
        value = {"by": "carol@acme", "height": 3, "reason": "wrong lot", "replacement": replacement}
        key = text_key("withdrawals", b64(self.tag("tx", body)), organisation)
        self.state["registry"][key] = value

    def _block(self, transactions: list[dict], refuse: int = -1) -> None:
        height = len(self.headers)
        for index, transaction in enumerate(transactions):
            receipt = {
                "cost": 7, "events": [{"contract": "book", "event": "Moved", "fields": {"n": 1}}],
                "height": height, "index": index, "status": "ok", "result": None,
                "tx": b64(self.tag("tx", transaction["body"])), "v": 1,
            }  # fmt: skip
            if index == refuse:
                receipt |= {"code": "not_holder", "facts": {"holder": "beta"}, "reason": "no"}
                receipt |= {"events": [], "status": "rejected"}
                del receipt["result"]
            self.amend("receipt", receipt)
            self.records[height, index] = (len(self.leaves), transaction, receipt)
            leaf = self.tag("signed", transaction) + self.tag("receipt", receipt)
            self.leaves.append(leaf)
            self.state["book"][text_key("lots", f"new{height}.{index}")] = {"kg": height}
        self.states.append({name: dict(entries) for name, entries in self.state.items()})
        header = {
            "engine_height": 2 * height, "height": height, "ledger": self.id,
            "log_root": b64(self.log_root(self.leaves)), "log_size": len(self.leaves),
            "previous": b64(self.tag("header", self.headers[-1]) if self.headers else ZERO),
            "rules": b64(self.tag("rules", self.genesis["rules"])),
            "state_root": b64(self.state_root(height)), "time_ms": 1_790_000_000_000 + 500 * height,
            "v": 1, "validators": b64(self.tag("validators", self._validators(2 * height + 1))),
        }  # fmt: skip
        self.amend("header", header)
        self.headers.append(header)
        self.leaves.append(self.tag("header", header))

    def _validators(self, engine_height: int) -> list[dict]:
        if self.cometbft:
            return self.engine.validators(engine_height)
        return self.genesis["validators"]

    # the log, as RFC 9162 section 2.1 defines it

    def log_root(self, leaves: list[bytes]) -> bytes:
        if not leaves:
            return self.hash(b"")
        if len(leaves) == 1:
            return self.hash(b"\0" + leaves[0])
        k = 1 << (len(leaves) - 1).bit_length() - 1
        return self.hash(b"\1" + self.log_root(leaves[:k]) + self.log_root(leaves[k:]))

    def log_path(self, index: int, leaves: list[bytes]) -> list[bytes]:
        if len(leaves) == 1:
            return []
        k = 1 << (len(leaves) - 1).bit_length() - 1
        if index < k:
            return [*self.log_path(index, leaves[:k]), self.log_root(leaves[k:])]
        return [*self.log_path(index - k, leaves[k:]), self.log_root(leaves[:k])]

    # the state tries

    def state_root(self, height: int) -> bytes:
        return self._trie(self._top(height), 0)

    def _top(self, height: int) -> list[tuple[bytes, bytes]]:
        tops = [
            (self.raw_tag("contract", name.encode()), self._trie(self._entries(height, name), 0))
            for name in self.states[height]
        ]
        return sorted(tops)

    def _entries(self, height: int, contract: str) -> list[tuple[bytes, bytes]]:
        entries = self.states[height].get(contract, {}).items()
        return sorted((self.raw_tag("key", k), self.tag("value", v)) for k, v in entries)

    def _trie(self, entries: list[tuple[bytes, bytes]], depth: int) -> bytes:
        if not entries:
            return ZERO
        if len(entries) <= 16:
            return self.raw_tag("bucket", b"".join(k + v for k, v in entries))
        return self.raw_tag("node", b"".join(self._children(entries, depth)))

    def _children(self, entries: list[tuple[bytes, bytes]], depth: int) -> list[bytes]:
        digits = "0123456789abcdef"
        parts = [[e for e in entries if e[0].hex()[depth] == digit] for digit in digits]
        return [self._trie(part, depth + 1) for part in parts]

    def _path(self, entries: list[tuple[bytes, bytes]], key: bytes) -> tuple[list, list]:
        siblings: list[str] = []
        while len(entries) > 16:
            depth, digit = len(siblings), key.hex()[len(siblings)]
            children = self._children(entries, depth)
            del children[int(digit, 16)]
            siblings.append(b64(b"".join(children)))
            entries = [e for e in entries if e[0].hex()[depth] == digit]
        return [b64(k + v) for k, v in entries], siblings

    def proof(self, height: int, contract: str, *keys: bytes) -> dict:
        entries, values = self._entries(height, contract), self.states[height].get(contract, {})
        found = []
        for key in keys:
            bucket, siblings = [], []
            if entries:
                bucket, siblings = self._path(entries, self.raw_tag("key", key))
            found.append({"bucket": bucket, "siblings": siblings})
            if key in values:
                found[-1]["value"] = values[key]
        name = self.raw_tag("contract", contract.encode())
        top, top_siblings = self._path(self._top(height), name)
        return {"bucket": top, "entries": found, "siblings": top_siblings}

    # checkpoints and evidence

    def note(self, height: int, witnesses: tuple[str, ...] = ("w-east", "w-south")) -> str:
        size = self.headers[height]["log_size"] + 1
        root = self.log_root(self.leaves[:size])
        body = f"hanse/{self.id}\n{size}\n{std64(root)}\n"
        signature = self.signer("node1").sign(body.encode())
        lines = [self._line("node1@acme", "node1", (b"\1", "hanse/"), signature)]
        for name in witnesses:
            seconds = 1_790_000_000 + height
            message = f"cosignature/v1\ntime {seconds}\n{body}".encode()
            payload = seconds.to_bytes(8, "big") + self.signer(name).sign(message)
            lines.append(self._line(name, name, (b"\4", "hanse-cosignature/"), payload))
        return body + "\n" + "".join(lines)

    def _line(self, name: str, key: str, kind: tuple[bytes, str], payload: bytes) -> str:
        tag = kind[0] if self.suite.startswith("ed") else b"\xff" + (kind[1] + self.suite).encode()
        key_id = sha256(name.encode() + b"\n" + tag + self.signer(key).public_key)[:4]
        return f"\u2014 {name} {std64(key_id + payload)}\n"

    def certificate(self, height: int, *, embedded: bool | None = None) -> dict:
        header = self.headers[height]
        if self.cometbft and not embedded:
            height = header["engine_height"] + 1
            made = self.engine.certificate(height, self.tag("header", header))
            return made | {"steps": self.engine.steps(1, height)}
        size = header["log_size"] + 1
        path = [b64(p) for p in self.log_path(size - 1, self.leaves[:size])]
        return {"engine": "embedded", "header_path": path, "note": self.note(height)}

    def _common(self, height: int, kind: str) -> dict:
        return {
            "certificate": self.certificate(height), "genesis": self.genesis,
            "header": self.headers[height], "kind": kind, "v": 1,
        }  # fmt: skip

    def record(self, at: tuple[int, int], height: int) -> dict:
        leaf, transaction, receipt = self.records[at]
        body, size = transaction["body"], self.headers[height]["log_size"]

        path = [b64(p) for p in self.log_path(leaf, self.leaves[:size])]
        organisation = body["signer"].partition("@")[2]
        keys = [text_key("contracts", body["contract"])]
        keys.append(text_key("withdrawals", b64(self.tag("tx", body)), organisation))
        for signature in transaction["signatures"]:
            keys.append(text_key("keys", signature["signer"], signature["key"]))
            keys.append(text_key("members", signature["signer"]))
        file = self._common(height, "record") | {
            "record": {"index": leaf, "path": path, "receipt": receipt, "transaction": transaction},
            "state": self.proof(height, "registry", *keys),
        }  # fmt: skip
        return self.sealed(copy.deepcopy(file))

    def value(self, contract: str, key: bytes, height: int) -> dict:
        file = self._common(height, "state") | {"contract": contract, "key": b64(key)}
        return self.sealed(copy.deepcopy(file | {"state": self.proof(height, contract, key)}))

    def sealed(self, file: dict) -> dict:
        """Return the file with the digest over all the rest of it."""
        rest = {name: value for name, value in file.items() if name != "digest"}
        return rest | {"digest": b64(self.tag("evidence", rest))}

    def seal(self, file: dict) -> bytes:
        """Return the bytes of a file that was changed, its digest made anew."""
        return canon(self.sealed(file))

    def genuine(self) -> dict[str, bytes]:
        """Return one file of each kind, by name."""
        files = {
            "record": self.record((1, 0), 3),
            "record of the last block": self.record((3, 0), 3),
            "refusal": self.record((1, 1), 3),
            "joint record": self.record((1, 2), 3),
            "joint record, older header": self.record((1, 2), 1),
            "withdrawn record": self.record((2, 1), 3),
            "record before its withdrawal": self.record((2, 1), 2),
            "state value": self.value("book", text_key("lots", "L7"), 3),
            "state value, older header": self.value("book", text_key("lots", "L7"), 2),
            "absent key": self.value("book", text_key("lots", "L99"), 3),
            "absent contract": self.value("toll", text_key("lots", "L7"), 3),
        }
        return {name: canon(file) for name, file in files.items()}
