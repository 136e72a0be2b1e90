# SPDX-License-Identifier: Apache-2.0
"""The clock of a test: block time, in hand."""

from typing import Final

START_MS: Final = 1_767_225_600_000  # 2026-01-01, where a bench begins
HOUR_MS: Final = 3_600_000


class Clock:
    """Block time as a test sets it; it goes on only when told to, and never back."""

    def __init__(self, now: int = START_MS) -> None:
        """Begin at ``now``, milliseconds since 1970."""
        self.now = now

    def __call__(self) -> int:
        """Return the time, as a node asks for it."""
        return self.now

    def pass_time(self, *, days: int = 0, hours: int = 0, minutes: int = 0, ms: int = 0) -> None:
        """Let time go on."""
        passed = (days * 24 + hours) * HOUR_MS + minutes * 60_000 + ms
        assert passed >= 0, "block time never goes back"
        self.now += passed
