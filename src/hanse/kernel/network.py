# SPDX-License-Identifier: Apache-2.0
"""The built-in contract ``network``: organisations decide who takes part, and by which rules.

Actions collect what organisations say. What was decided is carried out by the kernel at the
beginning of a block (``kernel.effects``): no decision changes anything within one.
"""

from functools import partial
from typing import Final

from hanse.codec.limits import (
    BALLOTS_MAX,
    PROPOSAL_BLOCKS_MAX,
    PROPOSALS_OPEN_MAX,
    REASON_CHARS_MAX,
)
from hanse.contracts import (
    Context,
    Contract,
    Map,
    Value,
    action,
    query,
    replace,
    require,
)
from hanse.contracts.records import Codec
from hanse.contracts.refusals import Refused
from hanse.contracts.state import Reader, ask_beside
from hanse.identity import Ballot, Policy, Verdict, decide
from hanse.identity import organisation_of as organisation_part
from hanse.kernel import effects
from hanse.kernel.ballots import active, cast, check_vote, first_listed, is_counted, settle, sides
from hanse.kernel.changes import (
    ARGUMENTS,
    BESIDE,
    FORCE,
    KINDS,
    Attending,
    Change,
    ChangeProposed,
    NumberedChange,
    PolicyInForce,
    ProposedChange,
    concerned_by,
)
from hanse.kernel.directory import Directory
from hanse.kernel.proposals import BallotOf, Counters, Decided, Status, Vote, Voted

TAG_BINDS: Final = "hanse/change"
_CHANGE: Final[Codec[Change]] = Codec(Change)
TRIED_ROWS: Final = 100  # that trying a change is charged for


def _try(below: Reader, change: Change, height: int) -> effects.Refusal | None:
    """Return why a change cannot be made in the block of ``height``; ``None`` where it can."""
    try:
        effects.try_change(below, change, height)
    except effects.Refusal as error:
        return error
    return None


def _constitution(below: Reader) -> list[PolicyInForce]:
    """Return who decides about everything that is decided."""
    found: list[PolicyInForce] = []
    for resource in sorted((*KINDS, FORCE, *BESIDE)):
        bound = effects.policy_of(below, resource)
        if bound is not None:
            policy, source = bound
            found.append(
                PolicyInForce(
                    organisations=list(policy.organisations),
                    resource=resource,
                    roles=list(policy.roles),
                    rule=policy.rule,
                    source=source,
                )
            )
    return found


