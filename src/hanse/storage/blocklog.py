# SPDX-License-Identifier: Apache-2.0
"""The block log: append-only segments, synced before anything else (``spec/block-log.md``).

The log is the truth of the embedded engine: a receipt leaves only after ``append`` has returned.
Any error in it ends the process; at start the tail is judged, written again and synced before it
counts, because the page cache may show what the disk never got (RELIABILITY section 3).
"""

import os
import re
import struct
import time
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from hanse.storage._files import Disk, RealDisk, lock_folder, sync_folder, write_all
from hanse.storage.errors import BlockDamaged, BlockNotHeld, StorageFailed, StorageUnknown

SEGMENT_BYTES: Final = 64 * 1024 * 1024  # bytes; what one rewrite, copy or check costs at most
PAYLOAD_BYTES_MAX: Final = 2**32 - 1  # bytes; the length field
_HEAD: Final = struct.Struct(">IIQ32s")  # length, crc, height, block id
_MARK: Final = struct.Struct(">QI")  # height, crc
_MARK_NAME: Final = "acknowledged"
_NAME: Final = re.compile(r"\d{12}\.blk", re.ASCII).fullmatch
_OPEN_SEGMENTS_MAX: Final = 128  # descriptors kept; older segments are opened per read
_SEARCH_HEIGHTS: Final = 64  # heights looked for after a bad entry

Entry = tuple[int, bytes, bytes]
"""Height, block id, payload."""


def encode_entry(height: int, block_id: bytes, payload: bytes) -> bytes:
    """Return the bytes of one entry; the sum covers all of them but itself."""
    assert len(block_id) == 32
    assert len(payload) <= PAYLOAD_BYTES_MAX
    return _HEAD.pack(len(payload), _crc(height, block_id, payload), height, block_id) + payload


def _crc(height: int, block_id: bytes, payload: bytes) -> int:
    head = struct.pack(">IQ32s", len(payload), height, block_id)
    return zlib.crc32(payload, zlib.crc32(head))


@dataclass(slots=True)
class _Segment:
    first: int  # height of its first entry
    path: Path
    offsets: "array[int]" = field(default_factory=lambda: array("Q"))
    end: int = 0
    fd: int = -1

    @property
    def next(self) -> int:
        return self.first + len(self.offsets)


