# SPDX-License-Identifier: Apache-2.0
"""A simulated node: real kernel, state, tries and block log behind the simulated engine and a door.

The door is what a gateway does as far as the ledger is concerned: it takes transactions in, gives
receipts out once they are durable, and answers questions.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from hanse.codec.canonical import encode
from hanse.codec.documents import Transaction
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.codec.submission import Submission, make_submission
from hanse.contracts.contract import Contract
from hanse.crypto import SHA256
from hanse.engines.budget import Budget
from hanse.engines.cometbft.pool import Pool, fits
from hanse.engines.simulated import SimulatedEngine
from hanse.engines.simulated_messages import (
    Answered,
    Delivery,
    Message,
    Output,
    Pooled,
    Timer,
)
from hanse.identity import Genesis
from hanse.kernel import Asked, BlockResult, Kernel
from hanse.node.blocks import (
    StoredBlock,
    decode_block,
    encode_block,
    execute_again,
    transactions_of,
)
from hanse.storage import BlockLog
from hanse.testing.memory import MemoryState
from hanse.testing.simulator.disk import NodeDisk

CHECKPOINT_BLOCKS: Final = 4
CERTIFICATE: Final = b"{}"  # the votes are in the engine's journal


@dataclass(frozen=True, slots=True)
class Founded:
    """What all nodes of a network know: genesis, contracts, voting keys by node and their power."""

    genesis: Genesis
    ledger: str
    contracts: tuple[type[Contract], ...]
    nodes: dict[str, bytes]  # node@organisation: voting key, in or out of the set
    powers: dict[bytes, int]  # at height 1
    loaded: dict[tuple[type, str], Kernel] = field(default_factory=dict, compare=False)

    def name_of(self, key: bytes) -> str:
        """Return the node that votes with ``key``."""
        return next(name for name, held in self.nodes.items() if held == key)

    def load_kernel(self, who: str, kernel_class: type[Kernel] = Kernel) -> Kernel:
        """Return the rules as ``who`` has them installed.

        They are kept, since loading takes longer than all else in a restart; what a kernel
        remembers is of one state object, and each start makes another.
        """
        at = (kernel_class, who)
        if at not in self.loaded:
            self.loaded[at] = kernel_class(self.genesis, self.ledger, self.contracts)
        return self.loaded[at]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A node's answer to a transaction: where its record is, or why there is none."""

    tx: bytes
    height: int  # -1 when there is no record
    index: int
    receipt: bytes
    refused: str = ""


@dataclass(slots=True)
class Applied:
    """A block that a node has made durable, as the checks are told of it."""

    delivery: Delivery
    result: BlockResult | None  # of one with submissions


@dataclass(slots=True)
class Told:
    """What came out of one call beside the engine's wishes."""

    opened: int | None = None  # newest height of a log that was just opened
    answers: list[Receipt] = field(default_factory=list)
    applied: list[Applied] = field(default_factory=list)


