# SPDX-License-Identifier: Apache-2.0
"""``hanse dev``: a node that runs a project's contract, and runs it anew whenever it is saved."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import click
from starlette.types import ASGIApp, Receive, Scope, Send

from hanse.cli.dev_folder import DEV_FOLDER, DevFolder, Founded
from hanse.cli.dev_report import Reporter, watched
from hanse.cli.hosting import WITH_HISTORY, free_port, opened, usual_port
from hanse.cli.output import common
from hanse.cli.project import Loaded, NotLoaded, Project, Stamp, find_project, load
from hanse.console.security import Sessions
from hanse.errors import HanseError
from hanse.gateway.app import Gateway
from hanse.gateway.server import Running
from hanse.gateway.server import start as start_gateway
from hanse.node.folder import Folder
from hanse.node.refounding import Refounded, refound

POLL_S: Final = 0.1  # between two looks at the files; a save counts once two looks agree
HELD_S: Final = 30  # that a request waits for a reload
HOST: Final = "127.0.0.1"
NOTHING: Final = Refounded(0, (), (), 0, 0)


class Switch:
    """The one address of all nodes that follow one another; requests wait while it has none."""

    def __init__(self) -> None:
        """Begin without a node."""
        self._app: Gateway | None = None
        self._free = asyncio.Event()
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the present node answer."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        while not self._free.is_set():  # it may be held again before this request goes on
            await asyncio.wait_for(self._free.wait(), HELD_S)
        assert self._app is not None
        self._running += 1
        self._idle.clear()
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    def serve(self, app: Gateway) -> None:
        """Let ``app`` answer from now on."""
        self._app = app
        self._free.set()

    async def hold(self) -> None:
        """Let no request begin, and return when those under way have ended."""
        self._free.clear()
        self.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), HELD_S)

    def stop(self) -> None:
        """End feeds and streams of the present node."""
        if self._app is not None:
            self._app.stop()


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


class Loop:
    """One run of ``hanse dev``: the node of the newest good code, and what follows it."""

    def __init__(self, project: Project, kept: DevFolder, reporter: Reporter, port: int) -> None:
        """Start nothing yet."""
        self._project = project
        self._kept = kept
        self._reporter = reporter
        self._port = port or free_port(HOST)
        self._url = f"http://{HOST}:{self._port}"
        self._switch = Switch()
        self._stage = AsyncExitStack()
        self._failed: asyncio.Task[None] | None = None
        self._sessions = Sessions()  # a browser stays who it is when the code changes
        self._loaded: Loaded | None = None
        self._founded: Founded | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve, watch and reload until ``stop`` is set."""
        async with serving(self._switch, self._port):
            try:
                seen: Stamp = ()
                while not stop.is_set():
                    if self._failed is not None and self._failed.done():
                        self._failed.result()  # the node has stopped by itself: say with what
                    stamp = self._project.stamp()
                    if stamp != seen and await self._settled(stamp):
                        seen = stamp
                        await self._take_up()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), POLL_S)
            finally:
                await self._close()
        self._reporter.say("stopped", {}, ["stopped; `hanse dev` goes on from here"])

    async def _settled(self, stamp: Stamp) -> bool:
        """Whether nothing more has been written since ``stamp``: an editor may save in parts."""
        await asyncio.sleep(POLL_S)
        return self._project.stamp() == stamp

    async def _take_up(self) -> None:
        """Let the files as they are now be what runs, if they can be."""
        began = time.monotonic()
        before = self._loaded
        try:
            loaded = load(self._project)
        except NotLoaded as error:
            self._reporter.refused(error.findings, running=before is not None)
            return
        except OSError:
            return  # a file went while it was read: the next look tells more
        try:
            old = self._kept.current()
            time_ms = None if old is None else old.genesis.time_ms
            founded = self._kept.found(self._project, loaded, time_ms)
            if before is not None and self._is_same(loaded, founded):
                before.activate()
                self._reporter.say("unchanged", {}, ["the files are again what runs"])
                return
            await self._follow(loaded, founded, old, began)
        except HanseError as error:
            if before is None:
                raise
            before.activate()
            self._reporter.failed(error)

    def _is_same(self, loaded: Loaded, founded: Founded) -> bool:
        assert self._loaded is not None
        assert self._founded is not None
        return loaded.texts == self._loaded.texts and founded.genesis == self._founded.genesis

    async def _follow(
        self, loaded: Loaded, founded: Founded, old: Folder | None, began: float
    ) -> None:
        """Put the new code in the place of the old one, or leave the old one where it was."""
        first = self._loaded is None
        await self._close()
        try:
            folder, found = await asyncio.to_thread(self._refound, founded, old)
        except Exception as error:
            if self._loaded is None or old is None:
                raise
            self._loaded.activate()
            assert self._founded is not None
            await self._open(old, self._founded)
            self._reporter.failed(error)
            return
        self._loaded, self._founded = loaded, founded
        await self._open(folder, founded)
        self._kept.keep(folder, self._project)
        if first:
            self._welcome(folder, founded)
        if not first or found.receipts or found.entries:
            self._reporter.reloaded(found, folder.ledger, time.monotonic() - began)

    def _refound(self, founded: Founded, old: Folder | None) -> tuple[Folder, Refounded]:
        """Return the folder of the new node, with all that the old one held, and the difference."""
        if old is not None and old.genesis_bytes == founded.genesis:
            return old, NOTHING
        folder = self._kept.make(founded)
        if old is None:
            return folder, NOTHING
        contracts = [contract for app in founded.apps for contract in app.contracts]
        try:
            return folder, refound(old, folder, contracts, self._kept.wallet)
        except BaseException:
            self._kept.drop(folder)
            raise

    async def _open(self, folder: Folder, founded: Founded) -> None:
        self._stage = AsyncExitStack()
        service, app = await self._stage.enter_async_context(
            opened(
                folder,
                founded.apps,
                self._url,
                wallet=self._kept.wallet,
                sessions=self._sessions,
                setup=WITH_HISTORY,
            )
        )
        self._failed = asyncio.create_task(service.failed())
        self._switch.serve(app)

    async def _close(self) -> None:
        """Let the requests under way end, and then the node."""
        await self._switch.hold()
        if self._failed is not None:
            self._failed.cancel()
            await asyncio.gather(self._failed, return_exceptions=True)
            self._failed = None
        await self._stage.aclose()

    def _welcome(self, folder: Folder, founded: Founded) -> None:
        members = [
            {"id": name, "key": str(self._kept.members / f"{name}.key"), "roles": roles}
            for name, roles in founded.roles.items()
        ]
        document = {"ledger": folder.ledger, "members": members, "url": self._url}
        lines = [f"{self._url}  the console; ledger {folder.ledger}"]
        lines += [f"  {name:<20} {', '.join(roles)}" for name, roles in founded.roles.items()]
        files = watched([*self._project.contracts, *self._project.sources()])
        lines.append(f"watching {files}: save to reload; Ctrl-C ends it")
        self._reporter.say("started", document, lines)