class Network(Contract):
    """Who takes part in this network and by which rules, and who decided so."""

    name = "network"

    agenda: Map[tuple[int, int], bool]
    attendance: Map[tuple[str, str], int]
    ballots: Map[tuple[int, str], Vote]
    counters: Value[Counters]
    proposals: Map[int, ProposedChange]

    @action(role="admin")
    def propose(self, ctx: Context, change: Change) -> int:
        """Propose a change of the network; returns the number.

        It is tried on the state as it is: what could not be carried out now is not proposed.
        Rejects: bad_reason, bad_height, wrong_arguments, cannot_force, bad_key, bad_name,
        bad_parameters, bad_policy, bad_power, bad_weight, last_organisation, no_change, no_engine,
        no_quorum, no_validators, node_exists, node_votes, not_suspended, organisation_exists,
        policy_unreachable, too_late, too_many_organisations, too_many_validators, unknown_node,
        unknown_organisation, unknown_resource, unknown_validator, validator_exists,
        voting_key_taken, too_many_open.
        """
        good = 0 < len(change.reason) <= REASON_CHARS_MAX
        require(good, "bad_reason", "1 to 400 characters")
        soon = 0 <= change.not_before <= ctx.height + PROPOSAL_BLOCKS_MAX
        soon = soon and 0 < change.open_blocks <= PROPOSAL_BLOCKS_MAX
        require(soon, "bad_height", "too far ahead", blocks_max=PROPOSAL_BLOCKS_MAX)
        kind = KINDS[change.resource]
        given = [name for name in ARGUMENTS if getattr(change, name) is not None]
        right = given == [kind.argument]
        require(right, "wrong_arguments", "the kind has one argument", argument=kind.argument)
        argument = getattr(change, kind.argument)
        lacking = [name for name in kind.wants if getattr(argument, name) is None]
        require(not lacking, "wrong_arguments", "the argument lacks something", lacks=lacking)
        mild = kind.forceable or not change.forced
        require(mild, "cannot_force", "nothing stands in the way of such a change")
        cannot = ask_beside(
            self.ballots, partial(_try, change=change, height=ctx.height), TRIED_ROWS
        )
        if cannot is not None:
            raise Refused(cannot.code, cannot.reason)
        counted = self.counters.get() or Counters(open=0, proposals=0)
        require(counted.open < PROPOSALS_OPEN_MAX, "too_many_open", "settle others first")
        number = counted.proposals + 1
        self.counters.set(Counters(open=counted.open + 1, proposals=number))
        expires = ctx.height + change.open_blocks
        self.proposals[number] = ProposedChange(
            binds=ctx.digest(TAG_BINDS, _CHANGE.encode(change), str(number), ctx.member),
            by=ctx.member,
            change=change,
            expires_height=expires,
            height=ctx.height,
            status="proposed",
        )
        self.agenda[expires, number] = True
        ctx.emit(ChangeProposed(number=number, by=ctx.member, resource=change.resource))
        return number

    @action(role=None)
    def approve(self, ctx: Context, number: int, binds: str, reason: str = "") -> Status:
        """Vote for what the proposal binds; the ballot that completes the policies decides.

        Rejects: not_found, not_open, changed, bad_reason, not_entitled, too_many_ballots.
        """
        return self._vote(
            ctx, number, Vote(approves=True, binds=binds, height=ctx.height, reason=reason)
        )

    @action(role=None)
    def reject(self, ctx: Context, number: int, binds: str, reason: str) -> Status:
        """Vote against; once no approval is possible any more, the proposal is rejected.

        Rejects: not_found, not_open, changed, bad_reason, not_entitled, too_many_ballots.
        """
        return self._vote(
            ctx, number, Vote(approves=False, binds=binds, height=ctx.height, reason=reason)
        )

    @action(role="admin")
    def withdraw(self, ctx: Context, number: int) -> None:
        """Take a proposal of one's own organisation back, before it is decided.

        Rejects: not_found, not_open, wrong_organisation.
        """
        held = self._open(number)
        ctx.acts_for(organisation_part(held.by))
        self._decide(ctx, number, replace(held, status="withdrawn", settled_height=ctx.height))

    @query
    def proposal(self, ctx: Context, number: int) -> ProposedChange | None:
        """Return a proposal."""
        return self.proposals.get(number)

    @query
    def list_proposals(
        self, ctx: Context, start: int = 0, limit: int = 100
    ) -> list[NumberedChange]:
        """Return proposals by number, from ``start`` on; by default the newest."""
        start = first_listed(self.counters, start, limit)
        rows = self.proposals.items(start=start, limit=limit)
        return [NumberedChange(number=number, proposal=held) for number, held in rows]

    @query
    def list_ballots(self, ctx: Context, number: int) -> list[BallotOf]:
        """Return the ballots on a proposal, by member."""
        rows = self.ballots.items((number,), limit=BALLOTS_MAX)
        return [BallotOf(member=member, vote=vote) for (_, member), vote in rows]

    @query
    def constitution(self, ctx: Context) -> list[PolicyInForce]:
        """Return who decides about what: each policy in force, by its resource."""
        return ask_beside(self.ballots, _constitution, TRIED_ROWS)

    @query
    def validators(self, ctx: Context) -> list[Attending]:
        """Return the validators of the engine with their power, and when each was seen."""
        seats = ask_beside(
            self.ballots, lambda below: Directory().engine_validators(below, ctx.height), TRIED_ROWS
        )
        return [
            Attending(
                node=seat.node,
                organisation=seat.organisation,
                power=seat.entry.power,
                public_key=seat.entry.public_key,
                seen_height=self.attendance.get((seat.organisation, seat.node)),
            )
            for seat in seats
        ]

    def _open(self, number: int) -> ProposedChange:
        held = self.proposals[number]
        require(held.status == "proposed", "not_open", "it is decided", status=held.status)
        return held

    def _vote(self, ctx: Context, number: int, vote: Vote) -> Status:
        held = self.proposals[number]
        check_vote(held.status, held.binds, vote)
        bound_by = self._policies(ctx, held)
        own = Ballot(ctx.member, ctx.organisation, ctx.roles)
        concerned = concerned_by(held.change)
        free = any(
            policy.rule != "FORBIDDEN" and is_counted(policy, own, voting, concerned)
            for policy, voting in bound_by
        )
        rules = [policy.rule for policy, _ in bound_by]
        require(free, "not_entitled", "the policy does not count your ballot", rules=rules)
        votes = cast(ctx, self.ballots, number, vote)
        ctx.emit(Voted(number=number, by=ctx.member, choice="yes" if vote.approves else "no"))
        verdict = self._counted(ctx, held, votes)
        if verdict == "approved":
            due = max(held.change.not_before, ctx.height + 1)
            self._decide(ctx, number, replace(held, status="approved", due_height=due))
            self.agenda[due, number] = True
            return "approved"
        if verdict == "rejected":
            done = replace(held, status="rejected", settled_height=ctx.height)
            self._decide(ctx, number, done)
            return "rejected"
        return "proposed"

    def _counted(self, ctx: Context, held: ProposedChange, votes: dict[str, Vote]) -> Verdict:
        """Return what the ballots decide under all policies, with members' roles as they are."""
        yes, against, weights = sides(self.ballots, votes, ctx.height)
        found = [
            decide(policy, yes, against, voting, concerned_by(held.change), weights)
            for policy, voting in self._policies(ctx, held)
        ]
        if "rejected" in found:
            return "rejected"
        return "open" if "open" in found else "approved"

    def _policies(self, ctx: Context, held: ProposedChange) -> list[tuple[Policy, list[str]]]:
        """Return who decides, each policy with the organisations that may vote under it.

        It is the policy of the kind, and all that take part; whoever forces a change needs that of
        ``network.force`` as well, for which the organisation concerned has no vote.
        """
        voting = active(self.ballots, ctx.height)
        others = [o for o in voting if o != concerned_by(held.change)]
        wanted: list[tuple[str, list[str]]] = [(held.change.resource, voting)]
        wanted += [(FORCE, others)] if held.change.forced else []
        found: list[tuple[Policy, list[str]]] = []
        for resource, who in wanted:
            bound = ask_beside(self.ballots, partial(effects.policy_of, resource=resource))
            assert bound is not None, "every kind has a policy, at least by default"
            found.append((bound[0], who))
        return found

    def _decide(self, ctx: Context, number: int, held: ProposedChange) -> None:
        self.proposals[number] = held
        settle(self.counters, held.status)
        height = ctx.height if held.due_height is None else held.due_height
        ctx.emit(Decided(number=number, status=held.status, height=height))
