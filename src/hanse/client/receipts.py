# SPDX-License-Identifier: Apache-2.0
"""Receipts as the client hands them out: decoded, and proved to be in the log."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, final

import msgspec

from hanse.client._documents import Receipt
from hanse.errors import Refusal


@dataclass(frozen=True, slots=True)
class EventView:
    """A contract event of a receipt: contract, type and fields as JSON values."""

    contract: str
    event: str
    fields: dict[str, object]


@final
class VerifiedReceipt:
    """The outcome of one transaction, read from the log of a header that is final and provable.

    There is no unverified one: whoever holds it may rely on ``verified`` being true.
    """

    __slots__ = ("_receipt", "raw")

    verified: Final = True

    def __init__(self, receipt: Receipt, raw: bytes) -> None:
        """Keep a receipt that was proved; only this package makes one."""
        self._receipt = receipt
        self.raw: Final = raw

    @property
    def tx(self) -> str:
        """The transaction's id."""
        return self._receipt.tx

    @property
    def height(self) -> int:
        """Height of the block that holds the record."""
        return self._receipt.height

    @property
    def index(self) -> int:
        """Place of the record in its block, from 0."""
        return self._receipt.index

    @property
    def status(self) -> Literal["ok", "rejected"]:
        """What came of the transaction; a refusal is an answer, too."""
        return self._receipt.status

    @property
    def ok(self) -> bool:
        """Whether the action took effect."""
        return self._receipt.status == "ok"

    @property
    def code(self) -> str | None:
        """The stable word for the refusal; ``None`` when there was none."""
        return self._receipt.code or None

    @property
    def reason(self) -> str | None:
        """The refusal in a sentence."""
        return self._receipt.reason or None

    @property
    def cost(self) -> int:
        """Units of the meter that the transaction used."""
        return self._receipt.cost

    @property
    def result(self) -> object:
        """What the action returned, as JSON value."""
        return _value(self._receipt.result)

    @property
    def result_bytes(self) -> bytes | None:
        """What the action returned, as canonical bytes."""
        result = self._receipt.result
        return None if result is msgspec.UNSET else bytes(result)

    @property
    def facts(self) -> dict[str, object]:
        """The refusal's facts."""
        return _object(self._receipt.facts)

    @property
    def events(self) -> list[EventView]:
        """The contract events in the order in which they were emitted."""
        return [EventView(e.contract, e.event, _object(e.fields)) for e in self._receipt.events]

    def require_ok(self) -> "VerifiedReceipt":
        """Return this receipt when the action took effect.

        Raises:
            Refusal: it was rejected; code, reason and facts are the receipt's.
        """
        if self.ok:
            return self
        raise self.refusal()

    def refusal(self) -> Refusal:
        """Return the refusal of a rejected transaction as an error value."""
        assert self._receipt.code, "asked of a receipt that is ok"
        return Refusal(
            refusal=self._receipt.code, reason=self.reason or "", detail=self.facts, tx=self.tx
        )

    def __repr__(self) -> str:
        """Name the transaction, its place and its outcome."""
        outcome = self._receipt.code or self._receipt.status
        return f"<VerifiedReceipt {self.tx} height={self.height} index={self.index} {outcome}>"


Outcome: TypeAlias = VerifiedReceipt | Refusal
"""What a batch gives for each line: a proved receipt, or why the line was not admitted."""


def _value(raw: msgspec.Raw | msgspec.UnsetType) -> object:
    return None if raw is msgspec.UNSET else msgspec.json.decode(bytes(raw))


def _object(raw: msgspec.Raw | msgspec.UnsetType) -> dict[str, object]:
    value = _value(raw)
    return value if isinstance(value, dict) else {}
