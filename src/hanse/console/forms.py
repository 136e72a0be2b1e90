# SPDX-License-Identifier: Apache-2.0
"""Forms made from an action's JSON Schema, and the typed arguments that a submitted form means.

Nothing here knows a contract: labels, help, choices and bounds come from the schema alone. What is
too deep for fields becomes one field of JSON, so every action can be sent from the browser.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hanse.console.upload import Form

DEPTH_MAX: Final = 3  # levels of nested records shown as fields; deeper ones as JSON
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_UNITS: Final = {
    "_minor": "minor",
    "_ms": "ms",
    "_kg": "kg",
    "_g": "g",
    "_wh": "Wh",
    "_bp": "bp",
    "_days": "d",
    "_hours": "h",
    "_milli": "1/1000",
}
_ACRONYMS: Final = frozenset({"gln", "gtin", "id", "lei", "sscc", "url", "uscc"})
Schema = Mapping[str, Any]


@dataclass(slots=True)
class Field:
    """One field of a form: what it is called, what it takes, what was entered, what is wrong."""

    name: str
    label: str
    kind: str  # text, integer, big, boolean, choice, list, json, date, group
    help: str = ""
    required: bool = True
    unit: str = ""
    choices: tuple[str, ...] = ()
    suggestions: str = ""  # organisations, members
    value: str = ""
    error: str = ""
    minimum: int | None = None
    maximum: int | None = None
    children: list["Field"] = field(default_factory=list)
    schema: Schema = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The field's id in the page."""
        return "f-" + self.name.replace(".", "-")


def humanise(name: str) -> str:
    """Return an identifier as words: ``net_weight_kg`` is ``Net weight kg``."""
    words = name.replace("_", " ").strip().split(" ")
    text = " ".join(word.upper() if word in _ACRONYMS else word for word in words)
    return text[:1].upper() + text[1:]


def resolve(schema: Schema, root: Schema) -> Schema:
    """Return ``schema`` with references followed inside ``root``, a bounded number of times."""
    for _ in range(8):
        ref = schema.get("$ref")
        if not isinstance(ref, str) or not ref.startswith("#/"):
            return schema
        target: Any = root
        for part in ref[2:].split("/"):
            target = target.get(part, {}) if isinstance(target, Mapping) else {}
        schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema


def unwrap(schema: Schema, root: Schema) -> tuple[Schema, bool]:
    """Return the schema behind ``X | None`` and whether null is allowed."""
    schema = resolve(schema, root)
    kind = schema.get("type")
    if isinstance(kind, list):
        rest = [one for one in kind if one != "null"]
        if len(rest) == 1:
            return {**schema, "type": rest[0]}, "null" in kind
    for word in ("anyOf", "oneOf"):
        options = schema.get(word)
        if isinstance(options, list):
            rest = [option for option in options if option.get("type") != "null"]
            if len(rest) == 1:
                outer = {k: v for k, v in schema.items() if k != word}
                return {**resolve(rest[0], root), **outer}, len(rest) < len(options)
    return schema, False


def build_fields(schema: Schema, prefix: str = "", root: Schema | None = None) -> list[Field]:
    """Return the fields of an object schema, in their declared order, optional ones last."""
    root = schema if root is None else root
    required = set(schema.get("required", ()))
    fields = []
    properties = schema.get("properties", {})
    # canonical JSON sorts the properties; the list of required ones keeps the declared order
    names = [name for name in schema.get("required", ()) if name in properties]
    names += [name for name in properties if name not in required]
    for name in names:
        raw = properties[name]
        inner, nullable = unwrap(raw, root)
        needed = name in required and not nullable
        fields.append(_build_field(f"{prefix}{name}", name, inner, root, needed=needed))
    return fields


def _build_field(path: str, name: str, schema: Schema, root: Schema, *, needed: bool) -> Field:
    result = Field(
        name=path,
        label=str(schema.get("title") or humanise(name)),
        kind=_kind(schema),
        help=str(schema.get("description", "")),
        required=needed,
        unit=next((unit for end, unit in _UNITS.items() if name.endswith(end)), ""),
        minimum=schema.get("minimum"),
        maximum=schema.get("maximum"),
        schema=schema,
    )
    if "default" in schema and schema["default"] is not None:
        default = schema["default"]
        result.value = default if isinstance(default, str) else json.dumps(default)
    if result.kind == "choice":
        options = schema["enum"] if "enum" in schema else [schema["const"]]
        result.choices = tuple(str(one) for one in options if one is not None)
    if result.kind == "text":
        result.suggestions = _suggestions(name, schema)
    if result.kind == "group":
        if path.count(".") >= DEPTH_MAX - 1:
            result.kind = "json"
        else:
            result.children = build_fields(schema, f"{path}.", root)
    return result


