# SPDX-License-Identifier: Apache-2.0
"""The state trie: 16-ary over hashes of keys, buckets of at most 16 (``spec/state-trie.md``).

The root depends on the entries only, never on the order in which they came or on how pages are cut.
Where the pages are cut is local: an entry page holds the entries under one prefix, up to
``ENTRIES_SPLIT`` of them; above that it becomes an inner page over 16 pages, and below
``ENTRIES_MERGE`` it becomes one entry page again, so growing never means re-paging everything.
Inner pages stay in memory once read, about 4 MB per million keys; entry pages are read when needed.
Every page that comes from outside is checked against the hash that its parent holds for it.
"""

import struct
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from hanse.codec.limits import BUCKET_ENTRIES_MAX
from hanse.crypto import Hash
from hanse.errors import Corrupt
from hanse.merkle.paths import (
    EMPTY_ROOT,
    TAG_BUCKET,
    TAG_NODE,
    StatePath,
    half_byte,
)

ENTRIES_SPLIT: Final = 64  # entries; more than this under one prefix make an inner page
ENTRIES_MERGE: Final = 24  # entries; fewer than this make one entry page; above the bucket's 16
KEPT_BYTES: Final = 64 << 20  # bytes of stored pages that stay in memory, those taken apart
_ENTRY: Final = 64  # bytes: hash of the key, hash of the value
_BUCKET, _BRANCH, _INNER = b"\x00", b"\x01", b"\x02"  # first byte of a page
_HASHES: Final = 512  # bytes: 16 child hashes
_COUNTS: Final = struct.Struct("<16I")
_CRC: Final = struct.Struct("<I")
_STEP: Final = tuple(bytes((x,)) for x in range(16))

Changes = Mapping[bytes, bytes | None]
_Change = tuple[bytes, bytes | None]
_Run = list[_Change]


class Pages(Protocol):
    """Where pages are kept once :meth:`Trie.take_pending` has handed them over."""

    def get(self, page_key: bytes, /) -> bytes | None:
        """Return the page, ``None`` when there is none."""
        ...


@dataclass(eq=False)
class TriePageDamaged(Corrupt):
    """A stored page of a state trie is missing, or does not have the hash that its parent holds."""

    page: str
    code: ClassVar[str] = "trie_page_damaged"
    hint: ClassVar[str] = "Rebuild the state from a snapshot and the block log: `hanse doctor`."


class PageBuffer:
    """Pages in ages over those that are stored: fresh, pending, taken, kept.

    ``fresh`` belongs to the block under way; ``commit`` makes it pending; ``take`` hands the
    pending pages to a checkpoint; they stay readable as ``taken`` until ``flushed`` says that the
    store has them, and while there is room as ``kept``, which saves reading and checking them
    again. A deleted page is ``None``. Readers may run beside ``take`` and ``flushed``.
    """

    __slots__ = ("_kept_bytes", "fresh", "kept", "pages", "pending", "taken")

    def __init__(self, pages: Pages) -> None:
        """Begin with nothing changed over ``pages``."""
        self.pages = pages
        self.fresh: dict[bytes, bytes | None] = {}
        self.pending: dict[bytes, bytes | None] = {}
        self.taken: dict[bytes, bytes | None] = {}
        self.kept: dict[bytes, bytes | None] = {}
        self._kept_bytes = 0

    @property
    def ages(self) -> tuple[dict[bytes, bytes | None], ...]:
        """What is in memory, the newest first."""
        return self.fresh, self.pending, self.taken, self.kept

    def get(self, key: bytes, /) -> bytes | None:
        """Return the newest page, unchecked."""
        for age in self.ages:
            if key in age:
                return age[key]
        return self.pages.get(key)

    def commit(self) -> None:
        """Make the fresh pages part of the next checkpoint."""
        if self.pending:
            self.pending.update(self.fresh)
        else:
            self.pending = self.fresh
        self.fresh = {}

    def take(self) -> dict[bytes, bytes | None]:
        """Return all committed changes; ``None`` says that the page is to be deleted."""
        assert not self.taken, "the pages taken before have not been flushed"
        self.taken = self.pending  # in this order: a reader looks into pending first
        self.pending = {}
        return self.taken

    def flushed(self) -> None:
        """Keep the pages taken while there is room: the store answers for them now."""
        added = sum([len(page) for page in self.taken.values() if page is not None])
        if self._kept_bytes + added > KEPT_BYTES:
            self.kept, self._kept_bytes = {}, 0
        if added <= KEPT_BYTES:  # before they cease to be taken: a reader looks there first
            self.kept.update(self.taken)
            self._kept_bytes += added  # an old page counts until all are dropped
        self.taken = {}


