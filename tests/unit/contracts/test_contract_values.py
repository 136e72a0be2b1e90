# SPDX-License-Identifier: Apache-2.0
"""Records, value types, their schema and their sentences."""

import calendar
import datetime as dt
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.codec.canonical import decode, encode
from hanse.contracts import BigInt, Date, Map, OrganisationId, TimeMs, event, record, replace
from hanse.contracts.keys import encode_key
from hanse.contracts.records import Codec, encode_loose, is_event, is_record
from hanse.contracts.refusals import Fault
from hanse.contracts.schema import schema_of
from hanse.contracts.sentences import plain_sentence, refusal_sentence, sentence, shown
from hanse.contracts.types import Bytes
from hanse.testing.strategies import values_of


@record
class Inner:
    """An inner record."""

    data: bytes
    when: Date | None = None


@record
class Everything:
    """One field of each kind, those with defaults in between."""

    amount: BigInt
    flag: bool = False
    inner: Inner
    kind: Literal["a", "b"]
    numbers: list[int] = []  # noqa: RUF012  # a record makes each its own
    pair: tuple[str, bytes]
    owner: OrganisationId
    time_ms: TimeMs = TimeMs(0)
    texts: tuple[bytes, ...] = ()
    maybe: BigInt | None = None


CODEC: Codec[Everything] = Codec(Everything)


def one(**changes: Any) -> Everything:
    parts: dict[str, Any] = {
        "amount": 5,
        "inner": Inner(data=b"\xff\xfe"),
        "kind": "a",
        "pair": ("x", b"\xff"),
        "owner": OrganisationId("acme"),
    }
    return Everything(**{**parts, **changes})


@given(values_of(Everything))
def test_a_record_has_one_canonical_encoding_and_comes_back(value: Everything) -> None:
    data = CODEC.encode(value)
    assert encode(decode(data)) == data
    back = CODEC.decode_stored(data)
    assert back == value
    assert CODEC.encode(back) == data
    assert type(back.inner.data) is Bytes
    assert type(back.amount) is BigInt


def test_bytes_are_base64url_wherever_they_stand() -> None:
    value = one(texts=(b"\xff", b"ab"))
    assert (
        CODEC.encode(value)
        == b'{"amount":"5","flag":false,"inner":{"data":"__4","when":null},"kind":"a",'
        b'"maybe":null,"numbers":[],"owner":"acme","pair":["x","_w"],"texts":["_w","YWI"],'
        b'"time_ms":0}'
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 1.5},
        {"amount": True},
        {"flag": 1},
        {"inner": None},
        {"inner": Inner(data=10**9)},  # type: ignore[arg-type]  # not so many zero bytes
        {"kind": "c"},
        {"numbers": [1.0]},
        {"numbers": [2**53]},
        {"numbers": 5},
        {"pair": ("x",)},
        {"pair": "xy"},
        {"owner": "\ud800"},
        {"texts": b"ab"},
        {"maybe": 2.0},
    ],
)
def test_a_value_of_another_type_is_a_fault_in_our_words(wrong: dict[str, Any]) -> None:
    with pytest.raises(Fault, match=r"^a value is not of the declared type Everything$"):
        CODEC.encode(one(**wrong))


def test_replace_keeps_types_and_leaves_the_old_alone() -> None:
    old = one()
    new = replace(old, amount=7, inner=replace(old.inner, data=b"new"))
    assert (old.amount, new.amount, type(new.amount)) == (5, 7, BigInt)
    assert type(new.inner.data) is Bytes
    with pytest.raises(TypeError):
        replace(old, unknown=1)  # type: ignore[call-arg]  # which is what is refused


def test_two_records_never_share_a_default_list() -> None:
    first, second = one(), one()
    first.numbers.append(1)
    assert second.numbers == []


def test_a_record_is_frozen_and_named_by_keyword() -> None:
    with pytest.raises(AttributeError):
        one().flag = True  # type: ignore[misc]  # which is what is refused
    with pytest.raises(TypeError):
        Inner(b"x")  # type: ignore[misc]  # which is what is refused


def test_what_cannot_be_a_record_is_refused_when_declared() -> None:
    with pytest.raises(TypeError, match="no base class"):

        @record
        class _Child(Inner):
            """Has a base."""

    with pytest.raises(TypeError, match="ASCII"):

        @record
        class _Accent:
            """Has a field that canonical JSON cannot name."""

            größe: int  # noqa: PLC2401  # the point of the test

    for kind in (float, set, dict[str, int], object, Any):
        with pytest.raises(TypeError):
            Codec(kind)


