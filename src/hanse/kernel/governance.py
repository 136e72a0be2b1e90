# SPDX-License-Identifier: Apache-2.0
"""The life cycle of contracts as a contract: texts, proposals, ballots, versions, on the ledger.

Actions collect what organisations say. What was decided is carried out by the kernel at the
beginning of a block (``kernel.lifecycle``): no decision changes anything within one.
"""

from functools import partial
from typing import Final

from hanse.codec.canonical import encode
from hanse.codec.limits import (
    BALLOTS_MAX,
    MIGRATION_COST_MAX,
    NAME_CHARS_MAX,
    PART_CHARS_MAX,
    PARTS_MAX,
    PROPOSAL_BLOCKS_MAX,
    PROPOSALS_OPEN_MAX,
    REASON_CHARS_MAX,
    SCAN_ROWS_MAX,
    VERSIONS_MAX,
)
from hanse.contracts import (
    Context,
    Contract,
    Map,
    Value,
    action,
    must,
    query,
    replace,
    require,
)
from hanse.contracts.package import texts_hash
from hanse.contracts.sources import main_file
from hanse.contracts.state import Reader, ask_beside
from hanse.identity import Ballot, Policy, decide, is_contract_name
from hanse.identity import organisation_of as organisation_part
from hanse.kernel.ballots import active, cast, check_vote, first_listed, is_counted, settle, sides
from hanse.kernel.directory import Directory
from hanse.kernel.proposals import (
    ALLOWED,
    BallotOf,
    Counters,
    Decided,
    Deployed,
    Migration,
    Numbered,
    Package,
    Proposal,
    Proposed,
    Rehearsal,
    Rehearsed,
    Status,
    Terms,
    Version,
    Vote,
    Voted,
)
from hanse.kernel.registry import PolicyEntry

RESERVED: Final = ("governance", "network", "registry", "replay")
HASH_CHARS: Final = 43  # characters of a hash as text
TAG_BINDS: Final = "hanse/proposal"


def _policy(below: Reader, resource: str) -> PolicyEntry | None:
    return Directory().policy(below, resource)


