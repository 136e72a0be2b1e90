# SPDX-License-Identifier: Apache-2.0
"""The JSON binding: bytes to a tree within limits, and the document around the events."""

import json
import math
from typing import Any, NoReturn

from hanse.apps.trace.epcis.model import DEPTH_MAX, DocumentKind, LimitExceeded
from hanse.apps.trace.epcis.queries import SUBSCRIPTION_FIELDS, check_query, is_query
from hanse.apps.trace.epcis.rules import Checker, escape


class NotJson(Exception):  # never leaves this package: it becomes a finding
    """The bytes are no JSON text, or one that two readers could read differently."""


def parse_json(document: bytes) -> Any:
    """Return the tree that ``document`` spells.

    Raises:
        NotJson: no JSON; a name twice in one object; a lone surrogate.
        LimitExceeded: too deep, or a number without a finite value.
    """
    try:
        text = document.decode("utf-8-sig")
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float
        )
        text.encode("utf-8")
    except RecursionError as error:
        raise LimitExceeded("too_deep", f"nested more than {DEPTH_MAX} deep") from error
    except ValueError as error:  # json, unicode, and integers beyond Python's digit limit
        raise NotJson(str(error)) from error
    _check_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [key for key, _ in pairs]
        name = next(key for place, key in enumerate(names) if key in names[:place])
        raise NotJson(f"the name {name!r:.60} stands twice in one object")
    return value


def _constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is no JSON number")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise LimitExceeded("number_too_large", f"{text:.40} has no finite value")
    return number


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEPTH_MAX:
            raise LimitExceeded("too_deep", f"nested more than {DEPTH_MAX} deep")
        inner: list[Any] = []
        for item in level:
            children = item.values() if isinstance(item, dict) else item
            for child in children if isinstance(item, (dict, list)) else ():
                if isinstance(child, (dict, list)):
                    inner.append(child)
                elif isinstance(child, int) and abs(child) > 10**300:
                    raise LimitExceeded("number_too_large", "an integer of over 300 digits")
                elif isinstance(child, str) and not child.isascii() and _is_broken(child):
                    raise NotJson("a text with a lone surrogate")
        level = inner


def _is_broken(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def check_json(check: Checker, document: Any) -> DocumentKind:
    """Check the document and return what it is."""
    if not isinstance(document, dict):
        check.add("schema", "", "wrong_type", "a document is an object")
        return "document"
    name = document.get("type")
    if name == "EPCISDocument":
        check.value("document", document, "")
        _no_events(check, document)
        return "document"
    if name == "EPCISQueryDocument":
        check.value("query document", document, "")
        _results(check, document)
        return "query_document"
    if "type" not in document and is_query(document):
        _query(check, document)
        return "query"
    if "type" in document and "epcisBody" not in document:
        if "@context" not in document:
            check.add("schema", "", "missing_field", "a single event lacks @context")
        else:
            check.context(document["@context"], "/@context")
        check.event(document, "")
        return "event"
    if "type" not in document:
        check.add("schema", "", "missing_field", "the document lacks type")
    else:
        text = f"{name!r:.60} is no kind of EPCIS document"
        check.add("schema", "/type", "unknown_document_type", text)
    return "document"


def _no_events(check: Checker, document: dict[str, Any]) -> None:
    body = document.get("epcisBody")
    if isinstance(body, dict) and body.get("eventList") == []:
        check.add("rules", "/epcisBody/eventList", "no_events", "no event", fatal=False)


def _results(check: Checker, document: dict[str, Any]) -> None:
    level: Any = document
    for step in ("epcisBody", "queryResults", "resultsBody"):
        level = level.get(step) if isinstance(level, dict) else None
    if isinstance(level, dict) and not level.keys() & {"eventList", "vocabularyList"}:
        text = "the results lack eventList"
        check.add("schema", "/epcisBody/queryResults/resultsBody", "missing_field", text)


def _query(check: Checker, document: dict[str, Any]) -> None:
    """Check a bare query, a named query or a subscription of the REST binding."""
    if "@context" in document:
        for prefix in _own_prefixes(document["@context"]):
            check.terms |= {prefix}
    if "query" not in document:
        check_query(check, document, "")
        return
    for name in document.keys() - SUBSCRIPTION_FIELDS - {"@context"}:
        text = f"{name} is no field of a query"
        check.add("schema", f"/{escape(name)}", "unknown_field", text)
    query = document["query"]
    if isinstance(query, dict):
        check_query(check, query, "/query")
    else:
        check.add("schema", "/query", "wrong_type", "a query is an object")
    if "name" in document:
        check.text(document["name"], "/name")
    for name in ("initialRecordTime", "minRecordTime"):
        if name in document:
            check.time(document[name], f"/{name}")


def _own_prefixes(context: Any) -> list[str]:
    items = context if isinstance(context, list) else [context]
    return [key for item in items if isinstance(item, dict) for key in item]
