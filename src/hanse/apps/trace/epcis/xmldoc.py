# SPDX-License-Identifier: Apache-2.0
"""The XML bindings of 2.0 and 1.2: the elements of a document, their order, and what they lack.

Published good files bend four rules of the XML schemas; for those the finding does not refuse: the
order of fields inside the answer to a query, ``QueryResults`` without its namespace, elements
written with the EPCIS prefix, and fields of 2.0 inside a 1.2 document.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Final

from hanse.apps.trace.epcis.model import DocumentKind, Finding
from hanse.apps.trace.epcis.queries import MASTER_DATA_PARAMETERS, find_parameter_kind
from hanse.apps.trace.epcis.rules import OLD_TIME, Checker
from hanse.apps.trace.epcis.tables import (
    EVENT_TYPES,
    SHAPES,
    XML_LISTS,
    XML_MASTER_DATA,
    XML_ORDER_1,
    XML_ORDER_2,
    XML_ORDER_INNER,
    XML_QUERIES,
)
from hanse.apps.trace.epcis.times import parse_time_ms
from hanse.apps.trace.epcis.xmlread import (
    EPCIS_NAMESPACES,
    MASTER_NAMESPACES,
    QUERY_NAMESPACES,
    WRAPPERS,
    XML_EVENT_TYPES,
    is_own,
    number,
    own_children,
    read_event,
    xpath_of,
)
from hanse.apps.trace.epcis.xmltree import Element

_STRUCTURED: Final = frozenset(
    {*XML_LISTS, *XML_ORDER_INNER, "ilmd", "persistentDisposition", *WRAPPERS}
)
# Elements that hold other elements; all others of the standard hold text.
_HOLDERS: Final = frozenset(
    {*_STRUCTURED, *XML_MASTER_DATA, *XML_QUERIES, "attribute", "EPCISHeader", "EPCISBody",
     "EventList", "resultsBody", "params", "value"}
)  # fmt: skip
# Elements without a place for user extensions.
_CLOSED: Final = frozenset(
    {"quantityElement", "persistentDisposition", "params", "param", "VocabularyList",
     "VocabularyElementList", "children", "EPCISMasterData", "resultsBody"}
)  # fmt: skip
_LATER_FIELDS: Final = ("/sensorElementList", "/persistentDisposition")
_MARK: Final = "\x00"  # starts pointers into an event until they are XPaths


@lru_cache(maxsize=256)
def _sequence(order: tuple[str, ...]) -> tuple[dict[str, int], frozenset[str], frozenset[str]]:
    """Return places by name, required names and repeatable names of a sequence of the tables."""
    names = [entry.rstrip("!*") for entry in order]
    required = frozenset(n for n, e in zip(names, order, strict=True) if "!" in e)
    repeatable = frozenset(n for n, e in zip(names, order, strict=True) if "*" in e)
    return {name: place for place, name in enumerate(names)}, required, repeatable


class XmlChecker:
    """One check of one XML document."""

    def __init__(self, check: Checker) -> None:
        self.check = check
        self.strict_order = True

    def fail(self, element: Element, code: str, text: str, *, fatal: bool = True) -> None:
        """Note a finding about the structure at ``element``."""
        self.check.add("schema", element.path(), code, text, fatal=fatal)

    def sequence(self, element: Element, order: tuple[str, ...], later: frozenset[str]) -> None:
        """Check names, order and number of the children; ``later`` are fields of 2.0 in 1.2."""
        places, required, repeatable = _sequence(order)
        last, seen, foreign = -1, set[str](), False
        for child in element.children:
            name = child.name
            if not is_own(child) and not child.namespace.startswith("urn:epcglobal:epcis-query:"):
                foreign = True
                if element.name in _CLOSED:
                    self.fail(child, "unknown_element", f"{child.label} is not allowed here")
                continue
            place = places.get(name)
            if place is None:
                self._stranger(child, later)
                continue
            if name in seen and name not in repeatable:
                self.fail(child, "repeated_element", f"{name} stands twice")
            if place < last:
                text = f"{name} stands after an element that follows it in the schema"
                self.fail(child, "wrong_order", text, fatal=self.strict_order)
            elif foreign:
                text = f"{name} stands after a user extension"
                fatal = self.strict_order and self.check.binding != "xml-1.2"
                self.fail(child, "extension_before_field", text, fatal=fatal)
            if child.children and name not in _HOLDERS:
                self.fail(child.children[0], "unknown_element", f"{name} holds text, not elements")
            seen.add(name)
            last = max(last, place)
        for name in sorted(required - seen):
            self.fail(element, "missing_element", f"{element.name} lacks {name}")
        self._no_text(element)

    def _stranger(self, child: Element, later: frozenset[str]) -> None:
        if child.name in later:
            text = f"{child.name} is a field of a later version, or stands at a place of its own"
            self.fail(child, "field_out_of_place", text, fatal=False)
        else:
            self.fail(child, "unknown_element", f"{child.name} is not allowed here")

    def _no_text(self, element: Element) -> None:
        if element.text:
            self.fail(element, "unexpected_text", f"{element.name} holds elements, not text")

    def document(self, root: Element) -> DocumentKind:
        """Check a document from its root and return what it is."""
        if root.has_doctype:
            text = "an empty document type declaration"
            self.check.add("limits", "/", "empty_doctype", text, fatal=False)
        if root.name == "EPCISDocument" and root.namespace in EPCIS_NAMESPACES:
            self._document_attributes(root, fatal=True)
            self._document_children(root)
            return "document"
        if root.name == "EPCISQueryDocument" and root.namespace in QUERY_NAMESPACES:
            self._document_attributes(root, fatal=False)
            self._query_document(root)
            return "query_document"
        if root.name == "EPCISMasterDataDocument" and root.namespace in MASTER_NAMESPACES:
            self._document_attributes(root, fatal=True)
            self._master_data(root)
            return "document"
        if root.name in XML_EVENT_TYPES and is_own(root):
            self.strict_order = False  # the schema has no event as a root, nor an order for it
            self.event(root)
            return "event"
        self.fail(root, "unknown_document_type", f"{root.key} is no root of an EPCIS document")
        return "document"

    def _document_attributes(self, root: Element, *, fatal: bool) -> None:
        for name in ("schemaVersion", "creationDate"):
            value = root.get(name)
            if value is None:
                text = f"{root.name} lacks the attribute {name}"
                needed = fatal or name == "schemaVersion"
                self.fail(root, "missing_attribute", text, fatal=needed)
            elif name == "schemaVersion":
                self.check.value("version", value.strip(), f"{root.path()}/@{name}")
            elif parse_time_ms(value.strip()) is None and OLD_TIME.fullmatch(value.strip()):
                text = "a creationDate without time zone, as the schema allows"
                at = f"{root.path()}/@{name}"
                self.check.add("formats", at, "incomplete_time", text, fatal=False)
            else:
                self.check.value("time", value.strip(), f"{root.path()}/@{name}")

    def _document_children(self, root: Element) -> None:
        self.sequence(root, ("EPCISHeader", "EPCISBody!", "extension"), frozenset())
        header, body = root.find("EPCISHeader"), root.find("EPCISBody")
        if header is not None:
            self._header(header)
        if body is not None:
            self.sequence(body, ("EventList", "extension"), frozenset())
            events = body.find("EventList")
            if events is None:
                self.fail(body, "no_events", "the body holds no EventList", fatal=False)
            else:
                self.event_list(events)

    def _header(self, header: Element) -> None:
        known = {"StandardBusinessDocumentHeader", "EPCISMasterData", *WRAPPERS}
        for child in own_children(header):
            if is_own(child) and child.name not in known:
                self.fail(child, "unknown_element", f"{child.name} is not allowed here")
            elif child.name == "EPCISMasterData":
                self._master_data(child)

    def _master_data(self, root: Element) -> None:
        """Check master data from ``root`` down to the attributes of each element."""
        waiting = [root]
        while waiting:
            element = waiting.pop()
            order = XML_MASTER_DATA.get(element.name)
            if order is not None and is_own(element):
                self.sequence(element, order, frozenset())
            elif element is not root:
                continue  # attributes hold whatever their owner likes
            waiting.extend(reversed(element.children))
        for element in root.walk():
            if element.name == "Vocabulary" and is_own(element) and element.get("type") is None:
                self.fail(element, "missing_attribute", "Vocabulary lacks the attribute type")
            if element.name in {"VocabularyElement", "attribute"} and is_own(element) and (
                element.get("id") is None and element.parent is not None
                and element.parent.name in XML_MASTER_DATA):  # fmt: skip
                self.fail(element, "missing_attribute", f"{element.name} lacks the attribute id")

    def event_list(self, element: Element) -> None:
        """Check a list of events."""
        self._no_text(element)
        for child in own_children(element):
            if child.name in XML_EVENT_TYPES and is_own(child):
                self.event(child)
            elif is_own(child):
                self.fail(child, "unknown_event_type", f"{child.name} is no event type of EPCIS")
            else:
                text = f"{child.key} is an event type of another organisation: not checked"
                fatal = child.parent is element  # the schema has them inside extension
                self.fail(child, "foreign_event_type", text, fatal=fatal)

    def event(self, element: Element) -> None:
        """Check one event: its elements here, its values by the shared rules."""
        name = element.name
        older = self.check.binding == "xml-1.2"
        orders = XML_ORDER_1 if older else XML_ORDER_2
        if name not in orders:
            self.fail(element, "unknown_event_type", f"{name} left the standard with 2.0")
            return
        fields = frozenset(SHAPES[name].fields) - {"type", "@context"}
        shape_requires = SHAPES[name].required
        order = tuple(
            entry.rstrip("!") if entry.rstrip("!") in shape_requires else entry
            for entry in orders[name]
        )
        first = len(self.check.findings)
        strict = self.strict_order
        # 1.2 has no AssociationEvent: its fields there come in the order of their writer
        self.strict_order = strict and not (older and name == "AssociationEvent")
        self.sequence(element, order, fields if older else frozenset())
        self.strict_order = strict
        for child in own_children(element):
            if is_own(child):
                if child.parent is not element:
                    self._wrapped(child, fields)
                self._field(child)
                if child.namespace and self.check.binding != "xml-1.2" and (
                    child.name == "eventTime"):  # fmt: skip
                    text = "the schema has these elements without namespace"
                    self.fail(element, "qualified_elements", text, fatal=False)
        check = self.check
        prefixes = check.prefixes
        check.prefixes = {**prefixes, **{p: ns for p, ns in element.scope.items() if p}}
        check.event(read_event(element), _MARK)
        check.prefixes = prefixes
        check.events[-1] = (element.path(), *check.events[-1][1:])
        for place in range(first, len(check.findings)):
            check.findings[place] = self._placed(check.findings[place], element, older=older)

    def _placed(self, finding: Finding, event: Element, *, older: bool) -> Finding:
        """Return the finding with its XPath; fields that 1.2 does not have do not refuse there."""
        pointer = finding.pointer
        if pointer.startswith(_MARK):
            tokens = [t.replace("~1", "/").replace("~0", "~") for t in pointer.split("/")[1:]]
            pointer = xpath_of(event, tokens)
        later = older and any(field in pointer for field in _LATER_FIELDS)
        return replace(finding, pointer=pointer, fatal=finding.fatal and not later)

    def _wrapped(self, child: Element, fields: frozenset[str]) -> None:
        """Judge a field inside an ``extension`` wrapper."""
        if child.name not in fields:
            text = f"{child.name} is not allowed here"
            # the innermost extension of 1.2 takes local names, for what later versions bring
            fatal = self.check.binding != "xml-1.2"
            self.fail(child, "unknown_element", text, fatal=fatal)
        elif self.check.binding == "xml-2.0":
            text = "2.0 has this field outside of extension"
            self.fail(child, "extension_wrapper", text, fatal=False)

    def _field(self, element: Element) -> None:
        """Check the elements inside one field."""
        name = element.name
        if name in XML_LISTS:
            item, may_be_empty = XML_LISTS[name]
            self._no_text(element)
            if not element.children and not may_be_empty:
                self.fail(element, "empty_list", f"{name} holds at least one {item}")
            for child in own_children(element):
                if child.name != item or not is_own(child):
                    self.fail(child, "unknown_element", f"{child.label} is no {item}")
                else:
                    self._item(child)
        elif name in XML_ORDER_INNER:
            self._inner(element)
        elif name == "ilmd":
            self._no_text(element)
            for child in own_children(element):
                if not child.namespace:
                    text = f"{child.name} has no namespace"
                    self.check.add("namespaces", child.path(), "name_without_namespace", text)

    def _inner(self, element: Element) -> None:
        order = tuple(entry.replace("!", "") for entry in XML_ORDER_INNER[element.name])
        if element.name == "errorDeclaration":  # 2.0 lets its parts come in any order
            strict, self.strict_order = self.strict_order, False
            self.sequence(element, order, frozenset())
            self.strict_order = strict
        else:
            self.sequence(element, order, frozenset())
        for child in element.children:
            if is_own(child) and child.name in XML_LISTS:
                self._field(child)

    def _item(self, element: Element) -> None:
        if element.name in XML_ORDER_INNER:
            self._inner(element)
        elif element.children:
            text = f"{element.name} holds text, not elements"
            self.fail(element.children[0], "unknown_element", text)

    def _query_document(self, root: Element) -> None:
        self.sequence(root, ("EPCISHeader", "EPCISBody!", "extension"), frozenset())
        body = root.find("EPCISBody")
        if body is None:
            return
        if len(body.children) != 1:
            self.fail(body, "one_message", "EPCISBody holds exactly one message")
        for message in body.children:
            if message.name not in XML_QUERIES or message.name in {"controls", "schedule", "param"}:
                self.fail(message, "unknown_element", f"{message.name} is no query message")
                continue
            if message.namespace and message.namespace not in QUERY_NAMESPACES:
                text = f"{message.key} is no query message"
                self.fail(message, "unknown_element", text)
            elif not message.namespace:
                text = f"{message.name} belongs in the namespace of the query binding"
                self.fail(message, "namespace_missing", text, fatal=False)
            self._message(message)

    def _message(self, message: Element) -> None:
        # an answer in the right namespace is held to the whole schema
        self.strict_order = message.name != "QueryResults" or bool(message.namespace)
        if not message.name.endswith("VersionResult"):
            self.sequence(message, XML_QUERIES[message.name], frozenset())
        if message.name == "QueryResults":
            if message.find("queryName") is None:
                text = "QueryResults lacks queryName"
                self.fail(message, "query_name_missing", text, fatal=self.strict_order)
            body = message.find("resultsBody")
            if body is not None:
                self._results(body)
            return
        params = message.find("params")
        if params is not None:
            name = message.find("queryName")
            self._parameters(params, "" if name is None else name.text)
        for inner in ("controls", "schedule"):
            for element in message.walk():
                if element.name == inner:
                    self.sequence(element, XML_QUERIES[inner], frozenset())

    def _results(self, body: Element) -> None:
        self.sequence(body, ("EventList", "VocabularyList"), frozenset())
        if not body.children:
            self.fail(body, "missing_element", "resultsBody holds EventList or VocabularyList")
        events = body.find("EventList")
        if events is not None:
            self.event_list(events)
        self._master_data(body)

    def _parameters(self, params: Element, query: str) -> None:
        self.sequence(params, ("param*",), frozenset())
        for param in params.children:
            if param.name != "param":
                continue
            self.sequence(param, XML_QUERIES["param"], frozenset())
            name, value = param.find("name"), param.find("value")
            if name is None or value is None or query not in {"", "SimpleEventQuery"}:
                if name is not None and query == "SimpleMasterDataQuery":
                    self._master_parameter(name)
                continue
            kind = find_parameter_kind(name.text)
            if kind is None:
                text = f"there is no query parameter {name.text:.80}"
                self.fail(name, "unknown_parameter", text)
            else:
                self._parameter_value(kind, value)

    def _master_parameter(self, name: Element) -> None:
        known = name.text in MASTER_DATA_PARAMETERS or name.text.startswith(("EQATTR_", "EQ_ATTR_"))
        if not known:
            text = f"there is no query parameter {name.text:.80}"
            self.fail(name, "unknown_parameter", text)

    def _parameter_value(self, kind: str, value: Element) -> None:
        head, _, rest = kind.partition(" ")
        if head == "list":
            items = [child for child in value.children if child.name == "string"]
            for item in items or ([value] if value.text else []):
                if rest == "query event type":
                    if item.text not in EVENT_TYPES and ":" not in item.text and (
                        item.text != "QuantityEvent"):  # fmt: skip
                        text = f"{item.text:.60} is no event type of EPCIS"
                        self.fail(item, "unknown_event_type", text)
                else:
                    self._plain(rest, item)
        elif kind in {"time", "number"}:
            self._plain(kind, value)

    def _plain(self, kind: str, element: Element) -> None:
        typed = number(element.text) if kind == "number" else element.text
        self.check.value(kind, typed, element.path())


def find_version(root: Element) -> str:
    """Return the version of the standard that the document claims by its namespaces."""
    for spaces in (EPCIS_NAMESPACES, QUERY_NAMESPACES, MASTER_NAMESPACES):
        if root.namespace in spaces:
            return spaces[root.namespace]
    declared = {EPCIS_NAMESPACES[ns] for ns in root.scope.values() if ns in EPCIS_NAMESPACES}
    if (root.get("schemaVersion") or "").startswith("1") or declared == {"1.2"}:
        return "1.2"
    return "2.0"
