# SPDX-License-Identifier: Apache-2.0
"""The HTTP server around the gateway: bound to loopback by default, run by the node."""

import asyncio
import contextlib
import importlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from starlette.types import ASGIApp
from uvicorn import Config, Server

from hanse.errors import Misconfigured
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

    def __init__(self, app: ASGIApp, server: _Server, listener: socket.socket) -> None:
        self._app = app
        self._server = server
        self.host, self.port = listener.getsockname()[:2]
        self._task = asyncio.create_task(server.serve(sockets=[listener]))

    @property
    def url(self) -> str:
        """The address as a client writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

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


async def start(app: ASGIApp, host: str = "127.0.0.1", port: int = PORT) -> Running:
    """Return a gateway that listens at ``host`` and ``port``; port 0 takes a free one.

    Raises:
        AddressTaken: the address cannot be had.
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
    running = Running(app, _Server(config), _bind(host, port))
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


def _bind(host: str, port: int) -> socket.socket:
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
