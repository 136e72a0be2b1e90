# SPDX-License-Identifier: Apache-2.0
"""The embedded engine: one node orders by arrival; a block is what came while the last was written.

Group commit comes of that by itself: under load blocks grow, alone a transaction waits for nobody.
Under load a few blocks are in hand at once, each in another step; they are delivered in order.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from hanse.codec.documents import Transaction
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.engines.budget import Budget, check_queue

BLOCK_TXS: Final = 256  # of one block under load: 30 ms of work against 1 ms of sync; with all that
# waits in one block, callers are answered all at once, and then all of them keep the node waiting

BLOCKS_IN_HAND: Final = 3  # one is written, one executed, one waits for that
BESIDE_TXS: Final = 64  # that make it worth to begin a block while another is in hand

Deliver = Callable[[OrderedBlock], Awaitable[None]]


class EmbeddedEngine:
    """Orders transactions for a single node and delivers block after block, a few at once."""

    def __init__(
        self,
        deliver: Deliver,
        clock_ms: Callable[[], int],
        budget: Budget,
        *,
        height: int,
        time_ms: int,
    ) -> None:
        """Go on after engine height ``height`` and block time ``time_ms``.

        ``budget`` is that of the next block; it may be set anew at any time.
        """
        self._deliver = deliver
        self._clock_ms = clock_ms
        self.budget = budget
        self._height = height
        self._time_ms = time_ms
        self._queue: deque[Transaction] = deque()
        self._alone: deque[Transaction] = deque()
        self._in_hand: deque[asyncio.Future[None]] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Transactions that wait for a block."""
        return len(self._queue) + len(self._alone)

    async def start(self) -> None:
        """Begin to deliver blocks on the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="embedded-engine")

    async def stop(self) -> None:
        """Deliver nothing more once the blocks in hand are done; what waits is given up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, *self._in_hand, return_exceptions=True)

    def check(self, count: int) -> None:
        """Refuse ``count`` further transactions when the queue has no room.

        Raises:
            QueueFull: with the number that waits.
        """
        check_queue(len(self._queue), count)

    def submit(self, transactions: list[Transaction]) -> None:
        """Put transactions behind those that wait."""
        self._queue.extend(transactions)
        self._wake.set()

    async def wait(self) -> None:
        """Return when the engine has failed; it never ends by itself."""
        assert self._task is not None
        await self._task

    def again(self, transactions: Sequence[Transaction]) -> None:
        """Put transactions in front of all that waits, each in a block of its own."""
        self._alone.extend(transactions)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            while self._in_hand and self._in_hand[0].done():
                self._in_hand.popleft().result()
            if not self._is_worth_a_block():
                self._wake.clear()
                await self._wake.wait()
                continue
            transactions = self._take()
            self._height += 1
            self._time_ms = max(self._clock_ms(), self._time_ms + 1)
            submission = OrderedSubmission(self._height.to_bytes(8, "big"), tuple(transactions))
            block = OrderedBlock(self._height, self._time_ms, (submission,))
            delivered = asyncio.ensure_future(self._deliver(block))
            delivered.add_done_callback(lambda _: self._wake.set())
            self._in_hand.append(delivered)

    def _is_worth_a_block(self) -> bool:
        """Whether to begin one now; beside others only when much waits, and room for it is left."""
        if not self._in_hand:
            return bool(self._queue or self._alone)
        return len(self._in_hand) < BLOCKS_IN_HAND and len(self._queue) >= BESIDE_TXS

    def _take(self) -> list[Transaction]:
        if self._alone:
            return [self._alone.popleft()]
        taken: list[Transaction] = []
        cost = size = 0
        while self._queue and len(taken) < min(self.budget.txs, BLOCK_TXS):
            tx = self._queue[0]
            cost += tx.body.cost_max
            size += len(tx.raw)
            if taken and (cost > self.budget.cost or size > self.budget.bytes):
                break
            taken.append(self._queue.popleft())
        return taken
