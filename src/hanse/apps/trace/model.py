# SPDX-License-Identifier: Apache-2.0
"""The records and events of ``trace``: items, locations, things on the move, recalls.

Identifiers are canonical GS1 Digital Link URIs, as the reader of the standard gives them. Amounts
are thousandths of the unit, so that kilograms and pieces are both integers.
"""

from typing import Literal

from hanse.contracts import OrganisationId, TimeMs, event, record

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
    type: str
    action: str
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
    """What an organisation holds of a thing."""

    amount_milli: int


@record
class Transit:
    """What is under way to an organisation."""

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
    """How often a serial number was scanned, and where it was last."""

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
