# SPDX-License-Identifier: Apache-2.0
"""Times of the standard: RFC 3339 text to milliseconds of UTC and back."""

import re
from datetime import date
from functools import lru_cache
from typing import Final

_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])"
    r"(?:\.([0-9]+))?(?:(Z)|([+-])(0[0-9]|1[0-4]):([0-5][0-9]))"
)
_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY_MS: Final = 86_400_000
_MS_MIN: Final = (1 - _EPOCH) * _DAY_MS
_MS_MAX: Final = (date.max.toordinal() - _EPOCH + 1) * _DAY_MS - 1

OFFSET: Final = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
"""``eventTimeZoneOffset``: between -14:00 and +14:00 (EPCIS 2.0 section 7.4.1)."""


@lru_cache(maxsize=65_536)
def parse_time_ms(text: str) -> int | None:
    """Return the moment that ``text`` names, in milliseconds since 1970 UTC, or None.

    A finer fraction is rounded half up, as CBV 2.0 section 8.9 asks for the event hash.
    """
    match = _TIME.fullmatch(text)
    if match is None or not text.isascii():
        return None
    year, month, day, hour, minute, second, fraction, _zulu, sign, ahead, past = match.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH
    except ValueError:
        return None
    at = days * _DAY_MS + (int(hour) * 3600 + int(minute) * 60 + int(second)) * 1000
    if fraction:
        digits = (fraction + "000")[:4] if len(fraction) < 4 else fraction[:4]
        at += int(digits[:3]) + (1 if digits[3:4] >= "5" else 0)
    if sign:
        shift = (int(ahead) * 60 + int(past)) * 60_000
        if shift > 14 * 3_600_000:
            return None
        at -= shift if sign == "+" else -shift
    return at if _MS_MIN <= at <= _MS_MAX else None


def format_time_ms(at: int) -> str:
    """Return ``at`` as RFC 3339 text in UTC with three decimals."""
    days, rest = divmod(at, _DAY_MS)
    seconds, ms = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    day = date.fromordinal(days + _EPOCH).isoformat()
    return f"{day}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"
