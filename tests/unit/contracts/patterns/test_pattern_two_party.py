# SPDX-License-Identifier: Apache-2.0
"""Two party: listed steps only, the last terms bind, and every exchange ends by its deadline."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.patterns.pattern_bench import (
    Case,
    attempt,
    check_case,
    digest,
    rows,
    unlisted,
)

from hanse.contracts import Date, OrganisationId, TimeMs, Written, replace
from hanse.contracts.patterns.calendar import Calendar
from hanse.contracts.patterns.two_party import TABLE, Exchange, Offer, is_bound, is_lawful
from hanse.testing.bench import START_MS, Actor, Bench
from hanse.testing.patterns.two_party import Offers

MILL, DAIRY = OrganisationId("mill"), OrganisationId("dairy")
# short names for a table
O, WEEK, OTHER = Offers, digest("terms"), digest("other terms")  # noqa: E741
SUNDAYS = [Date("2026-01-04").add_days(7 * n) for n in range(300)]
EVERY_DAY = Calendar(id="c", rest_days=[], holidays=[], offset_minutes=0)


def offer(name: str = "X", **changes: Any) -> Offer:
    parts: dict[str, Any] = {
        "id": name,
        "kind": "milk",
        "to": DAIRY,
        "terms": WEEK,
        "calendar": "c",
        "days": 5,
        "pauses": 1,
        "pause_days": 3,
        **changes,
    }
    return Offer(**parts)


def world() -> tuple[Bench[Offers], dict[str, Actor]]:
    """Return a mill with offers to a dairy: X open, A accepted, R rejected, L out of time."""
    bench = Bench(Offers)
    names = ("mill", "dairy", "thief")
    who = {name: bench.actor(name, "trader", "authority") for name in names}
    who["mill"](O.set_calendar, EVERY_DAY)
    who["mill"](O.propose, offer("L", days=1))
    bench.pass_time(days=2)
    for name in ("X", "A", "R"):
        who["mill"](O.propose, offer(name))
    who["dairy"](O.accept, "A", 1, WEEK)
    who["dairy"](O.reject, "R", 1)
    return bench, who


def stepping(name: str, right: str, wrong: str, more: dict[str, Any]) -> list[Case]:
    """Return the lines that every step of one of the parties shares."""
    method = getattr(O, name)
    later = "wrong_state" if "not_your_turn" not in Bench(O).entry_of(method).rejects else ""
    turn = later or "not_your_turn"
    lines: list[Case] = [
        (
            "not_found",
            "wrong_organisation",
            "thief",
            method,
            {"offer": "no", "at_round": 9, **more},
        ),
        (
            "wrong_organisation",
            "wrong_state",
            "thief",
            method,
            {"offer": "R", "at_round": 9, **more},
        ),
        ("wrong_state", "stale_round", right, method, {"offer": "R", "at_round": 9, **more}),
    ]
    if turn == "not_your_turn":
        lines += [
            ("wrong_state", "not_your_turn", wrong, method, {"offer": "A", "at_round": 9, **more}),
            ("too_late", "not_your_turn", wrong, method, {"offer": "L", "at_round": 9, **more}),
            ("not_your_turn", "stale_round", wrong, method, {"offer": "X", "at_round": 9, **more}),
            ("stale_round", "", right, method, {"offer": "X", "at_round": 2, **more}),
        ]
    return lines


P = O.propose
CASES: list[Case] = [
    ("bad_calendar", "", "mill", O.set_calendar, {"calendar": replace(EVERY_DAY, rest_days=[9])}),
    ("not_found", "bad_terms", "mill", P, {"offer": offer(calendar="no", terms="")}),
    ("bad_terms", "bad_calendar", "mill", P, {"offer": offer(terms="a text", days=0)}),
    ("bad_terms", "already_exists", "mill", P, {"offer": offer(to=MILL)}),
    ("bad_terms", "already_exists", "mill", P, {"offer": offer(pauses=11)}),
    ("bad_terms", "already_exists", "mill", P, {"offer": offer(pause_days=0)}),
    ("bad_terms", "", "mill", P, {"offer": offer("")}),
    ("bad_calendar", "already_exists", "mill", P, {"offer": offer(days=0)}),
    ("already_exists", "", "thief", P, {"offer": offer()}),
    *stepping("counter", "dairy", "mill", {"terms": OTHER}),
    ("stale_round", "bad_terms", "dairy", O.counter, {"offer": "X", "at_round": 2, "terms": ""}),
    ("bad_terms", "", "dairy", O.counter, {"offer": "X", "at_round": 1, "terms": ""}),
    *stepping("accept", "dairy", "mill", {"terms": WEEK}),
    (
        "stale_round",
        "terms_changed",
        "dairy",
        O.accept,
        {"offer": "X", "at_round": 2, "terms": OTHER},
    ),
    ("terms_changed", "", "dairy", O.accept, {"offer": "X", "at_round": 1, "terms": OTHER}),
    *stepping("reject", "dairy", "mill", {}),
    *stepping("withdraw", "mill", "dairy", {}),
    *stepping("pause", "mill", "dairy", {}),
    *stepping("terminate", "mill", "dairy", {}),
    ("wrong_state", "stale_round", "mill", O.terminate, {"offer": "X", "at_round": 9}),
    ("stale_round", "", "mill", O.terminate, {"offer": "A", "at_round": 2}),
    ("not_found", "", "thief", O.expire, {"offer": "no"}),
    ("wrong_state", "too_early", "thief", O.expire, {"offer": "A"}),
    ("too_early", "", "thief", O.expire, {"offer": "X"}),
]


@pytest.mark.parametrize("case", CASES)
def test_what_an_exchange_refuses(case: Case) -> None:
    check_case(*world(), case)


def test_pausing_twice_is_refused() -> None:
    bench, who = world()
    before = rows(bench, "exchanges")["X"].ends_ms
    who["mill"](O.pause, "X", 1)
    assert rows(bench, "exchanges")["X"].ends_ms == before + 3 * 86_400_000
    case: Case = ("pause_used_up", "", "mill", O.pause, {"offer": "X", "at_round": 1})
    check_case(bench, who, case)
    stale = {"offer": "X", "at_round": 2}
    check_case(bench, who, ("stale_round", "pause_used_up", "mill", O.pause, stale))
    who["mill"](O.propose, offer("LONG", pause_days=365))
    rare = replace(EVERY_DAY, rest_days=[1, 2, 3, 4, 5, 6], holidays=SUNDAYS)
    who["mill"](O.set_calendar, rare)
    never: Case = ("bad_calendar", "", "mill", O.pause, {"offer": "LONG", "at_round": 1})
    check_case(bench, who, never)
    assert unlisted(bench, [*CASES, case, never]) == []


PICKY = (
    ("open", "answerer", "hold", "held"),
    ("held", "proposer", "accept", "done"),
    ("open", "anybody", "expire", "expired"),
    ("held", "anybody", "expire", "expired"),
)


def test_a_contract_may_bring_its_own_table() -> None:
    held = replace(OPEN, state="held", steps=2)
    assert is_lawful(PICKY, [Written("X", OPEN, held)])
    assert is_lawful(PICKY, [Written("X", held, replace(held, state="done", steps=3))])
    assert not is_lawful(PICKY, [Written("X", OPEN, TAKEN)])
    assert not is_lawful(TABLE, [Written("X", OPEN, held)])
    assert is_bound(PICKY, "held")
    assert not is_bound(TABLE, "accepted")


ENDS = {"rejected", "withdrawn", "expired", "terminated"}
ACTS = ["counter", "accept", "reject", "withdraw", "pause", "terminate", "expire"]
STEPS = st.tuples(
    st.sampled_from(ACTS),
    st.sampled_from(["mill", "dairy", "thief"]),
    st.sampled_from(["X", "A"]),
    st.integers(0, 1),
    st.sampled_from([WEEK, OTHER]),
    st.integers(0, 30),
)


@given(st.lists(STEPS, max_size=20))
def test_only_listed_steps_lead_on_and_all_ends_by_its_deadline(
    steps: list[tuple[str, str, str, int, str, int]],
) -> None:
    bench, who = world()
    seen = rows(bench, "exchanges")
    proposed = {name: [WEEK] for name in seen}
    last = {name: seen[name].ends_ms + 3 * 86_400_000 for name in seen}
    for act, actor, name, behind, terms, hours in steps:
        bench.pass_time(hours=hours)
        args: dict[str, Any] = {"offer": name}
        if act != "expire":
            args["at_round"] = seen[name].round - behind
        if act in ("counter", "accept"):
            args["terms"] = terms
        code = attempt(who[actor], getattr(O, act), **args)
        now = rows(bench, "exchanges")
        if code == "ok" and act == "counter":
            proposed[name].append(terms)
        if code == "ok" and act == "accept":
            assert now[name].terms == terms == proposed[name][-1]
        for key, after in now.items():
            assert after.ends_ms <= last[key]
            assert seen[key] == after or seen[key].state not in ENDS
        seen = now
    kept = rows(bench, "steps")
    assert all(sum(key[0] == n for key in kept) == seen[n].steps for n in seen)
    bench.pass_time(days=30)  # silence: anybody may close what is still open
    for name, exchange in seen.items():
        found = attempt(who["thief"], O.expire, offer=name)
        assert found == ("ok" if exchange.state == "open" else "wrong_state")


OPEN = Exchange(
    id="X",
    kind="milk",
    a=MILL,
    b=DAIRY,
    state="open",
    proposer=MILL,
    round=1,
    terms=WEEK,
    calendar="c",
    starts_ms=TimeMs(START_MS),
    ends_ms=TimeMs(START_MS + 10),
    pauses_left=1,
    pause_days=3,
    steps=1,
)
TAKEN = replace(OPEN, state="accepted", steps=2)
LATER = TimeMs(START_MS + 20)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OPEN, None),
        (None, TAKEN),
        (None, replace(OPEN, round=2)),
        (OPEN, replace(OPEN, state="terminated", steps=2)),
        (replace(TAKEN, state="rejected"), replace(OPEN, steps=3)),
        (OPEN, replace(TAKEN, terms=OTHER)),
        (OPEN, replace(TAKEN, b=MILL)),
        (OPEN, replace(TAKEN, ends_ms=LATER)),
        (OPEN, replace(TAKEN, steps=1)),
        (OPEN, replace(OPEN, ends_ms=LATER, steps=2)),
        (replace(OPEN, pauses_left=0), replace(OPEN, pauses_left=-1, ends_ms=LATER, steps=2)),
        (OPEN, replace(OPEN, round=2, terms=OTHER, steps=2)),
    ],
)
def test_the_invariant_sees_a_step_that_is_none(
    before: Exchange | None, after: Exchange | None
) -> None:
    assert not is_lawful(TABLE, [Written("X", before, after)])


def test_the_invariant_lets_listed_steps_pass() -> None:
    counter = replace(OPEN, round=2, terms=OTHER, proposer=DAIRY, steps=2)
    paused = replace(OPEN, pauses_left=0, ends_ms=LATER, steps=2)
    for after in (TAKEN, counter, paused):
        assert is_lawful(TABLE, [Written("X", OPEN, after)])


def test_accepting_what_crossed_a_counter_offer_is_refused() -> None:
    _, who = world()
    who["dairy"](O.counter, "X", 1, OTHER)
    # the mill counters back in the same block, before it sees the dairy's acceptance of round 2
    who["mill"](O.counter, "X", 2, digest("third"))
    assert attempt(who["dairy"], O.accept, offer="X", at_round=2, terms=OTHER) == "stale_round"
    assert attempt(who["dairy"], O.accept, offer="X", at_round=3, terms=OTHER) == "terms_changed"
    assert attempt(who["dairy"], O.accept, offer="X", at_round=3, terms=digest("third")) == "ok"


def test_reopening_for_a_new_deadline_is_refused() -> None:
    bench, who = world()
    before = rows(bench, "exchanges")["X"].ends_ms
    assert attempt(who["mill"], O.propose, offer=offer("L", days=99)) == "already_exists"
    bench.pass_time(days=1)
    who["dairy"](O.counter, "X", 1, OTHER)
    assert rows(bench, "exchanges")["X"].ends_ms == before
    who["mill"](O.set_calendar, replace(EVERY_DAY, rest_days=[1, 2, 3, 4, 5, 6]))
    assert rows(bench, "exchanges")["X"].ends_ms == before


def test_who_owes_the_answer_cannot_pause_the_clock() -> None:
    _, who = world()
    assert attempt(who["dairy"], O.pause, offer="X", at_round=1) == "not_your_turn"
    who["dairy"](O.counter, "X", 1, OTHER)  # now the mill owes it
    assert attempt(who["mill"], O.pause, offer="X", at_round=2) == "not_your_turn"


def test_an_acceptance_replayed_in_another_exchange_binds_nothing() -> None:
    _, who = world()
    who["mill"](O.propose, offer("Y", terms=OTHER))
    assert attempt(who["dairy"], O.accept, offer="Y", at_round=1, terms=WEEK) == "terms_changed"
