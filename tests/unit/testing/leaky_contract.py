# SPDX-License-Identifier: Apache-2.0
"""A contract with a fault of each kind that a machine of calls is there to find."""

from hanse.contracts import (
    Change,
    Context,
    Contract,
    Date,
    Map,
    MemberId,
    OrganisationId,
    action,
    invariant,
    query,
    record,
    require,
)


@record
class Held:
    """Something in a store."""

    owner: OrganisationId
    amount: int


class Leaky(Contract):
    """Each action has its own fault."""

    held: Map[str, Held]
    by_day: Map[tuple[OrganisationId, Date], Held]

    @action(role="keeper")
    def put(self, ctx: Context, name: str, amount: int) -> None:
        """Put something in. Rejects: already_exists."""
        self.held.add(name, Held(owner=ctx.organisation, amount=amount))

    @action(role=None)
    def silent(self, ctx: Context, name: str) -> None:
        """Refuse with a code that no line names. Rejects: not_found."""
        require(self.held[name].amount != 2, "two_is_bad", "it is two")

    @action(role=None)
    def divide(self, ctx: Context, name: str) -> int:
        """Divide by what may be zero. Rejects: not_found."""
        return 10 // self.held[name].amount

    @query
    def owner(self, ctx: Context, name: str, who: MemberId) -> OrganisationId:
        """Return who owns it. Rejects: not_found."""
        return self.held[name].owner


class Lossy(Contract):
    """Breaks its own invariant when something is put in twice."""

    held: Map[str, Held]

    @action(role="keeper")
    def put(self, ctx: Context, name: str, amount: int) -> None:
        """Put something in."""
        self.held[name] = Held(owner=ctx.organisation, amount=amount)

    @invariant
    def amounts_stay(self, ctx: Context, change: Change) -> bool:
        """No amount changes."""
        return all(
            w.before is None or w.after is None or w.before.amount == w.after.amount
            for w in change.of(self.held)
        )
