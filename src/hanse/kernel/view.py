# SPDX-License-Identifier: Apache-2.0
"""State as the transactions of one block see it: what the block wrote, over what stood before."""

from bisect import bisect_left, insort
from collections.abc import Mapping

from hanse.contracts.state import Reader
from hanse.kernel.genesis import Writes


class BlockView:
    """A block's overlay over the state: what the transactions of this block have written so far."""

    def __init__(self, state: Reader) -> None:
        """Begin with no writes."""
        self._state = state
        self.writes: Writes = {}
        self._sorted: dict[str, list[bytes]] = {}
        self.bytes_written = 0

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value bytes at ``key``, this block's writes included."""
        mine = self.writes.get(contract)
        if mine is not None and key in mine:
            return mine[key]
        return self._state.get(contract, key)

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return rows under ``prefix``, this block's writes merged in, in key order."""
        mine = self.writes.get(contract)
        if not mine:
            return self._state.scan(contract, prefix, start, limit)
        keys = self._sorted.get(contract)
        if keys is None:
            keys = self._sorted[contract] = sorted(mine)
        changed: list[bytes] = []
        for key in keys[bisect_left(keys, max(prefix, start)) :]:
            if not key.startswith(prefix):
                break
            changed.append(key)
        rows = self._state.scan(contract, prefix, start, limit + len(changed))
        if changed:
            merged: dict[bytes, bytes | None] = {**dict(rows), **{k: mine[k] for k in changed}}
            rows = [(k, v) for k, v in sorted(merged.items()) if v is not None]
        return rows[:limit]

    def add(self, contract: str, writes: Mapping[bytes, bytes | None]) -> None:
        """Take a transaction's writes in."""
        mine = self.writes.setdefault(contract, {})
        keys = self._sorted.get(contract)
        for key, value in writes.items():
            if keys is not None and key not in mine:
                insort(keys, key)
            mine[key] = value
            self.bytes_written += len(key) + (0 if value is None else len(value))
