# SPDX-License-Identifier: Apache-2.0
"""The guard in front of every route: hosts, origins, sizes, rates, slow bodies, security headers.

The order of checks is fixed: size of the head → host → origin → rate → encoding → body size.
Whatever goes wrong behind the guard leaves it as a problem document; nothing that a caller sends
ends a process.
"""

import asyncio
import math
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network
from itertools import count
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hanse.codec.limits import HEADER_BYTES_MAX, REQUESTS_PER_SECOND
from hanse.codec.problems import problem_bytes
from hanse.errors import HanseError, TooLarge
from hanse.gateway.problems import (
    MEDIA_TYPE,
    BadHttp,
    EncodingUnsupported,
    ForeignOrigin,
    HeadersTooLarge,
    InternalFault,
    TooManyRequests,
    TooSlow,
    UnknownHost,
    UnknownPath,
    WrongMethod,
)
from hanse.node.figures import Sample, exposition
from hanse.node.logs import fault, is_told, tell

LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
BODY_IDLE_S: Final = 10  # seconds without a byte of a body; a phone on a train needs a few
BODY_TOTAL_S: Final = 60  # seconds for a whole body: 20 MiB at 3 Mbit/s
STREAM_IDLE_S: Final = 300  # seconds without a byte on a stream, which then ends cleanly
LINGER_S: Final = 2  # seconds to read on after an early answer, so that the caller sees it
LINGER_BYTES_MAX: Final = 4 * 1024 * 1024  # bytes read and dropped meanwhile
ADDRESSES_MAX: Final = 10_000  # addresses whose rate is remembered

