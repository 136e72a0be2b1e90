# SPDX-License-Identifier: Apache-2.0
"""Evidence files: the verdict on a record or state value, in six steps (``spec/evidence.md``).

The second implementation of that page, over this package's own codec, crypto and Merkle rooms;
``hanse-verify`` is the first. They share no code and must always agree. Nothing here trusts the
file: the trust anchor comes from the reader.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, cast

import msgspec

from hanse.client._certificate import (
    verify_committed,
    verify_header_of,
    verify_in_note,
    voters_after,
)
from hanse.client._claim import claim_of
from hanse.client._commit import CommitCertificate
from hanse.client._documents import (
    Active,
    CertifiedNote,
    Evidence,
    RangePart,
    decode_evidence,
    digest_of,
    organisation_of,
)
from hanse.client._ranges import verify_range_proof
from hanse.client._state import verify_state_proof
from hanse.client.note import (
    Checkpoint,
    verify_operator,
    verify_witnesses,
)
from hanse.codec.base64url import to_hash, to_text
from hanse.codec.canonical import JsonObject, encode
from hanse.codec.documents import record_leaf
from hanse.contracts.state import AFTER
from hanse.crypto import hash_named, suite_named
from hanse.errors import HanseError
from hanse.merkle.log import leaf_hash, verify_inclusion

Verdict = Literal["valid", "withdrawn", "unknown_issuer", "not_valid"]
STEPS: Final = ("format", "signature", "inclusion", "finality", "key status", "withdrawal")
REGISTRY: Final = "registry"


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
    digest: str | None = None
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
            "digest": self.digest,
            "ledger": self.ledger,
            "kind": self.kind,
            "height": self.height,
            "as_of_height": self.as_of_height,
            "as_of_time_ms": self.as_of_time_ms,
            "steps": [{"step": s.step, "passed": s.passed, "detail": s.detail} for s in self.steps],
            "claim": self.claim or {},
        }


class _FailedError(Exception):
    """A step does not pass; the text says why."""


class _WithdrawnError(Exception):
    """Everything holds, and so does a later withdrawal."""


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
        except _WithdrawnError as error:
            steps.append(Step(name, False, str(error)))
            verdict = verdict if trust is None else "withdrawn"
        except (HanseError, _FailedError) as error:
            steps.append(Step(name, False, _reason(error)))
            verdict = "not_valid"
            break
    return _result(verdict, steps, evidence)


def with_digest(document: JsonObject) -> bytes:
    """Return the evidence file of ``document``, with the digest that belongs to what it says.

    Whoever changes a file and does this has another file, which says something else.
    """
    hasher = hash_named(str(cast(JsonObject, document["genesis"])["hash"]))
    return encode(document | {"digest": digest_of(document, hasher)})


def _result(verdict: Verdict, steps: list[Step], evidence: Evidence) -> Result:
    record = evidence.record
    return Result(
        verdict=verdict,
        steps=tuple(steps),
        digest=evidence.digest,
        ledger=evidence.genesis.ledger,
        kind="record" if record else "range" if evidence.range else "state",
        height=record.receipt.height if record else evidence.header.height,
        as_of_height=evidence.header.height,
        as_of_time_ms=evidence.header.time_ms,
        claim=claim_of(evidence),
    )


def _reason(error: HanseError | _FailedError) -> str:
    if isinstance(error, _FailedError):
        return str(error)
    reason = error.facts().get("reason")
    at = error.facts().get("at", "$")
    return str(error) if reason is None else f"{reason}" + (f" (at {at})" if at != "$" else "")


# 2 signature: the signer's key signed exactly these bytes
def _check_signatures(evidence: Evidence) -> str:
    record = evidence.record
    if record is None:
        return "no signature belongs to a state value"
    message = record.transaction.message
    for part in record.keys:
        suite = suite_named(part.key.suite)
        known = suite.is_public_key_valid(part.public_key)  # one of small order signs anything
        if not known or not suite.is_signature_valid(
            part.public_key, message, part.signature_bytes
        ):
            raise _FailedError(f"the signature of {part.signature.signer} does not hold")
    return f"signed by {', '.join(part.signature.signer for part in record.keys)}"


# 3 inclusion: the record is in the log, and every state value is under the state root
def _check_inclusion(evidence: Evidence) -> str:
    genesis, header, record = evidence.genesis, evidence.header, evidence.record
    if header.ledger != genesis.ledger:
        raise _FailedError("the header belongs to another ledger")
    state_root = to_hash(header.state_root)
    if evidence.range is not None:
        return _check_range(evidence, evidence.range, state_root)
    state, proof = evidence.state, evidence.proof
    assert proof is not None, "what is no range is proved key by key"
    contract = REGISTRY if state is None else state.contract
    keys = evidence.state_keys
    verify_state_proof(genesis.hash, state_root, contract, keys, proof, at="$.state")
    if record is None:
        return f"in the state of height {header.height}"
    if record.transaction.body.ledger != genesis.ledger:
        raise _FailedError("the transaction is for another ledger")
    if record.receipt.tx != to_text(record.transaction.id):
        raise _FailedError("the receipt is of another transaction")
    if record.receipt.height > header.height:
        raise _FailedError("the receipt is newer than the header")
    leaf = record_leaf(record.transaction.raw, record.receipt_bytes, genesis.hash.tagged)
    index, size = record.index, header.log_size
    leaf = leaf_hash(genesis.hash, leaf)
    verify_inclusion(genesis.hash, leaf, index, size, record.path, to_hash(header.log_root))
    return f"leaf {index} of the {size} before the header of height {header.height}"


def _check_range(evidence: Evidence, part: RangePart, state_root: bytes) -> str:
    of, bounds = (part.contract, part.map), (part.first, part.last + AFTER)
    proof, rows = part.proof, len(part.proof.values)
    reverse = not isinstance(proof.previous, msgspec.UnsetType)
    verify_range_proof(
        evidence.genesis.hash, state_root, of, bounds, proof, rows or 1, reverse=reverse
    )
    end = " after the previous key" if reverse else "" if proof.next is None else " before the next"
    return f"{rows} rows and no other{end} in the state of height {evidence.header.height}"


# 4 finality: operator and witnesses, or the engine's validators; the anchor names the ledger
def _check_finality(evidence: Evidence, trust: str | None) -> str:
    verify_header_of(evidence.header, evidence.genesis)
    finality, checkpoint = evidence.finality, None
    if isinstance(finality, CertifiedNote):
        detail, checkpoint = _check_note(evidence, finality), finality.note.checkpoint
    else:
        detail = f"voting power {_check_commit(evidence, finality)}"
    if trust is None:
        return f"{detail}; no trust anchor was given"
    _check_anchor(trust, evidence.genesis.ledger, checkpoint)
    return detail


def _check_note(evidence: Evidence, finality: CertifiedNote) -> str:
    genesis, note = evidence.genesis, finality.note
    verify_in_note(note, evidence.header, evidence.block_id, finality.header_path, genesis)
    verify_operator(note, genesis)
    witnesses = verify_witnesses(note, genesis)
    if len(witnesses) != genesis.witness_quorum:
        count = f"{len(witnesses)} witnesses where the ledger wants {genesis.witness_quorum}"
        raise _FailedError(count)
    return f"signed by {', '.join((genesis.operator.name, *witnesses))}"


def _check_commit(evidence: Evidence, commit: CommitCertificate) -> str:
    genesis, header = evidence.genesis, evidence.header
    voters = voters_after(commit, genesis, header.engine_height)
    found = verify_committed(evidence.raw_header, header, commit, voters, genesis)
    assert found.power is not None, "so a commit was verified"
    return found.power


def _check_anchor(trust: str, ledger: str, checkpoint: Checkpoint | None) -> None:
    """Establish that the anchor is this ledger, or that it states this checkpoint.

    What follows the stated size and root is not looked at: the reader vouches for the anchor.
    """
    stated = trust.startswith(f"{checkpoint.body}\n") if checkpoint else False
    if trust != ledger and not stated:
        raise _FailedError("another ledger or checkpoint than the trust anchor names")


# 5 key status: keys, members and contract were valid when the transaction ran
def _check_key_status(evidence: Evidence) -> str:
    record = evidence.record
    if record is None:
        return "no key belongs to a state value"
    height = record.receipt.height
    for part in record.keys:
        signer = part.signature.signer
        if part.key.purpose != "signing":
            raise _FailedError(f"the key of {signer} is not for signing")
        if not _active(part.key, height) or not _active(part.member, height):
            raise _FailedError(f"key or membership of {signer} not valid at {height}")
        if part.member.organisation != organisation_of(signer):
            raise _FailedError(f"{signer} is a member of another organisation")
    if not any(version.from_height <= height for version in record.contract.versions):
        raise _FailedError(f"the contract was not active at {height}")
    return f"keys, members and contract were valid at height {height}"


def _active(entry: Active, height: int) -> bool:
    return entry.from_height <= height and (entry.to_height is None or height < entry.to_height)


# 6 withdrawal: not withdrawn as of the newest header given
def _check_withdrawal(evidence: Evidence) -> str:
    header, record = evidence.header, evidence.record
    as_of = f"as of height {header.height}, {header.time_ms} ms"
    if record is None or record.withdrawal is None:
        return f"not withdrawn {as_of}"
    entry = record.withdrawal
    replaced = f", replaced by {entry.replacement}" if entry.replacement else ""
    by = f"at height {entry.height} by {entry.by}: {entry.reason}"
    raise _WithdrawnError(f"withdrawn {by}{replaced}; {as_of}")
