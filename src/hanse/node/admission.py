# SPDX-License-Identifier: Apache-2.0
"""What a node does with a transaction before it is ordered: form, ledger, duplicate, signature, expiry.

The order is the kernel's (``kernel.outcomes``). A failure here is a problem for the client and leaves no
record. Each signature is verified once on this node and not again when the block is applied.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.documents import Transaction, decode_transaction
from hanse.contracts.state import Reader
from hanse.crypto import suite_named
from hanse.errors import Malformed, Rejected
from hanse.kernel import KERNEL_CODES, Kernel

_CODES = {c.code: c for c in KERNEL_CODES}


@dataclass(eq=False)
class NotAdmitted(Rejected):
    """The transaction failed a check before ordering; it left no record and used no nonce."""

    refusal: str
    tx: str
    code: ClassVar[str] = "not_admitted"
    facts_shown: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take code, status and hint from the kernel's table."""
        known = _CODES[self.refusal]
        self.code = known.code  # type: ignore[misc]  # each code is its own answer
        self.status = known.status  # type: ignore[misc]  # the same
        self.hint = known.remedy  # type: ignore[misc]  # the same

    def facts(self) -> dict[str, object]:
        """Return the transaction id and what else the check found."""
        return {"tx": self.tx, "reason": _CODES[self.refusal].cause, **self.facts_shown}


class Known(Protocol):
    """Where earlier transactions are found."""

    def find_nonce(self, nonce_digest: bytes) -> bytes | None:
        """Return the id of the transaction that used this nonce within its window."""
        ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """A transaction fit for ordering, or one that has been recorded already."""

    transaction: Transaction
    duplicate: bool


Verify = Callable[[bytes, bytes, bytes, str], bool]


def verify_signature(public_key: bytes, message: bytes, signature: bytes, suite: str) -> bool:
    """Whether ``signature`` holds under the suite's pinned rule."""
    return suite_named(suite).is_signature_valid(public_key, message, signature)


def admit(kernel: Kernel, reader: Reader, known: Known, raw: bytes, now_ms: int) -> Admitted:
    """Return the transaction that ``raw`` is, every check before ordering passed.

    Raises:
        Rejected: the first check that failed, in the kernel's order.
    """
    tx = decode_transaction(raw, kernel.hash.tagged)
    if tx.body.ledger != kernel.ledger:
        raise _refused("wrong_ledger", tx, expected=kernel.ledger)
    earlier = known.find_nonce(tx.nonce_digest)
    if earlier is not None:
        if earlier != tx.id:
            raise _refused("nonce_reused", tx)
        return Admitted(tx, duplicate=True)
    check_signatures(kernel, reader, tx)
    if tx.body.expires_ms < now_ms:
        raise _refused("expired", tx, expires_ms=tx.body.expires_ms, now_ms=now_ms)
    if tx.body.cost_max > kernel.rules.cost_max:
        raise _refused("cost_max_too_large", tx, limit=kernel.rules.cost_max)
    return Admitted(tx, duplicate=False)


def check_signatures(kernel: Kernel, reader: Reader, tx: Transaction) -> None:
    """Establish that every signature of ``tx`` holds under a key that the registry lists.

    Raises:
        NotAdmitted: ``unknown_member``, ``unknown_key`` or ``bad_signature``.
        Malformed: a signer stands twice, or a signature is not base64url.
    """
    seen: set[tuple[str, str]] = set()
    for signature in tx.signatures:
        named = (signature.signer, signature.key)
        if named in seen:
            raise Malformed(reason="the same key signs twice", at="$.signatures")
        seen.add(named)
        key = kernel.directory.key(reader, *named)
        if key is None:
            member = kernel.directory.member(reader, signature.signer)
            code = "unknown_member" if member is None else "unknown_key"
            raise _refused(code, tx, signer=signature.signer, key=signature.key)
        value = to_bytes(signature.signature, "$.signatures")
        if not verify_signature(key.public_key, tx.message, value, key.suite):
            raise _refused("bad_signature", tx, signer=signature.signer, key=signature.key)


def _refused(code: str, tx: Transaction, **facts: object) -> NotAdmitted:
    return NotAdmitted(code, to_text(tx.id), facts_shown=facts)


def dropped(code: str, tx: Transaction) -> NotAdmitted:
    """Return the problem of a transaction that the kernel dropped at execution."""
    return _refused(code, tx)
