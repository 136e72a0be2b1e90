# SPDX-License-Identifier: Apache-2.0
"""Finality on CometBFT: the engine's next header carries our block id, and its commit stands.

The second implementation of ``spec/finality-cometbft.md``. What is hashed and signed is protocol
buffers (``hanse.codec.commits``). The engine's Merkle tree is the log's tree, on SHA-256 whatever
ours. Who votes follows from the genesis and the steps of a chain, each signed by those before.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Final, Literal, Protocol

import msgspec

from hanse.codec.base64url import to_bytes, to_hash
from hanse.codec.commits import LEAVES, embed, fixed64, number, read_number, varint
from hanse.crypto import SHA256, suite_named
from hanse.errors import Malformed, ProofInvalid
from hanse.merkle.log import Frontier, leaf_hash

Count = Annotated[int, msgspec.Meta(ge=0)]
ADDRESS_BYTES: Final = 20
CHAIN, HEIGHT, VALIDATORS, NEXT_VALIDATORS, APP_HASH = 1, 2, 7, 8, 10  # leaves that are looked at
_NAMES: Final = {
    CHAIN: "name of the chain",
    HEIGHT: "height",
    VALIDATORS: "set of validators",
    NEXT_VALIDATORS: "next set of validators",
    APP_HASH: "block id",
}
_PRECOMMIT: Final = 2


class EngineValidator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A validator of the engine, as the genesis or a header names it."""

    node: str
    organisation: str
    power: Count
    public_key: str


class Weight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A voting key and its power: all that the engine itself knows of a validator."""

    power: Count
    public_key: str


class Vote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A vote for the block of an engine header."""

    signature: str
    time: str


class Commit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An engine header and the votes for it; one that is not needed is ``null``."""

    header: list[str]
    parts: str
    round: Count
    votes: list[Vote | None]


class ChainStep(Commit, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An engine header after which another set votes, and that set."""

    next: list[Weight]


