# SPDX-License-Identifier: Apache-2.0
"""What is refused in JSON, where, and why; and what is let through with a finding."""

import json
from typing import Any

import pytest

from hanse.apps.trace.standards import Report, check
from hanse.apps.trace.tests.documents import (
    CONTEXT,
    DAIRY,
    EVENTS,
    GONE,
    MILK,
    changed,
    document,
    encoded,
    query_document,
)

AT = "/epcisBody/eventList/0"

# event, path in it, new value, pointer behind the event's, code
BAD_EVENTS: list[tuple[str, str, Any, str, str]] = [
    ("object", "type", "ObjectEvents", "/type", "unknown_event_type"),
    ("object", "type", GONE, "", "missing_field"),
    ("object", "type", 7, "", "missing_field"),
    ("object", "eventTime", GONE, "", "missing_field"),
    ("object", "eventTime", "2026-03-01", "/eventTime", "bad_time"),
    ("object", "eventTime", "2026-03-01T10:00:00", "/eventTime", "bad_time"),
    ("object", "eventTime", "2026-02-30T10:00:00Z", "/eventTime", "bad_time"),
    ("object", "eventTime", "2026-03-01T24:00:00Z", "/eventTime", "bad_time"),
    ("object", "eventTime", "2026-03-01T10:00Z", "/eventTime", "bad_time"),
    ("object", "eventTime", "٢026-03-01T10:00:00Z", "/eventTime", "bad_time"),
    ("object", "eventTime", 1772359200, "/eventTime", "wrong_type"),
    ("object", "recordTime", "yesterday", "/recordTime", "bad_time"),
    ("object", "eventTimeZoneOffset", GONE, "", "missing_field"),
    ("object", "eventTimeZoneOffset", "+15:00", "/eventTimeZoneOffset", "bad_time_zone"),
    ("object", "eventTimeZoneOffset", "+14:30", "/eventTimeZoneOffset", "bad_time_zone"),
    ("object", "eventTimeZoneOffset", "Z", "/eventTimeZoneOffset", "bad_time_zone"),
    ("object", "eventTimeZoneOffset", "1:00", "/eventTimeZoneOffset", "bad_time_zone"),
    ("object", "action", GONE, "", "missing_field"),
    ("object", "action", "add", "/action", "unknown_action"),
    ("object", "action", {}, "/action", "wrong_type"),
    ("object", "action", "OBSERVE", "/ilmd", "ilmd_without_add"),
    ("object", "bizStep", "comissioning", "/bizStep", "unknown_term"),
    ("object", "bizStep", "urn:epcglobal:cbv:bizstep:shipping", "/bizStep", "not_a_bare_word"),
    ("object", "bizStep", "urn:epcglobal:cbv:disp:active", "/bizStep", "unknown_term"),
    ("object", "bizStep", "https://ref.gs1.org/cbv/BizStep-moving", "/bizStep", "unknown_term"),
    ("object", "bizStep", "cbv:BizStep-moving", "/bizStep", "unknown_term"),
    ("object", "bizStep", ["shipping"], "/bizStep", "wrong_type"),
    ("object", "disposition", "shipping", "/disposition", "unknown_term"),
    ("object", "disposition", None, "/disposition", "wrong_type"),
    ("object", "epcList", MILK, "/epcList", "wrong_type"),
    ("object", "epcList", [MILK, MILK], "/epcList", "duplicate_item"),
    ("object", "epcList", ["milk"], "/epcList/0", "not_a_uri"),
    ("object", "epcList", ["urn:epc:id:sgtin:9520123.7"], "/epcList/0", "bad_identifier"),
    ("object", "epcList", ["urn:epc:id:sgtin:9520123.0456789.7"], "/epcList/0", "bad_identifier"),
    ("object", "epcList", ["urn:epc:id:sscc:9520123.1"], "/epcList/0", "bad_identifier"),
    ("object", "epcList", ["urn:epc:id:nothing:1.2"], "/epcList/0", "bad_identifier"),
    ("object", "epcList", [{}], "/epcList/0", "wrong_type"),
    ("object", "quantityList", [{"quantity": 1}], "/quantityList/0", "missing_field"),
    ("object", "quantityList", {}, "/quantityList", "wrong_type"),
    ("object", "quantityList|0|quantity", "12", "/quantityList/0/quantity", "wrong_type"),
    ("object", "quantityList|0|quantity", True, "/quantityList/0/quantity", "wrong_type"),
    ("object", "quantityList|0|uom", "kg", "/quantityList/0/uom", "bad_unit"),
    ("object", "quantityList|0|note", "x", "/quantityList/0/note", "unknown_field"),
    ("object", "readPoint", {}, "/readPoint", "missing_field"),
    ("object", "readPoint", DAIRY, "/readPoint", "wrong_type"),
    ("object", "bizLocation|id", "dairy", "/bizLocation/id", "not_a_uri"),
    ("object", "bizTransactionList|0|type", "order", "/bizTransactionList/0/type", "unknown_term"),
    ("object", "bizTransactionList|0", {"type": "po"}, "/bizTransactionList/0", "missing_field"),
    ("object", "sourceList|0|type", "place", "/sourceList/0/type", "unknown_term"),
    ("object", "sourceList|0|type", GONE, "/sourceList/0", "missing_field"),
    ("object", "destinationList|0|destination", GONE, "/destinationList/0", "missing_field"),
    ("object", "destinationList", "x", "/destinationList", "wrong_type"),
    ("object", "ilmd", {"lot": "L1"}, "/ilmd/lot", "name_without_namespace"),
    ("object", "ilmd", [], "/ilmd", "wrong_type"),
    ("object", "persistentDisposition", {}, "/persistentDisposition", "missing_field"),
    ("object", "persistentDisposition|set", [], "/persistentDisposition/set", "empty_list"),
    ("object", "persistentDisposition|set", ["recalled"], "/persistentDisposition",
     "set_and_unset"),
    ("object", "persistentDisposition|reset", ["recalled"], "/persistentDisposition/reset",
     "unknown_field"),
    ("object", "sensorElementList|0|sensorReport", GONE, "/sensorElementList/0", "missing_field"),
    ("object", "sensorElementList|0|sensorReport", [], "/sensorElementList/0/sensorReport",
     "empty_list"),
    ("object", "sensorElementList|0|sensorReport|0|value", "4,5",
     "/sensorElementList/0/sensorReport/0/value", "wrong_type"),
    ("object", "sensorElementList|0|sensorReport|0|booleanValue", "true",
     "/sensorElementList/0/sensorReport/0/booleanValue", "wrong_type"),
    ("object", "sensorElementList|0|sensorReport|0|hexBinaryValue", "0xff",
     "/sensorElementList/0/sensorReport/0/hexBinaryValue", "bad_hex"),
    ("object", "sensorElementList|0|sensorReport|0|type", "https://gs1.org/voc/Temperature",
     "/sensorElementList/0/sensorReport/0/type", "not_a_bare_word"),
    ("object", "sensorElementList|0|sensorMetadata|startTime", "9 o'clock",
     "/sensorElementList/0/sensorMetadata/startTime", "bad_time"),
    ("object", "sensorElementList|0|sensorMetadata|note", "x",
     "/sensorElementList/0/sensorMetadata/note", "unknown_field"),
    ("object", "errorDeclaration", {"reason": "incorrect_data"}, "/errorDeclaration",
     "missing_field"),
    ("object", "errorDeclaration|reason", "typo", "/errorDeclaration/reason", "unknown_term"),
    ("object", "errorDeclaration|correctiveEventIDs", ["7"],
     "/errorDeclaration/correctiveEventIDs/0", "not_a_uri"),
    ("object", "eventID", "7", "/eventID", "not_a_uri"),
    ("object", "certificationInfo", ["x y"], "/certificationInfo/0", "not_a_uri"),
    ("object", "madeUpField", 1, "/madeUpField", "unknown_field"),
    ("object", "a/b~c", 1, "/a~1b~0c", "unknown_field"),
    ("object", "childEPCs", [MILK], "/childEPCs", "field_not_allowed"),
    ("aggregation", "parentID", GONE, "", "parent_missing"),
    ("aggregation", "childEPCs", GONE, "", "children_missing"),
    ("aggregation", "childEPCs", [], "", "children_missing"),
    ("aggregation", "ilmd", {}, "/ilmd", "field_not_allowed"),
    ("association", "parentID", GONE, "", "missing_field"),
    ("association", "epcList", [MILK], "/epcList", "field_not_allowed"),
    ("transaction", "bizTransactionList", GONE, "", "missing_field"),
    ("transaction", "bizTransactionList", [], "/bizTransactionList", "empty_list"),
    ("transaction", "epcList", GONE, "", "no_objects"),
    ("transformation", "action", "ADD", "/action", "field_not_allowed"),
    ("transformation", "outputEPCList", GONE, "", "half_a_transformation"),
    ("transformation", "inputQuantityList", [], "", "half_a_transformation"),
]  # fmt: skip


