# SPDX-License-Identifier: Apache-2.0
"""Certified headers: a header whose block id is the last leaf of a log that the operator signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from hanse.client._genesis import Genesis
from hanse.client.note import Checkpoint, Note, parse_note, verify_operator, verify_witnesses
from hanse.codec.base64url import to_hash
from hanse.codec.canonical import decode, decode_as
from hanse.codec.documents import TAG_HEADER, Header, header_decoder
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
    """A header that the operator answers for, and the checkpoint that covers it."""

    header: Header
    block_id: bytes
    log_root: bytes
    state_root: bytes
    path: tuple[bytes, ...]
    note: Note
    witnesses: tuple[str, ...]

    @property
    def checkpoint(self) -> Checkpoint:
        """Size and root of the log up to and with this header's leaf."""
        return self.note.checkpoint


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
    """Establish that ``header`` speaks of this ledger, its validators and its rules.

    Raises:
        ProofInvalid: it names others.
    """
    for name in ("ledger", "validators", "rules"):
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
        block_id=block_id,
        log_root=to_hash(header.log_root),
        state_root=to_hash(header.state_root),
        path=tuple(path),
        note=note,
        witnesses=verify_witnesses(note, genesis),
    )
