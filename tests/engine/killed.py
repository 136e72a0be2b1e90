# SPDX-License-Identifier: Apache-2.0
"""A node in a process of its own, which says engine pid and height once it has made blocks."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from tests.engine.nodes import Node, make_nodes

from hanse.crypto.signers import from_private
from hanse.engines.cometbft.home import EngineGenesis, EngineValidator, Keys

KEYS = Keys(
    from_private("ed25519-sha256", b"\x01" * 32), from_private("ed25519-sha256", b"\x02" * 32)
)


async def main(folder: Path) -> None:
    """Run until killed; the same keys at every start."""
    sockets = Path(tempfile.mkdtemp(prefix="hanse-test-", dir="/tmp"))
    [made] = make_nodes(folder, 1, sockets)
    genesis = EngineGenesis(
        "test-ledger", made.genesis.time_ms, (EngineValidator(KEYS.voting.public_key, 10),)
    )
    node = Node(made.path, made.name, genesis, KEYS, made.settings)
    await node.start()
    begun = node.application.height
    node.application.submit(json.dumps(begun).encode())
    await node.application.reached(begun + 3)
    sys.stdout.write(f"{node.process.pid} {node.application.height}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()
