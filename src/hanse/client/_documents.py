# SPDX-License-Identifier: Apache-2.0
"""Evidence documents and registry values, decoded to the last field before any is believed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, TypeVar

import msgspec

from hanse.client._certificate import (
    certificate_decoder,
    decode_commit,
    decode_header,
    decode_path,
)
from hanse.client._commit import CommitCertificate
from hanse.client._genesis import Genesis, decode_genesis
from hanse.client._ranges import RangeProof, decode_bound, verify_range_form
from hanse.client._state import (
    StateEntry,
    StateProof,
    decode_state_key,
    state_key,
    value_of,
    verify_state_form,
)
from hanse.client.note import Note, parse_note
from hanse.codec.base64url import to_bytes, to_hash, to_text
from hanse.codec.canonical import JsonValue, decode, decode_as, encode
from hanse.codec.documents import (
    TAG_EVIDENCE,
    TAG_HEADER,
    ContractEvent,
    Header,
    Signature,
    Transaction,
    decode_transaction,
)
from hanse.codec.limits import EVIDENCE_BYTES_MAX, INTEGER_MAX
from hanse.crypto import Hash
from hanse.errors import Malformed, TooLarge

T = TypeVar("T")


class Active(Protocol):
    """A registry entry with the heights from which and to which it is valid."""

    @property
    def from_height(self) -> int:
        """First height at which the entry is valid."""

    @property
    def to_height(self) -> int | None:
        """First height at which it is not valid any more; ``None`` while it is."""


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receipt as it is read: absent is unset, so that ``null`` stays a value of its own."""

    cost: int
    events: list[ContractEvent]
    height: int
    index: int
    status: Literal["ok", "rejected"]
    tx: str
    v: Literal[1]
    code: str | msgspec.UnsetType = msgspec.UNSET
    facts: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    reason: str | msgspec.UnsetType = msgspec.UNSET
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class KeyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member's key: ``registry.keys[(member, key id)]``."""

    from_height: int
    public_key: str
    purpose: str
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


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    index: int
    path: list[str]
    receipt: msgspec.Raw
    transaction: msgspec.Raw


class _Kind(msgspec.Struct, frozen=True):
    kind: Literal["record", "state", "range"]
    v: Literal[1]


class _RecordEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: msgspec.Raw
    digest: str
    genesis: msgspec.Raw
    header: msgspec.Raw
    kind: Literal["record"]
    record: _Record
    state: StateProof
    v: Literal[1]


class _StateEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: msgspec.Raw
    contract: str
    digest: str
    genesis: msgspec.Raw
    header: msgspec.Raw
    key: str
    kind: Literal["state"]
    state: StateProof
    v: Literal[1]


class _RangeEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: msgspec.Raw
    contract: str
    digest: str
    first: str
    genesis: msgspec.Raw
    header: msgspec.Raw
    kind: Literal["range"]
    last: str
    map: str
    range: RangeProof
    v: Literal[1]


_range_decoder = msgspec.json.Decoder(_RangeEvidence)
_receipt_decoder = msgspec.json.Decoder(Receipt)
_kind_decoder = msgspec.json.Decoder(_Kind)
_record_decoder = msgspec.json.Decoder(_RecordEvidence)
_state_decoder = msgspec.json.Decoder(_StateEvidence)


@dataclass(frozen=True, slots=True)
class KeyPart:
    """What the registry holds about one signature of the transaction."""

    signature: Signature
    signature_bytes: bytes
    key: KeyRecord
    public_key: bytes
    member: MemberRecord


@dataclass(frozen=True, slots=True)
class RecordPart:
    """A record of the log with its place and path, and the registry's word on it.

    ``state_keys`` are those of the registry's entries, in the order in which the file proves them.
    """

    index: int
    path: list[bytes]
    receipt: Receipt
    receipt_bytes: bytes
    transaction: Transaction
    keys: tuple[KeyPart, ...]
    contract: ContractRecord
    withdrawal: WithdrawalRecord | None
    state_keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class StatePart:
    """One key of a contract, and the value that the file shows there; ``None`` where absent."""

    contract: str
    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class RangePart:
    """Rows of an ordered map from ``first`` to ``last``, both encoded, and what proves them all."""

    contract: str
    map: str
    first: bytes
    last: bytes
    proof: RangeProof


