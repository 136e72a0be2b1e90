# SPDX-License-Identifier: Apache-2.0
"""Lineage: what was made of what, who holds how much of it, with nothing lost on the way.

An amount of a thing is in one place at a time: held by an organisation, under way to one, packed
in another thing, or consumed. What is packed goes where its package goes. The functions book; the
contract that calls them has checked before that there is enough.
"""

from typing import Literal

from hanse.contracts.records import record, replace
from hanse.contracts.refusals import require
from hanse.contracts.state import Map
from hanse.contracts.types import OrganisationId, TimeMs

HOLDERS_MAX = 900
LINKS_MAX = 3_000
REACH_MAX = 500
ROWS_MAX = 1_000

ThingKind = Literal["serial", "lot", "package"]


@record
class Part:
    """An amount of a thing. A single piece, such as a serial number, is 1000 thousandths."""

    id: str
    amount_milli: int
    unit: str


@record
class Thing:
    """What has come into being, how much of it, and how much was used up."""

    id: str
    kind: ThingKind
    item: str
    maker: OrganisationId
    born: str
    unit: str
    created_milli: int
    consumed_milli: int


@record
class Holding:
    """What an organisation holds of a thing, or what of a thing is packed in another."""

    amount_milli: int


@record
class Transit:
    """What is under way to an organisation: the last shipment of it, the time of the first."""

    amount_milli: int
    frm: OrganisationId
    since_ms: TimeMs
    event: str


@record
class Edge:
    """One step in a trace: ``source`` went into ``target`` by this event."""

    source: str
    target: str
    event: str


@record
class Reach:
    """What a walk came to, root first; ``complete`` is false where a limit cut it short."""

    names: list[str]
    edges: list[Edge]
    complete: bool


def together(parts: list[Part]) -> list[Part]:
    """Return one part for each thing, amounts added; a thing in two units is left without one."""
    found: dict[str, Part] = {}
    for part in parts:
        before = found.get(part.id, replace(part, amount_milli=0))
        unit = part.unit if part.unit == before.unit else ""
        amount = before.amount_milli + part.amount_milli
        found[part.id] = Part(id=part.id, amount_milli=amount, unit=unit)
    return list(found.values())


def amount_in(entry: Holding | Transit | None) -> int:
    """Return the amount of an entry, zero for none."""
    return 0 if entry is None else entry.amount_milli


def left_of(thing: Thing | None) -> int:
    """Return how much of a thing has not been used up, wherever it is."""
    return 0 if thing is None else thing.created_milli - thing.consumed_milli


def add(sums: dict[str, int], name: str, amount: int) -> None:
    """Add an amount to one of many sums."""
    sums[name] = sums.get(name, 0) + amount


def shift(book: Map[tuple[str, str], Holding], key: tuple[str, str], amount_milli: int) -> None:
    """Add an amount to an entry, or take it away; an entry of nothing is no entry."""
    after = amount_in(book.get(key)) + amount_milli
    if after == 0:
        del book[key]
    else:
        book[key] = Holding(amount_milli=after)


def create(things: Map[str, Thing], holdings: Map[tuple[str, str], Holding], new: Thing) -> None:
    """Bring a thing into being, or more of it, in its maker's hands."""
    old = things.get(new.id)
    if old is None:
        things[new.id] = new
    else:
        things[new.id] = replace(old, created_milli=old.created_milli + new.created_milli)
    shift(holdings, (new.id, new.maker), new.created_milli)


def consume(
    things: Map[str, Thing],
    holdings: Map[tuple[str, str], Holding],
    part: Part,
    holder: OrganisationId,
) -> None:
    """Use up what a holder has of a thing."""
    thing = things[part.id]
    things[part.id] = replace(thing, consumed_milli=thing.consumed_milli + part.amount_milli)
    shift(holdings, (part.id, holder), -part.amount_milli)


def depart(
    holdings: Map[tuple[str, str], Holding],
    transit: Map[tuple[str, str], Transit],
    part: Part,
    target: OrganisationId,
    sent: Transit,
) -> None:
    """Send what ``sent.frm`` holds on its way to ``target``."""
    shift(holdings, (part.id, sent.frm), -part.amount_milli)
    before = transit.get((part.id, target))
    since = sent.since_ms if before is None else min(before.since_ms, sent.since_ms)
    amount = amount_in(before) + part.amount_milli
    transit[part.id, target] = replace(sent, amount_milli=amount, since_ms=since)


def arrive(
    holdings: Map[tuple[str, str], Holding],
    transit: Map[tuple[str, str], Transit],
    part: Part,
    target: OrganisationId,
) -> None:
    """Put what was under way into the hands that it was sent to."""
    moving = transit[part.id, target]
    if moving.amount_milli == part.amount_milli:
        del transit[part.id, target]
    else:
        left = moving.amount_milli - part.amount_milli
        transit[part.id, target] = replace(moving, amount_milli=left)
    shift(holdings, (part.id, target), part.amount_milli)


def holders_of(
    thing: str,
    holdings: Map[tuple[str, str], Holding],
    transit: Map[tuple[str, str], Transit],
    inside: Map[tuple[str, str], str],
) -> list[OrganisationId]:
    """Return who holds or awaits a thing or a package that it lies in.

    Refuses with ``too_many_things`` beyond ``HOLDERS_MAX`` of them.
    """
    found: dict[str, bool] = {}
    places = [thing]
    at = 0
    while at < len(places) <= HOLDERS_MAX:
        here = (places[at],)
        held = list(holdings.keys(here, limit=ROWS_MAX))
        coming = list(transit.keys(here, limit=ROWS_MAX))
        for key in held + coming:
            found[key[1]] = True
        places.extend([key[1] for key in inside.keys(here, limit=ROWS_MAX)])
        at += 1
    few = len(found) <= HOLDERS_MAX and len(places) <= HOLDERS_MAX
    require(few, "too_many_things", "more holders than one answer carries", thing=thing)
    return [OrganisationId(name) for name in sorted(found)]


def reach(
    root: str,
    onward: bool,
    steps: Map[tuple[str, str], str],
    contents: Map[tuple[str, str], Holding],
    inside: Map[tuple[str, str], str],
) -> Reach:
    """Follow what went into what, and what is packed in it, breadth first, each thing once.

    ``onward``: the steps lead to what was made of a thing, else to what it was made of.
    """
    names = [root]
    seen = {root: True}
    edges: list[Edge] = []
    complete = True
    at = 0
    while at < len(names) and len(names) <= REACH_MAX and len(edges) <= LINKS_MAX:
        name = names[at]
        made = list(steps.items((name,), limit=ROWS_MAX))
        packed = [key[1] for key in contents.keys((name,), limit=ROWS_MAX)]
        complete = complete and len(made) < ROWS_MAX and len(packed) < ROWS_MAX
        for key, event in made:
            pair = (name, key[1]) if onward else (key[1], name)
            edges.append(Edge(source=pair[0], target=pair[1], event=event))
        edges.extend([Edge(source=c, target=name, event=inside[c, name]) for c in packed])
        for other in [key[1] for key, event in made] + packed:
            if other not in seen:
                seen[other] = True
                names.append(other)
        at += 1
    return Reach(names=names[:REACH_MAX], edges=edges, complete=complete and at == len(names))
