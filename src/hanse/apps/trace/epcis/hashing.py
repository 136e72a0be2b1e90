# SPDX-License-Identifier: Apache-2.0
"""The event hash of CBV 2.0: one fingerprint per event, whatever its binding and order.

An event is written as one text, the pre-hash: its fields in a fixed order as ``name=value``, lists
sorted, GS1 keys as canonical Digital Links, words of the vocabulary as web URIs, times in UTC with
milliseconds. ``recordTime``, ``eventID``, ``errorDeclaration``, comments, and whatever the document
lists in an ``ignoreFields`` element, stay out.

Source: GS1 CBV 2.0 section 8.9. Where the published reference hashes follow another order than its
table (bizTransactionList, destinationList, ilmd and sourceList come last, sorted by name, and the
type of a transaction or party comes before it), the hashes are followed.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from hanse.apps.trace.epcis.gs1 import BadIdentifier, find_gs1_id
from hanse.apps.trace.epcis.times import format_time_ms, parse_time_ms
from hanse.apps.trace.epcis.vocabulary import expand_curie, read_term

_NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event as the JSON binding writes it, and what its document declares about names."""

    tree: Mapping[str, Any]
    prefixes: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    pointer: str = ""
    is_json: bool = True


_TIMES: Final = frozenset({"eventTime", "time", "startTime", "endTime"})
_TERMS: Final = {
    "bizStep": "bizStep", "disposition": "disposition", "set": "disposition",
    "unset": "disposition", "exception": "sensorAlertType", "component": "component",
}  # fmt: skip
_QUANTITY: Final = ("epcClass", "quantity", "uom")
_METADATA: Final = (
    "time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData",
    "dataProcessingMethod", "bizRules",
)  # fmt: skip
_REPORT: Final = (
    "type", "exception", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time",
    "microorganism", "chemicalSubstance", "value", "component", "stringValue", "booleanValue",
    "hexBinaryValue", "uriValue", "minValue", "maxValue", "meanValue", "sDev", "percRank",
    "percValue", "uom", "coordinateReferenceSystem",
)  # fmt: skip
_LEFT_OUT: Final = frozenset(
    {
        "type", "@context", "recordTime", "eventID", "errorDeclaration", "rdfs:comment", "comment",
        "{http://www.w3.org/2000/01/rdf-schema#}comment",
    }
)  # fmt: skip
_PARTIES: Final = {
    "bizTransactionList": ("bizTransaction", "bizTransactionType"),
    "destinationList": ("destination", "sourceDestType"),
    "sourceList": ("source", "sourceDestType"),
}
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def prehash(event: RawEvent | Mapping[str, Any]) -> str:
    """Return the text whose hash is the event hash."""
    return _Writer(event if isinstance(event, RawEvent) else RawEvent(event)).event()


def event_hash(event: RawEvent | Mapping[str, Any]) -> str:
    """Return the CBV 2.0 event hash as a ``ni`` URI (RFC 6920)."""
    digest = hashlib.sha256(prehash(event).encode("utf-8", "surrogatepass")).hexdigest()
    return f"ni:///sha-256;{digest}?ver=CBV2.0"


