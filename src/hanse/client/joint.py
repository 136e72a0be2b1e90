# SPDX-License-Identifier: Apache-2.0
"""Transactions that several members sign: one begins, the others add their signatures (ADR 0015).

What passes between them is the signed transaction itself (``spec/transaction.md``), as a file or in
any other way; nothing but its signatures grows.
"""

from hanse.client._http import Steps
from hanse.client.bulk import Draft
from hanse.client.session import AnotherLedger, Member, Session, SignerMissing
from hanse.codec.base64url import to_text
from hanse.codec.documents import (
    TAG_SIGNED,
    Signature,
    Transaction,
    decode_transaction,
    with_signature,
)
from hanse.crypto import SHA256


def read_unplaced(raw: bytes) -> Transaction:
    """Return the transaction that ``raw`` is, of whatever ledger; its signatures not verified.

    Its ``id`` is that of a SHA-256 ledger.

    Raises:
        Rejected: it is no transaction.
    """
    return decode_transaction(raw, SHA256.tagged)


def add_signature(raw: bytes, member: Member) -> bytes:
    """Return the transaction with the signature of ``member`` after those that it has.

    Whoever calls this has looked at the body: the signature binds to all that it says.

    Raises:
        Rejected: it is no transaction, or signed by this key already.
    """
    tx = read_unplaced(raw)
    value = to_text(member.signer.sign(tx.message))
    signed = with_signature(tx, Signature(member.key_id, value, member.name))
    read_unplaced(signed)
    return signed


def read_draft(session: Session, raw: bytes) -> Steps[Draft]:
    """Return the draft that a file holds, established to be for the trusted ledger.

    Raises:
        AnotherLedger: it is for another one.
        Rejected: it is no transaction.
    """
    genesis = yield from session.genesis()
    tx = decode_transaction(raw, genesis.hash.tagged)
    if tx.body.ledger != genesis.ledger:
        raise AnotherLedger(trusted=genesis.ledger, shown=tx.body.ledger)
    what = (tx.body.contract, tx.body.action)
    return Draft(what, raw, tx.id, genesis.hash.tagged(TAG_SIGNED, raw))


def sign_draft(session: Session, raw: bytes) -> Steps[Draft]:
    """Return the draft with the signature of the client's own member added.

    Raises:
        AnotherLedger: it is for another ledger.
        SignerMissing: the client was opened as a reader.
    """
    yield from read_draft(session, raw)
    if session.member is None:
        raise SignerMissing
    return (yield from read_draft(session, add_signature(raw, session.member)))
