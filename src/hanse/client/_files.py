# SPDX-License-Identifier: Apache-2.0
"""Small files that must survive a crash: written beside, synced, renamed, folder synced."""

import os
from pathlib import Path


def write_durably(path: Path, data: bytes) -> None:
    """Make ``data`` the content of ``path``; after a crash the file is the old or the new, whole.

    Raises:
        OSError: the disk refused; the old content stands.
    """
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_if_there(path: Path) -> bytes | None:
    """Return the content of ``path``; ``None`` when there is no such file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