def fatal(report: Report) -> list[tuple[str, str]]:
    """Return pointer and code of what refused the document."""
    return [(f.pointer, f.code) for f in report.findings if f.fatal]


def judge(value: Any) -> Report:
    """Return the report on a JSON value."""
    return check(encoded(value), "application/ld+json")


@pytest.mark.parametrize("name", EVENTS)
def test_each_good_event_is_accepted_without_finding(name: str) -> None:
    report = judge(document(EVENTS[name]))
    assert report.findings == ()
    assert report.verdict == "accepted"
    assert (report.kind, report.version, len(report.events)) == ("document", "2.0", 1)


@pytest.mark.parametrize(("name", "path", "new", "pointer", "code"), BAD_EVENTS)
def test_a_bad_field_is_refused_with_its_place_and_reason(
    name: str, path: str, new: Any, pointer: str, code: str
) -> None:
    report = judge(document(changed(EVENTS[name], path, new)))
    assert report.verdict == "refused"
    assert report.events == ()
    assert (AT + pointer, code) in fatal(report)
    assert all(f.message and f.layer for f in report.findings)


def test_each_of_the_bad_cases_differs_from_the_good_one_by_its_fault_alone() -> None:
    assert len(BAD_EVENTS) >= 60
    alone = [
        case for case in BAD_EVENTS
        if len(fatal(judge(document(changed(EVENTS[case[0]], case[1], case[2]))))) == 1
    ]  # fmt: skip
    assert len(alone) >= len(BAD_EVENTS) - 6  # an unknown type or action brings others with it


