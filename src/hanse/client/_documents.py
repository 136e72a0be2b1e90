# SPDX-License-Identifier: Apache-2.0
"""Evidence documents and registry values, decoded to the last field before any is believed."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, cast

import msgspec

from hanse.client._certificate import certificate_decoder, decode_header, decode_path
from hanse.client._genesis import Genesis, decode_genesis
from hanse.client._state import StateProof, decode_state_key, decode_state_path
from hanse.client.note import Note, parse_note
from hanse.codec.base64url import to_bytes, to_hash
from hanse.codec.canonical import decode, decode_as
from hanse.codec.documents import (
    TAG_HEADER,
    Header,
    Receipt,
    Transaction,
    decode_transaction,
    receipt_decoder,
)
from hanse.codec.limits import EVIDENCE_BYTES_MAX, INTEGER_MAX
from hanse.errors import Malformed

T = TypeVar("T")


class Active(Protocol):
    """A registry entry with the heights from which and to which it is valid."""

    @property
    def from_height(self) -> int:
        """First height at which the entry is valid."""

    @property
    def to_height(self) -> int | None:
        """First height at which it is not valid any more; ``None`` while it is."""


class KeyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member's key: ``registry.keys[(member, key id)]``."""

    from_height: int
    public_key: str
    purpose: Literal["signing"]
    suite: str
    to_height: int | None


class MemberRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member: ``registry.members[member]``."""

    from_height: int
    organisation: str
    to_height: int | None


class ContractVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of a contract and the height from which it runs."""

    from_height: int
    hash: str
    version: str


class ContractRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A contract's versions: ``registry.contracts[name]``."""

    versions: list[ContractVersion]


class WithdrawalRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record declared void later: ``registry.withdrawals[tx]``."""

    by: str
    height: int
    reason: str
    replacement: str | None


class KeyProofs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The registry's word on one signature: its key, and its member."""

    key: StateProof
    member: StateProof


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    index: int
    path: list[str]
    receipt: msgspec.Raw
    transaction: msgspec.Raw


class _Kind(msgspec.Struct, frozen=True):
    kind: Literal["record", "state"]
    v: Literal[1]


class _RecordEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: msgspec.Raw
    contract: StateProof
    genesis: msgspec.Raw
    header: msgspec.Raw
    keys: list[KeyProofs]
    kind: Literal["record"]
    record: _Record
    v: Literal[1]
    withdrawal: StateProof


class _StateEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: msgspec.Raw
    genesis: msgspec.Raw
    header: msgspec.Raw
    kind: Literal["state"]
    state: StateProof
    v: Literal[1]


_kind_decoder = msgspec.json.Decoder(_Kind)
_record_decoder = msgspec.json.Decoder(_RecordEvidence)
_state_decoder = msgspec.json.Decoder(_StateEvidence)


@dataclass(frozen=True, slots=True)
class RecordPart:
    """A record of the log: transaction and receipt, with its place and path."""

    index: int
    path: list[bytes]
    receipt: Receipt
    receipt_bytes: bytes
    transaction: Transaction


@dataclass(frozen=True, slots=True)
class Evidence:
    """An evidence file whose form is right; nothing in it is believed yet."""

    genesis: Genesis
    header: Header
    block_id: bytes
    note: Note
    header_path: list[bytes]
    record: RecordPart | None
    keys: tuple[KeyProofs, ...]
    withdrawal: StateProof | None
    contract: StateProof | None
    state: StateProof | None

    def proofs(self) -> list[tuple[str, StateProof]]:
        """Return every state proof of the file, with the path at which it stands."""
        found = [("$.withdrawal", self.withdrawal), ("$.contract", self.contract)]
        found.append(("$.state", self.state))
        for i, entry in enumerate(self.keys):
            found += [(f"$.keys[{i}].key", entry.key), (f"$.keys[{i}].member", entry.member)]
        return [(at, proof) for at, proof in found if proof is not None]


