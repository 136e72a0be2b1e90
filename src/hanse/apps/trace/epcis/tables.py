# SPDX-License-Identifier: Apache-2.0
"""The shapes of EPCIS documents as data: which fields there are, of what kind, in what order.

A kind is written as a short text: ``uri``, ``id`` (a URI that may be a GS1 key), ``time``,
``number`` …; ``term NAME`` is a word of vocabulary NAME; ``list KIND`` and ``set KIND`` hold values
of that kind (``+`` after them: at least one; a set has no duplicates); any other text names a shape
of this module.

Sources: EPCIS 2.0 sections 7.2 to 7.4 (model), 9 (XML binding), 10 (JSON binding); EPCIS 1.2
section 9.5 for the older XML binding.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Shape:
    """One object: its fields by name, those that must be there, and whether others may join."""

    fields: dict[str, str]
    required: tuple[str, ...] = ()
    extensible: bool = False


EVENT_TYPES: Final = (
    "ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent",
    "AssociationEvent",
)  # fmt: skip

_COMMON: Final = {
    "@context": "context", "type": "event type", "eventTime": "time", "recordTime": "time",
    "eventTimeZoneOffset": "offset", "eventID": "uri", "certificationInfo": "uris",
    "errorDeclaration": "errorDeclaration",
}  # fmt: skip
_WHERE_AND_WHY: Final = {
    "bizStep": "term bizStep", "disposition": "term disposition",
    "persistentDisposition": "persistentDisposition", "readPoint": "place", "bizLocation": "place",
    "sourceList": "list source", "destinationList": "list destination",
    "sensorElementList": "list sensorElement",
}  # fmt: skip
_ALWAYS: Final = ("type", "eventTime", "eventTimeZoneOffset")


def _event(required: tuple[str, ...], **fields: str) -> Shape:
    return Shape({**_COMMON, **_WHERE_AND_WHY, **fields}, (*_ALWAYS, *required), extensible=True)


SHAPES: Final[dict[str, Shape]] = {
    "ObjectEvent": _event(
        ("action",), action="action", epcList="set id", quantityList="list quantityElement",
        bizTransactionList="list bizTransaction", ilmd="ilmd",
    ),
    "AggregationEvent": _event(
        ("action",), action="action", parentID="id", childEPCs="list id",
        childQuantityList="list quantityElement", bizTransactionList="list bizTransaction",
    ),
    "AssociationEvent": _event(
        ("action", "parentID"), action="action", parentID="id", childEPCs="list id",
        childQuantityList="list quantityElement", bizTransactionList="list bizTransaction",
    ),
    "TransactionEvent": _event(
        ("action", "bizTransactionList"), action="action", parentID="id", epcList="list id",
        quantityList="list quantityElement", bizTransactionList="list+ bizTransaction",
    ),
    "TransformationEvent": _event(
        (), inputEPCList="set id", inputQuantityList="list quantityElement",
        outputEPCList="set id", outputQuantityList="list quantityElement",
        transformationID="id", bizTransactionList="list bizTransaction", ilmd="ilmd",
    ),
    # deprecated in 1.1 and gone in 2.0; still read in 1.2 documents
    "QuantityEvent": Shape(
        {**_COMMON, "epcClass": "id", "quantity": "number", "bizStep": "term bizStep",
         "disposition": "term disposition", "readPoint": "place", "bizLocation": "place",
         "bizTransactionList": "list bizTransaction"},
        (*_ALWAYS, "epcClass", "quantity"), extensible=True,
    ),
    "errorDeclaration": Shape(
        {"declarationTime": "time", "reason": "term errorReason",
         "correctiveEventIDs": "list uri"},
        ("declarationTime",), extensible=True,
    ),
    "persistentDisposition": Shape(
        {"set": "set+ term disposition", "unset": "set+ term disposition"}
    ),
    "place": Shape({"id": "id"}, ("id",), extensible=True),
    "quantityElement": Shape(
        {"epcClass": "id", "quantity": "number", "uom": "uom"}, ("epcClass",)
    ),
    "bizTransaction": Shape(
        {"type": "term bizTransactionType", "bizTransaction": "id"}, ("bizTransaction",)
    ),
    "source": Shape({"type": "term sourceDestType", "source": "id"}, ("type", "source")),
    "destination": Shape(
        {"type": "term sourceDestType", "destination": "id"}, ("type", "destination")
    ),
    "sensorElement": Shape(
        {"sensorMetadata": "sensorMetadata", "sensorReport": "list+ sensorReport"},
        ("sensorReport",), extensible=True,
    ),
    "sensorMetadata": Shape(
        {"time": "time", "startTime": "time", "endTime": "time", "deviceID": "id",
         "deviceMetadata": "id", "rawData": "id", "dataProcessingMethod": "id", "bizRules": "id"},
        extensible=True,
    ),
    "sensorReport": Shape(
        {"type": "term measurementType", "exception": "term sensorAlertType", "deviceID": "id",
         "deviceMetadata": "id", "rawData": "id", "dataProcessingMethod": "id", "bizRules": "id",
         "time": "time", "microorganism": "uri", "chemicalSubstance": "uri",
         "coordinateReferenceSystem": "uri", "value": "number", "component": "term component",
         "stringValue": "string", "booleanValue": "boolean", "hexBinaryValue": "hex",
         "uriValue": "uri", "minValue": "number", "maxValue": "number", "meanValue": "number",
         "sDev": "number", "percRank": "number", "percValue": "number", "uom": "string"},
        extensible=True,
    ),
    "document": Shape(
        {"@context": "context", "id": "uri", "type": "string", "schemaVersion": "version",
         "creationDate": "time", "instanceIdentifier": "string", "sender": "string",
         "receiver": "string", "epcisHeader": "header", "epcisBody": "body"},
        ("@context", "type", "schemaVersion", "creationDate", "epcisBody"), extensible=True,
    ),
    "query document": Shape(
        {"@context": "context", "id": "uri", "type": "string", "schemaVersion": "version",
         "creationDate": "time", "epcisHeader": "header", "epcisBody": "query body"},
        ("@context", "type", "epcisBody"), extensible=True,
    ),
    "body": Shape({"eventList": "events"}, ("eventList",), extensible=True),
    "query body": Shape({"queryResults": "query results"}, ("queryResults",), extensible=True),
    "query results": Shape(
        {"queryName": "string", "subscriptionID": "string", "resultsBody": "results body"},
        ("queryName", "resultsBody"), extensible=True,
    ),
    "results body": Shape(
        {"eventList": "events", "vocabularyList": "list vocabulary"}, extensible=True
    ),
    "header": Shape({"epcisMasterData": "master data"}, extensible=True),
    "master data": Shape({"vocabularyList": "list vocabulary"}, extensible=True),
    "vocabulary": Shape(
        {"type": "uri", "vocabularyElementList": "list vocabularyElement"}, ("type",),
        extensible=True,
    ),
    "vocabularyElement": Shape(
        {"id": "uri", "attributes": "list attribute", "children": "list uri"}, ("id",),
        extensible=True,
    ),
    "attribute": Shape({"id": "uri", "attribute": "any"}, ("id",), extensible=True),
}  # fmt: skip

ACTIONS: Final = frozenset({"ADD", "OBSERVE", "DELETE"})

# XML 2.0: the sequence of the children of each element (section 9.5); "!" marks the required ones.
_HEAD_2: Final = (
    "eventTime! recordTime eventTimeZoneOffset! eventID errorDeclaration "
    "certificationInfo baseExtension"
)
_PLACES: Final = "bizStep disposition readPoint bizLocation"
_TAIL: Final = "sourceList destinationList sensorElementList persistentDisposition"

XML_ORDER_2: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(f"{_HEAD_2} {rest} extension".split())
    for name, rest in {
        "ObjectEvent": f"epcList action! {_PLACES} bizTransactionList quantityList {_TAIL} ilmd",
        "AggregationEvent": f"parentID childEPCs action! {_PLACES} bizTransactionList "
        f"childQuantityList {_TAIL}",
        "TransactionEvent": f"bizTransactionList! parentID epcList action! {_PLACES} "
        f"quantityList {_TAIL}",
        "TransformationEvent": "inputEPCList inputQuantityList outputEPCList outputQuantityList "
        f"transformationID {_PLACES} bizTransactionList {_TAIL} ilmd",
        "AssociationEvent": f"parentID! childEPCs childQuantityList action! {_PLACES} "
        f"bizTransactionList {_TAIL}",
    }.items()
}
# XML 1.2: later fields stand inside <extension>; its own order is that of XML_ORDER_2.
_HEAD_1: Final = "eventTime! recordTime eventTimeZoneOffset! baseExtension"
XML_ORDER_1: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(f"{_HEAD_1} {rest} extension".split())
    for name, rest in {
        "ObjectEvent": f"epcList! action! {_PLACES} bizTransactionList",
        "AggregationEvent": f"parentID childEPCs! action! {_PLACES} bizTransactionList",
        "QuantityEvent": f"epcClass! quantity! {_PLACES} bizTransactionList",
        "TransactionEvent": f"bizTransactionList! parentID epcList! action! {_PLACES}",
        "TransformationEvent": "inputEPCList inputQuantityList outputEPCList outputQuantityList "
        f"transformationID {_PLACES} bizTransactionList sourceList destinationList ilmd",
        "AssociationEvent": f"parentID! childEPCs childQuantityList action! {_PLACES} "
        f"bizTransactionList {_TAIL}",
    }.items()
}
XML_ORDER_INNER: Final[dict[str, tuple[str, ...]]] = {
    "errorDeclaration": ("declarationTime!", "reason", "correctiveEventIDs", "extension"),
    "readPoint": ("id!", "extension"),
    "bizLocation": ("id!", "extension"),
    "quantityElement": ("epcClass!", "quantity", "uom"),
    "sensorElement": ("sensorMetadata", "sensorReport!*", "extension"),
    "persistentDisposition": ("unset*", "set*"),
}
XML_MASTER_DATA: Final[dict[str, tuple[str, ...]]] = {
    "EPCISMasterData": ("VocabularyList!", "extension"),
    "VocabularyList": ("Vocabulary*",),
    "Vocabulary": ("VocabularyElementList", "extension"),
    "VocabularyElementList": ("VocabularyElement!*",),
    "VocabularyElement": ("attribute*", "children", "extension"),
    "children": ("id*",),
}
# Elements that hold a list: the name of their items, and whether an empty list is allowed.
XML_LISTS: Final[dict[str, tuple[str, bool]]] = {
    "epcList": ("epc", True), "childEPCs": ("epc", True),
    "inputEPCList": ("epc", True), "outputEPCList": ("epc", True),
    "quantityList": ("quantityElement", True), "childQuantityList": ("quantityElement", True),
    "inputQuantityList": ("quantityElement", True),
    "outputQuantityList": ("quantityElement", True),
    "bizTransactionList": ("bizTransaction", False), "sourceList": ("source", False),
    "destinationList": ("destination", False), "sensorElementList": ("sensorElement", False),
    "correctiveEventIDs": ("correctiveEventID", True),
}  # fmt: skip

# Query messages of the XML binding (section 9.6): children in order.
XML_QUERIES: Final[dict[str, tuple[str, ...]]] = {
    "Poll": ("queryName!", "params!"),
    "Subscribe": ("queryName!", "params!", "dest!", "controls!", "subscriptionID!"),
    "Unsubscribe": ("subscriptionID!",),
    "GetSubscriptionIDs": ("queryName!",),
    "GetQueryNames": (), "GetStandardVersion": (), "GetVendorVersion": (),
    "GetQueryNamesResult": ("string*",), "GetSubscriptionIDsResult": ("string*",),
    "SubscribeResult": (), "UnsubscribeResult": (),
    "GetStandardVersionResult": (), "GetVendorVersionResult": (),
    "QueryResults": ("queryName", "subscriptionID", "resultsBody!", "extension"),
    **dict.fromkeys(
        (
            "DuplicateNameException", "InvalidURIException", "NoSuchNameException",
            "NoSuchSubscriptionException", "DuplicateSubscriptionException",
            "QueryParameterException", "QueryTooLargeException", "QueryTooComplexException",
            "SubscriptionControlsException", "SubscribeNotPermittedException",
            "SecurityException", "ValidationException", "ImplementationException",
        ),
        ("reason!", "severity", "queryName", "subscriptionID"),
    ),
    "controls": ("schedule", "trigger", "initialRecordTime", "reportIfEmpty!", "extension"),
    "schedule": ("second", "minute", "hour", "dayOfMonth", "month", "dayOfWeek", "extension"),
    "param": ("name!", "value!"),
}  # fmt: skip
