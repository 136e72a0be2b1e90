# SPDX-License-Identifier: Apache-2.0
"""A store read by another process that is told of each block: the last checkpoint, and what came.

It reads LMDB without its lock and without a system call, so that a process which may not open a
file can do it. For that the writer waits: it begins no checkpoint before it knows that this one has
moved on to the last (``renew``), since the next may use the pages again that are read here.
"""

from collections.abc import Mapping
from pathlib import Path

from hanse.crypto import Hash
from hanse.storage._overlay import Generation, scan
from hanse.storage._tables import Row, Tables

Nonces = Mapping[bytes, tuple[bytes, int]]
"""Digest of (signer, nonce) → the transaction that used it, and when that expires."""


class Follower:
    """The state after the last block that it was told of. Belongs to one thread."""

    def __init__(self, path: Path, hasher: Hash) -> None:
        """Open the newest checkpoint of the store in ``path``, which another process writes.

        Raises:
            StorageUnknown: no store, another version or another hash.
        """
        self._tables = Tables(path, hasher, readonly=True, announced=False)
        self._view = self._tables.view()
        self._current = Generation()
        self._sealed: Generation | None = None
        self._changed: dict[str, int] = {}
        self.height = self._view.head.height
        self.time_ms = self._view.head.time_ms

    @property
    def checkpoint_height(self) -> int:
        """Height of the checkpoint that is read."""
        return self._view.head.height

    def changed_height(self, contract: str) -> int:
        """Return the last height at which ``contract`` was written since opening; -1 for none."""
        return self._changed.get(contract, -1)

    # told by the writer -------------------------------------------------------------------------

    def add(
        self,
        height: int,
        time_ms: int,
        writes: Mapping[str, Mapping[bytes, bytes | None]],
        nonces: Nonces,
    ) -> None:
        """Take in what has come of the blocks up to ``height``."""
        for contract, changes in writes.items():
            self._current.write(contract, changes)
            self._changed[contract] = height
        self._current.nonces.update(nonces)
        self.height, self.time_ms = height, time_ms

    def seal(self) -> None:
        """End with the newest block what the checkpoint under way will hold."""
        assert self._sealed is None, "one checkpoint at a time"
        self._sealed, self._current = self._current, Generation()

    def renew(self) -> None:
        """Read the checkpoint that has just been written, and forget what it holds."""
        self._view.renew()
        self._sealed = None

    # reading ------------------------------------------------------------------------------------

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value bytes at ``key``, ``None`` when absent."""
        for generation in self._generations():
            overlay = generation.contracts.get(contract)
            if overlay is not None and key in overlay.values:
                return overlay.values[key]
        return self._view.get(contract, key)

    def scan(self, contract: str, prefix: bytes, start: bytes, limit: int) -> list[Row]:
        """Return up to ``limit`` entries under ``prefix`` from ``start`` on, in key order."""
        return scan(self._generations(), self._view, contract, prefix, start, limit)

    def find_nonce(self, nonce_digest: bytes) -> bytes | None:
        """Return the transaction that used this nonce, ``None`` when none did or it has expired."""
        found = self.nonce(nonce_digest)
        return None if found is None or found[1] < self.time_ms else found[0]

    def nonce(self, digest: bytes) -> tuple[bytes, int] | None:
        """Return the transaction that used a nonce, expired or not, and when it expires."""
        for generation in self._generations():
            found = generation.nonces.get(digest)
            if found is not None:
                return found
        return self._view.nonce(digest)

    def _generations(self) -> tuple[Generation, ...]:
        sealed = self._sealed
        return (self._current,) if sealed is None else (self._current, sealed)
