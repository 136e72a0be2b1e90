# SPDX-License-Identifier: Apache-2.0
"""JSON Schema of all that a contract declares: the source of forms, OpenAPI, clients, tables."""

import inspect
import re
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from hanse.codec.limits import INTEGER_MAX
from hanse.contracts.entries import Entry
from hanse.contracts.records import coercion, encode_loose, is_record
from hanse.contracts.refusals import Fault
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.types import BigInt, Bytes, Date

Schema = dict[str, Any]

_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer", "minimum": -INTEGER_MAX, "maximum": INTEGER_MAX},
    bytes: {"type": "string", "format": "base64url"},
    Bytes: {"type": "string", "format": "base64url"},
    BigInt: {"type": "string", "format": "big-integer", "pattern": "^(0|-?[1-9][0-9]*)$"},
    Date: {"type": "string", "format": "date"},
    type(None): {"type": "null"},
}
_NAMED = {"OrganisationId": "organisation", "MemberId": "member", "TimeMs": "time-ms"}


def schema_of(hint: Any) -> Schema:
    """Return the JSON Schema (2020-12) of a declared type; records are written out in place."""
    plain = getattr(hint, "__supertype__", None)
    if plain is not None:
        named = _NAMED.get(hint.__name__)
        return {**schema_of(plain), **({"format": named} if named else {})}
    if hint in _PLAIN or hint is None:
        return dict(_PLAIN[type(None) if hint is None else hint])
    if is_record(hint):
        return _record_schema(hint)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(args)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(a) for a in args]}
    if origin is list:
        return {"type": "array", "items": schema_of(args[0])}
    if origin is tuple:
        if args[-1] is ...:
            return {"type": "array", "items": schema_of(args[0])}
        return {"type": "array", "prefixItems": [schema_of(a) for a in args], "items": False}
    raise TypeError(f"{hint} is not a type of the contract language")


def count_parts(contract: LoadedContract) -> int:
    """Return how many types a contract's description writes out, before any is written."""
    records: dict[Any, int] = {}
    return sum(_count(hint, records) for hint in _written_types(contract))


def _written_types(contract: LoadedContract) -> Iterator[Any]:
    for entry in contract.entries.values():
        yield from (hint for _, hint, _ in entry.parameters)
        yield entry.result_hint
    yield from contract.events.values()
    for pair in contract.map_types.values():
        yield from pair


def _count(hint: Any, records: dict[Any, int]) -> int:
    if is_record(hint):
        if hint not in records:
            inner = hint.__hanse_hints__.values()
            records[hint] = 1 + sum(_count(one, records) for one in inner)
        return records[hint]
    if get_origin(hint) is Literal:
        return 1 + len(get_args(hint))
    plain = getattr(hint, "__supertype__", hint)
    return 1 + sum(_count(one, records) for one in get_args(plain) if one is not ...)


def _record_schema(kind: Any) -> Schema:
    hints = kind.__hanse_hints__
    fields = msgspec.structs.fields(kind)
    properties = {field.name: schema_of(hints[field.name]) for field in fields}
    for field in fields:
        if not field.required:
            made = field.default_factory is not msgspec.NODEFAULT
            default = field.default_factory() if made else field.default
            properties[field.name] |= _default(hints[field.name], default)
    return {
        "type": "object",
        "title": kind.__name__,
        "description": inspect.cleandoc(kind.__doc__ or ""),
        "properties": properties,
        "required": [field.name for field in fields if field.required],
        "additionalProperties": False,
    }


def _default(hint: Any, value: Any) -> Schema:
    """Return the ``default`` of a property in the JSON form of its declared type."""
    step = coercion(hint)
    try:
        data = encode_loose(value if step is None else step(value))
    except (Fault, ValueError):
        return {}  # no value of that type: whoever leaves it out is refused when it runs
    return {"default": msgspec.json.decode(data)}


def arguments_schema(entry: Entry) -> Schema:
    """Return the schema of an entry's arguments, with help from the docstring's ``Args``."""
    help_text = _argument_help(entry.doc)
    properties: dict[str, Schema] = {}
    signature = inspect.signature(entry.function)
    for name, hint, optional in entry.parameters:
        properties[name] = schema_of(hint)
        if optional:
            properties[name] |= _default(hint, signature.parameters[name].default)
        if name in help_text:
            properties[name]["description"] = help_text[name]
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name, _, optional in entry.parameters if not optional],
        "additionalProperties": False,
    }


def _argument_help(doc: str) -> dict[str, str]:
    _, _, section = doc.partition("Args:")
    return dict(re.findall(r"^\s+(\w+):\s*(.+)$", section, re.MULTILINE))


def events_of(contract: LoadedContract) -> dict[str, Any]:
    """Return the event classes of a contract's package by name: module, model and patterns."""
    return contract.events


def describe(contract: LoadedContract, package_hash: str, source: str) -> dict[str, Any]:
    """Return all that others derive from a contract: actions, queries, events, maps, source."""
    actions = [e for e in contract.entries.values() if e.mark.kind == "action"]
    queries = [e for e in contract.entries.values() if e.mark.kind == "query"]
    return {
        "name": contract.name,
        "title": contract.cls.__name__,
        "doc": inspect.cleandoc(contract.cls.__doc__ or ""),
        "version": contract.version,
        "uses": list(contract.uses),
        "hash": package_hash,
        "actions": [
            {
                "name": e.name,
                "doc": e.doc,
                "role": e.mark.role,
                "also_signed_by": e.mark.also_signed_by,
                "args": arguments_schema(e),
                "result": schema_of(e.result_hint),
                "rejects": list(e.rejects),
            }
            for e in actions
        ],
        "queries": [
            {
                "name": e.name,
                "doc": e.doc,
                "args": arguments_schema(e),
                "result": schema_of(e.result_hint),
            }
            for e in queries
        ],
        "events": [
            {
                "name": name,
                "sentence": inspect.cleandoc(kind.__doc__ or ""),
                "fields": schema_of(kind),
            }
            for name, kind in events_of(contract).items()
        ],
        "maps": [
            {
                "name": name,
                "ordered": name in contract.ordered,
                "key": None if key is None else schema_of(key),
                "value": schema_of(value),
            }
            for name, (key, value) in contract.map_types.items()
        ],
        "source": source,
    }