CSP: Final = (
    b"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_RUN: Final = secrets.token_hex(4)  # begins the ids of this process's requests
_numbers: Final = count(1)


def request_id() -> str:
    """Return a new name for a request, by which its line in the log is found."""
    return f"{_RUN}-{next(_numbers)}"


class Disconnected(Exception):
    """The caller closed the connection before the request was complete."""


class Buckets:
    """A rate per address, with a burst of one second; one number is kept for each address.

    Args:
        rate: requests per second and address.
        addresses_max: addresses remembered; the oldest are forgotten first.

    Source: the generic cell rate algorithm of ITU-T I.371.
    """

    def __init__(self, rate: int, addresses_max: int = ADDRESSES_MAX) -> None:
        self._step = 1.0 / rate
        self._addresses_max = addresses_max
        self._due: dict[str, float] = {}

    def take(self, address: str, now: float) -> float:
        """Return 0.0 when the request is within its rate, else the seconds to wait."""
        due = max(self._due.get(address, now), now) + self._step
        wait = due - now - 1.0
        if wait > 1e-9:
            return wait
        if address not in self._due and len(self._due) >= self._addresses_max:
            self._forget(now)
        self._due[address] = due
        return 0.0

    def _forget(self, now: float) -> None:
        self._due = {k: v for k, v in self._due.items() if v > now}
        while len(self._due) >= self._addresses_max:
            del self._due[next(iter(self._due))]


@lru_cache(maxsize=4096)
def address_group(address: str) -> str:
    """Return what shares one rate: an IPv4 address, or the /64 network of an IPv6 address."""
    if ":" not in address:
        return address
    try:
        host = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(host.ipv4_mapped or IPv6Network((int(host) >> 64 << 64, 64)))


@dataclass(slots=True)
class Counters:
    """What the gateway did, for ``/metrics``."""

    by_class: list[int] = field(default_factory=lambda: [0] * 6)
    feeds: int = 0
    streams: int = 0
    connections: Callable[[], int] = int  # how many are open, as the server says

    def text(self) -> str:
        """Return the figures in the Prometheus text format."""
        responses: list[Sample] = [
            ("hanse_gateway_responses_total", {"class": f"{n}xx"}, float(self.by_class[n]))
            for n in range(2, 6)
        ]
        opened = {"connections": self.connections(), "feeds": self.feeds, "streams": self.streams}
        plain: list[Sample] = [
            (f"hanse_gateway_{name}", {}, float(n)) for name, n in opened.items()
        ]
        return exposition([*responses, *plain])


@dataclass(slots=True)
class Body:
    """The request's body, bounded in size, silence and duration; it is ASGI's ``receive``."""

    source: Receive
    limit: int | None
    idle_s: float
    deadline: float
    has_body: bool
    size: int = 0
    done: bool = False

    async def __call__(self) -> Message:
        """Return the next message of the request.

        Raises:
            TooSlow: nothing came for too long, or the whole takes too long.
            TooLarge: more bytes came than the route allows.
        """
        if self.done:
            return await self.source()
        now = asyncio.get_running_loop().time()
        until = min(now + self.idle_s, self.deadline)
        try:
            async with asyncio.timeout_at(until):
                message = await self.source()
        except TimeoutError:
            raise TooSlow(what="body", limit_s=round(self.idle_s)) from None
        if message["type"] == "http.disconnect":
            self.done = True
            return message
        self.size += len(message.get("body", b""))
        self.done = not message.get("more_body", False)
        if self.limit is not None and self.size > self.limit:
            raise TooLarge(what="body bytes", limit=self.limit, actual=self.size)
        return message


async def read_body(receive: Receive) -> bytes:
    """Return the whole body, whose size ``receive`` bounds.

    Raises:
        Disconnected: the caller left before its end.
    """
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


@dataclass(slots=True)
class Reply:
    """The response, with security headers; it can become a problem until it has begun."""

    target: Send
    counters: Counters
    api: bool
    body: Body | None = None
    started: bool = False
    status: int = 0
    id: str = ""  # of a refused request

    async def __call__(self, message: Message) -> None:
        """Pass a message on; it is ASGI's ``send``."""
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            self.counters.by_class[message["status"] // 100] += 1
            message["headers"] = self._complete(list(message.get("headers", ())))
        await self.target(message)

    def _complete(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name for name, _ in headers}
        html = any(n == b"content-type" and v.startswith(b"text/html") for n, v in headers)
        headers += [pair for pair in _HEADERS if pair[0] not in names]
        if html and b"content-security-policy" not in names:
            headers.append((b"content-security-policy", CSP))
        if self.api and b"cache-control" not in names:
            headers.append((b"cache-control", b"no-store"))
        if self.unread and b"connection" not in names:
            headers.append((b"connection", b"close"))
        return headers

    @property
    def unread(self) -> bool:
        """True when a part of the request's body has not been read."""
        return self.body is not None and self.body.has_body and not self.body.done

    async def problem(self, error: HanseError, receive: Receive) -> None:
        """Answer with the problem document of ``error``, unless the response has begun."""
        if self.started:
            return  # the server closes an unfinished response: the caller sees that it is cut
        content = problem_bytes(error)
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(content)),
        ]
        if isinstance(error, TooManyRequests):
            headers.append((b"retry-after", b"%d" % error.retry_after_s))
        elif error.status in {429, 503}:
            headers.append((b"retry-after", b"1"))
        headers.append((b"x-request-id", self.id.encode("ascii")))
        if isinstance(error, WrongMethod):
            headers.append((b"allow", error.allowed.encode()))
        linger = self.unread
        await self({"type": "http.response.start", "status": error.status, "headers": headers})
        await self({"type": "http.response.body", "body": content, "more_body": linger})
        if linger:
            await _linger(receive)
            await self({"type": "http.response.body", "body": b"", "more_body": False})


async def _linger(receive: Receive) -> None:
    """Read and drop what is still coming, for a while: closing at once would destroy the answer."""
    dropped = 0
    try:
        async with asyncio.timeout(LINGER_S):
            while dropped < LINGER_BYTES_MAX:
                message = await receive()
                dropped += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


