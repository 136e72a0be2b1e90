# SPDX-License-Identifier: Apache-2.0
"""From an EPCIS document to drafts of ``capture``: what the format ``epcis`` answers."""

import hashlib
from typing import Any

from hanse.apps.trace import standards
from hanse.apps.trace.epcis.model import Event, Quantity, Report
from hanse.codec.base64url import to_text

PIECE_MILLI = 1_000
PIECE_UNIT = "H87"
HASH_SCHEME = "ni:///sha-256;"


def check_epcis(document: bytes, media_type: str | None) -> dict[str, Any]:
    """Return verdict, findings and digests of a document, with the drafts that its events ask for.

    Each event asks for a ``capture``, in order. An event that is declared to be in error was
    captured when it was new: it asks for a ``correct``, after the captures, where the event that
    replaces it is named by its hash or is in the same document, and else for nothing.
    """
    report = standards.check(document, media_type)
    accepted = report.verdict != "refused"
    return {
        "drafts": _drafts(report, document) if accepted else [],
        "events": len(report.events),
        "findings": [
            {
                "code": f.code,
                "fatal": f.fatal,
                "layer": f.layer,
                "message": f.message,
                "pointer": f.pointer,
            }
            for f in report.findings
        ],
        "payload_digest": report.payload_digest,
        "ruleset_digest": report.ruleset_digest,
        "standard": report.standard,
        "verdict": report.verdict,
        "version": report.version,
    }


def _drafts(report: Report, document: bytes) -> list[dict[str, Any]]:
    new = [event for event in report.events if event.error_declared_ms is None]
    known = {event.event_id: event.hash for event in new if event.event_id}
    drafts = [_capture(event, report, document) for event in new]
    for event in report.events:
        if event.error_declared_ms is not None:
            drafts += _corrections(event, known)
    return drafts


def _corrections(event: Event, known: dict[str, str]) -> list[dict[str, Any]]:
    """Return at most one draft: the contract keeps one successor of an event."""
    for name in event.corrects:
        successor = name if name.startswith(HASH_SCHEME) else known.get(name, "")
        if successor not in ("", event.hash):
            reason = "declared to be in error by an EPCIS document"
            args = {"new": successor, "old": event.hash, "reason": reason}
            return [{"action": "correct", "args": args, "contract": "trace"}]
    return []


def _capture(event: Event, report: Report, document: bytes) -> dict[str, Any]:
    return {
        "action": "capture",
        "args": {
            "captured": _captured(event),
            "statement": {
                "document": to_text(hashlib.sha256(document).digest()),
                "payload_digest": report.payload_digest,
                "ruleset_digest": report.ruleset_digest,
                "standard": report.standard,
                "verdict": report.verdict,
                "version": report.version,
            },
        },
        "contract": "trace",
    }


def _captured(event: Event) -> dict[str, Any]:
    aggregated = event.type in ("AggregationEvent", "AssociationEvent")
    things = event.children if aggregated else event.epcs
    amounts = event.child_quantities if aggregated else event.quantities
    return {
        "action": event.action,
        "biz_step": event.biz_step,
        "destination": _destination(event),
        "disposition": event.disposition,
        "hash": event.hash,
        "inputs": _parts(event.inputs, event.input_quantities),
        "location": event.biz_location or event.read_point,
        "outputs": _parts(event.outputs, event.output_quantities),
        "parent": event.parent,
        "things": _parts(things, amounts),
        "time_ms": event.time_ms,
        "type": event.type,
    }


def _destination(event: Event) -> str:
    for wanted in ("location", "possessing_party", "owning_party"):
        for party in event.destinations:
            if party.type == wanted:
                return party.id
    return ""


def _parts(pieces: tuple[str, ...], amounts: tuple[Quantity, ...]) -> list[dict[str, Any]]:
    singles = [{"amount_milli": PIECE_MILLI, "id": p, "unit": PIECE_UNIT} for p in pieces]
    return singles + [
        {
            "amount_milli": q.amount_thousandths or 0,
            "id": q.epc_class,
            "unit": q.unit or PIECE_UNIT,
        }
        for q in amounts
    ]
