# SPDX-License-Identifier: Apache-2.0
"""The records and events of ``trace``, and the bookkeeping that its rules stand on.

Identifiers are canonical GS1 Digital Link URIs, as the reader of the standard gives them. Amounts
are thousandths of the unit, so that kilograms and pieces are both integers.
"""

from typing import Literal

from hanse.contracts import Context, Map, OrganisationId, TimeMs, event, record, replace, require

AMOUNT_MILLI_MAX = 1_000_000_000_000_000
HOLDERS_MAX = 900
ID_CHARS_MAX = 200
PIECE_MILLI = 1_000
PIECE_UNIT = "H87"
TRACE_EDGES_MAX = 3_000
TRACE_MAX = 500

Deed = Literal["make", "commission", "remove", "send", "receive", "pack", "unpack", "observe"]
EventAction = Literal["", "ADD", "OBSERVE", "DELETE"]
EventType = Literal[
    "ObjectEvent",
    "AggregationEvent",
    "TransactionEvent",
    "TransformationEvent",
    "AssociationEvent",
]
ThingKind = Literal["serial", "lot", "package"]
RecallState = Literal["open", "acknowledged", "quarantined"]


@record
class TradeItem:
    """A product by its GTIN; its making may show ``gain_max_ppm`` more output than input."""

    gtin: str
    gain_max_ppm: int
    name: str
    owner: OrganisationId
    unit: str


@record
class Location:
    """A place by its GLN, and the organisation that answers for it."""

    gln: str
    kind: str
    name: str
    owner: OrganisationId


@record
class Part:
    """An amount of a thing as an event names it. A serial number is one piece: 1000 thousandths."""

    id: str
    amount_milli: int
    unit: str


@record
class Statement:
    """What the validator at the gateway said of the document that an event comes from."""

    standard: str
    version: str
    ruleset_digest: str
    verdict: Literal["accepted", "accepted_with_findings"]
    payload_digest: str
    document: str


@record
class Captured:
    """A trace event as the reader of the standard types it."""

    hash: str
    type: EventType
    action: EventAction
    biz_step: str
    disposition: str
    time_ms: TimeMs
    location: str
    destination: str
    parent: str
    things: list[Part]
    inputs: list[Part]
    outputs: list[Part]


@record
class TraceEvent:
    """A trace event on the ledger."""

    hash: str
    type: str
    action: str
    biz_step: str
    time_ms: TimeMs
    owner: OrganisationId
    location: str
    document: str
    corrected_by: str | None = None


@record
class Thing:
    """A lot, a serial number or a package that has been seen to come into being."""

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
    """What an organisation, or a package, holds of a thing."""

    amount_milli: int


@record
class Transit:
    """What is under way to an organisation: the last shipment of it, the first one's time."""

    amount_milli: int
    frm: OrganisationId
    since_ms: TimeMs
    event: str


@record
class Recall:
    """A recall of a thing and of all that was made of it."""

    id: str
    root: str
    reason: str
    opened_by: OrganisationId
    opened_ms: TimeMs
    holders: int
    answered: int
    closed: bool = False


@record
class Duty:
    """What one holder has to do in a recall."""

    recall: str
    holder: OrganisationId
    things: list[str]
    state: RecallState


@record
class Scan:
    """How often a thing was seen, and where and when it was last."""

    count: int
    place: str
    time_ms: TimeMs


@record
class Finding:
    """What a rule saw; it changes nothing but itself."""

    rule: str
    thing: str
    event: str
    sentence: str


@record
class Node:
    """A thing in a trace."""

    id: str
    label: str
    kind: ThingKind
    maker: OrganisationId
    holders: list[OrganisationId]


@record
class Edge:
    """One step in a trace: ``source`` went into ``target`` by this event."""

    source: str
    target: str
    event: str


@record
class Graph:
    """A trace; ``complete`` is false where the limit cut it short."""

    nodes: list[Node]
    edges: list[Edge]
    complete: bool


