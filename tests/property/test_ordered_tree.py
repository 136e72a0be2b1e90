# SPDX-License-Identifier: Apache-2.0
"""The ordered tree: one root for one set of entries, and proofs that leave nothing out."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.crypto import SHA256
from hanse.errors import ProofInvalid
from hanse.merkle._packed import PageBuffer, TriePageDamaged
from hanse.merkle.ordered import OrderedTree
from hanse.merkle.paths import EMPTY_ROOT
from hanse.merkle.ranges import verify_range

KEYS = st.binary(max_size=6) | st.binary(min_size=1, max_size=3).map(lambda b: b"\x30aa" + b)
ENTRIES = st.dictionaries(KEYS, st.integers(0, 5), max_size=80)


def value(number: int) -> bytes:
    return SHA256(b"%d" % number)


def tree_of(entries: dict[bytes, int]) -> OrderedTree:
    tree = OrderedTree.in_memory(SHA256)
    tree.update({key: value(n) for key, n in entries.items()})
    return tree


def pages_of(tree: OrderedTree) -> dict[bytes, bytes]:
    return {k: p for k, p in tree._buffer.fresh.items() if p is not None}


@given(ENTRIES, ENTRIES, st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_the_root_and_the_pages_depend_on_the_entries_alone(
    kept: dict[bytes, int], passing: dict[bytes, int], chance: Any
) -> None:
    whole = tree_of(kept)
    tree = OrderedTree.in_memory(SHA256)
    steps: list[tuple[bytes, bytes | None]] = [(k, value(n + 9)) for k, n in passing.items()]
    chance.shuffle(steps)
    late: list[tuple[bytes, bytes | None]] = [(k, None) for k in passing if k not in kept]
    late += [(k, value(n)) for k, n in kept.items()]
    chance.shuffle(late)
    steps += late
    while steps:
        size = chance.randrange(1, 9)
        tree.update(dict(steps[:size]))
        del steps[:size]
    assert tree.root == whole.root
    assert pages_of(tree) == pages_of(whole)
    tree.update(dict.fromkeys(kept))
    assert tree.root == EMPTY_ROOT
    assert pages_of(tree) == {}


@given(ENTRIES, KEYS, KEYS)
@settings(max_examples=200)
def test_a_proof_gives_exactly_the_entries_of_the_range(
    entries: dict[bytes, int], low: bytes, high: bytes
) -> None:
    tree = tree_of(entries)
    found = verify_range(SHA256, tree.root, low, high, tree.prove(low, high))
    assert found == sorted((k, value(n)) for k, n in entries.items() if low <= k < high)


@given(ENTRIES, KEYS, KEYS, st.integers(1, 20))
def test_the_last_keys_of_a_range_are_found_from_its_end(
    entries: dict[bytes, int], low: bytes, high: bytes, limit: int
) -> None:
    keys = sorted(key for key in entries if low <= key < high)
    assert tree_of(entries).last_keys(low, high, limit) == keys[-limit:]


@given(ENTRIES, KEYS, KEYS, st.data())
@settings(max_examples=200)
def test_a_proof_that_is_changed_anywhere_is_refused_or_says_the_same(
    entries: dict[bytes, int], low: bytes, high: bytes, data: st.DataObject
) -> None:
    tree = tree_of(entries)
    pages = tree.prove(low, high)
    true = verify_range(SHA256, tree.root, low, high, pages)
    forged = list(pages)
    how = data.draw(st.sampled_from(["drop", "repeat", "swap", "flip", "foreign"]))
    at = data.draw(st.integers(0, max(len(pages) - 1, 0)))
    if how == "foreign":
        forged.insert(at, tree_of({b"x": 1}).prove(b"", b"\xff")[0])
    elif not pages:
        return
    elif how == "drop":
        del forged[at]
    elif how == "repeat":
        forged.insert(at, forged[at])
    elif how == "swap":
        forged[at], forged[0] = forged[0], forged[at]
    else:
        byte = data.draw(st.integers(0, len(forged[at]) - 1))
        changed = bytearray(forged[at])
        changed[byte] ^= data.draw(st.integers(1, 255))
        forged[at] = bytes(changed)
    if forged == pages:
        return
    with pytest.raises(ProofInvalid):
        verify_range(SHA256, tree.root, low, high, forged)
    assert verify_range(SHA256, tree.root, low, high, pages) == true


@given(ENTRIES, KEYS, KEYS)
@settings(max_examples=60)
def test_a_proof_of_a_smaller_range_is_none_of_a_larger_one(
    entries: dict[bytes, int], low: bytes, high: bytes
) -> None:
    tree = tree_of(entries)
    pages = tree.prove(low, high)
    whole = sorted(entries)
    try:
        found = verify_range(SHA256, tree.root, b"", b"\xff" * 9, pages)
    except ProofInvalid:
        return
    assert [key for key, _ in found] == whole


@pytest.mark.parametrize("length", [1, 17, 300])
def test_keys_that_share_all_but_their_ends_are_no_deeper_than_they_are_long(length: int) -> None:
    keys = {b"a" * n: n for n in range(length)}
    tree = tree_of(keys)
    proof = tree.prove(b"a" * (length - 1), b"b")
    assert len(proof) <= 2 * length + 1
    assert [k for k, _ in verify_range(SHA256, tree.root, b"", b"b", tree.prove(b"", b"b"))] == (
        sorted(keys)
    )
    tree.update(dict.fromkeys(keys))
    assert tree.root == EMPTY_ROOT


def test_a_damaged_page_is_noticed_when_it_is_read() -> None:
    tree = tree_of({b"%d" % n: n for n in range(100)})
    stored = pages_of(tree)
    for key in stored:
        page = stored[key]
        damaged = {**stored, key: page[:-1] + bytes((page[-1] ^ 1,))}
        other = OrderedTree(SHA256, PageBuffer(damaged), b"", tree.root)
        with pytest.raises(TriePageDamaged):
            other.prove(b"", b"\xff")
