# SPDX-License-Identifier: Apache-2.0
"""The check of a document: seven layers in order, one verdict, typed events.

Nothing here reads a clock, a network or a file; the same bytes give the same report for ever, as
long as the rule tables are the same: their digest is in the report.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Final

from hanse.apps.trace.epcis import gs1, queries, tables, vocabulary
from hanse.apps.trace.epcis.canonical import canonical_json, canonical_xml
from hanse.apps.trace.epcis.hashing import RawEvent, event_hash
from hanse.apps.trace.epcis.jsondoc import NotJson, check_json, parse_json
from hanse.apps.trace.epcis.model import (
    DEPTH_MAX,
    DOCUMENT_BYTES_MAX,
    DocumentKind,
    Event,
    LimitExceeded,
    Report,
    Verdict,
)
from hanse.apps.trace.epcis.rules import Checker
from hanse.apps.trace.epcis.typed import build_event
from hanse.apps.trace.epcis.vocabulary import DEFAULT_PREFIXES
from hanse.apps.trace.epcis.xmldoc import XmlChecker, find_version
from hanse.apps.trace.epcis.xmlread import find_events, read_event
from hanse.apps.trace.epcis.xmltree import Element, NotWellFormed, parse_xml

RULESET_VERSION: Final = 1
"""Goes up when a rule changes that is code and not in the tables."""
XML_MEDIA_TYPE: Final = "application/xml"
JSON_MEDIA_TYPE: Final = "application/json"


def check(document: bytes, media_type: str | None = None) -> Report:
    """Return the verdict on ``document``; it never raises on what the document holds.

    Args:
        document: the bytes as received.
        media_type: as the sender named it; None looks at the first bytes.
    """
    if len(document) > DOCUMENT_BYTES_MAX:
        return _stopped("too_large", f"more than {DOCUMENT_BYTES_MAX} bytes", document, media_type)
    if is_xml(document, media_type):
        return _check_xml(document)
    return _check_json(document)


def is_xml(document: bytes, media_type: str | None) -> bool:
    """Tell whether to read ``document`` as XML: by its media type, else by how it starts."""
    if media_type is not None:
        kind = media_type.partition(";")[0].strip().lower()
        if kind.endswith("xml"):
            return True
        if kind.endswith("json"):
            return False
    start = document[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\x00<"))


def _stopped(code: str, text: str, document: bytes, media_type: str | None) -> Report:
    """Return the report on a document that was not read to its end."""
    check_ = Checker("json")
    layer = "schema" if code.startswith("not_") else "limits"
    check_.add(layer, "", code, text)  # type: ignore[arg-type]  # both are layers
    digest = hashlib.sha256(document).hexdigest()
    name = XML_MEDIA_TYPE if is_xml(document, media_type) else JSON_MEDIA_TYPE
    return Report("refused", check_.ordered, "2.0", "document", (), digest, ruleset_digest(), name)


def _check_json(document: bytes) -> Report:
    try:
        tree = parse_json(document)
    except LimitExceeded as stop:
        return _stopped(stop.code, stop.reason, document, JSON_MEDIA_TYPE)
    except NotJson as error:
        return _stopped("not_json", str(error), document, JSON_MEDIA_TYPE)
    checker = Checker("json")
    kind = check_json(checker, tree)
    digest = hashlib.sha256(canonical_json(tree)).hexdigest()
    ignored = _ignored_in_json(tree)
    raws = [RawEvent(e, p, ignored, at) for at, e, p in checker.events]
    return _report(checker, kind, "2.0", raws, (digest, JSON_MEDIA_TYPE))


def _check_xml(document: bytes) -> Report:
    try:
        root = parse_xml(document)
    except LimitExceeded as stop:
        return _stopped(stop.code, stop.reason, document, XML_MEDIA_TYPE)
    except NotWellFormed as error:
        return _stopped("not_xml", str(error), document, XML_MEDIA_TYPE)
    version = find_version(root)
    checker = Checker(f"xml-{version}")
    kind = XmlChecker(checker).document(root)
    digest = hashlib.sha256(canonical_xml(root)).hexdigest()
    ignored = _ignored_in_xml(root)
    raws = [RawEvent(e, {}, ignored, at, is_json=False) for at, e, _ in checker.events]
    return _report(checker, kind, version, raws, (digest, XML_MEDIA_TYPE))


def _report(checker: Checker, kind: DocumentKind, version: str, raws: list[RawEvent],
            payload: tuple[str, str]) -> Report:  # fmt: skip
    """Bring findings and events together; a refused document has no events."""
    events: tuple[Event, ...] = ()
    if not any(finding.fatal for finding in checker.findings):
        events = tuple(build_event(raw, number) for number, raw in enumerate(raws))
        _compare_hashes(checker, events)
    verdict: Verdict = "accepted_with_findings" if checker.findings else "accepted"
    if any(finding.fatal for finding in checker.findings):
        verdict, events = "refused", ()
    digest, media_type = payload
    return Report(
        verdict, checker.ordered, version, kind, events, digest, ruleset_digest(), media_type
    )


_HASH_ID: Final = re.compile(r"ni:///sha-256;[0-9a-f]{64}\?ver=CBV2\.0")


def _compare_hashes(checker: Checker, events: tuple[Event, ...]) -> None:
    """Note event ids that claim to be the event's hash and are not."""
    for event in events:
        if _HASH_ID.fullmatch(event.event_id) and event.event_id != event.hash:
            text = f"the event hash is {event.hash}"
            at = f"{event.pointer}/eventID"
            checker.add("rules", at, "event_hash_differs", text, fatal=False)