@asynccontextmanager
async def serving(app: ASGIApp, port: int) -> AsyncIterator[Running]:
    """Serve ``app`` until the block ends."""
    running = await start_gateway(app, HOST, port)
    try:
        yield running
    finally:
        await running.stop()


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=".")
@click.option("--port", type=int, help="8420, or a free one when that is taken; 0: a free one.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Keep keys and ledger here; {DEV_FOLDER} of the project by default.",
)
@click.option("--fresh", is_flag=True, help="Begin with an empty ledger and new keys.")
@common
def dev(*, path: Path, port: int | None, folder: Path | None, fresh: bool, as_json: bool) -> None:
    """Run a project's contract on a node and reload it whenever it is saved.

    PATH is a contract's file, or a folder with contract.py in it or below. Members come from
    network.toml; without it there are two, with every role. On save the new code executes all
    transactions again; what that changes is shown, and the ledger goes on from there. Undo the
    edit, and it is as it was. With --json, one document a line.

    Examples:
      hanse dev
      hanse dev shelf.py --fresh
      hanse dev coldchain --port 0 --json
    """
    project = find_project(path)
    kept = DevFolder(folder or project.root / DEV_FOLDER)
    kept.hold()
    if fresh:
        kept.clear()
    reporter = Reporter(as_json=as_json)
    loop = Loop(project, kept, reporter, usual_port() if port is None else port)
    asyncio.run(_until_signal(loop))


async def _until_signal(loop: Loop) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await loop.run(stop)