def test_the_schema_says_which_fields_are_needed() -> None:
    schema = schema_of(Everything)
    assert schema["required"] == ["amount", "inner", "kind", "pair", "owner"]
    assert list(schema["properties"]) == [
        *("amount", "flag", "inner", "kind", "numbers", "pair"),
        *("owner", "time_ms", "texts", "maybe"),
    ]
    assert schema["properties"]["owner"] == {"type": "string", "format": "organisation"}
    assert schema["properties"]["inner"]["required"] == ["data"]
    assert schema["properties"]["maybe"]["anyOf"][1] == {"type": "null"}
    assert encode(schema)


def test_events_are_records_and_records_no_events() -> None:
    @event
    class Said:
        """{what} was said."""

        what: str

    assert (is_event(Said), is_record(Said), is_event(Inner), is_event(5)) == (
        *(True, True),
        *(False, False),
    )


@pytest.mark.parametrize("bad", [1.5, {1}, object(), {"a b": 1}, {1: 1}, "\ud800", 2**256, [[1.0]]])
def test_loose_values_are_of_the_language_or_a_fault(bad: object) -> None:
    with pytest.raises(Fault):
        encode_loose(bad)


def test_loose_values_have_a_depth() -> None:
    deep: list[Any] = []
    for _ in range(40):
        deep = [deep]
    with pytest.raises(Fault, match="deep"):
        encode_loose(deep)


@given(st.integers(1, 3_652_059))
def test_a_day_has_one_number(ordinal: int) -> None:
    day = Date.from_ordinal(ordinal)
    assert day.ordinal == ordinal
    year, month, number = (int(part) for part in day.split("-"))
    assert number <= calendar.monthrange(year, month)[1]
    assert Date(str(day)) == day


def test_days_are_counted_as_the_calendar_counts() -> None:
    for text in ("0001-01-01", "1900-02-28", "2000-02-29", "2024-12-31", "9999-12-31"):
        assert Date(text).ordinal == dt.date.fromisoformat(text).toordinal()
    assert Date("2024-02-28").add_days(2) == "2024-03-01"
    assert Date("2024-03-01").days_until(Date("2024-02-01")) == -29
    assert Date.from_time(TimeMs(1_800_000_000_000)) == "2027-01-15"
    assert Date.from_time(TimeMs(-1)) == "1969-12-31"


@pytest.mark.parametrize(
    "bad", ["2023-02-29", "2024-13-01", "2024-00-01", "2024-1-01", "0000-01-01", "٢024-01-01", ""]
)
def test_a_day_that_does_not_exist_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"date|day"):
        Date(bad)


@pytest.mark.parametrize("ordinal", [0, -1, -(10**9), 3_652_060, 10**12])
def test_a_day_outside_the_calendar_is_refused(ordinal: int) -> None:
    with pytest.raises(ValueError, match=r"date|day"):
        Date.from_ordinal(ordinal)


@pytest.mark.parametrize("bad", ["05", "+5", "-0", "5.0", "\u0665", " 5", "5\n", "", "9" * 81])
def test_a_big_integer_has_one_spelling(bad: str) -> None:
    with pytest.raises(ValueError, match="BigInt"):
        BigInt.parse(bad)


def test_a_big_integer_has_256_bits() -> None:
    for right in (2**256 - 1, -(2**256) + 1):
        assert BigInt.parse(str(right)) == right
    for wrong in (2**256, -(2**256)):
        with pytest.raises(ValueError, match="2\\^256"):
            BigInt(wrong)
    with pytest.raises(ValueError, match="integer"):
        BigInt(1.5)  # type: ignore[arg-type]  # which is what is refused


def test_a_dates_key_sorts_by_day() -> None:
    days = [Date("0001-01-01"), Date("1999-12-31"), Date("2000-01-01"), Date("9999-12-31")]
    assert sorted(map(encode_key, days)) == list(map(encode_key, days))
    assert Map.__slots__


def test_a_sentence_fills_in_fields_as_people_read_them() -> None:
    fields = {"who": "acme", "sum": -5, "asset": "EUR", "list": [1, 2, 3, 4], "no": None, "b": True}
    template = "{who} paid {sum:money} for {list}; {no} {b} {absent}\nsecond line"
    assert sentence(template, fields) == "acme paid -0.05 EUR for 1, 2, 3 …; \u2013 yes \u2013"
    assert sentence("{sum:money}", {"sum": 1_234_567}) == "12,345.67"
    assert shown("x" * 61) == "x" * 59 + "…"
    assert plain_sentence("a@b", "open_recall", "trace") == "a@b ran open recall on trace."
    assert (
        refusal_sentence("a@b", "go_on", "not_found", "")
        == "a@b was refused go on: not found (not_found)."
    )
