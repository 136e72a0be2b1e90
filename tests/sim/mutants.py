# SPDX-License-Identifier: Apache-2.0
"""Bugs that are planted on purpose: each must be found within 200 seeds, or the simulator is blind.

The list only grows. A mutant is the smallest change of one part that is a real mistake in it.
"""

from collections.abc import Iterable

from hanse.codec.documents import Transaction
from hanse.codec.ordered import OrderedBlock
from hanse.engines.simulated import SimulatedEngine
from hanse.engines.simulated_messages import (
    Answered,
    Delivery,
    Entry,
    Locked,
    Proposal,
    Saved,
    Vote,
)
from hanse.kernel import Kernel
from hanse.node.blocks import StoredBlock
from hanse.testing.memory import MemoryState
from hanse.testing.simulator.node import SimulatedNode


class AckBeforeSync(SimulatedNode):
    """Receipts leave when the block is written; the next block syncs it."""

    def append(self, entry: tuple[int, bytes, bytes]) -> None:
        if self.log.last_height is not None:
            self.log.sync()
        self.log.append([entry], sync=False)


class SkippedTail(SimulatedNode):
    """After a restart the state is the checkpoint's, whatever the log has beyond it."""

    def replay(self, block: StoredBlock, block_id: bytes, txs: tuple[Transaction, ...]) -> None:
        if self.disk.checkpoint is None:
            super().replay(block, block_id, txs)


class _ForgetfulState(MemoryState):
    def find_nonce(self, nonce_digest: bytes) -> bytes | None:
        return None


class AppliedTwice(SimulatedNode):
    """Nobody looks whether a nonce was used in an earlier block."""

    state_class = _ForgetfulState


class _ThirdIsEnough(SimulatedEngine):
    def is_quorum(self, power: int, total: int) -> bool:
        return 3 * power > total


class QuorumOfAThird(SimulatedNode):
    """f + 1 decide where 2f + 1 must."""

    engine_class = _ThirdIsEnough


class _NoSignState(SimulatedEngine):
    def _recover(self) -> list[Entry]:
        tail = super()._recover()
        own = {self.key}
        return [
            entry
            for entry in tail
            if not (
                isinstance(entry, Locked)
                or (isinstance(entry, Vote) and entry.voter in own)
                or (isinstance(entry, Proposal) and entry.proposer in own)
            )
        ]


class SignStateLost(SimulatedNode):
    """After a restart a validator does not know what it has signed."""

    engine_class = _NoSignState


class _VotesTooSoon(SimulatedEngine):
    def _sign(self, spoken: Vote | Proposal) -> None:
        journal = self._journal
        self._journal = _WithoutSync(journal)
        super()._sign(spoken)
        self._journal = journal


class _WithoutSync:
    def __init__(self, journal: object) -> None:
        self._below = journal

    def __getattr__(self, name: str) -> object:
        return getattr(self._below, name)

    def sync(self) -> None:
        """Nothing: that is the mistake."""


class VoteBeforeSync(SimulatedNode):
    """A vote leaves before it is on the disk."""

    engine_class = _VotesTooSoon


class _Unsorted(Kernel):
    def in_order(self, state: object, block: OrderedBlock) -> list[Transaction]:
        return [tx for submission in block.submissions for tx in submission.transactions]


class ProposersOrder(SimulatedNode):
    """Transactions are executed in the order that the proposer liked."""

    kernel_class = _Unsorted


class OwnFirst(SimulatedNode):
    """A node executes what its own clients sent before all else."""

    def ordered(self, delivery: Delivery) -> OrderedBlock:
        block = super().ordered(delivery)
        own = [s for s in block.submissions if any(tx.id in self.sent for tx in s.transactions)]
        if not own:
            return block
        return OrderedBlock(block.engine_height, block.time_ms, (*own, *block.submissions)[:1])

    @property
    def sent(self) -> Iterable[bytes]:
        return self._waiting


class OwnClock(SimulatedNode):
    """Blocks are executed at the node's own time."""

    def ordered(self, delivery: Delivery) -> OrderedBlock:
        block = super().ordered(delivery)
        now = max(self.now, self.state.time_ms)
        return OrderedBlock(block.engine_height, now, block.submissions)


class _ChangesAtOnce(SimulatedEngine):
    def _follow(self, saved: Saved, answer: Answered) -> None:
        super()._follow(saved, answer)
        height = saved.block.height
        self._powers[height + 1] = self._powers[height + 2]


class ValidatorsTooSoon(SimulatedNode):
    """A change of validators counts from the next height, not from the one after."""

    engine_class = _ChangesAtOnce


MUTANTS: list[type[SimulatedNode]] = [
    AckBeforeSync,
    SkippedTail,
    AppliedTwice,
    QuorumOfAThird,
    SignStateLost,
    VoteBeforeSync,
    ProposersOrder,
    OwnFirst,
    OwnClock,
    ValidatorsTooSoon,
]
