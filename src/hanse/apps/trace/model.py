# SPDX-License-Identifier: Apache-2.0
"""The records and events of ``trace``, and what an EPCIS event does to the books.

Identifiers are canonical GS1 Digital Link URIs, as the reader of the standard gives them. Amounts
are thousandths of the unit, so that kilograms and pieces are both integers.
"""

from typing import Literal

from hanse.contracts import Context, Map, OrganisationId, TimeMs, event, record, replace, require
from hanse.contracts.patterns.gs1 import gln_of, gtin_of, kind_of, label_of
from hanse.contracts.patterns.lineage import (
    PPM,
    Books,
    Edge,
    MassRule,
    Part,
    Plan,
    Reach,
    Thing,
    ThingKind,
    holders_of,
    is_within_mass,
    parts_in,
    together,
)

AMOUNT_MILLI_MAX = 1_000_000_000_000
FUTURE_MS = 300_000
ID_CHARS_MAX = 200
PIECE_MILLI = 1_000
PIECE_UNIT = "H87"
PRODUCT_MAX = 250
THINGS_MAX = 200
TRAVEL_MS = 1_200_000

EventAction = Literal["", "ADD", "OBSERVE", "DELETE"]
EventType = Literal[
    "ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"
]
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
    """{owner} brought {first} into being ({count} in all)."""

    owner: OrganisationId
    count: int
    first: str


@event
class Moved:
    """{owner} reported {step} of {first} ({count} in all), at {location}."""

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
    """{owner} reported {step} with package {parent} ({count} things in all)."""

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


def with_contents(told: Captured, books: Books) -> Captured:
    """Return an unpacking that names nothing as one of all that is in the package."""
    if told.type != "AggregationEvent" or told.action != "DELETE" or told.things:
        return told
    return replace(told, things=parts_in(books, told.parent, THINGS_MAX + 1))


def plan_of(told: Captured, owner: OrganisationId, target: str, parent_known: bool) -> Plan:
    """Return what an event does to the books; most events only say where things are."""
    things, doing = together(told.things), told.action
    plan = Plan(
        deed="observe",
        event=told.hash,
        time_ms=told.time_ms,
        package=told.parent if told.type == "AggregationEvent" else "",
        target=OrganisationId(target),
        created=[],
        moved=[],
        named=[],
    )
    if told.type == "TransformationEvent":
        made = [thing_of(part, owner, told.hash) for part in together(told.outputs)]
        return replace(plan, deed="make", created=made, moved=together(told.inputs))
    if told.type == "AssociationEvent":  # of equipment, which need not be commissioned here
        return plan
    if plan.package != "" and doing == "ADD":
        package = Part(id=told.parent, amount_milli=PIECE_MILLI, unit=PIECE_UNIT)
        new = [] if parent_known else [thing_of(package, owner, told.hash)]
        return replace(plan, deed="pack", created=new, moved=things)
    if plan.package != "" and doing == "DELETE":
        return replace(plan, deed="unpack", moved=things)
    if told.type == "ObjectEvent" and doing == "ADD":
        made = [thing_of(part, owner, told.hash) for part in things]
        return replace(plan, deed="commission", created=made)
    if told.type == "ObjectEvent" and doing == "DELETE":
        return replace(plan, deed="remove", moved=things)
    if told.type == "ObjectEvent" and told.biz_step == "shipping" and told.destination != "":
        return replace(plan, deed="send", moved=things)
    if told.type == "ObjectEvent" and told.biz_step == "receiving":
        return replace(plan, deed="receive", moved=things)
    return replace(plan, named=things)


def check_form(told: Captured, plan: Plan) -> None:
    """Refuse what no state could accept: too_many_things, bad_identifier, bad_amount."""
    count = len(told.things) + len(told.inputs) + len(told.outputs)
    few = count <= THINGS_MAX and len(told.inputs) * len(told.outputs) <= PRODUCT_MAX
    require(few, "too_many_things", "split the event", things_max=THINGS_MAX)
    names = [thing.id for thing in plan.created] + [part.id for part in plan.moved + plan.named]
    if plan.package != "":
        names.append(plan.package)
    names.append(told.hash)
    for name in names:
        good = 0 < len(name) <= ID_CHARS_MAX and min(name) > " " and max(name) <= "~"
        require(good, "bad_identifier", "an identifier is 1 to 200 visible ASCII characters")
    single = plan.deed not in ("pack", "unpack") or kind_of(plan.package) != "lot"
    require(single, "bad_amount", "a package is one piece, not a lot", thing=plan.package)
    for thing in plan.created:
        good = is_amount(thing.id, thing.created_milli)
        require(good, "bad_amount", "above zero; a numbered piece is one", thing=thing.id)
    for part in plan.moved:
        good = is_amount(part.id, part.amount_milli)
        require(good, "bad_amount", "above zero; a numbered piece is one", thing=part.id)
    for part in plan.named:
        require(part.amount_milli >= 0, "bad_amount", "not below zero", thing=part.id)


def is_amount(thing: str, amount_milli: int) -> bool:
    """Whether so much of a thing can be moved: of a lot any amount, else the one piece."""
    if kind_of(thing) == "lot":
        return 0 < amount_milli <= AMOUNT_MILLI_MAX
    return amount_milli == PIECE_MILLI


