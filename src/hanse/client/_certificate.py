# SPDX-License-Identifier: Apache-2.0
"""Certified headers: signed by the operator, or committed by the validators of an engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from hanse.client._commit import (
    CommitCertificate,
    Voters,
    commit_decoder,
    verify_block_commit,
    verify_certificate_form,
    verify_step,
    voters_of,
)
from hanse.client._genesis import Genesis
from hanse.client.note import Checkpoint, Note, parse_note, verify_operator, verify_witnesses
from hanse.codec.base64url import to_hash, to_text
from hanse.codec.canonical import decode, decode_as, encode
from hanse.codec.documents import TAG_HEADER, TAG_VALIDATORS, Header, header_decoder
from hanse.codec.limits import INTEGER_MAX, LOG_DEPTH_MAX
from hanse.errors import Malformed, ProofInvalid
from hanse.merkle.log import leaf_hash, verify_inclusion


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The finality certificate of the embedded engine."""

    engine: Literal["embedded"]
    header_path: list[str]
    note: str


certificate_decoder = msgspec.json.Decoder(Certificate)


@dataclass(frozen=True, slots=True)
class CertifiedHeader:
    """A header that is final, and how much of the log it covers.

    On an embedded ledger ``note`` is the operator's, and its checkpoint covers the header's own
    leaf, at the end of ``path``. On CometBFT there is no note: the checkpoint is the log that the
    header states, and ``power`` says how much of the validators' power committed it.
    """

    header: Header
    raw: bytes
    block_id: bytes
    log_root: bytes
    state_root: bytes
    checkpoint: Checkpoint
    path: tuple[bytes, ...] = ()
    note: Note | None = None
    witnesses: tuple[str, ...] = ()
    power: str | None = None
    commit: CommitCertificate | None = None

    @property
    def size(self) -> int:
        """Size of the log up to and with this header's own leaf."""
        return self.header.log_size + 1

    @property
    def signers(self) -> tuple[str, ...]:
        """Who signed the note: the operator, then witnesses; nobody where an engine votes."""
        return () if self.note is None else tuple(line.name for line in self.note.lines)


def decode_header(raw: bytes) -> Header:
    """Return the header that ``raw`` is, its hashes and numbers of the right form.

    Raises:
        Rejected: the form is wrong.
    """
    decode(raw)
    header = decode_as(raw, header_decoder)
    for name in ("ledger", "log_root", "previous", "rules", "state_root", "validators"):
        to_hash(getattr(header, name), f"$.header.{name}")
    for name in ("engine_height", "height", "log_size", "time_ms"):
        if not 0 <= getattr(header, name) < INTEGER_MAX:
            raise Malformed(reason="a negative or too large number", at=f"$.header.{name}")
    return header


def decode_path(texts: Sequence[str], at: str) -> list[bytes]:
    """Return a path of hashes, at most ``LOG_DEPTH_MAX`` of them.

    Raises:
        Malformed: too long, or an element is no hash.
    """
    if len(texts) > LOG_DEPTH_MAX:
        raise Malformed(reason=f"a path has at most {LOG_DEPTH_MAX} hashes", at=at)
    return [to_hash(text, f"{at}[{i}]") for i, text in enumerate(texts)]


def verify_header_of(header: Header, genesis: Genesis) -> None:
    """Establish that ``header`` speaks of this ledger, its rules, and its validators.

    Where an engine votes, its validators change: see :func:`verify_named`.

    Raises:
        ProofInvalid: it names others.
    """
    fixed = ("ledger", "validators", "rules")
    for name in fixed if genesis.engine_validators is None else ("ledger", "rules"):
        if getattr(header, name) != getattr(genesis, name):
            raise ProofInvalid(reason=f"the header names other {name} than the genesis")


def verify_in_note(
    note: Note, header: Header, block_id: bytes, path: Sequence[bytes], genesis: Genesis
) -> None:
    """Establish that the block id is the last leaf of the log that the note states.

    Raises:
        ProofInvalid: size or root of the note are others.
    """
    checkpoint = note.checkpoint
    if checkpoint.size != header.log_size + 1:
        raise ProofInvalid(reason="the note's size is not that after the header's leaf")
    leaf = leaf_hash(genesis.hash, block_id)
    verify_inclusion(genesis.hash, leaf, header.log_size, checkpoint.size, path, checkpoint.root)