@event
class ItemRegistered:
    """{owner} registered {name} as {gtin}."""

    gtin: str
    name: str
    owner: OrganisationId


@event
class LocationRegistered:
    """{owner} registered the place {name}."""

    gln: str
    name: str
    owner: OrganisationId


@event
class Commissioned:
    """{owner} brought {count} things into being, first {first}."""

    owner: OrganisationId
    count: int
    first: str


@event
class Moved:
    """{owner} reported {step} of {count} things, first {first}, at {location}."""

    owner: OrganisationId
    step: str
    count: int
    first: str
    location: str


@event
class Made:
    """{owner} made {outputs} out of {inputs} inputs."""

    owner: OrganisationId
    inputs: int
    outputs: list[str]


@event
class Packed:
    """{owner} reported {step} of {count} things with package {parent}."""

    owner: OrganisationId
    step: str
    count: int
    parent: str


@event
class Found:
    """Finding {rule}: {sentence}."""

    rule: str
    thing: str
    sentence: str


@event
class Corrected:
    """{owner} corrected event {old}: {reason}."""

    owner: OrganisationId
    old: str
    new: str
    reason: str


@event
class RecallOpened:
    """{by} recalled {root} with {things} things at {holders} holders: {reason}."""

    id: str
    by: OrganisationId
    root: str
    things: int
    holders: int
    reason: str


@event
class RecallAnswered:
    """{holder} {state} its part of recall {id}."""

    id: str
    holder: OrganisationId
    state: RecallState


@event
class RecallClosed:
    """{by} closed recall {id}; all {holders} holders have answered."""

    id: str
    by: OrganisationId
    holders: int


@record
class Plan:
    """What an event does to the books, each thing once.

    ``held`` is what its owner must hold, ``given`` what leaves the holdings, ``taken`` what comes
    into them from a carrier or a package, ``named`` what is only spoken of.
    """

    deed: Deed
    created: list[Part]
    held: list[Part]
    given: list[Part]
    taken: list[Part]
    named: list[Part]


def plan_of(captured: Captured, parent_known: bool) -> Plan:
    """Return what an event does to the books; most events only tell where things are."""
    none: list[Part] = []
    things = together(captured.things)
    piece = [Part(id=captured.parent, amount_milli=PIECE_MILLI, unit=PIECE_UNIT)]
    step = captured.biz_step
    plan = Plan(deed="observe", created=none, held=none, given=none, taken=none, named=things)
    if captured.type == "TransformationEvent":
        used, made = together(captured.inputs), together(captured.outputs)
        return replace(plan, deed="make", created=made, held=used, given=used, named=none)
    if captured.type == "AggregationEvent" and captured.parent != "":
        if captured.action == "ADD":
            new, held = none if parent_known else piece, together(captured.things + piece)
            held = held if parent_known else things
            return replace(plan, deed="pack", created=new, held=held, given=things, named=none)
        if captured.action == "DELETE":
            return replace(plan, deed="unpack", held=piece, taken=things, named=none)
    if captured.type == "ObjectEvent":
        if captured.action == "ADD":
            return replace(plan, deed="commission", created=things, named=none)
        if captured.action == "DELETE":
            return replace(plan, deed="remove", held=things, given=things, named=none)
        if step == "shipping" and captured.destination != "":
            return replace(plan, deed="send", held=things, given=things, named=none)
        if step == "receiving":
            return replace(plan, deed="receive", taken=things, named=none)
    # an association is about equipment, which need not be commissioned here
    return replace(plan, named=none) if captured.type == "AssociationEvent" else plan


def together(parts: list[Part]) -> list[Part]:
    """Return one part for each thing, amounts added; two units of one thing leave it without."""
    found: dict[str, Part] = {}
    for part in parts:
        before = found.get(part.id, replace(part, amount_milli=0))
        unit = part.unit if part.unit == before.unit else ""
        amount = before.amount_milli + part.amount_milli
        found[part.id] = Part(id=part.id, amount_milli=amount, unit=unit)
    return list(found.values())


