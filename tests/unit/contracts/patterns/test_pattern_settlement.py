# SPDX-License-Identifier: Apache-2.0
"""Settlement: nets are zero together, payments are the nets, nothing is paid twice or half."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.patterns.pattern_bench import (
    Case,
    attempt,
    check_case,
    rows,
    unlisted,
)

from hanse.contracts import Date, OrganisationId, Written, replace
from hanse.contracts.patterns.settlement import (
    AMOUNT_MINOR_MAX,
    Instruction,
    Money,
    Obligation,
    Round,
    StatementLine,
    Swap,
    are_nets,
    is_debt,
    is_line,
    is_payment,
)
from hanse.testing.bench import Actor, Bench
from hanse.testing.patterns.settlement import Clearing

C = Clearing
MILL, DAIRY, SHOP = (OrganisationId(n) for n in ("mill", "dairy", "shop"))
TODAY, SOON, LATER = Date("2026-01-01"), Date("2026-01-05"), Date("2026-02-01")


def cny(amount: int) -> Money:
    return Money(amount_minor=amount, asset="CNY")


def debt(name: str, to: str, amount: int = 100, **changes: Any) -> Obligation:
    parts: dict[str, Any] = {
        "id": name,
        "debtor": MILL,
        "creditor": OrganisationId(to),
        "money": cny(amount),
        "due": SOON,
        **changes,
    }
    return Obligation(**parts)


def line(
    reference: str, amount: int = 100, asset: str = "CNY", account: str = "acc"
) -> StatementLine:
    money = Money(amount_minor=amount, asset=asset)
    return StatementLine(
        account=account, reference=reference, money=money, date=TODAY, bank=OrganisationId("x")
    )


def world() -> tuple[Bench[Clearing], dict[str, Actor]]:
    """Return three companies and a bank.

    Round N is netted: the mill pays the dairy 60 (N/1); round O is open; round E is closed, empty.
    FREE and EUR are open debts of the mill; PAID/0 is matched; A/0 and B/0 cross, a swap.
    """
    bench = Bench(Clearing)
    who = {
        name: bench.actor(name, "treasury", "operator")
        for name in ("mill", "dairy", "shop", "thief")
    }
    who["bank"] = bench.actor("bank", "bank")
    mill, dairy, bank = who["mill"], who["dairy"], who["bank"]
    for name in ("N", "O", "E"):
        who["shop"](C.open_round, name, "CNY", SOON)
    mill(C.owe, debt("D1", "dairy", 100))
    dairy(C.owe, debt("D2", "mill", 40))
    for name in ("FREE", "PAID", "A", "X"):
        mill(C.owe, debt(name, "dairy"))
    mill(C.owe, debt("EUR", "dairy", money=Money(amount_minor=7, asset="EUR")))
    for name in ("B", "Y"):
        dairy(C.owe, debt(name, "mill", money=Money(amount_minor=9, asset="EUR")))
    mill(C.join, "N", "D1")
    mill(C.join, "N", "D2")
    for name in ("N", "E"):
        who["shop"](C.close_round, name)
    who["shop"](C.net, "N")
    for name, actor in (("PAID", mill), ("A", mill), ("X", mill), ("B", dairy), ("Y", dairy)):
        actor(C.pay_single, name)
    for one in (line("used"), line("whole"), line("less", 99), line("euro", 9, "EUR")):
        bank(C.book_statement, one)
    dairy(C.match, "PAID/0", "acc", "used")
    mill(C.swap, "S", "A/0", "B/0")
    return bench, who


def match(instruction: str, reference: str) -> dict[str, Any]:
    return {"instruction": instruction, "account": "acc", "reference": reference}


def both(name: str, a: str, b: str) -> dict[str, Any]:
    return {"name": name, "line_a": ("acc", a), "line_b": ("acc", b)}


def legs(name: str, a: str, b: str) -> dict[str, Any]:
    return {"name": name, "leg_a": a, "leg_b": b}


CASES: list[Case] = [
    ("bad_obligation", "already_exists", "mill", C.owe, {"new": debt("FREE", "mill")}),
    ("bad_obligation", "", "mill", C.owe, {"new": debt("NEW", "dairy", 0)}),
    ("bad_obligation", "", "mill", C.owe, {"new": debt("N/1/anew", "dairy")}),
    ("already_exists", "", "mill", C.owe, {"new": debt("FREE", "dairy")}),
    ("bad_round", "already_exists", "shop", C.open_round, {"name": "N", "asset": "", "due": SOON}),
    ("bad_round", "", "shop", C.open_round, {"name": "A/0", "asset": "CNY", "due": SOON}),
    ("already_exists", "", "shop", C.open_round, {"name": "N", "asset": "CNY", "due": SOON}),
    ("not_found", "wrong_organisation", "thief", C.join, {"name": "no", "obligation": "FREE"}),
    ("not_found", "wrong_organisation", "thief", C.join, {"name": "O", "obligation": "no"}),
    ("wrong_organisation", "wrong_state", "thief", C.join, {"name": "E", "obligation": "EUR"}),
    ("wrong_state", "currency_mismatch", "mill", C.join, {"name": "E", "obligation": "EUR"}),
    ("currency_mismatch", "already_settled", "mill", C.join, {"name": "O", "obligation": "B"}),
    ("already_settled", "", "mill", C.join, {"name": "O", "obligation": "D1"}),
    ("already_settled", "", "mill", C.join, {"name": "O", "obligation": "PAID"}),
    ("not_found", "wrong_organisation", "thief", C.close_round, {"name": "no"}),
    ("wrong_organisation", "wrong_state", "thief", C.close_round, {"name": "N"}),
    ("wrong_state", "", "shop", C.close_round, {"name": "N"}),
    ("not_found", "wrong_organisation", "thief", C.net, {"name": "no"}),
    ("wrong_organisation", "round_open", "thief", C.net, {"name": "O"}),
    ("round_open", "already_settled", "shop", C.net, {"name": "O"}),
    ("already_settled", "", "shop", C.net, {"name": "N"}),
    ("not_found", "wrong_organisation", "thief", C.pay_single, {"obligation": "no"}),
    ("wrong_organisation", "already_settled", "dairy", C.pay_single, {"obligation": "D1"}),
    ("already_settled", "", "mill", C.pay_single, {"obligation": "D1"}),
    ("not_found", "wrong_organisation", "thief", C.instruct, {"instruction": "no", "digest": "x"}),
    (
        "wrong_organisation",
        "wrong_state",
        "dairy",
        C.instruct,
        {"instruction": "PAID/0", "digest": "x"},
    ),
    ("wrong_state", "bad_digest", "mill", C.instruct, {"instruction": "PAID/0", "digest": "x"}),
    ("bad_digest", "", "mill", C.instruct, {"instruction": "N/1", "digest": "x"}),
    ("bad_line", "duplicate_line", "bank", C.book_statement, {"line": line("used", 0)}),
    ("duplicate_line", "", "bank", C.book_statement, {"line": line("used", 5)}),
    ("not_found", "wrong_organisation", "thief", C.match, match("no", "whole")),
    ("not_found", "wrong_organisation", "thief", C.match, match("N/1", "no")),
    ("wrong_organisation", "currency_mismatch", "mill", C.match, match("PAID/0", "euro")),
    ("currency_mismatch", "already_settled", "dairy", C.match, match("PAID/0", "euro")),
    ("already_settled", "amount_mismatch", "dairy", C.match, match("PAID/0", "less")),
    ("already_settled", "duplicate_line", "dairy", C.match, match("PAID/0", "used")),
    ("amount_mismatch", "duplicate_line", "dairy", C.match, match("N/1", "used")),
    ("duplicate_line", "leg_missing", "dairy", C.match, match("A/0", "used")),
    ("leg_missing", "", "dairy", C.match, match("A/0", "whole")),
    ("not_found", "wrong_organisation", "thief", C.swap, legs("T", "no", "Y/0")),
    ("wrong_organisation", "already_settled", "thief", C.swap, legs("T", "A/0", "B/0")),
    ("already_settled", "leg_missing", "mill", C.swap, legs("T", "A/0", "PAID/0")),
    ("leg_missing", "already_exists", "mill", C.swap, legs("S", "X/0", "X/0")),
    ("leg_missing", "", "mill", C.swap, legs("T", "N/1", "Y/0")),
    ("already_exists", "", "mill", C.swap, legs("S", "X/0", "Y/0")),
    ("not_found", "wrong_organisation", "thief", C.complete_swap, both("no", "whole", "euro")),
    ("not_found", "wrong_organisation", "thief", C.complete_swap, both("S", "whole", "no")),
    (
        "wrong_organisation",
        "currency_mismatch",
        "thief",
        C.complete_swap,
        both("S", "euro", "euro"),
    ),
    ("currency_mismatch", "duplicate_line", "mill", C.complete_swap, both("S", "whole", "whole")),
    ("amount_mismatch", "duplicate_line", "mill", C.complete_swap, both("S", "less", "euro")),
    ("duplicate_line", "", "mill", C.complete_swap, both("S", "used", "euro")),
    ("not_found", "wrong_organisation", "thief", C.untie_swap, {"name": "no"}),
    ("wrong_organisation", "too_early", "thief", C.untie_swap, {"name": "S"}),
    ("too_early", "", "mill", C.untie_swap, {"name": "S"}),
    ("not_found", "wrong_organisation", "thief", C.default, {"instruction": "no"}),
    ("wrong_organisation", "too_early", "mill", C.default, {"instruction": "PAID/0"}),
    ("too_early", "already_settled", "dairy", C.default, {"instruction": "PAID/0"}),
]


@pytest.mark.parametrize("case", CASES)
def test_what_clearing_refuses(case: Case) -> None:
    check_case(*world(), case)


def test_what_clearing_refuses_later() -> None:
    bench, who = world()
    mill, dairy, bank = who["mill"], who["dairy"], who["bank"]
    # one bank line cannot pay both legs, even where they are alike
    mill(C.owe, debt("P", "dairy"))
    dairy(C.owe, debt("Q", "mill"))
    mill(C.pay_single, "P")
    dairy(C.pay_single, "Q")
    mill(C.swap, "T", "P/0", "Q/0")
    later: list[Case] = [("leg_missing", "", "mill", C.complete_swap, both("T", "whole", "whole"))]
    check_case(bench, who, later[0])
    bench.pass_time(days=5)
    later += [
        ("already_settled", "leg_missing", "dairy", C.default, {"instruction": "PAID/0"}),
        ("leg_missing", "", "dairy", C.default, {"instruction": "A/0"}),
    ]
    mill(C.untie_swap, "S")
    later += [("wrong_state", "", "mill", C.untie_swap, {"name": "S"})]
    check_case(bench, who, later[1])
    check_case(bench, who, later[3])
    gone: Case = (
        "already_settled",
        "amount_mismatch",
        "mill",
        C.complete_swap,
        both("T", "less", "less"),
    )
    check_case(bench, who, ("leg_missing", "", "mill", C.default, {"instruction": "Q/0"}))
    bank(C.book_statement, line("other"))
    mill(C.complete_swap, "T", ("acc", "whole"), ("acc", "other"))
    check_case(bench, who, gone)
    known = {"net: net_not_zero", "join: too_many"}
    assert set(unlisted(bench, [*CASES, *later, gone])) == known


def test_netting_that_would_lose_a_unit_is_refused() -> None:
    bench, who = world()
    who["mill"](C.join, "O", "FREE")
    who["shop"](C.close_round, "O")
    key = bench.loaded.state_key("nets", ("O", "mill"))
    assert bench._values.held[key] == b"-100"
    bench._values.held[key] = b"-99"  # a damaged state: no action leads here
    check_case(bench, who, ("net_not_zero", "", "shop", C.net, {"name": "O"}))


def test_a_round_has_bounds() -> None:
    bench, who = world()
    for name in ("BIG1", "BIG2"):
        who["mill"](C.owe, debt(name, "dairy", AMOUNT_MINOR_MAX))
    who["mill"](C.join, "O", "BIG1")
    too_many: Case = ("too_many", "", "mill", C.join, {"name": "O", "obligation": "BIG2"})
    check_case(bench, who, too_many)
    gone: Case = (
        "already_settled",
        "too_many",
        "mill",
        C.join,
        {"name": "O", "obligation": "BIG1"},
    )
    check_case(bench, who, gone)
    who["dairy"](C.owe, debt("BIG3", "shop", AMOUNT_MINOR_MAX))
    who["dairy"](C.join, "O", "BIG3")
    assert rows(bench, "rounds")["O"].payable == AMOUNT_MINOR_MAX
    who["thief"](C.owe, debt("LAST", "mint", 1))  # each sum is small enough, all of them are not
    last: Case = ("too_many", "", "thief", C.join, {"name": "O", "obligation": "LAST"})
    check_case(bench, who, last)


PARTIES = ["mill", "dairy", "shop"]
DEBTS = st.tuples(st.sampled_from(PARTIES), st.sampled_from(PARTIES), st.integers(1, 1_000))


@given(st.lists(DEBTS, max_size=15))
def test_payments_of_a_round_are_its_debts_and_lose_nothing(
    debts: list[tuple[str, str, int]],
) -> None:
    bench, who = world()
    owed: dict[str, int] = dict.fromkeys(PARTIES, 0)
    for number, (debtor, creditor, amount) in enumerate(debts):
        if attempt(who[debtor], C.owe, new=debt(f"Z{number}", creditor, amount)) == "ok":
            who[creditor](C.join, "O", f"Z{number}")
            owed[debtor] -= amount
            owed[creditor] += amount
    who["shop"](C.close_round, "O")
    made = who["shop"](C.net, "O")
    for one in made:
        assert one.money.amount_minor > 0
        owed[one.payer] += one.money.amount_minor
        owed[one.payee] -= one.money.amount_minor
    assert not any(owed.values())
    assert len(made) < max(len(PARTIES), 1)
    for number, one in enumerate(made):
        amount = one.money.amount_minor
        assert attempt(who["bank"], C.book_statement, line=line(f"z{number}", amount)) == "ok"
        assert attempt(who[one.payee], C.match, **match(one.id, f"z{number}")) == "ok"
    found = rows(bench, "rounds")["O"]
    assert (found.state, found.unpaid) == ("settled", 0)


STEPS = st.tuples(
    st.sampled_from(["match", "match", "complete", "default", "untie", "swap", "join", "pay"]),
    st.sampled_from(PARTIES),
    st.sampled_from(["N/1", "A/0", "B/0", "X/0", "Y/0", "PAID/0"]),
    st.sampled_from(["used", "whole", "less", "euro", "sixty", "euro2"]),
    st.integers(0, 3),
)


@given(st.lists(STEPS, max_size=20))
def test_each_debt_is_paid_once_and_a_swap_moves_both_legs(steps: list[tuple[Any, ...]]) -> None:
    bench, who = world()
    who["bank"](C.book_statement, line("sixty", 60))
    who["bank"](C.book_statement, line("euro2", 9, "EUR"))
    for name, actor, which, reference, days in steps:
        bench.pass_time(days=days)
        method, args = {
            "match": (C.match, match(which, reference)),
            "complete": (C.complete_swap, both("S", reference, "euro")),
            "default": (C.default, {"instruction": which}),
            "untie": (C.untie_swap, {"name": "S"}),
            "swap": (C.swap, legs("T", which, "Y/0")),
            "join": (C.join, {"name": "O", "obligation": which.split("/")[0]}),
            "pay": (C.pay_single, {"obligation": "FREE"}),
        }[name]
        attempt(who[actor], method, **args)  # type: ignore[arg-type]  # drawn by name
        payments, lines = rows(bench, "instructions"), rows(bench, "lines")
        paid = [one.matched for one in lines.values() if one.matched]
        assert sorted(paid) == sorted(k for k, one in payments.items() if one.state == "matched")
        for one in lines.values():
            assert not one.matched or payments[one.matched].money == one.money
        for swap in rows(bench, "swaps").values():
            states = {payments[swap.leg_a].state, payments[swap.leg_b].state}
            assert (swap.state == "done") == (states == {"matched"}) or swap.state == "untied"
            assert swap.state == "untied" or states == {"matched"} or "matched" not in states
        debts = rows(bench, "obligations")
        lost = [k for k, one in payments.items() if one.state == "defaulted"]
        assert all(debts[f"{k}/anew"].money == payments[k].money for k in lost)
        assert debts["PAID"].state == "settled"


OPEN, IN = debt("D", "dairy"), debt("D", "dairy", state="in_round", where="R")
PLAN = Instruction(id="I", payer=MILL, payee=DAIRY, money=cny(5), due=SOON, round="R")


def test_the_invariant_sees_a_debt_or_payment_that_changes() -> None:
    for before, after in (
        (OPEN, None),
        (None, IN),
        (OPEN, replace(OPEN, money=cny(99))),
        (IN, OPEN),
        (OPEN, replace(OPEN, state="settled", where="R")),
        (IN, replace(IN, state="settled", where="S")),
        (replace(IN, state="settled"), IN),
    ):
        assert not is_debt(before, after)
    assert is_debt(OPEN, IN)
    books: Any = (
        {},
        {},
        {},
        {"I": PLAN, "J": PLAN},
        {},
        {"S": Swap(leg_a="I", leg_b="J", state="done")},
    )
    for old, new in (
        (PLAN, None),
        (None, replace(PLAN, state="matched")),
        (PLAN, replace(PLAN, money=cny(4))),
        (replace(PLAN, state="matched"), PLAN),
        (replace(PLAN, state="matched"), replace(PLAN, state="defaulted")),
        (PLAN, replace(PLAN, state="matched", swap="S")),
        (replace(PLAN, swap="S"), replace(PLAN, state="matched", swap="")),
        (replace(PLAN, swap="S"), PLAN),
    ):
        assert not is_payment(books, old, new)
    used = replace(line("r"), matched="I")
    for one, other in (
        (None, used),
        (used, replace(used, matched="J")),
        (used, None),
        (line("r"), line("s")),
    ):
        assert not is_line(one, other)


@pytest.mark.parametrize("amounts", [(6, 4), (5, 5), (4, 6)])
def test_the_invariant_sees_payments_that_are_not_the_nets(amounts: tuple[int, int]) -> None:
    made = [
        Written("I", None, replace(PLAN, money=cny(amounts[0]))),
        Written("J", None, replace(PLAN, payer=SHOP, money=cny(amounts[1]))),
    ]
    nets: Any = {("R", "mill"): -6, ("R", "shop"): -4, ("R", "dairy"): 10}
    whole: Any = {"R": Round(id="R", operator=SHOP, asset="CNY", due=SOON, payable=10)}
    short: Any = {"R": Round(id="R", operator=SHOP, asset="CNY", due=SOON, payable=11)}
    assert are_nets(whole, nets, made) == (amounts == (6, 4))
    assert not are_nets(short, nets, made)


def test_one_statement_line_booked_twice_is_refused() -> None:
    _, who = world()
    assert attempt(who["bank"], C.book_statement, line=line("whole")) == "duplicate_line"
    assert attempt(who["dairy"], C.match, **match("X/0", "whole")) == "ok"
    assert attempt(who["dairy"], C.match, **match("N/1", "whole")) == "amount_mismatch"


@pytest.mark.parametrize("amount", [99, 101, 1])
def test_partial_and_over_payment_settle_nothing(amount: int) -> None:
    bench, who = world()
    who["bank"](C.book_statement, line("odd", amount))
    assert attempt(who["dairy"], C.match, **match("X/0", "odd")) == "amount_mismatch"
    assert rows(bench, "obligations")["X"].state == "in_round"


def test_a_default_after_netting_leaves_the_same_amount_owed() -> None:
    bench, who = world()
    bench.pass_time(days=5)
    anew = who["dairy"](C.default, "N/1")
    assert (anew.debtor, anew.creditor, anew.money) == (MILL, DAIRY, cny(60))
    assert rows(bench, "rounds")["N"].state == "settled"
    assert attempt(who["dairy"], C.default, instruction="N/1") == "already_settled"
    assert attempt(who["mill"], C.join, name="O", obligation=anew.id) == "ok"
    assert TODAY < SOON < LATER


def test_one_leg_of_a_swap_does_not_move_alone() -> None:
    bench, who = world()
    assert attempt(who["dairy"], C.match, **match("A/0", "whole")) == "leg_missing"
    assert attempt(who["mill"], C.match, **match("B/0", "euro")) == "leg_missing"
    who["mill"](C.complete_swap, "S", ("acc", "whole"), ("acc", "euro"))
    states = [rows(bench, "instructions")[leg].state for leg in ("A/0", "B/0")]
    assert states == ["matched", "matched"]
