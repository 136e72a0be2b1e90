# SPDX-License-Identifier: Apache-2.0
"""What lies where in the state store: LMDB databases, their keys and values, and reading them.

LMDB has no page checksums (RELIABILITY section 3): pages of the tries are checked by their hashes
when read, and values by whoever proves them.
"""

import struct
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import lmdb

from hanse.crypto import Hash
from hanse.merkle.log import Frontier
from hanse.storage.errors import StateDamaged, StorageUnknown

FORMAT: Final = 1  # version of the layout; a store of another version is refused
MAP_BYTES: Final = 1 << 40  # bytes of address space; the file stays as small as its content
READERS_MAX: Final = 512  # processes and threads that read at one moment
CHUNK_NODES: Final = 32  # log nodes kept together: one value of 1 KiB
KEY_BYTES_MAX: Final = 511  # bytes; the limit of LMDB
NAMES: Final = ("state", "pages", "tx", "nonces", "expiry", "nodes", "meta", "contracts")
_HEAD: Final = struct.Struct(">QQQ32s32sB")  # height, time, log size, block id, state root, peaks
_PLACE: Final = struct.Struct(">QI")  # height, index

Row = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block that a checkpoint holds, or ``height`` -1 before the first."""

    height: int = -1
    time_ms: int = 0
    block_id: bytes = bytes(32)
    state_root: bytes = bytes(32)
    log_size: int = 0
    peaks: tuple[bytes, ...] = ()
    header: bytes = b""

    def encode(self) -> bytes:
        """Return the value stored under ``head``."""
        fixed = _HEAD.pack(
            self.height,
            self.time_ms,
            self.log_size,
            self.block_id,
            self.state_root,
            len(self.peaks),
        )
        return fixed + b"".join(self.peaks) + self.header

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the head that ``encode`` wrote."""
        height, time_ms, size, block_id, state_root, count = _HEAD.unpack_from(data)
        at = _HEAD.size + 32 * count
        peaks = tuple(data[i : i + 32] for i in range(_HEAD.size, at, 32))
        return cls(height, time_ms, block_id, state_root, size, peaks, data[at:])

    def frontier(self, hasher: Hash) -> Frontier:
        """Return the right edge of the log after this block."""
        return Frontier(hasher, self.log_size, self.peaks)


def encode_place(height: int, index: int) -> bytes:
    """Return where a transaction stands, as stored."""
    return _PLACE.pack(height, index)


