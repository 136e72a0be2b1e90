# SPDX-License-Identifier: Apache-2.0
"""The event hash: what changes it, what does not, and how the pre-hash text looks."""

import hashlib
from typing import Any

import pytest

from hanse.apps.trace.standards import RawEvent, event_hash, prehash
from hanse.apps.trace.tests.documents import EVENTS, GONE, MILK, changed, paths_of_leaves

OBJECT = EVENTS["object"]


def test_the_pre_hash_text_of_a_small_event_is_as_the_standard_writes_it() -> None:
    event = {
        "type": "AggregationEvent",
        "eventTime": "2026-03-01T11:00:00+01:00",
        "eventTimeZoneOffset": "+01:00",
        "parentID": "urn:epc:id:sscc:9520123.0000000001",
        "childEPCs": [MILK, "https://example.com/01/9520123456788/21/6"],
        "action": "ADD",
        "bizStep": "packing",
        "example:b": 1.50,
        "example:a": {"example:c": "x"},
    }
    raw = RawEvent(event, {"example": "https://ns.example.com/"})
    assert prehash(raw) == (
        "eventType=AggregationEventeventTime=2026-03-01T10:00:00.000ZeventTimeZoneOffset=+01:00"
        "parentID=https://id.gs1.org/00/095201230000000011childEPCs"
        "epc=https://id.gs1.org/01/09520123456788/21/6"
        "epc=https://id.gs1.org/01/09520123456788/21/7"
        "action=ADDbizStep=https://ref.gs1.org/cbv/BizStep-packing"
        "{https://ns.example.com/}a{https://ns.example.com/}c=x{https://ns.example.com/}b=1.5"
    )
    digest = hashlib.sha256(prehash(raw).encode()).hexdigest()
    assert event_hash(raw) == f"ni:///sha-256;{digest}?ver=CBV2.0"


SAME: list[tuple[str, Any]] = [
    ("recordTime", "2026-03-05T10:00:00Z"),
    ("eventID", "urn:uuid:99999999-9457-4a51-bd6a-0bba133845a8"),
    ("eventID", GONE),
    ("errorDeclaration", GONE),
    ("rdfs:comment", "a comment"),
    ("eventTime", "2026-03-01T11:00:00+01:00"),
    ("eventTime", "2026-03-01T10:00:00.0001Z"),
    ("eventTime", "2026-03-01T09:59:59.9995Z"),
    ("bizStep", "urn:epcglobal:cbv:bizstep:commissioning"),
    ("bizStep", "https://ref.gs1.org/cbv/BizStep-commissioning"),
    ("bizStep", "cbv:BizStep-commissioning"),
    ("epcList", ["https://id.gs1.org/01/09520123456788/21/7"]),
    ("epcList", ["http://shop.example/x/gtin/9520123456788/lot/L/ser/7?17=260401"]),
    ("quantityList|0|quantity", 12.50),
    ("childEPCs", []),
    ("sensorElementList|0|sensorReport|0|type", "gs1:Temperature"),
]


@pytest.mark.parametrize(("path", "new"), SAME)
def test_the_same_event_said_differently_has_the_same_hash(path: str, new: Any) -> None:
    assert event_hash(changed(OBJECT, path, new)) == event_hash(OBJECT)


def test_the_order_of_fields_and_of_lists_does_not_matter() -> None:
    event = changed(OBJECT, "epcList", [MILK, "urn:epc:id:sgtin:9520123.045678.8"])
    turned = dict(reversed(event.items())) | {"epcList": event["epcList"][::-1]}
    assert event_hash(turned) == event_hash(event)


def test_each_value_that_counts_changes_the_hash() -> None:
    silent = ("eventID", "errorDeclaration")
    changes = 0
    for path in paths_of_leaves(OBJECT):
        if path.split("|")[0] not in silent:
            assert event_hash(changed(OBJECT, path, "other")) != event_hash(OBJECT), path
            changes += 1
    assert changes >= 20


def test_half_a_millisecond_rounds_up() -> None:
    times = ["2026-03-01T10:00:00.0005Z", "2026-03-01T10:00:00.0015Z", "2026-03-01T10:00:00.0024Z"]
    texts = [prehash({"type": "ObjectEvent", "eventTime": time}) for time in times]
    assert [text[-5:] for text in texts] == [".001Z", ".002Z", ".002Z"]


def test_fields_that_the_document_excludes_stay_out() -> None:
    space = {"example": "https://ns.example.com/"}
    event = {**OBJECT, "example:stamp": "x"}
    ignoring = RawEvent(event, space, frozenset({"{https://ns.example.com/}stamp"}))
    assert event_hash(ignoring) == event_hash(RawEvent(OBJECT, space))
    assert event_hash(RawEvent(event, space)) != event_hash(RawEvent(OBJECT, space))


def test_a_number_without_finite_value_stays_text() -> None:
    assert prehash({"type": "x", "a:b": "1e999"}).endswith("a:b=1e999")
    assert prehash({"type": "x", "a:b": "007.50"}).endswith("a:b=7.5")
    assert prehash({"type": "x", "a:b": True}).endswith("a:b=true")


def test_odd_trees_are_hashed_without_an_error() -> None:
    for path in paths_of_leaves(OBJECT):
        values: list[Any] = [None, 7, [], {}, [{}], [[1]], True]
        for odd in values:
            assert event_hash(changed(OBJECT, path.split("|")[0], odd)).startswith("ni:///")
