# SPDX-License-Identifier: Apache-2.0
"""The built-in contract ``registry``: organisations, members, keys, roles, contracts, withdrawals.

Nodes, the engine's validators and what else the network decides are written by the kernel
(``kernel.effects``): no action of the registry changes them.

Every entry carries the heights from which and to which it is valid. A key or member is never
rewritten but to set an end in the future, so that today's state proves who could sign what at any
earlier height. A role granted again after its end begins anew.
"""

from typing import Final

from hanse.codec.limits import (
    KEYS_PER_MEMBER_MAX,
    REASON_CHARS_MAX,
    ROLES_PER_MEMBER_MAX,
    ROTATION_OVERLAP_BLOCKS_MAX,
)
from hanse.contracts import (
    Context,
    Contract,
    Map,
    Value,
    action,
    event,
    must,
    query,
    record,
    replace,
    require,
)
from hanse.crypto import SUITES, suite_named
from hanse.identity import Ballot, Policy, is_member_id, is_name, is_satisfied, is_valid_at
from hanse.identity import organisation_of as organisation_part
from hanse.kernel.parties import EngineValidator, Node, Suspension

TX_ID_CHARS: Final = 43  # characters of a transaction id: 32 bytes as text
RECOVER: Final = "member.recover"


@record
class Organisation:
    """A legal party of the network."""

    from_height: int
    name: str
    to_height: int | None = None


@record
class Member:
    """A key holder for an organisation: a person's role, a service or a device."""

    from_height: int
    organisation: str
    to_height: int | None = None


@record
class Key:
    """A public key of a member."""

    from_height: int
    public_key: bytes
    purpose: str
    suite: str
    to_height: int | None = None


@record
class Role:
    """A permission of a member."""

    from_height: int
    to_height: int | None = None


@record
class ContractVersion:
    """One version of a contract, by the hash of its package."""

    from_height: int
    hash: str
    version: str


@record
class ContractEntry:
    """The versions of a contract, oldest first; the last one whose height has come is active."""

    versions: list[ContractVersion]


@record
class Withdrawal:
    """An organisation's word that one of its transactions should no longer be relied upon."""

    by: str
    height: int
    reason: str
    replacement: str | None = None


@record
class PolicyEntry:
    """Who may decide about a resource."""

    organisations: list[str]
    roles: list[str]
    rule: str


@record
class Recovery:
    """A lost member's new key, waiting for approvals and for the delay."""

    approvals: list[str]
    from_height: int
    key_id: str
    public_key: bytes
    suite: str


@record
class Parameters:
    """Figures of the genesis rules that the registry itself needs."""

    recovery_delay_blocks: int


@event
class MemberAdded:
    """{by} admitted {member}."""

    member: str
    by: str


@event
class MemberRetired:
    """{by} retired {member}."""

    member: str
    by: str


@event
class KeyAdded:
    """{member} has a new key {key}, valid from height {from_height}."""

    member: str
    key: str
    from_height: int


@event
class KeyEnded:
    """Key {key} of {member} ends before height {to_height}."""

    member: str
    key: str
    to_height: int


@event
class RoleChanged:
    """{by} {change} the role {role} of {member}."""

    member: str
    role: str
    change: str
    by: str


@event
class RecoveryAsked:
    """{by} asked for a new key for {member}; it takes effect not before height {not_before}."""

    member: str
    by: str
    not_before: int


@event
class Withdrawn:
    """{by} withdrew {tx}: {reason}."""

    tx: str
    by: str
    reason: str