BAD_DOCUMENTS: list[tuple[Any, str, str]] = [
    ([], "", "wrong_type"),
    (17, "", "wrong_type"),
    ({}, "", "missing_field"),
    (document(EVENTS["object"], type="EPCISdocument"), "/type", "unknown_document_type"),
    (document(EVENTS["object"], creationDate="today"), "/creationDate", "bad_time"),
    (document(EVENTS["object"], schemaVersion="two"), "/schemaVersion", "bad_version"),
    (document(EVENTS["object"], schemaVersion=2.0), "/schemaVersion", "wrong_type"),
    (changed(document(), "@context", GONE), "", "missing_field"),
    (changed(document(), "epcisBody", GONE), "", "missing_field"),
    (changed(document(), "creationDate", GONE), "", "missing_field"),
    (document(epcisBody={}), "/epcisBody", "missing_field"),
    (document(epcisBody=[]), "/epcisBody", "wrong_type"),
    (document(epcisBody={"eventList": {}}), "/epcisBody/eventList", "wrong_type"),
    (document(epcisBody={"eventList": ["x"]}), "/epcisBody/eventList/0", "wrong_type"),
    (document(note="x"), "/note", "unknown_field"),
    (document(**{"@context": 7}), "/@context", "wrong_type"),
    (document(**{"@context": [CONTEXT, CONTEXT]}), "/@context", "duplicate_item"),
    (query_document({**EVENTS["object"], "type": "UnknownEvent"}),
     "/epcisBody/queryResults/resultsBody/eventList/0/type", "unknown_event_type"),
    (changed(query_document(), "epcisBody|queryResults|queryName", GONE),
     "/epcisBody/queryResults", "missing_field"),
    (changed(query_document(), "epcisBody|queryResults|resultsBody", {}),
     "/epcisBody/queryResults/resultsBody", "missing_field"),
    (changed(query_document(), "epcisBody", {}), "/epcisBody", "missing_field"),
    (EVENTS["object"], "", "missing_field"),  # a single event without @context
    ({"eventType": "ObjectEvent"}, "/eventType", "wrong_type"),
    ({"eventType": ["Event"]}, "/eventType/0", "unknown_event_type"),
    ({"eventType": ["ObjectEvent"], "GE_eventTme": 1}, "/GE_eventTme", "unknown_parameter"),
    ({"GE_eventTime": "today"}, "/GE_eventTime", "bad_time"),
    ({"EQ_action": ["MOVE"]}, "/EQ_action/0", "unknown_action"),
    ({"EQ_bizStep": ["moving"]}, "/EQ_bizStep/0", "unknown_term"),
    ({"EQ_bizLocation": ["dairy"]}, "/EQ_bizLocation/0", "not_a_uri"),
    ({"GE_quantity": "1"}, "/GE_quantity", "wrong_type"),
    ({"eventCountLimit": 1.5}, "/eventCountLimit", "wrong_type"),
    ({"eventCountLimit": 0}, "/eventCountLimit", "limit_too_small"),
    ({"GE_eventTime": "2026-01-01T00:00:00Z", "orderDirection": "UP"}, "/orderDirection",
     "unknown_direction"),
    ({"name": "q", "query": {"EQ_colour": ["red"]}}, "/query/EQ_colour", "unknown_parameter"),
    ({"name": "q", "query": 7}, "/query", "wrong_type"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "pointer", "code"), BAD_DOCUMENTS)
