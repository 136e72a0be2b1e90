# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON as properties: round trips, one encoding for each value, agreement with others."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hanse.codec import canonical
from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.limits import INTEGER_MAX
from hanse.errors import Rejected

keys = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(str.isascii)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | texts
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=20,
)


def is_accepted(data: bytes) -> bool:
    """Tell whether these bytes are canonical."""
    try:
        canonical.decode(data)
    except Rejected:
        return False
    return True


@given(values)
def test_what_is_written_is_read_back(value: Any) -> None:
    data = canonical.encode(value)
    assert canonical.decode(data) == value
    assert canonical.encode(canonical.decode(data)) == data


@given(values)
def test_an_independent_canonicaliser_writes_the_same_bytes(value: Any) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(values)
def test_the_standard_library_reads_the_same_value(value: Any) -> None:
    assert json.loads(canonical.encode(value)) == value


@given(values)
def test_any_other_layout_of_the_value_is_refused(value: Any) -> None:
    data = canonical.encode(value)
    for other in (
        json.dumps(value, indent=1).encode(),
        json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode(),
        json.dumps(value, ensure_ascii=False, sort_keys=True).encode(),
        data + b"\n",
        b" " + data,
    ):
        assert is_accepted(other) == (other == data)


@given(st.dictionaries(keys, scalars, min_size=2, max_size=5), st.data())
def test_keys_in_any_other_order_are_refused(value: dict[str, Any], data: st.DataObject) -> None:
    names = data.draw(st.permutations(sorted(value)))
    shuffled = {name: value[name] for name in names}
    compact = json.dumps(shuffled, ensure_ascii=False, separators=(",", ":")).encode()
    assert is_accepted(compact) == (compact == canonical.encode(value))
    assert names == sorted(names) or not is_accepted(compact)


@given(st.binary(max_size=40))
@example(b"\xff")
@example(b'"\\ud800"')
@settings(max_examples=500)
def test_any_bytes_are_refused_or_the_one_encoding(data: bytes) -> None:
    code = ""
    try:
        value = canonical.decode(data)
    except Rejected as refused:
        code = refused.code
    else:
        assert canonical.encode(value) == data
    assert code in {"", "malformed", "not_canonical", "number_too_large", "too_large"}


@given(values, st.data())
@settings(max_examples=300)
def test_a_changed_byte_is_refused_or_another_value(value: Any, data: st.DataObject) -> None:
    encoded = bytearray(canonical.encode(value))
    index = data.draw(st.integers(0, len(encoded) - 1))
    bit = data.draw(st.integers(0, 7))
    encoded[index] ^= 1 << bit
    try:
        other = canonical.decode(bytes(encoded))
    except Rejected:
        return
    assert canonical.encode(other) == bytes(encoded)
    assert repr(other) != repr(value)


@given(st.binary(max_size=70))
def test_bytes_survive_as_text(data: bytes) -> None:
    assert to_bytes(to_text(data)) == data


@given(st.text("ABCYZabcyz0189-_", max_size=12))
def test_a_spelling_of_bytes_is_refused_or_the_only_one(text: str) -> None:
    try:
        data = to_bytes(text)
    except Rejected:
        return
    assert to_text(data) == text


@pytest.mark.parametrize("number", [1.5, -0.5, 1e100, 0.1, 1e-7])
def test_the_judge_writes_floats_and_the_ledger_refuses_them(number: float) -> None:
    written = rfc8785.dumps([number])
    assert json.loads(written) == [number]
    assert not is_accepted(written)
