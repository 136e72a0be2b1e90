# SPDX-License-Identifier: Apache-2.0
"""The six steps, in the order and by the names of ``spec/evidence.md``; begin at :func:`verify`."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from hanse_verify.canonical import EvidenceError, b64, decode, encode, unb64
from hanse_verify.cometbft import check_commit
from hanse_verify.merkle import check_state, log_root, tagged
from hanse_verify.note import check_note, parse_note
from hanse_verify.shapes import CERTIFICATES, FILES, VALUES, check
from hanse_verify.statekey import KEY_BYTES_MAX, encode_key, read_key
from hanse_verify.suites import HASHES, check_signature

BYTES_MAX: Final = 4 * 1024 * 1024  # of an evidence file
SIGNATURES_MAX: Final = 8  # on one transaction
WITNESSES_MAX: Final = 32  # named by a genesis document


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
    """The verdict and how it came about; the rest is as claimed, and proved if the verdict is good."""

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
    steps = (
        ("format", case.check_format),
        ("signature", case.check_signature),
        ("inclusion", case.check_inclusion),
        ("finality", case.check_finality),
        ("key status", case.check_key_status),
        ("withdrawal", case.check_withdrawal),
    )
    for name, step in steps:
        try:
            result.steps.append(Step(name, passed=True, detail=step()))
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
        self.data = data
        self.trust = trust
        self.result = Result()

    def digest(self, tag: str, value: object) -> bytes:
        """Return the tagged hash of the canonical bytes of ``value``."""
        return tagged(self.hash, f"hanse/{tag}/1", encode(value))

    def check_format(self) -> str:
        """1: one canonical encoding, known version, exact fields, within limits."""
        if len(self.data) > BYTES_MAX:
            raise EvidenceError(f"more than {BYTES_MAX} bytes")
        file = self.file = decode(self.data.removesuffix(b"\n"))
        kind = file.get("kind") if type(file) is dict else None
        if kind not in ("record", "state"):
            raise EvidenceError("neither evidence of a record nor of a state value")
        check(file, FILES[kind])
        genesis, header = file["genesis"], file["header"]
        # one validator of many must not speak for all: the ledger, not the file, names the engine
        engine = "cometbft" if "engine_validators" in genesis else "embedded"
        check(file["certificate"], CERTIFICATES[engine], "$.certificate")
        witnesses = {witness["name"] for witness in genesis["witnesses"]}
        if len(witnesses) != len(genesis["witnesses"]) or len(witnesses) > WITNESSES_MAX:
            raise EvidenceError(f"more than {WITNESSES_MAX} witnesses, or one named twice")
        if not genesis["validators"] or genesis["witness_quorum"] > len(witnesses):
            raise EvidenceError("a ledger without validator, or a quorum out of reach")
        self.hash = HASHES[genesis["hash"]]
        self.ledger = b64(self.digest("genesis", genesis))
        self.proofs = self._list_proofs() if kind == "record" else [(file["state"], "", b"")]
        for proof, map_, _ in self.proofs:
            if not 0 < len(unb64(proof["key"])) <= KEY_BYTES_MAX:
                raise EvidenceError(f"a state key has 1 to {KEY_BYTES_MAX} bytes")
            if map_ and (proof["present"] or map_ != "withdrawals"):
                check(proof["value"], VALUES[map_], f"$ value in {map_}")
        self._claim(kind, header)
        return f"{len(self.data)} bytes of evidence of a {kind}, version 1"

    def _list_proofs(self) -> list[tuple[dict[str, Any], str, bytes]]:
        """Return the registry's entries for a record: proof, map, and the key that it must be of."""
        file, transaction = self.file, self.file["record"]["transaction"]
        body, signatures = transaction["body"], transaction["signatures"]
        pairs = [(signature["signer"], signature["key"]) for signature in signatures]
        if not 1 <= len(signatures) == len(file["keys"]) <= SIGNATURES_MAX:
            raise EvidenceError(f"not 1 to {SIGNATURES_MAX} signatures, with a key for each")
        if pairs[0] != (body["signer"], body["key"]) or len(set(pairs)) != len(pairs):
            raise EvidenceError("the first signature is not the signer's, or one is repeated")
        if (file["record"]["receipt"]["status"] == "rejected") != (
            "code" in file["record"]["receipt"]
        ):
            raise EvidenceError("a refusal has a code, and nothing else has")
        proofs = []
        for keys, (signer, key) in zip(file["keys"], pairs, strict=True):
            proofs.append((keys["key"], "keys", encode_key("keys", signer, key)))
            proofs.append((keys["member"], "members", encode_key("members", signer)))
        self.tx, organisation = b64(self.digest("tx", body)), body["signer"].partition("@")[2]
        withdrawal = encode_key("withdrawals", self.tx, organisation)
        proofs.append((file["contract"], "contracts", encode_key("contracts", body["contract"])))
        return [*proofs, (file["withdrawal"], "withdrawals", withdrawal)]

    def _claim(self, kind: str, header: dict[str, Any]) -> None:
        result = self.result
        result.ledger, result.kind, result.height = self.ledger, kind, header["height"]
        result.as_of_height, result.as_of_time_ms = header["height"], header["time_ms"]
        if kind == "state":
            proof = self.file["state"]
            map_, key = read_key(unb64(proof["key"]))
            claim = {"contract": proof["contract"], "key": key, "map": map_}
            result.claim = claim | {"present": proof["present"], "value": proof["value"]}
            return
        record = self.file["record"]
        body, receipt = record["transaction"]["body"], record["receipt"]
        result.height = receipt["height"]
        result.claim = {name: body[name] for name in ("action", "contract", "signer")}
        result.claim |= {
            name: receipt[name] for name in ("code", "status", "tx") if name in receipt
        }

    def check_signature(self) -> str:
        """2: every signature is of exactly this transaction, by its suite's one rule."""
        if self.file["kind"] == "state":
            return "no signature belongs to a state value"
        transaction = self.file["record"]["transaction"]
        message = b"hanse/tx/1\0" + encode(transaction["body"])
        for signature, keys in zip(transaction["signatures"], self.file["keys"], strict=True):
            suite, key = keys["key"]["value"]["suite"], unb64(keys["key"]["value"]["public_key"])
            check_signature(suite, key, message, unb64(signature["signature"]))
        return f"signed by {', '.join(s['signer'] for s in transaction['signatures'])}"

    def check_inclusion(self) -> str:
        """3: the record is in the log of this header, the state values are in its state."""
        header = self.file["header"]
        if header["ledger"] != self.ledger:
            raise EvidenceError("the header is of another ledger than the genesis document")
        for proof, map_, key in self.proofs:
            if map_ and (proof["contract"] != "registry" or unb64(proof["key"]) != key):
                raise EvidenceError(f"a proof is of another entry in {map_} than it must be")
            check_state(self.hash, unb64(header["state_root"]), proof)
        if self.file["kind"] == "state":
            return f"in the state of height {header['height']}"
        record = self.file["record"]
        transaction, receipt = record["transaction"], record["receipt"]
        if transaction["body"]["ledger"] != self.ledger:
            raise EvidenceError("the transaction is for another ledger")
        if receipt["tx"] != self.tx or receipt["height"] > header["height"]:
            raise EvidenceError("the receipt is of another transaction, or newer than the header")
        leaf = self.digest("signed", transaction) + self.digest("receipt", receipt)
        index, size = record["index"], header["log_size"]
        if log_root(self.hash, leaf, index, size, record["path"]) != unb64(header["log_root"]):
            raise EvidenceError("the record is not in the log of this header")
        return f"leaf {index} of the {size} before the header of height {header['height']}"

    def check_finality(self) -> str:
        """4: the header is final, on the ledger that the trust anchor names."""
        genesis, header, certificate = (
            self.file[name] for name in ("genesis", "header", "certificate")
        )
        for name in ("validators", "rules"):
            if unb64(header[name]) != self.digest(name, genesis[name]):
                raise EvidenceError(f"the header has other {name} than the genesis document")
        block_id, checkpoint = self.digest("header", header), None
        if certificate["engine"] == "cometbft":
            if certificate["engine_header"]["height"] != header["engine_height"] + 1:
                raise EvidenceError("the engine header is not the one after this block")
            detail = f"voting power {check_commit(certificate, genesis, block_id)}"
        else:
            note, size = parse_note(certificate["note"]), header["log_size"] + 1
            root = log_root(self.hash, block_id, size - 1, size, certificate["header_path"])
            if (note.ledger, note.size, note.root) != (self.ledger, size, root):
                raise EvidenceError("the checkpoint is of another ledger, size or root")
            detail, checkpoint = f"signed by {', '.join(check_note(note, genesis))}", (size, root)
        if self.trust is None:
            return f"{detail}; no trust anchor was given"
        anchor = parse_note(self.trust) if is_note(self.trust) else None
        if (anchor.ledger if anchor else self.trust) != self.ledger:
            raise EvidenceError("another ledger than the trust anchor names")
        if anchor and (anchor.size, anchor.root) != checkpoint:
            raise EvidenceError("another checkpoint than the trust anchor")
        return detail

    def check_key_status(self) -> str:
        """5: keys, members and contract were valid at the height of the receipt."""
        if self.file["kind"] == "state":
            return "no key belongs to a state value"
        record = self.file["record"]
        height, signatures = record["receipt"]["height"], record["transaction"]["signatures"]
        for keys, signature in zip(self.file["keys"], signatures, strict=True):
            signer, member = signature["signer"], keys["member"]["value"]
            for entry in (keys["key"]["value"], member):
                end = entry["to_height"]
                if height < entry["from_height"] or (end is not None and height >= end):
                    raise EvidenceError(f"key or membership of {signer} not valid at {height}")
            if keys["key"]["value"]["purpose"] != "signing":
                raise EvidenceError(f"the key of {signer} is not for signing")
            if member["organisation"] != signer.partition("@")[2]:
                raise EvidenceError(f"{signer} is a member of another organisation")
        versions = self.file["contract"]["value"]["versions"]
        if not any(version["from_height"] <= height for version in versions):
            raise EvidenceError(f"the contract was not active at {height}")
        return f"keys, members and contract were valid at height {height}"

    def check_withdrawal(self) -> str:
        """6: not withdrawn as of this header, the newest that is given."""
        header, proof = self.file["header"], self.file.get("withdrawal")
        as_of = f"as of height {header['height']}, {header['time_ms']} ms"
        if proof and proof["present"]:
            value = proof["value"]
            by = f"at height {value['height']} by {value['by']}: {value['reason']}"
            then = f", replaced by {value['replacement']}" if value["replacement"] else ""
            raise _WithdrawnError(f"withdrawn {by}{then}; {as_of}")
        return f"not withdrawn {as_of}"


def is_note(trust: str) -> bool:
    """Tell whether a trust anchor is a checkpoint, not a ledger id."""
    return trust.startswith("hanse/")
