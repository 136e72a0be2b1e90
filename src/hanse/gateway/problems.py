# SPDX-License-Identifier: Apache-2.0
"""The gateway's own errors, and what the pages of all error codes are made from.

The problem document of an error is made by ``hanse.codec.problems``, for every room alike.
"""

from dataclasses import dataclass, fields, is_dataclass
from typing import ClassVar, Final

from hanse.errors import Corrupt, HanseError, Misconfigured, Rejected

MEDIA_TYPE: Final = "application/problem+json"
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
