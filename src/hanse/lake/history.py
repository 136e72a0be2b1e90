# SPDX-License-Identifier: Apache-2.0
"""What every state entry ever was: a read model in SQLite, which follows the ledger by height.

It is derived and may be deleted at any time. Height and state root stand in the same database
transaction as the rows of their block, so a block counts exactly once, whatever happens between
(RELIABILITY section 3, rule 7). No proof or receipt needs it, and no answer from it is proved.
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FORMAT: Final = 1
BEGUN: Final = -1  # the place of what a block began with: genesis, or decided things that were due
_SCHEMA: Final = """
CREATE TABLE model (one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL,
  ledger TEXT NOT NULL, height INTEGER NOT NULL, state_root TEXT NOT NULL);
CREATE TABLE blocks (height INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL);
CREATE TABLE records (height INTEGER, place INTEGER, tx BLOB NOT NULL, action TEXT NOT NULL,
  signer TEXT NOT NULL, PRIMARY KEY (height, place)) WITHOUT ROWID;
CREATE TABLE versions (contract TEXT, key BLOB, height INTEGER, place INTEGER, value BLOB,
  PRIMARY KEY (contract, key, height, place)) WITHOUT ROWID;
"""
_PAGE: Final = """
SELECT v.height, v.place, v.value, r.tx, r.action, r.signer, b.time_ms FROM versions v
JOIN blocks b ON b.height = v.height
LEFT JOIN records r ON r.height = v.height AND r.place = v.place
WHERE v.contract = ? AND v.key = ? AND (v.height, v.place) < (?, ?)
ORDER BY v.height DESC, v.place DESC LIMIT ?
"""

Changes = Mapping[str, Mapping[bytes, bytes | None]]
Place = tuple[int, int]
"""Height, and index of the record in its block; ``BEGUN`` for what was there before the first."""


@dataclass(frozen=True, slots=True)
class WrittenBlock:
    """What one block changed: first what it began with, then by record."""

    height: int
    state_root: str
    time_ms: int
    begun: Changes
    records: Sequence[tuple[bytes, str, str]]  # transaction, action, signer
    changes: Sequence[Changes]


@dataclass(frozen=True, slots=True)
class Written:
    """One version of an entry: its value, ``None`` where it was deleted, and who wrote it."""

    height: int
    place: int
    value: bytes | None
    tx: bytes | None
    action: str | None
    signer: str | None
    time_ms: int


class HistoryModel:
    """The versions of all entries up to a height. One thread adds, any may read."""

    def __init__(self, path: Path, ledger: str) -> None:
        """Open or make the model of ``ledger``; one of another format or ledger begins anew."""
        self._path = path
        self._ledger = ledger
        self._lock = threading.Lock()  # of the connection that reads
        self._open()

    def _open(self) -> None:
        self._writing, self._reading = self._connect(), self._connect()
        with closing(self._writing.execute("PRAGMA table_info(model)")) as table:
            is_new = table.fetchone() is None
        if is_new:
            with self._transaction() as cursor:
                for statement in _SCHEMA.split(";"):
                    cursor.execute(statement)
                cursor.execute("INSERT INTO model VALUES (1, ?, ?, -1, '')", (FORMAT, self._ledger))
        with closing(self._writing.execute("SELECT * FROM model")) as found:
            _, self._format, ledger, self.height, self.state_root = found.fetchone()
        if (self._format, ledger) != (FORMAT, self._ledger):
            self.clear()

    def _connect(self) -> sqlite3.Connection:
        made = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        made.execute("PRAGMA journal_mode=WAL").close()
        made.execute("PRAGMA synchronous=NORMAL").close()
        return made

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        with closing(self._writing.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def clear(self) -> None:
        """Delete the model and begin anew, before genesis."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._open()

    def close(self) -> None:
        """Close the file; what was added stays."""
        self._reading.close()
        self._writing.close()

    def add(self, blocks: Sequence[WrittenBlock]) -> None:
        """Take blocks in, each exactly once: those up to the model's height are passed over.

        Raises:
            ValueError: the first that is new does not follow on the model's height.
        """
        new = [block for block in blocks if block.height > self.height]
        if not new:
            return
        heights = [block.height for block in new]
        if heights != list(range(self.height + 1, self.height + 1 + len(new))):
            raise ValueError(f"heights {heights[0]} to {heights[-1]} do not follow {self.height}")
        last = new[-1]
        with self._transaction() as cursor:
            for block in new:
                self._add(cursor, block)
            cursor.execute(
                "UPDATE model SET height = ?, state_root = ?", (last.height, last.state_root)
            )
        self.height, self.state_root = last.height, last.state_root

    @staticmethod
    def _add(cursor: sqlite3.Cursor, block: WrittenBlock) -> None:
        height = block.height
        cursor.execute("INSERT INTO blocks VALUES (?, ?)", (height, block.time_ms))
        rows = [(height, place, *record) for place, record in enumerate(block.records)]
        cursor.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
        put = "INSERT INTO versions VALUES (?, ?, ?, ?, ?)"
        for contract, written in block.begun.items():
            for key, value in written.items():
                cursor.execute(_PAGE, (contract, key, height, BEGUN, 1))
                before = cursor.fetchone()
                if value != (before and before[2]):  # what was only written again is no version
                    cursor.execute(put, (contract, key, height, BEGUN, value))
        versions = [
            (contract, key, height, place, value)
            for place, changes in enumerate(block.changes)
            for contract, written in changes.items()
            for key, value in written.items()
        ]
        cursor.executemany(put, versions)

    def versions(self, contract: str, key: bytes, before: Place, limit: int) -> list[Written]:
        """Return versions of an entry from before a place, the newest first, at most ``limit``."""
        with self._lock, closing(self._reading.cursor()) as cursor:
            rows = cursor.execute(_PAGE, (contract, key, *before, limit)).fetchall()
        return [Written(*row) for row in rows]
