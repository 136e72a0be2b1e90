# SPDX-License-Identifier: Apache-2.0
"""A whole network on one machine: a node of each organisation, each a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hanse.cli.hosting import free_port
from hanse.cli.network import settle
from hanse.contracts.contract import Contract
from hanse.errors import Misconfigured
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import Folder, open_folder
from hanse.node.joining import accept, found_network, prepare, read_join, write_prepared

HOST = "127.0.0.1"
STOP_S = 30.0
RESTART_S = 0.5
STAYS_DOWN = (3, 4)  # corrupt, misconfigured: until a person has looked
ORGANISATIONS = ("acme", "bank", "city", "dock", "east", "farm", "guild", "home", "isle", "jade")


@dataclass(eq=False)
class NodeNotStarted(Misconfigured):
    """A node of the local network ended before it took transactions."""

    organisation: str
    exit_code_seen: int
    log: str
    code: ClassVar[str] = "node_not_started"
    hint: ClassVar[str] = "Read the end of its log; `hanse doctor --dir FOLDER` looks at the node."


@dataclass(frozen=True, slots=True)
class LocalNode:
    """A node of a local network: its organisation, its folder, where its gateway listens."""

    organisation: str
    folder: Folder
    port: int

    @property
    def url(self) -> str:
        """Where its gateway listens."""
        return f"http://{HOST}:{self.port}"

    @property
    def admin_key(self) -> Path:
        """The key file of the organisation's first member."""
        return self.folder.path / "members" / f"admin@{self.organisation}.key"


def make_network(
    path: Path, validators: int, contracts: Iterable[type[Contract]], *, suite: str, port: int = 0
) -> list[LocalNode]:
    """Return a new network below ``path``, made as organisations make it that do not share a disk.

    ``port`` is that of the first gateway, the others follow it; 0 takes free ones.
    """
    joins: list[bytes] = []
    names = [_organisation(number) for number in range(validators)]
    for name in names:
        prepared = prepare(
            organisation=name,
            name=f"{name.title()} Ltd",
            node="node1",
            admin="admin",
            address=f"{HOST}:{free_port(HOST)}",
            suite=suite,
            now_ms=wall_clock_ms(),
        )
        write_prepared(path / name, prepared)
        joins.append(prepared.join)
    raw = found_network(
        [read_join(join, "$") for join in joins], network="local", contracts=contracts
    )
    (path / "network.json").write_bytes(raw)
    nodes: list[LocalNode] = []
    for number, name in enumerate(names):
        folder, peers = accept(path / name, raw)
        gateway = port + number if port else free_port(HOST)
        settle(folder, peers, port=gateway)
        nodes.append(LocalNode(name, folder, gateway))
    (path / "ports.json").write_text(json.dumps({n.organisation: n.port for n in nodes}))
    return nodes


def open_network(path: Path) -> list[LocalNode]:
    """Return a network that was made below ``path``."""
    ports = json.loads((path / "ports.json").read_text(encoding="utf-8"))
    return [LocalNode(name, open_folder(path / name), port) for name, port in ports.items()]


def _organisation(number: int) -> str:
    named = number < len(ORGANISATIONS)
    return ORGANISATIONS[number] if named else f"org{number + 1}"


class NodeProcess:
    """The process of one node; started again when it ends by itself."""

    def __init__(self, node: LocalNode, apps: Iterable[str], log: Path) -> None:
        """Prepare; :meth:`start` starts. ``apps`` are modules with an app."""
        extra = [part for app in apps for part in ("--app", app)]
        self.node = node
        self._command = [
            sys.executable, "-m", "hanse", "node", "run", str(node.folder.path),
            "--host", HOST, "--port", str(node.port), "--json", *extra,
        ]  # fmt: skip
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def start(self) -> None:
        """Start it and wait until its gateway listens.

        Raises:
            NodeNotStarted: it ended at once.
        """
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if b'"url":"' not in line:
            code = await self._process.wait()
            raise NodeNotStarted(self.node.organisation, code, str(self._log))

    async def ended(self) -> int:
        """Return its exit code once it has ended."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """End it in order, or else at once."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def running(
    nodes: list[LocalNode], apps: Iterable[str], told: Callable[[str], None] | None = None
) -> AsyncIterator[list[NodeProcess]]:
    """Run every node until the block ends; one that ends by itself is started again."""
    processes = [
        NodeProcess(node, apps, node.folder.path.parent / f"{node.organisation}.log")
        for node in nodes
    ]
    guards: list[asyncio.Task[None]] = []
    try:
        await asyncio.gather(*(process.start() for process in processes))
        guards = [asyncio.create_task(_guard(process, told)) for process in processes]
        yield processes
    finally:
        for guard in guards:
            guard.cancel()
        await asyncio.gather(*guards, return_exceptions=True)
        await asyncio.gather(*(process.stop() for process in processes))


async def _guard(process: NodeProcess, told: Callable[[str], None] | None) -> None:
    while True:
        code = await process.ended()
        again = code not in STAYS_DOWN
        if told is not None:
            then = "is started again" if again else "stays down: look at its log"
            told(f"the node of {process.node.organisation} ended ({code}) and {then}")
        if not again:
            return
        await asyncio.sleep(RESTART_S)
        with suppress(NodeNotStarted):
            await process.start()
