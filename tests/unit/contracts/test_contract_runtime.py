# SPDX-License-Identifier: Apache-2.0
"""A call on a loaded contract: what is an outcome, what the node's fault, what leaves nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from hanse.codec.canonical import decode, encode
from hanse.codec.limits import (
    ACTION_EVENTS_MAX,
    ACTION_WRITES_MAX,
    FACTS_BYTES_MAX,
    HINT_CHARS_MAX,
    STATE_KEY_BYTES_MAX,
    VALUE_BYTES_MAX,
)
from hanse.contracts import (
    BigInt,
    Change,
    Context,
    Contract,
    Map,
    Refused,
    Value,
    action,
    event,
    invariant,
    query,
    record,
)
from hanse.contracts.records import StoredValueDamaged
from hanse.contracts.refusals import Fault
from hanse.contracts.runtime import Call, LoadedContract, Outcome


@record
class Cell:
    """A cell."""

    text: str


@event
class Happened:
    """{text} happened."""

    text: str


Script = Callable[["Scripted", Context], Any]
script: list[Script] = []
rule: list[Callable[["Scripted", Context, Change], Any]] = []


class Scripted(Contract):
    """Does what a test tells it."""

    name = "scripted"
    cells: Map[str, Cell]
    total: Value[Cell]

    @action(role=None)
    def act(self, ctx: Context) -> None:
        """Do it."""
        script[0](self, ctx)

    @action(role=None)
    def give(self, ctx: Context) -> Cell:
        """Return it."""
        found: Cell = script[0](self, ctx)
        return found

    @action(role=None)
    def take(self, ctx: Context, a: int, *, b: list[int] = [], c: BigInt | None = None) -> int:  # noqa: B006
        """Take arguments of several kinds."""
        return a + len(b) + (0 if c is None else 1)

    @query
    def ask(self, ctx: Context) -> str:
        """Ask it."""
        return str(script[0](self, ctx))

    @invariant
    def as_told(self, ctx: Context, change: Change) -> bool:
        """Hold as the test says."""
        return all(one(self, ctx, change) for one in rule)


class Rows:
    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}
        self.fails: Exception | None = None

    def get(self, contract: str, key: bytes) -> bytes | None:
        if self.fails:
            raise self.fails
        return self.held.get(key)

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        if self.fails:
            raise self.fails
        rows = [(k, v) for k, v in sorted(self.held.items()) if k.startswith(prefix) and k >= start]
        return rows[:limit]


LOADED = LoadedContract(Scripted)


@pytest.fixture(autouse=True)
def clean() -> None:
    script.clear()
    rule.clear()


def call(
    name: str = "act",
    does: Script | None = None,
    rows: Rows | None = None,
    args: bytes = b"{}",
    **changes: Any,
) -> Outcome:
    script[:] = [does] if does else []
    parts: dict[str, Any] = {
        "entry": LOADED.entries[name],
        "args": args,
        "member": "a@org",
        "organisation": "org",
        "now": 1,
        "height": 1,
        "tx": "t",
        "cost_max": 10**7,
        "roles": lambda: ("x",),
        **changes,
    }
    return LOADED.call(rows or Rows(), Call(**parts))


def put(key: str, text: str = "") -> Script:
    return lambda self, _: self.cells.__setitem__(key, Cell(text=text))


def raises(error: BaseException) -> Script:
    def does(self: Scripted, ctx: Context) -> None:
        self.cells["x"] = Cell(text="written before")
        raise error

    return does


@pytest.mark.parametrize(
    "error",
    [
        KeyError("secret"),
        AssertionError("secret"),
        ValueError("secret"),
        StopIteration("secret"),
        UnicodeError("secret"),
    ],
)
def test_any_exception_of_a_contract_is_a_fault_in_our_words(error: Exception) -> None:
    outcome = call(does=raises(error))
    assert outcome.code == "contract_fault"
    assert outcome.reason == "the contract failed in a way it did not foresee"
    assert (outcome.writes, outcome.events, outcome.result) == ({}, (), None)


@pytest.mark.parametrize(
    "error", [RecursionError("deep"), MemoryError("full"), KeyboardInterrupt()]
)
def test_what_other_nodes_would_not_see_is_no_outcome(error: BaseException) -> None:
    with pytest.raises(type(error)):
        call(does=raises(error))
    assert call(does=put("k")).code is None


def test_a_contract_that_recurses_for_ever_stops_the_node() -> None:
    def again(self: Scripted, ctx: Context) -> Any:
        return again(self, ctx)

    with pytest.raises(RecursionError):
        call(does=again)


@pytest.mark.parametrize(
    "reads",
    [
        lambda self, _: self.cells.get("k"),
        lambda self, _: list(self.cells.items()),
        lambda self, _: self.total.get(),
    ],
)
def test_a_failure_to_read_goes_to_the_node_even_past_a_contract_that_catches_all(
    reads: Script,
) -> None:
    def greedy(self: Scripted, ctx: Context) -> None:
        try:
            reads(self, ctx)
        except Exception as error:
            raise AssertionError("caught it") from error

    rows = Rows()
    rows.fails = OSError("disk")
    with pytest.raises(OSError, match="disk"):
        call(does=greedy, rows=rows)


def test_a_failure_to_read_the_roles_goes_to_the_node() -> None:
    def broken() -> tuple[str, ...]:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        call(does=lambda _, ctx: ctx.roles, roles=broken)


def test_a_stored_value_of_another_type_is_damage_and_no_bad_argument() -> None:
    rows = Rows()
    rows.held[b"cells\x00\x30k\x00"] = b'{"text":1}'
    with pytest.raises(StoredValueDamaged):
        call(does=lambda self, _: self.cells["k"], rows=rows)
    with pytest.raises(StoredValueDamaged):
        call(does=lambda self, _: list(self.cells.values()), rows=rows)


def test_after_a_failed_call_nothing_of_it_is_left() -> None:
    call(does=raises(KeyError()))
    outcome = call("ask", does=lambda self, _: "x" in self.cells)
    assert outcome.result == b'"False"'


def test_a_contract_cannot_keep_state_in_attributes() -> None:
    for does in (lambda self, _: setattr(self, "x", 1), lambda self, _: delattr(self, "cells")):
        assert call(does=does).code == "contract_fault"


def test_what_a_contract_kept_of_a_call_reaches_nothing_afterwards() -> None:
    kept: list[Any] = []

    def keeps(self: Scripted, ctx: Context) -> None:
        kept.extend([self, self.cells.items()])

    assert call(does=keeps).code is None
    for late in (
        lambda: kept[0].cells.get("k"),
        lambda: kept[0].cells.add("k", Cell(text="")),
        lambda: list(kept[1]),
    ):
        with pytest.raises(Fault):
            late()


@pytest.mark.parametrize(
    "does",
    [
        put("k"),
        lambda self, _: self.total.set(Cell(text="")),
        lambda _, ctx: ctx.emit(Happened(text="")),
    ],
)
def test_a_query_changes_nothing(does: Script) -> None:
    outcome = call("ask", does=does)
    assert (outcome.code, outcome.writes, outcome.events) == ("contract_fault", {}, ())


def test_a_query_that_deletes_is_refused_too() -> None:
    rows = Rows()
    rows.held[b"cells\x00\x30k\x00"] = b'{"text":""}'
    outcome = call("ask", does=lambda self, _: self.cells.__delitem__("k"), rows=rows)
    assert outcome.code == "contract_fault"


def test_a_meter_that_ran_out_cannot_be_ignored() -> None:
    def greedy(self: Scripted, ctx: Context) -> None:
        for number in range(100):
            try:
                self.cells[f"{number}"] = Cell(text="")
            except BaseException:
                continue

    outcome = call(does=greedy, cost_max=500)
    assert (outcome.code, outcome.cost, outcome.writes) == ("cost_exceeded", 500, {})


def test_a_call_may_use_its_limit_to_the_last_unit() -> None:
    cost = call(does=put("k")).cost
    assert call(does=put("k"), cost_max=cost).code is None
    assert call(does=put("k"), cost_max=cost - 1).code == "cost_exceeded"
    assert call(does=put("k"), cost_max=0).code == "cost_exceeded"


def many(count: int) -> Script:
    def does(self: Scripted, ctx: Context) -> None:
        for number in range(count):
            self.cells[f"{number}"] = Cell(text="")
            self.cells[f"{number}"] = Cell(text="again")

    return does


def emits(count: int) -> Script:
    def does(self: Scripted, ctx: Context) -> None:
        for _ in range(count):
            ctx.emit(Happened(text=""))

    return does


KEY_FRAME = len(b"cells\x00\x30\x00")
VALUE_FRAME = len(b'{"text":""}')


@pytest.mark.parametrize(
    ("at_most", "beyond"),
    [
        (many(ACTION_WRITES_MAX), many(ACTION_WRITES_MAX + 1)),
        (emits(ACTION_EVENTS_MAX), emits(ACTION_EVENTS_MAX + 1)),
        (
            put("k" * (STATE_KEY_BYTES_MAX - KEY_FRAME)),
            put("k" * (STATE_KEY_BYTES_MAX - KEY_FRAME + 1)),
        ),
        (
            put("k", "v" * (VALUE_BYTES_MAX - VALUE_FRAME)),
            put("k", "v" * (VALUE_BYTES_MAX - VALUE_FRAME + 1)),
        ),
    ],
    ids=["writes", "events", "key bytes", "value bytes"],
)
def test_a_limit_holds_at_its_last_value_and_not_beyond(at_most: Script, beyond: Script) -> None:
    assert call(does=at_most).code is None
    outcome = call(does=beyond)
    assert outcome.code == "contract_fault"
    assert "limit" in outcome.reason or "at most" in outcome.reason


def test_a_contract_that_swallows_a_limit_does_not_pass_it() -> None:
    def greedy(self: Scripted, ctx: Context) -> None:
        for number in range(ACTION_WRITES_MAX + 5):
            try:
                self.cells[f"{number}"] = Cell(text="")
            except Exception:
                continue

    assert len(call(does=greedy).writes) == ACTION_WRITES_MAX


@pytest.mark.parametrize(
    ("args", "at"),
    [
        (b'{"a":"1"}', "$.a"),
        (b'{"a":true}', "$.a"),
        (b'{"a":1,"b":[1,"x"]}', "$.b[1]"),
        (b'{"a":1,"c":5}', "$.c"),
        (b'{"a":1,"c":"05"}', "$.c"),
        (b"{}", "$"),
        (b'{"a":1,"z":1}', "$"),
    ],
)
def test_an_argument_of_another_type_is_named_by_its_path(args: bytes, at: str) -> None:
    outcome = call("take", args=args)
    assert outcome.code == "bad_argument"
    assert decode(outcome.facts or b"") == {"at": at}
    assert "Expected" not in outcome.reason


def test_arguments_by_keyword_and_defaults_arrive() -> None:
    assert call("take", args=b'{"a":1}').result == b"1"
    assert call("take", args=b'{"a":1,"b":[7,8],"c":"5"}').result == b"4"


def refuses(code: Any, hint: Any = "", **facts: object) -> Script:
    def does(self: Scripted, ctx: Context) -> None:
        raise Refused(code, hint, **facts)

    return does


@pytest.mark.parametrize(
    "does",
    [
        refuses("Not a code"),
        refuses("x" * 65),
        refuses(""),
        refuses("ok_code\n"),
        refuses("ok_code", 5),
        refuses("ok_code", "\ud800"),
        refuses("ok_code", fact=1.5),
        refuses("ok_code", fact={1, 2}),
        refuses("ok_code", fact={"not ascii é": 1}),
        refuses("ok_code", fact=2**256),
        refuses("ok_code", fact="\ud800"),
        refuses("ok_code", é=1),
        refuses(5),
    ],
)
def test_a_refusal_that_no_receipt_can_carry_is_a_fault(does: Script) -> None:
    outcome = call(does=does)
    assert outcome.code == "contract_fault"
    assert outcome.facts is None


def test_facts_are_written_as_values_of_the_language() -> None:
    facts = {
        "a": b"\xff\xff",
        "b": 2**60,
        "c": BigInt(5),
        "d": (1, None, True),
        "e": Cell(text="x"),
    }
    outcome = call(does=refuses("ok_code", "a hint", **facts))
    assert (outcome.code, outcome.reason) == ("ok_code", "a hint")
    expected = b'{"a":"__8","b":"1152921504606846976","c":"5","d":[1,null,true],"e":{"text":"x"}}'
    assert outcome.facts == expected
    assert encode(decode(expected)) == expected


def test_hint_and_facts_of_a_refusal_are_bounded() -> None:
    outcome = call(does=refuses("ok_code", "h" * 1_000, fact="f" * (FACTS_BYTES_MAX - 11)))
    assert len(outcome.reason) == HINT_CHARS_MAX
    assert len(outcome.facts or b"") == FACTS_BYTES_MAX
    assert call(does=refuses("ok_code", fact="f" * (FACTS_BYTES_MAX - 10))).facts is None


def test_an_invariant_that_says_no_rolls_everything_back() -> None:
    rule[:] = [lambda *_: False]
    outcome = call(does=put("k"))
    assert (outcome.code, outcome.writes) == ("invariant_broken", {})
    assert outcome.reason == "as_told would no longer hold"


@pytest.mark.parametrize("answer", [1, "yes", None, [True]])
def test_an_invariant_holds_by_true_alone(answer: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(*_: object) -> object:
        return answer

    monkeypatch.setattr(LOADED, "_invariants", [odd])
    assert call(does=put("k")).code == "invariant_broken"


def test_an_invariant_that_refuses_breaks_and_one_that_fails_is_a_fault() -> None:
    rule[:] = [lambda self, *_: self.cells["absent"]]
    assert call(does=put("k")).code == "invariant_broken"
    rule[:] = [lambda *_: 1 // 0]
    assert call(does=put("k")).code == "contract_fault"


def test_an_invariant_neither_writes_nor_scans_nor_emits() -> None:
    for bad in (
        lambda self, *_: self.cells.add("n", Cell(text="")),
        lambda self, *_: list(self.cells.keys()),
        lambda _, ctx, __: ctx.emit(Happened(text="")),
        lambda _, __, change: change.of("cells"),
    ):
        rule[:] = [bad]
        assert call(does=put("k")).code == "contract_fault"


def test_an_invariant_sees_what_was_before_and_what_is_after() -> None:
    seen: list[Any] = []
    rows = Rows()
    rows.held[b"cells\x00\x30k\x00"] = b'{"text":"old"}'
    rule[:] = [lambda self, _, change: seen.extend(change.of(self.cells)) is None]

    def does(self: Scripted, ctx: Context) -> None:
        self.cells["k"] = Cell(text="new")
        self.cells["m"] = Cell(text="fresh")
        del self.cells["k"]

    assert call(does=does, rows=rows).code is None
    assert [(w.key, w.before, w.after) for w in seen] == [
        ("k", Cell(text="old"), None),
        ("m", None, Cell(text="fresh")),
    ]


def test_a_call_reads_what_it_wrote_itself() -> None:
    def does(self: Scripted, ctx: Context) -> Cell:
        self.cells["k"] = Cell(text="1")
        assert [key for key, _ in self.cells.items()] == ["k"]
        with pytest.raises(Refused, match="already_exists"):
            self.cells.add("k", Cell(text="2"))
        del self.cells["k"]
        assert "k" not in self.cells
        with pytest.raises(Refused, match="not_found"):
            del self.cells["k"]
        return Cell(text="done")

    outcome = call("give", does=does)
    assert outcome.result == b'{"text":"done"}'
    assert list(outcome.writes.values()) == [None]


def test_a_result_of_another_type_is_a_fault_without_the_librarys_words() -> None:
    outcome = call("give", does=lambda *_: "not a cell")
    assert (outcome.code, outcome.reason) == (
        "contract_fault",
        "a value is not of the declared type Cell",
    )


@pytest.mark.parametrize(
    "bad", [Cell(text="no event"), "text", None, {"text": "x"}, Happened(text=5)]
)  # type: ignore[arg-type]
def test_only_a_right_event_can_be_emitted(bad: object) -> None:
    assert call(does=lambda _, ctx: ctx.emit(bad)).code == "contract_fault"


def test_roles_are_charged_once_a_call() -> None:
    def times(count: int) -> int:
        return call(does=lambda _, ctx: [ctx.roles for _ in range(count)]).cost

    assert times(0) < times(1) == times(9)


def test_a_contract_that_cannot_work_is_refused_when_loaded() -> None:
    class Floats(Contract):
        cells: Map[str, float]

    class BadKey(Contract):
        cells: Map[list[str], Cell]

    class BadName(Contract):
        name = "Bad-Name"

    class Stars(Contract):
        @action(role=None)
        def act(self, ctx: Context, *names: str) -> None:
            """Take any number."""

    class Dicts(Contract):
        @action(role=None)
        def act(self, ctx: Context, names: dict[str, int]) -> None:
            """Take a dictionary, whose keys canonical JSON may not have."""

    for bad in (Floats, BadKey, BadName, Stars, Dicts):
        with pytest.raises(TypeError):
            LoadedContract(bad)
