# SPDX-License-Identifier: Apache-2.0
"""Checked documents held for a moment, so that what is signed is what was checked."""

from collections import OrderedDict
from typing import Final

from hanse.console.upload import File

HELD_BYTES_MAX: Final = 64 * 1024 * 1024  # bytes of all held files; the oldest goes first


class HeldFiles:
    """At most one checked file for each session, in memory, bounded in all."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, tuple[str, File]] = OrderedDict()

    def keep(self, session: str, name: str, file: File) -> None:
        """Hold the file that a session has just checked."""
        self._files.pop(session, None)
        self._files[session] = (name, file)
        while sum(len(held.data) for _, held in self._files.values()) > HELD_BYTES_MAX:
            self._files.popitem(last=False)

    def take(self, session: str) -> tuple[str, File] | None:
        """Give up the file of a session: it is sent once."""
        return self._files.pop(session, None)
