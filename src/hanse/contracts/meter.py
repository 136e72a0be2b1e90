# SPDX-License-Identifier: Apache-2.0
"""The meter: what a transaction is charged, in units, the same on every node.

This table is version 2 of the network's cost rules: it charges the contract's own steps, as its
lowered text states them, and what touches the host by size. Units come to about a microsecond.
"""

from dataclasses import dataclass
from typing import Final

from hanse.contracts.refusals import CostExceeded

COST_VERSION: Final = 2
BYTES_PER_UNIT: Final = 16  # as ``Meter.charge`` shifts by 4
NODES_PER_UNIT: Final = 8  # nodes of a basic block for one unit above its first


@dataclass(frozen=True, slots=True)
class Cost:
    """One line of the table: so many units, and what for."""

    name: str
    units: int
    about: str
    per_size: str = ""


COST_TABLE: Final[tuple[Cost, ...]] = (
    Cost("action", 50, "an action or query, authorisation included", "16 bytes of arguments"),
    Cost("invariant", 10, "an invariant that is checked"),
    Cost("read", 20, "a state key that is read", "16 bytes of its value"),
    Cost("write", 40, "a state key that is written or deleted", "16 bytes of key and value"),
    Cost("ordered", 60, "the same key in the tree of an ordered map", "eighth of a byte of it"),
    Cost("scan", 20, "a range read, or the look-up of the signer's roles", "row written before"),
    Cost("row", 10, "a row of a range read; a role", "16 bytes of all values together"),
    Cost("event", 20, "a contract event", "16 bytes of its fields"),
    Cost("digest", 20, "one digest, before its bytes", "16 bytes of its tag and parts"),
    Cost("block", 1, "a basic block: a function, a branch, a round", "8 nodes of its text"),
    Cost("helper", 1, "an operation whose work depends on its values", "16 bytes, or item"),
    Cost("item", 1, "an item that is visited, built or compared"),
    Cost("date", 8, "arithmetic on a day"),
)
COSTS: Final[dict[str, int]] = {cost.name: cost.units for cost in COST_TABLE}


class Meter:
    """Counts down from a limit; below zero the transaction ends with ``cost_exceeded``.

    ``left`` is lowered by the contract's own text, too, which looks at it where it calls, loops or
    builds; so it may lie below zero for a few steps, the same ones on every node.
    """

    __slots__ = ("left", "limit")

    def __init__(self, limit: int) -> None:
        """Start with ``limit`` units to spend."""
        self.limit = limit
        self.left = limit

    @property
    def used(self) -> int:
        """The units that were used, never more than the limit."""
        return self.limit - max(self.left, 0)

    @property
    def exceeded(self) -> bool:
        """Whether more was used than there was."""
        return self.left < 0

    def charge(self, units: int, size: int = 0) -> None:
        """Take ``units`` and one more for every 16 bytes of ``size``, rounded down."""
        self.left -= units + (size >> 4)
        if self.left < 0:
            raise CostExceeded
