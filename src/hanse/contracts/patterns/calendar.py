# SPDX-License-Identifier: Apache-2.0
"""Calendars: working days on block time, for the deadlines of other patterns.

A deadline is computed once, when the clock starts, and kept with the record that it binds; a later
change of the calendar moves no deadline that was set before.
"""

from hanse.contracts import Date, TimeMs, record, require

DAY_MS = 86_400_000
MINUTE_MS = 60_000
FIRST_DAY = 719_163  # the ordinal of 1970-01-01
HOLIDAYS_MAX = 400
SPAN_DAYS_MAX = 3_000


@record
class Calendar:
    """Which days do not count. ``rest_days``: 1 is Monday, 7 is Sunday.

    ``offset_minutes`` is what local time is ahead of UTC, without summer time.
    """

    id: str
    rest_days: list[int]
    holidays: list[Date]
    offset_minutes: int


def check_calendar(calendar: Calendar) -> None:
    """Refuse bad_calendar: a week without a working day, an odd offset, too many holidays."""
    week = len(calendar.rest_days) < 7 and all(1 <= day <= 7 for day in calendar.rest_days)
    near = -14 * 60 <= calendar.offset_minutes <= 14 * 60
    good = week and near and len(calendar.holidays) <= HOLIDAYS_MAX
    require(good, "bad_calendar", "a week has a working day; 400 holidays at most")


def deadline_of(calendar: Calendar, start_ms: TimeMs, working_days: int) -> TimeMs:
    """Return the last millisecond of the working day with this number, counted from the next day.

    Refuses with bad_calendar where the calendar ends before.
    """
    require(working_days > 0, "bad_calendar", "a deadline is at least one working day away")
    free = {day.ordinal: True for day in calendar.holidays}
    offset_ms = calendar.offset_minutes * MINUTE_MS
    day = FIRST_DAY + (start_ms + offset_ms) // DAY_MS
    left, steps = working_days, 0
    while left > 0 and steps < SPAN_DAYS_MAX:
        day += 1
        steps += 1
        if (day - 1) % 7 + 1 not in calendar.rest_days and day not in free:
            left -= 1
    require(left == 0, "bad_calendar", "that many working days lie too far away")
    return TimeMs((day - FIRST_DAY + 1) * DAY_MS - offset_ms - 1)
