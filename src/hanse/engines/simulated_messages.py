# SPDX-License-Identifier: Apache-2.0
"""What nodes of the simulated engine say to one another, keep on disk and ask of their world.

Signatures are not computed: whoever carries these values lets nobody speak for another validator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.submission import Submission
from hanse.crypto import SHA256

NIL = b""
"""What a vote for no block at all names."""


class Step(IntEnum):
    """What a validator signs in a round, in this order; each at most once."""

    PROPOSE = 0
    PREVOTE = 1
    PRECOMMIT = 2


@dataclass(frozen=True, slots=True)
class Vote:
    """A validator's word for a block, or for :data:`NIL`, in one step of one round."""

    height: int
    round: int
    step: Step
    block: bytes
    voter: bytes
    time_ms: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two votes of one validator in one step: the evidence of a double vote."""

    first: Vote
    second: Vote

    @property
    def holds(self) -> bool:
        """Whether the two convict their voter."""
        first, second = self.first, self.second
        same = (first.height, first.round, first.step, first.voter) == (
            second.height,
            second.round,
            second.step,
            second.voter,
        )
        return same and first.block != second.block


@dataclass(frozen=True, slots=True)
class EngineBlock:
    """A block as validators vote on it; ``commit`` is of the height before."""

    height: int
    time_ms: int
    proposer: bytes
    app_hash: bytes
    commit: tuple[Vote, ...]
    misbehaviour: tuple[Conflict, ...]
    submissions: tuple[Submission, ...]
    id: bytes


def build_block(  # noqa: PLR0913  # the parts of a block
    *,
    height: int,
    time_ms: int,
    proposer: bytes,
    app_hash: bytes,
    commit: tuple[Vote, ...],
    misbehaviour: tuple[Conflict, ...],
    submissions: tuple[Submission, ...],
) -> EngineBlock:
    """Return the block of these parts with the id that commits to them."""
    named = encode(
        [
            height,
            time_ms,
            to_text(proposer),
            to_text(app_hash),
            [[to_text(v.voter), v.round, v.time_ms] for v in commit],
            [[to_text(c.first.voter), c.first.height, c.first.round] for c in misbehaviour],
            [to_text(s.id) for s in submissions],
        ]
    )
    identity = SHA256.tagged("hanse/simulated/1", named)
    parts = (height, time_ms, proposer, app_hash, commit, misbehaviour, submissions)
    return EngineBlock(*parts, id=identity)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposer's block for a round; ``valid_round`` is that of an earlier majority, or -1."""

    height: int
    round: int
    block: EngineBlock
    valid_round: int
    proposer: bytes


# between nodes ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """Proposals and votes of one height; ``asks`` for the blocks that the sender lacks."""

    height: int
    proposals: tuple[Proposal, ...]
    votes: tuple[Vote, ...]
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Pooled:
    """Submissions that wait for a block."""

    submissions: tuple[Submission, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """Consecutive decided blocks, each with the votes that decided it."""

    blocks: tuple["Saved", ...]


Message = Known | Pooled | Decided


# on disk ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Saved:
    """A decided block and the precommits of more than two thirds for it."""

    block: EngineBlock
    commit: tuple[Vote, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """What the application answered to a block: its hash, changes of validators."""

    height: int
    app_hash: bytes
    validator_updates: tuple[tuple[bytes, int], ...]


@dataclass(frozen=True, slots=True)
class Locked:
    """The block that a validator is bound to, and the newest that a majority prevoted."""

    height: int
    locked_round: int
    locked: EngineBlock | None
    valid_round: int
    valid: EngineBlock | None


Entry = Vote | Proposal | Saved | Answered | Locked


class Journal(Protocol):
    """A node's append-only file: after a crash, all that was synced and some of the rest."""

    def append(self, entry: Entry) -> None:
        """Add at the end; nothing is durable yet."""
        ...

    def sync(self) -> None:
        """Make all that was appended durable."""
        ...

    @property
    def entries(self) -> Sequence[Entry]:
        """All that is there."""
        ...


# to the application and the world ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """A decided block as the application gets it: the engine seam, inwards."""

    height: int
    time_ms: int
    proposer: bytes
    signed: tuple[bytes, ...]  # whose precommits for the height before are in this block
    misbehaviour: tuple[bytes, ...]  # who voted twice
    submissions: tuple[Submission, ...]


class Application(Protocol):
    """What executes: the engine seam, as ABCI 2.0 cuts it."""

    def info(self) -> tuple[int, bytes]:
        """Return the newest engine height whose effects are durable, 0 at first; the app hash."""
        ...

    def prepare(self) -> tuple[Submission, ...]:
        """Return the submissions for a block, none when nothing waits."""
        ...

    def process(self, submissions: tuple[Submission, ...]) -> bool:
        """Tell whether a block of these keeps the application's rules."""
        ...

    def pool(self, submissions: tuple[Submission, ...]) -> tuple[Submission, ...]:
        """Take submissions to those that wait; return the ones that were new."""
        ...

    def finalize(self, delivery: Delivery) -> Answered:
        """Execute a block; nothing is durable or visible yet."""
        ...

    def commit(self) -> None:
        """Make the executed block durable, then visible."""
        ...


@dataclass(frozen=True, slots=True)
class Timer:
    """What a node wants to be woken for: a step of a round, or the regular gossip (step None)."""

    height: int = 0
    round: int = 0
    step: Step | None = None
    proposes: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Give a message to one node, or to all others."""

    to: bytes | None
    message: Message


@dataclass(frozen=True, slots=True)
class Wake:
    """Call ``on_timer`` after so many milliseconds."""

    after_ms: int
    timer: Timer


Output = Send | Wake
