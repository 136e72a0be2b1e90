# SPDX-License-Identifier: Apache-2.0
"""Queries: which parameters exist, and what each takes.

Source: EPCIS 2.0 section 8.2.7.1 (SimpleEventQuery) and 8.2.7.2 (SimpleMasterDataQuery); REST
binding section 12 for named queries and subscriptions.
"""

import re
from typing import Any, Final

from hanse.apps.trace.epcis.rules import URI, Checker, escape
from hanse.apps.trace.epcis.tables import EVENT_TYPES
from hanse.apps.trace.epcis.vocabulary import words

_PLAIN: Final[dict[str, str]] = {
    **dict.fromkeys(
        words("""GE_eventTime LT_eventTime GE_recordTime LT_recordTime GE_errorDeclaration_Time
        LT_errorDeclaration_Time GE_errorDeclarationTime LT_errorDeclarationTime GE_time LT_time
        GE_startTime LT_startTime GE_endTime LT_endTime"""),
        "time",
    ),
    **dict.fromkeys(
        words("""
        EQ_readPoint WD_readPoint EQ_bizLocation WD_bizLocation EQ_transformationID MATCH_epc
        MATCH_parentID MATCH_inputEPC MATCH_outputEPC MATCH_anyEPC MATCH_epcClass
        MATCH_inputEPCClass MATCH_outputEPCClass MATCH_anyEPCClass EQ_eventID EQ_correctiveEventID
        EQ_deviceID EQ_dataProcessingMethod EQ_microorganism EQ_chemicalSubstance EQ_bizRules
        EQ_uriValue"""),
        "list uri",
    ),
    **dict.fromkeys(words("EQ_stringValue EQ_hexBinaryValue"), "list string"),
    **dict.fromkeys(
        words(
            """GT_quantity GE_quantity LT_quantity LE_quantity GT_percRank GE_percRank LT_percRank
            LE_percRank"""
        ),
        "number",
    ),
    "EQ_quantity": "list number",
    "eventType": "list query event type",
    "EQ_action": "list action",
    "EQ_bizStep": "list term bizStep",
    "EQ_disposition": "list term disposition",
    "EQ_persistentDisposition_set": "list term disposition",
    "EQ_persistentDisposition_unset": "list term disposition",
    "EQ_errorReason": "list term errorReason",
    "EQ_type": "list term measurementType",
    "EQ_booleanValue": "boolean",
    "EXISTS_errorDeclaration": "integer",
    "EXISTS_sensorElementList": "integer",
    "orderBy": "string",
    "orderDirection": "direction",
    "eventCountLimit": "count",
    "maxEventCount": "count",
    "perPage": "count",
    "nextPageToken": "string",
}
_NAME: Final = r"(?:[A-Za-z][\w.\-]*[:#][\w.\-~%/]+|https?://\S+|urn:\S+)"
_SCOPE: Final = (
    r"(?:INNER_)?(?:ILMD_|ERROR_DECLARATION_|errorDeclaration_|SENSORELEMENT_|SENSORMETADATA_|"
    r"SENSORREPORT_|readPoint_|bizLocation_|sensorElement_|sensorMetadata_|sensorReport_)?"
)
_FAMILIES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"EQ_(bizTransaction|source|destination)_\S+"), "list uri"),
    (re.compile(r"EQ_(quantity|value|minValue|maxValue|meanValue|sDev|percValue)_[A-Z0-9]{2,4}"),
     "list number"),
    (re.compile(r"(GT|GE|LT|LE)_(quantity|value|minValue|maxValue|meanValue|sDev|percValue)_"
                r"[A-Z0-9]{2,4}"), "number"),
    (re.compile(r"EXISTS_" + _SCOPE + _NAME), "integer"),
    (re.compile(r"HASATTR_\S+"), "list string"),
    (re.compile(r"EQ_?ATTR_\S+"), "list string"),
    (re.compile(r"EQ_" + _SCOPE + _NAME), "texts or value"),
    (re.compile(r"(GT|GE|LT|LE)_" + _SCOPE + _NAME), "time or number"),
)  # fmt: skip
MASTER_DATA_PARAMETERS: Final = words("""
    includeAttributes includeChildren attributeNames vocabularyName EQ_name EQ_userID WD_name
    HASATTR maxElementCount""")


def find_parameter_kind(name: str) -> str | None:
    """Return the kind of value that the event query parameter ``name`` takes, or None."""
    if name in _PLAIN:
        return _PLAIN[name]
    for form, kind in _FAMILIES:
        if form.fullmatch(name):
            return kind
    return None


def check_query(check: Checker, query: dict[str, Any], at: str) -> None:
    """Check the parameters of a query in JSON."""
    for name, value in query.items():
        place = f"{at}/{escape(name)}"
        if name == "@context":
            continue
        kind = find_parameter_kind(name)
        if kind is None:
            text = f"there is no query parameter {name:.80}"
            check.add("schema", place, "unknown_parameter", text)
        elif value is not None or not name.startswith("EXISTS_"):
            _check_value(check, kind, value, place)


def _check_value(check: Checker, kind: str, value: Any, at: str) -> None:
    own = _OWN_KINDS.get(kind)
    if own is not None:
        own(check, value, at)
    elif kind == "list query event type":
        if not isinstance(value, list):
            check.add("schema", at, "wrong_type", "a list is expected")
            return
        for number, item in enumerate(value):
            _event_type(check, item, f"{at}/{number}")
    else:
        check.value(kind, value, at)


def _event_type(check: Checker, value: Any, at: str) -> None:
    if not check.text(value, at) or value in EVENT_TYPES:
        return
    if URI.fullmatch(value) is None:
        text = f"{value!r:.60} is no event type of EPCIS"
        check.add("schema", at, "unknown_event_type", text)


def _integer(check: Checker, value: Any, at: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        check.add("schema", at, "wrong_type", "a whole number is expected")


def _count(check: Checker, value: Any, at: str) -> None:
    _integer(check, value, at)
    if isinstance(value, int) and value < 1:
        check.add("rules", at, "limit_too_small", "a limit is at least 1")


def _direction(check: Checker, value: Any, at: str) -> None:
    if value not in ("ASC", "DESC"):
        check.add("schema", at, "unknown_direction", "orderDirection is ASC or DESC")


def _texts_or_value(check: Checker, value: Any, at: str) -> None:
    if isinstance(value, list):
        check.value("list string", value, at)
    else:
        _time_or_number(check, value, at)


def _time_or_number(check: Checker, value: Any, at: str) -> None:
    check.value("time" if isinstance(value, str) else "number", value, at)


_OWN_KINDS: Final = {
    "integer": _integer,
    "count": _count,
    "direction": _direction,
    "texts or value": _texts_or_value,
    "time or number": _time_or_number,
}

SUBSCRIPTION_FIELDS: Final = words("""
    name query dest stream schedule reportIfEmpty initialRecordTime minRecordTime signatureToken
    subscriptionID createdAt lastNotifiedAt epcisVersion cbvVersion""")


def is_query(document: dict[str, Any]) -> bool:
    """Tell whether a JSON object without ``type`` means to be a query."""
    context = document.get("@context")
    if isinstance(context, str) and "query" in context:
        return True
    if {"query", "name"} <= document.keys() or {"query", "dest"} <= document.keys():
        return True
    names = [name for name in document if name != "@context"]
    return any(find_parameter_kind(name) for name in names)


def parameter_table() -> dict[str, str]:
    """Return all parameters and families of them with their kinds, for the digest of the rules."""
    return {**_PLAIN, **{form.pattern: kind for form, kind in _FAMILIES}}
