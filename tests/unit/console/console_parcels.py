# SPDX-License-Identifier: Apache-2.0
"""Parcels: a small contract that has every kind of argument a form must show."""

from parcels_contract import Parcels

from hanse.contracts import App, Format, Panel


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