class SimulatedNode:
    """One node between two crashes; :meth:`on_restart` makes one from a disk."""

    engine_class: type[SimulatedEngine] = SimulatedEngine
    kernel_class: type[Kernel] = Kernel
    state_class: type[MemoryState] = MemoryState
    block_txs = 12  # in one block at most, so that there are many

    def __init__(
        self,
        founded: Founded,
        name: str,
        disk: NodeDisk,
        at: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Stand before the start; ``at`` is called where a crash is worth trying."""
        self.founded = founded
        self.name = name
        self.disk = disk
        self.at = at
        self.told = Told()
        self.now = 0
        self.kernel = founded.load_kernel(name, self.kernel_class)
        genesis = (founded.powers, founded.genesis.time_ms)
        key = founded.nodes[name]
        self.engine = self.engine_class(key, genesis, self, disk.journal, at)
        self.records: dict[bytes, Receipt] = {}
        rules = founded.genesis.rules
        self.budget = Budget(self.block_txs, rules.block_cost_max, rules.block_bytes_max)
        self._pool = Pool()
        self._waiting: dict[bytes, Transaction] = {}
        self._sequence = 0
        self.block_before = b""
        self._executed: tuple[Delivery, BlockResult | None] | None = None

    # what happens -------------------------------------------------------------------------------

    def on_restart(self, now: int) -> list[Output]:
        """Open the log, bring the state up from it, then let the engine go on.

        Raises:
            Corrupt: the log is damaged, or replay gives another root than it holds.
        """
        self.now, self.told = now, Told()
        self.log = BlockLog.open(self.disk.folder, create=True, disk=self.disk.log)
        held = self.disk.checkpoint
        self.state = self.state_class(SHA256) if held is None else held.copy()
        last = -1 if self.log.last_height is None else self.log.last_height
        self.told.opened = last
        for height in range(last + 1):
            self._read_again(height)
        if last < 0:
            self._keep(self.kernel.genesis_block(self.state))
        return self.engine.on_restart(now)

    def on_message(self, now: int, sender: bytes, message: Message) -> list[Output]:
        """Take in what another node says."""
        self.now, self.told = now, Told()
        return self.engine.on_message(now, sender, message)

    def on_timer(self, now: int, timer: Timer) -> list[Output]:
        """Do what the timer was set for."""
        self.now, self.told = now, Told()
        return self.engine.on_timer(now, timer)

    def on_submit(self, now: int, transactions: Iterable[Transaction]) -> list[Output]:
        """Take transactions of a client; each gets its receipt when it is durable here."""
        self.now, self.told = now, Told()
        self.engine.out = []
        fresh: list[Transaction] = []
        for tx in transactions:
            if tx.id in self.records:
                self.told.answers.append(self.records[tx.id])
            elif tx.id not in self._waiting:
                self._waiting[tx.id] = tx
                fresh.append(tx)
        if not fresh:
            return []
        self._sequence += 1
        head = (self.founded.ledger, self.name, now * 1_000 + self._sequence)
        made = make_submission(head, tuple(fresh), lambda _: bytes(64), SHA256.tagged)
        return self.engine.on_submission(now, Pooled((made,)))

    def ask(self, contract: str, name: str, args: dict[str, object]) -> tuple[int, bytes | None]:
        """Return height and answer of a query on the newest durable block; no answer if refused."""
        height = self.state.height
        asked = Asked(contract, name, encode(args), "", height, self.state.time_ms)
        return height, self.kernel.query(self.state, asked).result

    def stop(self) -> None:
        """Close the files, as the system does when a process dies."""
        self.log.close()

    # the application's side of the engine -------------------------------------------------------

    def info(self) -> tuple[int, bytes]:
        """Return the engine height of the newest block in the log, and its id."""
        last = self.log.last_height
        assert last is not None
        block_id, payload = self.log.read(last)
        return decode_block(payload).header.engine_height, block_id

    def prepare(self) -> tuple[Submission, ...]:
        """Return waiting submissions for a block."""
        return tuple(self._pool.choose(self.budget, self.budget.bytes))

    def process(self, submissions: tuple[Submission, ...]) -> bool:
        """Tell whether a block of these keeps the rules."""
        once = len({submission.id for submission in submissions}) == len(submissions)
        return once and fits(self.budget, submissions)

    def pool(self, submissions: tuple[Submission, ...]) -> tuple[Submission, ...]:
        """Take what is not wholly on the ledger to what waits; return what was new."""
        new = []
        for submission in submissions:
            done = all(tx.id in self.records for tx in submission.transactions)
            own = submission.node == self.name
            fresh = submission.id not in self._pool and not done
            if fresh and self._pool.add(submission, own=own):
                new.append(submission)
        return tuple(new)

    def ordered(self, delivery: Delivery) -> OrderedBlock:
        """Return a delivery as the kernel is given it."""
        held = tuple(OrderedSubmission(s.id, s.transactions) for s in delivery.submissions)
        signed = tuple(sorted(self.founded.name_of(key) for key in delivery.signed))
        return OrderedBlock(delivery.height, delivery.time_ms, held, signed)

    def finalize(self, delivery: Delivery) -> Answered:
        """Execute a block by the kernel."""
        self.block_before = self.state.block_id
        result = None
        if delivery.submissions:  # an empty block of the engine is none of the ledger
            result = self.kernel.apply_block(self.state, self.ordered(delivery))
        self._executed = delivery, result
        if result is None:
            return Answered(delivery.height, self.state.block_id, ())
        return Answered(delivery.height, result.block_id, result.validator_updates)

    def commit(self) -> None:
        """Append the executed block to the log; then, and only then, let its receipts go."""
        assert self._executed is not None
        delivery, result = self._executed
        self._executed = None
        if result is not None and result.header is not None:
            self._keep(result)
        self._pool.remove(submission.id for submission in delivery.submissions)
        self.told.applied.append(Applied(delivery, result))
        if result is not None:
            self._answer(result)
        for submission in self._pool.expire(delivery.time_ms):
            for tx in submission.transactions:
                self._refuse(tx, "expired")
        if self.state.height % CHECKPOINT_BLOCKS == 0:
            self.at("before the checkpoint")
            self.disk.checkpoint = self.state.copy()

    def _keep(self, result: BlockResult) -> None:
        assert result.header is not None
        entry = (result.header.height, result.block_id, encode_block(result, CERTIFICATE))
        self.at("before the log is written")
        self.append(entry)
        self.at("after the log is synced")
        self.state.apply(result)
        for index, (tx, receipt) in enumerate(result.records):
            self.records[tx.id] = Receipt(tx.id, result.header.height, index, receipt)

    def append(self, entry: tuple[int, bytes, bytes]) -> None:
        """Make a block durable."""
        self.log.append([entry])

    def _answer(self, result: BlockResult) -> None:
        """Tell who waits: a receipt, of this block or an earlier one, or why there is none."""
        for tx in (*(tx for tx, _ in result.records), *result.repeated):
            if self._waiting.pop(tx.id, None) is not None:
                self.told.answers.append(self.records[tx.id])
        for lost in result.dropped:
            self._refuse(lost.transaction, lost.code)

    def _refuse(self, tx: Transaction, code: str) -> None:
        """Tell who waits that nothing comes of ``tx``, unless it has a record already."""
        if self._waiting.pop(tx.id, None) is not None:
            refused = Receipt(tx.id, -1, -1, b"", code)
            self.told.answers.append(self.records.get(tx.id, refused))

    # starting -----------------------------------------------------------------------------------

    def _read_again(self, height: int) -> None:
        """Take a block of the log in: execute it again, if the checkpoint does not have it."""
        block_id, payload = self.log.read(height)
        block = decode_block(payload)
        txs = transactions_of(block, SHA256)
        if height > self.state.height:
            self.replay(block, block_id, txs)
        for index, (tx, (_, receipt)) in enumerate(zip(txs, block.records, strict=True)):
            self.records[tx.id] = Receipt(tx.id, height, index, receipt)

    def replay(self, block: StoredBlock, block_id: bytes, txs: tuple[Transaction, ...]) -> None:
        """Execute a stored block on the state."""
        self.state.apply(execute_again(self.kernel, self.state, block, block_id, txs))
