# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON and base64url: exactly one byte string stands for a value."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

INTEGER_MAX: Final = 2**53 - 1
DEPTH_MAX: Final = 32  # levels of nesting, of the file as of each document in it
_is_identifier = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII).fullmatch


class EvidenceError(ValueError):
    """The evidence does not prove what it says; the message tells why."""


def encode(value: object) -> bytes:
    """Return the canonical bytes of ``value``, which came from :func:`decode`."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode("utf-8")


def decode(data: bytes) -> Any:
    """Return the value whose one canonical encoding is ``data``."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            parse_int=_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
        _check_tree(value)
        same = encode(value) == data
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"not canonical JSON: {error}"[:200]) from None
    if not same:  # repeated or unsorted keys, white space, needless escapes, -0
        raise EvidenceError("not canonical JSON: another encoding of its value")
    return value


def _refuse_number(text: str) -> None:
    raise EvidenceError(f"{text[:40]} is not an integer")


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > INTEGER_MAX:
        raise EvidenceError("a number is beyond 2^53 - 1")
    return int(text)


def _check_tree(root: object) -> None:
    level = [root]
    for _ in range(DEPTH_MAX + 1):
        deeper: list[object] = []
        for value in level:
            if isinstance(value, dict):
                if not all(map(_is_identifier, value)):
                    raise EvidenceError("a key is not an ASCII identifier")
                deeper += value.values() or [None]  # an empty container is a level, too
            elif isinstance(value, list):
                deeper += value or [None]
        level = deeper
    if level:
        raise EvidenceError(f"more than {DEPTH_MAX} levels of nesting")


def b64(data: bytes) -> str:
    """Return ``data`` as base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """Return the bytes of which ``text`` is the one base64url spelling."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise EvidenceError("not base64url") from None
    if b64(data) != text:
        raise EvidenceError("not the one base64url spelling of its bytes")
    return data
