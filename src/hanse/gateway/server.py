# SPDX-License-Identifier: Apache-2.0
"""The HTTP server around the gateway: bound to loopback by default, run by the node."""

import asyncio
import contextlib
import importlib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from starlette.types import ASGIApp
from uvicorn import Config, Server

from hanse.errors import Misconfigured
from hanse.gateway.app import Gateway
from hanse.gateway.protocol import GuardedProtocol

PORT: Final = 8420
KEEP_ALIVE_S: Final = 75  # seconds an idle connection stays open; longer than clients' pools wait
STOP_S: Final = 10  # seconds for running requests when the gateway stops
BACKLOG: Final = 1024  # connections that wait to be accepted


@dataclass(eq=False)
class AddressTaken(Misconfigured):
    """The gateway cannot listen at this address."""

    host: str
    port: int
    reason: str
    code: ClassVar[str] = "address_taken"
    hint: ClassVar[str] = "Stop what listens there, or choose another port; 0 takes a free one."


@dataclass(eq=False)
class TlsUnusable(Misconfigured):
    """The TLS files do not hold a certificate chain and its private key."""

    path: str
    reason: str
    code: ClassVar[str] = "tls_unusable"
    hint: ClassVar[str] = "Check tls.certificate and tls.key: PEM, unsealed, of one another."


class _Server(Server):
    """A server that says when it listens, and leaves signals to the process it runs in."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Change nothing."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.listening.set()


class Running:
    """A gateway that listens; made by :func:`start`."""

    def __init__(
        self, app: ASGIApp, server: _Server, listener: socket.socket, *, secure: bool
    ) -> None:
        self._app = app
        self._secure = secure
        self._server = server
        self.host, self.port = listener.getsockname()[:2]
        self._task = asyncio.create_task(server.serve(sockets=[listener]))

    @property
    def url(self) -> str:
        """The address as a client writes it."""
        return address(self.host, self.port, secure=self._secure)

    async def listening(self) -> None:
        """Return once connections are accepted."""
        await self._server.listening.wait()

    async def ended(self) -> None:
        """Return when the server has ended by itself, which it does only after a fault."""
        await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Take no more connections, let running requests finish, and return when all is closed."""
        end = getattr(self._app, "stop", None)
        if end is not None:
            end()
        self._server.should_exit = True
        await self._task


@dataclass(frozen=True, slots=True)
class Tls:
    """The files of a certificate chain and of its private key, both PEM."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Return what a server speaks TLS 1.2 or later with.

        Raises:
            TlsUnusable: the files do not hold a chain and its key.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            raise TlsUnusable(str(self.certificate), type(error).__name__) from None
        return context

    def trusting(self) -> ssl.SSLContext:
        """Return what a caller on this machine knows this very server by: its certificate."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context


def address(host: str, port: int, *, secure: bool = False) -> str:
    """Return the address of a server as a client on this machine writes it."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not to bind
    return f"http{'s' * secure}://{f'[{reached}]' if ':' in reached else reached}:{port}"


async def start(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = PORT,
    *,
    tls: Tls | None = None,
    listener: socket.socket | None = None,
) -> Running:
    """Return a gateway that listens at ``host`` and ``port``; port 0 takes a free one.

    A ``listener`` made by :func:`bind` is served instead.

    Raises:
        AddressTaken: the address cannot be had.
        TlsUnusable: the files of ``tls`` do not fit.
    """
    config = Config(
        app,
        http=GuardedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",  # the guard logs faults; what callers send wrong is theirs
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
        backlog=BACKLOG,
    )
    if tls is not None:
        config.load()
        config.ssl = tls.context()
    server = _Server(config)
    if isinstance(app, Gateway):
        app.count_connections(lambda: len(server.server_state.connections))
    running = Running(app, server, listener or bind(host, port), secure=tls is not None)
    await running.listening()
    return running


async def serve(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = PORT,
    *,
    ready: Callable[[Running], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until ``stop`` is set or the task is cancelled; then stop cleanly."""
    running = await start(app, host, port)
    try:
        if ready is not None:
            ready(running)
        await (stop or asyncio.Event()).wait()
    finally:
        await running.stop()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop for ``asyncio.Runner``: uvloop where it is installed."""
    try:
        fast = importlib.import_module("uvloop")
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = fast.new_event_loop()
    return loop


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; port 0 takes a free one.

    Raises:
        AddressTaken: the address cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        # asyncio sends small answers at once only on sockets that say they are TCP
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise AddressTaken(host=host, port=port, reason=error.strerror or str(error)) from None
    listener.setblocking(False)
    return listener
