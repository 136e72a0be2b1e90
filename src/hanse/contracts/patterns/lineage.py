# SPDX-License-Identifier: Apache-2.0
"""Lineage: what was made of what, who holds how much of it, with nothing lost on the way.

An amount of a thing is in one place at a time: held by an organisation, under way to one, packed
in another thing, or consumed. What is packed goes where its package goes, and must be taken out
before it is used by itself.

A contract declares the maps of ``Books`` and the steps both ways. It makes a ``Plan`` of what is
to be done, has it checked, and books it. Its invariant is ``is_balanced``.
"""

from typing import Literal

from hanse.contracts import Map, OrganisationId, TimeMs, Written, record, replace, require

HOLDERS_MAX = 900
LINKS_MAX = 3_000
REACH_MAX = 500
ROWS_MAX = 1_000

Deed = Literal["make", "commission", "remove", "send", "receive", "pack", "unpack", "observe"]
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


@record
class Plan:
    """What is to be done, each thing once.

    ``moved`` is consumed, sent, received, packed in ``package`` or taken out of it; ``named`` is
    only spoken of; ``target`` is whom it is sent to.
    """

    deed: Deed
    event: str
    time_ms: TimeMs
    package: str
    target: OrganisationId
    created: list[Thing]
    moved: list[Part]
    named: list[Part]


Holdings = Map[tuple[str, str], Holding]
Transits = Map[tuple[str, str], Transit]
Links = Map[tuple[str, str], str]
Books = tuple[Map[str, Thing], Holdings, Transits, Holdings, Links]
"""The maps of things; holdings by thing and holder; transit by thing and target; contents by
package and thing; and packages by thing and package, with the event that packed it."""


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


def check_things(things: Map[str, Thing], plan: Plan) -> None:
    """Refuse what does not fit the things there are: serial_taken, not_commissioned, unit_mismatch.

    More of a lot can only be made by its maker.
    """
    for new in plan.created:
        old = things.get(new.id)
        free = old is None or (old.kind == new.kind == "lot" and old.maker == new.maker)
        require(free, "serial_taken", "this number was used before", serial=new.id)
    for part in plan.moved + plan.named:
        require(part.id in things, "not_commissioned", "nobody made this", thing=part.id)
    if plan.deed == "unpack":
        known = plan.package in things
        require(known, "not_commissioned", "nobody made this", thing=plan.package)
    for new in plan.created:
        old = things.get(new.id)
        same = new.unit != "" and (old is None or new.unit == old.unit)
        require(same, "unit_mismatch", "count it in the unit it was made in", thing=new.id)
    for part in plan.moved:
        same = part.unit == things[part.id].unit
        require(same, "unit_mismatch", "count it in the unit it was made in", thing=part.id)


def check_amounts(books: Books, plan: Plan, mine: OrganisationId) -> None:
    """Refuse to move what is not there: not_holder, input_consumed, not_found, not_empty.

    A package must be held whole by whoever packs or unpacks it.
    """
    things, holdings, transit, contents = books[:4]
    from_hand = plan.deed in ("make", "remove", "send", "pack")
    if plan.deed in ("pack", "unpack") and plan.package in things:
        held = (plan.package, mine) in holdings
        require(held, "not_holder", "you do not hold the package", thing=plan.package)
    for part in plan.moved:
        have = amount_in(holdings.get((part.id, mine)))
        coming = amount_in(transit.get((part.id, mine)))
        if from_hand and left_of(things[part.id]) > 0:
            text = "you do not hold that much of it unpacked"
            enough = have >= part.amount_milli and part.id != plan.package
            require(enough, "not_holder", text, thing=part.id, held_milli=have)
        if plan.deed == "receive":
            enough = coming >= part.amount_milli
            text = "nobody sent you that much"
            require(enough, "not_holder", text, thing=part.id, coming_milli=coming)
    for part in plan.moved:
        spent = from_hand and left_of(things[part.id]) == 0
        require(not spent, "input_consumed", "it was used up before", thing=part.id)
    for part in plan.moved:
        packed = amount_in(contents.get((plan.package, part.id)))
        enough = plan.deed != "unpack" or packed >= part.amount_milli
        require(enough, "not_found", "there is not that much in the package", thing=part.id)
    for part in plan.moved:
        ends = plan.deed in ("make", "remove")
        full = ends and list(contents.keys((part.id,), limit=1)) != []
        require(not full, "not_empty", "take out what is packed in it", thing=part.id)


