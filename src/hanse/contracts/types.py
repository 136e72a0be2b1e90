# SPDX-License-Identifier: Apache-2.0
"""The value types of the contract language beyond Python's own, and how each is written in JSON."""

import re
from typing import Final, NewType, Self

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.documents import TimeMs
from hanse.codec.limits import BIG_INTEGER_BITS_MAX
from hanse.errors import Malformed

__all__ = ["BigInt", "Bytes", "Date", "MemberId", "OrganisationId", "TimeMs"]

OrganisationId = NewType("OrganisationId", str)
MemberId = NewType("MemberId", str)

_DECIMAL = re.compile(r"0|-?[1-9][0-9]*", re.ASCII).fullmatch
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII).fullmatch
_LAST_DAY: Final = 3_652_059  # 9999-12-31
_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_BIG_LIMIT: Final = 1 << BIG_INTEGER_BITS_MAX


class BigInt(int):
    """An integer with a magnitude below 2^256, always written as a minimal decimal string."""

    __slots__ = ()

    def __new__(cls, value: int) -> Self:
        """Return ``value`` as a BigInt; a magnitude of 2^256 or more is a ``ValueError``."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError("a BigInt is made of an integer")  # noqa: TRY004  # the same family
        if not -_BIG_LIMIT < value < _BIG_LIMIT:
            raise ValueError("a BigInt has a magnitude below 2^256")
        return super().__new__(cls, value)

    @classmethod
    def parse(cls, text: object) -> "BigInt":
        """Return the number that the minimal decimal string ``text`` stands for."""
        if not isinstance(text, str) or len(text) > 80 or not _DECIMAL(text):
            raise ValueError("a BigInt is a minimal decimal string")
        return cls(int(text))


class Bytes(bytes):
    """Bytes of a record, written as base64url without padding."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: object) -> "Bytes":
        """Return the bytes that ``text`` stands for."""
        if not isinstance(text, str):
            raise ValueError("bytes are a base64url string")  # noqa: TRY004  # see above
        try:
            return cls(to_bytes(text))
        except Malformed as error:
            raise ValueError(error.reason) from None


class Date(str):
    """A calendar day, ``YYYY-MM-DD`` (ISO 8601, proleptic Gregorian), with no clock behind it."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Return the day that ``text`` names; anything but an existing day is a ``ValueError``."""
        match = _DATE(text)
        if not match:
            raise ValueError("a date is YYYY-MM-DD")
        year, month, day = (int(part) for part in match.groups())
        if year < 1 or not 1 <= month <= 12 or not 1 <= day <= _month_days(year, month):
            raise ValueError("no such day")
        return super().__new__(cls, text)

    @property
    def ordinal(self) -> int:
        """Days since 0001-01-01, which is day 1."""
        year, month, day = int(self[:4]), int(self[5:7]), int(self[8:10])
        before = _days_before(year)
        return before + sum(_month_days(year, m) for m in range(1, month)) + day

    def add_days(self, days: int) -> "Date":
        """Return the day that many days later (earlier when negative)."""
        return Date.from_ordinal(self.ordinal + days)

    def days_until(self, other: "Date") -> int:
        """Return the number of days from this day to ``other``; negative when it lies before."""
        return other.ordinal - self.ordinal

    @classmethod
    def from_ordinal(cls, ordinal: int) -> "Date":
        """Return the day with this number; 1 is 0001-01-01."""
        if not 1 <= ordinal <= _LAST_DAY:
            raise ValueError("no such day")
        year = (ordinal - 1) * 400 // 146_097 + 1  # at most one off
        while True:
            rest = ordinal - _days_before(year)
            if rest < 1:
                year -= 1
            elif rest > (366 if _is_leap(year) else 365):
                year += 1
            else:
                break
        month = 1
        while rest > _month_days(year, month):
            rest -= _month_days(year, month)
            month += 1
        return cls(f"{year:04d}-{month:02d}-{rest:02d}")

    @classmethod
    def from_time(cls, time_ms: TimeMs) -> "Date":
        """Return the UTC day of a block time."""
        return cls.from_ordinal(719_163 + time_ms // 86_400_000)


def _days_before(year: int) -> int:
    years = year - 1
    return years * 365 + years // 4 - years // 100 + years // 400


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _month_days(year: int, month: int) -> int:
    return 29 if month == 2 and _is_leap(year) else _MONTH_DAYS[month - 1]


def encode_hook(value: object) -> object:
    """Return the JSON form of a value type that msgspec does not know."""
    if isinstance(value, BigInt):
        return int.__str__(value)
    if isinstance(value, Bytes):
        return to_text(value)
    if isinstance(value, Date):
        return str.__str__(value)
    raise TypeError(f"{type(value).__name__} is not a type of the contract language")


def decode_hook(kind: type, value: object) -> object:
    """Return ``value`` as one of the value types; msgspec turns a ``ValueError`` into a path."""
    if kind is BigInt:
        return BigInt.parse(value)
    if kind is Bytes:
        return Bytes.parse(value)
    if kind is Date:
        if not isinstance(value, str):
            raise ValueError("a date is a string")
        return Date(value)
    raise TypeError(f"{kind.__name__} is not a type of the contract language")
