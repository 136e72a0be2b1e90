# SPDX-License-Identifier: Apache-2.0
"""The node's state: in memory at once, in LMDB by checkpoints, each in one transaction.

Behind the block log: what a crash takes from here is replayed from there. Values, trie pages, log
nodes, height and state root of a checkpoint enter LMDB together or not at all.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import lmdb

from hanse.crypto import Hash
from hanse.merkle.log import Frontier
from hanse.merkle.trie import StateTries
from hanse.storage._files import lock_folder, sync_folder
from hanse.storage._overlay import Generation, scan
from hanse.storage._tables import (
    CHUNK_NODES,
    KEY_BYTES_MAX,
    Head,
    Row,
    Tables,
    chunk_key,
    encode_place,
)
from hanse.storage.errors import StorageFailed
from hanse.storage.snapshot import Snapshot

CHECKPOINT_BLOCKS: Final = 50  # blocks after which a checkpoint is due
CHECKPOINT_WRITES: Final = 20_000  # writes after which a checkpoint is due
LARGE_ENTRIES: Final = 100_000  # entries of state; from here on the next two hold instead:
LARGE_BLOCKS: Final = 200  # random writes share pages of LMDB only when there are many of them
LARGE_WRITES: Final = 60_000  # at 10^6 entries 10 KB written per payment, against 44 KB
_UNUSED_MAX: Final = 50_000  # nonces remembered as not used
_EXPIRY_ENTRIES: Final = 100  # nonces in one row of expiries: 4,000 bytes, one page of LMDB
_EXPIRY_ROWS_MAX: Final = 1_000  # rows of expired nonces that one checkpoint removes


@dataclass(frozen=True, slots=True)
class AppliedBlock:
    """What the store keeps of a block.

    Attributes:
        height: one above the store's; the first is 0, the genesis header.
        block_id: hash of the header.
        header: the header's exact bytes.
        time_ms: block time; nonces that expired before it are forgotten.
        writes: new value bytes by contract and state key; ``None`` deletes.
        leaves: hashes of the log's leaves of this block, the header's own last.
        transactions: id, digest of (signer, nonce), expiry, in their order in the block.
    """

    height: int
    block_id: bytes
    header: bytes
    time_ms: int
    writes: Mapping[str, Mapping[bytes, bytes | None]]
    leaves: Sequence[bytes]
    transactions: Sequence[tuple[bytes, bytes, int]]


class Store:
    """The state after the last applied block.

    One thread applies; ``checkpoint`` may run on another while it goes on; any thread reads values.
    ``tries`` belongs to the applying thread: the kernel moves it to a block's new root *before* the
    block is applied, so until then it is ahead of everything else here. If the block does not
    follow, the process must stop.
    """

    def __init__(self, tables: Tables, lock_fd: int) -> None:
        """Use :meth:`open`."""
        self.hash = tables.hasher
        self._tables = tables
        self._lock_fd = lock_fd
        self._view = tables.view()
        self._lock = threading.Lock()  # guards the view, and the swap of generations
        self._writing = threading.Lock()  # one checkpoint at a time
        self._current = Generation()
        self._sealed: Generation | None = None
        self._pages: Mapping[bytes, bytes | None] = {}  # of the tries, sealed with it
        self._head = self._view.head
        self._failed = False
        self._unused: set[bytes] = set()  # nonces that LMDB did not have, nor blocks since
        self._changed: dict[str, int] = {}
        self.log_frontier: Frontier = self._head.frontier(self.hash)
        self.tries = StateTries(self.hash, _Pages(self), root=self._head.state_root)

    @classmethod
    def open(cls, path: Path, hasher: Hash) -> Self:
        """Open or make the store in ``path``; it is at its last checkpoint then.

        Another process reads through :class:`hanse.storage.Snapshot`.

        Raises:
            StorageInUse: another process writes here.
            StorageUnknown: a store of another version or another hash.
            Corrupt: the stored tries do not have the stored root.
        """
        if not path.is_dir():
            path.mkdir(parents=True)
            sync_folder(path.parent)
        lock_fd = lock_folder(path, "writer")
        try:
            tables = Tables(path, hasher, readonly=False)
            sync_folder(path)
            tables.env.reader_check()
        except BaseException:
            os.close(lock_fd)
            raise
        try:
            return cls(tables, lock_fd)
        except BaseException:
            tables.close()
            os.close(lock_fd)
            raise

    # where the ledger is ------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        """The folder of the store."""
        return self._tables.path

    @property
    def height(self) -> int:
        """Height of the last applied block; -1 before the first."""
        return self._head.height

    @property
    def block_id(self) -> bytes:
        """Id of the last applied block; 32 zero bytes before the first."""
        return self._head.block_id

    @property
    def header(self) -> bytes:
        """Exact bytes of the last applied header; empty before the first."""
        return self._head.header

    @property
    def time_ms(self) -> int:
        """Block time of the last applied block."""
        return self._head.time_ms

    @property
    def checkpoint_height(self) -> int:
        """Height up to which LMDB holds everything; -1 before the first checkpoint."""
        return self._view.head.height

    @property
    def sealed_height(self) -> int:
        """Height up to which the checkpoint under way, or else the last one, holds everything."""
        sealed = self._sealed
        head = None if sealed is None else sealed.head
        return self.checkpoint_height if head is None else head.height

    @property
    def due(self) -> bool:
        """Whether enough has gathered for a checkpoint, and none is under way."""
        large = self._view.entries >= LARGE_ENTRIES
        blocks_max = LARGE_BLOCKS if large else CHECKPOINT_BLOCKS
        writes_max = LARGE_WRITES if large else CHECKPOINT_WRITES
        behind = self.height - self.checkpoint_height
        gathered = behind >= blocks_max or self._current.writes >= writes_max
        return gathered and self._sealed is None

    def changed_height(self, contract: str) -> int:
        """Return the last height at which ``contract`` was written since opening; -1 for none."""
        return self._changed.get(contract, -1)

    # reading ------------------------------------------------------------------------------------

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value bytes at ``key``, ``None`` when absent."""
        with self._lock:
            for generation in self._generations():
                overlay = generation.contracts.get(contract)
                if overlay is not None and key in overlay.values:
                    return overlay.values[key]
            return self._view.get(contract, key)

    def scan(self, contract: str, prefix: bytes, start: bytes, limit: int) -> list[Row]:
        """Return up to ``limit`` entries under ``prefix`` from ``start`` on, in key order."""
        with self._lock:
            return scan(self._generations(), self._view, contract, prefix, start, limit)

    def find_transaction(self, tx_id: bytes) -> tuple[int, int] | None:
        """Return height and index of a transaction of this ledger, ``None`` when there is none."""
        with self._lock:
            for generation in self._generations():
                place = generation.transactions.get(tx_id)
                if place is not None:
                    return place
            return self._view.transaction(tx_id)

    def find_nonce(self, nonce_digest: bytes) -> bytes | None:
        """Return the transaction that used this nonce, ``None`` when none did or it has expired."""
        with self._lock:
            found = self._current.nonces.get(nonce_digest)
            if found is None and self._sealed is not None:
                found = self._sealed.nonces.get(nonce_digest)
            if found is None and nonce_digest not in self._unused:
                found = self._view.nonce(nonce_digest)
                if found is None:  # asked at admission, and again when its block is applied
                    if len(self._unused) >= _UNUSED_MAX:
                        self._unused.clear()
                    self._unused.add(nonce_digest)
        # by the time of the chain, so that every node says the same whenever it pruned
        return None if found is None or found[1] < self.time_ms else found[0]

    def log_node(self, level: int, index: int) -> bytes:
        """Return the hash of a perfect subtree of the log.

        Raises:
            StateDamaged: the log does not hold it.
        """
        with self._lock:
            for generation in self._generations():
                node = generation.log_node(level, index)
                if node is not None:
                    return node
            return self._view.log_node(level, index)

    def snapshot(self) -> Snapshot:
        """Return the last checkpoint as a view of its own, for this process."""
        return Snapshot(self._tables, shared=True)

    @property
    def map_used(self) -> float:
        """The share of the memory map that the file needs by now; a full map refuses writes."""
        return self._tables.map_used

    def copy_to(self, folder: Path) -> None:
        """Copy the last checkpoint, compacted, into ``folder``."""
        self._tables.env.copy(str(folder), compact=True)

    def _generations(self) -> tuple[Generation, ...]:
        sealed = self._sealed
        return (self._current,) if sealed is None else (self._current, sealed)

    # writing ------------------------------------------------------------------------------------

    def apply(self, block: AppliedBlock) -> None:
        """Make ``block``, whose root the tries already have, visible; nothing is written."""
        self._require_sound()
        assert block.height == self.height + 1
        assert len(block.block_id) == 32
        for contract, changes in block.writes.items():
            assert contract
            assert all(len(key) <= KEY_BYTES_MAX - 2 for key in changes)
        frontier, nodes = self.log_frontier.append(block.leaves)
        with self._lock:
            current = self._current
            for contract, changes in block.writes.items():
                if changes:
                    current.write(contract, changes)
                    self._changed[contract] = block.height
            for index, (tx_id, nonce, expires_ms) in enumerate(block.transactions):
                current.transactions[tx_id] = (block.height, index)
                current.nonces[nonce] = (tx_id, expires_ms)
                self._unused.discard(nonce)
            current.add_nodes(nodes)
            self.log_frontier = frontier
            self._head = current.head = Head(
                block.height,
                block.time_ms,
                block.block_id,
                self.tries.root,
                frontier.size,
                frontier.peaks,
                block.header,
            )
            self.tries.commit()

    def seal(self) -> None:
        """End with the newest block what the next checkpoint will hold.

        The applying thread may call this before ``checkpoint`` runs on another.
        """
        with self._lock:
            if self._sealed is None and self._current.head is not None:
                self._sealed = self._current
                self._current = Generation()
                self._pages = self.tries.take_pending()

    def checkpoint(self) -> int:
        """Write what was sealed, or all so far, in one LMDB transaction; return its height.

        Blocks applied meanwhile belong to the next one.

        Raises:
            StorageFailed: LMDB has the checkpoint before; end the process, the log has the rest.
        """
        with self._writing:
            self._require_sound()
            self.seal()
            sealed = self._sealed
            if sealed is None:
                return self.checkpoint_height
            try:
                self._write(sealed, self._pages)
            except BaseException as error:
                self._failed = True  # the generation is lost to memory: only the log has it now
                if isinstance(error, lmdb.Error):
                    raise StorageFailed(what="a checkpoint", reason=str(error)) from error
                raise
            with self._lock:
                self._view.renew()
                self.tries.flushed()
                self._sealed = None
                self._pages = {}
            return self.checkpoint_height

    def unwritten(self) -> list[Generation]:
        """Return what LMDB lacks: what is sealed for the next checkpoint, and what came after."""
        return list(reversed(self._generations()))

    def close(self) -> None:
        """Close without a checkpoint: what was not written is replayed from the log."""
        with self._writing, self._lock:
            self._failed = True
            if self._lock_fd < 0:
                return
            self._view.close()
            self._tables.close()
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _require_sound(self) -> None:
        if self._failed:
            raise StorageFailed(what="the state store", reason="closed, or an earlier write failed")

    def _write(self, sealed: Generation, pages: Mapping[bytes, bytes | None]) -> None:
        assert sealed.head is not None
        dbs = self._tables.dbs
        with self._tables.begin(write=True) as txn:
            contracts = self._view.contracts()
            for name in sorted(sealed.contracts):
                number = contracts.get(name)
                if number is None:
                    number = contracts[name] = len(contracts).to_bytes(2, "big")
                    txn.put(name.encode(), number, db=dbs["contracts"])
                overlay = sealed.contracts[name].values
                _put(txn, dbs["state"], {number + k: v for k, v in overlay.items()})
            _put(txn, dbs["pages"], pages)
            places = {tx: encode_place(*place) for tx, place in sealed.transactions.items()}
            _put(txn, dbs["tx"], places)
            nonces = sealed.nonces.items()
            _put(txn, dbs["nonces"], {n: tx + _time(expires) for n, (tx, expires) in nonces})
            _put(txn, dbs["expiry"], _expiry_rows(sealed))
            self._prune(txn, sealed.head.time_ms)
            _put(txn, dbs["nodes"], _chunks(txn, dbs["nodes"], sealed))
            txn.put(b"head", sealed.head.encode(), db=dbs["meta"])

    def _prune(self, txn: Any, time_ms: int) -> None:
        """Forget nonces whose transactions expired before ``time_ms``."""
        nonces = self._tables.dbs["nonces"]
        with closing(txn.cursor(db=self._tables.dbs["expiry"])) as cursor:
            for _ in range(_EXPIRY_ROWS_MAX):
                if not cursor.first() or cursor.key()[:8] >= _time(time_ms):
                    return
                row = cursor.value()
                for at in range(0, len(row), 40):
                    expires, nonce = row[at : at + 8], row[at + 8 : at + 40]
                    held = txn.get(nonce, db=nonces)
                    if held is not None and held[32:] == expires:  # not used again since
                        txn.delete(nonce, db=nonces)
                cursor.delete()


