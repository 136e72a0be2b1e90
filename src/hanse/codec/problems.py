# SPDX-License-Identifier: Apache-2.0
"""Errors as problem documents (RFC 9457): one shape for every class, made in one place.

A problem is ``{"type", "title", "status", "code", "hint", ...facts}``. Codes never change and are
never translated; the title is the first line of the class's docstring.
"""

from typing import Final

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.limits import INTEGER_MAX
from hanse.errors import HanseError

Problem = dict[str, object]

RESERVED: Final = frozenset({"type", "title", "status", "code", "hint", "detail", "instance"})
_TEXT_CHARS_MAX: Final = 1_000  # characters of one fact; an error never echoes a whole document
_ITEMS_MAX: Final = 100  # entries of one fact that is a list or an object


def build_problem(error: HanseError) -> Problem:
    """Return the problem document of ``error``.

    What another party answered keeps the code that it gave: one fault has one code everywhere.
    """
    facts = error.facts()
    code, title, hint = error.code, title_of(type(error)), error.hint
    extra: Problem = {}
    relayed = error.relayed()
    if relayed is not None:
        code, hint, facts = relayed.code, relayed.hint, relayed.facts
        extra["detail"] = relayed.reason or None
    named = {f"fact_{k}" if k in RESERVED else k: _plain(v, 0) for k, v in facts.items()}
    document: Problem = {
        **named,
        **{k: _plain(v, 0) for k, v in extra.items()},
        "type": f"/problems/{code}",
        "title": title,
        "status": error.status,
        "code": code,
        "hint": hint,
    }
    return {k: v for k, v in document.items() if v is not None}


def problem_bytes(error: HanseError) -> bytes:
    """Return the problem document of ``error`` as canonical JSON."""
    return encode(build_problem(error))


def title_of(kind: type[HanseError]) -> str:
    """Return the first line of the class's docstring, without its full stop."""
    return (kind.__doc__ or kind.__name__).strip().partition("\n")[0].rstrip(".")


def _plain(value: object, depth: int) -> object:
    """Return ``value`` as JSON can carry it, cut to a bounded size."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= INTEGER_MAX else str(value)
    if isinstance(value, bytes):
        return to_text(value[:_TEXT_CHARS_MAX])
    if depth < 4 and isinstance(value, dict):
        pairs = list(value.items())[:_ITEMS_MAX]
        return {_text(k): _plain(v, depth + 1) for k, v in pairs}
    if depth < 4 and isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
        return [_plain(item, depth + 1) for item in items[:_ITEMS_MAX]]
    return _text(value)


def _text(value: object) -> str:
    return str(value)[:_TEXT_CHARS_MAX].encode("utf-8", "replace").decode("utf-8")
