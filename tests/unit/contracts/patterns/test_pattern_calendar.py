# SPDX-License-Identifier: Apache-2.0
"""Working days are those of the calendar; forms of text are checked once for all patterns."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.codec.base64url import to_text
from hanse.contracts import Date, Refused, TimeMs
from hanse.contracts.patterns.calendar import Calendar, check_calendar, deadline_of
from hanse.contracts.patterns.forms import are_names, is_digest, is_name, is_within

PLAIN = Calendar(id="c", rest_days=[6, 7], holidays=[Date("2026-01-01")], offset_minutes=60)


def at(text: str) -> TimeMs:
    return TimeMs(int(datetime.fromisoformat(text).timestamp() * 1000))


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2025-12-30T10:00:00+01:00", 1, "2025-12-31T23:59:59.999+01:00"),
        ("2025-12-30T10:00:00+01:00", 2, "2026-01-02T23:59:59.999+01:00"),  # over the holiday
        ("2026-01-02T23:59:59+01:00", 1, "2026-01-05T23:59:59.999+01:00"),  # over the weekend
        ("2026-01-02T23:30:00+00:00", 1, "2026-01-05T23:59:59.999+01:00"),  # a Saturday there
    ],
)
def test_rest_days_and_holidays_do_not_count(start: str, days: int, end: str) -> None:
    assert deadline_of(PLAIN, at(start), days) == at(end)


@given(
    st.integers(0, 4_000_000_000_000),
    st.integers(1, 60),
    st.lists(st.integers(1, 7), max_size=6),
    st.integers(-14 * 60, 14 * 60),
)
def test_a_deadline_is_what_the_standard_library_counts(
    start: int, days: int, rest: list[int], offset: int
) -> None:
    calendar = Calendar(id="c", rest_days=rest, holidays=[], offset_minutes=offset)
    zone = timezone(timedelta(minutes=offset))
    day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=start)).astimezone(zone).date()
    left = days
    while left:
        day += timedelta(days=1)
        left -= day.isoweekday() not in rest
    end = deadline_of(calendar, TimeMs(start), days)
    shown = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=end)
    assert shown.astimezone(zone).date() == day
    after = shown + timedelta(milliseconds=1)
    assert after.astimezone(zone).date() == date.fromordinal(day.toordinal() + 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"rest_days": [1, 2, 3, 4, 5, 6, 7]},
        {"rest_days": [0]},
        {"rest_days": [8]},
        {"offset_minutes": 841},
        {"holidays": [Date("2026-01-01")] * 401},
    ],
)
def test_a_calendar_that_never_works_is_refused(changes: dict[str, object]) -> None:
    parts = {"id": "c", "rest_days": [], "holidays": [], "offset_minutes": 0, **changes}
    with pytest.raises(Refused, match="bad_calendar"):
        check_calendar(Calendar(**parts))  # type: ignore[arg-type]  # mixed on purpose
    check_calendar(PLAIN)


@pytest.mark.parametrize("days", [0, -1, 3_001])
def test_a_deadline_without_end_is_refused(days: int) -> None:
    with pytest.raises(Refused, match="bad_calendar"):
        deadline_of(PLAIN, TimeMs(0), days)


@given(st.binary(min_size=32, max_size=32))
def test_a_digest_is_32_bytes_in_one_spelling(data: bytes) -> None:
    text = to_text(data)
    assert is_digest(text)
    assert not any(map(is_digest, (text[:-1], f"{text}A", f"{text[:-1]}B", f"={text[1:]}", "")))


def test_names_are_visible_and_stand_once() -> None:
    assert is_name("x" * 200)
    assert not any(map(is_name, ("", "x" * 201, "a b", "\u00e9", "a\n")))
    assert are_names(["a", "b"], 2)
    assert not any(are_names(texts, 2) for texts in ([], ["a", "a"], ["a", ""], ["a", "b", "c"]))
    assert is_within(["a"], ["b", "a"])
    assert is_within([], [])
    assert not is_within(["a", "c"], ["a", "b"])
