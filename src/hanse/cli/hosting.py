# SPDX-License-Identifier: Apache-2.0
"""One process: a node, its gateway and console, and for demonstrations its witness."""

import asyncio
import gc
import socket
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from hanse.client import AsyncClient
from hanse.client.witness import Witness
from hanse.console import build_console
from hanse.console.security import Sessions
from hanse.contracts.app import App
from hanse.crypto.signers import Signer
from hanse.engines.cometbft.child import Meeting
from hanse.errors import HanseError
from hanse.gateway.app import Gateway, build_app
from hanse.gateway.server import start as start_gateway
from hanse.node.folder import Folder
from hanse.node.ledger import Progress
from hanse.node.service import NodeService

COSIGN_EVERY_S = 0.25
USUAL_PORT = 8420


def usual_port(host: str = "127.0.0.1") -> int:
    """Return 8420, or 0 (for a free port) when somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, USUAL_PORT))
        except OSError:
            return 0
    return USUAL_PORT


def free_port(host: str) -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def meeting_of(folder: Folder) -> Meeting:
    """Return where the engine of a node meets others, by ``hanse.toml`` in its folder."""
    try:
        settings = tomllib.loads((folder.path / "hanse.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Meeting()
    engine = settings.get("engine", {})
    return Meeting(engine["p2p"], peers=tuple(engine["persistent_peers"]))


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


@asynccontextmanager
async def opened(
    folder: Folder,
    apps: tuple[App, ...],
    url: str,
    *,
    wallet: Mapping[str, Signer] | None = None,
    progress: Progress | None = None,
    sessions: Sessions | None = None,
    history: bool = False,
) -> AsyncIterator[tuple[NodeService, Gateway]]:
    """Run a node until the block ends, its gateway and console ready to be served at ``url``.

    ``sessions`` are those of a console that this one follows at the same address; ``history``:
    keep what every state entry was.
    """
    service = NodeService(folder, apps, meeting=meeting_of(folder), history=history)
    await service.start(progress)
    client = AsyncClient(url, trust=folder.ledger)
    console = build_console(client, wallet=wallet, apps=apps, sessions=sessions)
    try:
        yield service, build_app(service, console=console)
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
    history: bool = False,
) -> AsyncIterator[Hosted]:
    """Run a node with gateway and console until the block ends."""
    port = port or free_port(host)
    url = f"http://{host}:{port}"
    node = opened(folder, apps, url, wallet=wallet, progress=progress, history=history)
    async with node as (service, app):
        usual = _settle_memory()
        running = await start_gateway(app, host, port)
        try:
            yield Hosted(service, running.url)
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
