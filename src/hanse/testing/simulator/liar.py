# SPDX-License-Identifier: Apache-2.0
"""What a validator that breaks the rules says, made from what an honest one would have said.

It speaks only for itself: nobody can forge another's vote.
"""

from dataclasses import replace

from hanse.engines.simulated_messages import (
    NIL,
    EngineBlock,
    Known,
    Message,
    Proposal,
    Vote,
    build_block,
)
from hanse.testing.simulator.chance import Chance


class Liar:
    """The mouth of one validator; ``behaviour`` is a kind of fault in ``simulator.plan``."""

    def __init__(self, behaviour: str, key: bytes, chance: Chance) -> None:
        """Begin to lie."""
        self.behaviour = behaviour
        self.key = key
        self._chance = chance
        self._twins: dict[bytes, EngineBlock] = {}
        self._blocks: list[bytes] = [NIL]

    def say(self, message: Message, side: int) -> Message | None:
        """Return what it says instead to the nodes of a side (0 or 1), ``None`` for nothing."""
        if self.behaviour == "withhold":
            return message if self._chance.happens(0.4) else None
        if not isinstance(message, Known):
            return message
        self._blocks += [p.block.id for p in message.proposals]
        proposals = tuple(
            self._propose(p, side) if p.proposer == self.key else p for p in message.proposals
        )
        votes = tuple(self._vote(v, side) if v.voter == self.key else v for v in message.votes)
        return replace(message, proposals=proposals, votes=votes)

    def _propose(self, proposal: Proposal, side: int) -> Proposal:
        if self.behaviour == "equivocate" and side:
            return replace(proposal, block=self._twin(proposal.block))
        if self.behaviour == "misbuild":
            block = proposal.block
            wrong = {
                "app_hash": bytes(32),
                "time_ms": block.time_ms + 3_600_000,
                "commit": block.commit[:1],
            }
            name = self._chance.choose(("app_hash", "time_ms", "commit"))
            return replace(proposal, block=_rebuilt(block, **{name: wrong[name]}))
        return proposal

    def _vote(self, vote: Vote, side: int) -> Vote:
        if self.behaviour == "equivocate" and side and vote.block in self._twins:
            return replace(vote, block=self._twins[vote.block].id)
        if self.behaviour == "waver":
            return replace(vote, block=self._chance.choose(self._blocks[-3:]))
        return vote

    def _twin(self, block: EngineBlock) -> EngineBlock:
        """Return another lawful block for the same place, of fewer transactions if it can be."""
        if block.id not in self._twins:
            fewer = _rebuilt(block, submissions=block.submissions[:-1])
            self._twins[block.id] = fewer
        return self._twins[block.id]


def _rebuilt(block: EngineBlock, **changes: object) -> EngineBlock:
    parts = {name: getattr(block, name) for name in EngineBlock.__slots__ if name != "id"}
    return build_block(**{**parts, **changes})
