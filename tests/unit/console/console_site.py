# SPDX-License-Identifier: Apache-2.0
"""A real node with gateway and console in one process, and a small browser without sockets."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from console_parcels import APP

from hanse.client import AsyncClient
from hanse.console import build_console
from hanse.crypto import signers
from hanse.gateway import build_app
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import make_folder
from hanse.node.founding import Founder, Operator, found
from hanse.node.service import NodeService

HOST = "127.0.0.1:8420"
SUITE = "ed25519-sha256"
HOSTILE = "<script>alert(1)</script>\u202egnp"


@dataclass
class Page:
    """An answer of the console."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def words(self) -> str:
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.text)).split())

    def header(self, name: str) -> str:
        return next((v for k, v in self.headers if k == name), "")


async def call_asgi(
    app: Any, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
) -> Page:
    """Return the whole answer of an ASGI application."""
    target, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": target if "%" not in target else _unquoted(target),
        "raw_path": target.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8420),
        "state": {},
    }
    sent = [{"type": "http.request", "body": body, "more_body": False}]
    answer = SimpleNamespace(status=0, headers=[], body=b"")

    async def receive() -> dict[str, Any]:
        if sent:
            return sent.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(k.decode().lower(), v.decode()) for k, v in message["headers"]]
        else:
            answer.body += message.get("body", b"")

    await app(scope, receive, send)
    return Page(answer.status, answer.headers, answer.body)


def _unquoted(target: str) -> str:
    return dict(parse_qsl("p=" + target))["p"]


class InProcess:
    """Carries the client's requests to the gateway in this process."""

    def __init__(self) -> None:
        self.app: Any = None
        self.broken: dict[str, Any] = {}

    async def exchange(self, request: Any) -> Any:
        for prefix, answer in self.broken.items():
            if request.path.startswith(prefix):
                return answer
        headers = {"host": HOST, "content-length": str(len(request.body))}
        if request.method == "POST":
            headers["content-type"] = request.content_type
        page = await call_asgi(self.app, request.method, request.path, headers, request.body)
        return SimpleNamespace(
            status=page.status, content_type=page.header("content-type"), body=page.body
        )

    async def stream(self, path: str, last_event_id: str) -> AsyncIterator[bytes]:
        for chunk in self.broken.pop("stream", ()):
            yield chunk

    async def duplex(self, path: str, body: Any) -> AsyncIterator[bytes]:
        raise NotImplementedError
        yield b""

    async def close(self) -> None:
        return


@dataclass
class Site:
    """The console of a running ledger, and a browser with its cookies."""

    run: Callable[[Awaitable[Any]], Any]
    console: Any
    transport: InProcess
    ledger: str
    service: NodeService
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Page:
        return self._ask("GET", path, headers)

    def post(
        self, path: str, fields: Mapping[str, str], *, token: bool = True, **headers: str
    ) -> Page:
        values = {"csrf": self.token(), **fields} if token else dict(fields)
        body = urlencode(values).encode()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, {**kind, **headers}, body)

    def upload(self, path: str, fields: Mapping[str, str], data: bytes) -> Page:
        parts = []
        for name, value in {"csrf": self.token(), **fields}.items():
            head = f'Content-Disposition: form-data; name="{name}"'
            parts.append(f"--XX\r\n{head}\r\n\r\n{value}\r\n".encode())
        head = 'Content-Disposition: form-data; name="file"; filename="f.txt"'
        parts.append(f"--XX\r\n{head}\r\nContent-Type: text/plain\r\n\r\n".encode() + data)
        body = b"".join(parts) + b"\r\n--XX--\r\n"
        return self._ask("POST", path, {"content-type": "multipart/form-data; boundary=XX"}, body)

    def token(self) -> str:
        match = re.search(r'name="csrf" value="([^"]+)"', self.get("/settings").text)
        assert match
        return match[1]

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Page:
        jar = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        every = {"host": HOST, **({"cookie": jar} if jar else {}), **named}
        page: Page = self.run(call_asgi(self.console, method, path, every, body))
        for name, value in page.headers:
            if name == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return page


def open_site(run: Callable[[Awaitable[Any]], Any], folder: Path) -> Site:
    """Return a console over a new ledger of two organisations with a few records."""
    ada, operator = signers.generate(SUITE), signers.generate(SUITE)
    genesis = found(
        network="parcels-test",
        time_ms=wall_clock_ms(),
        organisations={"acme": "Acme Ltd", "beta": "Beta <b>GmbH</b>"},
        members={
            "ada@acme": Founder(("sender", "admin"), ada),
            "bob@beta": Founder(("reader",), signers.generate(SUITE)),
        },
        operator=Operator("node1", "acme", operator),
        contracts=list(APP.contracts),
        witnesses={},
        witness_quorum=0,
    )
    service = NodeService(make_folder(folder / "node", genesis, "node1", operator), (APP,))
    run(service.start())
    transport = InProcess()
    transport.app = build_app(service)
    client = AsyncClient(f"http://{HOST}", trust=service.ledger, transport=transport)
    console = build_console(client, wallet={"ada@acme": ada}, apps=(APP,))
    return Site(run, console, transport, service.ledger, service)
