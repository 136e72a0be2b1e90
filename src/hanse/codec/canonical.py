# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON: exactly one byte string for a value (``spec/canonical-json.md``).

A strict subset of RFC 8785: keys are ASCII identifiers and sorted, numbers are integers with a
magnitude of at most 2^53 - 1, strings are any Unicode scalar values. What ``decode`` accepts,
``encode`` gives back.
"""

import re
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from hanse.codec.limits import INTEGER_MAX, JSON_DEPTH_MAX
from hanse.errors import Malformed, NotCanonical, NumberTooLarge, TooLarge

JsonValue: TypeAlias = "bool | int | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]
T = TypeVar("T")

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII).fullmatch
_LONG = b"0" * len(str(INTEGER_MAX))  # a number beyond the limit has as many digits at least
_ONLY_DIGITS = bytes(ord("0") if chr(byte).isdecimal() else 0 for byte in range(128)) + bytes(128)


def _refuse_float(text: str) -> object:
    raise NotCanonical(reason=f"{text[:40]} is not an integer")


_KNOWN_KEYS: set[str] = set()
_KNOWN_KEYS_MAX = 4096  # identifiers remembered as such; the fields of a ledger's documents are few
_EMPTY: tuple[None] = (None,)  # an empty container is a level of nesting, too
_decoder = msgspec.json.Decoder(float_hook=_refuse_float)
_encoder = msgspec.json.Encoder(order="sorted")


def encode(value: object) -> bytes:
    """Return the canonical bytes of ``value``.

    Structs and records are written by field name; ``None`` fields that have it as default are
    omitted by the types that say so. The caller vouches for the types; bytes of foreign origin go
    through ``decode``.

    Raises:
        NumberTooLarge: an integer lies beyond 2^53 - 1.
        Malformed: a string is not made of Unicode scalar values.
    """
    try:
        data = _encoder.encode(value)
    except (UnicodeEncodeError, OverflowError, TypeError, ValueError, RecursionError) as error:
        raise Malformed(reason=_plain(error)) from None
    if _LONG in data.translate(_ONLY_DIGITS):  # ten times as fast as a regular expression
        _check_tree(_decoder.decode(data))
    return data


def decode(data: bytes, bytes_max: int | None = None) -> JsonValue:
    """Return the value whose one canonical encoding is ``data``.

    Raises:
        TooLarge: more than ``bytes_max`` bytes, or deeper than ``JSON_DEPTH_MAX``.
        Malformed: not JSON, or not UTF-8.
        NotCanonical: JSON, but not the canonical encoding of its value.
        NumberTooLarge: an integer lies beyond 2^53 - 1.
    """
    if bytes_max is not None and len(data) > bytes_max:
        raise TooLarge(what="document bytes", limit=bytes_max, actual=len(data))
    value = parse(data)
    if _encoder.encode(value) != data:
        raise NotCanonical(
            reason="keys out of order or repeated, white space, or a needless escape"
        )
    return value


def parse(data: bytes) -> JsonValue:
    """Return the value of JSON text in any form, all other rules of ``decode`` kept."""
    try:
        value = _decoder.decode(data)
    except NotCanonical:
        raise
    except msgspec.ValidationError as error:
        raise NotCanonical(reason=_plain(error)) from None
    except RecursionError:
        raise TooLarge(
            what="levels of nesting", limit=JSON_DEPTH_MAX, actual=JSON_DEPTH_MAX + 1
        ) from None
    except (msgspec.DecodeError, UnicodeError, ValueError) as error:
        raise Malformed(reason=_plain(error)) from None
    _check_tree(value)
    return cast(JsonValue, value)


def decode_as(data: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Return ``data`` as the decoder's type; form errors become ``Malformed`` with a path.

    Canonical form is not checked here: the caller has called :func:`decode` or holds its own bytes.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        text, _, at = str(error).partition(" - at `")
        raise Malformed(reason=text, at=at.rstrip("`") or "$") from None
    except (msgspec.DecodeError, UnicodeError, ValueError, RecursionError) as error:
        raise Malformed(reason=_plain(error)) from None


def _plain(error: Exception) -> str:
    return f"{error}"[:200]


def _check_keys(value: dict[str, object]) -> None:
    for key in value:
        if key not in _KNOWN_KEYS and not _IDENTIFIER(key):
            raise NotCanonical(reason=f"key {key[:40]!r} is not an ASCII identifier")
    if len(_KNOWN_KEYS) + len(value) <= _KNOWN_KEYS_MAX:
        _KNOWN_KEYS.update(value)


def _check_tree(root: object) -> None:
    """Establish that keys, numbers and depth keep the rules; no recursion over input."""
    level: list[Any] = [root]  # any: each is asked for its type, a cast would double the time
    depth = -1
    while level:
        depth += 1
        if depth > JSON_DEPTH_MAX:
            raise TooLarge(what="levels of nesting", limit=JSON_DEPTH_MAX, actual=depth)
        deeper: list[Any] = []
        for value in level:
            kind = type(value)
            if kind is dict:
                if not value.keys() <= _KNOWN_KEYS:
                    _check_keys(value)
                deeper += value.values() or _EMPTY
            elif kind is list:
                deeper += value or _EMPTY
            elif kind is int:
                if not -INTEGER_MAX <= value <= INTEGER_MAX:
                    raise NumberTooLarge
            elif kind is float:
                raise NotCanonical(reason="a number is not an integer")
        level = deeper
