# SPDX-License-Identifier: Apache-2.0
"""Canonical bytes of other people's documents: RFC 8785 for JSON, exclusive C14N for XML.

The ledger's own codec is a strict subset of RFC 8785 (no floats, ASCII keys); documents of a
standard need the whole of it. XML: Exclusive XML Canonicalization 1.0 without comments, for
documents without a document type declaration (others are refused before they get here).
"""

import json
import math
from decimal import Decimal
from typing import Any

from hanse.apps.trace.epcis.xmltree import Element, Instruction


def canonical_json(value: object) -> bytes:
    """Return the one RFC 8785 text of ``value``, a tree as :mod:`json` reads it.

    Raises:
        ValueError: a number that is not finite, or a text with a lone surrogate.
    """
    out: list[str] = []
    _json(value, out)
    return "".join(out).encode("utf-8")


def _json(value: Any, out: list[str]) -> None:
    if isinstance(value, str):
        out.append(_json_text(value))
    elif value is None or isinstance(value, bool):
        out.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, (int, float)):
        out.append(json_number(float(value)))
    elif isinstance(value, dict):
        # RFC 8785 section 3.2.3: members in the order of their UTF-16 code units
        out.append("{")
        for number, key in enumerate(sorted(value, key=lambda k: k.encode("utf-16-be"))):
            out.append(("," if number else "") + _json_text(key) + ":")
            _json(value[key], out)
        out.append("}")
    else:
        out.append("[")
        for number, item in enumerate(value):
            if number:
                out.append(",")
            _json(item, out)
        out.append("]")


def _json_text(text: str) -> str:
    # json.dumps without ASCII escapes writes exactly the escapes of section 3.2.2.2
    return json.dumps(text, ensure_ascii=False)


def json_number(number: float) -> str:
    """Return ``number`` as ECMAScript writes it (ECMA-262, Number::toString).

    Raises:
        ValueError: the number is not finite.
    """
    if not math.isfinite(number):
        raise ValueError("a JSON number is finite")
    if number == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    point = len(text) + exponent  # the value is 0.text times ten to the power of point
    if 0 < point <= 21:
        body = text.ljust(point, "0") if point >= len(text) else f"{text[:point]}.{text[point:]}"
    elif -6 < point <= 0:
        body = "0." + "0" * -point + text
    else:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        body = f"{text[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return f"-{body}" if sign else body


_TEXT_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
_VALUE_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"}
)


def canonical_xml(root: Element) -> bytes:
    """Return the exclusive canonical form of the document under ``root``, comments left out."""
    out = [instruction + "\n" for instruction in root.before]
    _xml(root, {"": ""}, out)
    out.extend("\n" + instruction for instruction in root.after)
    return "".join(out).encode("utf-8")


def _xml(element: Element, rendered: dict[str, str], out: list[str]) -> None:
    """Write one element; ``rendered`` are the namespace declarations already in force."""
    used = {element.prefix: element.namespace}
    for attribute in element.attributes:
        if attribute.namespace:
            used[attribute.prefix] = attribute.namespace
    used.pop("xml", None)
    fresh = {p: ns for p, ns in used.items() if rendered.get(p, None if p else "") != ns}
    name = f"{element.prefix}:{element.name}" if element.prefix else element.name
    out.append(f"<{name}")
    out.extend(f' xmlns{":" * bool(p)}{p}="{_value(fresh[p])}"' for p in sorted(fresh))
    for attribute in sorted(element.attributes, key=lambda a: (a.namespace, a.name)):
        label = f"{attribute.prefix}:{attribute.name}" if attribute.prefix else attribute.name
        out.append(f' {label}="{_value(attribute.value)}"')
    out.append(">")
    scope = {**rendered, **fresh}
    for part in element.content:
        if isinstance(part, Element):
            _xml(part, scope, out)
        else:
            out.append(part.text if isinstance(part, Instruction) else _text(part))
    out.append(f"</{name}>")


def _value(text: str) -> str:
    return text.translate(_VALUE_ESCAPES)


def _text(text: str) -> str:
    return text.translate(_TEXT_ESCAPES)
