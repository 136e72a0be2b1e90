# SPDX-License-Identifier: Apache-2.0
"""The block log: what it holds after every way of ending, and what it refuses to open."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hanse.crypto import SHA256
from hanse.storage import BlockLog, blocklog
from hanse.storage.errors import (
    BlockDamaged,
    BlockNotHeld,
    StorageFailed,
    StorageInUse,
    StorageUnknown,
)

Entry = tuple[int, bytes, bytes]


def entry(height: int, size: int = 40) -> Entry:
    return height, SHA256(b"%d" % height), (b"%d " % height * size)[:size]


def fill(folder: Path, count: int, **options: object) -> None:
    log = BlockLog.open(folder, create=True)
    for height in range(count):
        log.append([entry(height)])
    log.close()


def read_all(folder: Path) -> list[Entry]:
    log = BlockLog.open(folder, readonly=True, acknowledged_height=3)
    try:
        return [*log.blocks(0, 3)]
    finally:
        log.close()


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.blk"))


def forget_mark(folder: Path) -> None:
    (folder / "acknowledged").unlink()


class FailingDisk:
    """Does what it is told, until the given call: then it fails, before or after doing it."""

    def __init__(self, call: str, *, persists: bool) -> None:
        self.call, self.persists, self.armed = call, persists, False

    def write(self, fd: int, data: bytes) -> int:
        return self._run("write", lambda: os.write(fd, data))

    def sync(self, fd: int) -> None:
        self._run("sync", lambda: os.fsync(fd) or 0)

    def _run(self, call: str, work: Callable[[], int]) -> int:
        if self.armed and call == self.call:
            if self.persists:
                work()
            raise OSError(5, "Input/output error")
        return work()


def test_what_was_appended_is_read_again(tmp_path: Path) -> None:
    log = BlockLog.open(tmp_path / "log", create=True)
    assert log.last_height is None
    log.append([entry(0), entry(1)])
    log.append([entry(2, 0)])
    log.append([])
    assert log.last_height == 2
    for reader in (log, BlockLog.open(tmp_path / "log", readonly=True)):
        assert [*reader.blocks(0, 2)] == [entry(0), entry(1), entry(2, 0)]
        assert reader.read(1) == entry(1)[1:]
        assert (reader.first_height, reader.last_height) == (0, 2)
        for height in (-1, 3):
            with pytest.raises(BlockNotHeld):
                reader.read(height)
        reader.close()


def test_a_log_may_begin_at_any_height_but_has_no_gap(tmp_path: Path) -> None:
    log = BlockLog.open(tmp_path, create=True)
    log.append([entry(7)])
    with pytest.raises(AssertionError):
        log.append([entry(9)])
    assert log.read(7) == entry(7)[1:]
    log.close()


def test_two_processes_cannot_write_one_log(tmp_path: Path) -> None:
    log = BlockLog.open(tmp_path, create=True)
    with pytest.raises(StorageInUse):
        BlockLog.open(tmp_path)
    log.close()
    BlockLog.open(tmp_path).close()


def test_no_log_is_made_by_mistake(tmp_path: Path) -> None:
    for readonly in (False, True):
        with pytest.raises(StorageUnknown):
            BlockLog.open(tmp_path / "none", readonly=readonly)
    assert not (tmp_path / "none").exists()


def test_segments_follow_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocklog, "SEGMENT_BYTES", 300)
    fill(tmp_path, 20)
    names = [path.name for path in segments(tmp_path)]
    assert names[:3] == ["000000000000.blk", "000000000003.blk", "000000000006.blk"]
    assert all(path.stat().st_size <= 300 for path in segments(tmp_path))
    log = BlockLog.open(tmp_path)
    assert [*log.blocks(0, 19)] == [entry(height) for height in range(20)]
    log.append([entry(20, 5000)])  # larger than a segment: one of its own
    assert log.read(20) == entry(20, 5000)[1:]
    log.close()


def test_an_import_syncs_at_its_end(tmp_path: Path) -> None:
    log = BlockLog.open(tmp_path, create=True)
    log.append([entry(0)], sync=False)
    other = BlockLog.open(tmp_path, readonly=True)
    assert other.last_height is None  # not durable yet
    log.sync()
    assert BlockLog.open(tmp_path, readonly=True).last_height == 0
    log.close()


@pytest.mark.parametrize("acknowledged", [None, 3])
def test_a_tail_torn_at_any_byte_is_cut(tmp_path: Path, acknowledged: int | None) -> None:
    fill(tmp_path, 5)
    forget_mark(tmp_path)
    whole = segments(tmp_path)[0].read_bytes()
    size = len(whole) // 5
    for cut in range(4 * size, 5 * size):
        for path in segments(tmp_path):
            path.unlink()
        (tmp_path / "acknowledged").unlink(missing_ok=True)
        (tmp_path / "000000000000.blk").write_bytes(whole[:cut])
        log = BlockLog.open(tmp_path, acknowledged_height=acknowledged)
        assert log.last_height == 3
        log.append([entry(4)])
        assert [*log.blocks(0, 4)] == [entry(height) for height in range(5)]
        log.close()


def test_a_tail_of_zeros_is_cut(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    forget_mark(tmp_path)
    with segments(tmp_path)[0].open("ab") as file:
        file.write(bytes(5000))
    log = BlockLog.open(tmp_path)
    assert log.last_height == 1
    log.close()
    assert sum(path.stat().st_size for path in segments(tmp_path)) == 2 * 88


def test_an_acknowledged_block_that_is_missing_is_damage(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    path = segments(tmp_path)[0]
    os.truncate(path, path.stat().st_size - 1)
    for readonly in (False, True):
        with pytest.raises(BlockDamaged):  # the mark knows
            BlockLog.open(tmp_path, readonly=readonly)
    forget_mark(tmp_path)
    with pytest.raises(BlockDamaged) as caught:  # the store knows
        BlockLog.open(tmp_path, acknowledged_height=4)
    assert caught.value.height == 4
    path.unlink()
    with pytest.raises(BlockDamaged):
        BlockLog.open(tmp_path, acknowledged_height=4)


def test_no_flipped_bit_is_ever_read_as_a_block(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    path = segments(tmp_path)[0]
    whole = path.read_bytes()
    for bit in range(0, len(whole) * 8, 3):
        flipped = bytearray(whole)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        path.write_bytes(flipped)
        with pytest.raises(BlockDamaged):
            read_all(tmp_path)  # acknowledged: the payload is judged when it is read


def test_a_bad_entry_before_a_good_one_is_damage_even_if_nobody_knows_of_it(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    forget_mark(tmp_path)
    path = segments(tmp_path)[0]
    whole = path.read_bytes()
    for bit in range(len(whole) * 6, len(whole) * 8, 5):  # the last of four entries
        flipped = bytearray(whole)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        path.write_bytes(flipped)
        log = BlockLog.open(tmp_path, readonly=True)
        assert log.last_height == 2
        log.close()
    for bit in range(len(whole) * 4, len(whole) * 6, 5):  # the third: the fourth is still good
        flipped = bytearray(whole)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        path.write_bytes(flipped)
        with pytest.raises(BlockDamaged, match="followed by a good one"):
            BlockLog.open(tmp_path)
    assert path.read_bytes() == bytes(flipped)  # refused: nothing was touched


def test_damage_in_an_older_segment_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocklog, "SEGMENT_BYTES", 300)
    fill(tmp_path, 9)
    path = segments(tmp_path)[1]
    os.truncate(path, path.stat().st_size - 3)
    with pytest.raises(BlockDamaged) as caught:
        BlockLog.open(tmp_path)
    assert caught.value.height == 5
    path.unlink()
    with pytest.raises(BlockDamaged):
        BlockLog.open(tmp_path)


def test_the_unacknowledged_tail_is_written_again_before_it_counts(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    forget_mark(tmp_path)
    first = segments(tmp_path)[0]
    old = first.stat().st_ino
    log = BlockLog.open(tmp_path, acknowledged_height=2)
    log.close()
    assert [path.name for path in segments(tmp_path)] == ["000000000000.blk", "000000000003.blk"]
    assert first.stat().st_size == 3 * 88
    log = BlockLog.open(tmp_path)  # nothing is known: the whole last segment is new
    assert [*log.blocks(0, 4)] == [entry(height) for height in range(5)]
    log.close()
    for path in segments(tmp_path)[1:]:
        path.unlink()
    log = BlockLog.open(tmp_path)
    assert log.last_height == 2
    log.close()
    assert first.stat().st_ino != old


def test_a_crash_while_the_tail_is_written_again_loses_nothing(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    forget_mark(tmp_path)
    whole = segments(tmp_path)[0].read_bytes()
    (tmp_path / "000000000003.new").write_bytes(whole[3 * 88 :])  # before the rename
    (tmp_path / "000000000003.blk").write_bytes(whole[3 * 88 :])  # before the cut
    log = BlockLog.open(tmp_path)
    assert [*log.blocks(0, 4)] == [entry(height) for height in range(5)]
    log.append([entry(5)])
    log.close()
    assert (tmp_path / "000000000000.blk").stat().st_size == 3 * 88
    assert not [*tmp_path.glob("*.new")]


def test_an_empty_new_segment_is_made_again(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    (tmp_path / "000000000002.blk").touch()
    log = BlockLog.open(tmp_path)
    assert log.last_height == 1
    log.append([entry(2)])
    assert log.read(2) == entry(2)[1:]
    log.close()


@pytest.mark.parametrize("persists", [False, True], ids=["lost", "persisted"])
@pytest.mark.parametrize("call", ["write", "sync"])
def test_any_error_is_fatal_and_nothing_is_retried(
    tmp_path: Path, call: str, *, persists: bool
) -> None:
    disk = FailingDisk(call, persists=persists)
    log = BlockLog.open(tmp_path, create=True, disk=disk)
    log.append([entry(0)])
    disk.armed = True
    with pytest.raises(StorageFailed) as caught:
        log.append([entry(1)])
    assert caught.value.exit_code == 70
    disk.armed = False
    assert log.last_height == 0
    with pytest.raises(StorageFailed, match="earlier"):
        log.append([entry(1)])
    log.close()
    log = BlockLog.open(tmp_path)  # the next start: whole, at most once, and never acknowledged
    there = persists or call == "sync"
    assert log.last_height == (1 if there else 0)
    log.append([entry(2 if there else 1)])
    log.close()


def test_a_tail_that_cannot_be_written_again_does_not_count(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    forget_mark(tmp_path)
    for call in ("write", "sync"):
        disk = FailingDisk(call, persists=False)
        disk.armed = True
        with pytest.raises(StorageFailed):
            BlockLog.open(tmp_path, acknowledged_height=1, disk=disk)
    log = BlockLog.open(tmp_path, readonly=True)  # short of space: read only, from what was there
    assert log.last_height is None or log.last_height <= 2
    log.close()
    log = BlockLog.open(tmp_path, acknowledged_height=1)
    assert log.last_height == 2
    log.close()


def test_a_reader_sees_only_what_the_writer_saw_durable(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    with segments(tmp_path)[0].open("ab") as file:
        file.write(blocklog.encode_entry(*entry(3)))
    log = BlockLog.open(tmp_path, readonly=True)
    assert log.last_height == 2
    log.close()
    log = BlockLog.open(tmp_path)  # the node itself takes it up: found whole, it counts once
    assert log.last_height == 3
    log.close()


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    fill(tmp_path / "log", 2)
    for path in (tmp_path / "log").iterdir():
        assert path.stat().st_mode & 0o077 == 0
