# SPDX-License-Identifier: Apache-2.0
"""The text of a typed client, from a contract's description: ``hanse gen python``.

The text depends on the description's values and not on the order of its members, so that it is the
same whether a package, an app or a running node describes the contract.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hanse.client.descriptions import DescriptionInvalid
from hanse.codec.base64url import to_bytes
from hanse.errors import HanseError

Shape = Mapping[str, Any]

_LINE_CHARS_MAX: Final = 100
_API: Final = ("BigInt", "Date", "MemberId", "OrganisationId", "TimeMs", "event", "record")
_RESERVED: Final = frozenset((*_API, "AsyncClient", "Called", "Client", "Endpoint", "Final"))
_FORMATS: Final = {
    "base64url": "bytes",
    "big-integer": "BigInt",
    "date": "Date",
    "member": "MemberId",
    "organisation": "OrganisationId",
    "time-ms": "TimeMs",
}
_PLAIN: Final = {"boolean": "bool", "integer": "int", "null": "None", "string": "str"}
_JSON_TYPES: Final[dict[type, str]] = {
    bool: "boolean",
    int: "integer",
    str: "string",
    list: "array",
    type(None): "null",
}


def python_client(description: Mapping[str, Any]) -> str:
    """Return a module with the types of a contract, and a client and an asynchronous client of it.

    It needs Hanse and nothing of the contract's own code; mypy accepts it under ``--strict``.

    Args:
        description: of a package, or of a node after ``check_description``: its names become code.

    Raises:
        DescriptionInvalid: a default is not of its type.
    """
    try:
        return _Writer(description).text()
    except (HanseError, KeyError, TypeError, ValueError):
        reason = "a default is not of its type"
        raise DescriptionInvalid(str(description["name"]), "$", reason) from None


class _Writer:
    """Writes one module; names are given once, in the order in which the types are met."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._found = description
        self._contract = str(description["name"])
        title = str(description["title"])
        self._clients = (f"{title}Client", f"Async{title}Client")
        self._taken = {*_RESERVED, "Literal", "Role", *self._clients}
        self._records: list[tuple[Shape, str]] = []  # with their names; each after those it needs
        self._classes: list[str] = []
        self._entries = [
            (kind, entry)
            for plural, kind in (("actions", "action"), ("queries", "query"))
            for entry in description[plural]
        ]
        self._constants: dict[str, str] = {}  # of each action and query, by its name
        for _, entry in self._entries:
            constant = f"_{str(entry['name']).upper()}"
            while constant in self._constants.values():
                constant += "_"  # names that differ in their case only
            self._constants[entry["name"]] = constant

    def text(self) -> str:
        """Return the whole module."""
        for event in self._found["events"]:
            self._record(event["fields"], "event")
        endpoints = [line for kind, entry in self._entries for line in self._endpoint(kind, entry)]
        clients = [self._client(is_async=is_async) for is_async in (False, True)]
        asked = sorted({str(e["role"]) for _, e in self._entries if e.get("role")})
        roles = [f"Role = Literal[{', '.join(map(_repr, asked))}]"] if asked else []
        body = "\n\n\n".join([*roles, *self._classes, "\n".join(endpoints), *clients])
        return f"{self._head(body)}\n\n\n{body}\n"

    def _head(self, body: str) -> str:
        used = [name for name in _API if _is_used(name, body)]
        typing = [name for name in ("Final", "Literal") if _is_used(name, body)]
        lines = [
            f'"""Typed clients of the contract ``{self._contract}``; do not edit: made by Hanse.',
            "",
            f"Version {_quoted(str(self._found['version']))}, package {self._found['hash']}.",
            '"""',
            "",
            *([f"from typing import {', '.join(typing)}", ""] if typing else []),
            "from hanse import AsyncClient, Client",
            "from hanse.client.generated import Called, Endpoint",
            *([f"from hanse.contracts import {', '.join(used)}"] if used else []),
        ]
        return "\n".join(lines)

    # -- types ------------------------------------------------------------------------------------

    def _type(self, shape: Shape) -> str:
        """Return the annotation of a type; a record that it names is written before."""
        if "anyOf" in shape:
            return " | ".join(dict.fromkeys(self._type(one) for one in shape["anyOf"]))
        if "enum" in shape:
            return f"Literal[{', '.join(map(_repr, shape['enum']))}]"
        if "prefixItems" in shape:
            return f"tuple[{', '.join(self._type(one) for one in shape['prefixItems'])}]"
        if shape["type"] == "array":
            inner = self._type(shape["items"])
            # a list as a default would be one for all calls
            return f"tuple[{inner}, ...]" if shape.get("default") else f"list[{inner}]"
        if shape["type"] == "object":
            return self._record(shape, "record")
        return _FORMATS.get(str(shape.get("format"))) or _PLAIN[shape["type"]]

    def _record(self, shape: Shape, kind: str) -> str:
        plain = {name: shape[name] for name in shape if name != "default"}
        known = next((name for found, name in self._records if found == plain), None)
        if known is not None:
            return known
        lines = [f"    {line}" for line in self._fields(plain)]
        name = self._name(str(plain["title"]))
        self._records.append((plain, name))
        doc = _docstring(plain.get("description", ""), "    ")
        gap = [""] if doc and lines else []
        body = [*doc, *gap, *lines] or ["    pass"]
        self._classes.append("\n".join([f"@{kind}", f"class {name}:", *body]))
        return name

    def _fields(self, shape: Shape) -> Iterator[str]:
        for name, part in _in_order(shape):
            kind = self._type(part)
            if name in shape["required"]:
                yield f"{name}: {kind}"
            else:
                yield f"{name}: {kind} = {_literal(part, part.get('default'))}"

    def _name(self, wanted: str) -> str:
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted

    # -- endpoints and clients --------------------------------------------------------------------

    def _endpoint(self, kind: str, entry: Shape) -> Iterator[str]:
        arguments = [f'"{name}": {self._type(part)}' for name, part in _in_order(entry["args"])]
        result = self._type(entry["result"])
        place = f'"{self._contract}", "{entry["name"]}", "{kind}"'
        inner = f"{{{', '.join(arguments)}}}"
        start = f"{self._constants[entry['name']]}: Final[Endpoint[{result}]] = Endpoint("
        line = f"{start}{place}, {inner}, {result})"
        if len(line) <= _LINE_CHARS_MAX:
            yield line
            return
        yield from (start, f"    {place},")
        if len(inner) + 5 > _LINE_CHARS_MAX:
            yield from ("    {", *(f"        {one}," for one in arguments), "    },")
        else:
            yield f"    {inner},"
        yield from (f"    {result},", ")")

    def _client(self, *, is_async: bool) -> str:
        doc = str(self._found["doc"]).partition("\n")[0]
        client = "AsyncClient" if is_async else "Client"
        lines = [
            f"class {self._clients[is_async]}:",
            *_docstring(doc or f"Calls the contract ``{self._contract}``.", "    "),
            "",
            f"    def __init__(self, client: {client}) -> None:",
            '        """Call through ``client``, which signs and verifies."""',
            "        self._client = client",
        ]
        for kind, entry in self._entries:
            lines += ["", *(f"    {line}" for line in self._method(kind, entry, is_async=is_async))]
        return "\n".join(line.rstrip() for line in lines)

    def _method(self, kind: str, entry: Shape, *, is_async: bool) -> Iterator[str]:
        needed: list[str] = []
        free: list[str] = []
        for name, part in _in_order(entry["args"]):
            text = f"{name}: {self._type(part)}"
            if name in entry["args"]["required"]:
                needed.append(text)
            else:
                free.append(f"{text} = {_literal(part, part.get('default'))}")
        result = self._type(entry["result"])
        answer = result if kind == "query" else f"Called[{result}]"
        name = str(entry["name"])
        while name in self._taken:
            name += "_"
        parameters = ["self", *needed, *(["*", *free] if free else [])]
        prefix = "async def" if is_async else "def"
        yield from _wrapped(f"{prefix} {name}(", parameters, f") -> {answer}:", "")
        yield from _docstring(_about(entry), "    ")
        call = "ask" if kind == "query" else "send"
        call = f"{self._constants[entry['name']]}.{call}"
        call = f"await {call}_async(" if is_async else f"{call}("
        given = [f"{name}={name}" for name, _ in _in_order(entry["args"])]
        yield from _wrapped(f"return {call}", ["self._client", *given], ")", "    ")


