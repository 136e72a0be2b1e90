# SPDX-License-Identifier: Apache-2.0
"""Entries: the actions and queries of a contract, each with the types of its arguments."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

import msgspec

from hanse.codec.limits import QUERY_BYTES_MAX, RECEIPT_BYTES_MAX
from hanse.contracts.contract import Mark
from hanse.contracts.joint import Joint, joint_of
from hanse.contracts.records import Codec, is_field_name, runtime_type
from hanse.contracts.types import decode_hook

_REJECTS = re.compile(r"Rejects:\s*([a-z0-9_,\s→°]+?)\.(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One callable door of a contract: an action or a query, with its argument types."""

    name: str
    mark: Mark
    function: Callable[..., Any]
    parameters: tuple[tuple[str, Any, bool], ...]
    arguments: msgspec.json.Decoder[Any]
    result: Codec[Any] | None
    result_hint: Any
    joint: Joint | None
    doc: str
    rejects: tuple[str, ...]


def entry_of(name: str, mark: Mark, function: Callable[..., Any]) -> Entry:
    """Return the door that a marked method is.

    Raises:
        TypeError: an argument or its type is not of the contract language.
    """
    hints = get_type_hints(function)
    parameters: list[tuple[str, Any, bool]] = []
    fields: list[Any] = []
    for parameter in list(inspect.signature(function).parameters.values())[2:]:
        named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if not named or not is_field_name(parameter.name):
            raise TypeError(f"{name}: {parameter} is no argument that a transaction can name")
        hint = hints[parameter.name]
        optional = parameter.default is not inspect.Parameter.empty
        parameters.append((parameter.name, hint, optional))
        kind = runtime_type(hint)
        fields.append(
            (parameter.name, kind, parameter.default) if optional else (parameter.name, kind)
        )
    arguments = msgspec.defstruct(
        f"{name}_arguments", fields, forbid_unknown_fields=True, kw_only=True, frozen=True
    )
    returns = hints.get("return", type(None))
    doc = inspect.getdoc(function) or ""
    bytes_max = RECEIPT_BYTES_MAX // 2 if mark.kind == "action" else QUERY_BYTES_MAX
    return Entry(
        name=name,
        mark=mark,
        function=function,
        parameters=tuple(parameters),
        arguments=msgspec.json.Decoder(arguments, dec_hook=decode_hook),
        result=None if returns in (None, type(None)) else Codec(returns, bytes_max),
        result_hint=returns,
        joint=joint_of(mark.also_signed_by, parameters),
        doc=doc,
        rejects=_rejects(doc),
    )


def _rejects(doc: str) -> tuple[str, ...]:
    match = _REJECTS.search(doc)
    if not match:
        return ()
    words = re.split(r"[,\s→]+", match.group(1))
    return tuple(word.rstrip("°") for word in words if word)
