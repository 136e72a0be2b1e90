# SPDX-License-Identifier: Apache-2.0
"""Sessions, the token against forged requests, the origin rule, and the headers of every page."""

import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import ClassVar, Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hanse.errors import Rejected

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # not no-referrer: browsers then send "Origin: null" with our own forms; others get nothing
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
IDLE_SECONDS: Final = 30 * 60
LIFE_SECONDS: Final = 8 * 3600
SESSIONS_MAX: Final = 10_000  # sessions kept; the one unused for longest goes first


@dataclass(eq=False)
class ForgedRequest(Rejected):
    """A form came from another site, or without the token of this session."""

    reason: str
    code: ClassVar[str] = "forged_request"
    status: ClassVar[int] = 403
    hint: ClassVar[str] = "Open the form again in this window and send it from there."


@dataclass(slots=True)
class Session:
    """What the console remembers of one browser: a token, and as whom it looks at a demo ledger."""

    id: str
    token: str
    born: float
    seen: float
    member: str | None = None
    fresh: bool = field(default=True)


class Sessions:
    """The live sessions, in memory, bounded; an opaque id in a cookie names one."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Session] = OrderedDict()

    def open(self, cookie: str | None) -> Session:
        """Return the live session that ``cookie`` names, or a new one."""
        now = time.monotonic()
        found = self._by_id.get(cookie) if cookie else None
        if found and now - found.seen <= IDLE_SECONDS and now - found.born <= LIFE_SECONDS:
            found.seen, found.fresh = now, False
            self._by_id.move_to_end(found.id)
            return found
        if found:
            del self._by_id[found.id]
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), now, now)
        self._by_id[session.id] = session
        while len(self._by_id) > SESSIONS_MAX:
            self._by_id.popitem(last=False)
        return session


def cookie_name(request: Request) -> str:
    """Return the name of the session cookie: bound to the host wherever the page came by TLS."""
    return "__Host-hanse_session" if request.url.scheme == "https" else "hanse_session"


def set_cookie(response: Response, request: Request, name: str, value: str) -> None:
    """Set a cookie that scripts cannot read and other sites' forms do not send."""
    secure = request.url.scheme == "https"
    response.set_cookie(name, value, httponly=True, samesite="lax", secure=secure, path="/")


def verify_origin(request: Request) -> None:
    """Establish that no other site made the browser send this form.

    Raises:
        ForgedRequest: the browser names another origin.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        raise ForgedRequest(reason="the form was sent from another site")
    if origin is None or (origin == "null" and site == "same-origin"):
        return
    if urlsplit(origin).netloc != request.headers.get("host"):
        raise ForgedRequest(reason="the form was sent from another origin")


def verify_token(session: Session, token: str) -> None:
    """Establish that the form was written by this console for this session.

    Raises:
        ForgedRequest: the token is missing or another session's.
    """
    if not hmac.compare_digest(session.token.encode(), token.encode("utf-8", "replace")):
        raise ForgedRequest(reason="the form's token is missing or old")


class SecurityHeaders:
    """ASGI middleware: each answer of the console carries the policy and its companions."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to the start of the answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(k, v) for k, v in message["headers"] if k.decode() not in HEADERS]
                headers += [(key.encode(), value.encode()) for key, value in HEADERS.items()]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_with_headers)