def _in_order(shape: Shape) -> list[tuple[str, Shape]]:
    """Return the members of an object: those that are required as declared, the others by name."""
    properties, required = shape["properties"], shape["required"]
    rest = sorted(name for name in properties if name not in required)
    return [(name, properties[name]) for name in (*required, *rest)]


def _about(entry: Shape) -> str:
    role = entry.get("role")
    doc = str(entry.get("doc", "")) or f"Call ``{entry['name']}``."
    return f"{doc}\n\nRole: {role}." if role else doc


def _docstring(text: str, indent: str) -> list[str]:
    """Return the lines of a docstring that says ``text``; none for none."""
    text = inspect.cleandoc(text)
    if not text:
        return []
    safe = text.replace("\\", "\\\\")
    if '"""' in safe or safe.endswith('"'):
        safe = safe.replace('"', '\\"')
    end = '"""' if "\n" not in safe else '\n"""'
    return textwrap.indent(f'"""{safe}{end}', indent).split("\n")


def _wrapped(start: str, parts: list[str], end: str, indent: str) -> Iterator[str]:
    line = f"{indent}{start}{', '.join(parts)}{end}"
    if len(line) + 4 <= _LINE_CHARS_MAX:
        yield line
        return
    yield f"{indent}{start}"
    yield from (f"{indent}    {part}" + ("," if part else "") for part in parts)
    yield f"{indent}{end}"


def _literal(shape: Shape, value: Any) -> str:
    """Return a default, given in JSON, as Python of the declared type."""
    for one in shape.get("anyOf", ()):
        if "enum" in one:
            if value in one["enum"]:
                return _repr(value)
        elif one["type"] == _JSON_TYPES[type(value)]:
            return _literal(one, value)
    if isinstance(value, list):
        if "prefixItems" in shape:
            parts = [_literal(s, v) for s, v in zip(shape["prefixItems"], value, strict=True)]
        else:
            parts = [_literal(shape["items"], one) for one in value]
            if not parts:
                return "[]"
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    form = _FORMATS.get(str(shape.get("format")))
    if value is None or "enum" in shape or form is None:
        return _repr(value)
    if form == "bytes":
        return repr(bytes(to_bytes(value)))
    return f"{form}({int(value) if form == 'BigInt' else _repr(value)})"


def _repr(value: Any) -> str:
    """Return a literal as formatters write it, in double quotes where it has none itself."""
    text = repr(value)
    plain = text.startswith("'") and '"' not in text and "\\'" not in text
    return f'"{text[1:-1]}"' if plain else text


def _quoted(text: str) -> str:
    return text if text.replace(".", "").isalnum() else ascii(text).replace('"', "'")


def _is_used(name: str, text: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None
