# SPDX-License-Identifier: Apache-2.0
"""What survives of a node's files when its process is killed, and when the power goes.

A killed process loses nothing that it wrote. A power cut loses what was not synced: of the block
log, which is the real one on real files, each 512-byte sector of the last write by itself; of the
engine's journal, whose entries carry sums, all from some entry on.
"""

import os
import struct
import zlib
from pathlib import Path
from typing import Final

from hanse.engines.simulated_messages import Entry
from hanse.testing.memory import MemoryState
from hanse.testing.simulator.chance import Chance

SECTOR: Final = 512  # bytes that a disk writes as one


class SimulatedJournal:
    """The engine's file, entry by entry."""

    def __init__(self) -> None:
        """Begin empty."""
        self._entries: list[Entry] = []
        self._synced = 0

    def append(self, entry: Entry) -> None:
        """Add at the end; nothing is durable yet."""
        self._entries.append(entry)

    def sync(self) -> None:
        """Make all that was appended durable."""
        self._synced = len(self._entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All that is there."""
        return tuple(self._entries)

    def is_durable(self, entry: Entry) -> bool:
        """Tell whether no power cut can take ``entry`` any more."""
        return any(entry == held for held in reversed(self._entries[: self._synced]))

    def cut_power(self, chance: Chance) -> None:
        """Lose some of what was not synced."""
        unsynced = len(self._entries) - self._synced
        del self._entries[self._synced + chance.below(unsynced + 1) :]
        self._synced = len(self._entries)


class LogDisk:
    """Below the real block log: writes go to real files, syncs are only noted."""

    def __init__(self) -> None:
        """Hold nothing back yet."""
        self._unsynced: dict[int, tuple[int, int]] = {}  # inode: first byte and end

    def write(self, fd: int, data: bytes) -> int:
        """Write ``data`` at the end of the file."""
        about = os.fstat(fd)
        start, _ = self._unsynced.get(about.st_ino, (about.st_size, 0))
        self._unsynced[about.st_ino] = (start, about.st_size + len(data))
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """From now on the file's content survives a power cut."""
        self._unsynced.pop(os.fstat(fd).st_ino, None)

    def cut_power(self, folder: Path, chance: Chance) -> None:
        """Lose sectors of what was not synced, and perhaps the file's end."""
        for path in sorted(folder.glob("*.blk")):
            start, end = self._unsynced.get(path.stat().st_ino, (0, 0))
            image = bytearray(path.read_bytes())
            for sector in range(start // SECTOR * SECTOR, end, SECTOR):
                lost = range(max(start, sector), min(end, sector + SECTOR))
                if chance.happens(0.5):
                    image[lost.start : lost.stop] = bytes(len(lost))
            if start < end and chance.happens(0.5):
                del image[start + chance.below(end - start + 1) :]
            path.write_bytes(image)
        self._unsynced.clear()


class NodeDisk:
    """All that a node keeps: the engine's journal, the block log, a checkpoint of the state.

    The checkpoint stands for LMDB, whose commits are whole or not there; its own power cuts are
    tests of the storage room.
    """

    def __init__(self, folder: Path) -> None:
        """Begin empty in ``folder``."""
        self.folder = folder
        self.journal = SimulatedJournal()
        self.log = LogDisk()
        self.checkpoint: MemoryState | None = None

    def cut_power(self, chance: Chance) -> None:
        """Lose what was not synced, perhaps the log's unsynced mark among it."""
        self.journal.cut_power(chance)
        self.log.cut_power(self.folder, chance)
        mark = self.folder / "acknowledged"
        if mark.exists() and chance.happens(0.3):
            height = struct.pack(">Q", 0)  # an earlier content of the file
            mark.write_bytes(height + struct.pack(">I", zlib.crc32(height)))
