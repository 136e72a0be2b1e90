# SPDX-License-Identifier: Apache-2.0
"""Calls between contracts: copies only, one budget, no way back, all or nothing."""

import msgspec
import pytest
from tests.unit.contracts.calling_contracts import Prices, Shop
from tests.unit.contracts.dialect_run import HEAD, call, check, program

from hanse.codec.limits import CALL_DEPTH_MAX
from hanse.contracts import Refused
from hanse.contracts.runtime import Call, LoadedContract, Outcome
from hanse.kernel import load_contract
from hanse.kernel.registry import Registry
from hanse.testing.bench import Bench
from hanse.testing.memory import Rows


class Market:
    """A shop, and the contract that it asks."""

    def __init__(self) -> None:
        self.prices = Bench(Prices)
        self.shop = Bench(Shop, beside=[self.prices])
        self.ann = self.shop.actor("ax")
        clerk = self.prices.actor("ax", "clerk")
        clerk(Prices.set_price, "pen", 250)

    def roots(self) -> tuple[bytes, bytes]:
        return self.shop.root, self.prices.root


@pytest.fixture
def market() -> Market:
    return Market()


def test_a_call_writes_both_contracts_and_orders_their_events(market: Market) -> None:
    assert market.ann(Shop.buy, "pen") == 250
    outcome = market.shop.last
    assert outcome is not None
    assert list(outcome.writes) == ["shop", "prices"]
    told = [(e.contract, e.event, msgspec.json.decode(e.fields)) for e in outcome.events]
    assert told == [
        ("shop", "Bought", {"asset": "pen"}),
        ("prices", "Asked", {"asset": "pen", "caller": "shop"}),
    ]
    found = market.prices.actor("bo")(Prices.find, "pen")
    assert found is not None
    assert found.asked == 1


def test_a_signer_who_calls_directly_has_no_caller(market: Market) -> None:
    market.prices.actor("ax")(Prices.ask, "pen")
    assert market.prices.events == [("Asked", {"asset": "pen", "caller": "nobody"})]


def test_the_next_call_sees_what_the_one_before_wrote(market: Market) -> None:
    assert market.ann(Shop.buy_times, "pen", 2) == [1, 2]


def test_a_refusal_of_the_called_takes_everything_back(market: Market) -> None:
    before = market.roots()
    with pytest.raises(Refused, match="too_often") as caught:
        market.ann(Shop.buy_times, "pen", 3)
    assert caught.value.facts == {"asset": "pen"}
    assert market.roots() == before
    assert market.shop.events == []


def test_the_called_asks_for_its_own_role(market: Market) -> None:
    before = market.roots()
    with pytest.raises(Refused, match="not_authorised"):
        market.ann(Shop.dictate, 5)
    assert market.roots() == before
    market.shop.actor("ax", "clerk")(Shop.dictate, 5)
    assert market.roots() != before


def test_an_invariant_of_the_called_is_looked_at(market: Market) -> None:
    with pytest.raises(Refused, match="invariant_broken"):
        market.shop.actor("ax", "clerk")(Shop.dictate, -1)


@pytest.mark.parametrize(
    ("action", "args", "code"),
    [
        ("go_round", {}, "call_reentered"),
        ("buy_gone", {}, "unknown_contract"),
        ("misname", {}, "unknown_action"),
        ("mistake", {}, "bad_argument"),
        ("expect_text", {"asset": "pen"}, "contract_fault"),
        ("buy", {"asset": "nothing"}, "not_found"),
        ("quote", {"asset": "nothing"}, "not_found"),
        ("quote_by_action", {"asset": "pen"}, "unknown_action"),
    ],
)
def test_what_cannot_be_called_has_a_code_and_leaves_nothing(
    market: Market, action: str, args: dict[str, str], code: str
) -> None:
    before = market.roots()
    outcome = market.ann.attempt(action, args)
    assert (outcome.code, outcome.writes, outcome.events) == (code, {}, ())
    assert market.roots() == before


def test_a_question_may_put_questions(market: Market) -> None:
    assert market.ann(Shop.quote, "pen") == 250


def calling(contract: str, target: str, lines: str = "", result: str = "int") -> LoadedContract:
    """Return a contract that calls the next one."""
    inner = f'ctx.call(int, "{target}", "act")' if target else "1"
    text = f"""{HEAD}
class Made(Contract):
    name = "{contract}"
    uses = ("{target}", "other")
    ints: Map[str, int]

    @action(role=None)
    def act(self, ctx: Context) -> {result}:
        self.ints["n"] = 1
{lines}
        return {inner}
"""
    return LoadedContract.of_program(program(text))


def run(first: LoadedContract, *others: LoadedContract, cost_max: int = 200_000) -> Outcome:
    known = {loaded.name: loaded for loaded in others}
    made = Call(
        entry=first.entries["act"],
        args=b"{}",
        member="ana@farm",
        organisation="farm",
        now=1,
        height=7,
        tx="t",
        cost_max=cost_max,
        roles=lambda: (),
        contracts=known.get,
    )
    return first.call(Rows({name: Rows() for name in known}), made)


def chain(length: int) -> list[LoadedContract]:
    return [calling(f"c{n}", f"c{n + 1}" if n + 1 < length else "") for n in range(length)]


