# SPDX-License-Identifier: Apache-2.0
"""A ledger's state in dictionaries: what the kernel needs below a block, and nothing on a disk."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Self

from hanse.crypto import Hash
from hanse.kernel import BlockResult
from hanse.merkle.log import Frontier
from hanse.merkle.trie import StateTries


class MemoryState:
    """A :class:`hanse.kernel.State` in memory; :meth:`apply` moves it on by one block."""

    def __init__(self, hasher: Hash) -> None:
        """Begin before the genesis block."""
        self.hash = hasher
        self.height = -1
        self.block_id = bytes(32)
        self.time_ms = 0
        self.log_frontier = Frontier(hasher)
        self.values: dict[str, dict[bytes, bytes]] = {}
        self.pages: dict[bytes, bytes] = {}
        self.nonces: dict[bytes, tuple[bytes, int]] = {}
        self.tries = StateTries(hasher, self.pages)

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value bytes at ``key``, ``None`` when absent."""
        return self.values.get(contract, {}).get(key)

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return rows under ``prefix`` from ``start`` on, in key order."""
        held = self.values.get(contract, {})
        keys = sorted([key for key in held if key.startswith(prefix) and key >= start])
        return [(key, held[key]) for key in keys[:limit]]

    def find_nonce(self, nonce_digest: bytes) -> bytes | None:
        """Return the transaction that used this nonce, ``None`` when none did or it has expired."""
        found = self.nonces.get(nonce_digest)
        return None if found is None or found[1] < self.time_ms else found[0]

    def apply(self, result: BlockResult) -> None:
        """Take in what a block did; one without a header did nothing."""
        if result.header is None:
            return
        assert result.header.height == self.height + 1
        for contract, changes in result.writes.items():
            held = self.values.setdefault(contract, {})
            for key, value in changes.items():
                if value is None:
                    held.pop(key, None)
                else:
                    held[key] = value
        for tx, _ in result.records:
            self.nonces[tx.nonce_digest] = (tx.id, tx.body.expires_ms)
        self.log_frontier, _ = self.log_frontier.append(result.leaf_hashes)
        self.height = result.header.height
        self.block_id = result.block_id
        self.time_ms = result.header.time_ms
        self._keep_pages()

    def copy(self) -> Self:
        """Return an independent state at the same block."""
        other = type(self)(self.hash)
        other.height, other.block_id = self.height, self.block_id
        other.time_ms, other.log_frontier = self.time_ms, self.log_frontier
        other.values = {contract: dict(held) for contract, held in self.values.items()}
        other.pages.update(self.pages)
        other.nonces.update(self.nonces)
        other.tries = StateTries(self.hash, other.pages, root=self.tries.root)
        return other

    def _keep_pages(self) -> None:
        self.tries.commit()
        for key, page in self.tries.take_pending().items():
            if page is None:
                self.pages.pop(key, None)
            else:
                self.pages[key] = page
        self.tries.flushed()


class Rows:
    """The committed state of one contract, whatever its name, and of those that it calls."""

    def __init__(self, others: Mapping[str, "Rows"] | None = None) -> None:
        """Begin empty; ``others`` hold the state of the contracts with these names."""
        self.held: dict[bytes, bytes] = {}
        self._others = dict(others or {})

    def _of(self, contract: str) -> dict[bytes, bytes]:
        return self._others.get(contract, self).held

    def take(self, writes: Mapping[str, Mapping[bytes, bytes | None]]) -> None:
        """Take in what a call wrote; ``None`` deletes."""
        for contract, changes in writes.items():
            held = self._of(contract)
            for key, value in changes.items():
                if value is None:
                    held.pop(key, None)
                else:
                    held[key] = value

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value bytes at ``key``."""
        return self._of(contract).get(key)

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return rows under ``prefix`` from ``start`` on, in key order."""
        held = self._of(contract)
        keys = sorted(held)
        keys = keys[bisect_left(keys, max(prefix, start)) :]
        return [(key, held[key]) for key in keys if key.startswith(prefix)][:limit]