class Governance(Contract):
    """Which contracts this ledger runs, in which version, and who decided so."""

    name = "governance"

    agenda: Map[tuple[int, int], bool]
    ballots: Map[tuple[int, str], Vote]
    contracts: Map[str, Deployed]
    counters: Value[Counters]
    migration: Value[Migration]
    packages: Map[str, Package]
    proposals: Map[int, Proposal]
    texts: Map[str, str]
    versions: Map[tuple[str, int], Version]

    @action(role="admin")
    def publish(self, ctx: Context, texts: list[str]) -> list[str]:
        """Put parts of texts on the ledger, each under its digest; known ones stay as they are.

        Rejects: text_too_large.
        """
        digests: list[str] = []
        for text in texts:
            require(
                len(text) <= PART_CHARS_MAX,
                "text_too_large",
                "a text comes in parts",
                characters_max=PART_CHARS_MAX,
            )
            digest = ctx.digest("hanse/text", text)
            self.texts[digest] = text
            digests.append(digest)
        return digests

    @action(role="admin")
    def propose(self, ctx: Context, terms: Terms) -> int:
        """Propose to install, upgrade, freeze, unfreeze or retire a contract; returns the number.

        Rejects: bad_reason, bad_contract, bad_height, wrong_package, wrong_upgrade, wrong_status,
        text_missing, wrong_hash, too_many_open.
        """
        good = 0 < len(terms.reason) <= REASON_CHARS_MAX
        require(good, "bad_reason", "1 to 400 characters")
        named = is_contract_name(terms.contract) and terms.contract not in RESERVED
        require(named, "bad_contract", "no name of a contract, or one of the ledger's own")
        soon = 0 <= terms.not_before <= ctx.height + PROPOSAL_BLOCKS_MAX
        soon = soon and 0 < terms.open_blocks <= PROPOSAL_BLOCKS_MAX
        require(soon, "bad_height", "too far ahead", blocks_max=PROPOSAL_BLOCKS_MAX)
        wants = terms.kind in ("install", "upgrade")
        right = wants == (terms.package is not None)
        require(right, "wrong_package", "an install or upgrade has one, nothing else does")
        if terms.upgrade is not None:
            other = self.proposals.get(terms.upgrade)
            waits = other is not None and other.status in ("proposed", "approved")
            same = other is not None and other.terms.contract == terms.contract
            frozen = other is not None and other.terms.mode == "frozen"
            good = terms.kind == "freeze" and waits and same and frozen
            require(good, "wrong_upgrade", "a freeze is for a frozen upgrade of it that waits")
        held = self.contracts.get(terms.contract)
        status = "absent" if held is None else held.status
        fit = status in ALLOWED[terms.kind]
        require(fit, "wrong_status", "the contract's status does not allow it", status=status)
        if terms.package is not None:
            self._keep(ctx, terms.contract, terms.package)
        counted = self.counters.get() or Counters(open=0, proposals=0)
        require(counted.open < PROPOSALS_OPEN_MAX, "too_many_open", "settle others first")
        number = counted.proposals + 1
        self.counters.set(Counters(open=counted.open + 1, proposals=number))
        expires = ctx.height + terms.open_blocks
        self.proposals[number] = self._bound(
            ctx,
            Proposal(
                base="" if held is None else held.package,
                binds="",
                by=ctx.member,
                expires_height=expires,
                height=ctx.height,
                status="proposed",
                terms=terms,
            ),
        )
        self.agenda[expires, number] = True
        ctx.emit(Proposed(number=number, by=ctx.member, kind=terms.kind, contract=terms.contract))
        return number

    @action(role="admin")
    def record_rehearsal(self, ctx: Context, number: int, rehearsal: Rehearsal) -> None:
        """Put what an upgrade's rehearsal gave into the proposal: from now on ballots bind it.

        Ballots cast before count no more. Under ``frozen`` the contract must have been frozen at
        the rehearsal's height.
        Rejects: not_found, not_open, wrong_organisation, wrong_kind, bad_rehearsal, not_frozen.
        """
        held = self._open(number)
        ctx.acts_for(organisation_part(held.by))
        require(held.terms.kind == "upgrade", "wrong_kind", "an upgrade is rehearsed")
        roots = len(rehearsal.root_before) == len(rehearsal.root_after) == HASH_CHARS
        good = roots and 0 <= rehearsal.height < ctx.height
        good = good and rehearsal.entries >= 0 and 0 <= rehearsal.cost <= MIGRATION_COST_MAX
        good = good and len(rehearsal.digest) in (0, HASH_CHARS)
        require(good, "bad_rehearsal", "two roots, a height before this one, figures within bounds")
        if held.terms.mode == "frozen":
            now = self.contracts.get(held.terms.contract)
            still = now is not None and now.status == "frozen"
            still = still and now is not None and now.since_height <= rehearsal.height
            require(still, "not_frozen", "freeze the contract, then rehearse")
        self.proposals[number] = self._bound(ctx, replace(held, rehearsal=rehearsal))
        ctx.emit(
            Rehearsed(
                number=number,
                height=rehearsal.height,
                entries=rehearsal.entries,
                cost=rehearsal.cost,
            )
        )

    @action(role=None)
    def approve(self, ctx: Context, number: int, binds: str, reason: str = "") -> Status:
        """Vote for what the proposal binds; the ballot that completes the policy decides.

        Rejects: not_found, not_open, changed, bad_reason, not_rehearsed, no_policy, not_entitled,
        too_many_ballots.
        """
        return self._vote(
            ctx, number, Vote(approves=True, binds=binds, height=ctx.height, reason=reason)
        )

    @action(role=None)
    def reject(self, ctx: Context, number: int, binds: str, reason: str) -> Status:
        """Vote against; once no approval is possible any more, the proposal is rejected.

        Rejects: not_found, not_open, changed, bad_reason, not_rehearsed, no_policy, not_entitled,
        too_many_ballots.
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

    @action(role=None)
    def go_on(self, ctx: Context, number: int) -> Migration:
        """Return how far a migration has come; the block that this is in does some more of it.

        Any transaction brings that about; this one is for a ledger on which nothing else happens.
        Rejects: not_migrating.
        """
        held = self.migration.get()
        running = held if held is not None and held.number == number else None
        return must(running, "not_migrating", "it has not begun, or is done: see the proposal")

    @query
    def migrating(self, ctx: Context) -> Migration | None:
        """Return the migration under way, and how far it has come."""
        return self.migration.get()

    @query
    def proposal(self, ctx: Context, number: int) -> Proposal | None:
        """Return a proposal."""
        return self.proposals.get(number)

    @query
    def list_proposals(self, ctx: Context, start: int = 0, limit: int = 100) -> list[Numbered]:
        """Return proposals by number, from ``start`` on; by default the newest."""
        start = first_listed(self.counters, start, limit)
        rows = self.proposals.items(start=start, limit=limit)
        return [Numbered(number=number, proposal=held) for number, held in rows]

    @query
    def list_ballots(self, ctx: Context, number: int) -> list[BallotOf]:
        """Return the ballots on a proposal, by member."""
        rows = self.ballots.items((number,), limit=BALLOTS_MAX)
        return [BallotOf(member=member, vote=vote) for (_, member), vote in rows]

    @query
    def contract(self, ctx: Context, name: str) -> Deployed | None:
        """Return a contract's status and current version."""
        return self.contracts.get(name)

    @query
    def list_versions(self, ctx: Context, name: str) -> list[Version]:
        """Return the versions of a contract, oldest first."""
        return list(self.versions.values((name,), limit=SCAN_ROWS_MAX))

    def _keep(self, ctx: Context, name: str, package: Package) -> None:
        """Establish that the package's texts are here and have its hash; keep their list."""
        label = 0 < len(package.version) <= NAME_CHARS_MAX and len(package.lowered) == HASH_CHARS
        count = sum([len(file.parts) for file in package.files])
        texts: dict[str, str] = {}
        for file in package.files:
            require(count <= PARTS_MAX, "wrong_package", "too many parts", parts_max=PARTS_MAX)
            parts: list[str] = []
            for digest in file.parts:
                known = self.texts.get(digest) if len(digest) == HASH_CHARS else None
                parts.append(must(known, "text_missing", "publish it first", digest=digest))
            texts[file.name] = "".join(parts)
        whole = label and len(texts) == len(package.files) and main_file(texts) is not None
        require(whole, "wrong_package", "one contract, the model beside it, patterns; a version")
        found = texts_hash(texts, name, package.version, ctx.tagged)
        require(found == package.hash, "wrong_hash", "the texts have another hash", hash=found)
        ran = [
            v.lowered
            for v in self.versions.values((name,), limit=VERSIONS_MAX)
            if v.package == package.hash and v.lowered is not None
        ]
        same = all(lowered == package.lowered for lowered in ran)
        require(same, "wrong_package", "these texts were lowered otherwise when they were current")
        self.packages[package.hash] = package

    def _bound(self, ctx: Context, held: Proposal) -> Proposal:
        """Return the proposal with the digest of all that a ballot on it agrees to."""
        asked, tried = encode(held.terms), encode(held.rehearsal)
        return replace(held, binds=ctx.digest(TAG_BINDS, asked, held.base, tried, held.by))

    def _open(self, number: int) -> Proposal:
        held = self.proposals[number]
        require(held.status == "proposed", "not_open", "it is decided", status=held.status)
        return held

    def _vote(self, ctx: Context, number: int, vote: Vote) -> Status:
        held = self.proposals[number]
        check_vote(held.status, held.binds, vote)
        tried = held.terms.kind != "upgrade" or held.rehearsal is not None
        require(tried, "not_rehearsed", "an upgrade is rehearsed before anybody votes")
        policy = must(self._policy(held), "no_policy", "the ledger has no policy contract.approve")
        own = Ballot(ctx.member, ctx.organisation, ctx.roles)
        voting = active(self.ballots, ctx.height)
        free = is_counted(policy, own, voting, organisation_part(held.by))
        require(free, "not_entitled", "the policy does not count your ballot", rule=policy.rule)
        votes = cast(ctx, self.ballots, number, vote)
        ctx.emit(Voted(number=number, by=ctx.member, choice="yes" if vote.approves else "no"))
        status = self._counted(ctx, held, policy, votes)
        if status == "approved":
            due = max(held.terms.not_before, ctx.height + 1)
            self._decide(ctx, number, replace(held, status="approved", due_height=due))
            self.agenda[due, number] = True
        elif status == "rejected":
            done = replace(held, status="rejected", settled_height=ctx.height)
            self._decide(ctx, number, done)
        return status

    def _counted(
        self, ctx: Context, held: Proposal, policy: Policy, votes: dict[str, Vote]
    ) -> Status:
        """Return what the ballots decide that were cast on what the proposal binds now."""
        bound = {member: vote for member, vote in votes.items() if vote.binds == held.binds}
        yes, against, weights = sides(self.ballots, bound, ctx.height)
        voting, concerned = active(self.ballots, ctx.height), organisation_part(held.by)
        verdict = decide(policy, yes, against, voting, concerned, weights)
        return "proposed" if verdict == "open" else verdict

    def _policy(self, held: Proposal) -> Policy | None:
        """Return who decides: the policy of this kind, else the one of all."""
        for resource in (f"contract.{held.terms.kind}", "contract.approve"):
            found = ask_beside(self.ballots, partial(_policy, resource=resource))
            if found is not None:
                return Policy(found.rule, tuple(found.organisations), tuple(found.roles))
        return None

    def _decide(self, ctx: Context, number: int, held: Proposal) -> None:
        self.proposals[number] = held
        if held.status != "approved" and held.terms.mode == "frozen":
            self.agenda[ctx.height + 1, number] = True  # what is frozen for it is let go
        settle(self.counters, held.status)
        height = ctx.height if held.due_height is None else held.due_height
        ctx.emit(Decided(number=number, status=held.status, height=height))
