# SPDX-License-Identifier: Apache-2.0
"""Quantity: nothing appears or vanishes, whatever is issued, split, merged, locked or retired."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.patterns.pattern_bench import Case, attempt, check_case, rows, unlisted

from hanse.contracts import OrganisationId, Refused, Written
from hanse.contracts.patterns.quantity import (
    AMOUNT_MAX,
    Amount,
    Holding,
    Kind,
    Lock,
    is_conserved,
    share_out,
)
from hanse.testing.bench import Actor, Bench, encode_arguments
from hanse.testing.patterns.quantity import Vouchers

CITY, ANNA, SHOP, THIEF = (OrganisationId(n) for n in ("city", "anna", "shop", "thief"))


def kind(**changes: Any) -> Kind:
    parts: dict[str, Any] = {
        "id": "meal",
        "issuer": CITY,
        "unit": "EUR",
        "decimals": 2,
        "cap": 1_000,
        "least": 5,
        "eligible": [CITY, ANNA, SHOP],
        **changes,
    }
    return Kind(**parts)


def of(amount: int, lot: str = "L1", unit: str = "EUR", name: str = "meal") -> Amount:
    return Amount(kind=name, lot=lot, amount=amount, unit=unit)


def world(**changes: Any) -> tuple[Bench[Vouchers], dict[str, Actor]]:
    """Return a city that has issued 100 to Anna, 20 of it locked for the shop."""
    bench = Bench(Vouchers)
    who = {name: bench.actor(name, "issuer") for name in (CITY, ANNA, SHOP, THIEF)}
    who["city"](Vouchers.define, kind(**changes))
    who["city"](Vouchers.issue, of(100), ANNA)
    who["anna"](Vouchers.split, of(10), "L2")
    who["anna"](Vouchers.lock, of(20), "K", SHOP)
    return bench, {str(name): actor for name, actor in who.items()}


def moving(name: str, more: dict[str, Any]) -> list[Case]:
    """Return the lines that every movement of a free amount shares."""
    method = getattr(Vouchers, name)
    return [
        ("not_found", "not_holder", "thief", method, {"what": of(0, name="no"), **more}),
        ("bad_unit", "not_holder", "thief", method, {"what": of(0, unit="g"), **more}),
        ("not_holder", "below_minimum", "thief", method, {"what": of(0), **more}),
        ("not_holder", "insufficient_amount", "thief", method, {"what": of(999), **more}),
        ("locked", "", "anna", method, {"what": of(71), **more}),
        ("locked", "below_minimum", "anna", method, {"what": of(88), **more}),
        ("insufficient_amount", "", "anna", method, {"what": of(91), **more}),
        ("below_minimum", "", "anna", method, {"what": of(4), **more}),
        ("below_minimum", "", "anna", method, {"what": of(0), **more}),
        ("below_minimum", "", "anna", method, {"what": of(-5), **more}),
    ]


# short names for a table
D, I, T = Vouchers.define, Vouchers.issue, Vouchers.transfer  # noqa: E741
FOUR, FIVE = {"what": of(4)}, {"what": of(5)}
K_OF_SHOP: dict[str, Any] = {"lock": "K", "owner": SHOP}
CASES: list[Case] = [
    ("bad_unit", "cap_exceeded", "city", D, {"kind": kind(unit="", cap=0)}),
    ("bad_unit", "already_exists", "city", D, {"kind": kind(decimals=19)}),
    ("bad_unit", "", "city", D, {"kind": kind(id="a b")}),
    ("cap_exceeded", "already_exists", "city", D, {"kind": kind(cap=AMOUNT_MAX + 0, least=0)}),
    ("cap_exceeded", "", "city", D, {"kind": kind(least=1_001)}),
    ("already_exists", "", "thief", D, {"kind": kind()}),
    ("not_found", "wrong_organisation", "thief", I, {"new": of(1, name="no"), "to": THIEF}),
    ("wrong_organisation", "bad_unit", "thief", I, {"new": of(1, unit="g"), "to": THIEF}),
    ("bad_unit", "below_minimum", "city", I, {"new": of(1, unit="g"), "to": THIEF}),
    ("below_minimum", "holder_not_eligible", "city", I, {"new": of(4), "to": THIEF}),
    ("cap_exceeded", "holder_not_eligible", "city", I, {"new": of(901), "to": THIEF}),
    ("holder_not_eligible", "already_exists", "city", I, {"new": of(5), "to": THIEF}),
    ("already_exists", "", "city", I, {"new": of(5), "to": ANNA}),
    ("already_exists", "", "city", I, {"new": of(5, lot="L 3"), "to": ANNA}),
    *moving("transfer", {"to": SHOP}),
    (
        "below_minimum",
        "holder_not_eligible",
        "anna",
        Vouchers.transfer,
        {"what": of(4), "to": THIEF},
    ),
    ("below_minimum", "", "anna", Vouchers.transfer, {"what": of(9, "L2"), "to": SHOP}),
    ("holder_not_eligible", "", "anna", T, {**FIVE, "to": THIEF}),
    *moving("split", {"into": "L9"}),
    ("below_minimum", "already_exists", "anna", Vouchers.split, {"what": of(4), "into": "L2"}),
    ("already_exists", "", "anna", Vouchers.split, {"what": of(5), "into": "L2"}),
    *moving("merge", {"into": "L2"}),
    ("not_holder", "locked", "anna", Vouchers.merge, {"what": of(71), "into": "L9"}),
    *moving("lock", {"lock": "K9", "owner": SHOP}),
    (
        "below_minimum",
        "already_exists",
        "anna",
        Vouchers.lock,
        {**FOUR, **K_OF_SHOP},
    ),
    ("already_exists", "", "anna", Vouchers.lock, {**FIVE, **K_OF_SHOP}),
    ("already_exists", "", "anna", Vouchers.lock, {**FIVE, "lock": "K 2", "owner": SHOP}),
    ("not_found", "", "shop", Vouchers.unlock, {"lock": "no"}),
    ("wrong_organisation", "", "anna", Vouchers.unlock, {"lock": "K"}),
    *moving("retire", {"reason": "paid out"}),
]


@pytest.mark.parametrize("case", CASES)
def test_what_vouchers_refuse(case: Case) -> None:
    check_case(*world(), case)


def test_every_documented_refusal_is_in_the_table() -> None:
    assert unlisted(Bench(Vouchers), CASES) == []


def held(bench: Bench[Vouchers]) -> int:
    return sum(h.free + h.locked for h in rows(bench, "holdings").values())


def check_books(bench: Bench[Vouchers]) -> None:
    """Recompute from the state alone: issued is held plus retired; locks are what is locked."""
    (meal,) = rows(bench, "kinds").values()
    holdings, retired = rows(bench, "holdings"), rows(bench, "retirements").values()
    assert meal.issued == held(bench) + sum(r.amount for r in retired) <= meal.cap
    assert meal.retired == sum(r.amount for r in retired)
    locked: dict[tuple[str, str, str], int] = {}
    for lock in rows(bench, "locks").values():
        key = (lock.kind, lock.lot, lock.holder)
        locked[key] = locked.get(key, 0) + lock.amount
    assert locked == {key: h.locked for key, h in holdings.items() if h.locked}
    assert all(h.free >= 0 and h.free + h.locked > 0 for h in holdings.values())


STEPS = st.tuples(
    st.sampled_from(["issue", "transfer", "split", "merge", "lock", "unlock", "retire"]),
    st.sampled_from(["city", "anna", "shop", "thief"]),
    st.integers(-5, 120),
    st.sampled_from(["L1", "L2", "L3"]),
    st.sampled_from(["L1", "L2", "L3", "K"]),
)


@given(st.lists(STEPS, max_size=25))
def test_issued_is_held_plus_retired_after_any_actions(steps: list[tuple[Any, ...]]) -> None:
    bench, who = world(least=1, cap=300, eligible=[])
    for name, actor, amount, lot, other in steps:
        what = of(amount, lot)
        args: dict[str, Any] = {
            "issue": {"new": what, "to": other.lower()},
            "transfer": {"what": what, "to": other.lower()},
            "split": {"what": what, "into": other},
            "merge": {"what": what, "into": other},
            "lock": {"what": what, "lock": other, "owner": "shop"},
            "unlock": {"lock": other},
            "retire": {"what": what, "reason": ""},
        }[name]
        if name == "transfer":
            args["to"] = {"l1": "anna", "l2": "shop"}.get(args["to"], "city")
        attempt(who[actor], getattr(Vouchers, name), **args)
        check_books(bench)


def written(key: Any, before: Any, after: Any) -> Written[Any]:
    return Written(key, before, after)


K = ("meal", "L1", "anna")
MORE = Holding(free=11, locked=0)
TEN = Holding(free=10, locked=0)
AWAY = Lock(kind="meal", lot="L1", holder=ANNA, amount=1, owner=SHOP)
ISSUED = kind(issued=10)


@pytest.mark.parametrize(
    ("kinds", "holdings", "locks"),
    [
        ([], [written(K, TEN, MORE)], []),
        ([written("meal", ISSUED, kind(issued=11))], [], []),
        ([written("meal", ISSUED, None)], [], []),
        ([written("meal", None, kind(issued=1_001, retired=1_001))], [], []),
        ([written("meal", None, kind(issued=1, retired=2))], [], []),
        ([], [written(K, TEN, Holding(free=11, locked=-1))], []),
        ([], [written(K, TEN, Holding(free=9, locked=1))], []),
        ([], [], [written("K", None, AWAY)]),
        ([], [], [written("K", AWAY, None)]),
    ],
)
def test_the_invariant_sees_what_does_not_add_up(
    kinds: list[Any], holdings: list[Any], locks: list[Any]
) -> None:
    assert not is_conserved(kinds, holdings, locks)


def test_the_invariant_lets_a_lock_pass() -> None:
    assert is_conserved(
        [], [written(K, TEN, Holding(free=9, locked=1))], [written("K", None, AWAY)]
    )


def test_over_issuance_stops_at_the_cap_and_at_the_largest_amount() -> None:
    bench, who = world(cap=AMOUNT_MAX, least=1, eligible=[])
    assert attempt(who["city"], I, new=of(AMOUNT_MAX, "L3"), to=SHOP) == "cap_exceeded"
    assert attempt(who["city"], I, new=of(AMOUNT_MAX - 100, "L3"), to=SHOP) == "ok"
    assert attempt(who["city"], I, new=of(1, "L4"), to=SHOP) == "cap_exceeded"
    assert attempt(who["anna"], Vouchers.transfer, what=of(70), to=SHOP) == "ok"
    assert attempt(who["shop"], Vouchers.merge, what=of(70), into="L3") == "ok"
    assert held(bench) == AMOUNT_MAX


def test_what_was_retired_is_not_issued_again() -> None:
    bench, who = world()
    who["anna"](Vouchers.retire, of(70), "paid out")
    assert attempt(who["city"], I, new=of(901, "L3"), to=ANNA) == "cap_exceeded"
    check_books(bench)


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_splitting_to_dust_and_merging_back_leaves_the_sum(count: int) -> None:
    bench, who = world(least=1)
    who["shop"](Vouchers.unlock, "K")
    lots, drawn = ["L1", "L2"], 7
    for number in range(count):
        drawn = (drawn * 6_364_136_223_846_793_005 + 1) % 2**64
        one, other = lots[(drawn >> 20) % len(lots)], lots[(drawn >> 40) % len(lots)]
        what = of(1 + (drawn >> 55) % 9, one)
        if (drawn >> 33) % 2:
            if attempt(who["anna"], Vouchers.split, what=what, into=f"N{number}") == "ok":
                lots.append(f"N{number}")
        elif one != other:
            attempt(who["anna"], Vouchers.merge, what=what, into=other)
    assert len(lots) > 10
    check_books(bench)
    assert held(bench) == 100


def test_the_same_signed_transaction_moves_once() -> None:
    # a ledger drops the second copy by its nonce; even a fresh signature finds the amount gone
    bench, who = world(least=1)
    args = encode_arguments(Vouchers.transfer, (of(70), SHOP), {})
    entry = bench.entry_of(Vouchers.transfer)
    codes = [bench.run(who["anna"], entry, args).code for _ in range(3)]
    assert codes == [None, "insufficient_amount", "insufficient_amount"]


@given(st.integers(0, AMOUNT_MAX), st.lists(st.integers(0, AMOUNT_MAX), min_size=1, max_size=9))
def test_shares_lose_no_unit(total: int, weights: list[int]) -> None:
    if sum(weights) == 0:
        with pytest.raises(Refused, match="bad_weights"):
            share_out(total, weights)
        return
    shares = share_out(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert share >= 0
        assert abs(share - Fraction(total * weight, sum(weights))) <= 1


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (1, [1, 1], [0, 1]),  # a half is rounded to the even number
        (3, [1, 1], [2, 1]),
        (2, [1, 1, 1], [1, 0, 1]),
        (5, [1] * 8, [1, 0, 1, 0, 1, 1, 0, 1]),
        (0, [7], [0]),
    ],
)
def test_halves_go_to_the_even_number(total: int, weights: list[int], shares: list[int]) -> None:
    assert share_out(total, weights) == shares


@pytest.mark.parametrize("weights", [[], [-1, 2], [0], [1] * 1_001])
def test_nothing_can_be_shared_by_odd_weights(weights: list[int]) -> None:
    with pytest.raises(Refused, match="bad_weights"):
        share_out(1, weights)