class Guard:
    """The outermost layer of the gateway; see the module's text for its checks and their order.

    Args:
        app: what answers requests that pass.
        hosts: names beyond the loopback ones that this gateway answers for.
        body_limit: the bound on the body in bytes for a path; ``None`` for a stream.
        counters: where responses are counted.
        requests_per_second: of one address.
    """

    def __init__(
        self,
        app: ASGIApp,
        body_limit: Callable[[str], int | None],
        counters: Counters,
        *,
        hosts: Iterable[str] = (),
        requests_per_second: int = REQUESTS_PER_SECOND,
    ) -> None:
        self._app = app
        self._body_limit = body_limit
        self._counters = counters
        self._hosts = frozenset(name.lower().encode() for name in (*LOOPBACK, *hosts))
        self._buckets = Buckets(requests_per_second)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        path: str = scope["path"]
        reply = Reply(send, self._counters, api=path.startswith("/v1/"))
        source = receive
        begun = asyncio.get_running_loop().time() if is_told("request") else 0.0
        try:
            body = self._admit(scope, source, reply)
            scope["app"] = (
                self  # the router then raises its 404 and 405 instead of answering in text
            )
            await self._app(scope, body, reply)
        except HanseError as error:
            await _refused(reply, error, scope, source)
        except HTTPException as error:
            await _refused(reply, _from_http(error, scope), scope, source)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001  # the outermost loop: a bug is a coded answer
            reply.id = request_id()
            tell("gateway_fault", id=reply.id, **_called(scope), **fault(error))
            await reply.problem(InternalFault(), source)
        if begun:
            ms = round((asyncio.get_running_loop().time() - begun) * 1_000, 1)
            tell("request", ms=ms, status=reply.status, **_called(scope))

    def _admit(self, scope: Scope, source: Receive, reply: Reply) -> Body:
        """Return the bounded body of a request whose head is in order."""
        head = _read_head(scope["headers"])
        now = asyncio.get_running_loop().time()
        limit = self._body_limit(scope["path"])
        idle_s, total_s = (BODY_IDLE_S, BODY_TOTAL_S) if limit is not None else (STREAM_IDLE_S, 1e9)
        has_body = bool(head.length) or head.chunked
        body = Body(source, limit, idle_s, now + total_s, has_body)
        reply.body = body
        if head.bytes_count > HEADER_BYTES_MAX:
            raise HeadersTooLarge(limit=HEADER_BYTES_MAX)
        if head.hosts != 1:
            raise BadHttp(reason="exactly one Host header is needed")
        if _host_name(head.host) not in self._hosts:
            raise UnknownHost(host=printable(head.host.decode("latin-1")))
        if head.origin is not None and scope["method"] not in _SAFE:
            _check_origin(head.origin, head.host)
        client = scope.get("client")
        wait = self._buckets.take(address_group(client[0]) if client else "", now)
        if wait:
            raise TooManyRequests(retry_after_s=math.ceil(wait))
        if head.encoding:
            raise EncodingUnsupported(encoding=printable(head.encoding.decode("latin-1")))
        if limit is not None and head.length is not None and head.length > limit:
            raise TooLarge(what="body bytes", limit=limit, actual=head.length)
        return body


async def _refused(reply: Reply, error: HanseError, scope: Scope, source: Receive) -> None:
    """Answer with a problem, and say so under an id that the answer carries."""
    reply.id = request_id()
    event = "request_refused" if error.status < 500 else "request_failed"
    tell(event, code=error.code, id=reply.id, status=error.status, **_called(scope))
    await reply.problem(error, source)


def _called(scope: Scope) -> dict[str, str]:
    """Return what was asked for, without the query string: it may hold arguments and keys."""
    return {"method": printable(scope["method"]), "path": printable(scope["path"])}


@dataclass(slots=True)
class _Head:
    """The facts of the headers that the guard looks at."""

    bytes_count: int = 0
    hosts: int = 0
    host: bytes = b""
    origin: bytes | None = None
    encoding: bytes = b""
    length: int | None = None
    chunked: bool = False


def _read_head(headers: Iterable[tuple[bytes, bytes]]) -> _Head:
    head = _Head()
    for name, value in headers:
        head.bytes_count += len(name) + len(value) + 4
        if name == b"host":
            head.hosts += 1
            head.host = value.lower()
        elif name == b"content-length":
            head.length = int(value)  # the parser has refused everything but digits
        elif name == b"transfer-encoding":
            head.chunked = True
        elif name == b"origin":
            head.origin = value.lower()
        elif name == b"content-encoding" and value.lower() != b"identity":
            head.encoding = value
    return head


def _host_name(host: bytes) -> bytes:
    """Return the host without its port."""
    if host.startswith(b"["):
        return host.partition(b"]")[0] + b"]"
    return host.partition(b":")[0]


def _check_origin(origin: bytes, host: bytes) -> None:
    """Establish that a writing request of a browser comes from a page of this very gateway."""
    if origin.partition(b"//")[2] != host:
        raise ForeignOrigin(origin=printable(origin.decode("latin-1")))


def _from_http(error: HTTPException, scope: Scope) -> HanseError:
    """Return the router's refusal as an error of ours."""
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return WrongMethod(method=scope["method"], allowed=allowed)
    if error.status_code == 404:
        return UnknownPath(path=printable(scope["path"]))
    return BadHttp(reason=printable(str(error.detail)))


def printable(text: str) -> str:
    """Return foreign text without control characters, at most 200 characters of it."""
    return "".join(c if c.isprintable() else "?" for c in text[:200])


async def _lifespan(receive: Receive, send: Send) -> None:
    """Follow the server's start and stop; the node starts before it and stops after it."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
