# SPDX-License-Identifier: Apache-2.0
"""Lineage: no circle, nothing lost, the traced set is a plain walk's, recalls are answered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.patterns.pattern_bench import Case, attempt, check_case, rows, unlisted

from hanse.contracts import OrganisationId, TimeMs, Written, replace
from hanse.contracts.patterns.lineage import MassRule, Part, is_within_mass
from hanse.contracts.patterns.recall import Calling, Duty, Recall, is_answered
from hanse.testing.bench import Actor, Bench
from hanse.testing.patterns.lineage import Cheese

C = Cheese
SHOP = OrganisationId("shop")


def part(lot: str, amount: int = 1_000, unit: str = "KGM") -> Part:
    return Part(id=lot, amount_milli=amount, unit=unit)


def call(name: str = "R", *roots: str) -> Calling:
    return Calling(id=name, roots=list(roots or ["milk"]), reason="listeria", days=3)


def world() -> tuple[Bench[Cheese], dict[str, Actor]]:
    """Return a dairy with milk, cheese made of half of it, some at the shop; recall R is open."""
    bench = Bench(Cheese)
    who = {name: bench.actor(name, "maker", "recall") for name in ("dairy", "shop", "thief")}
    dairy = who["dairy"]
    dairy(C.bring, part("milk"))
    dairy(C.bring, part("spent", 10))
    dairy(C.make, [part("milk", 500)], part("cheese", 100))
    dairy(C.make, [part("spent", 10)], part("curd", 10))
    dairy(C.send, part("cheese", 10), SHOP)
    who["shop"](C.receive, part("cheese", 10))
    dairy(C.correct, "e1", "e2")
    dairy(C.open_recall, call())
    dairy(C.open_recall, call("E", "curd"))
    dairy(C.acknowledge, "E")
    dairy(C.close_recall, "E")
    return bench, who


CASES: list[Case] = [
    ("bad_amount", "serial_taken", "thief", C.bring, {"new": part("milk", 0)}),
    ("serial_taken", "unit_mismatch", "thief", C.bring, {"new": part("milk", unit="H87")}),
    ("unit_mismatch", "", "dairy", C.bring, {"new": part("milk", unit="H87")}),
    ("bad_amount", "serial_taken", "thief", C.make, {"used": [part("no", 0)], "new": part("milk")}),
    (
        "serial_taken",
        "not_commissioned",
        "thief",
        C.make,
        {"used": [part("no")], "new": part("milk")},
    ),
    (
        "not_commissioned",
        "unit_mismatch",
        "dairy",
        C.make,
        {"used": [part("no")], "new": part("milk", unit="l")},
    ),
    (
        "unit_mismatch",
        "not_holder",
        "thief",
        C.make,
        {"used": [part("milk", unit="l")], "new": part("x")},
    ),
    (
        "not_holder",
        "input_consumed",
        "dairy",
        C.make,
        {"used": [part("milk", 501), part("spent", 1)], "new": part("x")},
    ),
    (
        "input_consumed",
        "cycle",
        "dairy",
        C.make,
        {"used": [part("spent", 1), part("cheese", 1)], "new": part("milk", 2)},
    ),
    (
        "cycle",
        "mass_imbalance",
        "dairy",
        C.make,
        {"used": [part("cheese", 1)], "new": part("milk", 2)},
    ),
    (
        "cycle",
        "mass_imbalance",
        "dairy",
        C.make,
        {"used": [part("milk", 1)], "new": part("milk", 2)},
    ),
    ("mass_imbalance", "", "dairy", C.make, {"used": [part("milk", 100)], "new": part("x", 101)}),
    ("mass_imbalance", "", "dairy", C.make, {"used": [part("milk", 100)], "new": part("x", 4)}),
    ("bad_amount", "not_commissioned", "dairy", C.send, {"part": part("no", 0), "to": SHOP}),
    (
        "not_commissioned",
        "unit_mismatch",
        "dairy",
        C.send,
        {"part": part("no", unit="l"), "to": SHOP},
    ),
    ("unit_mismatch", "not_holder", "thief", C.send, {"part": part("milk", unit="l"), "to": SHOP}),
    ("not_holder", "", "thief", C.send, {"part": part("milk"), "to": SHOP}),
    ("input_consumed", "", "dairy", C.send, {"part": part("spent", 1), "to": SHOP}),
    ("bad_amount", "not_commissioned", "shop", C.receive, {"part": part("no", 0)}),
    ("not_commissioned", "unit_mismatch", "shop", C.receive, {"part": part("no", unit="l")}),
    ("unit_mismatch", "not_holder", "thief", C.receive, {"part": part("milk", unit="l")}),
    ("not_holder", "", "shop", C.receive, {"part": part("cheese", 1)}),
    ("same_event", "already_corrected", "dairy", C.correct, {"old": "e1", "new": "e1"}),
    ("already_corrected", "", "dairy", C.correct, {"old": "e1", "new": "e3"}),
    ("already_corrected", "", "dairy", C.correct, {"old": "e0", "new": "e1"}),
    ("not_found", "bad_recall", "dairy", C.open_recall, {"call": call("R", "no", "no")}),
    ("bad_recall", "already_exists", "dairy", C.open_recall, {"call": call("R", "milk", "milk")}),
    ("already_exists", "", "dairy", C.open_recall, {"call": call()}),
    ("bad_calendar", "", "dairy", C.open_recall, {"call": replace(call("N"), days=0)}),
    ("not_found", "not_a_holder", "thief", C.acknowledge, {"recall": "no"}),
    ("not_a_holder", "", "thief", C.acknowledge, {"recall": "R"}),
    ("wrong_state", "", "dairy", C.acknowledge, {"recall": "E"}),
    ("not_found", "wrong_organisation", "thief", C.close_recall, {"recall": "no"}),
    ("wrong_organisation", "wrong_state", "thief", C.close_recall, {"recall": "E"}),
    ("wrong_state", "", "dairy", C.close_recall, {"recall": "E"}),
    ("holders_open", "", "dairy", C.close_recall, {"recall": "R"}),
    ("not_found", "", "thief", C.late, {"recall": "no"}),
]


@pytest.mark.parametrize("case", CASES)
def test_what_the_dairy_refuses(case: Case) -> None:
    check_case(*world(), case)


def test_a_recall_that_is_too_wide_is_split() -> None:
    bench, who = world()
    who["dairy"](C.bring, part("base"))
    before = "base"
    for number in range(501):
        who["dairy"](C.make, [part(before, 1_000)], part(f"n{number}", 1_000))
        before = f"n{number}"
    wide: Case = ("too_many_things", "", "dairy", C.open_recall, {"call": call("W", "base")})
    check_case(bench, who, wide)
    taken = call("R", "base")
    check_case(
        bench, who, ("already_exists", "too_many_things", "dairy", C.open_recall, {"call": taken})
    )
    never = replace(wide[4]["call"], days=0)
    check_case(
        bench, who, ("too_many_things", "bad_calendar", "dairy", C.open_recall, {"call": never})
    )
    # more of the first lot out of the last: the history is too long to be walked, so it is refused
    again = {"used": [part(before, 1)], "new": part("base", 1)}
    check_case(bench, who, ("cycle", "", "dairy", C.make, again))
    assert unlisted(bench, [*CASES, wide]) == []


def test_a_recall_of_many_holders_is_split() -> None:
    bench, who = world()
    for lot in ("north", "south"):
        who["dairy"](C.bring, part(lot, 500))
        for number in range(451):
            who["dairy"](C.send, part(lot, 1), OrganisationId(f"{lot}{number}"))
    wide = call("W", "north", "south")
    check_case(bench, who, ("too_many_things", "", "dairy", C.open_recall, {"call": wide}))
    assert who["dairy"](C.open_recall, call("N", "north")).holders == 452


LOTS = ["a", "b", "c", "d", "e"]
STEPS = st.tuples(
    st.sampled_from(["bring", "make", "make", "make", "send", "receive", "recall", "answer"]),
    st.sampled_from(["dairy", "shop"]),
    st.lists(st.sampled_from(LOTS), min_size=1, max_size=2, unique=True),
    st.sampled_from(LOTS),
    st.integers(0, 200),
)


def plain_walk(edges: set[tuple[str, str]], root: str) -> set[str]:
    """Return all that can be reached, by replaying every edge until nothing is new."""
    found = {root}
    while True:
        more = {target for source, target in edges if source in found} - found
        if not more:
            return found
        found |= more


@given(st.lists(STEPS, max_size=25))
def test_the_traced_set_is_that_of_a_plain_walk_and_has_no_circle(
    steps: list[tuple[Any, ...]],
) -> None:
    bench, who = world()
    edges: set[tuple[str, str]] = {("milk", "cheese"), ("spent", "curd")}
    for number, (name, actor, used, lot, amount) in enumerate(steps):
        other = OrganisationId({"dairy": "shop", "shop": "dairy"}[actor])
        method, args = {
            "bring": (C.bring, {"new": part(lot, amount)}),
            "make": (C.make, {"used": [part(u, amount) for u in used], "new": part(lot, amount)}),
            "send": (C.send, {"part": part(lot, amount), "to": other}),
            "receive": (C.receive, {"part": part(lot, amount)}),
            "recall": (C.open_recall, {"call": call(f"R{number}", lot)}),
            "answer": (C.acknowledge, {"recall": "R"}),
        }[name]
        # drawn
        if attempt(who[actor], method, **args) == "ok" and name == "make":  # type: ignore[arg-type]
            edges |= {(u, lot) for u in used}
            assert all(source not in plain_walk(edges, target) for source, target in edges)
        sums: dict[str, int] = {}
        for of in ("holdings", "transit"):
            for (thing, _), row in rows(bench, of).items():
                sums[thing] = sums.get(thing, 0) + row.amount_milli
        for key, thing in rows(bench, "things").items():
            assert sums.get(key, 0) == thing.created_milli - thing.consumed_milli
    for lot in rows(bench, "things"):
        assert set(who["shop"](C.made_of, lot, onward=True).names) == plain_walk(edges, lot)
        back = {(target, source) for source, target in edges}
        assert set(who["shop"](C.made_of, lot, onward=False).names) == plain_walk(back, lot)


def test_every_holder_of_a_recall_has_answered_or_is_overdue() -> None:
    bench, who = world()
    duties = {key[1]: d.things for key, d in rows(bench, "duties").items() if key[0] == "R"}
    assert duties == {"dairy": ["milk", "cheese"], "shop": ["cheese"]}
    assert who["thief"](C.late, "R") == []
    who["dairy"](C.acknowledge, "R")
    bench.pass_time(days=4)
    assert who["thief"](C.late, "R") == ["shop"]
    assert attempt(who["dairy"], C.close_recall, recall="R") == "holders_open"
    who["shop"](C.acknowledge, "R")
    assert who["thief"](C.late, "R") == []
    assert who["dairy"](C.close_recall, "R").stage == "closed"


def test_repacking_to_shed_history_keeps_it() -> None:
    _, who = world()
    who["shop"](C.make, [part("cheese", 10)], part("fresh name", 10))
    who["shop"](C.make, [part("fresh name", 10)], part("another", 10))
    assert set(who["shop"](C.made_of, "another", onward=False).names) == {
        "another",
        "fresh name",
        "cheese",
        "milk",
    }


def test_a_corrected_event_is_not_used_twice() -> None:
    _, who = world()
    assert attempt(who["dairy"], C.correct, old="e1", new="e9") == "already_corrected"
    assert attempt(who["dairy"], C.correct, old="e2", new="e1") == "already_corrected"
    assert attempt(who["dairy"], C.correct, old="e2", new="e3") == "ok"


@pytest.mark.parametrize(
    ("used", "made", "fits"),
    [
        (100, 90, True),
        (100, 89, False),
        (100, 105, True),
        (100, 106, False),
        (0, 0, True),
        (0, 1, False),
    ],
)
def test_a_mass_rule_bounds_both_sides(used: int, made: int, fits: bool) -> None:
    rule = MassRule(process="p", unit="KGM", loss_max_ppm=100_000, gain_max_ppm=50_000)
    assert is_within_mass(rule, used, made) is fits


OPEN = Recall(
    id="R",
    roots=["milk"],
    reason="",
    opened_by=SHOP,
    opened_ms=TimeMs(0),
    due_ms=TimeMs(1),
    holders=2,
    answered=1,
)
DUE, DONE = Duty(things=["milk"], answered=False), Duty(things=["milk"], answered=True)
TWO = replace(OPEN, answered=2)


@pytest.mark.parametrize(
    ("recalls", "duties"),
    [
        ([(OPEN, TWO)], []),
        ([], [(DUE, DONE)]),
        ([(OPEN, None)], []),
        ([(OPEN, replace(OPEN, stage="closed"))], []),
        ([(replace(TWO, stage="closed"), TWO)], []),
        ([(OPEN, replace(OPEN, holders=1))], []),
        ([(TWO, replace(TWO, answered=3))], [(DUE, DONE)]),
        ([(OPEN, TWO)], [(DONE, DONE)]),
        ([(OPEN, TWO)], [(DUE, replace(DONE, things=[]))]),
        ([(OPEN, TWO)], [(DUE, None)]),
    ],
)
def test_the_invariant_sees_an_answer_that_is_none(recalls: Any, duties: Any) -> None:
    good = [Written("R", OPEN, TWO)], [Written(("R", "shop"), DUE, DONE)]
    assert is_answered(*good)
    first = [Written("R", before, after) for before, after in recalls]
    assert not is_answered(first, [Written(("R", "shop"), b, a) for b, a in duties])
