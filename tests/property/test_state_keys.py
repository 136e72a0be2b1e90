# SPDX-License-Identifier: Apache-2.0
"""State keys: the order of the bytes is the order of the values, and each key has one encoding."""

from typing import Any, Literal, NewType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hanse.codec.base64url import to_text
from hanse.contracts.keys import decode_key, encode_key, key_from_json, key_shape
from hanse.contracts.meter import Meter
from hanse.contracts.records import Codec
from hanse.contracts.refusals import Fault
from hanse.contracts.state import Door, Map
from hanse.contracts.types import BigInt, Bytes, Date
from hanse.testing.strategies import texts, values_of

NUL = st.text(st.sampled_from("\x00\x01a\u00ff\U0010ffff"), max_size=6) | texts
BIG = 2**256 - 1
INTEGERS = st.integers(-BIG, BIG) | st.integers(-300, 300)
Name = NewType("Name", str)


def nested(depth: int) -> st.SearchStrategy[Any]:
    part = NUL | st.binary(max_size=8) | INTEGERS | st.booleans()
    return st.recursive(
        part, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=depth
    )


@given(INTEGERS, INTEGERS)
def test_integers_sort_as_integers(a: int, b: int) -> None:
    assert (encode_key(a) < encode_key(b)) == (a < b)


@given(NUL, NUL)
@example("a", "a\x00")
@example("a\x00b", "a\x01")
def test_strings_sort_by_code_point(a: str, b: str) -> None:
    assert (encode_key(a) < encode_key(b)) == (a.encode() < b.encode())
    assert (a.encode() < b.encode()) == (a < b)


@given(st.tuples(NUL, INTEGERS, st.tuples(NUL, NUL)), st.tuples(NUL, INTEGERS, st.tuples(NUL, NUL)))
@example(("a", 0, ("", "")), ("a\x00", 0, ("", "")))
@example(("", 0, ("a", "b")), ("", 0, ("a\x00b", "")))
def test_tuples_sort_element_by_element(a: Any, b: Any) -> None:
    assert (encode_key(a) < encode_key(b)) == (a < b)


@given(st.lists(NUL, max_size=3), st.lists(NUL, max_size=3))
def test_inner_tuples_of_any_length_sort_as_python_sorts_them(a: list[str], b: list[str]) -> None:
    one, two = (tuple(a), 0), (tuple(b), 0)
    assert (encode_key(one) < encode_key(two)) == (one < two)


def plain(value: object) -> object:
    return tuple(map(plain, value)) if isinstance(value, tuple) else (type(value).__name__, value)


@given(nested(8), nested(8))
def test_no_two_keys_share_an_encoding(a: Any, b: Any) -> None:
    left = a if isinstance(a, tuple) else (a,)
    right = b if isinstance(b, tuple) else (b,)
    assert (encode_key(left) == encode_key(right)) == (plain(left) == plain(right))


@given(nested(8))
def test_a_key_is_decoded_to_what_it_was(key: Any) -> None:
    parts = key if isinstance(key, tuple) else (key,)
    decoded = tuple(decode_key(encode_key(parts)))
    assert encode_key(decoded) == encode_key(parts)
    assert decoded == parts


@given(
    st.binary(max_size=24)
    | st.lists(st.sampled_from(b"\x00\x10\x20\x30\x40\x50\x7f\x80\x81\xff"), max_size=12).map(bytes)
)
def test_bytes_are_refused_or_are_the_one_encoding_of_their_key(data: bytes) -> None:
    try:
        parts = decode_key(data)
    except ValueError:
        return
    assert encode_key(tuple(parts)) == data


@pytest.mark.parametrize(
    "data",
    [
        b"\x20\x7f",
        b"\x20\x81\x00",
        b"\x20\x7e\xff",
        b"\x50",
        b"\x00",
        b"\x30a",
        b"\x30\xff\x00",
        b"\x20",
    ],
)
def test_a_second_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"key|string|integer|tuple"):
        decode_key(data)


@pytest.mark.parametrize(
    "bad", [2**256, -(2**256), 1.5, None, "\ud800", ("a", None), [1], {"a": 1}]
)
def test_what_is_no_key_is_a_fault(bad: object) -> None:
    with pytest.raises(Fault):
        encode_key(bad)


