# SPDX-License-Identifier: Apache-2.0
"""Batches of readings: the root that a device commits to, and the path that proves one of them.

The tree is that of RFC 9162 over digests that a contract can make itself (``ctx.digest``), so that
the pattern ``metering`` recomputes a root from one reading and its path.
"""

from collections.abc import Sequence

from hanse.codec.documents import Tagged
from hanse.contracts.digests import digest_of


def reading_leaf(tagged: Tagged, device: str, seq: int, time_ms: int, value: int) -> str:
    """Return the leaf that stands for one reading."""
    return digest_of(tagged, "metering/leaf/1", device, seq, time_ms, value)


def batch_root(tagged: Tagged, leaves: Sequence[str]) -> str:
    """Return the root over the leaves, of which there is at least one."""
    return _levels(tagged, leaves)[-1][0]


def batch_path(tagged: Tagged, leaves: Sequence[str], index: int) -> list[str]:
    """Return the sibling digests from leaf ``index`` up to the root."""
    path: list[str] = []
    for level in _levels(tagged, leaves)[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index //= 2
    return path


def _levels(tagged: Tagged, leaves: Sequence[str]) -> list[list[str]]:
    assert leaves, "a batch has at least one reading"
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [below[at : at + 2] for at in range(0, len(below), 2)]
        levels.append(
            [
                digest_of(tagged, "metering/node/1", pair[0], pair[1]) if pair[1:] else pair[0]
                for pair in pairs
            ]
        )
    return levels
