# SPDX-License-Identifier: Apache-2.0
"""Nodes for the tests: an application, its socket, a home and a CometBFT each, all on loopback."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.engine.counting import Counting

from hanse.cli.hosting import free_port
from hanse.crypto.signers import Signer, generate
from hanse.engines.cometbft.abci import AbciServer
from hanse.engines.cometbft.binary import find_binary
from hanse.engines.cometbft.configuration import Settings, socket_folder
from hanse.engines.cometbft.home import (
    EngineGenesis,
    EngineValidator,
    Home,
    Keys,
    node_id,
    write_home,
)
from hanse.engines.cometbft.process import Command, EngineProcess
from hanse.engines.cometbft.rpc import EngineRpc

GENESIS_MS = 1_764_510_000_000


def new_key() -> Signer:
    """Return a new Ed25519 key."""
    return generate("ed25519-sha256")


@dataclass
class Node:
    """One node; ``start`` may be called again after ``stop``."""

    path: Path
    name: str
    genesis: EngineGenesis
    keys: Keys
    settings: Settings
    application: Counting = field(init=False)
    server: AbciServer = field(init=False)
    process: EngineProcess = field(init=False)
    home: Home = field(init=False)

    async def start(self, **options: int) -> None:
        """Start application and engine."""
        await self.start_application(**options)
        await self.start_engine()

    async def start_application(self, **options: int) -> None:
        """Start the application as one that knows what its file says."""
        self.path.mkdir(exist_ok=True)
        self.application = Counting(self.path / "state", **options)
        self.server = AbciServer(self.application, self.settings.app_socket)
        await self.server.start()

    async def start_engine(self) -> None:
        """Write the home and start CometBFT in it."""
        self.home = write_home(self.path / "engine", self.genesis, self.settings, self.keys)
        sockets = (self.settings.rpc_socket,)
        command = Command(find_binary(), self.home.path, self.path / "engine.log", sockets)
        self.process = EngineProcess(command)
        await self.process.start()

    async def stop(self) -> None:
        """Stop the engine, then the application."""
        await self.process.stop()
        await self.server.stop()

    def rpc(self) -> EngineRpc:
        """Return a client of the engine."""
        return EngineRpc(self.settings.rpc_socket)


def make_nodes(folder: Path, count: int, sockets: Path, observers: int = 0) -> list[Node]:
    """Return nodes that know one another; the last ``observers`` do not vote."""
    keys = [Keys(new_key(), new_key()) for _ in range(count)]
    genesis = EngineGenesis(
        "test-ledger",
        GENESIS_MS,
        tuple(
            EngineValidator(k.voting.public_key, 10, f"node{i}")
            for i, k in enumerate(keys[: count - observers])
        ),
    )
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(count)]
    names = [f"{node_id(k.node.public_key)}@{a}" for k, a in zip(keys, addresses, strict=True)]
    return [
        Node(
            path=folder / f"node{i}",
            name=f"node{i}",
            genesis=genesis,
            keys=keys[i],
            settings=Settings(
                moniker=f"node{i}",
                app_socket=sockets / f"{i}.app",
                rpc_socket=sockets / f"{i}.rpc",
                listen=addresses[i],
                peers=tuple(n for j, n in enumerate(names) if j != i),
                on_loopback=True,
            ),
        )
        for i in range(count)
    ]


@asynccontextmanager
async def running(
    folder: Path, count: int, *, start: bool = True, observers: int = 0, **changes: Any
) -> AsyncIterator[list[Node]]:
    """Give started nodes; all are stopped afterwards."""
    sockets = socket_folder(Path(tempfile.mkdtemp(prefix="hanse-test-", dir="/tmp")))
    nodes = make_nodes(folder, count, sockets, observers)
    for node in nodes:
        node.settings = replace(node.settings, **changes)
    try:
        async with AsyncExitStack() as stack:
            for node in nodes:
                if start:
                    await node.start()
                    stack.push_async_callback(node.stop)
            yield nodes
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