class _Pages:
    """Pages of the tries as LMDB has them."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, page_key: bytes, /) -> bytes | None:
        store = self._store
        with store._lock:  # noqa: SLF001 - the other half of one class
            return store._view.page(page_key)  # noqa: SLF001 - the same


def _time(time_ms: int) -> bytes:
    return time_ms.to_bytes(8, "big")


def _put(txn: Any, db: Any, changes: Mapping[bytes, bytes | None]) -> None:
    """Write in key order, which touches each page of LMDB once; ``None`` deletes."""
    with closing(txn.cursor(db=db)) as cursor:
        cursor.putmulti([(k, v) for k in sorted(changes) if (v := changes[k]) is not None])
    for key in [key for key, value in changes.items() if value is None]:
        txn.delete(key, db=db)


def _expiry_rows(sealed: Generation) -> dict[bytes, bytes]:
    """Return rows of (expiry, nonce), each under the last expiry that it holds, and the height."""
    assert sealed.head is not None
    entries = sorted([_time(expires) + nonce for nonce, (_, expires) in sealed.nonces.items()])
    rows: dict[bytes, bytes] = {}
    for first in range(0, len(entries), _EXPIRY_ENTRIES):
        row = entries[first : first + _EXPIRY_ENTRIES]
        place = encode_place(sealed.head.height, first)
        rows[row[-1][:8] + place] = b"".join(row)
    return rows


def _chunks(txn: Any, db: Any, sealed: Generation) -> dict[bytes, bytes]:
    """Return the chunks of log nodes that grow, each with what it held before."""
    chunks: dict[bytes, bytes] = {}
    for level, (first, hashes) in sealed.nodes.items():
        done = 0
        while done < len(hashes):
            index = first + done
            room = CHUNK_NODES - index % CHUNK_NODES
            key = chunk_key(level, index)
            held = (txn.get(key, db=db) or b"")[: index % CHUNK_NODES * 32]
            chunks[key] = held + b"".join(hashes[done : done + room])
            done += room
    return chunks