def read_events(document: bytes, media_type: str | None = None) -> tuple[RawEvent, ...]:
    """Return the events of ``document`` as they can be read, good or bad, for hashing.

    An unreadable document has none.
    """
    try:
        if is_xml(document, media_type):
            root = parse_xml(document)
            ignored = _ignored_in_xml(root)
            return tuple(
                RawEvent(read_event(e), {}, ignored, e.path(), is_json=False)
                for e in find_events(root)
            )
        return _events_of_json(parse_json(document))
    except (LimitExceeded, NotJson, NotWellFormed):
        return ()


def _events_of_json(tree: Any) -> tuple[RawEvent, ...]:
    if not isinstance(tree, dict):
        return ()
    checker = Checker("json")
    check_json(checker, tree)
    ignored = _ignored_in_json(tree)
    found = checker.events
    body = tree.get("epcisBody")
    if not found and isinstance(body, dict) and isinstance(body.get("event"), dict):
        found = [("/epcisBody/event", body["event"], checker.prefixes)]
    return tuple(RawEvent(event, prefixes, ignored, at) for at, event, prefixes in found)


def _ignored_in_json(tree: Any) -> frozenset[str]:
    """Return the full names of the fields that the document excludes from the hash."""
    if not isinstance(tree, dict):
        return frozenset()
    checker = Checker("json")
    if "@context" in tree:
        checker.context(tree["@context"], "/@context")
    names: list[str] = []
    level: Any = tree
    for step in ("epcisBody", "queryResults", "resultsBody", ""):
        if not isinstance(level, dict):
            break
        for key, value in level.items():
            if key.rpartition(":")[2] == "ignoreFields":
                names += value if isinstance(value, list) else [value]
        level = level.get(step)
    known = (name for name in names if isinstance(name, str))
    return frozenset(_full_name(name, checker.prefixes) for name in known)


def _full_name(name: str, prefixes: Mapping[str, str]) -> str:
    prefix, colon, rest = name.partition(":")
    return f"{{{prefixes[prefix]}}}{rest}" if colon and prefix in prefixes else name


def _ignored_in_xml(root: Element) -> frozenset[str]:
    names: set[str] = set()
    level: Element | None = root
    for step in ("EPCISBody", "QueryResults", "resultsBody", ""):
        if level is None:
            break
        for child in level.children:
            if child.name == "ignoreFields" and child.namespace:
                names |= {field.key for field in child.children}
        level = level.find(step)
    return frozenset(names)


@lru_cache(maxsize=1)
def ruleset_digest() -> str:
    """Return the SHA-256 of the rule tables: the same rules give the same digest everywhere."""
    rules: dict[str, Any] = {
        "version": RULESET_VERSION,
        "limits": [DOCUMENT_BYTES_MAX, DEPTH_MAX],
        "shapes": {name: asdict(shape) for name, shape in tables.SHAPES.items()},
        "order 1.2": {name: list(order) for name, order in tables.XML_ORDER_1.items()},
        "order 2.0": {name: list(order) for name, order in tables.XML_ORDER_2.items()},
        "order inside": {name: list(order) for name, order in tables.XML_ORDER_INNER.items()},
        "lists": {name: list(item) for name, item in tables.XML_LISTS.items()},
        "master data": {name: list(order) for name, order in tables.XML_MASTER_DATA.items()},
        "queries": {name: list(order) for name, order in tables.XML_QUERIES.items()},
        "parameters": queries.parameter_table(),
        "vocabulary": {
            name: {"words": sorted(k.words), "older": sorted(k.older_words), "urn": k.urn,
                   "web": k.web}
            for name, k in vocabulary.KINDS.items()
        },
        "prefixes": dict(DEFAULT_PREFIXES),
        "identifiers": gs1.scheme_table(),
    }  # fmt: skip
    return hashlib.sha256(canonical_json(rules)).hexdigest()


__all__ = ["check", "event_hash", "read_events", "ruleset_digest"]
