# SPDX-License-Identifier: Apache-2.0
"""``Ordered`` maps: range reads in key order, ends included, on the runtime that a ledger uses."""

import pytest
from tests.unit.contracts.dialect_run import body_of, check, run
from tests.unit.contracts.ordered_contract import Shelf

from hanse.codec.limits import ORDERED_KEY_BYTES_MAX
from hanse.contracts import Refused
from hanse.contracts.meter import COSTS
from hanse.testing.bench import Bench


@pytest.fixture
def bench() -> Bench[Shelf]:
    made = Bench(Shelf)
    ann = made.actor("ax")
    for n, name in enumerate(["b", "a", "c", "aa", "a\0b", "é"]):
        ann(Shelf.put, name, n)
    for owner, n in [("bo", 2), ("bo", -1), ("bo", 10), ("bo\0x", 1), ("cy", 3), ("b", 9)]:
        ann(Shelf.own, owner, n, f"{owner}{n}")
    return made


def test_a_range_is_in_key_order_with_both_ends(bench: Bench[Shelf]) -> None:
    ann = bench.actor("ax")
    assert ann(Shelf.all_things) == ["a", "a\0b", "aa", "b", "c", "é"]
    assert ann(Shelf.range, "a", "b") == [1, 4, 3, 0]
    assert ann(Shelf.range, "a", "a") == [1]
    assert ann(Shelf.range, "ab", "azz") == []
    assert ann(Shelf.range, "b", "a") == []
    assert ann(Shelf.range, "", "z", 2) == [1, 4]
    assert ann(Shelf.range, "", "z", 0) == []


def test_first_parts_of_a_key_stand_for_all_keys_that_begin_with_them(
    bench: Bench[Shelf],
) -> None:
    ann = bench.actor("ax")
    assert ann(Shelf.of_owners, "bo", "bo") == ["bo-1", "bo2", "bo10"]
    assert ann(Shelf.of_owners, "b", "bo\0x") == ["b9", "bo-1", "bo2", "bo10", "bo\0x1"]
    assert ann(Shelf.numbers, "bo", 0, 10) == ["bo2", "bo10"]


def test_the_order_in_which_rows_came_leaves_no_trace_in_the_root(bench: Bench[Shelf]) -> None:
    ann = bench.actor("ax")
    before = bench.root
    ann(Shelf.put, "z", 1)
    assert bench.root != before
    other = Bench(Shelf, writes=dict(reversed(bench._values.held.items())))
    assert other.root == bench.root


def test_a_row_of_an_ordered_map_costs_its_tree_too(bench: Bench[Shelf]) -> None:
    ann = bench.actor("ax")
    ann(Shelf.put, "q", 1)
    assert bench.last is not None
    assert bench.last.cost > 2 * COSTS["write"] + COSTS["ordered"]


def test_a_key_of_an_ordered_map_is_short(bench: Bench[Shelf]) -> None:
    ann = bench.actor("ax")
    longest = "x" * (ORDERED_KEY_BYTES_MAX - len("things") - 3)
    ann(Shelf.put, longest, 1)
    with pytest.raises(Refused, match="contract_fault"):
        ann(Shelf.put, longest + "x", 1)
    assert ann(Shelf.range, longest, "y" * 9_000) == [1]
    assert ann(Shelf.range, "y" * 9_000, "z") == []


def test_between_is_of_ordered_maps_alone() -> None:
    text = body_of('xs = [k for k, _ in self.ints.between("a", "b")]\nreturn 1')
    assert [finding.rule for finding in check(text)] == ["D604"]
    books = "\ndef rows(m: Map[str, int]) -> int:\n    return len([k for k in m.between(1, 2)])\n"
    assert run("return rows(self.ints)", more=books).code == "contract_fault"