class Registry(Contract):
    """Who takes part, with which keys and roles, and since when."""

    name = "registry"

    organisations: Map[str, Organisation]
    members: Map[str, Member]
    keys: Map[tuple[str, str], Key]
    roles: Map[tuple[str, str], Role]
    contracts: Map[str, ContractEntry]
    engine_validators: Map[tuple[str, str, int], EngineValidator]
    features: Map[str, int]
    nodes: Map[tuple[str, str, int], Node]
    parameters: Value[Parameters]
    policies: Map[str, PolicyEntry]
    recoveries: Map[str, Recovery]
    rules: Map[str, int]
    suspensions: Map[tuple[str, int], Suspension]
    weights: Map[str, int]
    withdrawals: Map[tuple[str, str], Withdrawal]

    @action(role="admin")
    def add_member(  # noqa: PLR0913, PLR0917  # the arguments are the action's public form
        self,
        ctx: Context,
        member: str,
        key_id: str,
        public_key: bytes,
        suite: str,
        roles: list[str],
    ) -> None:
        """Admit a member of one's own organisation, valid from the next block.

        Rejects: bad_name, wrong_organisation, too_many_roles, already_exists, bad_key.
        """
        require(is_member_id(member), "bad_name", "a member is name@organisation", member=member)
        for role in roles:
            require(is_name(role), "bad_name", "a role is a name", role=role)
        ctx.acts_for(organisation_part(member))
        require(len(roles) <= ROLES_PER_MEMBER_MAX, "too_many_roles", "give fewer roles")
        start = ctx.height + 1
        self.members.add(member, Member(from_height=start, organisation=ctx.organisation))
        self._put_key(ctx, member, key_id, public_key, suite)
        for role in roles:
            self.roles[member, role] = Role(from_height=start)
        ctx.emit(MemberAdded(member=member, by=ctx.member))

    @action(role="admin")
    def retire_member(self, ctx: Context, member: str) -> None:
        """End a membership with the next block; its records stay provable.

        Rejects: not_found, wrong_organisation, already_ended, own_membership.
        """
        entry = self.members[member]
        ctx.acts_for(entry.organisation)
        require(entry.to_height is None, "already_ended", "the membership has an end")
        require(member != ctx.member, "own_membership", "another admin must do this")
        self.members[member] = replace(entry, to_height=ctx.height + 1)
        ctx.emit(MemberRetired(member=member, by=ctx.member))

    @action(role="admin")
    def grant_role(self, ctx: Context, member: str, role: str) -> None:
        """Give a member of one's own organisation a role from the next block.

        Rejects: not_found, wrong_organisation, bad_name, already_exists, too_many_roles.
        """
        ctx.acts_for(self.members[member].organisation)
        require(is_name(role), "bad_name", "a role is a name", role=role)
        held = self.roles.get((member, role))
        require(held is None or held.to_height is not None, "already_exists", "the role is held")
        if held is None:
            count = len(list(self.roles.keys((member,), limit=ROLES_PER_MEMBER_MAX)))
            require(count < ROLES_PER_MEMBER_MAX, "too_many_roles", "the member has had too many")
        start = ctx.height + 1
        if held is not None and is_valid_at(held, ctx.height):  # it ends in this block: go on
            start = held.from_height
        self.roles[member, role] = Role(from_height=start)
        ctx.emit(RoleChanged(member=member, role=role, change="granted", by=ctx.member))

    @action(role="admin")
    def revoke_role(self, ctx: Context, member: str, role: str) -> None:
        """End a member's role with the next block.

        Rejects: not_found, wrong_organisation, already_ended.
        """
        held = self.roles[member, role]
        ctx.acts_for(organisation_part(member))
        require(held.to_height is None, "already_ended", "the role has an end")
        self.roles[member, role] = replace(held, to_height=ctx.height + 1)
        ctx.emit(RoleChanged(member=member, role=role, change="revoked", by=ctx.member))

    @action(role=None)
    def rotate_key(  # noqa: PLR0913, PLR0917  # the arguments are the action's public form
        self,
        ctx: Context,
        old_key_id: str,
        key_id: str,
        public_key: bytes,
        suite: str,
        overlap_blocks: int = 0,
    ) -> None:
        """Put a new key of one's own beside an old one, which ends after the overlap.

        Rejects: not_found, already_ended, bad_overlap, already_exists, bad_key, too_many_keys.
        """
        old = self.keys[ctx.member, old_key_id]
        require(old.to_height is None, "already_ended", "the old key has an end")
        require(
            0 <= overlap_blocks <= ROTATION_OVERLAP_BLOCKS_MAX,
            "bad_overlap",
            "too many blocks",
            blocks_max=ROTATION_OVERLAP_BLOCKS_MAX,
        )
        self._put_key(ctx, ctx.member, key_id, public_key, suite)
        self._end_key(ctx, ctx.member, old_key_id, ctx.height + 1 + overlap_blocks)

    @action(role=None)
    def revoke_key(self, ctx: Context, member: str, key_id: str) -> None:
        """End a key with the next block: one's own, or as admin one of the organisation's.

        Rejects: not_found, not_authorised, already_ended.
        """
        key = self.keys[member, key_id]
        admin = "admin" in ctx.roles and organisation_part(member) == ctx.organisation
        require(member == ctx.member or admin, "not_authorised", "only its holder or an admin may")
        ended = key.to_height is not None and key.to_height <= ctx.height + 1
        require(not ended, "already_ended", "the key has an end")
        self._end_key(ctx, member, key_id, ctx.height + 1)

    @action(role="admin")
    def request_recovery(
        self, ctx: Context, member: str, key_id: str, public_key: bytes, suite: str
    ) -> None:
        """Propose a new key for a member who lost theirs; counts as the first approval.

        Rejects: not_found, already_exists, bad_key.
        """
        require(member in self.members, "not_found", "no such member", member=member)
        require(member not in self.recoveries, "already_exists", "a recovery is under way")
        self._check_key(key_id, public_key, suite)
        require((member, key_id) not in self.keys, "already_exists", "the key id is taken")
        self.recoveries[member] = Recovery(
            approvals=[ctx.member],
            from_height=ctx.height,
            key_id=key_id,
            public_key=public_key,
            suite=suite,
        )
        ctx.emit(RecoveryAsked(member=member, by=ctx.member, not_before=ctx.height + self._delay()))

    @action(role="admin")
    def approve_recovery(self, ctx: Context, member: str) -> None:
        """Support a recovery.

        Rejects: not_found, already_approved.
        """
        recovery = self.recoveries[member]
        require(ctx.member not in recovery.approvals, "already_approved", "one approval a member")
        self.recoveries[member] = replace(recovery, approvals=[*recovery.approvals, ctx.member])

    @action(role="admin")
    def complete_recovery(self, ctx: Context, member: str) -> None:
        """Put the new key in force once the policy ``member.recover`` and the delay are met.

        The member's other signing keys end with the next block.
        Rejects: not_found, too_early, policy_not_met, too_many_keys.
        """
        recovery = self.recoveries[member]
        require(
            ctx.height >= recovery.from_height + self._delay(),
            "too_early",
            "the delay gives the member time to object",
            not_before=recovery.from_height + self._delay(),
        )
        policy = must(self.policies.get(RECOVER), "policy_not_met", "no policy member.recover")
        ballots = [
            Ballot(m, organisation_part(m), self._roles_at(m, ctx.height))
            for m in recovery.approvals
            if is_valid_at(self.members[m], ctx.height)
        ]
        rule = Policy(policy.rule, tuple(policy.organisations), tuple(policy.roles))
        active, weights = self._active(ctx.height), dict(self.weights.items(limit=1_000))
        met = is_satisfied(rule, ballots, active, organisation_part(member), weights)
        require(met, "policy_not_met", "more approvals are needed", approvals=len(ballots))
        for (_, key_id), key in list(self.keys.items((member,), limit=KEYS_PER_MEMBER_MAX)):
            going_on = key.to_height is None or key.to_height > ctx.height + 1
            if key.purpose == "signing" and going_on:
                self._end_key(ctx, member, key_id, ctx.height + 1)
        self._put_key(ctx, member, recovery.key_id, recovery.public_key, recovery.suite)
        del self.recoveries[member]

    @action(role=None)
    def cancel_recovery(self, ctx: Context, member: str) -> None:
        """Stop a recovery: the member, whose key is not lost, an admin beside it, or the proposer.

        Rejects: not_found, not_authorised.
        """
        recovery = self.recoveries[member]
        admin = "admin" in ctx.roles and organisation_part(member) == ctx.organisation
        entitled = admin or ctx.member in (member, recovery.approvals[0])
        require(entitled, "not_authorised", "only the member, its admins or the proposer may")
        del self.recoveries[member]

    @action(role=None)
    def withdraw(self, ctx: Context, tx: str, reason: str, replacement: str | None = None) -> None:
        """Declare that a transaction of one's own organisation should no longer be relied upon.

        It stays in the log; whoever proves it later sees the withdrawal. One for another
        organisation's transaction has no effect: proofs look under the signer's organisation.
        Rejects: bad_tx, bad_reason, already_exists.
        """
        named = [tx] if replacement is None else [tx, replacement]
        well_formed = all(len(name) == TX_ID_CHARS for name in named)
        require(well_formed, "bad_tx", "a transaction id has 43 characters")
        require(0 < len(reason) <= REASON_CHARS_MAX, "bad_reason", "1 to 400 characters")
        entry = Withdrawal(by=ctx.member, height=ctx.height, reason=reason, replacement=replacement)
        self.withdrawals.add((tx, ctx.organisation), entry)
        ctx.emit(Withdrawn(tx=tx, by=ctx.member, reason=reason))

    @query
    def member(self, ctx: Context, member: str) -> Member | None:
        """Return the entry of a member."""
        return self.members.get(member)

    def _active(self, height: int) -> list[str]:
        """Return the organisations that take part at that height, suspended ones left out."""
        held = self.suspensions.items(limit=1_000)
        out = [organisation for (organisation, _), e in held if is_valid_at(e, height)]
        rows = self.organisations.items(limit=1_000)
        return [o for o, entry in rows if is_valid_at(entry, height) and o not in out]

    def _delay(self) -> int:
        parameters = must(self.parameters.get(), "not_found", "the ledger has no parameters")
        return parameters.recovery_delay_blocks

    def _roles_at(self, member: str, height: int) -> tuple[str, ...]:
        held = self.roles.items((member,), limit=100)
        return tuple(role for (_, role), entry in held if is_valid_at(entry, height))

    def _check_key(self, key_id: str, public_key: bytes, suite: str) -> None:
        good = is_name(key_id) and suite in SUITES
        good = good and suite_named(suite).is_public_key_valid(public_key)
        require(good, "bad_key", "no public key of a known suite, or no name for it", suite=suite)

    def _put_key(
        self, ctx: Context, member: str, key_id: str, public_key: bytes, suite: str
    ) -> None:
        self._check_key(key_id, public_key, suite)
        held = len(list(self.keys.keys((member,), limit=KEYS_PER_MEMBER_MAX)))
        require(held < KEYS_PER_MEMBER_MAX, "too_many_keys", "the member has had too many keys")
        start = ctx.height + 1
        key = Key(from_height=start, public_key=public_key, purpose="signing", suite=suite)
        self.keys.add((member, key_id), key)
        ctx.emit(KeyAdded(member=member, key=key_id, from_height=start))

    def _end_key(self, ctx: Context, member: str, key_id: str, height: int) -> None:
        self.keys[member, key_id] = replace(self.keys[member, key_id], to_height=height)
        ctx.emit(KeyEnded(member=member, key=key_id, to_height=height))
