# SPDX-License-Identifier: Apache-2.0
"""The XML bindings: what is refused, where, and why; and that XML and JSON mean the same."""

import pytest

from hanse.apps.trace.standards import check, event_hash, read_events, to_json
from hanse.apps.trace.tests.documents import (
    EVENTS,
    XML_HEAD,
    XML_OBJECT,
    document,
    encoded,
    xml,
)

LIST = "/epcis:EPCISDocument/EPCISBody/EventList"
EVENT = LIST + "/ObjectEvent"

# text in the good event, its replacement, path behind the event's, code
BAD_EVENTS: list[tuple[str, str, str, str]] = [
    ("<action>ADD</action>", "", "", "missing_field"),
    ("<action>ADD", "<action>CREATE", "/action", "unknown_action"),
    ("<action>ADD", "<action><b/>ADD", "/action/b", "unknown_element"),
    ("<eventTime>2026-03-01T10:00:00.000Z</eventTime>", "", "", "missing_field"),
    ("<eventTime>2026", "<eventTime>26", "/eventTime", "bad_time"),
    ("T10:00:00.000Z</eventTime>", "T10:00:00.000</eventTime>", "/eventTime", "bad_time"),
    ("+01:00", "01:00", "/eventTimeZoneOffset", "bad_time_zone"),
    ("<epcList>", "<madeUp/><epcList>", "/madeUp", "unknown_element"),
    ("<epcList>", "<bizStep>a:b</bizStep><epcList>", "/epcList", "wrong_order"),
    ("<epcList>", "<example:x/><epcList>", "/epcList", "extension_before_field"),
    ("<epcList>", "text<epcList>", "", "unexpected_text"),
    ("<epcList><epc>", "<epcList><item/><epc>", "/epcList/item", "unknown_element"),
    ("<epcList><epc>", "<epcList><example:x/><epc>", "/epcList/example:x", "unknown_element"),
    ("<epc>urn:epc:id:sgtin:9520123.045678.7", "<epc>urn:epc:id:sgtin:7", "/epcList/epc",
     "bad_identifier"),
    ("<epc>urn:epc:id:sgtin:9520123.045678.7", "<epc>milk", "/epcList/epc", "not_a_uri"),
    ("bizstep:commissioning", "bizstep:moving", "/bizStep", "unknown_term"),
    ("urn:epcglobal:cbv:disp:active", "https://ref.gs1.org/cbv/Disp-moved", "/disposition",
     "unknown_term"),
    ("disp:recalled", "disp:moved", "/persistentDisposition/unset", "unknown_term"),
    ("btt:po", "btt:order", "/bizTransactionList/bizTransaction/@type", "unknown_term"),
    (' type="urn:epcglobal:cbv:sdt:location"', "", "/sourceList/source", "missing_field"),
    ("<readPoint><id>urn:epc:id:sgln:9520123.00001.0</id></readPoint>", "<readPoint/>",
     "/readPoint", "missing_field"),
    ("<quantity>12.50", "<quantity>twelve", "/quantityList/quantityElement/quantity",
     "wrong_type"),
    ("<quantity>12.50</quantity>", "", "/quantityList/quantityElement/uom",
     "unit_without_quantity"),
    ("<uom>KGM", "<uom>kilogram", "/quantityList/quantityElement/uom", "bad_unit"),
    ('value="4.50"', 'value="warm"',
     "/sensorElementList/sensorElement/sensorReport/@value", "wrong_type"),
    ('startTime="2026-03-01T09:00:00Z"', 'startTime="09:00"',
     "/sensorElementList/sensorElement/sensorMetadata/@startTime", "bad_time"),
    ('<sensorReport type="gs1:Temperature" value="4.50" uom="CEL"/>', "",
     "/sensorElementList/sensorElement", "missing_field"),
    ("<declarationTime>2026-03-02T10:00:00Z</declarationTime>", "", "/errorDeclaration",
     "missing_field"),
    ("er:incorrect_data", "er:typo", "/errorDeclaration/reason", "unknown_term"),
    ("<ilmd>", "<ilmd><lot>1</lot>", "/ilmd/lot", "name_without_namespace"),
    ("<action>ADD", "<action>DELETE", "/ilmd", "ilmd_without_add"),
    ("<eventTimeZoneOffset>", "<recordTime>now</recordTime><eventTimeZoneOffset>", "/recordTime",
     "bad_time"),
    ("<bizStep>", "<bizStep>urn:a:b</bizStep><bizStep>", "/bizStep[2]", "repeated_element"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "code"), BAD_EVENTS)
