# SPDX-License-Identifier: Apache-2.0
"""Validity by height: no wall clock decides about a key, a member or a role."""

from typing import Protocol


class Lifespan(Protocol):
    """Anything that is valid from one height until before another."""

    @property
    def from_height(self) -> int:
        """The first height at which it is valid."""
        ...

    @property
    def to_height(self) -> int | None:
        """The first height at which it is no longer valid; ``None`` while no end is known."""
        ...


def is_valid_at(thing: Lifespan, height: int) -> bool:
    """Whether ``thing`` is valid in the block of that height."""
    end = thing.to_height
    return thing.from_height <= height and (end is None or height < end)
