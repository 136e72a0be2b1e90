# SPDX-License-Identifier: Apache-2.0
"""What a node says of a contract, looked at before anything is made of it.

A description becomes code in a generated client: a name in it that is none could be a program.
"""

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NoReturn

from hanse.contracts.dialect.names import PUBLIC_NAME
from hanse.errors import Corrupt

_HASH: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII).fullmatch
_PLAIN: Final = ("boolean", "integer", "null", "string")
_LISTS: Final = ("actions", "events", "maps", "queries")


@dataclass(eq=False)
class DescriptionInvalid(Corrupt):
    """What a node says of a contract is no description of one."""

    contract: str
    at: str
    reason: str
    code: ClassVar[str] = "description_invalid"
    status: ClassVar[int] = 502
    hint: ClassVar[str] = "Do not use what the node says; ask another one, or use a package."


def check_description(found: Any, contract: str) -> Mapping[str, Any]:
    """Return ``found``, every name, type and list in it being what it should be.

    Raises:
        DescriptionInvalid: with the place of what is not.
    """
    check = _Check(contract)
    check.is_object(found, "$")
    check.name(found.get("name"), "$.name")
    check.name(found.get("title"), "$.title")
    for word in ("doc", "source", "version"):
        check.text(found.get(word), f"$.{word}")
    if not isinstance(found.get("hash"), str) or not _HASH(found["hash"]):
        check.fail("$.hash", "43 characters of base64url are expected")
    for plural in _LISTS:
        for at, row in check.rows(found.get(plural), f"$.{plural}"):
            check.name(row.get("name"), f"{at}.name")
            _check_row(check, plural, row, at)
    return dict(found)


def _check_row(check: "_Check", plural: str, row: Mapping[str, Any], at: str) -> None:
    if plural == "maps":
        if row.get("key") is not None:
            check.shape(row["key"], f"{at}.key")
        check.shape(row.get("value"), f"{at}.value")
    elif plural == "events":
        check.shape(row.get("fields"), f"{at}.fields")
        check.name(row["fields"].get("title"), f"{at}.fields.title")
    else:
        check.text(row.get("doc"), f"{at}.doc")
        check.members(row.get("args"), f"{at}.args")
        check.shape(row.get("result"), f"{at}.result")
        for code in row.get("rejects") or []:
            check.name(code, f"{at}.rejects")
        if row.get("role") is not None:
            check.text(row["role"], f"{at}.role")


class _Check:
    """The looks at single parts; canonical JSON has bounded their depth."""

    def __init__(self, contract: str) -> None:
        self._contract = contract

    def fail(self, at: str, reason: str) -> NoReturn:
        raise DescriptionInvalid(self._contract[:80], at[:200], reason)

    def is_object(self, value: Any, at: str) -> None:
        if not isinstance(value, Mapping):
            self.fail(at, "an object is expected")

    def text(self, value: Any, at: str) -> None:
        if not isinstance(value, str) or "\0" in value:
            self.fail(at, "a text is expected")

    def name(self, value: Any, at: str) -> None:
        if not isinstance(value, str) or not PUBLIC_NAME(value) or keyword.iskeyword(value):
            self.fail(at, "a name is expected")

    def rows(self, value: Any, at: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if not isinstance(value, list):
            self.fail(at, "a list is expected")
        for place, row in enumerate(value):
            self.is_object(row, f"{at}[{place}]")
            yield f"{at}[{place}]", row

    def members(self, shape: Any, at: str) -> None:
        """Look at the properties of an object, and at which of them are required."""
        self.is_object(shape, at)
        properties, required = shape.get("properties"), shape.get("required")
        self.is_object(properties, f"{at}.properties")
        if not isinstance(required, list) or not all(
            isinstance(one, str) and one in properties for one in required
        ):
            self.fail(f"{at}.required", "names of properties are expected")
        for name, part in properties.items():
            self.name(name, f"{at}.properties")
            self.shape(part, f"{at}.{name}")

    def shape(self, shape: Any, at: str) -> None:
        """Look at a type, and at those within it."""
        self.is_object(shape, at)
        if "anyOf" in shape or "prefixItems" in shape:
            word = "anyOf" if "anyOf" in shape else "prefixItems"
            parts = list(self.rows(shape[word], f"{at}.{word}"))
            for place, part in parts:
                self.shape(part, place)
            if not parts:
                self.fail(at, "types are expected")
        elif "enum" in shape:
            values = shape["enum"]
            plain = isinstance(values, list) and all(
                value is None or type(value) in (bool, int, str) for value in values
            )
            if not plain or not values:
                self.fail(f"{at}.enum", "plain values are expected")
        elif shape.get("type") == "array":
            self.shape(shape.get("items"), f"{at}.items")
        elif shape.get("type") == "object":
            self.name(shape.get("title"), f"{at}.title")
            self.members(shape, at)
        elif shape.get("type") not in _PLAIN:
            self.fail(at, "a type is expected")
