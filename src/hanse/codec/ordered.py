# SPDX-License-Identifier: Apache-2.0
"""What an engine hands to the kernel, the whole seam inwards: submissions, agreed time."""

from dataclasses import dataclass

from hanse.codec.documents import Transaction


@dataclass(frozen=True, slots=True)
class OrderedSubmission:
    """What an engine orders as one: an id and the transactions of one gateway."""

    id: bytes
    transactions: tuple[Transaction, ...]


@dataclass(frozen=True, slots=True)
class OrderedBlock:
    """What an engine hands over: submissions with an agreed time.

    ``signed`` are the nodes, ``node@organisation`` in order, whose votes stand in the block's last
    commit; none where the engine has no votes.
    """

    engine_height: int
    time_ms: int
    submissions: tuple[OrderedSubmission, ...]
    signed: tuple[str, ...] = ()
