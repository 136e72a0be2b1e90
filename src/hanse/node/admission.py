# SPDX-License-Identifier: Apache-2.0
"""What a node does with a transaction before it is ordered: form, ledger, duplicate, signature.

The order is the kernel's (``kernel.outcomes``). A failure here is a problem for the client and
leaves no record. A signature is verified once on this node, not again when the block is applied.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import msgspec

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.documents import Transaction, decode_transaction
from hanse.contracts.state import Reader
from hanse.errors import Malformed, Rejected
from hanse.identity import Rules
from hanse.kernel import KERNEL_CODES, Kernel
from hanse.node.verifier import Check

_CODES = {c.code: c for c in KERNEL_CODES}


@dataclass(eq=False)
class NotAdmitted(Rejected):
    """The transaction failed a check before ordering; it left no record and used no nonce."""

    refusal: str
    tx: str
    shown: dict[str, object] = field(default_factory=dict)
    code: ClassVar[str] = "not_admitted"

    def __post_init__(self) -> None:
        """Take code, status and hint from the kernel's table."""
        known = _CODES[self.refusal]
        self.code = known.code  # type: ignore[misc]  # each row of the table is an answer
        self.status = known.status  # type: ignore[misc]  # the same
        self.hint = known.remedy  # type: ignore[misc]  # the same

    def facts(self) -> dict[str, object]:
        """Return the transaction's id, the reason, and what else the check found."""
        return {"tx": self.tx, "reason": _CODES[self.refusal].cause, **self.shown}


class Known(Protocol):
    """Where earlier transactions are found."""

    def find_nonce(self, nonce_digest: bytes) -> bytes | None:
        """Return the id of the transaction that used this nonce within its window."""
        ...


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """A transaction whose form is right: recorded before, or with signatures to verify."""

    transaction: Transaction
    duplicate: bool
    checks: tuple[Check, ...]


def prepare(kernel: Kernel, reader: Reader, known: Known, raw: bytes) -> Prepared:
    """Return the transaction that ``raw`` is, with the signatures that are still to be verified.

    Raises:
        Rejected: the first check that failed, in the kernel's order.
    """
    tx = decode_transaction(raw, kernel.hash.tagged)
    if tx.body.ledger != kernel.ledger:
        raise refused("wrong_ledger", tx, expected=kernel.ledger)
    earlier = known.find_nonce(tx.nonce_digest)
    if earlier is not None:
        if earlier != tx.id:
            raise refused("nonce_reused", tx)
        return Prepared(tx, duplicate=True, checks=())
    return Prepared(tx, duplicate=False, checks=signature_checks(kernel, reader, tx))


def signature_checks(kernel: Kernel, reader: Reader, tx: Transaction) -> tuple[Check, ...]:
    """Return what has to hold for every signature of ``tx``, under the keys of the registry.

    Raises:
        NotAdmitted: ``unknown_member`` or ``unknown_key``.
        Malformed: a key signs twice, or a signature is not base64url.
    """
    directory = kernel.directory.look_at(reader)
    checks: list[Check] = []
    seen: set[tuple[str, str]] = set()
    for signature in tx.signatures:
        named = (signature.signer, signature.key)
        if named in seen:
            raise Malformed(reason="the same key signs twice", at="$.signatures")
        seen.add(named)
        key = directory.key(reader, *named)
        if key is None:
            member = directory.member(reader, signature.signer)
            code = "unknown_member" if member is None else "unknown_key"
            raise refused(code, tx, signer=signature.signer, key=signature.key)
        value = to_bytes(signature.signature, "$.signatures")
        checks.append(Check(key.suite, bytes(key.public_key), tx.message, value))
    return tuple(checks)


def check_rest(rules: Rules, tx: Transaction, signed: bytes, now_ms: int) -> None:
    """Establish that the signatures held and that the transaction can still be recorded.

    Args:
        rules: of the ledger, as they are in force.
        tx: the transaction.
        signed: one byte for each signature, 1 where it holds.
        now_ms: wall time; the block's time decides in the end.

    Raises:
        NotAdmitted: the first check that failed, in the kernel's order.
    """
    if 0 in signed:
        signature = tx.signatures[signed.index(0)]
        raise refused("bad_signature", tx, signer=signature.signer, key=signature.key)
    if tx.body.expires_ms < now_ms:
        raise refused("expired", tx, expires_ms=tx.body.expires_ms, now_ms=now_ms)
    if tx.body.cost_max > rules.cost_max:
        raise refused("cost_max_too_large", tx, limit=rules.cost_max)


def refused(code: str, tx: Transaction, **facts: object) -> NotAdmitted:
    """Return the problem of a transaction that leaves no record."""
    return NotAdmitted(code, to_text(tx.id), facts)