def book(books: Books, plan: Plan, mine: OrganisationId) -> None:
    """Do what a checked plan says."""
    things, holdings, transit, contents, inside = books
    for new in plan.created:
        old = things.get(new.id)
        before = 0 if old is None else old.created_milli
        things[new.id] = replace(
            new if old is None else old, created_milli=before + new.created_milli
        )
        shift(holdings, (new.id, mine), new.created_milli)
    for part in plan.moved:
        thing, amount = things[part.id], part.amount_milli
        if plan.deed == "receive":
            arrive(transit, (part.id, mine), amount)
            shift(holdings, (part.id, mine), amount)
        elif plan.deed == "unpack":
            shift(contents, (plan.package, part.id), -amount)
            if (plan.package, part.id) not in contents:
                del inside[part.id, plan.package]
            shift(holdings, (part.id, mine), amount)
        else:
            shift(holdings, (part.id, mine), -amount)
            if plan.deed == "send":
                depart(transit, part, plan, mine)
            elif plan.deed == "pack":
                shift(contents, (plan.package, part.id), amount)
                inside[part.id, plan.package] = plan.event
            else:
                things[part.id] = replace(thing, consumed_milli=thing.consumed_milli + amount)


def link(forward: Links, back: Links, plan: Plan) -> None:
    """Remember, of a making, that what was used went into what was made."""
    for new in plan.created if plan.deed == "make" else []:
        for part in plan.moved:
            forward[part.id, new.id] = plan.event
            back[new.id, part.id] = plan.event


def shift(holdings: Holdings, key: tuple[str, str], amount_milli: int) -> None:
    """Add an amount to an entry, or take it away; an entry of nothing is no entry."""
    after = amount_in(holdings.get(key)) + amount_milli
    if after == 0:
        del holdings[key]
    else:
        holdings[key] = Holding(amount_milli=after)


def depart(transit: Transits, part: Part, plan: Plan, frm: OrganisationId) -> None:
    """Put an amount on its way to the plan's target."""
    before = transit.get((part.id, plan.target))
    transit[part.id, plan.target] = Transit(
        amount_milli=amount_in(before) + part.amount_milli,
        frm=frm,
        since_ms=plan.time_ms if before is None else min(before.since_ms, plan.time_ms),
        event=plan.event,
    )


def arrive(transit: Transits, key: tuple[str, str], amount_milli: int) -> None:
    """Take what arrived off what is under way."""
    moving = transit[key]
    left = moving.amount_milli - amount_milli
    if left == 0:
        del transit[key]
    else:
        transit[key] = replace(moving, amount_milli=left)


def is_balanced(
    things: list[Written[Thing]],
    holdings: list[Written[Holding]],
    transit: list[Written[Transit]],
    contents: list[Written[Holding]],
) -> bool:
    """Whether, of each thing, what is held, under way, packed or consumed is what was created."""
    sums: dict[str, int] = {}
    for thing in things:
        more = left_of(thing.after) - left_of(thing.before)
        sums[thing.key] = sums.get(thing.key, 0) - more
    for held in holdings:
        more = amount_in(held.after) - amount_in(held.before)
        sums[held.key[0]] = sums.get(held.key[0], 0) + more
    for moved in transit:
        more = amount_in(moved.after) - amount_in(moved.before)
        sums[moved.key[0]] = sums.get(moved.key[0], 0) + more
    for packed in contents:
        more = amount_in(packed.after) - amount_in(packed.before)
        sums[packed.key[1]] = sums.get(packed.key[1], 0) + more
    return all(total == 0 for total in sums.values())


def parts_in(books: Books, package: str, limit: int) -> list[Part]:
    """Return what is packed in a package, at most ``limit`` things of it."""
    things, contents = books[0], books[3]
    return [
        Part(id=key[1], amount_milli=row.amount_milli, unit=things[key[1]].unit)
        for key, row in contents.items((package,), limit=limit)
    ]


def holders_of(books: Books, thing: str) -> list[OrganisationId]:
    """Return who holds or awaits a thing or a package that it lies in.

    Refuses with ``too_many_things`` beyond ``HOLDERS_MAX`` of them.
    """
    holdings, transit, inside = books[1], books[2], books[4]
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


def reach(books: Books, root: str, steps: Links, onward: bool) -> Reach:
    """Follow what went into what, and what is packed in it, breadth first, each thing once.

    ``onward``: the steps lead to what was made of a thing, else to what it was made of.
    """
    contents, inside = books[3], books[4]
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