def test_a_bad_element_is_refused_with_its_place_and_reason(
    old: str, new: str, path: str, code: str
) -> None:
    assert XML_OBJECT.count(old) == 1 or old == "+01:00"
    report = check(xml(XML_OBJECT.replace(old, new)))
    assert report.verdict == "refused"
    assert (EVENT + path, code) in [(f.pointer, f.code) for f in report.findings if f.fatal]


def test_the_good_event_is_accepted_without_finding() -> None:
    report = check(xml(XML_OBJECT))
    assert report.findings == ()
    assert (report.verdict, report.version, report.kind) == ("accepted", "2.0", "document")


def test_the_path_names_the_event_among_its_namesakes() -> None:
    report = check(xml(XML_OBJECT, XML_OBJECT.replace(">ADD<", ">GROW<")))
    assert [f.pointer for f in report.findings] == [f"{LIST}/ObjectEvent[2]/action"]


def test_xml_and_json_of_one_event_give_the_same_typed_event_and_hash() -> None:
    of_xml = check(xml(XML_OBJECT)).events[0]
    of_json = check(encoded(document(EVENTS["object"]))).events[0]
    assert of_xml.hash == of_json.hash
    names = [n for n in type(of_xml).__slots__ if n != "pointer"]
    assert {n: getattr(of_xml, n) for n in names} == {n: getattr(of_json, n) for n in names}


def test_the_typed_event_holds_what_the_contract_reads() -> None:
    event = check(xml(XML_OBJECT)).events[0]
    assert event.epcs == ("https://id.gs1.org/01/09520123456788/21/7",)
    quantity = event.quantities[0]
    assert quantity.epc_class == "https://id.gs1.org/01/09520123456788/10/L1"
    assert (quantity.amount_thousandths, quantity.unit, quantity.exact) == (12_500, "KGM", True)
    assert (event.biz_step, event.disposition) == ("commissioning", "active")
    assert event.time_ms == 1_772_359_200_000
    assert (event.lot, event.expiry) == ("L1", "2026-04-01")
    assert event.read_point == "https://id.gs1.org/414/9520123000011"
    assert (event.sources[0].type, event.destinations[0].type) == ("location", "owning_party")
    assert event.corrects == ("urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8",)


OLD_HEAD = XML_HEAD.replace("xsd:2", "xsd:1").replace('schemaVersion="2.0"', 'schemaVersion="1.2"')
OLD_OBJECT = """<ObjectEvent>
  <eventTime>2026-03-01T10:00:00.000Z</eventTime>
  <eventTimeZoneOffset>+01:00</eventTimeZoneOffset>
  <baseExtension><eventID>urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8</eventID></baseExtension>
  <epcList/><action>ADD</action>
  <disposition>urn:epcglobal:cbv:disp:non_sellable_expired</disposition>
  <extension><quantityList><quantityElement>
    <epcClass>urn:epc:class:lgtin:9520123.045678.L1</epcClass><quantity>5</quantity>
  </quantityElement></quantityList></extension></ObjectEvent>"""


def test_a_document_of_1_2_is_read_through_its_extension_wrappers() -> None:
    report = check(xml(OLD_OBJECT, head=OLD_HEAD))
    assert (report.verdict, report.version, report.findings) == ("accepted", "1.2", ())
    assert report.events[0].quantities[0].amount_thousandths == 5_000
    assert report.events[0].event_id.startswith("urn:uuid:374d95fc")


def test_a_transformation_of_1_2_stands_inside_the_extension_of_the_list() -> None:
    event = (
        "<extension><TransformationEvent><eventTime>2026-03-01T10:00:00Z</eventTime>"
        "<eventTimeZoneOffset>+01:00</eventTimeZoneOffset>"
        "<inputEPCList><epc>urn:epc:id:sgtin:9520123.045678.7</epc></inputEPCList>"
        "<outputEPCList><epc>urn:epc:id:sgtin:9520123.045678.8</epc></outputEPCList>"
        "</TransformationEvent></extension>"
    )
    report = check(xml(event, head=OLD_HEAD))
    assert (report.verdict, report.events[0].type) == ("accepted", "TransformationEvent")


def test_1_2_has_a_quantity_event_and_2_0_has_not() -> None:
    event = (
        "<QuantityEvent><eventTime>2026-03-01T10:00:00Z</eventTime>"
        "<eventTimeZoneOffset>+01:00</eventTimeZoneOffset>"
        "<epcClass>urn:epc:class:lgtin:9520123.045678.L1</epcClass><quantity>5</quantity>"
        "</QuantityEvent>"
    )
    assert check(xml(event, head=OLD_HEAD)).verdict == "accepted"
    report = check(xml(event))
    assert [f.code for f in report.findings] == ["unknown_event_type"]


