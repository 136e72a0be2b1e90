# SPDX-License-Identifier: Apache-2.0
"""Voting on proposals, for every built-in contract that has some: one way to cast and to count."""

from collections.abc import Mapping
from functools import partial

from hanse.codec.limits import BALLOTS_MAX, REASON_CHARS_MAX
from hanse.contracts import Context, Map, Value, must, replace, require
from hanse.contracts.state import Reader, ask_beside
from hanse.identity import Ballot, Policy, is_satisfied, is_valid_at
from hanse.identity import organisation_of as organisation_part
from hanse.kernel.directory import Directory
from hanse.kernel.proposals import Counters, Status, Vote

Ballots = Map[tuple[int, str], Vote]


def check_vote(status: Status, binds: str, vote: Vote) -> None:
    """Establish that the proposal is open, the vote is about what it binds, and has its reason.

    Rejects: not_open, changed, bad_reason.
    """
    require(status == "proposed", "not_open", "it is decided", status=status)
    require(
        vote.binds == binds, "changed", "look at it again: it is not what you name", binds=binds
    )
    good = len(vote.reason) <= REASON_CHARS_MAX and (vote.approves or vote.reason != "")
    require(good, "bad_reason", "up to 400 characters; a rejection has some")


def is_counted(policy: Policy, ballot: Ballot, active: list[str], concerned: str) -> bool:
    """Whether a policy counts a ballot at all."""
    single = Policy("ANY", policy.organisations, policy.roles)
    own = policy.rule != "SELF" or ballot.organisation == concerned
    return own and is_satisfied(single, [ballot], active)


def cast(ctx: Context, ballots: Ballots, number: int, vote: Vote) -> dict[str, Vote]:
    """Keep the signer's vote, instead of an earlier one; return all votes on the proposal.

    Rejects: too_many_ballots.
    """
    held = list(ballots.items((number,), limit=BALLOTS_MAX))
    room = (number, ctx.member) in ballots or len(held) < BALLOTS_MAX
    require(room, "too_many_ballots", "no more members can vote", ballots_max=BALLOTS_MAX)
    ballots[number, ctx.member] = vote
    return {member: earlier for (_, member), earlier in held} | {ctx.member: vote}


def sides(
    beside: Ballots, votes: Mapping[str, Vote], height: int
) -> tuple[list[Ballot], list[Ballot], dict[str, int]]:
    """Return the ballots for and against, with members' roles as they are now, and the weights."""
    yes: list[Ballot] = []
    against: list[Ballot] = []
    for member, vote in sorted(votes.items()):
        roles = ask_beside(beside, partial(_roles, member=member, height=height))
        if roles is not None:
            ballot = Ballot(member, organisation_part(member), roles)
            (yes if vote.approves else against).append(ballot)
    return yes, against, ask_beside(beside, lambda below: Directory().weights(below))


def active(beside: Ballots, height: int) -> list[str]:
    """Return the organisations that may vote."""
    return ask_beside(beside, lambda below: Directory().organisations(below, height))


def settle(counters: Value[Counters], status: Status) -> None:
    """Count a decided proposal as open no more; an approved one is, until it is carried out."""
    counted = must(counters.get(), "not_found", "there are no proposals")
    counters.set(replace(counted, open=counted.open - (status != "approved")))


def first_listed(counters: Value[Counters], start: int, limit: int) -> int:
    """Return the number from which proposals are listed: ``start``, or that of the newest."""
    if start >= 1:
        return start
    counted = counters.get()
    return 1 if counted is None else max(1, counted.proposals - limit + 1)


def _roles(below: Reader, member: str, height: int) -> tuple[str, ...] | None:
    """Return the roles of a member whose membership is valid at ``height``; else ``None``."""
    directory = Directory()
    entry = directory.member(below, member)
    valid = entry is not None and is_valid_at(entry, height)
    return directory.roles(below, member, height) if valid else None
