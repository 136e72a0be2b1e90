# SPDX-License-Identifier: Apache-2.0
"""What one call may write, emit and say: each limit at its last value, and beyond."""

from typing import Any

import pytest
from tests.unit.contracts.scripted import (
    Cell,
    Happened,
    Script,
    Scripted,
    call,
    clear,
    put,
)

from hanse.codec.canonical import decode, encode
from hanse.codec.limits import (
    ACTION_EVENTS_MAX,
    ACTION_WRITES_MAX,
    FACTS_BYTES_MAX,
    HINT_CHARS_MAX,
    STATE_KEY_BYTES_MAX,
    VALUE_BYTES_MAX,
)
from hanse.contracts import BigInt, Context, Refused


@pytest.fixture(autouse=True)
def clean() -> None:
    clear()


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

    assert len(call(does=greedy).writes["scripted"]) == ACTION_WRITES_MAX


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