class BlockLog:
    """An open block log. One thread appends; any thread reads."""

    def __init__(self, folder: Path, disk: Disk, *, readonly: bool) -> None:
        """Use :meth:`open`."""
        self.folder = folder
        self._disk = disk
        self._readonly = readonly
        self._segments: list[_Segment] = []
        self._lock = self._mark = self._tail = -1
        self._failed = False
        self.on_sync: Callable[[float], None] | None = None  # told how long each append's sync took

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        create: bool = False,
        readonly: bool = False,
        acknowledged_height: int | None = None,
        disk: Disk | None = None,
    ) -> Self:
        """Open the log in ``folder``, its tail judged and, unless ``readonly``, written again.

        Args:
            folder: the log's own folder.
            create: make an empty log where there is none.
            readonly: for another process than the node: nothing is locked, cut or rewritten.
            acknowledged_height: a height that store or witness show to have been durable.
            disk: replaces the operating system in tests.

        Raises:
            BlockDamaged: an acknowledged entry is missing, or a bad one is followed by a good one.
            StorageFailed: the tail could not be written again.
            StorageInUse: another process has the log open.
            StorageUnknown: there is no log.
        """
        if create and not readonly and not folder.is_dir():
            folder.mkdir(parents=True)
            sync_folder(folder.parent)
        if not folder.is_dir():
            raise StorageUnknown(path=str(folder), reason="there is no block log")
        log = cls(folder, disk or RealDisk(), readonly=readonly)
        try:
            if not readonly:
                log._lock = lock_folder(folder, "lock")
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                log._mark = os.open(folder / _MARK_NAME, flags, 0o600)
            log._load(-1 if acknowledged_height is None else acknowledged_height)
            if log._segments and not readonly:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
                log._tail = os.open(log._segments[-1].path, flags)
        except OSError as error:
            log.close()
            raise StorageFailed(what="opening the block log", reason=str(error)) from error
        except BaseException:
            log.close()
            raise
        return log

    # reading ------------------------------------------------------------------------------------

    @property
    def first_height(self) -> int | None:
        """The oldest height held, ``None`` while empty."""
        return self._segments[0].first if self._segments else None

    @property
    def last_height(self) -> int | None:
        """The newest durable height, ``None`` while empty."""
        return self._segments[-1].next - 1 if self._segments else None

    def read(self, height: int) -> tuple[bytes, bytes]:
        """Return block id and payload of ``height``, checked.

        Raises:
            BlockDamaged: the entry does not have its sum.
            BlockNotHeld: no such height here.
        """
        at = bisect_right(self._segments, height, key=lambda s: s.first) - 1
        segment = self._segments[at] if at >= 0 else None
        if segment is None or height >= segment.next:
            raise BlockNotHeld(height=height)
        index = height - segment.first
        start = segment.offsets[index]
        more = index + 1 < len(segment.offsets)
        end = segment.offsets[index + 1] if more else segment.end
        data = self._read_at(segment, start, end - start)
        found = _decode(data, height)
        if found is None:
            raise BlockDamaged(height, segment.path.name, "the entry does not have its sum")
        return found

    def blocks(self, first: int, last: int) -> Iterator[Entry]:
        """Yield the entries from height ``first`` to ``last``, both included."""
        for height in range(first, last + 1):
            block_id, payload = self.read(height)
            yield height, block_id, payload

    def segments(self) -> list[tuple[Path, int]]:
        """Return the files that hold the log now, with the bytes of each that count."""
        return [(segment.path, segment.end) for segment in self._segments]

    def end_of(self, height: int) -> tuple[Path, int]:
        """Return the file that holds ``height``, and where in it the entry ends.

        Raises:
            BlockNotHeld: no such height here.
        """
        for segment in self._segments:
            if segment.first <= height < segment.next:
                index = height - segment.first + 1
                more = index < len(segment.offsets)
                return segment.path, segment.offsets[index] if more else segment.end
        raise BlockNotHeld(height=height)

    def _read_at(self, segment: _Segment, start: int, size: int) -> bytes:
        if segment.fd >= 0:
            return os.pread(segment.fd, size, start)
        fd = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, size, start)
        finally:
            os.close(fd)

    # writing ------------------------------------------------------------------------------------

    def append(self, entries: Sequence[Entry], *, sync: bool = True) -> None:
        """Add ``entries`` at the end: one write, one sync; when this returns they are durable.

        Heights follow one another without a gap. ``sync=False`` is for imports: :meth:`sync` ends
        them.

        Raises:
            StorageFailed: nothing is known about these entries; end the process.
        """
        if self._failed:
            raise StorageFailed(what="the block log", reason="an earlier write failed")
        assert not self._readonly
        if not entries:
            return
        parts = [encode_entry(*entry) for entry in entries]
        expected = entries[0][0] if self.last_height is None else self.last_height + 1
        assert [entry[0] for entry in entries] == [*range(expected, expected + len(entries))]
        try:
            segment = self._segment_for(expected, sum(map(len, parts)))
            write_all(self._disk, self._tail, b"".join(parts))
            if sync:
                begun = time.monotonic()
                self._disk.sync(self._tail)
                if self.on_sync is not None:
                    self.on_sync(time.monotonic() - begun)
        except OSError as error:
            self._failed = True
            raise StorageFailed(what="appending to the block log", reason=str(error)) from error
        end = segment.end
        for part in parts:
            segment.offsets.append(end)
            end += len(part)
        segment.end = end
        if sync:
            self._note_acknowledged(segment.next - 1)

    def sync(self) -> None:
        """Make entries that were appended without a sync durable.

        Raises:
            StorageFailed: nothing is known about them; end the process.
        """
        try:
            self._disk.sync(self._tail)
        except OSError as error:
            self._failed = True
            raise StorageFailed(what="syncing the block log", reason=str(error)) from error
        if self.last_height is not None:
            self._note_acknowledged(self.last_height)

    def close(self) -> None:
        """Close all files; nothing was left to write."""
        for segment in self._segments:
            if segment.fd >= 0:
                os.close(segment.fd)
                segment.fd = -1
        for fd in (self._tail, self._mark, self._lock):
            if fd >= 0:
                os.close(fd)
        self._tail = self._mark = self._lock = -1
        self._failed = True

    def _segment_for(self, height: int, size: int) -> _Segment:
        """Return the segment that takes ``size`` bytes more, a new one if the last one is full."""
        last = self._segments[-1] if self._segments else None
        if last is not None and (last.end == 0 or last.end + size <= SEGMENT_BYTES):
            return last
        path = self._path(height)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(path, flags, 0o600)
        if self._tail >= 0:
            self._disk.sync(self._tail)
            os.close(self._tail)
        self._tail = fd
        self._disk.sync(fd)
        sync_folder(self.folder)
        segment = _Segment(height, path)
        if len(self._segments) < _OPEN_SEGMENTS_MAX:
            segment.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._segments.append(segment)
        return segment

    def _note_acknowledged(self, height: int) -> None:
        """Write, without a sync, that ``height`` was durable: a lost tail is then recognised."""
        data = struct.pack(">Q", height)
        with suppress(OSError):  # a help for the next start, not a promise
            os.pwrite(self._mark, data + struct.pack(">I", zlib.crc32(data)), 0)

    def _path(self, height: int) -> Path:
        return self.folder / f"{height:012d}.blk"

    # starting -----------------------------------------------------------------------------------

    def _load(self, acknowledged: int) -> None:
        durable = max(acknowledged, self._read_mark())
        paths = self._list_segments()
        for at, path in enumerate(paths):
            after = int(paths[at + 1].stem) if at + 1 < len(paths) else None
            segment = _Segment(int(path.stem), path)
            self._segments.append(segment)
            size = path.stat().st_size  # a writer may go on while another process reads
            reason = self._scan(segment, size, after, acknowledged)
            if after is None:
                self._settle_tail(segment, size, reason, durable)
            elif segment.next != after:
                raise BlockDamaged(segment.next, path.name, reason or "the next segment has a gap")
            else:
                self._cut(segment)
                if at >= _OPEN_SEGMENTS_MAX:
                    os.close(segment.fd)
                    segment.fd = -1
        last = -1 if self.last_height is None else self.last_height
        if last < durable:
            raise BlockDamaged(last + 1, "", f"height {durable} was acknowledged, but is missing")

    def _list_segments(self) -> list[Path]:
        """Return the segments by height; what a crash left beside or behind them is removed."""
        for left in self.folder.glob("*.new"):
            self._remove(left)  # a rewrite that did not come to its end
        paths = sorted(p for p in self.folder.iterdir() if _NAME(p.name))
        while paths and paths[-1].stat().st_size == 0:
            self._remove(paths.pop())  # made, but nothing was written into it
        return paths

    def _read_mark(self) -> int:
        with suppress(FileNotFoundError):
            data = (self.folder / _MARK_NAME).read_bytes()
            if len(data) == _MARK.size:
                height, crc = _MARK.unpack(data)
                if zlib.crc32(data[:8]) == crc:
                    return int(height)
        return -1

    def _scan(self, segment: _Segment, size: int, after: int | None, acknowledged: int) -> str:
        """Index the entries below height ``after``; return why the scan ended early, if it did.

        Payloads are skipped where the store has had the block, and read and summed above that.
        """
        fd = segment.fd = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        height, offset = segment.first, 0
        while offset < size and height != after:
            head = os.pread(fd, _HEAD.size, offset)
            if len(head) < _HEAD.size:
                return "the last entry is cut short"
            length, _, found, _ = _HEAD.unpack(head)
            end = offset + _HEAD.size + length
            if found != height or end > size:
                return "the last entry is cut short or has another height"
            if (height > acknowledged or end == size) and after is None:
                data = os.pread(fd, end - offset, offset)
                if _decode(data, height) is None:
                    return "an entry does not have its sum"
            segment.offsets.append(offset)
            height, offset = height + 1, end
            segment.end = end
        return ""

    def _settle_tail(self, segment: _Segment, size: int, reason: str, durable: int) -> None:
        """Judge what follows the last good entry; then cut it and write the tail again."""
        if segment.end < size:
            if segment.next <= durable:
                raise BlockDamaged(segment.next, segment.path.name, reason)
            if _good_entry_after(segment, size):
                reason = "a bad entry is followed by a good one"
                raise BlockDamaged(segment.next, segment.path.name, reason)
        if self._readonly:
            self._hide_tail(segment, durable)
            return
        kept = min(max(durable + 1, segment.first), segment.next) - segment.first
        if kept < len(segment.offsets):
            self._rewrite(segment, kept)
        elif not segment.offsets:
            self._segments.pop()
            os.close(segment.fd)
            self._remove(segment.path)
        else:
            self._cut(segment)

    def _hide_tail(self, segment: _Segment, durable: int) -> None:
        """Leave out what the node has not seen durable yet; without its mark, nothing."""
        if (self.folder / _MARK_NAME).exists() and durable < segment.next - 1:
            kept = max(0, durable + 1 - segment.first)
            segment.end = segment.offsets[kept]
            segment.offsets = segment.offsets[:kept]
        if not segment.offsets:
            os.close(segment.fd)
            self._segments.pop()

    def _rewrite(self, segment: _Segment, kept: int) -> None:
        """Write the entries after the first ``kept`` ones to a new segment, then cut them here.

        In this order: a crash in between leaves them twice, and the newer segment counts.
        """
        start = segment.offsets[kept]
        data = os.pread(segment.fd, segment.end - start, start)
        tail = _Segment(segment.first + kept, self._path(segment.first + kept))
        tail.offsets.extend(offset - start for offset in segment.offsets[kept:])
        tail.end = len(data)
        beside = tail.path.with_suffix(".new")
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            write_all(self._disk, fd, data)
            self._disk.sync(fd)
        finally:
            os.close(fd)
        beside.rename(tail.path)
        sync_folder(self.folder)
        if kept:
            segment.end = start
            segment.offsets = segment.offsets[:kept]
            self._cut(segment)
        else:
            os.close(segment.fd)
            self._segments.pop()
        self._segments.append(tail)

    def _cut(self, segment: _Segment) -> None:
        """End the file after its last entry that counts."""
        if self._readonly or segment.path.stat().st_size == segment.end:
            return
        fd = os.open(segment.path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(fd, segment.end)
            os.fsync(fd)
        finally:
            os.close(fd)

    def _remove(self, path: Path) -> None:
        if not self._readonly:
            path.unlink()
            sync_folder(self.folder)


def _decode(data: bytes, height: int) -> tuple[bytes, bytes] | None:
    """Return block id and payload of the entry that ``data`` begins with, ``None`` if it is bad."""
    if len(data) < _HEAD.size:
        return None
    length, crc, found, block_id = _HEAD.unpack_from(data)
    payload = data[_HEAD.size : _HEAD.size + length]
    if found != height or len(payload) != length or _crc(found, block_id, payload) != crc:
        return None
    return block_id, payload


def _good_entry_after(segment: _Segment, size: int) -> bool:
    """Whether a whole entry of a later height stands anywhere after the first bad one."""
    rest = os.pread(segment.fd, size - segment.end, segment.end)
    for height in range(segment.next + 1, segment.next + 1 + _SEARCH_HEIGHTS):
        wanted = height.to_bytes(8, "big")
        at = rest.find(wanted)
        while at >= 0:
            if at >= 8 and _decode(rest[at - 8 :], height) is not None:
                return True
            at = rest.find(wanted, at + 1)
    return False