def test_a_bad_document_is_refused_with_its_place_and_reason(
    value: Any, pointer: str, code: str
) -> None:
    report = judge(value)
    assert report.verdict == "refused"
    assert (pointer, code) in fatal(report)


FINDINGS: list[tuple[str, str, Any, str, str, str]] = [
    ("object", "epcList", ["https://example.com/01/09520123456789/21/7"], "/epcList/0",
     "check_digits", "wrong_check_digit"),
    ("object", "bizStep", "cbv:my_own_step", "/bizStep", "vocabulary", "foreign_term"),
    ("object", "sensorElementList|0|sensorReport|0|type", GONE,
     "/sensorElementList/0/sensorReport/0", "schema", "sensor_report_without_type"),
    ("object", "sensorElementList|0|sensorReport|0|type", "Warmth",
     "/sensorElementList/0/sensorReport/0/type", "vocabulary", "unknown_term"),
    ("object", "nobody:said", 1, "/nobody:said", "namespaces", "undeclared_prefix"),
    ("object", "example:said", {"so": 1}, "/example:said/so", "namespaces",
     "name_without_namespace"),
    ("object", "recordTime", "2026-02-01T10:00:00Z", "/recordTime", "rules",
     "recorded_too_early"),
    ("object", "quantityList|0|quantity", -1, "/quantityList/0/quantity", "rules",
     "negative_quantity"),
    ("object", "quantityList|0|uom", GONE, "/quantityList/0/quantity", "rules",
     "fraction_of_an_object"),
    ("object", "quantityList|0|quantity", GONE, "/quantityList/0/uom", "rules",
     "unit_without_quantity"),
    ("object", "errorDeclaration|reason", "did_not_occur",
     "/errorDeclaration/correctiveEventIDs", "rules", "corrected_non_event"),
    ("object", "errorDeclaration|declarationTime", "2026-01-01T10:00:00Z",
     "/errorDeclaration/declarationTime", "rules", "declared_too_early"),
    ("object", "sensorElementList|0|sensorMetadata|endTime", "2026-03-01T08:00:00Z",
     "/sensorElementList/0/sensorMetadata/endTime", "rules", "ends_too_early"),
    ("object", "eventID", f"ni:///sha-256;{'0' * 64}?ver=CBV2.0", "/eventID", "rules",
     "event_hash_differs"),
    ("object", "type", "example:OtherEvent", "/type", "schema", "foreign_event_type"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "new", "pointer", "layer", "code"), FINDINGS)
def test_a_doubtful_field_is_accepted_with_a_finding(
    name: str, path: str, new: Any, pointer: str, layer: str, code: str
) -> None:
    report = judge(document(changed(EVENTS[name], path, new)))
    assert report.verdict == "accepted_with_findings"
    assert [(f.pointer, f.layer, f.code) for f in report.findings] == [(AT + pointer, layer, code)]
    assert len(report.events) == 1


GOOD_VALUES: list[tuple[str, str, Any]] = [
    ("object", "bizStep", "https://example.com/bizStep/stacking"),
    ("object", "bizStep", "https://ref.gs1.org/cbv/BizStep-shipping"),
    ("object", "bizStep", "cbv:BizStep-shipping"),
    ("object", "eventTime", "2026-03-01T10:00:00.123456789+14:00"),
    ("object", "eventTimeZoneOffset", "-14:00"),
    ("object", "certificationInfo", ["https://example.org/1", "https://example.org/2"]),
    ("object", "epcList", []),
    ("object", "epcList", ["https://example.com/a/01/09520123456788/10/L/21/7?17=260401"]),
    ("object", "epcList", ["https://example.com/not/a/key"]),
    ("object", "example:own", [1, {"example:inner": None}]),
    ("object", "https://example.com/full#name", "x"),
    ("object", "rdfs:comment", "a comment"),
    ("object", "sensorElementList|0|sensorReport|0|exception", "ALARM_CONDITION"),
    ("object", "sensorElementList|0|sensorReport|0|component", "example:x"),
    ("aggregation", "persistentDisposition", {"set": ["damaged"]}),
    ("transformation", "transformationID", "urn:epc:id:gdti:9520123.00001.1"),
]


@pytest.mark.parametrize(("name", "path", "new"), GOOD_VALUES)
def test_what_the_standard_allows_is_accepted_without_finding(
    name: str, path: str, new: Any
) -> None:
    report = judge(document(changed(EVENTS[name], path, new)))
    assert report.findings == ()


