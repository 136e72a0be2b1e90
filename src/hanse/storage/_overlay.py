# SPDX-License-Identifier: Apache-2.0
"""What blocks changed since the last checkpoint, in memory, one generation per checkpoint."""

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Final

from hanse.merkle.log import Node
from hanse.storage._tables import Head, Row, View

_INSORT_MAX: Final = 64  # keys; more of them are cheaper to sort in together


class Overlay:
    """The writes of one contract: found by key, walked in key order without a sort each time."""

    __slots__ = ("_new", "_sorted", "values")

    def __init__(self) -> None:
        """Begin empty."""
        self.values: dict[bytes, bytes | None] = {}
        self._sorted: list[bytes] = []
        self._new: list[bytes] = []

    def update(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Take ``changes`` in; ``None`` deletes."""
        self._new += [key for key in changes if key not in self.values]
        self.values.update(changes)

    def rows(
        self, prefix: bytes, start: bytes, age: int
    ) -> Iterator[tuple[bytes, int, bytes | None]]:
        """Yield key, ``age`` and value under ``prefix`` from ``start`` on, in key order."""
        if self._new:
            if len(self._new) <= _INSORT_MAX:
                for key in self._new:
                    insort(self._sorted, key)
            else:
                self._sorted += self._new
                self._sorted.sort()  # one long run and one short: linear
            self._new.clear()
        keys = self._sorted
        for at in range(bisect_left(keys, max(start, prefix)), len(keys)):
            key = keys[at]
            if not key.startswith(prefix):
                return
            yield key, age, self.values[key]


class Generation:
    """All that one checkpoint will write."""

    __slots__ = ("contracts", "head", "nodes", "nonces", "transactions", "writes")

    def __init__(self) -> None:
        """Begin empty."""
        self.contracts: dict[str, Overlay] = {}
        self.transactions: dict[bytes, tuple[int, int]] = {}
        self.nonces: dict[bytes, tuple[bytes, int]] = {}
        self.nodes: dict[int, tuple[int, list[bytes]]] = {}  # level: first index, hashes
        self.head: Head | None = None
        self.writes = 0

    def write(self, contract: str, changes: Mapping[bytes, bytes | None]) -> None:
        """Take the changes of one contract in."""
        overlay = self.contracts.get(contract)
        if overlay is None:
            overlay = self.contracts[contract] = Overlay()
        overlay.update(changes)
        self.writes += len(changes)

    def add_nodes(self, nodes: list[Node]) -> None:
        """Take completed subtrees of the log in; on each level they come in order."""
        for level, index, digest in nodes:
            row = self.nodes.get(level)
            if row is None:
                row = self.nodes[level] = (index, [])
            assert index == row[0] + len(row[1])
            row[1].append(digest)

    def log_node(self, level: int, index: int) -> bytes | None:
        """Return the hash of a subtree completed in this generation."""
        row = self.nodes.get(level)
        if row is None or not 0 <= index - row[0] < len(row[1]):
            return None
        return row[1][index - row[0]]


def scan(  # noqa: PLR0913, PLR0917  # where, and what part of it
    generations: Iterable[Generation],
    view: View,
    contract: str,
    prefix: bytes,
    start: bytes,
    limit: int,
) -> list[Row]:
    """Return up to ``limit`` entries under ``prefix`` from ``start`` on, in key order.

    The newest version of each counts: of ``generations`` the first, then ``view``.
    """
    rows: list[Row] = []
    if limit <= 0:
        return rows
    sources: list[Iterable[tuple[bytes, int, bytes | None]]] = []
    for age, generation in enumerate(generations):
        overlay = generation.contracts.get(contract)
        if overlay is not None:
            sources.append(overlay.rows(prefix, start, age))
    with closing(view.rows(contract, prefix, start)) as stored:
        sources.append((key, len(sources), value) for key, value in stored)
        last: bytes | None = None
        for key, _, value in heapq.merge(*sources):
            if key != last and value is not None:
                rows.append((key, value))
                if len(rows) == limit:
                    break
            last = key
    return rows
