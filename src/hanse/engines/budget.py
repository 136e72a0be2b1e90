# SPDX-License-Identifier: Apache-2.0
"""What every engine keeps within: the budget of a block, the length of its queue."""

from dataclasses import dataclass

from hanse.codec.limits import PENDING_TXS_MAX
from hanse.errors import Rejected


@dataclass(frozen=True, slots=True)
class Budget:
    """What one block may hold: transactions, the sum of their ``cost_max``, bytes."""

    txs: int
    cost: int
    bytes: int


@dataclass(eq=False)
class QueueFull(Rejected):
    """Too many transactions wait for a block."""

    waiting: int
    code = "queue_full"
    status = 429
    hint = "Send again in a moment; the same bytes count once."


def check_queue(waiting: int, more: int) -> None:
    """Establish that ``more`` transactions may wait beside those that do.

    Raises:
        QueueFull: with the number that waits.
    """
    if waiting + more > PENDING_TXS_MAX:
        raise QueueFull(waiting)