def test_a_context_counts_wherever_it_stands_in_the_object() -> None:
    value = document({**EVENTS["object"], "example:own": 1})
    value["@context"] = value.pop("@context")
    assert list(value)[-1] == "@context"
    assert judge(value).findings == ()


def test_a_prefix_declared_by_one_event_is_unknown_to_the_next() -> None:
    mine = {**EVENTS["object"], "@context": [{"own": "https://own.example/"}], "own:x": 1}
    other = {**EVENTS["object"], "own:x": 1}
    report = judge(document(mine, other))
    assert [(f.pointer, f.code) for f in report.findings] == [
        ("/epcisBody/eventList/1/own:x", "undeclared_prefix")
    ]


def test_a_term_that_the_context_defines_needs_no_prefix() -> None:
    value = document({**EVENTS["object"], "ilmd": {"colour": "red"}})
    value["@context"] = [CONTEXT, {"colour": "https://example.com/colour"}]
    assert judge(value).verdict == "accepted"


def test_findings_come_in_the_order_of_the_layers() -> None:
    bad = changed(changed(EVENTS["object"], "bizStep", "x"), "eventTime", "y")
    report = judge(document(changed(bad, "action", "z")))
    assert [f.layer for f in report.findings] == ["schema", "formats", "vocabulary"]


def test_answers_queries_and_single_events_are_told_apart() -> None:
    assert judge(query_document(EVENTS["object"])).kind == "query_document"
    assert judge({"GE_eventTime": "2026-01-01T00:00:00Z"}).kind == "query"
    named = {"name": "q", "query": {"MATCH_epc": [MILK], "EQ_example:own": ["x"]}}
    assert judge(named).verdict == "accepted"
    single = judge({"@context": CONTEXT, **EVENTS["object"]})
    assert (single.kind, single.verdict, single.events[0].pointer) == ("event", "accepted", "")


LIMITS: list[tuple[bytes, str]] = [
    (b"", "not_json"),
    (b"{", "not_json"),
    (b"\xff\xfe\x00", "not_json"),
    (b'{"a": 1, "a": 2}', "not_json"),
    (b'{"a": NaN}', "not_json"),
    (b'{"a": "\\ud800"}', "not_json"),
    (b'{"a": ' + b"9" * 5000 + b"}", "not_json"),
    (b'{"a": 1e999}', "number_too_large"),
    (b'{"a": 1' + b"0" * 400 + b"}", "number_too_large"),
    (b"[" * 65 + b"]" * 65, "too_deep"),
    (b"[" * 100_000 + b"]" * 100_000, "too_deep"),
    (b" " * (20 * 1024 * 1024 + 1), "too_large"),
]


@pytest.mark.parametrize(("data", "code"), LIMITS)
def test_a_document_beyond_the_limits_is_refused_unread(data: bytes, code: str) -> None:
    report = check(data)
    assert [f.code for f in report.findings] == [code]
    assert report.verdict == "refused"


def test_the_deepest_document_that_is_allowed_is_read() -> None:
    deep: Any = 1
    for _ in range(59):  # five levels lie above it
        deep = [deep]
    assert judge(document({**EVENTS["object"], "example:deep": deep})).verdict == "accepted"


def test_a_document_with_very_many_faults_is_refused_with_a_bounded_list() -> None:
    bad = {**EVENTS["object"], "epcList": ["x" + str(i) for i in range(1_500)]}
    report = judge(document(bad))
    assert len(report.findings) == 1_001
    assert report.findings[0].code == "too_many_findings"


def test_no_value_at_any_place_makes_the_check_raise() -> None:
    odd: list[Any] = [None, True, 7, -1.5, "", "x", [], {}, [[]], {"": {}}, "urn:epc:", "a:b"]
    for name, event in EVENTS.items():
        for path in paths(event):
            for value in odd:
                report = judge(document(changed(EVENTS[name], path, value)))
                assert report.verdict in {"accepted", "accepted_with_findings", "refused"}


def paths(value: Any, before: str = "") -> list[str]:
    """Return the paths of all values below ``value``."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[str] = []
    for key, inner in items:
        path = f"{before}{key}"
        found.append(path)
        if isinstance(inner, (dict, list)):
            found += paths(inner, f"{path}|")
    return found


def test_the_payload_digest_is_of_the_value_and_not_of_its_writing() -> None:
    value = document(EVENTS["object"])
    spread = json.dumps(value, indent=3).encode()
    assert judge(value).payload_digest == check(spread).payload_digest
    assert judge(value).payload_digest != judge(document()).payload_digest
    assert len(judge(value).ruleset_digest) == 64
