# SPDX-License-Identifier: Apache-2.0
"""XML documents as JSON: the same events, the same hashes.

The words of the vocabulary become bare, user extensions get prefixes of one context. What JSON has
no place for (processing instructions, white space, ``xsi`` attributes) is left out; the original
bytes stay the document of record. One difference to the hash remains: where an XML event writes a
value as a CURIE of a user's own prefix, the reference hash leaves it so, and JSON-LD expands it.
"""

from typing import Any, Final

from hanse.apps.trace.epcis.vocabulary import GS1_WEB, read_term
from hanse.apps.trace.epcis.xmlread import find_events, read_event
from hanse.apps.trace.epcis.xmltree import Element, parse_xml

CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
_TERMS: Final = {
    "bizStep": "bizStep", "disposition": "disposition", "set": "disposition",
    "unset": "disposition", "reason": "errorReason", "exception": "sensorAlertType",
    "component": "component",
}  # fmt: skip
_TYPES: Final = {
    "bizTransactionList": "bizTransactionType", "sourceList": "sourceDestType",
    "destinationList": "sourceDestType", "sensorReport": "measurementType",
}  # fmt: skip


def to_json(document: bytes) -> dict[str, Any]:
    """Return the capture document in JSON that says what the XML ``document`` says.

    Raises:
        NotWellFormed: no XML.
        LimitExceeded: beyond the limits of this package.
    """
    root = parse_xml(document)
    names = _Names(root)
    events = [names.renamed(read_event(element), "") for element in find_events(root)]
    ignored = {
        names.named(child.key): [names.named(field.key) for field in child.children]
        for child in root.children
        if child.name == "ignoreFields" and child.namespace
    }
    return {
        "@context": [CONTEXT, *({prefix: space} for space, prefix in names.prefixes.items())],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": root.get("creationDate") or "1970-01-01T00:00:00Z",
        **ignored,
        "epcisBody": {"eventList": events},
    }


class _Names:
    """The prefixes of one document: those of the XML where they are free, others made up."""

    def __init__(self, root: Element) -> None:
        self.prefixes: dict[str, str] = {}
        self.wanted: dict[str, str] = {}
        for element in root.walk():
            for prefix, space in element.scope.items():
                self.wanted.setdefault(space, prefix)

    def prefix(self, space: str) -> str:
        """Return the prefix of a namespace, the same each time."""
        if space not in self.prefixes:
            wanted = self.wanted.get(space) or "ext"
            taken, number = set(self.prefixes.values()), 2
            name = wanted
            while name in taken:
                name, number = f"{wanted}{number}", number + 1
            self.prefixes[space] = name
        return self.prefixes[space]

    def named(self, key: str) -> str:
        """Return a name in braces with a prefix instead."""
        space, _, local = key.removeprefix("{").rpartition("}")
        return f"{self.prefix(space)}:{local}" if space else local

    def renamed(self, value: Any, place: str) -> Any:
        """Return a value with its names in JSON's form and its words bare; ``place`` holds it."""
        if isinstance(value, list):
            return [self.renamed(item, place) for item in value]
        if not isinstance(value, dict):
            kind = _TERMS.get(place)
            return _bare(kind, value) if kind and isinstance(value, str) else value
        tree: dict[str, Any] = {}
        for key, item in value.items():
            if key.startswith("{"):
                tree[self.named(key)] = self.renamed(item, "extension")
            elif key == "type" and place in _TYPES and isinstance(item, str):
                tree[key] = _bare(_TYPES[place], item)
            else:
                inside = "extension" if place == "extension" else key
                tree[key] = self.renamed(item, inside)
        return tree


def _bare(kind: str, value: str) -> str:
    term = read_term(kind, value)
    if term.standing in {"known", "older"}:
        return term.word
    return f"gs1:{term.word}" if term.uri.startswith(GS1_WEB) else term.uri
