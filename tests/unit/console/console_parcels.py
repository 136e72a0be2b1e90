# SPDX-License-Identifier: Apache-2.0
"""Parcels: a small contract that has every kind of argument a form must show."""

from typing import Literal

from hanse.contracts import (
    App,
    Context,
    Contract,
    Date,
    Format,
    Map,
    OrganisationId,
    Panel,
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


def check_note(data: bytes, media_type: str | None) -> dict[str, object]:
    """Return the report on a note: one line, the id of a parcel."""
    text = data.decode("utf-8", "replace").strip()
    bad = not text.isalnum()
    finding = {"code": "bad_id", "fatal": bad, "layer": "format", "message": "letters and digits"}
    args = {"grams": 5, "id": text, "kind": "box", "to": "beta"}
    return {
        "drafts": [] if bad else [{"action": "send", "args": args, "contract": "parcels"}],
        "findings": [{**finding, "pointer": "/0"}] if bad else [],
        "payload_digest": None,
        "ruleset_digest": "rules",
        "standard": "note",
        "verdict": "refused" if bad else "accepted",
        "version": "1",
    }


APP = App(
    name="parcels",
    title="Parcels",
    contracts=(Parcels,),
    formats=(Format("note", "A note", ("text/plain",), check_note),),
    panels=(
        Panel("held", "All parcels", "table", query="held", columns=("id", "holder", "grams")),
        Panel("way", "The way of a parcel", "graph", query="way"),
        Panel("log", "As a timeline", "timeline", query="held"),
        Panel("new", "Send one", "form", action="send"),
    ),
)
