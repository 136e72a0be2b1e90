# SPDX-License-Identifier: Apache-2.0
"""What the kernel is given and gives: the state below a block, and what came of the block."""

from dataclasses import dataclass
from typing import Protocol

import msgspec

from hanse.codec.documents import Header, Transaction
from hanse.contracts.state import Reader
from hanse.kernel.genesis import Writes
from hanse.merkle.log import Frontier
from hanse.merkle.trie import StateTries


class Below(Reader, Protocol):
    """What the transactions of a block are executed on: values and nonces, no roots."""

    @property
    def height(self) -> int:
        """Height of the newest block; -1 before the genesis header."""
        ...

    @property
    def time_ms(self) -> int:
        """Time of the newest block."""
        ...

    def find_nonce(self, nonce_digest: bytes) -> bytes | None:
        """Return the id of the transaction that used this nonce within its window."""
        ...


class State(Below, Protocol):
    """The ledger below the block that is being applied; height -1 before the genesis block."""

    @property
    def block_id(self) -> bytes:
        """Id of the newest block."""
        ...

    @property
    def log_frontier(self) -> Frontier:
        """The log's right edge after the newest header's leaf."""
        ...

    @property
    def tries(self) -> StateTries:
        """The state tries; moved to a block's root while it is applied."""
        ...


@dataclass(frozen=True, slots=True)
class Dropped:
    """A transaction that left no record, and why."""

    transaction: Transaction
    code: str


@dataclass(frozen=True, slots=True)
class Executed:
    """What the transactions of a block did, before roots and header are made of it.

    ``changes`` has an entry for each record: what it wrote, by contract. ``begun`` is what was
    written before the first of them: decided things that were due.
    """

    height: int
    records: tuple[tuple[Transaction, bytes], ...]
    changes: tuple[Writes, ...]
    dropped: tuple[Dropped, ...]
    repeated: tuple[Transaction, ...]
    begun: Writes

    def merged(self) -> Writes:
        """Return all that was written, the last of each entry."""
        writes: Writes = {}
        for change in (self.begun, *self.changes):
            for contract, written in change.items():
                writes.setdefault(contract, {}).update(written)
        return writes


@dataclass(frozen=True, slots=True)
class BlockResult:
    """All that a block did; ``header`` is ``None`` when no record, so no block, came of it.

    ``leaf_hashes`` are those of the records and, last, the header; ``frontier`` is that of the log
    before the header's leaf. ``validator_updates`` are for the engine: voting keys with their new
    power, 0 for those that end, in order of the keys. ``executed`` says which record wrote what;
    ``None`` of genesis.
    """

    header: Header | None
    header_bytes: bytes
    block_id: bytes
    records: tuple[tuple[Transaction, bytes], ...]
    dropped: tuple[Dropped, ...]
    repeated: tuple[Transaction, ...]
    writes: Writes
    leaf_hashes: tuple[bytes, ...]
    frontier: Frontier
    signed: tuple[str, ...] = ()
    validator_updates: tuple[tuple[bytes, int], ...] = ()
    executed: Executed | None = None


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """A query of an active contract: whose, which, by whom (empty: nobody), as of which block."""

    contract: str
    name: str
    args: bytes
    member: str
    height: int
    time_ms: int
