# SPDX-License-Identifier: Apache-2.0
"""Evidence files: the verdict on a record or state value, in six steps (``spec/evidence.md``).

The second implementation of that page, over this package's own codec, crypto and Merkle rooms;
``hanse-verify`` is the first. They share no code and must always agree. Nothing here trusts the
file: the trust anchor comes from the reader.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from hanse.client._certificate import verify_header_of, verify_in_note
from hanse.client._claim import claim_of
from hanse.client._documents import (
    Active,
    ContractRecord,
    Evidence,
    KeyRecord,
    MemberRecord,
    WithdrawalRecord,
    decode_evidence,
    decode_registry,
)
from hanse.client._state import StateProof, state_key, verify_state_proof
from hanse.client.note import Checkpoint, parse_note, verify_operator, verify_witnesses
from hanse.codec.base64url import to_bytes, to_hash, to_text
from hanse.codec.documents import record_leaf
from hanse.crypto import suite_named
from hanse.errors import HanseError, ProofInvalid
from hanse.merkle.log import leaf_hash, verify_inclusion

T = TypeVar("T")
Verdict = Literal["valid", "withdrawn", "unknown_issuer", "not_valid"]
STEPS: Final = ("format", "signature", "inclusion", "finality", "key status", "withdrawal")
REGISTRY: Final = "registry"
_LEDGER_ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class Step:
    """One named step and whether it passed; after the first that failed there are no more."""

    step: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Result:
    """A verdict with its reasons; ``ledger`` and below are as claimed when the verdict is bad."""

    verdict: Verdict
    steps: tuple[Step, ...]
    ledger: str | None = None
    kind: str | None = None
    height: int | None = None
    as_of_height: int | None = None
    as_of_time_ms: int | None = None
    claim: dict[str, object] | None = None

    @property
    def exit_code(self) -> int:
        """0 valid; 1 withdrawn or not valid; 5 unknown issuer."""
        return {"valid": 0, "unknown_issuer": 5}.get(self.verdict, 1)

    def to_document(self) -> dict[str, object]:
        """Return the JSON form, the same that ``hanse-verify --json`` prints."""
        return {
            "verdict": self.verdict,
            "ledger": self.ledger,
            "kind": self.kind,
            "height": self.height,
            "as_of_height": self.as_of_height,
            "as_of_time_ms": self.as_of_time_ms,
            "steps": [{"step": s.step, "passed": s.passed, "detail": s.detail} for s in self.steps],
            "claim": self.claim or {},
        }


class _FailedError(Exception):
    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def verify(data: bytes, trust: str | None) -> Result:
    """Return the verdict on the evidence file ``data``; never raises on bad data.

    Args:
        data: the file's bytes; one line feed at the end is allowed.
        trust: the ledger id, or the text of a checkpoint note; ``None``: *unknown issuer* at best.
    """
    steps: list[Step] = []
    try:
        evidence = decode_evidence(data)
    except HanseError as error:
        return Result("not_valid", (Step("format", False, _reason(error)),))
    detail = f"one canonical document of {len(data)} bytes, version 1"
    steps.append(Step("format", True, detail))
    verdict: Verdict = "valid" if trust is not None else "unknown_issuer"
    rules: tuple[Callable[[], str], ...] = (
        lambda: _check_signatures(evidence),
        lambda: _check_inclusion(evidence),
        lambda: _check_finality(evidence, trust),
        lambda: _check_key_status(evidence),
        lambda: _check_withdrawal(evidence),
    )
    for name, rule in zip(STEPS[1:], rules, strict=True):
        try:
            steps.append(Step(name, True, rule()))
        except (HanseError, _FailedError) as error:
            steps.append(Step(name, False, _reason(error)))
            withdrawn = name == "withdrawal" and isinstance(error, _FailedError)
            if not withdrawn:
                verdict = "not_valid"
            elif trust is not None:
                verdict = "withdrawn"
            break
    return _result(verdict, steps, evidence)


def _result(verdict: Verdict, steps: list[Step], evidence: Evidence) -> Result:
    record = evidence.record
    return Result(
        verdict=verdict,
        steps=tuple(steps),
        ledger=evidence.genesis.ledger,
        kind="record" if record else "state",
        height=record.receipt.height if record else evidence.header.height,
        as_of_height=evidence.header.height,
        as_of_time_ms=evidence.header.time_ms,
        claim=claim_of(evidence),
    )


def _reason(error: HanseError | _FailedError) -> str:
    if isinstance(error, _FailedError):
        return error.detail
    reason = error.facts().get("reason")
    at = error.facts().get("at", "$")
    return str(error) if reason is None else f"{reason}" + (f" (at {at})" if at != "$" else "")


# 2 signature: the signer's key signed exactly these bytes
def _check_signatures(evidence: Evidence) -> str:
    record = evidence.record
    if record is None:
        return "no signature belongs to a state value"
    message = record.transaction.message
    for signature, entry in zip(record.transaction.signatures, evidence.keys, strict=True):
        key = _present(entry.key, KeyRecord, f"key {signature.key} of {signature.signer}")
        suite = suite_named(key.suite)
        public_key = to_bytes(key.public_key, "$.keys")
        if not suite.is_signature_valid(public_key, message, to_bytes(signature.signature)):
            raise _FailedError(f"the signature of {signature.signer} does not hold")
    signers = ", ".join(s.signer for s in record.transaction.signatures)
    return f"signed by {signers}"


# 3 inclusion: the record is in the log, and every state value is under the state root
def _check_inclusion(evidence: Evidence) -> str:
    genesis, header, record = evidence.genesis, evidence.header, evidence.record
    if header.ledger != genesis.ledger:
        raise _FailedError("the header belongs to another ledger")
    state_root = to_hash(header.state_root)
    for at, proof in evidence.proofs():
        verify_state_proof(genesis.hash, state_root, proof, at)
    if record is None:
        return f"the state value is under the state root of height {header.height}"
    if record.transaction.body.ledger != genesis.ledger:
        raise _FailedError("the transaction is for another ledger")
    if record.receipt.tx != to_text(record.transaction.id):
        raise _FailedError("the receipt is of another transaction")
    if record.receipt.height > header.height:
        raise _FailedError("the receipt is newer than the header")
    leaf = record_leaf(record.transaction.raw, record.receipt_bytes, genesis.hash.tagged)
    verify_inclusion(
        genesis.hash,
        leaf_hash(genesis.hash, leaf),
        record.index,
        header.log_size,
        record.path,
        to_hash(header.log_root),
    )
    _check_proof_keys(evidence)
    return f"leaf {record.index} of the {header.log_size} before the header of {header.height}"


def _check_proof_keys(evidence: Evidence) -> None:
    """Establish that each proof is about the key that its place requires."""
    record = evidence.record
    assert record is not None, "only a record has such proofs"
    for entry, signature in zip(evidence.keys, record.transaction.signatures, strict=True):
        _is_about(entry.key, state_key("keys", (signature.signer, signature.key)))
        _is_about(entry.member, state_key("members", signature.signer))
    assert evidence.withdrawal is not None, "decoding established it"
    assert evidence.contract is not None, "decoding established it"
    _is_about(evidence.withdrawal, state_key("withdrawals", record.receipt.tx))
    _is_about(evidence.contract, state_key("contracts", record.transaction.body.contract))


def _is_about(proof: StateProof, key: bytes) -> None:
    if proof.contract != REGISTRY or to_bytes(proof.key) != key:
        raise _FailedError("a state proof is about another key than its place requires")


# 4 finality: operator and witnesses signed the log that holds the header; the anchor names it
def _check_finality(evidence: Evidence, trust: str | None) -> str:
    genesis, header, note = evidence.genesis, evidence.header, evidence.note
    verify_header_of(header, genesis)
    verify_in_note(note, header, evidence.block_id, evidence.header_path, genesis)
    verify_operator(note, genesis)
    witnesses = verify_witnesses(note, genesis)
    if len(witnesses) != genesis.witness_quorum:
        count = f"{len(witnesses)} witnesses where the ledger wants {genesis.witness_quorum}"
        raise _FailedError(count)
    final = f"height {header.height} signed by {genesis.operator.name}, {len(witnesses)} witnesses"
    if trust is None:
        return f"{final}; no trust anchor was given"
    _check_anchor(trust, genesis.ledger, note.checkpoint)
    return final


def _check_anchor(trust: str, ledger: str, checkpoint: Checkpoint) -> None:
    if _LEDGER_ID(trust):
        if trust != ledger:
            raise _FailedError("another ledger")
        return
    try:
        anchor = parse_note(trust if trust.endswith("\n") else trust + "\n").checkpoint
    except HanseError:
        raise _FailedError("the trust anchor is neither a ledger id nor a checkpoint") from None
    if anchor.ledger != ledger:
        raise _FailedError("another ledger")
    if anchor != checkpoint:
        raise _FailedError("the certificate is not of the checkpoint given as trust anchor")


# 5 key status: keys, members and contract were valid when the transaction ran
def _check_key_status(evidence: Evidence) -> str:
    record = evidence.record
    if record is None:
        return "no key belongs to a state value"
    height = record.receipt.height
    for signature, entry in zip(record.transaction.signatures, evidence.keys, strict=True):
        key = _present(entry.key, KeyRecord, f"key {signature.key}")
        member = _present(entry.member, MemberRecord, f"member {signature.signer}")
        if not _active(key, height):
            raise _FailedError(
                f"key {signature.key} of {signature.signer} was not valid at {height}"
            )
        if not _active(member, height):
            raise _FailedError(f"{signature.signer} was not a member at {height}")
        if member.organisation != signature.signer.rpartition("@")[2]:
            raise _FailedError(f"{signature.signer} belongs to another organisation")
    name = record.transaction.body.contract
    assert evidence.contract is not None, "decoding established it"
    contract = _present(evidence.contract, ContractRecord, f"contract {name}")
    versions = [v for v in contract.versions if v.from_height <= height]
    if not versions:
        raise _FailedError(f"contract {name} was not active at {height}")
    newest = max(versions, key=lambda v: v.from_height)
    return f"keys valid at height {height}; {name} version {newest.version}"


def _active(entry: Active, height: int) -> bool:
    return entry.from_height <= height and (entry.to_height is None or height < entry.to_height)


# 6 withdrawal: not withdrawn as of the newest header given
def _check_withdrawal(evidence: Evidence) -> str:
    header = evidence.header
    as_of = f"as of height {header.height}, {header.time_ms} ms"
    if evidence.withdrawal is None:
        return f"a state value is shown {as_of}"
    if not evidence.withdrawal.present:
        return f"not withdrawn {as_of}"
    entry = _present(evidence.withdrawal, WithdrawalRecord, "withdrawal")
    replaced = f", replaced by {entry.replacement}" if entry.replacement else ""
    raise _FailedError(
        f"withdrawn at height {entry.height} by {entry.by}: {entry.reason}{replaced}"
    )


def _present(proof: StateProof, kind: type[T], what: str) -> T:
    if not proof.present:
        raise ProofInvalid(reason=f"{what} is not in the registry")
    return decode_registry(bytes(proof.value), kind)
