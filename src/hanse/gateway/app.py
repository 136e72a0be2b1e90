# SPDX-License-Identifier: Apache-2.0
"""The gateway put together: guard, hot routes, the other routes, and the console behind them."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from starlette.requests import Request
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from hanse.codec.limits import (
    BODY_BYTES_MAX,
    DOCUMENT_BYTES_MAX,
    REQUESTS_PER_SECOND,
    TX_BYTES_MAX,
)
from hanse.gateway.feed import Feed
from hanse.gateway.limits import Counters, Guard
from hanse.gateway.routes import Routes, not_found
from hanse.gateway.seam import NodeService
from hanse.gateway.transactions import Transactions

FORM_BYTES_MAX: Final = DOCUMENT_BYTES_MAX + 64 * 1024  # bytes of a console form with a document
_STREAM: Final = "/v1/transactions/stream"


class Gateway:
    """The HTTP API of one node, as an ASGI application; see :func:`build_app`."""

    def __init__(
        self,
        service: NodeService,
        console: ASGIApp | None,
        hosts: Iterable[str],
        requests_per_second: int,
        further: Callable[[], Awaitable[str]] | None,
    ) -> None:
        self._counters = counters = Counters()
        routes = Routes(service, counters, further)
        self._transactions = Transactions(service, counters)
        self._feed = Feed(service, counters)
        self._router = Router(
            routes.table(), redirect_slashes=False, default=_outside_api(console or _nothing)
        )
        self._hot: dict[str, Callable[[Scope, Receive, Send], Awaitable[None]]] = {
            "/v1/transactions": self._transactions.one,
            "/v1/transactions/batch": self._transactions.batch,
            _STREAM: self._transactions.stream,
            "/v1/feed": self._feed,
        }
        self._guard = Guard(
            self._dispatch,
            body_limit,
            counters,
            hosts=hosts,
            requests_per_second=requests_per_second,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._guard(scope, receive, send)

    def stop(self) -> None:
        """End feeds and streams cleanly, so that the server can stop; other requests finish."""
        self._transactions.stop()
        self._feed.stop()

    def count_connections(self, now: Callable[[], int]) -> None:
        """Let ``/metrics`` show how many connections ``now`` says are open."""
        self._counters.connections = now

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._hot.get(scope["path"], self._router)(scope, receive, send)


def build_app(
    service: NodeService,
    *,
    console: ASGIApp | None = None,
    hosts: Iterable[str] = (),
    requests_per_second: int = REQUESTS_PER_SECOND,
    further: Callable[[], Awaitable[str]] | None = None,
) -> Gateway:
    """Return the gateway of ``service``.

    Args:
        service: the node.
        console: what answers paths that are not the gateway's; none: they are ``unknown_path``.
        hosts: names, beside the loopback ones, under which this gateway is reached.
        requests_per_second: allowed to one address; a batch or a stream counts as one.
        further: figures of others that ``/metrics`` shows, too, in the text format.
    """
    return Gateway(service, console, hosts, requests_per_second, further)


def body_limit(path: str) -> int | None:
    """Return the bound in bytes on the body of a request for ``path``; ``None`` for a stream."""
    if path == _STREAM:
        return None
    if path == "/v1/transactions":
        return TX_BYTES_MAX
    if path == "/v1/documents" or path.startswith("/v1/formats/"):
        return DOCUMENT_BYTES_MAX
    return BODY_BYTES_MAX if path.startswith("/v1/") else FORM_BYTES_MAX


def _outside_api(console: ASGIApp) -> ASGIApp:
    """Return what answers other paths; below ``/v1/`` a program asks, and gets a problem."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        beyond = _nothing if scope["path"].startswith("/v1/") else console
        await beyond(scope, receive, send)

    return answer


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    response = await not_found(Request(scope, receive))
    await response(scope, receive, send)