KINDS = [str, int, bool, bytes, BigInt, Date, Name, Literal["x", "y"], tuple[str, tuple[int, Date]]]


def to_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [to_json(v) for v in value]
    if isinstance(value, bytes):
        return to_text(value)
    return (
        str(int(value))
        if isinstance(value, BigInt)
        else str(value)
        if type(value) is Date
        else value
    )


@given(st.data(), st.sampled_from(KINDS))
def test_a_declared_key_survives_state_and_json_in_its_type(data: st.DataObject, kind: Any) -> None:
    value = data.draw(values_of(kind))
    shape = key_shape(kind)
    parts = decode_key(encode_key(value))
    back = shape(tuple(parts) if isinstance(value, tuple) else parts[0])
    assert back == value
    assert type(back) is (Bytes if isinstance(value, bytes) else type(value))
    assert encode_key(shape(key_from_json(kind, to_json(value)))) == encode_key(value)


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (str, 1),
        (int, True),
        (int, "1"),
        (bool, 1),
        (Date, "x"),
        (bytes, "a"),
        (Literal[1], True),
        (tuple[str, str], ("a",)),
        (tuple[str, str], "ab"),
    ],
)
def test_a_key_of_another_type_than_declared_is_a_fault(kind: Any, bad: object) -> None:
    with pytest.raises(Fault):
        key_shape(kind)(bad)


@pytest.mark.parametrize(
    "kind", [float, list[str], str | None, tuple[str, ...], dict[str, int], tuple]
)
def test_a_type_that_cannot_be_a_key_is_refused_when_loaded(kind: Any) -> None:
    with pytest.raises(TypeError):
        key_shape(kind)


class Rows:
    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}

    def get(self, contract: str, key: bytes) -> bytes | None:
        return self.held.get(key)

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        assert limit >= 0
        rows = [(k, v) for k, v in sorted(self.held.items()) if k.startswith(prefix) and k >= start]
        return rows[:limit]


def open_map(kind: Any) -> tuple[Map[Any, int], Door, Rows]:
    door, rows = Door("c"), Rows()
    door.open(rows, Meter(10**9), "action", {})
    return Map("m", kind, Codec(int), door), door, rows


PAIRS = st.lists(st.tuples(NUL, NUL), max_size=8, unique=True)


@given(PAIRS, NUL, st.integers(-2, 9), st.integers(0, 8))
@example([("a", ""), ("a\x00b", "")], "a", 9, 0)
@example([("a", ""), ("a\x00b", "")], "a", 9, 2)
def test_a_prefix_finds_exactly_the_keys_that_begin_with_its_parts(
    keys: list[tuple[str, str]], first: str, limit: int, committed: int
) -> None:
    entries, door, rows = open_map(tuple[str, str])
    for number, key in enumerate(keys):
        entries[key] = number
        if number < committed:  # below the call; the rest is its own overlay
            rows.held.update({k: v for k, v in door.overlay.items() if v is not None})
            door.overlay.clear()
    expected = sorted(key for key in keys if key[0] == first)
    assert list(entries.keys((first,), limit=limit)) == expected[: max(0, limit)]
    begins = sorted(key for key in keys if key[0].startswith(first))
    assert list(entries.keys(first, limit=limit)) == begins[: max(0, limit)]


@given(st.lists(INTEGERS, unique=True, max_size=8), INTEGERS, st.data())
def test_a_scan_starts_where_it_is_told_and_sees_what_was_deleted(
    keys: list[int], start: int, data: st.DataObject
) -> None:
    entries, door, rows = open_map(int)
    for key in keys:
        entries[key] = 0
    rows.held = {k: v for k, v in door.overlay.items() if v is not None}
    door.overlay.clear()
    gone = data.draw(st.sets(st.sampled_from(keys))) if keys else set()
    for key in sorted(gone):
        del entries[key]
    left = sorted(key for key in keys if key not in gone and key >= start)
    limit = data.draw(st.integers(0, 9))
    assert [key for key, _ in entries.items(start=start, limit=limit)] == left[:limit]
