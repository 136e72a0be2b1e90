# SPDX-License-Identifier: Apache-2.0
"""Errors as RFC 9457 problems: one shape for every class, and a page for every code.

A problem is ``{"type", "title", "status", "code", "hint", ...facts}``. Codes never change and are
never translated; the title is the first line of the class's docstring.
"""

from dataclasses import dataclass, fields, is_dataclass
from typing import ClassVar, Final

from hanse.codec.base64url import to_text
from hanse.codec.limits import INTEGER_MAX
from hanse.errors import Corrupt, HanseError, Misconfigured, Refusal, Rejected
from hanse.gateway.seam import Json, to_json

MEDIA_TYPE: Final = "application/problem+json"
RESERVED: Final = frozenset({"type", "title", "status", "code", "hint", "detail", "instance"})
_TEXT_CHARS_MAX: Final = 1_000  # characters of one fact; an error never echoes a whole document
_ITEMS_MAX: Final = 100  # entries of one fact that is a list or an object
_FAMILIES: Final = (
    (Rejected, "the request: you can change it"),
    (Corrupt, "data of this node, or of another party"),
    (Misconfigured, "the operator can mend it"),
)


@dataclass(eq=False)
class UnknownPath(Rejected):
    """Nothing is served at this path."""

    path: str
    code: ClassVar[str] = "unknown_path"
    status: ClassVar[int] = 404
    hint: ClassVar[str] = "All paths are listed at /docs and in /openapi.json."


@dataclass(eq=False)
class UnknownTransaction(Rejected):
    """This node has no record of that transaction."""

    tx: str
    code: ClassVar[str] = "unknown_transaction"
    status: ClassVar[int] = 404
    hint: ClassVar[str] = "Check the id; it may not be ordered yet, or its history may be archived."


@dataclass(eq=False)
class UnknownBlock(Rejected):
    """This node has no block of that height."""

    height: int
    code: ClassVar[str] = "unknown_block"
    status: ClassVar[int] = 404
    hint: ClassVar[str] = "GET /v1/ledger gives the newest height; older blocks may be archived."


@dataclass(eq=False)
class UnknownDocument(Rejected):
    """This node keeps no document with that digest."""

    digest: str
    code: ClassVar[str] = "unknown_document"
    status: ClassVar[int] = 404
    hint: ClassVar[str] = (
        "Documents are kept by the node that imported them; ask that organisation."
    )


@dataclass(eq=False)
class WrongMethod(Rejected):
    """The path exists, but not for this method."""

    method: str
    allowed: str
    code: ClassVar[str] = "wrong_method"
    status: ClassVar[int] = 405
    hint: ClassVar[str] = "Use one of the allowed methods."


@dataclass(eq=False)
class UnknownHost(Rejected):
    """The Host header names a host that this gateway does not answer for."""

    host: str
    code: ClassVar[str] = "unknown_host"
    status: ClassVar[int] = 421
    hint: ClassVar[str] = "Use the loopback name, or add the name to the gateway's hosts."


@dataclass(eq=False)
class ForeignOrigin(Rejected):
    """A web page of another origin tried to change something."""

    origin: str
    code: ClassVar[str] = "foreign_origin"
    status: ClassVar[int] = 403
    hint: ClassVar[str] = (
        "Browsers may only write from the gateway's own pages; use a client instead."
    )


@dataclass(eq=False)
class TooManyRequests(Rejected):
    """This address asks more often than the gateway allows."""

    retry_after_s: int
    code: ClassVar[str] = "too_many_requests"
    status: ClassVar[int] = 429
    hint: ClassVar[str] = "Wait as long as Retry-After says; a batch or a stream counts as one."


@dataclass(eq=False)
class TooSlow(Rejected):
    """The rest of the request did not arrive in time."""

    what: str
    limit_s: int
    code: ClassVar[str] = "too_slow"
    status: ClassVar[int] = 408
    hint: ClassVar[str] = "Send the request in one go; use the stream for transactions over time."


@dataclass(eq=False)
class HeadersTooLarge(Rejected):
    """The request's headers exceed their limit."""

    limit: int
    code: ClassVar[str] = "headers_too_large"
    status: ClassVar[int] = 431
    hint: ClassVar[str] = "Send fewer or shorter headers and cookies."


@dataclass(eq=False)
class BadHttp(Rejected):
    """The bytes are not a well-formed HTTP/1.1 request."""

    reason: str
    code: ClassVar[str] = "bad_http"
    hint: ClassVar[str] = "Use an HTTP library; the reason names the first fault."


@dataclass(eq=False)
class EncodingUnsupported(Rejected):
    """The body is compressed, and the gateway takes plain bodies only."""

    encoding: str
    code: ClassVar[str] = "encoding_unsupported"
    status: ClassVar[int] = 415
    hint: ClassVar[str] = "Leave out Content-Encoding and send the bytes as they are."


@dataclass(eq=False)
class FeedFull(Misconfigured):
    """All places for readers of the feed are taken."""

    limit: int
    code: ClassVar[str] = "feed_full"
    hint: ClassVar[str] = "Close other feeds, read the blocks instead, or add an observer node."


@dataclass(eq=False)
class TooManyConnections(Misconfigured):
    """All places for connections are taken."""

    limit: int
    code: ClassVar[str] = "too_many_connections"
    hint: ClassVar[str] = "Reuse connections; the operator can raise the limit of open files."


@dataclass(eq=False)
class InternalFault(Corrupt):
    """The node met a fault of its own."""

    code: ClassVar[str] = "internal_fault"
    hint: ClassVar[str] = "The node's log has the details; report it with the time of the request."


def build_problem(error: HanseError) -> Json:
    """Return the problem document of ``error``.

    A :class:`Refusal` shows the code that the ledger gave: one fault has one code everywhere.
    """
    facts = error.facts()
    code, title = error.code, title_of(type(error))
    extra: Json = {}
    if isinstance(error, Refusal):
        code = error.refusal
        extra["detail"] = error.reason or None
        facts = {**(error.detail or {}), "tx": error.tx}
    named = {f"fact_{k}" if k in RESERVED else k: _plain(v, 0) for k, v in facts.items()}
    document: Json = {
        **named,
        **{k: _plain(v, 0) for k, v in extra.items()},
        "type": f"/problems/{code}",
        "title": title,
        "status": error.status,
        "code": code,
        "hint": error.hint,
    }
    return {k: v for k, v in document.items() if v is not None}


def problem_bytes(error: HanseError) -> bytes:
    """Return the problem document of ``error`` as canonical JSON."""
    return to_json(build_problem(error))


def title_of(kind: type[HanseError]) -> str:
    """Return the first line of the class's docstring, without its full stop."""
    return (kind.__doc__ or kind.__name__).strip().partition("\n")[0].rstrip(".")


def family_of(kind: type[HanseError]) -> str:
    """Return whose fault an error of this class is, in words."""
    return next((words for family, words in _FAMILIES if issubclass(kind, family)), "unknown")


def fields_of(kind: type[HanseError]) -> list[str]:
    """Return the names of the facts that an error of this class carries."""
    return [f.name for f in fields(kind)] if is_dataclass(kind) else []


def error_classes() -> dict[str, type[HanseError]]:
    """Return every concrete error class that is loaded, by code; families have none."""
    found: dict[str, type[HanseError]] = {}
    waiting: list[type[HanseError]] = [HanseError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if "code" in vars(kind) and kind is not HanseError:
            found[kind.code] = kind
    return dict(sorted(found.items()))


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