class _Inner:
    """An inner page in memory: 16 child hashes and the number of entries under each child."""

    __slots__ = ("counts", "hashes", "tail", "total")

    def __init__(self, hashes: bytearray, counts: list[int]) -> None:
        self.hashes = hashes
        self.counts = counts
        self.total = sum(counts)
        self.tail = b""  # the counts as stored, once known

    def set_child(self, x: int, digest: bytes, count: int) -> None:
        """Hold what is now under child ``x``."""
        self.hashes[32 * x : 32 * x + 32] = digest
        if count != self.counts[x]:
            self.total += count - self.counts[x]
            self.counts[x] = count
            self.tail = b""

    def encode(self, path: bytes) -> bytes:
        """Return the page; its sum covers the counts, which no hash does."""
        if not self.tail:
            counts = _COUNTS.pack(*self.counts)
            self.tail = counts + _CRC.pack(zlib.crc32(path + counts))
        return b"".join((_INNER, self.hashes, self.tail))


def _entries_of(page: bytes) -> bytes:
    """Return the sorted entries of an entry page, or of no page."""
    return page[1 + _HASHES :] if page[:1] == _BRANCH else page[1:]


def _split_run(run: _Run, depth: int) -> Iterator[tuple[int, _Run]]:
    """Yield the parts of a sorted run that go to each child of a page at ``depth``."""
    at, odd, count = depth >> 1, depth & 1, len(run)
    start = 0
    while start < count:
        byte = run[start][0][at]
        x = byte & 15 if odd else byte >> 4
        end = start + 1
        while end < count:
            byte = run[end][0][at]
            if (byte & 15 if odd else byte >> 4) != x:
                break
            end += 1
        yield x, run[start:end]
        start = end


def _bounds(entries: bytes, depth: int, x: int) -> tuple[int, int]:
    """Return where, in bytes, the entries of child ``x`` of a page at ``depth`` begin and end."""
    column = entries[depth >> 1 :: _ENTRY]
    if depth & 1:  # all entries share the high half of this byte
        low = (column[0] & 0xF0 if column else 0) | x
        return bisect_left(column, low) * _ENTRY, bisect_right(column, low) * _ENTRY
    low = x << 4
    return bisect_left(column, low) * _ENTRY, bisect_right(column, low | 15) * _ENTRY


def _place(entries: bytes, kh: bytes) -> tuple[int, bool]:
    """Return where, in bytes, the entry of ``kh`` is or belongs, and whether it is there."""
    at = entries.find(kh)
    if at >= 0 and not at % _ENTRY:  # anywhere else it is part of other hashes
        return at, True
    low, high = 0, len(entries) // _ENTRY
    while low < high:
        middle = (low + high) >> 1
        at = middle * _ENTRY
        found = entries[at : at + 32]
        if found < kh:
            low = middle + 1
        elif found == kh:
            return at, True
        else:
            high = middle
    return low * _ENTRY, False


def _merged(entries: bytes, run: _Run) -> bytes:
    """Return the sorted entries after the changes of ``run``."""
    if len(run) > 8:  # measured: above this a dictionary is faster than insertions
        table: dict[bytes, bytes] = {
            entries[at : at + 32]: entries[at + 32 : at + 64]
            for at in range(0, len(entries), _ENTRY)
        }
        for kh, vh in run:
            if vh is None:
                table.pop(kh, None)
            else:
                table[kh] = vh
        return b"".join([kh + vh for kh, vh in sorted(table.items())])
    for kh, vh in run:
        at, there = _place(entries, kh)
        rest = entries[at + _ENTRY :] if there else entries[at:]
        entries = entries[:at] + rest if vh is None else b"".join((entries[:at], kh, vh, rest))
    return entries


