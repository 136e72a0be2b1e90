# SPDX-License-Identifier: Apache-2.0
"""The bench runs what a ledger runs: typed calls, refusals, invariants, roots, time."""

from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.unit.kernel.small_ledger import SUITE, SmallLedger, build_genesis, public_key
from tests.unit.testing.clock_contract import Clock

from hanse.codec.documents import TAG_KEY, TAG_VALUE
from hanse.contracts import Refused
from hanse.contracts.refusals import Fault
from hanse.crypto import SHA256, SM3
from hanse.kernel import Registry
from hanse.kernel.genesis import genesis_writes
from hanse.merkle.trie import Trie
from hanse.testing.bench import START_MS, Bench, encode_arguments
from hanse.testing.smallbank import AMOUNT_MAX, BALANCE_MAX, SmallBank
from hanse.testing.strategies import arguments_of


def test_a_payment_moves_money_once(bench: Bench[SmallBank]) -> None:
    teller = bench.actor("bank")
    teller(SmallBank.create_account, "ann", checking=100, savings=50)
    teller(SmallBank.create_account, "ben", 0, 0)
    teller(SmallBank.send_payment, "ann", "ben", 30)
    assert teller(SmallBank.balance, "ann") == 120
    assert teller(SmallBank.balance, account="ben") == 30
    with pytest.raises(Refused, match="insufficient_amount") as refused:
        teller(SmallBank.send_payment, "ann", "ben", 71)
    assert refused.value.code == "insufficient_amount"


def test_a_refusal_leaves_the_root_and_carries_its_facts() -> None:
    bench = Bench(SmallBank)
    teller = bench.actor("bank")
    teller(SmallBank.create_account, "ann", 1, 1)
    root = bench.root
    with pytest.raises(Refused, match="not_found") as refused:
        teller(SmallBank.send_payment, "ann", "nobody", 1)
    assert refused.value.facts == {"key": "nobody"}
    assert bench.root == root


def test_the_root_is_the_one_that_a_ledger_has() -> None:
    bench = Bench(SmallBank)
    bench.actor("bank")(SmallBank.create_account, "ann", 1, 2)
    ledger = SmallLedger()
    entries = {
        b"accounts\x00\x30ann\x00": b'{"checking":1,"savings":2}',
        b"issued\x00": b'{"amount_minor":3}',
    }
    tagged = ledger.kernel.hash.tagged
    hashed = {tagged(TAG_KEY, k): tagged(TAG_VALUE, v) for k, v in entries.items()}
    assert bench.root == Trie(SHA256, {}).update(hashed)
    assert Bench(SmallBank, hasher=SM3, writes=entries).root != bench.root
    assert Bench(SmallBank, writes=entries).root == bench.root


def test_a_snapshot_takes_state_and_clock_back() -> None:
    bench = Bench(Clock)
    keeper = bench.actor("acme", "keeper")
    keeper(Clock.tick, "a")
    before, root = bench.snapshot(), bench.root
    bench.pass_time(days=1, hours=1, minutes=1, ms=1)
    assert keeper(Clock.tick, "b") == START_MS + 25 * 3_600_000 + 60_001
    assert bench.root != root
    bench.revert(before)
    assert (bench.root, bench.now) == (root, START_MS)
    assert keeper(Clock.ticks) == [("a", START_MS)]
    with pytest.raises(AssertionError):
        bench.pass_time(hours=-1)


def test_roles_and_invariants_are_those_of_the_ledger() -> None:
    bench = Bench(Clock)
    with pytest.raises(Refused, match="not_authorised"):
        bench.actor("acme", "admin")(Clock.tick, "a")
    with pytest.raises(Refused, match="invariant_broken"):
        bench.actor("acme")(Clock.lie)
    assert bench.actor("acme")(Clock.ticks) == []


