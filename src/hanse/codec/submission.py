# SPDX-License-Identifier: Apache-2.0
"""Submissions: transactions that one gateway bundles and signs; what an engine orders as one.

The form is in ``spec/submission.md``. Signatures are not verified here.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.canonical import decode_as
from hanse.codec.documents import TAG_SUBMISSION, Tagged, Transaction, decode_transaction
from hanse.codec.limits import (
    INTEGER_MAX,
    SIGNER_CHARS_MAX,
    SUBMISSION_BYTES_MAX,
    SUBMISSION_TXS_MAX,
)
from hanse.errors import Malformed, NotCanonical, TooLarge


class SubmissionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the node signs: its transactions, in the order in which they are executed."""

    ledger: str
    node: str
    seq: int
    txs: list[msgspec.Raw]
    v: Literal[1]


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    body: msgspec.Raw
    signature: str


class Submission(msgspec.Struct, frozen=True, gc=False):
    """A decoded submission with the exact bytes that it came in; its id is the body's hash."""

    raw: bytes
    id: bytes
    ledger: str
    node: str
    seq: int
    message: bytes
    signature: bytes
    transactions: tuple[Transaction, ...]

    @property
    def cost(self) -> int:
        """Sum of what its transactions may use, in units."""
        return sum(tx.body.cost_max for tx in self.transactions)


_signed_decoder = msgspec.json.Decoder(_Signed)
_body_decoder = msgspec.json.Decoder(SubmissionBody)
_encode = msgspec.json.Encoder().encode  # the fields stand in canonical order
_START = TAG_SUBMISSION.encode() + b"\x00"


def make_submission(
    head: tuple[str, str, int],
    transactions: tuple[Transaction, ...],
    sign: Callable[[bytes], bytes],
    tagged: Tagged,
) -> Submission:
    """Return a new submission of ledger, node and number ``head``; ``sign`` gets tagged bytes."""
    ledger, node, seq = head
    txs = [msgspec.Raw(tx.raw) for tx in transactions]
    body = _encode(SubmissionBody(ledger, node, seq, txs, 1))
    signature = sign(_START + body)
    return Submission(
        raw=_encode(_Signed(msgspec.Raw(body), to_text(signature))),
        id=tagged(TAG_SUBMISSION, body),
        ledger=ledger,
        node=node,
        seq=seq,
        message=_START + body,
        signature=signature,
        transactions=transactions,
    )


def decode_submission(raw: bytes, tagged: Tagged) -> Submission:
    """Return the submission that ``raw`` is, its form and its transactions' forms checked.

    Raises:
        Rejected: ``too_large``, ``malformed``, ``not_canonical`` or ``number_too_large``.
    """
    if len(raw) > SUBMISSION_BYTES_MAX:
        raise TooLarge(what="submission bytes", limit=SUBMISSION_BYTES_MAX, actual=len(raw))
    signed = decode_as(raw, _signed_decoder)
    body_bytes = bytes(signed.body)
    body = decode_as(body_bytes, _body_decoder)
    if _encode(signed) != raw or _encode(body) != body_bytes:  # each transaction is judged below
        raise NotCanonical(reason="keys out of order, white space, or a needless escape")
    if not 1 <= len(body.txs) <= SUBMISSION_TXS_MAX:
        raise Malformed(reason=f"1 to {SUBMISSION_TXS_MAX} transactions", at="$.body.txs")
    if not 0 <= body.seq <= INTEGER_MAX or len(body.node) > SIGNER_CHARS_MAX:
        raise Malformed(reason="a number or a name out of bounds", at="$.body")
    transactions = tuple([decode_transaction(bytes(tx), tagged) for tx in body.txs])
    if len({tx.id for tx in transactions}) < len(transactions):
        raise Malformed(reason="a transaction stands twice", at="$.body.txs")
    return Submission(
        raw=raw,
        id=tagged(TAG_SUBMISSION, body_bytes),
        ledger=body.ledger,
        node=body.node,
        seq=body.seq,
        message=_START + body_bytes,
        signature=to_bytes(signed.signature, "$.signature"),
        transactions=transactions,
    )
