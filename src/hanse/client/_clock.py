# SPDX-License-Identifier: Apache-2.0
"""The client's clock: the one place in this room that reads wall time."""

import time


def now_ms() -> int:
    """Return this machine's milliseconds since 1970: good for expiry, never for validity."""
    return time.time_ns() // 1_000_000  # noqa: TID251  # this is the module that the rule names
