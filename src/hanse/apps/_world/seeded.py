# SPDX-License-Identifier: Apache-2.0
"""Seeded numbers by SplitMix64 (Steele, Lea, Flood 2014): equal on every machine."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1


class Seeded:
    """A stream of numbers that depends on the seed alone."""

    def __init__(self, seed: int) -> None:
        """Begin the stream of ``seed``."""
        self._state = seed & _MASK

    def next64(self) -> int:
        """Return the next 64 bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, limit: int) -> int:
        """Return a number from 0 to ``limit`` - 1."""
        return self.next64() % limit

    def between(self, low: int, high: int) -> int:
        """Return a number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def choose(self, things: Sequence[T]) -> T:
        """Return one of ``things``."""
        return things[self.below(len(things))]
