# SPDX-License-Identifier: Apache-2.0
"""From EPCIS documents to drafts: what each event asks the contract to do."""

import json
from typing import Any

import pytest

from hanse.apps.trace.contract import Trace
from hanse.apps.trace.importing import check_epcis
from hanse.apps.trace.tests.documents import CONTEXT, EVENTS
from hanse.contracts.runtime import LoadedContract

AT = {"eventTime": "2026-03-01T10:00:00Z", "eventTimeZoneOffset": "+00:00"}
SERIAL = "https://id.gs1.org/01/09520123456788/21/7"
LOT = "https://id.gs1.org/01/09520123456788/10/L1"
PALLET = "https://id.gs1.org/00/095201230000000018"
SITE = "https://id.gs1.org/414/9520123000059"
OWNER = "https://id.gs1.org/417/9520123000059"


def read(*events: dict[str, Any]) -> dict[str, Any]:
    text = {
        "@context": [CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-02T10:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }
    return check_epcis(json.dumps(text).encode(), "application/ld+json")


def captured(**fields: Any) -> dict[str, Any]:
    (draft,) = read({**AT, **fields})["drafts"]
    assert (draft["contract"], draft["action"]) == ("trace", "capture")
    found: dict[str, Any] = draft["args"]["captured"]
    return found


def observed(**fields: Any) -> dict[str, Any]:
    return captured(**{"type": "ObjectEvent", "action": "OBSERVE", "epcList": [SERIAL]} | fields)


def test_pieces_and_amounts_become_parts_in_thousandths() -> None:
    amounts = [
        {"epcClass": LOT, "quantity": 12.5, "uom": "KGM"},
        {"epcClass": LOT, "quantity": 3},
        {"epcClass": LOT},
    ]
    parts = observed(epcList=[SERIAL], quantityList=amounts)["things"]
    assert parts[0] == {"amount_milli": 1_000, "id": SERIAL, "unit": "H87"}
    assert sorted((p["amount_milli"], p["unit"]) for p in parts[1:]) == [
        (0, "H87"), (3_000, "H87"), (12_500, "KGM")
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["AggregationEvent", "AssociationEvent"])
def test_what_is_in_a_package_is_read_as_its_things(kind: str) -> None:
    found = captured(type=kind, action="ADD", parentID=PALLET, childEPCs=[SERIAL])
    assert (found["parent"], [p["id"] for p in found["things"]]) == (PALLET, [SERIAL])


def test_an_aggregation_without_parent_keeps_its_children() -> None:
    found = captured(type="AggregationEvent", action="OBSERVE", childEPCs=[SERIAL])
    assert (found["parent"], [p["id"] for p in found["things"]]) == ("", [SERIAL])


def test_inputs_and_outputs_of_a_transformation_are_apart() -> None:
    found = captured(type="TransformationEvent", inputEPCList=[SERIAL], outputQuantityList=[
        {"epcClass": LOT, "quantity": 1, "uom": "KGM"}
    ])  # fmt: skip
    assert found["action"] == ""
    assert [p["id"] for p in found["inputs"]] == [SERIAL]
    assert [p["id"] for p in found["outputs"]] == [LOT]
    assert found["things"] == []


def test_a_place_is_preferred_to_a_party_as_destination() -> None:
    parties = [
        {"type": "owning_party", "destination": OWNER},
        {"type": "location", "destination": SITE},
    ]
    assert observed(destinationList=parties)["destination"] == SITE
    assert observed(destinationList=parties[:1])["destination"] == OWNER
    assert observed()["destination"] == ""


def test_where_it_is_kept_is_preferred_to_where_it_was_read() -> None:
    door = {"id": f"{SITE}/254/door"}
    assert observed(bizLocation={"id": SITE}, readPoint=door)["location"] == SITE
    assert observed(readPoint=door)["location"] == door["id"]


def _wrong(**declaration: Any) -> dict[str, Any]:
    wrong = {"declarationTime": "2026-03-02T09:00:00Z", "reason": "incorrect_data"} | declaration
    return _event("wrong") | {"errorDeclaration": wrong}


def _event(name: str) -> dict[str, Any]:
    fields = {"type": "ObjectEvent", "action": "OBSERVE", "bizStep": "storing"}
    serial = SERIAL if name == "wrong" else SERIAL.replace("/7", "/8")
    return {**AT, **fields, "epcList": [serial], "eventID": f"urn:example:{name}"}


def test_a_declared_error_corrects_instead_of_capturing_again() -> None:
    (first,) = read(_event("wrong"))["drafts"]
    (new,) = read(_event("right"))["drafts"]
    old, right = (draft["args"]["captured"]["hash"] for draft in (first, new))
    for name in ("urn:example:right", right):
        report = read(_wrong(correctiveEventIDs=[name]), _event("right"))
        capture, correct = report["drafts"]
        assert capture["args"]["captured"]["hash"] == right
        assert correct["action"] == "correct"
        assert (correct["args"]["old"], correct["args"]["new"]) == (old, right)
    for nothing in ({}, {"correctiveEventIDs": ["urn:example:elsewhere"]}):
        assert read(_wrong(**nothing))["drafts"] == []
    assert read(_wrong(correctiveEventIDs=[old]))["drafts"] == []


def test_a_refused_document_asks_for_nothing() -> None:
    report = read(_event("right") | {"eventTime": "yesterday"})
    assert (report["verdict"], report["drafts"]) == ("refused", [])
    assert [f["fatal"] for f in report["findings"]]


@pytest.mark.parametrize("name", EVENTS)
def test_every_draft_is_of_the_types_that_the_action_declares(name: str) -> None:
    event = {key: value for key, value in EVENTS[name].items() if key != "errorDeclaration"}
    entry = LoadedContract(Trace).entries["capture"]
    (draft,) = read(event)["drafts"]
    entry.arguments.decode(json.dumps(draft["args"]).encode())
    statement = draft["args"]["statement"]
    assert statement["standard"] == "epcis"
    assert all(statement.values())
