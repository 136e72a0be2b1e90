# SPDX-License-Identifier: Apache-2.0
"""Invoices that are financed once, by banks that do not show one another their books."""

from hanse.contracts import Change, Context, Contract, Map, OrganisationId, action, invariant, query
from hanse.contracts.patterns.claim_once import (
    Answer,
    Asked,
    Asker,
    Books,
    Claim,
    ClaimDomain,
    Claiming,
    Right,
    Tagged,
    carry_tag,
    check_right,
    end_claim,
    is_claimant,
    is_within_capacity,
    open_domain,
    start_rotation,
    take_claim,
    transfer_claim,
)


class Pledges(Contract):
    """A register of rights that may be used once."""

    domains: Map[str, ClaimDomain]
    tags: Map[tuple[str, str], Tagged]
    rights: Map[tuple[str, str], Right]
    claims: Map[tuple[str, str], Claim]
    proofs: Map[tuple[str, str], str]
    askers: Map[tuple[str, str], Asker]

    @action(role="authority")
    def open(self, ctx: Context, domain: ClaimDomain) -> ClaimDomain:
        """Open a register. Rejects: bad_domain, already_exists."""
        return open_domain(self._books(), domain)

    @action(role="registrar")
    def check(self, ctx: Context, asked: Asked, asker: str) -> Answer:
        """Answer whether it is claimed. Rejects: not_found, wrong_organisation, wrong_epoch,
        bad_evidence.
        """
        return check_right(self._books(), self.askers, ctx, asked, asker)

    @action(role="registrar")
    def claim(self, ctx: Context, asked: Asked, new: Claiming) -> Claim:
        """Claim units. Rejects: not_found, wrong_organisation, wrong_epoch, bad_evidence,
        capacity_mismatch, taken, already_exists.
        """
        return take_claim(self._books(), ctx, asked, new)

    @action(role="registrar")
    def transfer(self, ctx: Context, domain: str, claim: str, claimant: str) -> Claim:
        """Pass a claim on. Rejects: not_found, wrong_organisation, wrong_state, bad_evidence."""
        return transfer_claim(self._books(), ctx, domain, claim, claimant)

    @action(role="registrar")
    def consume(self, ctx: Context, domain: str, claim: str) -> Claim:
        """Use it up. Rejects: not_found, wrong_organisation, wrong_state."""
        return end_claim(self._books(), ctx, domain, claim, "consumed")

    @action(role="registrar")
    def release(self, ctx: Context, domain: str, claim: str) -> Claim:
        """Set it free. Rejects: not_found, wrong_organisation, wrong_state."""
        return end_claim(self._books(), ctx, domain, claim, "released")

    @action(role="registrar")
    def rotate_epoch(self, ctx: Context, domain: str) -> ClaimDomain:
        """Begin with the next key. Rejects: not_found, wrong_organisation, wrong_state."""
        return start_rotation(self._books(), ctx, domain)

    @action(role="registrar")
    def carry(self, ctx: Context, asked: Asked) -> ClaimDomain:
        """Carry a tag over. Rejects: not_found, wrong_organisation, wrong_epoch."""
        return carry_tag(self._books(), ctx, asked)

    @query
    def made_by(
        self, ctx: Context, domain: str, claim: str, salt: str, claimant: OrganisationId
    ) -> bool:
        """Say whether a claim opens to this claimant. Rejects: not_found."""
        return is_claimant(ctx, self.claims[domain, claim], salt, claimant)

    @invariant
    def used_once(self, ctx: Context, change: Change) -> bool:
        """Live and consumed units stay within capacity."""
        return is_within_capacity(change.of(self.rights), change.of(self.claims))

    def _books(self) -> Books:
        return (self.domains, self.tags, self.rights, self.claims, self.proofs)
