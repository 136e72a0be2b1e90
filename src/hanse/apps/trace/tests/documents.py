# SPDX-License-Identifier: Apache-2.0
"""Good documents of our own, and ways to spoil them."""

import copy
import json
from typing import Any

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
GTIN = "https://id.gs1.org/01/09520123456788"
MILK = "urn:epc:id:sgtin:9520123.045678.7"
PALLET = "urn:epc:id:sscc:9520123.0000000001"
LOT = "urn:epc:class:lgtin:9520123.045678.L1"
DAIRY = "urn:epc:id:sgln:9520123.00001.0"
GONE = object()

_COMMON: dict[str, Any] = {
    "eventTime": "2026-03-01T10:00:00.000Z",
    "eventTimeZoneOffset": "+01:00",
}
EVENTS: dict[str, dict[str, Any]] = {
    "object": {
        "type": "ObjectEvent",
        **_COMMON,
        "action": "ADD",
        "bizStep": "commissioning",
        "disposition": "active",
        "epcList": [MILK],
        "quantityList": [{"epcClass": LOT, "quantity": 12.5, "uom": "KGM"}],
        "readPoint": {"id": DAIRY},
        "bizLocation": {"id": DAIRY},
        "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:1:2"}],
        "sourceList": [{"type": "location", "source": DAIRY}],
        "destinationList": [{"type": "owning_party", "destination": DAIRY}],
        "ilmd": {"cbvmda:lotNumber": "L1", "cbvmda:itemExpirationDate": "2026-04-01"},
        "persistentDisposition": {"set": ["completeness_verified"], "unset": ["recalled"]},
        "sensorElementList": [
            {
                "sensorMetadata": {
                    "startTime": "2026-03-01T09:00:00Z",
                    "endTime": "2026-03-01T10:00:00Z",
                },
                "sensorReport": [{"type": "Temperature", "value": 4.5, "uom": "CEL"}],
            }
        ],
        "errorDeclaration": {
            "declarationTime": "2026-03-02T10:00:00Z",
            "reason": "incorrect_data",
            "correctiveEventIDs": ["urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8"],
        },
        "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "certificationInfo": "https://example.org/certificate/1",
    },
    "aggregation": {
        "type": "AggregationEvent",
        **_COMMON,
        "action": "ADD",
        "parentID": PALLET,
        "childEPCs": [MILK],
        "bizStep": "packing",
    },
    "association": {
        "type": "AssociationEvent",
        **_COMMON,
        "action": "ADD",
        "parentID": "urn:epc:id:grai:9520123.55555.1",
        "childEPCs": ["urn:epc:id:giai:9520123.12345"],
    },
    "transaction": {
        "type": "TransactionEvent",
        **_COMMON,
        "action": "ADD",
        "bizTransactionList": [{"bizTransaction": "urn:epcglobal:cbv:bt:1:2"}],
        "epcList": [MILK],
    },
    "transformation": {
        "type": "TransformationEvent",
        **_COMMON,
        "inputQuantityList": [{"epcClass": LOT, "quantity": 10, "uom": "KGM"}],
        "outputEPCList": [MILK],
        "bizStep": "commissioning",
    },
}


def document(*events: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a capture document of these events."""
    return {
        "@context": [CONTEXT, {"example": "https://ns.example.com/epcis/"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T10:00:00Z",
        "epcisBody": {"eventList": list(events)},
        **fields,
    }


def query_document(*events: dict[str, Any]) -> dict[str, Any]:
    """Return an answer to a query with these events."""
    results = {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": list(events)}}
    return document(type="EPCISQueryDocument", epcisBody={"queryResults": results})


def changed(value: dict[str, Any], path: str, new: Any) -> dict[str, Any]:
    """Return a copy with the value at ``path`` replaced, or taken out if ``new`` is GONE."""
    value = copy.deepcopy(value)
    *steps, last = [int(s) if s.isdigit() else s for s in path.split("|")]
    inner: Any = value
    for step in steps:
        inner = inner[step]
    if new is GONE:
        del inner[last]
    else:
        inner[last] = new
    return value


def encoded(value: Any) -> bytes:
    """Return the value as JSON bytes."""
    return json.dumps(value).encode()


XML_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:2" '
    'xmlns:example="https://ns.example.com/epcis/" xmlns:cbvmda="urn:epcglobal:cbv:mda" '
    'schemaVersion="2.0" creationDate="2026-03-01T10:00:00Z"><EPCISBody><EventList>'
)
XML_TAIL = "</EventList></EPCISBody></epcis:EPCISDocument>"
XML_OBJECT = """<ObjectEvent>
  <eventTime>2026-03-01T10:00:00.000Z</eventTime>
  <eventTimeZoneOffset>+01:00</eventTimeZoneOffset>
  <eventID>urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8</eventID>
  <errorDeclaration>
    <declarationTime>2026-03-02T10:00:00Z</declarationTime>
    <reason>urn:epcglobal:cbv:er:incorrect_data</reason>
    <correctiveEventIDs>
      <correctiveEventID>urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8</correctiveEventID>
    </correctiveEventIDs>
  </errorDeclaration>
  <certificationInfo>https://example.org/certificate/1</certificationInfo>
  <epcList><epc>urn:epc:id:sgtin:9520123.045678.7</epc></epcList>
  <action>ADD</action>
  <bizStep>urn:epcglobal:cbv:bizstep:commissioning</bizStep>
  <disposition>urn:epcglobal:cbv:disp:active</disposition>
  <readPoint><id>urn:epc:id:sgln:9520123.00001.0</id></readPoint>
  <bizLocation><id>urn:epc:id:sgln:9520123.00001.0</id></bizLocation>
  <bizTransactionList>
    <bizTransaction type="urn:epcglobal:cbv:btt:po">urn:epcglobal:cbv:bt:1:2</bizTransaction>
  </bizTransactionList>
  <quantityList><quantityElement><epcClass>urn:epc:class:lgtin:9520123.045678.L1</epcClass>
    <quantity>12.50</quantity><uom>KGM</uom></quantityElement></quantityList>
  <sourceList><source type="urn:epcglobal:cbv:sdt:location">urn:epc:id:sgln:9520123.00001.0</source>
  </sourceList>
  <destinationList>
    <destination type="urn:epcglobal:cbv:sdt:owning_party">urn:epc:id:sgln:9520123.00001.0
    </destination></destinationList>
  <sensorElementList><sensorElement>
    <sensorMetadata startTime="2026-03-01T09:00:00Z" endTime="2026-03-01T10:00:00Z"/>
    <sensorReport type="gs1:Temperature" value="4.50" uom="CEL"/>
  </sensorElement></sensorElementList>
  <persistentDisposition>
    <unset>urn:epcglobal:cbv:disp:recalled</unset>
    <set>urn:epcglobal:cbv:disp:completeness_verified</set>
  </persistentDisposition>
  <ilmd><cbvmda:lotNumber>L1</cbvmda:lotNumber>
    <cbvmda:itemExpirationDate>2026-04-01</cbvmda:itemExpirationDate></ilmd>
</ObjectEvent>"""


def xml(*events: str, head: str = XML_HEAD) -> bytes:
    """Return a capture document in XML of these events."""
    return (head + "".join(events) + XML_TAIL).encode()


def paths_of_leaves(value: Any, before: str = "") -> list[str]:
    """Return the paths of all values below ``value`` that hold no others."""
    found: list[str] = []
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        path = f"{before}{key}"
        if isinstance(inner, (dict, list)) and inner:
            found += paths_of_leaves(inner, f"{path}|")
        else:
            found.append(path)
    return found
