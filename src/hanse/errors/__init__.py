# SPDX-License-Identifier: Apache-2.0
"""The error tree: whose fault it is decides the family.

``Rejected``: the request; the caller can change it. ``Corrupt``: data on disk or from another party
is wrong. ``Misconfigured``: the operator can mend it. A refusal inside the kernel is a value (a
receipt with a code), never an exception; :class:`Refusal` carries it to a caller at the edges.
"""

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Relayed:
    """What another party said in its own words: the code that it gave comes first."""

    code: str
    reason: str
    hint: str
    facts: dict[str, object]


class HanseError(Exception):
    """Root of every error that Hanse raises on purpose."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    hint: ClassVar[str] = ""
    exit_code: ClassVar[int] = 1

    def facts(self) -> dict[str, object]:
        """Return the typed fields of this error, by name, for a problem document or a log line."""
        try:
            names = [f.name for f in fields(self)]  # type: ignore[arg-type]  # or TypeError
        except TypeError:
            return {}
        return {name: getattr(self, name) for name in names}

    def relayed(self) -> Relayed | None:
        """Return what another party answered, where this error only passes it on."""
        return None

    def __str__(self) -> str:
        """Say the code and the facts in one line."""
        facts = ", ".join(f"{k}={v}" for k, v in self.facts().items())
        return f"{self.code}: {facts}" if facts else self.code


class Rejected(HanseError):
    """The request is at fault: the caller can change it."""

    status: ClassVar[int] = 400
    exit_code: ClassVar[int] = 1


class Corrupt(HanseError):
    """Data on disk, or from another party, is wrong."""

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 3


class Misconfigured(HanseError):
    """The operator can mend it."""

    status: ClassVar[int] = 503
    exit_code: ClassVar[int] = 4


@dataclass(eq=False)
class NotCanonical(Rejected):
    """The bytes are not the one canonical encoding of their value."""

    reason: str
    at: str = "$"
    code: ClassVar[str] = "not_canonical"
    hint: ClassVar[str] = (
        "Encode with sorted keys, no white space, integers only; see spec/canonical-json.md."
    )


@dataclass(eq=False)
class Malformed(Rejected):
    """The document does not have the form that its type requires."""

    reason: str
    at: str = "$"
    code: ClassVar[str] = "malformed"
    hint: ClassVar[str] = (
        "Compare the document with its page under spec/; the path names the place."
    )


@dataclass(eq=False)
class NumberTooLarge(Rejected):
    """A plain integer lies beyond 2^53 - 1."""

    at: str = "$"
    code: ClassVar[str] = "number_too_large"
    hint: ClassVar[str] = "Declare the field BigInt and write the number as a decimal string."


@dataclass(eq=False)
class TooLarge(Rejected):
    """Something exceeds its limit."""

    what: str
    limit: int
    actual: int
    code: ClassVar[str] = "too_large"
    status: ClassVar[int] = 413
    hint: ClassVar[str] = "Send less at once; the limits are listed by `hanse explain too_large`."


@dataclass(eq=False)
class UnknownSuite(Rejected):
    """No such suite, or it needs an extra that is not installed."""

    name: str
    code: ClassVar[str] = "unknown_suite"
    hint: ClassVar[str] = (
        "Use ed25519-sha256, p256-sha256, or sm2-sm3 (extra `hanse[sm]` makes it fast)."
    )


@dataclass(eq=False)
class ProofInvalid(Corrupt):
    """A proof does not lead to the root that it claims."""

    reason: str
    code: ClassVar[str] = "proof_invalid"
    status: ClassVar[int] = 502
    hint: ClassVar[str] = (
        "Do not trust the answer; ask another node, and keep this one as evidence."
    )


@dataclass(eq=False)
class Refusal(Rejected):
    """The ledger answered no.

    It carries the code, reason and facts of the receipt or of the admission, and the remedy where
    the node named one.
    """

    refusal: str
    reason: str = ""
    detail: dict[str, object] | None = None
    tx: str | None = None
    remedy: str = ""
    code: ClassVar[str] = "refusal"
    hint: ClassVar[str] = "`hanse explain CODE` says what the code means and who can mend it."

    def relayed(self) -> Relayed:
        """Return the refusal as the ledger gave it."""
        facts: dict[str, object] = {**(self.detail or {}), "tx": self.tx}
        return Relayed(self.refusal, self.reason, self.remedy or self.hint, facts)