def _kind(schema: Schema) -> str:
    if "enum" in schema or "const" in schema:
        texts = schema.get("enum", [schema.get("const")])
        return "choice" if all(isinstance(one, str) for one in texts) else "json"
    kind = schema.get("type")
    if kind == "string":
        if schema.get("format") == "date":
            return "date"
        return "big" if schema.get("format") in {"bigint", "big-int", "BigInt"} else "text"
    if kind in {"integer", "boolean"}:
        return str(kind)
    if kind == "array":
        items = schema.get("items")
        plain = isinstance(items, Mapping) and items.get("type") in {"string", "integer"}
        return "list" if plain else "json"
    return "group" if kind == "object" and schema.get("properties") else "json"


def _suggestions(name: str, schema: Schema) -> str:
    hint = f"{schema.get('format', '')} {schema.get('title', '')}".lower()
    if "member" in hint or name in {"member", "signer"}:
        return "members"
    if "organisation" in hint or name in {"organisation", "holder", "owner", "to", "frm"}:
        return "organisations"
    return ""


def fill(fields: Sequence[Field], form: Form) -> None:
    """Put what was entered back into the fields, so that nothing is asked twice."""
    for one in fields:
        if one.kind == "group":
            fill(one.children, form)
        elif one.name in form.fields or one.kind == "boolean":
            one.value = form.first(one.name)


def read_arguments(fields: Sequence[Field], words: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments that the filled fields mean; a field that means none gets its ``error``.

    An empty optional field is left out, so that the action's own default holds.
    """
    arguments: dict[str, Any] = {}
    for one in fields:
        key = one.name.rpartition(".")[2]
        if one.kind == "group":
            blank = not any(inner.value.strip() for inner in flatten(one.children))
            if one.required or not blank:
                arguments[key] = read_arguments(one.children, words)
        elif one.kind == "boolean":
            if one.value or one.required:
                arguments[key] = one.value == "true"
        elif one.value.strip():
            _read_value(one, key, arguments, words)
        elif one.required and one.kind == "list":
            arguments[key] = []
        elif one.required:
            one.error = words["needed"]
    return arguments


def _read_value(one: Field, key: str, out: dict[str, Any], words: Mapping[str, str]) -> None:
    text = one.value.strip()
    if one.kind == "integer":
        number = _integer(text)
        if number is None:
            one.error = words["integer"]
        elif one.minimum is not None and number < one.minimum:
            one.error = words["minimum"].replace("{bound}", str(one.minimum))
        elif one.maximum is not None and number > one.maximum:
            one.error = words["maximum"].replace("{bound}", str(one.maximum))
        else:
            out[key] = number
    elif one.kind == "list":
        _read_list(one, key, out, words)
    elif one.kind == "json":
        try:
            out[key] = json.loads(text)
        except (ValueError, RecursionError):
            one.error = words["json"]
    elif one.kind == "choice" and text not in one.choices:
        one.error = words["choice"]
    else:
        out[key] = text


def _read_list(one: Field, key: str, out: dict[str, Any], words: Mapping[str, str]) -> None:
    lines = [line.strip() for line in one.value.splitlines() if line.strip()]
    if one.schema.get("items", {}).get("type") != "integer":
        out[key] = lines
        return
    numbers = [_integer(line) for line in lines]
    if None in numbers:
        one.error = words["integer"]
    else:
        out[key] = numbers


def _integer(text: str) -> int | None:
    plain = text.replace("\u202f", "").replace("\u00a0", "").replace("_", "")
    return int(plain) if _INTEGER.fullmatch(plain) else None


def flatten(fields: Sequence[Field]) -> list[Field]:
    """Return all fields, those of groups included."""
    found: list[Field] = []
    for one in fields:
        found.append(one)
        found.extend(flatten(one.children))
    return found