def verify_certified(
    raw_header: bytes, raw_certificate: bytes, genesis: Genesis
) -> CertifiedHeader:
    """Return the header of an answer, final as far as the operator's signature goes.

    Cosignatures are checked, and counted by the caller: a fresh header has none yet.

    Raises:
        Rejected: a document is not of its form.
        ProofInvalid: the certificate does not make this header of this ledger final.
    """
    if genesis.engine_validators is not None:
        raise ProofInvalid(reason="on this ledger only the engine's validators make a header final")
    header = decode_header(raw_header)
    decode(raw_certificate)
    certificate = decode_as(raw_certificate, certificate_decoder)
    note = parse_note(certificate.note)
    path = decode_path(certificate.header_path, "$.certificate.header_path")
    verify_header_of(header, genesis)
    block_id = genesis.hash.tagged(TAG_HEADER, raw_header)
    verify_in_note(note, header, block_id, path, genesis)
    verify_operator(note, genesis)
    return CertifiedHeader(
        header=header,
        raw=raw_header,
        block_id=block_id,
        log_root=to_hash(header.log_root),
        state_root=to_hash(header.state_root),
        checkpoint=note.checkpoint,
        path=tuple(path),
        note=note,
        witnesses=verify_witnesses(note, genesis),
    )


def decode_commit(raw: bytes) -> CommitCertificate:
    """Return the certificate that ``raw`` is, of the right form.

    Raises:
        Rejected: the form is wrong.
    """
    decode(raw)
    certificate = decode_as(raw, commit_decoder)
    verify_certificate_form(certificate)
    return certificate


def trusted_header(
    raw_header: bytes, certificate: CommitCertificate, genesis: Genesis, power: str = ""
) -> CertifiedHeader:
    """Return a header whose commit was verified, now or when it was put into a memory.

    Raises:
        Rejected: it is no header.
    """
    header = decode_header(raw_header)
    log_root = to_hash(header.log_root)
    return CertifiedHeader(
        header=header,
        raw=raw_header,
        block_id=genesis.hash.tagged(TAG_HEADER, raw_header),
        log_root=log_root,
        state_root=to_hash(header.state_root),
        checkpoint=Checkpoint(genesis.ledger, header.log_size, log_root),
        power=power or None,
        commit=msgspec.structs.replace(certificate, steps=msgspec.UNSET),
    )


def verify_committed(
    raw_header: bytes,
    header: Header,
    certificate: CommitCertificate,
    voters: Voters,
    genesis: Genesis,
) -> CertifiedHeader:
    """Return the header that ``voters``, known to be in force after its block, made final.

    Args:
        raw_header: its exact bytes.
        header: the same, decoded.
        certificate: its form is verified.
        voters: the set in force at the engine header that commits it.
        genesis: of the ledger.

    Raises:
        ProofInvalid: the certificate does not make this header of this ledger final.
    """
    verify_header_of(header, genesis)
    verify_named(header, certificate, voters, genesis)
    block_id = genesis.hash.tagged(TAG_HEADER, raw_header)
    height = header.engine_height
    power = verify_block_commit(certificate, voters, genesis.ledger, block_id, height)
    return trusted_header(raw_header, certificate, genesis, power)


def verify_named(
    header: Header, certificate: CommitCertificate, voters: Voters, genesis: Genesis
) -> None:
    """Establish that the header names ``voters``: which node of whom has which key and power.

    Raises:
        ProofInvalid: it names others, or the certificate repeats the genesis.
    """
    assert genesis.engine_validators is not None, "asked of a ledger whose engine votes"
    named = genesis.engine_validators
    if certificate.validators is msgspec.UNSET:
        shown = genesis.validators
    else:
        named = tuple(certificate.validators)
        if named == genesis.engine_validators:
            raise ProofInvalid(reason="the certificate repeats the validators of the genesis")
        shown = to_text(genesis.hash.tagged(TAG_VALIDATORS, encode(list(named))))
    if header.validators != shown:
        raise ProofInvalid(reason="the header names other validators than its certificate")
    if voters_of(named) != voters:
        raise ProofInvalid(reason="the header's validators are not those who vote")


def voters_after(certificate: CommitCertificate, genesis: Genesis, engine_height: int) -> Voters:
    """Return who votes after the block at ``engine_height``: from the genesis over the steps.

    Raises:
        ProofInvalid: a step that does not hold.
    """
    assert genesis.engine_validators is not None, "asked of a ledger whose engine votes"
    voters, first = voters_of(genesis.engine_validators), 1
    for step in certificate.steps or ():
        first, voters = verify_step(step, voters, genesis.ledger, first - 1, engine_height + 1)
    return voters