class CommitCertificate(Commit, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The finality certificate of the CometBFT engine.

    ``validators`` are those that our header names; left out where they are those of the genesis.
    ``steps`` lead there from the genesis; a file has them, an answer to a client has not.
    """

    engine: Literal["cometbft"]
    steps: list[ChainStep] | msgspec.UnsetType = msgspec.UNSET
    validators: list[EngineValidator] | msgspec.UnsetType = msgspec.UNSET


commit_decoder = msgspec.json.Decoder(CommitCertificate)


class Weighted(Protocol):
    """Whoever has a voting key with power."""

    @property
    def power(self) -> int:
        """Above zero."""

    @property
    def public_key(self) -> str:
        """32 bytes, base64url."""


@dataclass(frozen=True, slots=True)
class _Voter:
    address: bytes
    power: int
    public_key: bytes


@dataclass(frozen=True)
class Voters:
    """A set of the engine's validators in the engine's order: strongest first, then by address."""

    voters: tuple[_Voter, ...]

    @cached_property
    def root(self) -> bytes:
        """The engine's hash of the set."""
        return _root(
            embed(1, embed(1, voter.public_key)) + number(2, voter.power) for voter in self.voters
        )

    @cached_property
    def total(self) -> int:
        """The power of all."""
        return sum(voter.power for voter in self.voters)


def voters_of(named: Iterable[Weighted]) -> Voters:
    """Return the set of those who are named, in whatever order.

    Raises:
        ProofInvalid: nobody, a key twice, or no power.
    """
    voters = []
    for validator in named:
        key = to_bytes(validator.public_key)
        voters.append(_Voter(SHA256(key)[:ADDRESS_BYTES], validator.power, key))
    if not voters or len({voter.public_key for voter in voters}) != len(voters):
        raise ProofInvalid(reason="there is no validator, or one is named twice")
    if any(voter.power == 0 for voter in voters):
        raise ProofInvalid(reason="a validator has no power")
    return Voters(tuple(sorted(voters, key=lambda voter: (-voter.power, voter.address))))


def verify_commit_form(commit: Commit, at: str = "$.certificate") -> None:
    """Establish that there are as many leaves as a header has fields, and bytes are bytes.

    Raises:
        Malformed: it is not so.
    """
    if len(commit.header) != LEAVES:
        raise Malformed(reason=f"an engine header has {LEAVES} fields", at=f"{at}.header")
    for text in (*commit.header, commit.parts):
        to_bytes(text, at)
    for vote in commit.votes:
        if vote is not None:
            to_bytes(vote.signature, at)
            to_bytes(vote.time, at)


def verify_certificate_form(certificate: CommitCertificate) -> None:
    """Establish the form of a certificate with all its steps, where it has any.

    Raises:
        Malformed: it is of another form.
    """
    verify_commit_form(certificate)
    if certificate.validators is not msgspec.UNSET:
        verify_keys(certificate.validators, "$.certificate.validators")
    if certificate.steps is not msgspec.UNSET:
        for place, step in enumerate(certificate.steps):
            verify_step_form(step, f"$.certificate.steps[{place}]")


def verify_step_form(step: ChainStep, at: str) -> None:
    """Establish the form of a step.

    Raises:
        Malformed: it is of another form.
    """
    verify_commit_form(step, at)
    verify_keys(step.next, f"{at}.next")


def verify_keys(named: Sequence[Weighted], at: str) -> None:
    """Establish that there is somebody, and that public keys are 32 bytes.

    Raises:
        Malformed: it is not so.
    """
    if not named:
        raise Malformed(reason="there is at least one validator", at=at)
    for validator in named:
        to_hash(validator.public_key, at)


def verify_commit(commit: Commit, voters: Voters, ledger: str, wanted: Mapping[int, bytes]) -> str:
    """Return how much of the voting power signed an engine header: more than two thirds.

    Args:
        commit: its form is verified.
        voters: the set in force at the engine header.
        ledger: its id, the engine's name of the chain.
        wanted: leaves that the engine header must have, its height among them.

    Raises:
        ProofInvalid: another set, another leaf, too few votes, or more than it takes.
    """
    leaves = [to_bytes(text) for text in commit.header]
    chain = ledger.encode()
    wanted = {CHAIN: embed(1, chain), VALIDATORS: embed(1, voters.root), **wanted}
    for place, leaf in wanted.items():
        if leaves[place] != leaf:
            raise ProofInvalid(reason=f"the engine header has another {_NAMES[place]}")
    if len(commit.votes) != len(voters.voters):
        raise ProofInvalid(reason="the commit has another number of votes")
    start = vote_start(_root(leaves), commit, read_number(1, leaves[HEIGHT]))
    signed = 0
    for vote, voter in zip(commit.votes, voters.voters, strict=True):
        if vote is None:
            continue
        _verify_vote(vote, voter, start, chain)
        if is_enough(signed, voters.total):  # else it could be left out, and nobody would see it
            raise ProofInvalid(reason="a vote beyond those that make two thirds")
        signed += voter.power
    if not is_enough(signed, voters.total):
        raise ProofInvalid(reason=f"votes of {signed} of {voters.total}: not more than two thirds")
    return f"{signed} of {voters.total}"


def verify_block_commit(
    commit: Commit, voters: Voters, ledger: str, block_id: bytes, engine_height: int
) -> str:
    """Return the power that made ``block_id``, ordered at ``engine_height``, final.

    Raises:
        ProofInvalid: see :func:`verify_commit`.
    """
    wanted = {HEIGHT: number(1, engine_height + 1), APP_HASH: embed(1, block_id)}
    return verify_commit(commit, voters, ledger, wanted)


def verify_step(
    step: ChainStep, voters: Voters, ledger: str, above: int, below: int
) -> tuple[int, Voters]:
    """Return the first engine height at which the next set votes, and that set.

    Args:
        step: its form is verified.
        voters: the set that signs it.
        ledger: its id.
        above: the height of the engine header of the step before; 0 for the first.
        below: the height of the engine header that the chain leads to.

    Raises:
        ProofInvalid: out of order, no change, or not agreed by more than two thirds.
    """
    try:
        height = read_number(1, to_bytes(step.header[HEIGHT]))
    except Malformed as error:
        raise ProofInvalid(reason=error.reason) from None
    if not above < height < below:
        raise ProofInvalid(reason="a step is not between the one before it and the header")
    following = voters_of(step.next)
    shown = [to_bytes(weight.public_key) for weight in step.next]
    if shown != [voter.public_key for voter in following.voters]:
        raise ProofInvalid(reason="the validators of a step are not in order")
    if following == voters:
        raise ProofInvalid(reason="a step changes nothing")
    wanted = {HEIGHT: number(1, height), NEXT_VALIDATORS: embed(1, following.root)}
    verify_commit(step, voters, ledger, wanted)
    return height + 1, following


def is_enough(signed: int, total: int) -> bool:
    """Whether ``signed`` is more than two thirds of ``total``."""
    return signed * 3 > total * 2


def _verify_vote(vote: Vote, voter: _Voter, start: bytes, chain: bytes) -> None:
    suite = suite_named("ed25519-sha256")  # the engine's own, whatever the members' suites
    message, signature = vote_bytes(start, vote, chain), to_bytes(vote.signature)
    known = _is_key_valid(voter.public_key)
    if not known or not suite.is_signature_valid(voter.public_key, message, signature):
        raise ProofInvalid(reason="the signature of a vote does not hold")


@lru_cache(maxsize=1024)
def _is_key_valid(public_key: bytes) -> bool:
    """Whether a voting key is one at all; it is ten times as slow as a signature, and recurs."""
    return suite_named("ed25519-sha256").is_public_key_valid(public_key)


def vote_start(header_hash: bytes, commit: Commit, height: int) -> bytes:
    """Return the beginning of what every validator signed: kind, height, round, block."""
    block = embed(1, header_hash) + embed(2, to_bytes(commit.parts))
    parts = [number(1, _PRECOMMIT), fixed64(2, height), fixed64(3, commit.round)]
    return b"".join([*parts, embed(4, block)])


def vote_bytes(start: bytes, vote: Vote, chain: bytes) -> bytes:
    """Return what a validator signed: its canonical precommit, with its length before it."""
    message = start + embed(5, to_bytes(vote.time)) + embed(6, chain)
    return varint(len(message)) + message


def _root(leaves: Iterable[bytes]) -> bytes:
    frontier, _ = Frontier(SHA256).append([leaf_hash(SHA256, leaf) for leaf in leaves])
    return frontier.root()
