# SPDX-License-Identifier: Apache-2.0
"""The application that CometBFT drives: submissions in, blocks out, one block in hand.

A submission is verified once on this node and remembered by its bytes until its block is durable.
Who proposes cannot choose the order in a block (``kernel.Kernel.in_order``), nor put in anything
that others have not verified, too.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from hanse.codec.documents import Tagged, Transaction
from hanse.codec.limits import SUBMISSION_BYTES_MAX
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.codec.submission import Submission, make_submission
from hanse.engines.budget import Budget, check_queue
from hanse.engines.cometbft import messages as m
from hanse.engines.cometbft import parts as p
from hanse.engines.cometbft.application import Application
from hanse.engines.cometbft.pool import FIRST, Pool, fits
from hanse.errors import Rejected

BUNDLE_TXS: Final = 400  # of one submission: one signature and one message for so many
BUNDLE_S: Final = 0.005  # for which transactions wait for others
KNOWN_MAX: Final = 4_000  # verified submissions that are remembered
RETRY: Final = 32_000  # code of InsertTx that lets the engine offer it again


@dataclass(frozen=True, slots=True)
class Decided:
    """What executing a block gave: the app hash, and voting keys with their new power."""

    app_hash: bytes
    updates: tuple[tuple[bytes, int], ...] = ()


class Host(Protocol):
    """The node, as the engine needs it."""

    @property
    def ledger(self) -> str:
        """The ledger id, which is the engine's chain id."""

    @property
    def node(self) -> str:
        """This node: ``node@organisation``."""

    def sign(self, message: bytes) -> bytes:
        """Return the node's signature."""

    async def verified(self, raw: bytes) -> Submission:
        """Return the submission that ``raw`` is, every signature in it verified.

        Raises:
            Rejected: one of them does not hold, or the form is wrong.
        """

    def may_submit(self, node: str) -> bool:
        """Say whether submissions of a node count in the next block, by the newest state."""

    def durable(self) -> tuple[int, bytes]:
        """Return the engine height up to which all is durable, and the app hash there."""

    def voter(self, address: bytes) -> str | None:
        """Return the node whose voting key has this address."""

    async def decide(self, block: OrderedBlock) -> Decided:
        """Execute ``block``; nothing is durable yet."""

    async def commit(self, engine_height: int) -> None:
        """Make durable what was decided last, or that the engine's block was empty."""

    def expired(self, submission: Submission) -> None:
        """Take note that a submission can be in no block any more."""


