# SPDX-License-Identifier: Apache-2.0
"""No changed byte of a package passes: it is refused with a code, whatever was changed."""

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.contracts.package_file import build_package, read_package
from hanse.errors import HanseError

STORE = (Path(__file__).parents[1] / "corpus" / "store_contract.txt").read_text("utf-8")
PACKAGE = build_package("store", {"store": STORE})
DATA = PACKAGE.data


def refused(data: bytes) -> str:
    """Return the code with which a package is refused; any other failure is one of the reader."""
    try:
        read_package(data)
    except HanseError as error:
        return error.code
    return ""


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused(place: int, change: int) -> None:
    made = bytearray(DATA)
    made[place] ^= change
    assert refused(bytes(made))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(DATA) - 1), st.integers(1, 2_000))
def test_a_package_that_is_cut_or_repeated_is_refused(start: int, size: int) -> None:
    end = min(len(DATA), start + size)
    assert refused(DATA[:start] + DATA[end:])
    assert refused(DATA[:end] + DATA[start:])


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(value, dict | list):
        return [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(place for key, part in inner for place in _places(part, (*path, key)))]


PLACES = _places(msgspec.json.decode(DATA))[1:]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from([None, 0, "", "x", [], {}, True, 2**53]))
def test_a_changed_value_is_refused(place: tuple[Any, ...], value: object) -> None:
    made: Any = msgspec.json.decode(DATA)
    part = made
    for key in place[:-1]:
        part = part[key]
    if part[place[-1]] == value and type(part[place[-1]]) is type(value):
        return
    part[place[-1]] = value
    assert refused(msgspec.json.encode(made, order="sorted"))