def chunk_key(level: int, index: int) -> bytes:
    """Return the key of the chunk that holds a log node."""
    return struct.pack(">BQ", level, index // CHUNK_NODES)


class Tables:
    """An open LMDB environment with its named databases."""

    def __init__(self, path: Path, hasher: Hash, *, readonly: bool, announced: bool = True) -> None:
        """Open what lies in ``path``; make it, unless ``readonly``.

        A reader that is not ``announced`` holds no page: it needs no file to be open and no system
        call to read, but the writer has to wait for it before each checkpoint after the next.

        Raises:
            StorageUnknown: no store, another version, or another hash.
        """
        self.path = path
        self.hasher = hasher
        try:
            self.env: Any = lmdb.open(
                str(path),
                map_size=MAP_BYTES,
                readonly=readonly,
                create=not readonly,
                max_dbs=len(NAMES),
                max_readers=READERS_MAX,
                readahead=False,
                sync=True,
                metasync=True,
                writemap=False,
                meminit=True,
                lock=announced,
                mode=0o600,
            )
        except lmdb.Error as error:
            raise StorageUnknown(path=str(path), reason=str(error)) from error
        try:
            self.dbs: dict[str, Any] = {
                name: self.env.open_db(name.encode(), create=not readonly) for name in NAMES
            }
            self._check_format(readonly=readonly)
        except lmdb.Error as error:
            self.env.close()
            raise StorageUnknown(path=str(path), reason=str(error)) from error
        except BaseException:
            self.env.close()
            raise

    @property
    def map_used(self) -> float:
        """The share of the map up to the last page in use."""
        info = self.env.info()
        used: int = (info["last_pgno"] + 1) * self.env.stat()["psize"]
        size: int = info["map_size"]
        return used / size

    def _check_format(self, *, readonly: bool) -> None:
        meta = self.dbs["meta"]
        wanted = {b"format": b"%d" % FORMAT, b"hash": self.hasher.name.encode()}
        with self.env.begin(write=not readonly) as txn:
            if not readonly and txn.stat(meta)["entries"] == 0:
                for key, value in wanted.items():
                    txn.put(key, value, db=meta)
            for key, value in wanted.items():
                found = txn.get(key, db=meta)
                if found != value:
                    shown = "none" if found is None else found.decode()
                    reason = f"its {key.decode()} is {shown}, not {value.decode()}"
                    raise StorageUnknown(path=str(self.path), reason=reason)

    def begin(self, *, write: bool = False) -> Any:
        """Return a transaction of LMDB."""
        return self.env.begin(write=write)

    def view(self) -> "View":
        """Return what the last checkpoint holds."""
        return View(self)

    def close(self) -> None:
        """Close the environment."""
        self.env.close()


class View:
    """One checkpoint, held by a read transaction. Not for two threads at once."""

    def __init__(self, tables: Tables) -> None:
        """Hold the newest checkpoint."""
        self._tables = tables
        self._txn = tables.begin()
        self._dbs = tables.dbs
        self._contracts: dict[str, bytes] = {}
        self.head = Head()
        self.entries = 0  # of state, all contracts together
        self._load()

    def _load(self) -> None:
        with closing(self._txn.cursor(db=self._dbs["contracts"])) as cursor:
            self._contracts = {name.decode(): number for name, number in cursor}
        self.entries = self._txn.stat(self._dbs["state"])["entries"]
        data = self._txn.get(b"head", db=self._dbs["meta"])
        self.head = Head() if data is None else Head.decode(data)

    def renew(self) -> None:
        """Move on to the newest checkpoint."""
        self._txn.abort()
        self._txn = self._tables.begin()
        self._load()

    def close(self) -> None:
        """End the read transaction."""
        self._txn.abort()

    def prefix(self, contract: str) -> bytes | None:
        """Return the two bytes that stand for a contract, ``None`` while it has no state."""
        return self._contracts.get(contract)

    def contracts(self) -> dict[str, bytes]:
        """Return every contract that ever had state, with its two bytes."""
        return dict(self._contracts)

    def page(self, key: bytes) -> bytes | None:
        """Return a page of the tries."""
        page: bytes | None = self._txn.get(key, db=self._dbs["pages"])
        return page

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value bytes at ``key``, ``None`` when absent."""
        prefix = self._contracts.get(contract)
        if prefix is None or len(key) > KEY_BYTES_MAX - 2:
            return None
        value: bytes | None = self._txn.get(prefix + key, db=self._dbs["state"])
        return value

    def rows(self, contract: str, prefix: bytes, start: bytes) -> Generator[Row, None, None]:
        """Yield entries under ``prefix`` from ``start`` on, in key order."""
        mine = self._contracts.get(contract)
        if mine is None:
            return
        wanted = mine + prefix
        with closing(self._txn.cursor(db=self._dbs["state"])) as cursor:
            more = cursor.set_range((mine + max(start, prefix))[:KEY_BYTES_MAX])
            while more:
                key = cursor.key()
                if not key.startswith(wanted):
                    return
                if key[2:] >= start:
                    yield key[2:], cursor.value()
                more = cursor.next()

    def transaction(self, tx_id: bytes) -> tuple[int, int] | None:
        """Return height and index of a transaction."""
        data = self._txn.get(tx_id, db=self._dbs["tx"])
        if data is None:
            return None
        height, index = _PLACE.unpack(data)
        return height, index

    def nonce(self, digest: bytes) -> tuple[bytes, int] | None:
        """Return the transaction that used a nonce, and when that expires."""
        data = self._txn.get(digest, db=self._dbs["nonces"])
        return None if data is None else (data[:32], int.from_bytes(data[32:], "big"))

    def log_node(self, level: int, index: int) -> bytes:
        """Return the hash of a perfect subtree of the log.

        Raises:
            StateDamaged: the log does not hold it.
        """
        chunk = self._txn.get(chunk_key(level, index), db=self._dbs["nodes"]) or b""
        at = index % CHUNK_NODES * 32
        node: bytes = chunk[at : at + 32]
        if len(node) != 32:
            raise StateDamaged(what=f"log node {level}/{index} is missing")
        return node
