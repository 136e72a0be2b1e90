# SPDX-License-Identifier: Apache-2.0
"""Cosignatures of witnesses: kept for recent headers, the newest complete one also on disk."""

import asyncio
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hanse.client import note as notes
from hanse.client._genesis import Genesis
from hanse.codec.canonical import encode
from hanse.errors import Malformed, ProofInvalid
from hanse.node.errors import CosignatureRefused, NotCosigned

KEPT_MAX = 512  # recent notes for which cosignatures are still taken
WAIT_S = 10.0  # how long evidence waits for its cosignatures


@dataclass(slots=True)
class _Kept:
    height: int
    note: notes.Note
    complete: asyncio.Event


class _Saved(msgspec.Struct, frozen=True):
    height: int
    note: str


class Cosigning:
    """Notes by size of the log, oldest first, with the witness lines that have come."""

    def __init__(self, genesis: Genesis, path: Path) -> None:
        """Begin with the newest complete note from ``path`` if there is one."""
        self._genesis = genesis
        self._path = path
        self._notes: OrderedDict[int, _Kept] = OrderedDict()
        self._wanted: list[int] = []
        self.newest_complete: tuple[int, notes.Note] | None = None
        if path.exists():
            saved = msgspec.json.decode(path.read_bytes(), type=_Saved)
            self.newest_complete = (saved.height, notes.parse_note(saved.note))

    @property
    def quorum(self) -> int:
        """How many witnesses must cosign."""
        return self._genesis.witness_quorum

    def add(self, height: int, note: notes.Note) -> None:
        """Take a new header's note in."""
        kept = _Kept(height, note, asyncio.Event())
        self._notes[note.checkpoint.size] = kept
        if self.quorum == 0:
            kept.complete.set()
            self.newest_complete = (height, note)
        while len(self._notes) > KEPT_MAX:
            self._notes.popitem(last=False)

    def find(self, size: int) -> notes.Note | None:
        """Return the note of that size with the lines collected so far."""
        kept = self._notes.get(size)
        return None if kept is None else kept.note

    @property
    def to_cosign(self) -> notes.Note | None:
        """The note to cosign next: one that evidence waits for, else the newest."""
        for size in self._wanted:
            if size in self._notes:
                return self._notes[size].note
        return next(reversed(self._notes.values())).note if self._notes else None

    def add_lines(self, text: str) -> None:
        """Take the witness lines of a note.

        Raises:
            CosignatureRefused: an unknown checkpoint, or a line that does not hold.
        """
        try:
            given = notes.parse_note(text)
            notes.verify_operator(given, self._genesis)
            notes.verify_witnesses(given, self._genesis)
        except (Malformed, ProofInvalid) as error:
            raise CosignatureRefused(error.reason) from None
        kept = self._notes.get(given.checkpoint.size)
        if kept is None or kept.note.checkpoint != given.checkpoint:
            raise CosignatureRefused("no such recent checkpoint on this node")
        kept.note = notes.with_lines(kept.note, given.lines[1:])
        if len(kept.note.lines) > self.quorum and not kept.complete.is_set():
            kept.complete.set()
            self._save(kept)

    async def wait(self, size: int) -> notes.Note:
        """Return the note of that size once it has its quorum.

        Raises:
            NotCosigned: the witnesses did not answer in time.
        """
        kept = self._notes[size]
        self._wanted.append(size)
        try:
            await asyncio.wait_for(kept.complete.wait(), WAIT_S)
        except TimeoutError:
            have = len(kept.note.lines) - 1
            raise NotCosigned(kept.height, have, self.quorum) from None
        finally:
            self._wanted.remove(size)
        return kept.note

    def _save(self, kept: _Kept) -> None:
        newest = self.newest_complete
        if newest is not None and newest[0] >= kept.height:
            return
        self.newest_complete = (kept.height, kept.note)
        beside = self._path.with_suffix(".new")
        saved = _Saved(height=kept.height, note=notes.encode_note(kept.note))
        try:
            with beside.open("wb") as file:
                file.write(encode(saved))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            raise CosignatureRefused(f"it could not be kept: {error.strerror}") from None