class CometApplication(Application):
    """Orders what this node's gateway admits, together with the other nodes."""

    def __init__(self, host: Host, tagged: Tagged, budget: Budget, first_seq: int) -> None:
        """Begin with nothing waiting; ``first_seq`` is above every number that was used."""
        self.on_round: Callable[[], object] = lambda: None  # called before each vote
        self._host = host
        self._tagged = tagged
        self.budget = budget
        self._seq = first_seq
        self._pool = Pool()
        self._queue: dict[bool, deque[Transaction]] = {True: deque(), False: deque()}
        self._timer: asyncio.TimerHandle | None = None
        self._fresh: list[bytes] = []
        self._known: dict[bytes, Submission] = {}
        self._judging: dict[bytes, asyncio.Task[Submission]] = {}
        self._in_hand: tuple[Submission, ...] = ()
        self._height = self._time_ms = 0  # of the block in hand

    # from the gateway ---------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Transactions that wait for a block."""
        return self._pool.txs + sum(len(queue) for queue in self._queue.values())

    def check(self, count: int) -> None:
        """Refuse ``count`` further transactions when the queue has no room.

        Raises:
            QueueFull: with the number that waits.
        """
        check_queue(self.waiting, count)

    def submit(self, transactions: list[Transaction]) -> None:
        """Put verified transactions into submissions, with others that come at the same time."""
        for tx in transactions:
            self._queue[tx.body.contract in FIRST].append(tx)
        if self._timer is None and transactions:
            self._timer = asyncio.get_running_loop().call_later(BUNDLE_S, self._bundle)
        elif max(len(queue) for queue in self._queue.values()) >= BUNDLE_TXS:
            self._bundle()

    def _bundle(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for queue in (self._queue[True], self._queue[False]):
            while queue:
                self._seq += 1
                host = self._host
                made = make_submission(
                    (host.ledger, host.node, self._seq), self._take(queue), host.sign, self._tagged
                )
                self._remember(sha256(made.raw).digest(), made)
                self._pool.add(made, own=True)
                self._fresh.append(made.raw)

    def _take(self, queue: deque[Transaction]) -> tuple[Transaction, ...]:
        """Return what one submission holds: at most a quarter of a block."""
        taken: list[Transaction] = []
        txs = min(BUNDLE_TXS, self.budget.txs)
        cost, size = self.budget.cost // 4, min(SUBMISSION_BYTES_MAX, self.budget.bytes) // 2
        while queue and len(taken) < txs:
            tx = queue[0]
            cost -= tx.body.cost_max
            size -= len(tx.raw)
            if taken and (cost < 0 or size < 0):
                break
            taken.append(queue.popleft())
        return tuple(taken)

    # the engine's mempool -----------------------------------------------------------------------

    async def check_tx(self, request: m.RequestCheckTx) -> m.ResponseCheckTx:
        """Refuse: nothing comes in over the engine's RPC."""
        del request
        return m.ResponseCheckTx(code=1, log="submissions come from gateways")

    async def insert_tx(self, request: m.RequestInsertTx) -> m.ResponseInsertTx:
        """Take a peer's submission, once all of it is verified."""
        try:
            submission = await self._verified(request.tx)
        except Rejected:
            return m.ResponseInsertTx(code=1)
        return m.ResponseInsertTx(code=0 if self._pool.add(submission, own=False) else RETRY)

    async def reap_txs(self, request: m.RequestReapTxs) -> m.ResponseReapTxs:
        """Give the engine this node's new submissions, for the peers."""
        del request
        fresh, self._fresh = self._fresh, []
        return m.ResponseReapTxs(txs=tuple(fresh))

    # the engine's blocks ------------------------------------------------------------------------

    async def info(self, request: m.RequestInfo) -> m.ResponseInfo:
        """Say up to where all is durable here: from there on the engine plays its blocks again."""
        del request
        height, app_hash = self._host.durable()
        return m.ResponseInfo(
            data="hanse",
            app_version=1,
            last_block_height=height,
            last_block_app_hash=app_hash if height else b"",
        )

    async def init_chain(self, request: m.RequestInitChain) -> m.ResponseInitChain:
        """Begin the chain of this ledger: the first header of the engine carries its genesis.

        Raises:
            ValueError: the engine was set up for another ledger.
        """
        if request.chain_id != self._host.ledger:
            raise ValueError(f"the engine's chain is {request.chain_id}, not this ledger")
        return m.ResponseInitChain(app_hash=self._host.durable()[1])

    async def prepare_proposal(
        self, request: m.RequestPrepareProposal
    ) -> m.ResponsePrepareProposal:
        """Propose what waits here."""
        self.on_round()
        self._bundle()
        self._pool.drop(lambda node: not self._host.may_submit(node))
        chosen = self._pool.choose(self.budget, request.max_tx_bytes)
        return m.ResponsePrepareProposal(txs=tuple(s.raw for s in chosen))

    async def process_proposal(
        self, request: m.RequestProcessProposal
    ) -> m.ResponseProcessProposal:
        """Vote for a block only when every submission in it holds, once, within the budget."""
        self.on_round()
        try:
            found = await self._all_verified(request.txs)
        except Rejected:
            return m.ResponseProcessProposal(status=p.ProposalStatus.REJECT)
        once = len({s.id for s in found}) == len(found)
        # asked again: one may have been verified before its organisation was suspended
        allowed = all(self._host.may_submit(s.node) for s in found)
        good = once and allowed and fits(self.budget, found)
        return m.ResponseProcessProposal(
            status=p.ProposalStatus.ACCEPT if good else p.ProposalStatus.REJECT
        )

    async def finalize_block(self, request: m.RequestFinalizeBlock) -> m.ResponseFinalizeBlock:
        """Execute a block that was committed by more than two thirds.

        Raises:
            Rejected: it holds what no honest node votes for; this one must not go on.
        """
        found = await self._all_verified(request.txs)
        decided = Decided(self._host.durable()[1])
        if found:
            ordered = tuple([OrderedSubmission(s.id, s.transactions) for s in found])
            signed = self._signed(request.decided_last_commit)
            block = OrderedBlock(request.height, request.time.ms, ordered, signed)
            decided = await self._host.decide(block)
        self._in_hand = tuple(found)
        self._height, self._time_ms = request.height, request.time.ms
        return m.ResponseFinalizeBlock(
            tx_results=tuple([p.ExecTxResult()] * len(found)),
            validator_updates=tuple(
                p.ValidatorUpdate(p.PublicKey(ed25519=key), power) for key, power in decided.updates
            ),
            app_hash=decided.app_hash,
        )

    async def commit(self, request: m.RequestCommit) -> m.ResponseCommit:
        """Make the block durable; its submissions are done with."""
        del request
        await self._host.commit(self._height)
        self._pool.remove(s.id for s in self._in_hand)
        for submission in self._in_hand:
            self._known.pop(sha256(submission.raw).digest(), None)
        for submission in self._pool.expire(self._time_ms):
            self._host.expired(submission)
        self._in_hand = ()
        return m.ResponseCommit()

    def _signed(self, commit: p.CommitInfo) -> tuple[str, ...]:
        voted = (v for v in commit.votes if v.block_id_flag == p.BlockIdFlag.COMMIT)
        names = (self._host.voter(v.validator.address) for v in voted)
        return tuple(sorted(name for name in names if name is not None))

    async def _all_verified(self, raws: Sequence[bytes]) -> list[Submission]:
        return list(await asyncio.gather(*(self._verified(raw) for raw in raws)))

    async def _verified(self, raw: bytes) -> Submission:
        """Return a submission, verified now, or before, or by whoever is at it."""
        key = sha256(raw).digest()
        known = self._known.get(key)
        if known is not None:
            return known
        judging = self._judging.get(key)
        if judging is None:
            judging = asyncio.ensure_future(self._host.verified(raw))
            self._judging[key] = judging
            judging.add_done_callback(lambda _: self._judging.pop(key, None))
        submission = await asyncio.shield(judging)
        self._remember(key, submission)
        return submission

    def _remember(self, key: bytes, submission: Submission) -> None:
        self._known[key] = submission
        while len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]
