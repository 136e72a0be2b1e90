# SPDX-License-Identifier: Apache-2.0
"""The roots of a frozen contract before and after its migration, made of its entries in chunks.

Whoever executes blocks has no tries, so it makes these two, of one contract, in memory. They follow
from the state: a process that begins in the middle of a migration makes them again (ADR 0021).
"""

from typing import Final

from hanse.codec.base64url import to_text
from hanse.contracts.migrating import Chunk, Migrated, migrate_state
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.state import Reader
from hanse.crypto import Hash
from hanse.kernel.writes import hashed_changes
from hanse.merkle.trie import StateTries

Versions = tuple[LoadedContract, LoadedContract]
Point = tuple[bytes, bytes]
"""A place between two chunks: the last entry that was looked at, and the digest up to there."""

START: Final[Point] = (b"", b"")
ENTRY_BYTES: Final = 64  # two hashes
_SLICE_COST: Final = 500_000  # units; makes a second of catching up at most
_COST_MAX: Final = 1 << 62  # what is done again was paid for


class Roots:
    """The tries of one migration; they hold every entry up to each of the points that it passed.

    A chunk of a block that does not come about is taken twice: that changes nothing, for the
    contract stands still.
    """

    def __init__(self, hasher: Hash, versions: Versions, number: int) -> None:
        """Begin the tries of the upgrade that proposal ``number`` asks for, with no entry."""
        self.number = number
        self.newest = START
        self._hash = hasher
        self._versions = versions
        self._tries = StateTries(hasher, {}), StateTries(hasher, {})
        self._sizes = {START: 0}
        self.is_empty = True

    def has_passed(self, point: Point) -> bool:
        """Tell whether the entries up to ``point`` are in the tries."""
        return point in self._sizes

    def take(self, done: Migrated, since: Point) -> int:
        """Take the entries of a chunk of every entry that begins at ``since``.

        Returns:
            The bytes of state keys up to its end, and ``ENTRY_BYTES`` for each.
        """
        before = dict(done.rows)
        self.is_empty = self.is_empty and not before
        changed = {**before, **(done.writes or {})}
        after = {key: value for key, value in changed.items() if value is not None}
        both = zip(self._tries, (before, after), self._versions, strict=True)
        for tries, entries, loaded in both:
            hashed, trees = hashed_changes(self._hash, entries, loaded.ordered)
            tries.update({"c": hashed}, {"c": trees})
        size = self._sizes[since] + sum([ENTRY_BYTES + len(key) for key in before])
        if done.after is not None:
            self.newest = done.after, done.digest
            self._sizes[self.newest] = size
        return size

    def values(self) -> tuple[str, str]:
        """Return the roots before and after the migration."""
        before, after = self._tries
        return to_text(before.root_of("c")), to_text(after.root_of("c"))

    def catch_up(self, reader: Reader, goal: Point) -> bool:
        """Take the next entries up to ``goal``, for a second or so; returns whether all are in."""
        after, digest = self.newest
        chunk = Chunk(after, digest, _SLICE_COST, checks=False, every=True, until=goal[0])
        done = migrate_state(*self._versions, reader, 0, _COST_MAX, chunk)
        assert done.code is None, f"an entry that was checked does not migrate: {done.reason}"
        self.take(done, self.newest)
        assert done.after is not None, "there are entries after the place where a chunk ended"
        assert (done.after == goal[0]) == self.has_passed(goal), "the contract stood still"
        return self.has_passed(goal)
