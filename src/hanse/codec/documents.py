# SPDX-License-Identifier: Apache-2.0
"""The documents that travel: transaction, submission, receipt, header (``spec/``), as typed values.

Rules about them live in ``kernel``; here is their form only. Every document is canonical JSON, and
the exact bytes received are what is signed, hashed and stored.
"""

import re
from collections.abc import Callable
from typing import Literal, NewType

import msgspec

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.canonical import decode, decode_as, encode
from hanse.codec.limits import (
    INTEGER_MAX,
    JSON_DEPTH_MAX,
    NONCE_BYTES_MAX,
    NONCE_BYTES_MIN,
    SIGNER_CHARS_MAX,
    TX_BYTES_MAX,
    TX_SIGNATURES_MAX,
)
from hanse.errors import Malformed, Rejected

Height = NewType("Height", int)
LogSize = NewType("LogSize", int)
LeafIndex = NewType("LeafIndex", int)
TimeMs = NewType("TimeMs", int)
TxId = NewType("TxId", str)
LedgerId = NewType("LedgerId", str)
Hash32 = NewType("Hash32", bytes)
Tagged = Callable[[str, bytes], bytes]
"""H(tag, 0x00, bytes) of the network's hash: ``hanse.crypto.Hash.tagged``."""

TAG_GENESIS = "hanse/genesis/1"
TAG_BODY = "hanse/tx/1"
TAG_SIGNED = "hanse/signed/1"
TAG_RECEIPT = "hanse/receipt/1"
TAG_HEADER = "hanse/header/1"
TAG_SUBMISSION = "hanse/submission/1"
TAG_KEY = "hanse/key/1"
TAG_VALUE = "hanse/value/1"
TAG_NONCE = "hanse/nonce/1"
TAG_VALIDATORS = "hanse/validators/1"
TAG_RULES = "hanse/rules/1"
TAG_PACKAGE = "hanse/package/1"
TAG_EVIDENCE = "hanse/evidence/1"
TAG_LOWERED = "hanse/lowered/1"
ZERO_HASH = bytes(32)

_NONCE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII).fullmatch


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The unsigned transaction: who asks which action, on which ledger, until when."""

    action: str
    args: msgspec.Raw
    contract: str
    cost_max: int
    expires_ms: int
    key: str
    ledger: str
    nonce: str
    signer: str
    v: Literal[1]
    private: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signature over the tagged body bytes, by a named key of a named member."""

    key: str
    signature: str
    signer: str


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    body: msgspec.Raw
    signatures: list[Signature]


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """A decoded signed transaction with the exact bytes that it came in."""

    raw: bytes
    body_bytes: bytes
    body: Body
    signatures: tuple[Signature, ...]
    id: bytes
    nonce_digest: bytes

    @property
    def message(self) -> bytes:
        """The bytes that each signature covers: tag, zero byte, body."""
        return b"hanse/tx/1\x00" + self.body_bytes


_signed_decoder = msgspec.json.Decoder(_Signed)
_body_decoder = msgspec.json.Decoder(Body)
_encode = msgspec.json.Encoder().encode  # the fields of both stand in canonical order
_USUAL_LEVELS = JSON_DEPTH_MAX // 2  # of arguments; beyond them, levels are counted one by one


def decode_transaction(raw: bytes, tagged: Tagged) -> Transaction:
    """Return the transaction that ``raw`` is, its form checked, its signatures not yet.

    Raises:
        Rejected: ``too_large``, ``malformed``, ``not_canonical`` or ``number_too_large``.
    """
    read = _read_quickly(raw)
    if read is None:  # not canonical, or odd: the slow way says which
        decode(raw, TX_BYTES_MAX)
        signed = decode_as(raw, _signed_decoder)
        body_bytes = bytes(signed.body)
        read = signed, body_bytes, decode_as(body_bytes, _body_decoder)
    signed, body_bytes, body = read
    if not 1 <= len(signed.signatures) <= TX_SIGNATURES_MAX:
        raise Malformed(reason=f"1 to {TX_SIGNATURES_MAX} signatures are needed", at="$.signatures")
    first = signed.signatures[0]
    if first.signer != body.signer or first.key != body.key:
        raise Malformed(reason="the first signature must be the signer's", at="$.signatures[0]")
    if len({(s.signer, s.key) for s in signed.signatures}) < len(signed.signatures):
        raise Malformed(reason="a signer and key may sign once", at="$.signatures")
    if any(len(s.signer) > SIGNER_CHARS_MAX for s in signed.signatures):
        reason = f"a signer has at most {SIGNER_CHARS_MAX} characters"
        raise Malformed(reason=reason, at="$.signatures")
    if not bytes(body.args).startswith(b"{"):
        raise Malformed(reason="args must be an object", at="$.body.args")
    if body.cost_max < 0 or body.expires_ms < 0:
        raise Malformed(reason="cost_max and expires_ms are not negative", at="$.body")
    _check_nonce(body.nonce)
    return Transaction(
        raw=raw,
        body_bytes=body_bytes,
        body=body,
        signatures=tuple(signed.signatures),
        id=tagged(TAG_BODY, body_bytes),
        nonce_digest=tagged(TAG_NONCE, f"{body.signer}\n{body.nonce}".encode()),
    )