def test_so_many_contracts_call_one_another_and_no_more() -> None:
    whole = run(*chain(CALL_DEPTH_MAX))
    assert (whole.code, list(whole.writes)) == (None, [f"c{n}" for n in range(CALL_DEPTH_MAX)])
    assert run(*chain(CALL_DEPTH_MAX + 1)).code == "call_too_deep"


def test_the_deepest_stack_that_is_lawful_is_far_from_python_s_limit() -> None:
    functions = "".join(
        f"\ndef f{n}(ctx: Context, x: int) -> int:\n"
        f"    return sorted([x], key=lambda y: f{n + 1}(ctx, y))[0]\n"
        for n in range(28)
    )
    loaded = []
    for n in range(CALL_DEPTH_MAX):
        last = f'ctx.call(int, "c{n + 1}", "act")' if n + 1 < CALL_DEPTH_MAX else "x"
        text = f"""{HEAD}
def f28(ctx: Context, x: int) -> int:
    return {last}

{functions}

class Made(Contract):
    name = "c{n}"
    uses = ("c{n + 1}",)

    @action(role=None)
    def act(self, ctx: Context) -> int:
        return f0(ctx, 1)
"""
        loaded.append(LoadedContract.of_program(program(text)))
    assert run(*loaded).code is None


def test_one_budget_is_for_all_and_the_called_cannot_spend_more() -> None:
    loop = '        for n in range(500):\n            self.ints["n"] = n'
    spender = calling("c1", "", loop)
    first = calling("c0", "c1")
    whole = run(first, spender)
    assert whole.code is None
    assert run(first, spender, cost_max=whole.cost).code is None
    for less in (whole.cost - 1, whole.cost // 2, 150):
        stopped = run(first, spender, cost_max=less)
        assert (stopped.code, stopped.cost, stopped.writes) == ("cost_exceeded", less, {})


def test_what_the_called_uses_up_is_gone_for_the_caller() -> None:
    after = """\
        m = ctx.call(int, "other", "act")
        for n in range(100):
            m += n"""
    first, second = calling("c0", "", after), calling("other", "")
    alone = run(second)
    both = run(first, second)
    assert both.cost > alone.cost
    assert run(first, second, cost_max=both.cost - 1).code == "cost_exceeded"


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ('ctx.call(int, "elsewhere", "act")', "D611"),
        ('ctx.call(int, name, "act")', "D611"),
        ('ctx.call(int, "other", name)', "D611"),
        ('ctx.call(int, "other")', "D611"),
        ('ctx.call(name, "other", "act")', "D210"),
        ('ctx.call(int, "other", "act", self.ints)', "D611"),
        ('ctx.call(int, "other", "act", **name)', "D504"),
    ],
)
def test_the_checker_wants_to_see_what_is_called(lines: str, rule: str) -> None:
    text = f"""{HEAD}
class Made(Contract):
    uses = ("other",)
    ints: Map[str, int]

    @action(role=None)
    def act(self, ctx: Context, name: str) -> None:
        {lines}
"""
    assert rule in [finding.rule for finding in check(text)]


@pytest.mark.parametrize("smuggled", ["self.ints", "ctx", "self.one"])
def test_no_handle_passes_to_another_contract(smuggled: str) -> None:
    text = f"""{HEAD}
class Made(Contract):
    name = "c0"
    uses = ("c1",)
    ints: Map[str, int]
    one: Value[int]

    @action(role=None)
    def act(self, ctx: Context) -> int:
        return ctx.call(int, "c1", "act", x={smuggled})
"""
    first = LoadedContract.of_program(program(text))
    assert run(first, calling("c1", "")).code == "contract_fault"


def test_what_the_called_returns_is_a_copy() -> None:
    text = f"""{HEAD}
class Made(Contract):
    name = "c0"
    uses = ("c1",)

    @action(role=None)
    def act(self, ctx: Context) -> list[int]:
        xs = ctx.call(list[int], "c1", "act")
        xs.append(5)
        return ctx.call(list[int], "c1", "act")
"""
    first = LoadedContract.of_program(program(text))
    second = calling("c1", "", "        return [1, 2]", "list[int]")
    outcome = run(first, second)
    assert (outcome.code, outcome.result) == (None, b"[1,2]")


def test_an_invariant_calls_nobody() -> None:
    text = f"""{HEAD}
class Made(Contract):
    name = "c0"
    uses = ("c1",)
    ints: Map[str, int]

    @action(role=None)
    def act(self, ctx: Context) -> None:
        self.ints["n"] = 1

    @invariant
    def holds(self, ctx: Context, change: Change) -> bool:
        return ctx.call(int, "c1", "act") == 1
"""
    first = LoadedContract.of_program(program(text))
    assert run(first, calling("c1", "")).code == "contract_fault"


def test_a_contract_without_others_can_call_none() -> None:
    assert call(calling("c0", "c1"), "act").code == "unknown_contract"


def test_the_failing_line_is_that_of_the_called(market: Market) -> None:
    outcome = market.ann.attempt("buy_times", {"asset": "pen", "times": 3})
    assert "ask" in outcome.at


def test_the_ledger_s_own_actions_are_signed_and_not_called() -> None:
    text = f"""{HEAD}
class Made(Contract):
    name = "c0"
    uses = ("registry",)

    @action(role=None)
    def act(self, ctx: Context) -> None:
        ctx.call(None, "registry", "grant_role", member="eve@farm", role="admin")
"""
    first = LoadedContract.of_program(program(text))
    assert run(first, load_contract(Registry)).code == "unknown_action"