def check_names(
    ctx: Context,
    told: Captured,
    plan: Plan,
    items: Map[str, TradeItem],
    locations: Map[str, Location],
) -> None:
    """Refuse unknown_location, unknown_item, not_authorised_for_item, event_from_future."""
    for place in (told.location, told.destination):
        known = place == "" or gln_of(place) in locations
        require(known, "unknown_location", "register the place first", location=place)
    names = [thing.id for thing in plan.created] + [part.id for part in plan.moved + plan.named]
    for name in names:
        gtin = gtin_of(name)
        known = gtin == "" or gtin in items
        require(known, "unknown_item", "register the product first", gtin=gtin)
    for thing in plan.created:
        item = items.get(thing.item)
        own = item is None or item.owner == ctx.organisation
        require(own, "not_authorised_for_item", "only its owner makes it", thing=thing.id)
    happened = told.time_ms <= ctx.now + FUTURE_MS
    require(happened, "event_from_future", "the event's time lies ahead of block time")


def check_mass(told: Captured, items: Map[str, TradeItem]) -> None:
    """Refuse mass_imbalance: more output than input, where both are counted in one unit."""
    parts = told.inputs + told.outputs
    comparable = all(part.unit == parts[0].unit for part in parts)
    whole = told.type == "TransformationEvent" and told.inputs and told.outputs
    if not whole or not comparable:
        return
    used = sum([part.amount_milli for part in told.inputs])
    made = sum([part.amount_milli for part in told.outputs])
    gain = 0
    for part in told.outputs:
        item = items.get(gtin_of(part.id))
        gain = gain if item is None else max(gain, item.gain_max_ppm)
    unit, thing = parts[0].unit, told.outputs[0].id
    rule = MassRule(process=told.biz_step, unit=unit, loss_max_ppm=PPM, gain_max_ppm=gain)
    right, text = is_within_mass(rule, used, made), "more came out than went in"
    require(right, "mass_imbalance", text, made_milli=made, used_milli=used, thing=thing)


def event_of(told: Captured, owner: OrganisationId, document: str) -> TraceEvent:
    """Return what the ledger keeps of a trace event."""
    return TraceEvent(
        hash=told.hash,
        type=told.type,
        action=told.action,
        biz_step=told.biz_step,
        time_ms=told.time_ms,
        owner=owner,
        location=told.location,
        document=document,
    )


def thing_of(part: Part, maker: OrganisationId, event: str) -> Thing:
    """Return a thing that comes into being by ``event``."""
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


def tell(ctx: Context, told: Captured, plan: Plan) -> None:
    """Emit the contract event that says what was done."""
    owner, count = ctx.organisation, len(told.things)
    first = told.things[0].id if count > 0 else "\N{EN DASH}"
    step = told.biz_step if told.biz_step != "" else told.action.lower()
    if plan.deed == "make":
        outputs = [part.id for part in told.outputs]
        ctx.emit(Made(owner=owner, inputs=len(told.inputs), outputs=outputs))
    elif plan.deed == "commission":
        ctx.emit(Commissioned(owner=owner, count=count, first=first))
    elif plan.deed in ("pack", "unpack"):
        ctx.emit(Packed(owner=owner, step=step, count=count, parent=told.parent))
    else:
        at = told.location
        ctx.emit(Moved(owner=owner, step=step, count=count, first=first, location=at))


def find(ctx: Context, findings: Map[tuple[str, str], Finding], found: Finding) -> None:
    """Keep a finding, the first one of its rule for each thing."""
    if (found.rule, found.thing) not in findings:
        findings[found.rule, found.thing] = found
        ctx.emit(Found(rule=found.rule, thing=found.thing, sentence=found.sentence))


def look(
    ctx: Context, told: Captured, seen: Map[str, Scan], findings: Map[tuple[str, str], Finding]
) -> None:
    """Say when a piece is at two places sooner than anything travels, or was out of its limits."""
    warm = told.disposition == "non_conformant" and told.biz_step in ("transporting", "storing")
    for part in told.things:
        before = seen.get(part.id)
        if kind_of(part.id) != "lot" and told.location != "":
            seen[part.id] = Scan(
                count=1 if before is None else before.count + 1,
                place=told.location,
                time_ms=told.time_ms,
            )
            if before is not None and before.place != told.location:
                fast = abs(told.time_ms - before.time_ms) < TRAVEL_MS
                if fast and told.biz_step != "receiving":
                    text = f"seen at {before.place} and {told.location} within minutes"
                    find(ctx, findings, finding_of("impossible_travel", part.id, told.hash, text))
        if warm:
            text = "out of its limits"
            find(ctx, findings, finding_of("cold_chain_broken", part.id, told.hash, text))


def finding_of(rule: str, thing: str, event: str, sentence: str) -> Finding:
    """Return a finding."""
    return Finding(rule=rule, thing=thing, event=event, sentence=sentence)


def held_in(graph: Graph) -> dict[OrganisationId, list[str]]:
    """Return what each holder holds of the things of a trace."""
    held: dict[OrganisationId, list[str]] = {}
    for node in graph.nodes:
        for holder in node.holders:
            names = held.get(holder, [])
            names.append(node.id)
            held[holder] = names
    return held


def graph_of(books: Books, found: Reach) -> Graph:
    """Return what a walk came to, with the holders of each thing."""
    nodes: list[Node] = []
    for name in found.names:
        thing, holders = books[0][name], holders_of(books, name)
        label, kind, maker = label_of(name), thing.kind, thing.maker
        nodes.append(Node(id=name, label=label, kind=kind, maker=maker, holders=holders))
    return Graph(nodes=nodes, edges=found.edges, complete=found.complete)