@dataclass(frozen=True, slots=True)
class CertifiedNote:
    """The embedded engine's certificate: a signed checkpoint, and the header's path in it."""

    note: Note
    header_path: list[bytes]


Finality: TypeAlias = CertifiedNote | CommitCertificate
"""What makes the header final, by the engine of the ledger."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An evidence file whose form is right; nothing in it is believed yet."""

    digest: str
    genesis: Genesis
    header: Header
    raw_header: bytes
    block_id: bytes
    finality: Finality
    proof: StateProof | None
    record: RecordPart | None
    state: StatePart | None
    range: RangePart | None

    @property
    def state_keys(self) -> tuple[bytes, ...]:
        """The state keys that the entries of ``proof`` are of, in their order."""
        if self.record is not None:
            return self.record.state_keys
        assert self.state is not None, "a file shows a record or a state value"
        return (self.state.key,)


def decode_evidence(data: bytes) -> Evidence:
    """Return the evidence that ``data`` is, every field of the right form (step 1).

    Raises:
        Rejected: more than one encoding, unknown or missing fields, limits, ids of the wrong form,
            or the digest of another file.
    """
    if len(data) > EVIDENCE_BYTES_MAX:
        raise TooLarge(what="evidence bytes", limit=EVIDENCE_BYTES_MAX, actual=len(data))
    data = data.removesuffix(b"\n")
    document = decode(data)
    found: _RecordEvidence | _StateEvidence | _RangeEvidence
    kind = decode_as(data, _kind_decoder).kind
    if kind == "state":
        found = decode_as(data, _state_decoder)
    elif kind == "range":
        found = decode_as(data, _range_decoder)
    else:
        found = decode_as(data, _record_decoder)
    genesis = decode_genesis(bytes(found.genesis))
    if found.digest != digest_of(document, genesis.hash):
        raise Malformed(reason="the digest is that of another file", at="$.digest")
    raw_header = bytes(found.header)
    return Evidence(
        digest=found.digest,
        genesis=genesis,
        header=decode_header(raw_header),
        raw_header=raw_header,
        block_id=genesis.hash.tagged(TAG_HEADER, raw_header),
        finality=_decode_finality(bytes(found.certificate), genesis),
        proof=None if isinstance(found, _RangeEvidence) else found.state,
        record=_decode_record(found, genesis) if isinstance(found, _RecordEvidence) else None,
        state=_decode_state(found) if isinstance(found, _StateEvidence) else None,
        range=_decode_range(found) if isinstance(found, _RangeEvidence) else None,
    )


def digest_of(document: JsonValue, hasher: Hash) -> str:
    """Return the digest of an evidence file: over all of it but the digest itself."""
    assert isinstance(document, dict), "an evidence file is an object"
    rest = {name: value for name, value in document.items() if name != "digest"}
    return to_text(hasher.tagged(TAG_EVIDENCE, encode(rest)))


def _decode_state(found: _StateEvidence) -> StatePart:
    verify_state_form(found.state, 1, "$.state")
    key = decode_state_key(found.key, "$.key")
    return StatePart(contract=found.contract, key=key, value=value_of(found.state.entries[0]))


def _decode_range(found: _RangeEvidence) -> RangePart:
    verify_range_form(found.range, "$.range")
    first, last = decode_bound(found.first, "$.first"), decode_bound(found.last, "$.last")
    return RangePart(found.contract, found.map, first, last, found.range)


def _decode_finality(raw: bytes, genesis: Genesis) -> Finality:
    """Return the certificate of the engine that the genesis names, not of one the file prefers."""
    if genesis.engine_validators is not None:
        commit = decode_commit(raw)
        if commit.steps is msgspec.UNSET:
            raise Malformed(reason="a file has the steps from genesis", at="$.certificate.steps")
        return commit
    certificate = decode_as(raw, certificate_decoder)
    path = decode_path(certificate.header_path, "$.certificate.header_path")
    return CertifiedNote(parse_note(certificate.note), path)


