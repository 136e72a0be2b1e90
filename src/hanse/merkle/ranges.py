# SPDX-License-Identifier: Apache-2.0
"""What proves the rows of a range, all of them and no other (``spec/ordered-tree.md``).

Keys are compared as bytes, which is the order of the values that they stand for. A path is written
in hexadecimal digits: their order is that of the bytes, and a digit is half a byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from hanse.codec.limits import BUCKET_ENTRIES_MAX, RANGE_PAGES_MAX, STATE_KEY_BYTES_MAX
from hanse.crypto import Hash
from hanse.errors import ProofInvalid
from hanse.merkle.paths import EMPTY_ROOT

TAG_ORDERED: Final = "hanse/ordered/1"
TAG_ORDERED_MAP: Final = "hanse/ordered-map/1"
END: Final = ""  # the digit of a key that ends where others go on
_BUCKET, _INNER = 0, 1  # first byte of a page
_HEX: Final = "0123456789abcdef"
_CHILD_BYTES: Final = 34  # digit, number of entries, hash

Entry = tuple[bytes, bytes]
"""A key, and the hash of its value."""


@dataclass(frozen=True, slots=True)
class Child:
    """What an inner page says of a child: its hash, and how many entries a bucket has, else 0."""

    count: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class InnerPage:
    """A page over up to 17 others: the digits that all keys below begin with, and the next."""

    prefix: str
    children: dict[str, Child]


def encode_bucket(entries: Sequence[Entry]) -> bytes:
    """Return the page of sorted entries."""
    rows = [len(key).to_bytes(2, "big") + key + value for key, value in entries]
    return b"".join((bytes((_BUCKET,)), *rows))


def encode_inner(prefix: str, children: Sequence[tuple[str, Child]]) -> bytes:
    """Return the page of an inner node; ``children`` are sorted by their digits."""
    packed = bytes.fromhex(prefix + "0" * (len(prefix) & 1))
    head = bytes((_INNER,)) + len(prefix).to_bytes(2, "big") + packed
    rows = [
        bytes((0 if digit == END else 1 + _HEX.index(digit), child.count)) + child.digest
        for digit, child in children
    ]
    return b"".join((head, *rows))


def decode_page(page: bytes) -> InnerPage | tuple[Entry, ...]:
    """Return the inner page or the entries that ``page`` spells.

    Raises:
        ProofInvalid: it is not the one encoding of either.
    """
    if page[:1] == bytes((_BUCKET,)):
        return _decode_bucket(page)
    if page[:1] != bytes((_INNER,)) or len(page) < 3:
        raise ProofInvalid(reason="a page is neither a bucket nor an inner one")
    digits = int.from_bytes(page[1:3], "big")
    end = 3 + (digits + 1) // 2
    prefix = page[3:end].hex()
    if len(prefix) != digits + (digits & 1) or prefix[digits:].strip("0"):
        raise ProofInvalid(reason="the digits of a page are cut short")
    rows = [page[at : at + _CHILD_BYTES] for at in range(end, len(page), _CHILD_BYTES)]
    if len(rows) < 2 or len(rows[-1]) != _CHILD_BYTES:
        raise ProofInvalid(reason="an inner page has at least two whole children")
    if any(left[0] >= right[0] for left, right in pairwise(rows)):
        raise ProofInvalid(reason="the children of a page are not strictly sorted")
    if rows[-1][0] > 16 or any(row[1] > BUCKET_ENTRIES_MAX for row in rows):
        raise ProofInvalid(reason="a child of a page has no such digit or number")
    return InnerPage(
        prefix[:digits],
        {END if row[0] == 0 else _HEX[row[0] - 1]: Child(row[1], row[2:]) for row in rows},
    )


def _decode_bucket(page: bytes) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    at = 1
    while at < len(page):
        size = int.from_bytes(page[at : at + 2], "big")
        row = page[at + 2 : at + 34 + size]
        if len(row) != size + 32 or size > STATE_KEY_BYTES_MAX:
            raise ProofInvalid(reason="an entry of a bucket is cut short, or too long")
        entries.append((row[:size], row[size:]))
        at += 34 + size
    if not 0 < len(entries) <= BUCKET_ENTRIES_MAX:
        raise ProofInvalid(reason="a bucket has no entries, or too many")
    if any(left[0] >= right[0] for left, right in pairwise(entries)):
        raise ProofInvalid(reason="a bucket is not strictly sorted")
    return tuple(entries)


def just_after(key: bytes) -> bytes:
    """Return the first key that may come after ``key``."""
    return key + b"\x00"


def touches(prefix: str, digit: str, low: str, high: str) -> bool:
    """Whether a child may hold keys from ``low`` on and below ``high``, all in digits."""
    if digit == END:
        return low <= prefix < high
    under = prefix + digit
    return under < high and low < under + "g"  # the letter after the last digit


def verify_range(
    hasher: Hash, root: bytes, low: bytes, high: bytes, pages: Sequence[bytes]
) -> list[Entry]:
    """Return the entries from ``low`` on and below ``high``: all that the tree of ``root`` has.

    Args:
        hasher: the network's.
        root: of the ordered tree; 32 zero bytes for an empty one.
        low: the first key that belongs to the range.
        high: the first key after it.
        pages: every page that may hold such keys, parents before children, in key order.

    Raises:
        ProofInvalid: a page is missing, superfluous, of wrong form, or not of this tree.
    """
    if len(pages) > RANGE_PAGES_MAX:
        raise ProofInvalid(reason="more pages than a proof may have")
    first, last = low.hex(), high.hex()
    entries: list[Entry] = []
    waiting: list[tuple[bytes, str | None, str, int]] = []
    if root != EMPTY_ROOT:
        waiting = [(root, None, "", 0)]
    used = 0
    while waiting:
        digest, under, digit, count = waiting.pop()
        if used == len(pages):
            raise ProofInvalid(reason="a page of the range is missing")
        page = pages[used]
        used += 1
        if hasher.tagged(TAG_ORDERED, page) != digest:
            raise ProofInvalid(reason="a page is not the one that its parent names")
        found = decode_page(page)
        if isinstance(found, InnerPage):
            if not _is_inner_place(found.prefix, under, digit, count):
                raise ProofInvalid(reason="an inner page stands where it does not belong")
            waiting += [
                (child.digest, found.prefix, step, child.count)
                for step, child in reversed(found.children.items())
                if touches(found.prefix, step, first, last)
            ]
            continue
        if under is not None:
            _verify_place(found, under, digit, count)
        entries += [entry for entry in found if low <= entry[0] < high]
    if used != len(pages):
        raise ProofInvalid(reason="a page is not of the range")
    return entries


def _is_inner_place(prefix: str, under: str | None, digit: str, count: int) -> bool:
    """Whether an inner page with this prefix may stand there; ``under`` is ``None`` of the root."""
    return under is None or (count == 0 and digit != END and prefix.startswith(under + digit))


def _verify_place(entries: tuple[Entry, ...], under: str, digit: str, count: int) -> None:
    """Establish that a bucket's entries belong where their parent has them."""
    if len(entries) != count:
        raise ProofInvalid(reason="a bucket has another number of entries than its parent says")
    for key, _ in entries:
        shown = key.hex()
        if shown != under if digit == END else not shown.startswith(under + digit):
            raise ProofInvalid(reason="an entry does not belong into its bucket")