def _read_quickly(raw: bytes) -> tuple[_Signed, bytes, Body] | None:
    """Return the parts of a usual transaction in canonical form; ``None`` when not sure.

    What :func:`decode` establishes for any document follows here from the types: their fields stand
    in canonical order, and only ``args`` may hold anything.
    """
    if len(raw) > TX_BYTES_MAX:
        return None
    try:
        signed = _signed_decoder.decode(raw)
        body_bytes = bytes(signed.body)
        body = _body_decoder.decode(body_bytes)
        args = bytes(body.args)
        decode(args)
    except (msgspec.DecodeError, Rejected, UnicodeError, ValueError, RecursionError):
        return None
    numbers = body.cost_max <= INTEGER_MAX and body.expires_ms <= INTEGER_MAX
    shallow = args.count(b"{") + args.count(b"[") < _USUAL_LEVELS
    usual = numbers and shallow and body.private is msgspec.UNSET
    same = usual and _encode(body) == body_bytes and _encode(signed) == raw
    return (signed, body_bytes, body) if same else None


def _check_nonce(nonce: str) -> None:
    if not _NONCE(nonce) or len(nonce) % 4 == 1:
        raise Malformed(reason="the nonce is not base64url", at="$.body.nonce")
    size = len(nonce) * 3 // 4
    if not NONCE_BYTES_MIN <= size <= NONCE_BYTES_MAX:
        reason = f"the nonce has {size} bytes; {NONCE_BYTES_MIN} to {NONCE_BYTES_MAX} are needed"
        raise Malformed(reason=reason, at="$.body.nonce")
    to_bytes(nonce, "$.body.nonce")


def encode_transaction(body: Body, sign: Callable[[bytes], bytes]) -> bytes:
    """Return the signed transaction's bytes; ``sign`` gets the tagged body bytes."""
    body_bytes = encode(body)
    signature = to_text(sign(b"hanse/tx/1\x00" + body_bytes))
    return encode(
        _Signed(
            body=msgspec.Raw(body_bytes),
            signatures=[Signature(key=body.key, signature=signature, signer=body.signer)],
        )
    )


def with_signature(tx: Transaction, signature: Signature) -> bytes:
    """Return the bytes of ``tx`` with one more signature, after those that it has."""
    return encode(_Signed(body=msgspec.Raw(tx.body_bytes), signatures=[*tx.signatures, signature]))


class ContractEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an action emitted: contract, event type and its fields."""

    contract: str
    event: str
    fields: msgspec.Raw


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The outcome of one transaction: refusals included, committed by the log beside it."""

    cost: int
    events: list[ContractEvent]
    height: int
    index: int
    status: Literal["ok", "rejected"]
    tx: str
    v: Literal[1]
    code: str | None = None
    facts: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    reason: str | None = None
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The header of a block; its tagged hash is the block id, and the last leaf of its block."""

    engine_height: int
    height: int
    ledger: str
    log_root: str
    log_size: int
    previous: str
    rules: str
    state_root: str
    time_ms: int
    v: Literal[1]
    validators: str


class BlockDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A block as the log keeps it: header, certificate, and for each record its two documents.

    ``signed`` are the nodes whose votes stand in the block's last commit; left out without any.
    """

    certificate: msgspec.Raw
    header: msgspec.Raw
    records: list[tuple[msgspec.Raw, msgspec.Raw]]
    signed: tuple[str, ...] = ()


receipt_decoder = msgspec.json.Decoder(Receipt)
header_decoder = msgspec.json.Decoder(Header)
block_decoder = msgspec.json.Decoder(BlockDocument)


def record_leaf(signed: bytes, receipt: bytes, tagged: Tagged) -> bytes:
    """Return the log leaf of a record: 64 bytes, so that it cannot be taken for a header's 32."""
    return tagged(TAG_SIGNED, signed) + tagged(TAG_RECEIPT, receipt)