def test_1_2_demands_the_list_that_2_0_lets_out() -> None:
    without = OLD_OBJECT.replace("<epcList/>", "")
    assert [f.code for f in check(xml(without, head=OLD_HEAD)).findings] == ["missing_element"]


BAD_DOCUMENTS: list[tuple[bytes, str, str]] = [
    (b"<a>", "", "not_xml"),
    (b"<a:b/>", "", "not_xml"),
    (b"<a/><b/>", "", "not_xml"),
    (b'<?xml version="1.0" encoding="klingon"?><a/>', "", "not_xml"),
    (b"<html/>", "/html", "unknown_document_type"),
    (b'<EPCISDocument schemaVersion="2.0"/>', "/EPCISDocument", "unknown_document_type"),
    (xml().replace(b' schemaVersion="2.0"', b""), "/epcis:EPCISDocument", "missing_attribute"),
    (xml().replace(b' creationDate="2026-03-01T10:00:00Z"', b""), "/epcis:EPCISDocument",
     "missing_attribute"),
    (xml().replace(b'"2.0"', b'"two"'), "/epcis:EPCISDocument/@schemaVersion", "bad_version"),
    (xml("<MoveEvent/>"), LIST + "/MoveEvent", "unknown_event_type"),
    (xml("<example:MoveEvent/>"), LIST + "/example:MoveEvent", "foreign_event_type"),
    (xml("text"), LIST, "unexpected_text"),
    (xml().replace(b"EPCISBody", b"Body"), "/epcis:EPCISDocument", "missing_element"),
    (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "", "doctype_not_allowed"),
    (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "", "doctype_not_allowed"),
    (b"<a>" * 65 + b"</a>" * 65, "", "too_deep"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "path", "code"), BAD_DOCUMENTS)
def test_a_bad_document_is_refused_with_its_place_and_reason(
    data: bytes, path: str, code: str
) -> None:
    report = check(data, "application/xml")
    assert report.verdict == "refused"
    assert (path, code) in [(f.pointer, f.code) for f in report.findings if f.fatal]


def test_an_entity_bomb_is_refused_before_it_grows() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY a "xxxxxxxxxx">' + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    report = check((bomb + "]><a>&i;</a>").encode())
    assert [f.code for f in report.findings] == ["doctype_not_allowed"]


def test_an_empty_document_type_declaration_is_passed_over_with_a_finding() -> None:
    data = xml(XML_OBJECT).replace(b"?>\n", b"?>\n<!DOCTYPE project>\n", 1)
    report = check(data)
    assert report.verdict == "accepted_with_findings"
    assert [f.code for f in report.findings] == ["empty_doctype"]
    assert report.payload_digest == check(xml(XML_OBJECT)).payload_digest


QUERY_HEAD = (
    '<q:EPCISQueryDocument xmlns:q="urn:epcglobal:epcis-query:xsd:2" schemaVersion="2.0" '
    'creationDate="2026-03-01T10:00:00Z"><EPCISBody>'
)
QUERY_TAIL = "</EPCISBody></q:EPCISQueryDocument>"
POLL = (
    "<q:Poll><queryName>SimpleEventQuery</queryName><params><param><name>EQ_bizStep</name>"
    "<value><string>urn:epcglobal:cbv:bizstep:shipping</string></value></param></params></q:Poll>"
)
SUBSCRIBE = (
    "<q:Subscribe><queryName>SimpleEventQuery</queryName><params/>"
    "<dest>https://example.org/hook</dest><controls><schedule><minute>0</minute></schedule>"
    "<reportIfEmpty>false</reportIfEmpty></controls><subscriptionID>s1</subscriptionID>"
    "</q:Subscribe>"
)
QUERIES: list[tuple[str, str]] = [
    (POLL, ""),
    (SUBSCRIBE, ""),
    ("<q:GetQueryNames/>", ""),
    (POLL.replace("<queryName>SimpleEventQuery</queryName>", ""), "missing_element"),
    (POLL.replace("EQ_bizStep", "EQ_step"), "unknown_parameter"),
    (POLL.replace("bizstep:shipping", "bizstep:moving"), "unknown_term"),
    (POLL.replace("EQ_bizStep", "GE_eventTime").replace("<string>", "").replace("</string>", ""),
     "bad_time"),
    (POLL.replace("<name>EQ_bizStep</name>", ""), "missing_element"),
    (POLL.replace("<params>", "<params><x/>"), "unknown_element"),
    (POLL.replace("q:Poll", "q:Ask"), "unknown_element"),
    (SUBSCRIBE.replace("<dest>https://example.org/hook</dest>", ""), "missing_element"),
    (SUBSCRIBE.replace("<reportIfEmpty>false</reportIfEmpty>", ""), "missing_element"),
    ("<q:QueryResults><queryName>n</queryName></q:QueryResults>", "missing_element"),
    ("<q:QueryResults><queryName>n</queryName><resultsBody/></q:QueryResults>", "missing_element"),
    ("", "one_message"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "code"), QUERIES)