class Trie:
    """The authenticated map of one contract, from hashes of keys to hashes of values.

    One thread at a time may update or prove; ``take_pending`` is for tries that own their pages.
    """

    __slots__ = ("_buffer", "_changed", "_inner", "_prefix", "_tagged", "count", "root")

    def __init__(
        self, hasher: Hash, pages: Pages, *, prefix: bytes = b"", root: bytes | None = None
    ) -> None:
        """Open what ``pages`` hold under ``prefix``; ``root``, if given, must be its root.

        Raises:
            TriePageDamaged: the stored root page is damaged, or leads to another root.
        """
        self._tagged = hasher.tagged
        self._prefix = prefix
        self._buffer = pages if isinstance(pages, PageBuffer) else PageBuffer(pages)
        self._inner: dict[bytes, _Inner] = {}
        self._changed: dict[bytes, _Inner] = {}
        self.root = EMPTY_ROOT
        self.count = 0
        page = self._buffer.get(prefix)
        if page is not None:
            self._open(page)
        if root is not None and root != self.root:
            raise TriePageDamaged(page=prefix.hex())

    def _open(self, page: bytes) -> None:
        if page[:1] == _INNER:
            node = self._decode_inner(b"", page)
            self._inner[b""] = node
            self.root = self._tagged(TAG_NODE, bytes(node.hashes))
            self.count = node.total
            return
        entries = _entries_of(page)
        self.root, _ = self._hash_entries(entries, 0)
        self.count = len(entries) // _ENTRY

    # changing -----------------------------------------------------------------------------------

    def update(self, changes: Changes) -> bytes:
        """Put or (``None``) delete the entries of ``changes``; returns the new root."""
        if changes:
            self._apply(sorted(changes.items()))
        return self.root

    def bulk(self, items: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Put all ``items``, several times faster than ``update`` while the trie is empty."""
        if self.count:
            return self.update(dict(items))
        table = dict(items)
        entries = b"".join([kh + vh for kh, vh in sorted(table.items())])
        self.root, self.count = self._build(b"", entries)
        self._store_changed()
        return self.root

    def take_pending(self) -> dict[bytes, bytes | None]:
        """Return the pages that changed since the last call, by page key; ``None``: delete it.

        They stay readable here until :meth:`flushed`.
        """
        self._buffer.commit()
        return self._buffer.take()

    def flushed(self) -> None:
        """Forget the pages taken last: the store answers for them now."""
        self._buffer.flushed()

    def _apply(self, run: _Run) -> None:
        self.root, self.count = self._update(b"", run, self.root)
        self._store_changed()

    def _store_changed(self) -> None:
        fresh, prefix = self._buffer.fresh, self._prefix
        for path, node in self._changed.items():
            fresh[prefix + path] = node.encode(path)
        self._changed.clear()

    def _update(self, path: bytes, run: _Run, expected: bytes) -> tuple[bytes, int]:
        """Return hash and number of entries under ``path`` after the changes of ``run``."""
        if len(run) == 1:
            return self._update_one(path, run[0], expected)
        node = self._inner.get(path)
        if node is None:
            page = self._read(path, expected)
            if page[:1] != _INNER:
                return self._update_entries(path, page, run)
            node = self._inner[path] = self._decode_inner(path, page)
        hashes = node.hashes
        for x, part in _split_run(run, len(path)):
            below = bytes(hashes[32 * x : 32 * x + 32])
            node.set_child(x, *self._update(path + _STEP[x], part, below))
        return self._seal(path, node)

    def _update_one(self, path: bytes, change: _Change, expected: bytes) -> tuple[bytes, int]:
        """Do the same for a single change: most runs are that short below the upper levels."""
        kh = change[0]
        above: list[tuple[bytes, _Inner, int]] = []
        while True:
            node = self._inner.get(path)
            if node is None:
                page = self._read(path, expected)
                if page[:1] != _INNER:
                    break
                node = self._inner[path] = self._decode_inner(path, page)
            depth = len(path)
            byte = kh[depth >> 1]
            x = byte & 15 if depth & 1 else byte >> 4
            above.append((path, node, x))
            expected = bytes(node.hashes[32 * x : 32 * x + 32])
            path += _STEP[x]
        digest, count = self._update_entries(path, page, [change])
        for path, node, x in reversed(above):
            node.set_child(x, digest, count)
            digest, count = self._seal(path, node)
        return digest, count

    def _seal(self, path: bytes, node: _Inner) -> tuple[bytes, int]:
        """Return hash and number of entries of an inner page whose children have changed."""
        if node.total < ENTRIES_MERGE:
            return self._merge(path, node)
        self._changed[path] = node
        return self._tagged(TAG_NODE, bytes(node.hashes)), node.total

    def _update_entries(self, path: bytes, page: bytes, run: _Run) -> tuple[bytes, int]:
        """Return hash and number of entries of an entry page after the changes of ``run``."""
        if page[:1] != _BRANCH:
            return self._build(path, _merged(page[1:], run))
        depth = len(path)
        hashes, entries = bytearray(page[1 : 1 + _HASHES]), page[1 + _HASHES :]
        parts = _split_run(run, depth) if len(run) > 1 else ((half_byte(run[0][0], depth), run),)
        for x, part in parts:
            low, high = _bounds(entries, depth, x)
            child = entries[low:high]
            self._check_child(path, child, bytes(hashes[32 * x : 32 * x + 32]))
            child = _merged(child, part)
            entries = b"".join((entries[:low], child, entries[high:]))
            hashes[32 * x : 32 * x + 32] = self._hash_entries(child, depth + 1)[0]
        count = len(entries) // _ENTRY
        if not BUCKET_ENTRIES_MAX < count <= ENTRIES_SPLIT:
            return self._build(path, entries)
        self._buffer.fresh[self._prefix + path] = b"".join((_BRANCH, hashes, entries))
        return self._tagged(TAG_NODE, bytes(hashes)), count

    def _build(self, path: bytes, entries: bytes) -> tuple[bytes, int]:
        """Make the page or pages of sorted ``entries``; returns their hash and their number."""
        count, depth = len(entries) // _ENTRY, len(path)
        if count > ENTRIES_SPLIT:
            node = _Inner(bytearray(_HASHES), [0] * 16)
            for x in range(16):
                low, high = _bounds(entries, depth, x)
                if low < high:
                    node.set_child(x, *self._build(path + _STEP[x], entries[low:high]))
            self._inner[path] = self._changed[path] = node
            return self._tagged(TAG_NODE, bytes(node.hashes)), count
        digest, hashes = self._hash_entries(entries, depth)
        page = None
        if hashes:
            page = _BRANCH + hashes + entries
        elif entries:
            page = _BUCKET + entries
        self._buffer.fresh[self._prefix + path] = page
        return digest, count

    def _merge(self, path: bytes, node: _Inner) -> tuple[bytes, int]:
        """Make one entry page of an inner page, all of whose children are entry pages by then."""
        parts = []
        for x in range(16):
            if node.counts[x]:
                child = path + _STEP[x]
                expected = bytes(node.hashes[32 * x : 32 * x + 32])
                entries = _entries_of(self._read(child, expected))
                self._check_child(path, entries, expected)
                parts.append(entries)
                self._buffer.fresh[self._prefix + child] = None
        self._inner.pop(path)
        self._changed.pop(path, None)
        return self._build(path, b"".join(parts))

    # reading ------------------------------------------------------------------------------------

    def find(self, kh: bytes) -> bytes | None:
        """Return the value hash at ``kh``, ``None`` when absent."""
        return dict(self.prove(kh).bucket).get(kh)

    def prove(self, kh: bytes) -> StatePath:
        """Return what proves the value hash at ``kh``, or its absence, under ``root``."""
        path, siblings, expected = b"", [], self.root
        while True:
            depth = len(path)
            x = half_byte(kh, depth)
            at = 32 * x
            node = self._inner.get(path)
            if node is None:
                page = self._read(path, expected)
                if page[:1] != _INNER:
                    break
                node = self._inner[path] = self._decode_inner(path, page)
            hashes = bytes(node.hashes)
            siblings.append(hashes[:at] + hashes[at + 32 :])
            expected = hashes[at : at + 32]
            path += _STEP[x]
        entries = _entries_of(page)
        if page[:1] == _BRANCH:
            hashes = page[1 : 1 + _HASHES]
            siblings.append(hashes[:at] + hashes[at + 32 :])
            low, high = _bounds(entries, depth, x)
            entries = entries[low:high]
            self._check_child(path, entries, hashes[at : at + 32])
            entries = self._descend(kh, entries, depth + 1, siblings)
        pairs = range(0, len(entries), _ENTRY)
        bucket = tuple([(entries[i : i + 32], entries[i + 32 : i + 64]) for i in pairs])
        return StatePath(bucket, tuple(siblings))

    def _descend(self, kh: bytes, entries: bytes, depth: int, siblings: list[bytes]) -> bytes:
        """Return the bucket of ``kh`` among entries that still need inner nodes (rare)."""
        while len(entries) > BUCKET_ENTRIES_MAX * _ENTRY:
            _, hashes = self._hash_entries(entries, depth)
            x = half_byte(kh, depth)
            siblings.append(hashes[: 32 * x] + hashes[32 * x + 32 :])
            low, high = _bounds(entries, depth, x)
            entries = entries[low:high]
            depth += 1
        return entries

    def _read(self, path: bytes, expected: bytes) -> bytes:
        """Return the page at ``path``, empty where none is; one from outside is checked."""
        key = self._prefix + path
        buffer = self._buffer
        for age in buffer.ages:
            if key in age:
                return age[key] or b""
        if expected == EMPTY_ROOT:
            return b""
        page = buffer.pages.get(key) or b""
        if page[:1] == _BUCKET:
            digest = self._tagged(TAG_BUCKET, page[1:])
        else:
            digest = self._tagged(TAG_NODE, page[1 : 1 + _HASHES])
        if digest != expected:
            raise TriePageDamaged(page=key.hex())
        return page

    def _decode_inner(self, path: bytes, page: bytes) -> _Inner:
        """Return the inner page decoded; its sum checks the counts, ``_read`` has the hashes."""
        counts = page[1 + _HASHES : 1 + _HASHES + _COUNTS.size]
        if page[1 + _HASHES + _COUNTS.size :] != _CRC.pack(zlib.crc32(path + counts)):
            raise TriePageDamaged(page=(self._prefix + path).hex())
        return _Inner(bytearray(page[1 : 1 + _HASHES]), list(_COUNTS.unpack(counts)))

    # hashing ------------------------------------------------------------------------------------

    def _hash_entries(self, entries: bytes, depth: int) -> tuple[bytes, bytes]:
        """Return the hash of sorted entries at ``depth``, and its 16 child hashes if inner."""
        if len(entries) <= BUCKET_ENTRIES_MAX * _ENTRY:
            return (self._tagged(TAG_BUCKET, entries) if entries else EMPTY_ROOT), b""
        hashes = []
        for x in range(16):
            low, high = _bounds(entries, depth, x)
            hashes.append(self._hash_entries(entries[low:high], depth + 1)[0])
        joined = b"".join(hashes)
        return self._tagged(TAG_NODE, joined), joined

    def _check_child(self, path: bytes, entries: bytes, expected: bytes) -> None:
        """Refuse entries of a page that do not have the hash which the page holds for them."""
        if self._hash_entries(entries, len(path) + 1)[0] != expected:
            raise TriePageDamaged(page=(self._prefix + path).hex())
