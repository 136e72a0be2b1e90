# SPDX-License-Identifier: Apache-2.0
"""XML events as the JSON binding would write them, and the way back from a pointer to an XPath.

The conversion is lenient: it takes what is there, in any order and through the ``extension``
wrappers of 1.2, so that the event hash can be computed of whatever can be read. Judging the
structure is the task of :mod:`xmldoc`. Names of user extensions become ``{namespace}name``.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from hanse.apps.trace.epcis.tables import EVENT_TYPES, SHAPES, XML_LISTS
from hanse.apps.trace.epcis.xmltree import XSI_NS, Element

EPCIS_NAMESPACES: Final = {"urn:epcglobal:epcis:xsd:1": "1.2", "urn:epcglobal:epcis:xsd:2": "2.0"}
QUERY_NAMESPACES: Final = {
    "urn:epcglobal:epcis-query:xsd:1": "1.2", "urn:epcglobal:epcis-query:xsd:2": "2.0"
}  # fmt: skip
MASTER_NAMESPACES: Final = {
    "urn:epcglobal:epcis-masterdata:xsd:1": "1.2", "urn:epcglobal:epcis-masterdata:xsd:2": "2.0"
}  # fmt: skip
WRAPPERS: Final = frozenset({"extension", "baseExtension"})
XML_EVENT_TYPES: Final = frozenset({*EVENT_TYPES, "QuantityEvent"})

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def is_own(element: Element) -> bool:
    """Tell whether the name is the standard's: without namespace, or in that of EPCIS."""
    return not element.namespace or element.namespace in EPCIS_NAMESPACES


def own_children(element: Element) -> Iterator[Element]:
    """Yield the children, those inside ``extension`` wrappers in place of the wrappers."""
    for child in element.children:
        if child.name in WRAPPERS and is_own(child):
            yield from own_children(child)
        else:
            yield child


def find_events(root: Element) -> Iterator[Element]:
    """Yield the event elements of a document, or the root where it is one."""
    if root.name in XML_EVENT_TYPES and is_own(root):
        yield root
        return
    for element in root.walk():
        if element.name == "EventList" and is_own(element):
            yield from (e for e in own_children(element) if e.name in XML_EVENT_TYPES)


def number(text: str) -> int | float | str:
    """Return the number that ``text`` spells; other text unchanged, to be found wrong later."""
    if _DECIMAL.fullmatch(text) is None or len(text) > 400:
        return text
    try:
        return int(text)
    except ValueError:
        return float(text)


def read_event(element: Element) -> dict[str, Any]:
    """Return the event under ``element`` in the form of the JSON binding."""
    tree: dict[str, Any] = {"type": element.name}
    for child in own_children(element):
        if not is_own(child):
            _put(tree, child.key, _extension(child))
        elif child.name == "certificationInfo":
            _put(tree, child.name, child.text)
        else:
            tree[child.name] = _field(child)
    return tree


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a value; a second of the same name makes a list."""
    if key not in tree:
        tree[key] = value
    elif isinstance(tree[key], list):
        tree[key].append(value)
    else:
        tree[key] = [tree[key], value]


def _field(element: Element) -> Any:
    name = element.name
    if name in XML_LISTS:
        item = XML_LISTS[name][0]
        return [_item(child) for child in element.children if child.name == item]
    if name in {"readPoint", "bizLocation", "errorDeclaration", "ilmd"}:
        return _object(element)
    if name == "persistentDisposition":
        tree: dict[str, list[str]] = {}
        for child in element.children:
            tree.setdefault(child.name, []).append(child.text)
        return tree
    return number(element.text) if name == "quantity" else element.text


def _object(element: Element) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for child in own_children(element):
        if not is_own(child) or element.name == "ilmd":
            _put(tree, child.key, _extension(child))
        else:
            tree[child.name] = _field(child)
    return tree


def _item(element: Element) -> Any:
    """Return one item of a list."""
    name = element.name
    if name == "quantityElement":
        parts: dict[str, Any] = {}
        for child in element.children:
            nil = any(a.name == "nil" and a.namespace == XSI_NS for a in child.attributes)
            if not (nil and not child.text):
                text = child.text
                parts[child.name] = number(text) if child.name == "quantity" else text
        return parts
    if name in {"bizTransaction", "source", "destination"}:
        kind = element.get("type")
        return {**({"type": kind} if kind is not None else {}), name: element.text}
    if name == "sensorElement":
        return _sensor_element(element)
    return element.text


def _sensor_element(element: Element) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for child in own_children(element):
        if child.name == "sensorMetadata" and is_own(child):
            tree[child.name] = _attributes(child)
        elif child.name == "sensorReport" and is_own(child):
            tree.setdefault(child.name, []).append(_attributes(child))
        else:
            _put(tree, child.key, _extension(child))
    return tree


def _attributes(element: Element) -> dict[str, Any]:
    """Return the attributes of a sensor element, each of its kind."""
    kinds = SHAPES[element.name].fields
    tree: dict[str, Any] = {}
    for attribute in element.attributes:
        key, text = attribute.name, attribute.value.strip()
        if attribute.namespace:
            if attribute.namespace != XSI_NS:
                tree[f"{{{attribute.namespace}}}{key}"] = text
            continue
        kind = kinds.get(key)
        if kind == "number":
            tree[key] = number(text)
        elif kind == "boolean":
            tree[key] = _BOOLEANS.get(text, text)
        else:
            tree[key] = text
    return tree


def _extension(element: Element) -> Any:
    """Return a user extension: a text, or an object of its attributes and children."""
    attributes = [a for a in element.attributes if a.namespace != XSI_NS]
    if not attributes and not element.children:
        return element.text
    tree: dict[str, Any] = {}
    for attribute in attributes:
        space = f"{{{attribute.namespace}}}" if attribute.namespace else ""
        tree[space + attribute.name] = attribute.value
    if element.text:
        tree["#text"] = element.text
    for child in element.children:
        _put(tree, child.key, _extension(child))
    return tree


def xpath_of(event: Element, tokens: list[str]) -> str:
    """Return the XPath of what the JSON pointer ``tokens`` names inside ``event``.

    Where the way ends early (a field that is missing), the path of the last element on it.
    """
    element, waiting = event, list(tokens)
    while waiting:
        token = waiting.pop(0)
        if token.isdigit() and element.name in XML_LISTS:
            items = [c for c in element.children if c.name == XML_LISTS[element.name][0]]
            if int(token) >= len(items):
                break
            element = items[int(token)]
            continue
        if any(a.name == token and not a.namespace for a in element.attributes):
            return f"{element.path()}/@{token}"
        named = [c for c in own_children(element) if token in (c.name, c.key)]
        if not named:
            break
        place = int(waiting.pop(0)) if waiting and waiting[0].isdigit() and (
            token not in XML_LISTS) else 0  # fmt: skip
        if place >= len(named):
            break
        element = named[place]
    return element.path()
