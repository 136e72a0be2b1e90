# SPDX-License-Identifier: Apache-2.0
"""The only place of a node that reads wall time."""

import time


def wall_clock_ms() -> int:
    """Return milliseconds since 1970-01-01 UTC as this machine believes them to be."""
    return time.time_ns() // 1_000_000  # noqa: TID251  # this is the place
