# SPDX-License-Identifier: Apache-2.0
"""A contract whose actions several must sign."""

from hanse.contracts import Context, Contract, Map, MemberId, OrganisationId, action


class Deals(Contract):
    """Dealings that count when all sign."""

    deals: Map[str, str]

    @action(role="trader", also_signed_by="other")
    def agree(self, ctx: Context, deal: str, other: OrganisationId) -> str:
        """Keep what both agree to. Rejects: already_exists."""
        self.deals.add(deal, other)
        return ctx.organisation

    @action(role="trader", also_signed_by="others")
    def agree_all(self, ctx: Context, deal: str, others: list[OrganisationId]) -> None:
        """Keep what all agree to. Rejects: already_exists."""
        self.deals.add(deal, " ".join(others))

    @action(role=None, also_signed_by="who")
    def witness(self, ctx: Context, deal: str, who: MemberId | None = None) -> None:
        """Keep what a person saw. Rejects: already_exists."""
        self.deals.add(deal, who if who is not None else "nobody")

    @action(role=None)
    def note(self, ctx: Context, deal: str) -> None:
        """Keep what one says. Rejects: already_exists."""
        self.deals.add(deal, ctx.organisation)
