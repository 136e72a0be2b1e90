# SPDX-License-Identifier: Apache-2.0
"""The liveness guard: no change may leave the validators that run without a quorum.

A validator runs when its vote stood in one of the last commits. The kernel notes that in the state,
seldom enough to be cheap: what is noted is up to ``ATTENDANCE_EVERY_BLOCKS`` behind, so that the
guard errs towards refusing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hanse.codec.limits import ATTENDANCE_BLOCKS, ATTENDANCE_EVERY_BLOCKS
from hanse.contracts.state import Reader
from hanse.kernel.directory import Directory, Seat
from hanse.kernel.entries import ATTENDANCE, Put

KEY_BLOCKS = 2
"""Blocks after a new voting key's first height whose last commit may still show the old key."""


@dataclass(frozen=True, slots=True)
class Quorum:
    """How much of the power is of validators that run."""

    running: int
    total: int

    @property
    def holds(self) -> bool:
        """Whether those that run can decide blocks: more than two thirds of all power."""
        return self.running * 3 > self.total * 2


def count(seats: Iterable[tuple[Seat, bool]]) -> Quorum:
    """Return the quorum of validators, each with whether it runs."""
    listed = list(seats)
    running = sum([seat.entry.power for seat, runs in listed if runs])
    return Quorum(running, sum([seat.entry.power for seat, _ in listed]))


def is_running(reader: Reader, seat: Seat, height: int) -> bool:
    """Whether the validator's vote, by its present key, was seen in the window up to ``height``."""
    seen = ATTENDANCE.get(reader, (seat.organisation, seat.node))
    began = seat.entry.key_height
    first = began + KEY_BLOCKS if began else 0
    return seen is not None and seen > height - ATTENDANCE_BLOCKS and seen >= first


def quorum_of(reader: Reader, seats: Iterable[Seat], height: int) -> Quorum:
    """Return the quorum that ``seats`` would have, judged by what was seen up to ``height``."""
    return count([(seat, is_running(reader, seat, height)) for seat in seats])


def note_attendance(
    directory: Directory, reader: Reader, put: Put, signed: Sequence[str], height: int
) -> None:
    """Note in the state whose votes stood in the last commit; each at most every few blocks."""
    if not signed:
        return
    present = set(signed)
    for seat in directory.engine_validators(reader, height):
        if f"{seat.node}@{seat.organisation}" not in present:
            continue
        at = (seat.organisation, seat.node)
        seen = ATTENDANCE.get(reader, at)
        if seen is None or height - seen >= ATTENDANCE_EVERY_BLOCKS:
            ATTENDANCE.put(put, at, height)