def test_arguments_travel_as_canonical_bytes_of_their_types() -> None:
    assert encode_arguments(SmallBank.send_payment, ("a",), {"target": "b", "amount_minor": 1}) == (
        b'{"amount_minor":1,"source":"a","target":"b"}'
    )
    teller = Bench(SmallBank).actor("bank")
    with pytest.raises(Fault):
        # which is what is refused
        teller(SmallBank.create_account, "ann", "1", 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        # which is what is refused
        teller(SmallBank.create_account, "ann", 1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no action"):
        teller(Clock.lie)
    assert teller.attempt("create_account", {"account": 1}).code == "bad_argument"


def test_events_of_the_last_call_can_be_read() -> None:
    bench = Bench(Registry, writes=registry_state())
    args = {"key_id": "k2", "public_key": public_key("k2"), "suite": SUITE}
    bench.actor("acme", "admin", name="alice")(Registry.rotate_key, "k1", **args)
    assert [name for name, _ in bench.events] == ["KeyAdded", "KeyEnded"]
    assert bench.events[0][1]["member"] == "alice@acme"


def registry_state() -> dict[bytes, bytes]:
    writes = genesis_writes(build_genesis())["registry"]
    return {key: value for key, value in writes.items() if value is not None}


def test_the_registry_runs_on_a_bench() -> None:
    bench = Bench(Registry, writes=registry_state())
    admin = bench.actor("acme", "admin", name="alice")
    admin(Registry.grant_role, "anna@acme", "maker")
    found = admin(Registry.member, "anna@acme")
    assert found is not None
    assert found.organisation == "acme"
    with pytest.raises(Refused, match="wrong_organisation"):
        admin(Registry.retire_member, "bob@bolt")


@settings(max_examples=50)
@given(st.data())
def test_whatever_an_action_is_given_the_contract_has_foreseen(data: st.DataObject) -> None:
    bench = Bench(SmallBank)
    teller = bench.actor("bank")
    for account in ("", "a"):
        teller(SmallBank.create_account, account, 5, 5)
    methods = [SmallBank.create_account, SmallBank.send_payment, SmallBank.deposit_checking]
    methods += [SmallBank.transact_savings, SmallBank.amalgamate, SmallBank.write_check]
    method = data.draw(st.sampled_from(methods))
    args = data.draw(arguments_of(method))
    outcome = teller.attempt(method.__name__, args)
    assert outcome.code != "contract_fault" or len(args["account"]) > 200


REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("create_account", {"account": "a", "checking": -1, "savings": 0}, "bad_amount"),
    ("create_account", {"account": "a", "checking": 0, "savings": AMOUNT_MAX + 1}, "bad_amount"),
    ("create_account", {"account": "a", "checking": 0, "savings": 0}, "already_exists"),
    ("send_payment", {"source": "a", "target": "a", "amount_minor": 0}, "bad_amount"),
    ("send_payment", {"source": "x", "target": "x", "amount_minor": 1}, "same_account"),
    ("send_payment", {"source": "x", "target": "b", "amount_minor": 1}, "not_found"),
    ("send_payment", {"source": "a", "target": "x", "amount_minor": 10**6}, "not_found"),
    ("send_payment", {"source": "a", "target": "b", "amount_minor": 11}, "insufficient_amount"),
    ("send_payment", {"source": "a", "target": "full", "amount_minor": 1}, "too_much_money"),
    ("deposit_checking", {"account": "x", "amount_minor": 0}, "bad_amount"),
    ("deposit_checking", {"account": "x", "amount_minor": 1}, "not_found"),
    ("deposit_checking", {"account": "full", "amount_minor": 1}, "too_much_money"),
    ("transact_savings", {"account": "a", "amount_minor": 0}, "bad_amount"),
    ("transact_savings", {"account": "x", "amount_minor": 1}, "not_found"),
    ("transact_savings", {"account": "a", "amount_minor": -11}, "insufficient_amount"),
    ("amalgamate", {"source": "x", "target": "x"}, "same_account"),
    ("amalgamate", {"source": "x", "target": "b"}, "not_found"),
    ("amalgamate", {"source": "poor", "target": "b"}, "insufficient_amount"),
    ("write_check", {"account": "x", "amount_minor": 0}, "bad_amount"),
    ("write_check", {"account": "x", "amount_minor": 1}, "not_found"),
    ("balance", {"account": "x"}, "not_found"),
]


@pytest.mark.parametrize(("name", "args", "code"), REFUSALS)
def test_smallbank_refuses(name: str, args: dict[str, Any], code: str) -> None:
    full = b'{"checking":%d,"savings":0}' % BALANCE_MAX
    rows = {b"full": full, b"poor": b'{"checking":-1,"savings":0}'}
    bench = Bench(SmallBank, writes={b"accounts\x00\x30%s\x00" % k: v for k, v in rows.items()})
    teller = bench.actor("bank")
    for account in ("a", "b"):
        teller(SmallBank.create_account, account, 10, 10)
    root = bench.root
    assert teller.attempt(name, args).code == code
    assert bench.root == root
    entry = bench.loaded.entries[name]
    assert code in entry.rejects or entry.mark.kind == "query"


class Money(RuleBasedStateMachine):
    """Any order of actions; the contract's balances are those of a few lines of Python."""

    names = st.sampled_from(["a", "b", "c"])
    amounts = st.integers(0, 40)

    @initialize()
    def open(self) -> None:
        self.teller = Bench(SmallBank).actor("bank")
        self.model = {name: [20, 20] for name in "abc"}
        for name in "abc":
            self.teller(SmallBank.create_account, name, 20, 20)

    def same(self, method: Any, change: dict[str, list[int]], **args: Any) -> None:
        try:
            self.teller(method, **args)
        except Refused:
            return
        self.model.update(change)

    @rule(payer=names, payee=names, amount=amounts)
    def pay(self, payer: str, payee: str, amount: int) -> None:
        (a, s), (b, t) = self.model[payer], self.model[payee]
        change = {payer: [a - amount, s], payee: [b + amount, t]}
        self.same(SmallBank.send_payment, change, source=payer, target=payee, amount_minor=amount)

    @rule(payer=names, payee=names)
    def merge(self, payer: str, payee: str) -> None:
        (a, s), (b, t) = self.model[payer], self.model[payee]
        change = {payer: [0, 0], payee: [b + a + s, t]}
        self.same(SmallBank.amalgamate, change, source=payer, target=payee)

    @rule(name=names, amount=amounts)
    def cheque(self, name: str, amount: int) -> None:
        a, s = self.model[name]
        paid = amount + (a + s < amount)
        self.same(SmallBank.write_check, {name: [a - paid, s]}, account=name, amount_minor=amount)

    @rule(name=names, amount=st.integers(-40, 40))
    def save(self, name: str, amount: int) -> None:
        a, s = self.model[name]
        self.same(
            SmallBank.transact_savings, {name: [a, s + amount]}, account=name, amount_minor=amount
        )

    @invariant()
    def balances_are_those_of_the_model(self) -> None:
        for name, amounts in getattr(self, "model", {}).items():
            assert self.teller(SmallBank.balance, name) == sum(amounts)


TestMoney = Money.TestCase
TestMoney.settings = settings(max_examples=30, stateful_step_count=20)


def test_a_test_on_a_bench_takes_less_than_five_milliseconds() -> None:
    def once() -> float:
        start = perf_counter()
        bench = Bench(SmallBank)
        teller = bench.actor("bank")
        for number in range(10):
            teller(SmallBank.create_account, f"{number}", 5, 5)
        assert bench.root
        return perf_counter() - start

    assert min(once() for _ in range(10)) < 0.005
