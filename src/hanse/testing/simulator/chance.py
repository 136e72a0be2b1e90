# SPDX-License-Identifier: Apache-2.0
"""The only source of chance in a simulation: a seed decides all that comes of it."""

import random  # noqa: TID251  # seeded: the same numbers on every machine
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """Numbers from a seed; only what Python promises to keep over its versions is used."""

    def __init__(self, seed: str) -> None:
        """Begin; equal seeds give equal numbers."""
        self._drawn = random.Random(seed)  # noqa: S311  # no secret comes of it

    def happens(self, probability: float) -> bool:
        """Tell whether something of this probability happens now."""
        return self._drawn.random() < probability

    def below(self, limit: int) -> int:
        """Return a number from 0 to ``limit`` - 1."""
        return int(self._drawn.random() * limit)

    def between(self, low: int, high: int) -> int:
        """Return a number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def choose(self, choices: Sequence[T]) -> T:
        """Return one of ``choices``."""
        return choices[self.below(len(choices))]
