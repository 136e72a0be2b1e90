# SPDX-License-Identifier: Apache-2.0
"""A call on a loaded contract: what is an outcome, what the node's fault, what leaves nothing."""

from typing import Any

import pytest
from tests.unit.contracts.scripted import (
    LOADED,
    Cell,
    Happened,
    Rows,
    Script,
    Scripted,
    call,
    clear,
    put,
    raises,
    rule,
)

from hanse.codec.canonical import decode
from hanse.contracts import (
    Context,
    Contract,
    Map,
    Refused,
    action,
)
from hanse.contracts.records import StoredValueDamaged
from hanse.contracts.refusals import Fault
from hanse.contracts.runtime import LoadedContract


@pytest.fixture(autouse=True)
def clean() -> None:
    clear()


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
    assert [list(w.values()) for w in outcome.writes.values()] == [[None]]


def test_a_result_of_another_type_is_a_fault_without_the_librarys_words() -> None:
    outcome = call("give", does=lambda *_: "not a cell")
    assert (outcome.code, outcome.reason) == (
        "contract_fault",
        "a value is not of the declared type Cell",
    )


@pytest.mark.parametrize(
    "bad", [Cell(text="no event"), "text", None, {"text": "x"}, Happened(text=5)]
)
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
            LoadedContract(bad, built_in=True)
