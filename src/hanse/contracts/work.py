# SPDX-License-Identifier: Apache-2.0
"""What one transaction does, whichever contracts take part: their writes and events, in order."""

from typing import Any

from hanse.codec.documents import ContractEvent
from hanse.contracts.state import Reader

Writes = dict[str, dict[bytes, bytes | None]]


class Work:
    """A transaction, or a question, under way: shared by the contracts that call one another."""

    __slots__ = ("_overlays", "call", "events", "modules", "reader", "running")

    def __init__(self, reader: Reader, call: Any) -> None:
        """Begin with nothing written over ``reader``."""
        self.reader = reader
        self.call = call
        self.events: list[ContractEvent] = []
        self.modules: list[str] = []  # of the contracts that took part, for the place of a failure
        self.running: list[str] = []  # the contracts on the stack, the caller before the called
        self._overlays: Writes = {}

    def overlay(self, contract: str) -> dict[bytes, bytes | None]:
        """Return what ``contract`` has written so far; its next call in this work goes on there."""
        return self._overlays.setdefault(contract, {})

    def writes(self) -> Writes:
        """Return what was written, by contract in the order of their first call."""
        return {contract: overlay for contract, overlay in self._overlays.items() if overlay}
