# SPDX-License-Identifier: Apache-2.0
"""One process: a node, its gateway and console, and for demonstrations its witness."""

import asyncio
import gc
import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from typing import Final

from hanse.client import AsyncClient
from hanse.client.transports import AioTransport
from hanse.client.witness import Witness
from hanse.codec.limits import REQUESTS_PER_SECOND
from hanse.console import build_console
from hanse.console.security import Sessions
from hanse.contracts.app import App
from hanse.crypto.signers import Signer
from hanse.engines.cometbft.child import Meeting
from hanse.errors import HanseError
from hanse.gateway.app import Gateway, build_app
from hanse.gateway.server import Tls, address, bind
from hanse.gateway.server import start as start_gateway
from hanse.gateway.starting import Starting
from hanse.node.engine_figures import EngineFigures
from hanse.node.folder import Folder
from hanse.node.health import USUAL, Bounds
from hanse.node.ledger import Progress
from hanse.node.restored import is_fresh_restore
from hanse.node.service import NodeService
from hanse.node.settings import Configuration

COSIGN_EVERY_S = 0.25
USUAL_PORT = 8420
LISTEN_PORTS = range(10_000, 30_000)
LOOK_BACK: Final = 10  # engine blocks searched for votes of this key, once, after a restore


def usual_port(host: str = "127.0.0.1") -> int:
    """Return 8420, or 0 (for a free port) when somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, USUAL_PORT))
        except OSError:
            return 0
    return USUAL_PORT


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens at, below those that the system hands out.

    What is given such a port once keeps it over restarts: while it is down, a dialling socket
    might get that very port among the others.
    """
    while True:
        port = LISTEN_PORTS.start + secrets.randbelow(len(LISTEN_PORTS))
        with socket.socket() as probe, suppress(OSError):
            probe.bind((host, port))
            return port


@dataclass(frozen=True, slots=True)
class Setup:
    """How a node is run, beside where it listens; without more, as for a demonstration."""

    tls: Tls | None = None
    hosts: tuple[str, ...] = ()
    requests_per_second: int = REQUESTS_PER_SECOND
    passphrase: str | None = None
    bounds: Bounds = USUAL
    engine_figures: str | None = None
    meeting: Meeting | None = None
    history: bool = False  # keep what every state entry was


def setup_of(settings: Configuration, folder: Folder, *, history: bool = False) -> Setup:
    """Return what the settings of a node say of it."""
    figures = settings.find_text("engine.metrics")
    meeting = Meeting(
        settings.text("engine.p2p"),
        external=settings.find_text("engine.external") or "",
        peers=settings.list("engine.persistent_peers"),
        metrics=figures or "",
        double_sign_check_height=LOOK_BACK if is_fresh_restore(folder.path) else 0,
    )
    certificate, key = settings.path("tls.certificate"), settings.path("tls.key")
    bounds = Bounds(
        block_age_s=settings.number("limits.block_age_s"),
        disk_free_bytes=settings.number("limits.disk_free_mib") * 1024**2,
        backups=settings.path("backup.folder"),
        certificate=certificate,
    )
    return Setup(
        tls=None if certificate is None or key is None else Tls(certificate, key),
        hosts=(settings.text("host"), *settings.list("hosts")),
        requests_per_second=settings.number("limits.requests_per_second"),
        passphrase=settings.passphrase(),
        bounds=bounds,
        engine_figures=figures if folder.genesis.voters else None,
        meeting=meeting,
        history=history,
    )


@dataclass(frozen=True, slots=True)
class Hosted:
    """A running node and where it listens."""

    service: NodeService
    url: str


def _settle_memory() -> tuple[int, int, int]:
    """Keep the cycle collector from walking the loaded code and state; return the usual thresholds.

    Its walks took 12 % of a node's time under load, more with a large state, and found nothing:
    what a transaction leaves behind has no cycles and goes by reference counts.
    """
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    return usual


AS_IS: Final = Setup()
WITH_HISTORY: Final = Setup(history=True)


@asynccontextmanager
async def opened(
    folder: Folder,
    apps: tuple[App, ...],
    url: str,
    *,
    wallet: Mapping[str, Signer] | None = None,
    progress: Progress | None = None,
    sessions: Sessions | None = None,
    setup: Setup = AS_IS,
) -> AsyncIterator[tuple[NodeService, Gateway]]:
    """Run a node until the block ends, its gateway and console ready to be served at ``url``.

    ``sessions`` are those of a console that this one follows at the same address.
    """
    service = NodeService(
        folder,
        apps,
        passphrase=setup.passphrase,
        bounds=setup.bounds,
        meeting=setup.meeting,
        history=setup.history,
    )
    await service.start(progress)
    transport = None if setup.tls is None else AioTransport(url, tls=setup.tls.trusting())
    client = AsyncClient(url, trust=folder.ledger, transport=transport)
    console = build_console(client, wallet=wallet, apps=apps, sessions=sessions)
    engine = None if setup.engine_figures is None else EngineFigures(setup.engine_figures).text
    gateway = build_app(
        service,
        console=console,
        hosts=setup.hosts,
        requests_per_second=setup.requests_per_second,
        further=engine,
    )
    try:
        yield service, gateway
    finally:
        await client.close()
        await service.stop()


@asynccontextmanager
async def hosted(  # options by name
    folder: Folder,
    apps: tuple[App, ...],
    *,
    host: str = "127.0.0.1",
    port: int = USUAL_PORT,
    wallet: Mapping[str, Signer] | None = None,
    progress: Progress | None = None,
    setup: Setup = AS_IS,
) -> AsyncIterator[Hosted]:
    """Run a node with gateway and console until the block ends.

    While it is not up yet, its address says so; see :class:`hanse.gateway.starting.Starting`.
    """
    with closing(bind(host, port)) as listener:
        starting = Starting(listener, None if setup.tls is None else setup.tls.context())
        url = address(host, listener.getsockname()[1], secure=setup.tls is not None)

        def tell_progress(done: int, total: int) -> None:
            starting.progress(done, total)
            if progress is not None:
                progress(done, total)

        starting.start()
        async with AsyncExitStack() as stack:
            stack.callback(starting.stop)
            service, app = await stack.enter_async_context(
                opened(folder, apps, url, wallet=wallet, progress=tell_progress, setup=setup)
            )
            usual = _settle_memory()
            starting.stop()
            running = await start_gateway(app, tls=setup.tls, listener=listener)
            try:
                yield Hosted(service, url)
            finally:
                await running.stop()
                gc.set_threshold(*usual)
                gc.unfreeze()


@asynccontextmanager
async def witnessing(client: AsyncClient, witness: Witness) -> AsyncIterator[None]:
    """Let ``witness`` cosign whatever is new until the block ends."""

    async def run() -> None:
        while True:
            with suppress(HanseError):
                await client.cosign(witness)
            await asyncio.sleep(COSIGN_EVERY_S)

    task = asyncio.get_running_loop().create_task(run(), name="witness")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
