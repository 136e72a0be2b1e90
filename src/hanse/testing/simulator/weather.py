# SPDX-License-Identifier: Apache-2.0
"""The network and the clocks under a plan's faults: what arrives, when, and what time it seems."""

from typing import Final

from hanse.testing.simulator.chance import Chance
from hanse.testing.simulator.founding import TIME_MS
from hanse.testing.simulator.plan import Fault

DELAY_MS: Final = 25  # at most, of a message when nothing is wrong


class Weather:
    """Answers by the faults of the moment."""

    def __init__(self, faults: tuple[Fault, ...], chance: Chance) -> None:
        """Take the faults that concern messages and clocks."""
        kinds = {"partition", "one_way", "loss", "delay", "duplicate"}
        self._faults = [fault for fault in faults if fault.kind in kinds]
        self._skews = [fault for fault in faults if fault.kind == "skew"]
        self._chance = chance

    def delays(self, now: int, sender: str, to: str) -> list[int]:
        """Return after how many milliseconds a message arrives, once for each time it does."""
        loss, most, again = 0, DELAY_MS, 0
        for fault in self._faults:
            if not fault.at_ms <= now < fault.until_ms:
                continue
            inside, other = sender in fault.nodes, to in fault.nodes
            if fault.kind == "partition" and inside != other:
                return []
            if fault.kind == "one_way" and inside and not other:
                return []
            if fault.kind == "loss":
                loss = max(loss, fault.amount)
            elif fault.kind == "delay":
                most = max(most, fault.amount)
            elif fault.kind == "duplicate":
                again = max(again, fault.amount)
        if loss and self._chance.below(100) < loss:
            return []
        count = 2 if again and self._chance.below(100) < again else 1
        return [self._chance.between(1, most) for _ in range(count)]

    def clock(self, now: int, node: str) -> int:
        """Return what a node's clock shows."""
        off = 0
        for fault in self._skews:
            if fault.at_ms <= now < fault.until_ms and fault.nodes[0] == node:
                off += fault.amount
        return TIME_MS + now + off