def decode_evidence(data: bytes) -> Evidence:
    """Return the evidence that ``data`` is, every field of the right form (step 1).

    Raises:
        Rejected: more than one encoding, unknown or missing fields, limits, ids of the wrong form.
    """
    data = data.removesuffix(b"\n")
    decode(data, EVIDENCE_BYTES_MAX)
    if decode_as(data, _kind_decoder).kind == "state":
        evidence = _decode_state(decode_as(data, _state_decoder))
    else:
        evidence = _decode_record(decode_as(data, _record_decoder))
    for at, proof in evidence.proofs():
        decode_state_key(proof, at)
        decode_state_path(proof.bucket, proof.siblings, at)
        decode_state_path(proof.top_bucket, proof.top_siblings, at)
    return evidence


def _decode_state(found: _StateEvidence) -> Evidence:
    return _build(found.genesis, found.header, found.certificate, {"state": found.state})


def _decode_record(found: _RecordEvidence) -> Evidence:
    genesis = decode_genesis(bytes(found.genesis))
    receipt_bytes = bytes(found.record.receipt)
    transaction = decode_transaction(bytes(found.record.transaction), genesis.hash.tagged)
    receipt = decode_receipt(receipt_bytes)
    if not 0 <= found.record.index < INTEGER_MAX:
        raise Malformed(reason="an index is not negative", at="$.record.index")
    if len(found.keys) != len(transaction.signatures):
        raise Malformed(reason="there is one entry for each signature", at="$.keys")
    parties = {(s.signer, s.key) for s in transaction.signatures}
    if len(parties) != len(transaction.signatures):
        raise Malformed(reason="a key signs only once", at="$.record.transaction.signatures")
    for signature in transaction.signatures:
        to_bytes(signature.signature, "$.record.transaction.signatures")
    to_hash(transaction.body.ledger, "$.record.transaction.body.ledger")
    part = RecordPart(
        index=found.record.index,
        path=decode_path(found.record.path, "$.record.path"),
        receipt=receipt,
        receipt_bytes=receipt_bytes,
        transaction=transaction,
    )
    fields = {
        "record": part,
        "keys": tuple(found.keys),
        "withdrawal": found.withdrawal,
        "contract": found.contract,
    }
    return _build(found.genesis, found.header, found.certificate, fields)


def _build(
    raw_genesis: msgspec.Raw, raw_header: msgspec.Raw, certificate: msgspec.Raw, fields: Any
) -> Evidence:
    genesis = decode_genesis(bytes(raw_genesis))
    found = decode_as(bytes(certificate), certificate_decoder)
    parts = {"record": None, "keys": (), "withdrawal": None, "contract": None, "state": None}
    return Evidence(
        genesis=genesis,
        header=decode_header(bytes(raw_header)),
        block_id=genesis.hash.tagged(TAG_HEADER, bytes(raw_header)),
        note=parse_note(found.note),
        header_path=decode_path(found.header_path, "$.certificate.header_path"),
        **cast("dict[str, Any]", parts | fields),
    )


def decode_receipt(raw: bytes) -> Receipt:
    """Return the receipt that ``raw`` is; refused if and only if it has a code.

    Raises:
        Malformed: the form is wrong.
    """
    receipt = decode_as(raw, receipt_decoder)
    to_hash(receipt.tx, "$.receipt.tx")
    if (receipt.status == "rejected") != (receipt.code is not None):
        raise Malformed(reason="a code stands with a refusal only", at="$.receipt.code")
    if receipt.height < 0 or receipt.index < 0 or receipt.cost < 0:
        raise Malformed(reason="height, index and cost are not negative", at="$.receipt")
    return receipt


def decode_registry(raw: bytes, kind: type[T]) -> T:
    """Return a value of the registry as its record type.

    Raises:
        Malformed: it is no such record.
    """
    return decode_as(raw, msgspec.json.Decoder(kind))
