# SPDX-License-Identifier: Apache-2.0
"""Files as a ledger needs them: synced, locked, replaced whole or not at all."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Protocol

from hanse.storage.errors import StorageInUse

_data_sync = getattr(os, "fdatasync", os.fsync)  # absent on macOS


class Disk(Protocol):
    """The two calls whose failure a ledger must survive; tests put a failing one in their place."""

    def write(self, fd: int, data: bytes) -> int:
        """Write some of ``data``; return how many bytes."""
        ...

    def sync(self, fd: int) -> None:
        """Return when the file's content is on the disk."""
        ...


class RealDisk:
    """The operating system's own calls."""

    def write(self, fd: int, data: bytes) -> int:
        """Write some of ``data``; return how many bytes."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Return when the file's content is on the disk."""
        _data_sync(fd)


def sync_folder(path: Path) -> None:
    """Make names that were created, renamed or removed in ``path`` durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(disk: Disk, fd: int, data: bytes) -> None:
    """Write all of ``data``; a short write goes on, a failed one raises."""
    done = disk.write(fd, data)
    while done < len(data):
        done += disk.write(fd, data[done:])


def lock_folder(path: Path, name: str) -> int:
    """Return a descriptor that keeps other processes from writing in ``path`` while it is open.

    Raises:
        StorageInUse: another process holds it.
    """
    fd = os.open(path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise StorageInUse(path=str(path)) from None
        raise
    return fd