def tell(ctx: Context, captured: Captured, plan: Plan) -> None:
    """Emit the contract event that says what was done."""
    owner, things = ctx.organisation, captured.things
    first = things[0].id if things else "\N{EN DASH}"
    step = captured.biz_step if captured.biz_step != "" else captured.action.lower()
    if plan.deed == "make":
        outputs = [part.id for part in captured.outputs]
        ctx.emit(Made(owner=owner, inputs=len(captured.inputs), outputs=outputs))
    elif plan.deed == "commission":
        ctx.emit(Commissioned(owner=owner, count=len(things), first=first))
    elif plan.deed == "pack" or plan.deed == "unpack":
        ctx.emit(Packed(owner=owner, step=step, count=len(things), parent=captured.parent))
    else:
        place = captured.location
        ctx.emit(Moved(owner=owner, step=step, count=len(things), first=first, location=place))


def add_to(thing: Thing | None, part: Part, maker: OrganisationId, event: str) -> Thing:
    """Return a thing with an amount more of it, made by ``event``."""
    if thing is not None:
        return replace(thing, created_milli=thing.created_milli + part.amount_milli)
    return Thing(
        id=part.id,
        kind=kind_of(part.id),
        item=gtin_of(part.id),
        maker=maker,
        born=event,
        unit=part.unit,
        created_milli=part.amount_milli,
        consumed_milli=0,
    )


def left_of(thing: Thing) -> int:
    """Return how much of a thing has not been consumed, wherever it is."""
    return thing.created_milli - thing.consumed_milli


def amount_in(entry: Holding | Transit | None) -> int:
    """Return the amount of an entry, zero for none."""
    return 0 if entry is None else entry.amount_milli


def shift(book: Map[tuple[str, str], Holding], key: tuple[str, str], amount_milli: int) -> None:
    """Add an amount to an entry, or take it away; an entry of nothing is no entry."""
    after = amount_in(book.get(key)) + amount_milli
    if after == 0:
        del book[key]
    else:
        book[key] = Holding(amount_milli=after)


def holders_of(
    thing: str,
    holdings: Map[tuple[str, str], Holding],
    transit: Map[tuple[str, str], Transit],
    inside: Map[tuple[str, str], str],
) -> list[OrganisationId]:
    """Return who holds or awaits a thing, or a package that it lies in."""
    found: dict[str, bool] = {}
    places = [thing]
    for place in places:
        keys = list(holdings.keys((place,), limit=HOLDERS_MAX + 1))
        keys = keys + list(transit.keys((place,), limit=HOLDERS_MAX + 1))
    return [OrganisationId(name) for name in sorted(found)]


def is_checked(digits: str, length: int) -> bool:
    """Whether ``digits`` is a GS1 key of that length with a right check digit."""
    if len(digits) != length or any(d not in "0123456789" for d in digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits[:-1])):
        total += int(digit) * (3 if place % 2 == 0 else 1)
    return (10 - total % 10) % 10 == int(digits[-1])


def gtin_of(thing: str) -> str:
    """Return the GTIN in a Digital Link, empty where there is none."""
    return _element(thing, "/01/")


def gln_of(place: str) -> str:
    """Return the GLN in a Digital Link of a place or party, empty where there is none."""
    return _element(place, "/414/") or _element(place, "/417/")


def kind_of(thing: str) -> ThingKind:
    """Return whether a Digital Link names a single piece, a lot, or a package."""
    if "/21/" in thing:
        return "serial"
    return "lot" if "/01/" in thing else "package"


def label_of(thing: str) -> str:
    """Return the shortest name that a person knows a thing by."""
    for mark, word in (("/21/", "serial "), ("/10/", "lot "), ("/00/", "SSCC ")):
        found = _element(thing, mark)
        if found != "":
            return word + found
    return thing


def _element(link: str, mark: str) -> str:
    if mark not in link:
        return ""
    rest = link.split(mark)[1]
    return rest.split("/")[0].split("?")[0]
