# SPDX-License-Identifier: Apache-2.0
"""The last checkpoint, read only: for other processes, and for reads beside a running ledger."""

import time
from itertools import islice
from pathlib import Path
from typing import Final, Self

from hanse.codec.documents import TAG_KEY, TAG_VALUE
from hanse.crypto import Hash
from hanse.merkle.log import Frontier
from hanse.merkle.trie import StatePath, StateTries
from hanse.storage._overlay import Generation
from hanse.storage._tables import Row, Tables
from hanse.storage.errors import SnapshotExpired, StateDamaged, StorageUnknown

SECONDS_MAX: Final = 60  # seconds a reader may pin old pages; the file grows as long as it does


class Snapshot:
    """Everything as of one height. Belongs to one thread; ``refresh`` moves it on."""

    def __init__(self, tables: Tables, *, shared: bool = False) -> None:
        """Use :meth:`open`, or ``Store.snapshot`` in the node's own process."""
        self._tables = tables
        self._shared = shared
        self._view = tables.view()
        self._start()

    @classmethod
    def open(cls, path: Path, hasher: Hash) -> Self:
        """Open the last checkpoint of the store in ``path``, written by another process.

        Raises:
            StorageUnknown: no store, another version or another hash.
        """
        if not (path / "data.mdb").is_file():
            raise StorageUnknown(path=str(path), reason="there is no store")
        return cls(Tables(path, hasher, readonly=True))

    def refresh(self) -> int:
        """Move on to the newest checkpoint; returns its height."""
        self._view.renew()
        self._start()
        return self.height

    def close(self) -> None:
        """Let the pages go."""
        self._view.close()
        if not self._shared:
            self._tables.close()

    @property
    def path(self) -> Path:
        """The folder of the store."""
        return self._tables.path

    @property
    def height(self) -> int:
        """Height of this snapshot; -1 before the first checkpoint."""
        return self._view.head.height

    @property
    def checkpoint_height(self) -> int:
        """Height of this snapshot, which is a checkpoint."""
        return self.height

    @property
    def sealed_height(self) -> int:
        """Height of this snapshot: for it, nothing is under way."""
        return self.height

    def unwritten(self) -> tuple[Generation, ...]:
        """Return what LMDB lacks of it: nothing."""
        return ()

    @property
    def header(self) -> bytes:
        """Exact bytes of its header."""
        return self._view.head.header

    @property
    def block_id(self) -> bytes:
        """Id of its block."""
        return self._view.head.block_id

    @property
    def state_root(self) -> bytes:
        """The root under which everything here is proved."""
        return self._view.head.state_root

    @property
    def log_frontier(self) -> Frontier:
        """The right edge of the log."""
        return self._view.head.frontier(self._tables.hasher)

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value bytes at ``key``, ``None`` when absent."""
        self._require_fresh()
        return self._view.get(contract, key)

    def scan(self, contract: str, prefix: bytes, start: bytes, limit: int) -> list[Row]:
        """Return up to ``limit`` entries under ``prefix`` from ``start`` on, in key order."""
        self._require_fresh()
        return list(islice(self._view.rows(contract, prefix, start), max(0, limit)))

    def prove(self, contract: str, key: bytes) -> tuple[bytes | None, StatePath, StatePath]:
        """Return the value at ``key``, its path in the contract's trie, the contract's in the top.

        Raises:
            Corrupt: a page or the value does not have its hash.
        """
        self._require_fresh()
        tagged = self._tables.hasher.tagged
        kh = tagged(TAG_KEY, key)
        value = self._view.get(contract, key)
        path, top = self._tries.prove(contract, kh)
        expected = None if value is None else tagged(TAG_VALUE, value)
        if dict(path.bucket).get(kh) != expected:
            raise StateDamaged(what=f"a value of {contract} does not have the hash in its trie")
        return value, path, top

    def fork(self, seconds: float) -> StateTries:
        """Return tries to try changes on; the snapshot may be kept for ``seconds`` from now.

        The store's file grows meanwhile by what the ledger writes.
        """
        self._until = time.monotonic() + seconds
        return StateTries(self._tables.hasher, _Pages(self), root=self._view.head.state_root)

    def find_transaction(self, tx_id: bytes) -> tuple[int, int] | None:
        """Return height and index of a transaction."""
        self._require_fresh()
        return self._view.transaction(tx_id)

    def log_node(self, level: int, index: int) -> bytes:
        """Return the hash of a perfect subtree of the log."""
        self._require_fresh()
        return self._view.log_node(level, index)

    def _start(self) -> None:
        self._until = time.monotonic() + SECONDS_MAX
        self._tries = StateTries(self._tables.hasher, _Pages(self), root=self._view.head.state_root)

    def _page(self, key: bytes) -> bytes | None:
        return self._view.page(key)

    def _require_fresh(self) -> None:
        if time.monotonic() > self._until:
            raise SnapshotExpired(seconds_max=SECONDS_MAX)


class _Pages:
    """Pages of the tries as the snapshot has them."""

    __slots__ = ("_snapshot",)

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def get(self, page_key: bytes, /) -> bytes | None:
        return self._snapshot._page(page_key)  # noqa: SLF001 - the other half of one class
