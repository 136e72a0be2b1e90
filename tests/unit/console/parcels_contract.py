# SPDX-License-Identifier: Apache-2.0
"""The contract of the parcels."""

from typing import Literal

from hanse.contracts import (
    Context,
    Contract,
    Date,
    Map,
    OrganisationId,
    action,
    event,
    query,
    record,
    require,
)


@record
class Place:
    """Where a parcel is."""

    city: str
    dock: int


@record
class Parcel:
    """One parcel."""

    id: str
    holder: OrganisationId
    grams: int
    kind: str


@record
class Step:
    """One way that a parcel went."""

    source: str
    target: str


@record
class Way:
    """The way of a parcel."""

    nodes: list[str]
    edges: list[Step]


@event
class Sent:
    """{frm} sent parcel {id} of {grams} g to {to}, insured over {amount_minor:money}."""

    id: str
    frm: OrganisationId
    to: OrganisationId
    grams: int
    amount_minor: int
    asset: str


class Parcels(Contract):
    """Parcels between organisations.

    Nothing moves without its holder.
    """

    name = "parcels"
    version = "1"

    parcels: Map[str, Parcel]

    @action(role="sender")
    def send(
        self,
        ctx: Context,
        id: str,  # noqa: A002 - the name that the form shows
        to: OrganisationId,
        grams: int,
        kind: Literal["letter", "box"],
        due: Date | None = None,
        fragile: bool = False,
        marks: list[str] | None = None,
        place: Place | None = None,
    ) -> str:
        """Send a parcel. Rejects: too_light, already_exists.

        Args:
            id: as printed on the label.
            grams: what the scale shows.
        """
        require(grams > 0, "too_light", "a parcel weighs something", grams=grams)
        parcel = Parcel(id=id, holder=to, grams=grams, kind=kind)
        self.parcels.add(id, parcel)
        ctx.emit(
            Sent(id=id, frm=ctx.organisation, to=to, grams=grams, amount_minor=1_050, asset="EUR")
        )
        return id

    @query
    def held(self, ctx: Context) -> list[Parcel]:
        """Return all parcels."""
        return [parcel for _, parcel in self.parcels.items()]

    @query
    def way(self, ctx: Context, parcel: str) -> Way:
        """Return the way of a parcel."""
        found = self.parcels[parcel]
        step = Step(source=found.id, target=found.holder)
        return Way(nodes=[found.id, found.holder], edges=[step])