def _decode_record(found: _RecordEvidence, genesis: Genesis) -> RecordPart:
    transaction = decode_transaction(bytes(found.record.transaction), genesis.hash.tagged)
    to_hash(transaction.body.ledger, "$.record.transaction.body.ledger")
    if not 0 <= found.record.index < INTEGER_MAX:
        raise Malformed(reason="an index is not negative", at="$.record.index")
    signatures = transaction.signatures
    if len({(s.signer, s.key) for s in signatures}) != len(signatures):
        raise Malformed(reason="a key signs only once", at="$.record.transaction.signatures")
    verify_state_form(found.state, 2 + 2 * len(signatures), "$.state")
    entries = found.state.entries
    contract = _decode_value(entries[0], ContractRecord, 0)
    for version in contract.versions:
        to_hash(version.hash, "$.state.entries[0]")
        _check_heights(version.from_height, None)
    withdrawn = value_of(entries[1]) is not None
    return RecordPart(
        index=found.record.index,
        path=decode_path(found.record.path, "$.record.path"),
        receipt=decode_receipt(bytes(found.record.receipt)),
        receipt_bytes=bytes(found.record.receipt),
        transaction=transaction,
        keys=tuple(_decode_keys(entries, signatures)),
        contract=contract,
        withdrawal=_decode_value(entries[1], WithdrawalRecord, 1) if withdrawn else None,
        state_keys=tuple(_registry_keys(transaction)),
    )


def _registry_keys(transaction: Transaction) -> Iterator[bytes]:
    """Yield the keys of the registry's entries that speak for a record, in the file's order."""
    yield state_key("contracts", transaction.body.contract)
    organisation = organisation_of(transaction.body.signer)
    yield state_key("withdrawals", (to_text(transaction.id), organisation))
    for signed in transaction.signatures:
        yield state_key("keys", (signed.signer, signed.key))
        yield state_key("members", signed.signer)


def _decode_keys(
    entries: Sequence[StateEntry], signatures: Sequence[Signature]
) -> Iterator[KeyPart]:
    for at, signature in enumerate(signatures):
        organisation_of(signature.signer)
        key = _decode_value(entries[2 + 2 * at], KeyRecord, 2 + 2 * at)
        member = _decode_value(entries[3 + 2 * at], MemberRecord, 3 + 2 * at)
        _check_heights(key.from_height, key.to_height)
        _check_heights(member.from_height, member.to_height)
        yield KeyPart(
            signature=signature,
            signature_bytes=to_bytes(signature.signature, "$.record.transaction.signatures"),
            key=key,
            public_key=to_bytes(key.public_key, "$.state.entries"),
            member=member,
        )


def organisation_of(member: str) -> str:
    """Return the organisation in ``name@organisation``.

    Raises:
        Malformed: not of that form.
    """
    parts = member.split("@")
    if len(parts) != 2 or not all(parts):
        raise Malformed(reason="a member is name@organisation", at="$.record.transaction")
    return parts[1]


def _check_heights(from_height: int, to_height: int | None) -> None:
    if from_height < 0 or (to_height is not None and to_height < 0):
        raise Malformed(reason="a height is not negative", at="$.state.entries")


def _decode_value(entry: StateEntry, kind: type[T], place: int) -> T:
    value = value_of(entry)
    if value is None:
        raise Malformed(reason="this entry must be present", at=f"$.state.entries[{place}]")
    return decode_as(value, msgspec.json.Decoder(kind))


def decode_receipt(raw: bytes) -> Receipt:
    """Return the receipt that ``raw`` is; refused if and only if it has a code.

    Raises:
        Malformed: the form is wrong.
    """
    receipt = decode_as(raw, _receipt_decoder)
    to_hash(receipt.tx, "$.receipt.tx")
    if (receipt.status == "rejected") != (receipt.code is not msgspec.UNSET):
        raise Malformed(reason="a code stands with a refusal only", at="$.receipt.code")
    if receipt.height < 0 or receipt.index < 0 or receipt.cost < 0:
        raise Malformed(reason="height, index and cost are not negative", at="$.receipt")
    if any(not bytes(event.fields).startswith(b"{") for event in receipt.events):
        raise Malformed(reason="an event's fields are an object", at="$.receipt.events")
    return receipt
