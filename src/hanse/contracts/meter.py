# SPDX-License-Identifier: Apache-2.0
"""The meter: what a transaction is charged, in units, the same on every node.

This table is version 1 of the network's cost rules. It charges what touches the host (state,
events, arguments) by size; charging each step of the contract's own code comes with the dialect's
lowering.
"""

from typing import Final

from hanse.contracts.refusals import CostExceeded

COSTS: Final[dict[str, int]] = {
    "action": 50,  # starting an action, authorisation included
    "read": 20,  # one state key read
    "write": 40,  # one state key written or deleted
    "event": 20,  # one contract event
    "digest": 20,  # one digest, before its bytes
    "scan": 20,  # one range read, before its rows
    "row": 10,  # one row of a range read
    "invariant": 10,  # one invariant checked
}
BYTES_PER_UNIT: Final = 16  # as ``Meter.charge`` shifts by 4
COST_VERSION: Final = 1


class Meter:
    """Counts units against a limit; beyond it the transaction ends with ``cost_exceeded``."""

    __slots__ = ("exceeded", "limit", "used")

    def __init__(self, limit: int) -> None:
        """Start at zero with ``limit`` units to spend."""
        self.limit = limit
        self.used = 0
        self.exceeded = False

    def charge(self, units: int, size: int = 0) -> None:
        """Add ``units`` and one more for every 16 bytes of ``size``, rounded down."""
        self.used += units + (size >> 4)
        if self.used > self.limit:
            self.used = self.limit
            self.exceeded = True
            raise CostExceeded
