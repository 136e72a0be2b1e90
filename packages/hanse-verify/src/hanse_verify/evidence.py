# SPDX-License-Identifier: Apache-2.0
"""The six steps, in the order and by the names of ``spec/evidence.md``; begin at :func:`verify`."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from hanse_verify.canonical import EvidenceError, b64, decode, encode, unb64
from hanse_verify.cometbft import COMETBFT, check_commit
from hanse_verify.display import read_claim
from hanse_verify.merkle import check_state, log_root, state_key, tagged
from hanse_verify.note import check_note, parse_note
from hanse_verify.shapes import EMBEDDED, FILES, VALUES, check
from hanse_verify.suites import HASHES, check_signature

BYTES_MAX: Final = 4 * 1024 * 1024  # of an evidence file
SIGNATURES_MAX: Final = 8  # on one transaction
WITNESSES_MAX: Final = 32  # named by a genesis document
KEY_BYTES_MAX: Final = 480  # of a state key


class Verdict(StrEnum):
    """What the evidence is worth to whoever holds the trust anchor."""

    VALID = "valid"
    WITHDRAWN = "withdrawn"
    UNKNOWN_ISSUER = "unknown_issuer"
    NOT_VALID = "not_valid"


@dataclass(frozen=True, slots=True)
class Step:
    """One of the six steps, whether it passed, and in words what it found."""

    step: str
    passed: bool
    detail: str


@dataclass(slots=True)
class Result:
    """The verdict, how it came about, and the claim: true if the verdict is good."""

    verdict: Verdict = Verdict.NOT_VALID
    ledger: str | None = None
    kind: str | None = None
    height: int | None = None
    as_of_height: int | None = None
    as_of_time_ms: int | None = None
    steps: list[Step] = field(default_factory=list)
    claim: dict[str, Any] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """Return the result as the document that ``--json`` prints."""
        return asdict(self)


class _WithdrawnError(EvidenceError):
    """Everything holds, and so does a later withdrawal."""


def verify(data: bytes, trust: str | None) -> Result:
    """Return what the evidence file proves to one who trusts the anchor; never raises on bad data.

    Args:
        data: the file; one newline at its end is allowed.
        trust: a ledger id or the text of a checkpoint, got elsewhere than from the file.
    """
    case = _Case(data, trust)
    result, good = case.result, Verdict.UNKNOWN_ISSUER if trust is None else Verdict.VALID
    for name in ("format", "signature", "inclusion", "finality", "key status", "withdrawal"):
        try:
            detail = getattr(case, f"check_{name.replace(' ', '_')}")()
            result.steps.append(Step(name, passed=True, detail=detail))
        except EvidenceError as error:
            result.steps.append(Step(name, passed=False, detail=str(error)))
            if not isinstance(error, _WithdrawnError):
                return result
            good = Verdict.WITHDRAWN if good is Verdict.VALID else good
    result.verdict = good
    return result


class _Case:
    """One file under examination."""

    def __init__(self, data: bytes, trust: str | None) -> None:
        self.data, self.trust, self.result = data, trust, Result()
        self.signed: list[tuple[dict[str, Any], dict[str, Any]]] = []  # signatures with their keys
        self.proofs: list[tuple[dict[str, Any], str, bytes]] = []  # proof, map, key it must be of

    def digest(self, tag: str, value: object) -> bytes:
        """Return the tagged hash of the canonical bytes of ``value``."""
        return tagged(self.hash, f"hanse/{tag}/1", encode(value))

    def check_format(self) -> str:
        """1: one canonical encoding, known version, exact fields, within limits."""
        if len(self.data) > BYTES_MAX:
            raise EvidenceError(f"more than {BYTES_MAX} bytes")
        file = decode(self.data.removesuffix(b"\n"))
        kind = file.get("kind") if isinstance(file, dict) else None
        if kind not in ("record", "state"):
            raise EvidenceError("neither evidence of a record nor of a state value")
        check(file, FILES[kind])
        genesis, self.file, self.header = file["genesis"], file, file["header"]
        # one validator of many must not speak for all: the ledger, not the file, names the engine
        engine = COMETBFT if "engine_validators" in genesis else EMBEDDED
        check(file["certificate"], engine, "$.certificate")
        witnesses = {witness["name"] for witness in genesis["witnesses"]}
        if len(witnesses) != len(genesis["witnesses"]) or len(witnesses) > WITNESSES_MAX:
            raise EvidenceError(f"more than {WITNESSES_MAX} witnesses, or one named twice")
        if not genesis["validators"] or genesis["witness_quorum"] > len(witnesses):
            raise EvidenceError("a ledger without validator, or a quorum out of reach")
        self.hash = HASHES[genesis["hash"]]
        self.ledger = b64(self.digest("genesis", genesis))
        if kind == "record":
            self._check_record_format(file["record"])
        for proof in [proof for proof, _, _ in self.proofs] or [file["state"]]:
            if not 0 < len(unb64(proof["key"])) <= KEY_BYTES_MAX:
                raise EvidenceError(f"a state key has 1 to {KEY_BYTES_MAX} bytes")
        result, header = self.result, self.header
        result.ledger, result.kind = self.ledger, kind
        result.height, result.claim = read_claim(file)
        result.as_of_height, result.as_of_time_ms = header["height"], header["time_ms"]
        return f"{len(self.data)} bytes of evidence of a {kind}, version 1"

    def _check_record_format(self, record: dict[str, Any]) -> None:
        file, receipt, transaction = self.file, record["receipt"], record["transaction"]
        body, signatures = transaction["body"], transaction["signatures"]
        pairs = [(signature["signer"], signature["key"]) for signature in signatures]
        if not 1 <= len(signatures) == len(file["keys"]) <= SIGNATURES_MAX:
            raise EvidenceError(f"not 1 to {SIGNATURES_MAX} signatures, with a key for each")
        if pairs[0] != (body["signer"], body["key"]) or len(set(pairs)) != len(pairs):
            raise EvidenceError("the first signature is not the signer's, or one is repeated")
        if (receipt["status"] == "rejected") != ("code" in receipt):
            raise EvidenceError("a refusal has a code, and nothing else has")
        self.signed = list(zip(signatures, file["keys"], strict=True))
        self.tx, organisation = b64(self.digest("tx", body)), body["signer"].partition("@")[2]
        entries: list[tuple[dict[str, Any], str, tuple[str, ...]]]
        entries = [(file["contract"], "contracts", (body["contract"],))]
        entries += [(file["withdrawal"], "withdrawals", (self.tx, organisation))]
        for signature, keys in self.signed:
            entries += [(keys["key"], "keys", (signature["signer"], signature["key"]))]
            entries += [(keys["member"], "members", (signature["signer"],))]
        for proof, map_, key in entries:
            self.proofs.append((proof, map_, state_key(map_, *key)))
            if proof["present"] or map_ != "withdrawals":  # only that one may be absent
                check(proof["value"], VALUES[map_], f"$ value in {map_}")

    def check_signature(self) -> str:
        """2: every signature is of exactly this transaction, by its suite's one rule."""
        if not self.signed:
            return "no signature belongs to a state value"
        message = b"hanse/tx/1\0" + encode(self.file["record"]["transaction"]["body"])
        for signature, keys in self.signed:
            suite, key = keys["key"]["value"]["suite"], unb64(keys["key"]["value"]["public_key"])
            check_signature(suite, key, message, unb64(signature["signature"]))
        return f"signed by {', '.join(signature['signer'] for signature, _ in self.signed)}"

    def check_inclusion(self) -> str:
        """3: the record is in the log of this header, the state values are in its state."""
        header, state_root = self.header, unb64(self.header["state_root"])
        if header["ledger"] != self.ledger:
            raise EvidenceError("the header is of another ledger than the genesis document")
        if self.file["kind"] == "state":
            check_state(self.hash, state_root, self.file["state"])
            return f"in the state of height {header['height']}"
        record, size = self.file["record"], header["log_size"]
        receipt, transaction = record["receipt"], record["transaction"]
        if transaction["body"]["ledger"] != self.ledger:
            raise EvidenceError("the transaction is for another ledger")
        if receipt["tx"] != self.tx or receipt["height"] > header["height"]:
            raise EvidenceError("the receipt is of another transaction, or newer than the header")
        for proof, map_, key in self.proofs:
            if proof["contract"] != "registry" or unb64(proof["key"]) != key:
                raise EvidenceError(f"a proof is of another entry in {map_} than it must be")
            check_state(self.hash, state_root, proof)
        leaf = self.digest("signed", transaction) + self.digest("receipt", receipt)
        root = log_root(self.hash, leaf, record["index"], size, record["path"])
        if root != unb64(header["log_root"]):
            raise EvidenceError("the record is not in the log of this header")
        return f"leaf {record['index']} of {size} before the header of height {header['height']}"

    def check_finality(self) -> str:
        """4: the header is final, on the ledger that the trust anchor names."""
        genesis, header, certificate = self.file["genesis"], self.header, self.file["certificate"]
        for name in ("validators", "rules"):
            if unb64(header[name]) != self.digest(name, genesis[name]):
                raise EvidenceError(f"the header has other {name} than the genesis document")
        block_id, size, root = self.digest("header", header), header["log_size"] + 1, None
        if certificate["engine"] == "cometbft":
            if certificate["engine_header"]["height"] != header["engine_height"] + 1:
                raise EvidenceError("the engine header is not the one after this block")
            detail = f"voting power {check_commit(certificate, genesis, block_id)}"
        else:
            note = parse_note(certificate["note"])
            root = log_root(self.hash, block_id, size - 1, size, certificate["header_path"])
            if (note.ledger, note.size, note.root) != (self.ledger, size, root):
                raise EvidenceError("the checkpoint is of another ledger, size or root")
            detail = f"signed by {', '.join(check_note(note, genesis))}"
        if self.trust is None:
            return f"{detail}; no trust anchor was given"
        anchor = parse_note(self.trust) if self.trust.startswith("hanse/") else None
        if (anchor.ledger if anchor else self.trust) != self.ledger:
            raise EvidenceError("another ledger than the trust anchor names")
        if anchor and (anchor.size, anchor.root) != (size, root):
            raise EvidenceError("another checkpoint than the trust anchor")
        return detail

    def check_key_status(self) -> str:
        """5: keys, members and contract were valid at the height of the receipt."""
        if not self.signed:
            return "no key belongs to a state value"
        height = self.file["record"]["receipt"]["height"]
        for signature, keys in self.signed:
            signer, key, member = signature["signer"], keys["key"]["value"], keys["member"]["value"]
            for entry in (key, member):
                end = entry["to_height"]
                if height < entry["from_height"] or (end is not None and height >= end):
                    raise EvidenceError(f"key or membership of {signer} not valid at {height}")
            if key["purpose"] != "signing" or member["organisation"] != signer.partition("@")[2]:
                raise EvidenceError(f"{signer}: not a signing key, or of another organisation")
        versions = self.file["contract"]["value"]["versions"]
        if not any(version["from_height"] <= height for version in versions):
            raise EvidenceError(f"the contract was not active at {height}")
        return f"keys, members and contract were valid at height {height}"

    def check_withdrawal(self) -> str:
        """6: not withdrawn as of this header, the newest that is given."""
        as_of = f"as of height {self.header['height']}, {self.header['time_ms']} ms"
        proof = self.file.get("withdrawal")
        if not proof or not proof["present"]:
            return f"not withdrawn {as_of}"
        value = proof["value"]
        then = f", replaced by {value['replacement']}" if value["replacement"] else ""
        by = f"at height {value['height']} by {value['by']}: {value['reason']}{then}"
        raise _WithdrawnError(f"withdrawn {by}; {as_of}")
