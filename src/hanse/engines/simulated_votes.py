# SPDX-License-Identifier: Apache-2.0
"""What a node of the simulated engine has heard about one height: proposals, votes, their count."""

from collections.abc import Callable, Mapping
from itertools import pairwise

from hanse.engines.simulated_messages import (
    Conflict,
    EngineBlock,
    Known,
    Proposal,
    Step,
    Vote,
)

Powers = Mapping[bytes, int]


class Heard:
    """Proposals and votes of one height. One who votes twice counts on both sides.

    That is safe, since two majorities of more than two thirds share an honest voter, and without it
    a node that heard the other vote first could never see what bound the rest.
    """

    def __init__(self, height: int, powers: Powers, is_quorum: Callable[[int, int], bool]) -> None:
        """Know nothing yet of ``height``, at which ``powers`` vote."""
        self.height = height
        self.powers = powers
        self.total = sum(powers.values())
        self.blocks: dict[bytes, EngineBlock] = {}
        self.conflicts: dict[bytes, Conflict] = {}
        self._is_quorum = is_quorum
        self._order = sorted(powers)
        self._proposals: dict[int, dict[bytes, Proposal]] = {}
        self._votes: dict[tuple[int, Step], dict[bytes, dict[bytes, Vote]]] = {}

    def proposer(self, round_: int) -> bytes:
        """Return whose turn it is in a round."""
        return self._order[(self.height + round_) % len(self._order)]

    def take_proposal(self, proposal: Proposal) -> bool:
        """Keep a proposal of whose turn it is; tell whether it is new."""
        if proposal.height != self.height or proposal.proposer != self.proposer(proposal.round):
            return False
        held = self._proposals.setdefault(proposal.round, {})
        if proposal.block.id in held:
            return False
        held[proposal.block.id] = proposal
        self.blocks[proposal.block.id] = proposal.block
        return True

    def take_vote(self, vote: Vote) -> bool:
        """Count a validator's vote, and convict who votes twice; tell whether it is new."""
        if vote.height != self.height or vote.voter not in self.powers:
            return False
        by_block = self._votes.setdefault((vote.round, vote.step), {})
        held = by_block.setdefault(vote.block, {})
        if vote.voter in held:
            return False
        held[vote.voter] = vote
        for block, voters in by_block.items():
            other = voters.get(vote.voter)
            if block != vote.block and other is not None:
                self.conflicts.setdefault(vote.voter, Conflict(other, vote))
        return True

    def proposals(self, round_: int) -> list[Proposal]:
        """Return the proposals of a round: more than one if the proposer is no honest one."""
        return [*self._proposals.get(round_, {}).values()]

    def decides(self, round_: int, step: Step, block: bytes) -> bool:
        """Tell whether enough of the power votes for ``block``."""
        voters = self._votes.get((round_, step), {}).get(block, {})
        return self._is_quorum(sum(self.powers[voter] for voter in voters), self.total)

    def power(self, round_: int, *steps: Step) -> int:
        """Return the power of all that voted in a round, for whatever, each counted once."""
        voters: dict[bytes, None] = {}
        for step in steps:
            for votes in self._votes.get((round_, step), {}).values():
                voters.update(dict.fromkeys(votes))
        return sum(self.powers[voter] for voter in voters)

    def is_enough(self, round_: int, step: Step) -> bool:
        """Tell whether a decision of the step is possible with those that voted."""
        return self._is_quorum(self.power(round_, step), self.total)

    def rounds(self) -> list[int]:
        """Return the rounds in which anybody voted, the newest first."""
        return sorted({round_ for round_, _ in self._votes}, reverse=True)

    def decided(self) -> tuple[EngineBlock, tuple[Vote, ...]] | None:
        """Return a known block that enough precommit in one round, with their votes."""
        for (round_, step), by_block in self._votes.items():
            for block_id, votes in by_block.items():
                known = step is Step.PRECOMMIT and block_id in self.blocks
                if known and self.decides(round_, step, block_id):
                    commit = tuple(votes[voter] for voter in sorted(votes))
                    return self.blocks[block_id], commit
        return None

    def known(self) -> Known:
        """Return all of it as one message, which asks for what the sender lacks."""
        proposals = tuple(p for held in self._proposals.values() for p in held.values())
        votes = tuple(
            vote
            for by_block in self._votes.values()
            for voters in by_block.values()
            for vote in voters.values()
        )
        return Known(self.height, proposals, votes, asks=True)


def are_precommits(block: EngineBlock, commit: tuple[Vote, ...], powers: Powers) -> bool:
    """Tell whether ``commit`` has precommits for ``block`` of one round, one of each voter."""
    voters = [vote.voter for vote in commit]
    if not commit or any(a >= b for a, b in pairwise(voters)):
        return False
    expected = (block.height, commit[0].round, Step.PRECOMMIT, block.id)
    if any((v.height, v.round, v.step, v.block) != expected for v in commit):
        return False
    return all(voter in powers for voter in voters)


def time_after(time_ms: int, commit: tuple[Vote, ...], powers: Powers) -> int:
    """Return the weighted median of when a block of ``time_ms`` was committed; it always grows.

    More than half of the power in a commit is honest, so the median lies between honest clocks.
    """
    half = sum(powers[vote.voter] for vote in commit) / 2
    passed = 0
    for vote in sorted(commit, key=lambda v: (v.time_ms, v.voter)):
        passed += powers[vote.voter]
        if passed >= half:
            return max(time_ms + 1, vote.time_ms)
    return time_ms + 1
