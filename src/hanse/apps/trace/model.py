# SPDX-License-Identifier: Apache-2.0
"""The records and events of ``trace``, and what an EPCIS event does to the books.

Identifiers are canonical GS1 Digital Link URIs, as the reader of the standard gives them. Amounts
are thousandths of the unit, so that kilograms and pieces are both integers.
"""

from typing import Literal

from hanse.contracts import Context, Map, OrganisationId, TimeMs, event, record, require
from hanse.contracts.patterns.lineage import Edge, Part, Thing, ThingKind, together

AMOUNT_MILLI_MAX = 1_000_000_000_000
ID_CHARS_MAX = 200
PIECE_MILLI = 1_000
PIECE_UNIT = "H87"
PRODUCT_MAX = 250
THINGS_MAX = 200
TRAVEL_MS = 1_200_000

Deed = Literal["make", "commission", "remove", "send", "receive", "pack", "unpack", "observe"]
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


@record
class Plan:
    """What an event does to the books, each thing once; ``named`` is only spoken of."""

    deed: Deed
    created: list[Part]
    moved: list[Part]
    named: list[Part]


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


def plan_of(told: Captured, parent_known: bool) -> Plan:
    """Return what an event does to the books; most events only say where things are."""
    none: list[Part] = []
    things, doing = together(told.things), told.action
    if told.type == "TransformationEvent":
        made, used = together(told.outputs), together(told.inputs)
        return Plan(deed="make", created=made, moved=used, named=none)
    if told.type == "AssociationEvent":  # of equipment, which need not be commissioned here
        return Plan(deed="observe", created=none, moved=none, named=none)
    if told.type == "AggregationEvent" and told.parent != "" and doing == "ADD":
        package = [Part(id=told.parent, amount_milli=PIECE_MILLI, unit=PIECE_UNIT)]
        new = none if parent_known else package
        return Plan(deed="pack", created=new, moved=things, named=none)
    if told.type == "AggregationEvent" and told.parent != "" and doing == "DELETE":
        return Plan(deed="unpack", created=none, moved=things, named=none)
    if told.type == "ObjectEvent" and doing == "ADD":
        return Plan(deed="commission", created=things, moved=none, named=none)
    if told.type == "ObjectEvent" and doing == "DELETE":
        return Plan(deed="remove", created=none, moved=things, named=none)
    if told.type == "ObjectEvent" and told.biz_step == "shipping" and told.destination != "":
        return Plan(deed="send", created=none, moved=things, named=none)
    if told.type == "ObjectEvent" and told.biz_step == "receiving":
        return Plan(deed="receive", created=none, moved=things, named=none)
    return Plan(deed="observe", created=none, moved=none, named=things)


def check_form(told: Captured, plan: Plan) -> None:
    """Refuse what no state could accept: too_many_things, bad_identifier, bad_amount."""
    count = len(told.things) + len(told.inputs) + len(told.outputs)
    few = count <= THINGS_MAX and len(told.inputs) * len(told.outputs) <= PRODUCT_MAX
    require(few, "too_many_things", "split the event", things_max=THINGS_MAX)
    booked = plan.created + plan.moved
    parent = [told.parent] if told.parent != "" else []
    for name in [told.hash] + parent + [part.id for part in booked + plan.named]:
        good = 0 < len(name) <= ID_CHARS_MAX and min(name) > " " and max(name) <= "~"
        require(good, "bad_identifier", "an identifier is 1 to 200 visible ASCII characters")
    packs = plan.deed in ("pack", "unpack")
    single = not packs or kind_of(told.parent) != "lot"
    require(single, "bad_amount", "a package is one piece, not a lot", thing=told.parent)
    for part in booked:
        lot = kind_of(part.id) == "lot"
        good = part.amount_milli == PIECE_MILLI or (
            lot and 0 < part.amount_milli <= AMOUNT_MILLI_MAX
        )
        require(good, "bad_amount", "above zero; a numbered piece is one piece", thing=part.id)
    for part in plan.named:
        require(part.amount_milli >= 0, "bad_amount", "not below zero", thing=part.id)


def check_things(things: Map[str, Thing], plan: Plan, maker: OrganisationId) -> None:
    """Refuse what does not fit the things there are: serial_taken, not_commissioned, unit_mismatch.

    More of a lot can only be made by its maker.
    """
    for part in plan.created:
        old = things.get(part.id)
        free = old is None or (old.kind == "lot" and old.maker == maker)
        require(free, "serial_taken", "this number was used before", serial=part.id)
    for part in plan.moved + plan.named:
        require(part.id in things, "not_commissioned", "nobody made this", thing=part.id)
    for part in plan.created + plan.moved:
        old = things.get(part.id)
        same = part.unit != "" if old is None else part.unit == old.unit
        require(same, "unit_mismatch", "count it in the unit it was made in", thing=part.id)


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
    if "/21/" in thing or "/235/" in thing or "/8011/" in thing:
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
