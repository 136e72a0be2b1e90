# SPDX-License-Identifier: Apache-2.0
"""Rows of a range of an ordered map, all of them and no other: ``spec/ordered-tree.md``.

A page is one node of the tree. Keys are compared as bytes, and written in hexadecimal digits where
half a byte matters: both have the same order.
"""

from typing import Any

from hanse_verify.documents import Document, unb64
from hanse_verify.proofs import find, tagged
from hanse_verify.suites import Hash

_EMPTY = bytes(32)  # root of a tree without rows
_ENTRIES_MAX, _KEY_BYTES_MAX, _CHILD_BYTES = 16, 480, 34
_DIGITS = ["", *"0123456789abcdef"]  # by the first byte of a child: "" for keys that end there
_Entry = tuple[bytes, bytes]  # a key, and the hash of its value
_Page = tuple[str | None, list[Any]]  # digits and children; or none, and entries
_Place = tuple[bytes, str | None, str, int]  # hash, digits above, next digit, number of entries


def check_range(hash_: Hash, state_root: bytes, file: Document) -> str:
    """Establish that the state holds exactly the rows that the file shows between its bounds."""
    part, values = file["range"], file["range"]["values"]
    contract = tagged(hash_, "contract", file["contract"].encode())
    map_ = tagged(hash_, "ordered-map", file["map"].encode())
    contract_root = find(hash_, state_root, contract, part)  # 1
    root = find(hash_, contract_root or _EMPTY, map_, part["entry"])  # 2
    if "value" in part["entry"] or (root is None and contract_root is not None):
        raise ValueError("the map keeps no ordered tree, so nothing says what it does not hold")
    low, high = bounds_of(file, whole=True)
    ends = [unb64(part[name]) for name in ("next", "previous") if part.get(name) is not None]
    if len(ends) > 1 or any(not low <= end < high or not values for end in ends):  # 5
        raise ValueError("the rows stop outside of the range, at both ends, or before the first")
    low, high = bounds_of(file)
    found = _walk(hash_, root or _EMPTY, low, high, [unb64(page) for page in part["pages"]])  # 3
    if [digest for _, digest in found] != [tagged(hash_, "value", value) for value in values]:  # 4
        raise ValueError("the tree has other rows in this range, or other values in them")
    end = " after the previous key" if "previous" in part else " before the next" if ends else ""
    return f"{len(values)} rows and no other{end}"


def bounds_of(file: Document, *, whole: bool = False) -> _Entry:
    """Return the first key of the range and the first beyond it; of its rows, or as a whole."""
    low, high, part = unb64(file["first"]), unb64(file["last"]) + b"\xff", file["range"]
    if not whole and part["next"] is not None:
        high = unb64(part["next"])
    if not whole and "previous" in part:
        low = unb64(part["previous"]) + b"\0"
    return low, high


def _walk(hash_: Hash, root: bytes, low: bytes, high: bytes, pages: list[bytes]) -> list[_Entry]:
    """Return all entries from ``low`` on and below ``high``; every page is needed, in its order."""
    found: list[_Entry] = []
    waiting: list[_Place] = [(root, None, "", 0)] if root != _EMPTY else []
    for page in pages:
        if not waiting or tagged(hash_, "ordered", page) != waiting[-1][0]:
            raise ValueError("a page is not of the range, or not the one that its parent names")
        _, above, digit, count = waiting.pop()
        digits, inside = read_page(page)
        _check_place(digits, inside, above, digit, count)
        if digits is None:
            found += [entry for entry in inside if low <= entry[0] < high]
            continue
        for child in reversed(inside):
            step = _DIGITS[child[0]]
            if _touches(digits, step, low.hex(), high.hex()):
                waiting.append((child[2:], digits, step, child[1]))
    if waiting:
        raise ValueError("a page of the range is missing")
    return found


def _check_place(
    digits: str | None, inside: list[Any], above: str | None, digit: str, count: int
) -> None:
    """Establish that a page belongs where its parent has it; the root belongs anywhere."""
    if above is None:
        return
    if digits is not None:  # an inner page
        fits = digit != "" and count == 0 and digits.startswith(above + digit)
    else:
        keys = [key.hex() for key, _ in inside]
        fits = len(keys) == count and all(
            key.startswith(above + digit) if digit else key == above for key in keys
        )
    if not fits:
        raise ValueError("a page stands where it does not belong")


def _touches(above: str, digit: str, low: str, high: str) -> bool:
    """Say whether keys from ``low`` on and below ``high`` may lie in a child, all in digits."""
    if digit == "":
        return low <= above < high
    return above + digit < high and low < above + digit + "g"  # which comes after every digit


def read_page(page: bytes) -> _Page:
    """Return what a page spells in its one way."""
    return (None, _read_bucket(page)) if page[:1] == b"\0" else _read_inner(page)


def _read_bucket(page: bytes) -> list[_Entry]:
    entries: list[_Entry] = []
    at = 1
    while at < len(page):
        end = at + 2 + int.from_bytes(page[at : at + 2], "big")
        entries.append((page[at + 2 : end], page[end : end + 32]))
        at = end + 32
    keys = [key for key, _ in entries]
    if at != len(page) or not 0 < len(keys) <= _ENTRIES_MAX or keys != sorted(set(keys)):
        raise ValueError("a bucket is empty, too full, cut short or not in order")
    if max(map(len, keys)) > _KEY_BYTES_MAX:
        raise ValueError("a key is longer than any may be")
    return entries


def _read_inner(page: bytes) -> _Page:
    size = int.from_bytes(page[1:3], "big")
    start = 3 + (size + 1) // 2
    packed = page[3:start].hex()
    children = [page[at : at + _CHILD_BYTES] for at in range(start, len(page), _CHILD_BYTES)]
    steps = [child[0] for child in children]
    if page[:1] != b"\1" or len(packed) != size + size % 2 or packed[size:].strip("0"):
        raise ValueError("a page is neither a bucket nor an inner one, or its digits are cut short")
    if len(steps) < 2 or steps != sorted(set(steps)) or len(children[-1]) != _CHILD_BYTES:
        raise ValueError("the children of a page are not two or more, whole and in order")
    if steps[-1] > 16 or any(child[1] > _ENTRIES_MAX for child in children):
        raise ValueError("a child of a page has no such digit or number of entries")
    return packed[:size], children
