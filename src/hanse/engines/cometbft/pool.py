# SPDX-License-Identifier: Apache-2.0
"""Submissions that wait for a block, and the choice of those that the next one takes."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from hanse.codec.limits import PENDING_TXS_MAX
from hanse.codec.submission import Submission
from hanse.engines.budget import Budget

FIRST: Final = frozenset({"governance", "registry", "supervision"})
"""Contracts whose transactions no flood of others may hold up."""

DONE_KEPT: Final = 10_000  # ids of submissions that were ordered, remembered against their return


@dataclass(slots=True)
class _Share:
    """What one organisation has waiting, and how much of the block under choice it has."""

    waiting: deque[Submission]
    used: float = 0.0


@dataclass(slots=True)
class Pool:
    """Verified submissions by id, in the order in which they came."""

    _waiting: dict[bytes, Submission] = field(default_factory=dict)
    _done: dict[bytes, None] = field(default_factory=dict)
    txs: int = 0

    def __contains__(self, submission_id: bytes) -> bool:
        """Whether a submission waits, or was ordered not long ago."""
        return submission_id in self._waiting or submission_id in self._done

    def find(self, submission_id: bytes) -> Submission | None:
        """Return a waiting submission."""
        return self._waiting.get(submission_id)

    def add(self, submission: Submission, *, own: bool) -> bool:
        """Take a submission in; whether there was room: each node's peers leave half to itself."""
        room = PENDING_TXS_MAX if own else PENDING_TXS_MAX // 2
        if submission.id in self or self.txs + len(submission.transactions) > room:
            return submission.id in self
        self._waiting[submission.id] = submission
        self.txs += len(submission.transactions)
        return True

    def remove(self, submission_ids: Iterable[bytes]) -> None:
        """Forget submissions that were ordered."""
        for submission_id in submission_ids:
            gone = self._waiting.pop(submission_id, None)
            if gone is not None:
                self.txs -= len(gone.transactions)
            self._done[submission_id] = None
        while len(self._done) > DONE_KEPT:
            del self._done[next(iter(self._done))]

    def expire(self, time_ms: int) -> list[Submission]:
        """Forget and return submissions of which no transaction can be recorded any more."""
        dead = [
            submission
            for submission in self._waiting.values()
            if all(tx.body.expires_ms < time_ms for tx in submission.transactions)
        ]
        for submission in dead:
            del self._waiting[submission.id]
            self.txs -= len(submission.transactions)
        return dead

    def drop(self, is_out: Callable[[str], bool]) -> None:
        """Forget submissions of nodes that may not submit any more."""
        out = {node for node in {s.node for s in self._waiting.values()} if is_out(node)}
        self.remove([s.id for s in self._waiting.values() if s.node in out])

    def choose(self, budget: Budget, bytes_max: int) -> list[Submission]:
        """Return what the next block takes.

        Governance and supervision first; then in turn whoever has used the least of the block, so
        that each organisation has an equal share, and what one leaves goes to the others.
        """
        budget = Budget(budget.txs, budget.cost, min(budget.bytes, bytes_max))
        chosen: list[Submission] = []
        left = [budget.txs, budget.cost, budget.bytes]
        for group in self._groups():
            shares = list(group.values())
            while shares:
                share = min(shares, key=lambda s: s.used)
                submission = share.waiting.popleft()
                needs = (len(submission.transactions), submission.cost, len(submission.raw) + 8)
                if all(need <= have for need, have in zip(needs, left, strict=True)):
                    chosen.append(submission)
                    left = [have - need for need, have in zip(needs, left, strict=True)]
                    share.used += max(needs[1] / budget.cost, needs[2] / budget.bytes)
                    if share.waiting:
                        continue
                shares.remove(share)  # nothing more of it, or its next one does not fit
        return chosen

    def _groups(self) -> tuple[dict[str, _Share], dict[str, _Share]]:
        first: dict[str, _Share] = {}
        others: dict[str, _Share] = {}
        for submission in self._waiting.values():
            group = first if is_first(submission) else others
            organisation = submission.node.partition("@")[2]
            group.setdefault(organisation, _Share(deque())).waiting.append(submission)
        return first, others


def fits(budget: Budget, submissions: Iterable[Submission]) -> bool:
    """Whether all of ``submissions`` may stand in one block."""
    held = list(submissions)
    txs = sum(len(s.transactions) for s in held)
    size = sum(len(s.raw) for s in held)
    return txs <= budget.txs and sum(s.cost for s in held) <= budget.cost and size <= budget.bytes


def is_first(submission: Submission) -> bool:
    """Whether all of a submission is for contracts that go first."""
    return all(tx.body.contract in FIRST for tx in submission.transactions)
