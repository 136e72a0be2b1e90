# SPDX-License-Identifier: Apache-2.0
"""What old code wrote, new code reads as the verdict says: the bytes are the judge of the check."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from tests.unit.contracts.upgrade_pairs import (
    Pair,
    both,
    described,
    load,
    read_pairs,
    text_of,
)

from hanse.contracts.compatibility import compare, verdict_of
from hanse.contracts.keys import decode_key, encode_key, key_from_json, key_shape
from hanse.contracts.records import Codec, Record, encode_loose
from hanse.contracts.refusals import Fault
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.types import BigInt
from hanse.errors import Corrupt
from hanse.testing.strategies import values_of

PAIRS = read_pairs()
STORED = [pair for pair in PAIRS if not all(code.startswith("api_") for code in pair.codes)]
SEARCH = settings(
    max_examples=100,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def is_same_meaning(old: Any, new: Any) -> bool:
    """Whether a value that was read anew says what it said before; fields may have been added."""
    if isinstance(old, Record):
        if not isinstance(new, Record):
            return False
        return all(is_same_meaning(getattr(old, f), getattr(new, f)) for f in old.__struct_fields__)
    if isinstance(old, list | tuple):
        return (
            isinstance(new, list | tuple)
            and len(old) == len(new)
            and all(map(is_same_meaning, old, new))
        )
    if isinstance(old, bool) or isinstance(new, bool) or old is None:
        return old is new
    return old == new  # a Date equals its text, a BigInt its number; neither equals another type


def is_read(old: Codec[Any], new: Codec[Any], value: Any) -> bool:
    """Whether what ``old`` writes of a value is read by ``new``, with the same meaning."""
    data = old.encode(value)
    try:
        return is_same_meaning(old.decode_stored(data), new.decode_stored(data))
    except Corrupt:
        return False


def is_key_read(old: Any, new: Any, key: Any) -> bool:
    """Whether a stored key is read in its new type, is the same, and can be asked for."""
    data = encode_key(key_shape(old)(key))
    parts: Any = tuple(decode_key(data))
    is_tuple = getattr(new, "__origin__", None) is tuple
    try:
        read = key_shape(new)(parts if is_tuple else parts[0])
        asked = key_from_json(new, msgspec.json.decode(encode_loose(read)))
    except (Fault, ValueError):
        return False
    if not is_tuple and len(parts) != 1:
        return False
    was = key_shape(old)(key)
    return encode_key(asked) == data and isinstance(was, tuple) == isinstance(read, tuple)


def stored_in(old: LoadedContract, new: LoadedContract) -> Iterator[tuple[str, str]]:
    """Yield each map of the old contract with what becomes of its place."""
    for name, (key, _) in old.map_types.items():
        if old.name != new.name or name not in new.map_types:
            yield name, "lost"
        elif (key is None) != (new.map_types[name][0] is None):
            yield name, "another kind"
        else:
            yield name, "kept"


def is_found(values: st.SearchStrategy[Any], is_right: Callable[[Any], bool]) -> bool:
    """Whether a value can be found that is not right."""
    try:
        find(values, lambda value: not is_right(value), settings=SEARCH)
    except NoSuchExample:
        return False
    return True


def unread_value(old: LoadedContract, new: LoadedContract) -> bool:
    """Whether a value can be found that the new contract does not read as it was meant."""
    for name, fate in stored_in(old, new):
        if fate == "kept":
            mine, other = (Codec[Any](side.map_types[name][1]) for side in (old, new))
            if is_found(values_of(mine.hint), partial(is_read, mine, other)):
                return True
    return False


def unread_key(old: LoadedContract, new: LoadedContract) -> bool:
    """Whether a key can be found that the new contract does not read as it was meant."""
    for name, fate in stored_in(old, new):
        mine, other = (side.map_types.get(name, (None,))[0] for side in (old, new))
        keys = fate == "kept" and mine is not None
        if keys and is_found(values_of(mine), partial(is_key_read, mine, other)):
            return True
    return False


@pytest.mark.parametrize("pair", STORED, ids=lambda pair: pair.name)
def test_the_bytes_bear_the_verdict_out(pair: Pair) -> None:
    old, new = both(pair)
    lost = any(fate != "kept" for _, fate in stored_in(old, new))
    if pair.verdict == "compatible":
        assert not lost
        assert not unread_value(old, new)
        assert not unread_key(old, new)
    elif pair.verdict == "needs_migration":
        assert not lost
        assert not unread_key(old, new)
        assert unread_value(old, new)
    else:
        assert lost or unread_key(old, new)


def test_what_is_added_has_its_default() -> None:
    old = load(text_of("record", "owner: str"))
    new = load(text_of("record", "owner: str\nkg: BigInt = 7\ntags: list[str] = []"))
    data = Codec(old.map_types["rows"][1]).encode(old.map_types["rows"][1](owner="a"))
    read = Codec(new.map_types["rows"][1]).decode_stored(data)
    assert (read.owner, read.kg, read.tags) == ("a", 7, [])
    assert type(read.kg) is BigInt


TYPES = (
    *("str", "int", "bool", "BigInt", "bytes", "Date", "OrganisationId", "TimeMs", "Row", "Other"),
    *('Literal["a", "b"]', 'Literal["a"]', 'Literal["b", 1]', "Literal[1, 2]"),
)
DEFS = """
@record
class Row:
    a: str
    b: int = 0


@record
class Other:
    a: str
    c: Date | None = None
"""


def _wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner.map(lambda t: f"list[{t}]"),
        inner.map(lambda t: f"tuple[{t}, ...]"),
        st.tuples(inner, inner).map(lambda p: f"tuple[{p[0]}, {p[1]}]"),
        inner.filter(lambda t: "None" not in t).map(lambda t: f"{t} | None"),
    )


types = st.recursive(st.sampled_from(TYPES), _wrapped, max_leaves=3)


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(types, types)
def test_of_any_two_types_the_verdict_is_what_the_bytes_say(one: str, other: str) -> None:
    old, new = (load(text_of("value", kind, DEFS)) for kind in (one, other))
    verdict = verdict_of(compare(described(old), described(new)))
    assert (verdict == "compatible") != unread_value(old, new), (one, other, verdict)


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.data())
def test_of_any_two_keys_the_verdict_is_what_the_bytes_say(data: st.DataObject) -> None:
    kinds = st.sampled_from([t for t in TYPES if t not in ("Row", "Other")])
    several = st.lists(kinds, min_size=1, max_size=2).map(lambda t: f"tuple[{', '.join(t)}]")
    texts = [data.draw(st.one_of(kinds, several)) for _ in "ab"]
    old, new = (load(text_of("key", text)) for text in texts)
    verdict = verdict_of(compare(described(old), described(new)))
    assert (verdict == "compatible") != unread_key(old, new), (texts, verdict)
