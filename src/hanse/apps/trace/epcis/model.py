# SPDX-License-Identifier: Apache-2.0
"""What a check yields: findings, a report, and events in the form that the contract wants."""

from dataclasses import dataclass
from typing import Final, Literal

Layer = Literal["limits", "schema", "formats", "vocabulary", "namespaces", "check_digits", "rules"]
LAYERS: Final[tuple[Layer, ...]] = (
    "limits", "schema", "formats", "vocabulary", "namespaces", "check_digits", "rules"
)  # fmt: skip
Verdict = Literal["accepted", "accepted_with_findings", "refused"]
DocumentKind = Literal["document", "query_document", "query", "event"]

DOCUMENT_BYTES_MAX: Final = 20 * 1024 * 1024
"""Size of one document; larger ones are split by the sender."""
DEPTH_MAX: Final = 64
"""Nesting of one document: EPCIS itself needs 12, user extensions get the rest."""
FINDINGS_MAX: Final = 1_000
"""Findings kept of one document; a document with more is refused all the same."""


class LimitExceeded(Exception):  # never leaves this package: it becomes a finding
    """Reading stopped at a limit; ``code`` and ``reason`` become a finding."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the standard says.

    ``pointer`` is a JSON pointer (RFC 6901), or an XPath for XML; ``fatal`` findings refuse the
    document.
    """

    layer: Layer
    pointer: str
    code: str
    message: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount of a class of objects; ``amount_thousandths`` is None where none is stated.

    ``unit`` is a UN/CEFACT code; the empty text counts objects. ``exact`` is false where the
    stated amount has more than three decimals and was rounded half to even.
    """

    epc_class: str
    amount_thousandths: int | None
    unit: str
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Party:
    """A source or destination: its type as a word or URI, and the party or place."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Event:
    """One EPCIS event, typed and in normal form.

    Identifiers are canonical GS1 Digital Link URIs where they are GS1 keys; vocabulary is the
    bare CBV word, or the full URI of an organisation's own word. ``index`` is the event's place in
    the document, ``pointer`` where it stands there.
    """

    hash: str
    type: str
    action: str
    time_ms: int
    time_zone_offset: str
    index: int
    pointer: str
    event_id: str = ""
    biz_step: str = ""
    disposition: str = ""
    persistent_set: tuple[str, ...] = ()
    persistent_unset: tuple[str, ...] = ()
    read_point: str = ""
    biz_location: str = ""
    parent: str = ""
    epcs: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    child_quantities: tuple[Quantity, ...] = ()
    input_quantities: tuple[Quantity, ...] = ()
    output_quantities: tuple[Quantity, ...] = ()
    sources: tuple[Party, ...] = ()
    destinations: tuple[Party, ...] = ()
    transactions: tuple[Party, ...] = ()
    transformation_id: str = ""
    lot: str = ""
    expiry: str = ""
    corrects: tuple[str, ...] = ()
    error_declared_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict on one document, with everything needed to reach it again."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    version: str
    kind: DocumentKind
    events: tuple[Event, ...]
    payload_digest: str
    ruleset_digest: str
    media_type: str
    standard: str = "epcis"