def test_query_messages_are_held_to_their_parts(message: str, code: str) -> None:
    report = check((QUERY_HEAD + message + QUERY_TAIL).encode())
    assert [f.code for f in report.findings if f.fatal] == ([code] if code else [])
    assert report.kind == "query_document"


def test_the_order_is_free_only_in_answers_that_leave_out_their_namespace() -> None:
    event = XML_OBJECT.replace("<action>ADD</action>", "").replace(
        "</ObjectEvent>", "<action>ADD</action></ObjectEvent>"
    )
    body = f"<resultsBody><EventList>{event}</EventList></resultsBody>"
    head = QUERY_HEAD.replace("<q:", "<q:", 1).replace(
        "xmlns:q=", 'xmlns:cbvmda="urn:epcglobal:cbv:mda" xmlns:q='
    )
    loose = check(f"{head}<QueryResults>{body}</QueryResults>{QUERY_TAIL}".encode())
    assert loose.verdict == "accepted_with_findings"
    named = f"<q:QueryResults><queryName>n</queryName>{body}</q:QueryResults>"
    strict = check(f"{head}{named}{QUERY_TAIL}".encode())
    assert "wrong_order" in [f.code for f in strict.findings if f.fatal]


def test_a_single_event_has_no_order_but_all_its_fields() -> None:
    event = OLD_OBJECT.replace("<action>ADD</action>", "").replace(
        "<ObjectEvent>", '<ObjectEvent schemaVersion="1.2"><action>ADD</action>'
    )
    report = check(event.encode())
    assert (report.kind, report.version, report.verdict) == ("event", "1.2",
                                                             "accepted_with_findings")  # fmt: skip
    assert check(event.replace("<action>ADD</action>", "").encode()).verdict == "refused"


def test_a_creation_date_without_time_zone_is_let_through_with_a_finding() -> None:
    report = check(xml(XML_OBJECT).replace(b'10:00:00Z"><EPCISBody>', b'10:00:00"><EPCISBody>'))
    assert [(f.code, f.fatal) for f in report.findings] == [("incomplete_time", False)]


def test_master_data_needs_its_names() -> None:
    head = XML_HEAD.replace(
        "<EPCISBody>",
        "<EPCISHeader><extension><EPCISMasterData><VocabularyList><Vocabulary>"
        '<VocabularyElementList><VocabularyElement id="a:b"><attribute>x</attribute>'
        "</VocabularyElement></VocabularyElementList></Vocabulary></VocabularyList>"
        "</EPCISMasterData></extension></EPCISHeader><EPCISBody>",
    )
    codes = [(f.code, f.pointer.rpartition("/")[2]) for f in check(xml(head=head)).findings]
    assert codes == [("missing_attribute", "Vocabulary"), ("missing_attribute", "attribute")]


def test_events_of_an_unreadable_document_are_none() -> None:
    assert read_events(b"<a>") == ()
    assert read_events(b"{") == ()
    assert read_events(b"[]") == ()


def test_the_media_type_decides_how_to_read() -> None:
    assert check(b"<a/>", "application/json").findings[0].code == "not_json"
    assert check(b"{}", "text/xml; charset=utf-8").findings[0].code == "not_xml"


def test_utf_16_is_read() -> None:
    data = xml(XML_OBJECT).decode().replace('encoding="UTF-8"', 'encoding="UTF-16"')
    assert check(data.encode("utf-16")).verdict == "accepted"
    events = read_events(data.encode("utf-16"))
    assert [event_hash(e) for e in events] == [check(xml(XML_OBJECT)).events[0].hash]


def test_xml_becomes_json_with_the_same_hash() -> None:
    data = xml(XML_OBJECT.replace("</ObjectEvent>", "<example:x>1</example:x></ObjectEvent>"))
    value = to_json(data)
    report = check(encoded(value))
    assert report.findings == ()
    assert report.events[0].hash == check(data).events[0].hash
    assert value["epcisBody"]["eventList"][0]["bizStep"] == "commissioning"
    assert {"example": "https://ns.example.com/epcis/"} in value["@context"]