class _Writer:
    """Writes one event."""

    def __init__(self, raw: RawEvent) -> None:
        self.raw = raw
        # XML attributes carry CURIEs of gs1 and cbv only; other prefixes there are part of a URI
        self.prefixes = raw.prefixes if raw.is_json else _NOTHING
        self.leftover: list[str] = []

    def event(self) -> str:
        tree = self.raw.tree
        parts = [f"eventType={self.name(str(tree.get('type', '')))}"]
        for key, write in _ORDER:
            value = tree.get(key)
            if value is not None:
                parts.append(write(self, key, value))
        rest = [text for key, value in tree.items() for text in self._rest(key, value)]
        if self.leftover:
            inner = "".join(sorted(self.leftover))
            rest.append(f"sensorElementList{inner}")
        return "".join(parts) + "".join(sorted(rest))

    def _rest(self, key: str, value: Any) -> Iterator[str]:
        """Yield the texts of what the order does not name: parties, ilmd, user extensions."""
        if key in _ORDERED or key in _LEFT_OUT or value is None:
            return
        if key in _PARTIES:
            items = [self._party(key, item) for item in _listed(value)]
            if items:
                yield key + "".join(sorted(items))
            return
        name = self.name(key)
        if name not in self.raw.ignored and name not in _LEFT_OUT:
            yield from self.extension(name, value)

    def _party(self, key: str, item: Any) -> str:
        name, kind = _PARTIES[key]
        if not isinstance(item, Mapping):
            return f"{name}={self.text(item)}"
        typed = item.get("type")
        text = "" if typed is None else f"type={self.term(kind, typed)}"
        return f"{text}{name}={self.text(item.get(name, ''))}"

    def name(self, key: str) -> str:
        """Return the name of a field with its namespace in braces."""
        if not self.raw.is_json or key.startswith("{"):
            return key
        prefix, colon, rest = key.partition(":")
        if colon and prefix in self.raw.prefixes:
            return f"{{{self.raw.prefixes[prefix]}}}{rest}"
        return key

    def extension(self, name: str, value: Any) -> Iterator[str]:
        """Yield one text per value of the user extension ``name``."""
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                text = self.text(item["#text"]) if "#text" in item else ""
                inner = sorted(
                    part
                    for key, child in item.items()
                    if key not in {"#text", "rdfs:comment", "comment"}
                    for part in self.extension(self.name(key), child)
                )
                yield name + (f"={text}" if text else "") + "".join(inner)
            else:
                text = self.text(item)
                yield f"{name}={text}" if text else name

    def text(self, value: Any) -> str:
        """Return a plain value in canonical form."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return _canonical_number(str(value))
        if not isinstance(value, str):
            return "" if value is None else str(value)
        text = value.strip()
        if self.prefixes:
            text = expand_curie(text, self.prefixes)
        return _canonical_text(text)

    def term(self, kind: str, value: Any) -> str:
        """Return a word of the vocabulary as a web URI."""
        if not isinstance(value, str):
            return self.text(value)
        term = read_term(kind, value.strip())
        return term.uri if term.standing != "own" else self.text(value)

    def field(self, name: str, value: Any, kind: str | None = None) -> str:
        """Return ``name=value`` for a field of the standard, or nothing where it is empty."""
        if kind is not None:
            text = self.term(kind, value)
        elif name in _TIMES and isinstance(value, str):
            at = parse_time_ms(value.strip())
            text = value.strip() if at is None else format_time_ms(at)
        else:
            text = self.text(value)
        return f"{name}={text}" if text else ""

    def fields(self, order: tuple[str, ...], value: Mapping[str, Any], kinds: Mapping[str, str],
               ) -> str:  # fmt: skip
        """Return the named fields of an object in order, then its user extensions, sorted."""
        parts = [self.field(n, value[n], kinds.get(n)) for n in order if value.get(n) is not None]
        return "".join(parts) + self.extensions(value)

    def extensions(self, value: Mapping[str, Any]) -> str:
        """Return the user extensions inside a field of the standard, sorted."""
        parts = [
            text
            for key, item in value.items()
            if ("{" in key or ":" in key) and key not in _LEFT_OUT
            for text in self.extension(self.name(key), item)
        ]
        return "".join(sorted(parts))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _write_scalar(writer: _Writer, key: str, value: Any) -> str:
    return writer.field(key, value, _TERMS.get(key))


def _write_texts(writer: _Writer, key: str, value: Any) -> str:
    return "".join(sorted(writer.field(key, item) for item in _listed(value)))


def _write_epcs(writer: _Writer, key: str, value: Any) -> str:
    items = sorted(text for item in _listed(value) if (text := writer.field("epc", item)))
    return key + "".join(items) if items else ""


def _write_quantities(writer: _Writer, key: str, value: Any) -> str:
    items = sorted(
        "quantityElement" + writer.fields(_QUANTITY, item, _NOTHING)
        for item in _listed(value)
        if isinstance(item, Mapping)
    )
    return key + "".join(items) if items else ""


def _write_persistent(writer: _Writer, key: str, value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    parts = [
        "".join(sorted(writer.field(n, item, "disposition") for item in _listed(value.get(n, []))))
        for n in ("set", "unset")
    ]
    return key + "".join(parts) if any(parts) else ""


def _write_place(writer: _Writer, key: str, value: Any) -> str:
    if not isinstance(value, Mapping):
        return writer.field(key, value)
    text = writer.fields(("id",), value, _NOTHING)
    return key + text if text else ""


_REPORT_TERMS: Final = {
    "type": "measurementType", "exception": "sensorAlertType", "component": "component"
}  # fmt: skip


def _write_sensors(writer: _Writer, key: str, value: Any) -> str:
    elements = [e for e in _listed(value) if isinstance(e, Mapping)]
    items = sorted(text for e in elements if (text := _sensor_element(writer, e)))
    return key + "".join(items) if items else ""


def _sensor_element(writer: _Writer, element: Mapping[str, Any]) -> str:
    text = ""
    metadata = element.get("sensorMetadata")
    if isinstance(metadata, Mapping):
        inner = writer.fields(_METADATA, metadata, _NOTHING)
        text += f"sensorMetadata{inner}" if inner else ""
    reports = [r for r in _listed(element.get("sensorReport", [])) if isinstance(r, Mapping)]
    texts = [writer.fields(_REPORT, report, _REPORT_TERMS) for report in reports]
    text += "".join(sorted(f"sensorReport{inner}" for inner in texts if inner))
    text += writer.extensions(element)
    # bizRules in a report has no place in the standard's order; the reference puts it at the end
    left = [writer.field("bizRules", r["bizRules"]) for r in reports if "bizRules" in r]
    if left:
        writer.leftover.append("sensorElement" + "".join(sorted(f"sensorReport{t}" for t in left)))
    return f"sensorElement{text}" if text else ""


_ORDER: Final[tuple[tuple[str, Callable[[_Writer, str, Any], str]], ...]] = (
    ("eventTime", _write_scalar),
    ("eventTimeZoneOffset", _write_scalar),
    ("certificationInfo", _write_texts),
    ("parentID", _write_scalar),
    ("epcList", _write_epcs),
    ("inputEPCList", _write_epcs),
    ("childEPCs", _write_epcs),
    ("quantityList", _write_quantities),
    ("childQuantityList", _write_quantities),
    ("inputQuantityList", _write_quantities),
    ("outputEPCList", _write_epcs),
    ("outputQuantityList", _write_quantities),
    ("action", _write_scalar),
    ("transformationID", _write_scalar),
    ("bizStep", _write_scalar),
    ("disposition", _write_scalar),
    ("persistentDisposition", _write_persistent),
    ("readPoint", _write_place),
    ("bizLocation", _write_place),
    ("sensorElementList", _write_sensors),
)
_ORDERED: Final = frozenset(key for key, _ in _ORDER)


@lru_cache(maxsize=65_536)
def _canonical_text(text: str) -> str:
    """Return numbers without superfluous zeros and GS1 keys as canonical Digital Links."""
    if _NUMBER.fullmatch(text):
        return _canonical_number(text)
    try:
        found = find_gs1_id(text)
    except BadIdentifier:
        return text
    if found is not None:
        return found.uri
    if text.startswith("urn:epcglobal:cbv:"):
        return _web_word(text)
    if text.startswith(("gs1:", "cbv:")):
        return read_term("measurementType" if text[0] == "g" else "bizStep", text).uri
    return text


def _web_word(urn: str) -> str:
    for kind in ("bizStep", "disposition", "bizTransactionType", "sourceDestType", "errorReason"):
        term = read_term(kind, urn)
        if not term.uri.startswith("urn:"):
            return term.uri
    return urn


def _canonical_number(text: str) -> str:
    """Return a number without superfluous zeros, at the precision of a double.

    The reference hashes are made with doubles, so digits beyond the 17th are not those written.
    """
    number = float(text)
    if not math.isfinite(number):
        return text
    return str(int(number)) if number.is_integer() else repr(number)
