# SPDX-License-Identifier: Apache-2.0
"""The same transactions give the same state root on the embedded engine and in the simulator.

The history is that of ``tools.determinism``. The simulated network decides what goes into which
block; the embedded engine gets the same transactions in that order, and executes them on the real
store by its own path.
"""

import asyncio
from pathlib import Path

import pytest
from tools import roots

from hanse.apps.trace.contract import Trace
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.crypto import SHA256
from hanse.engines import Budget, EmbeddedEngine
from hanse.identity import encode_genesis, ledger_id
from hanse.kernel import Kernel
from hanse.node.blocks import as_applied, decode_block
from hanse.storage import Store
from hanse.testing.simulator.founding import public_key
from hanse.testing.simulator.node import Founded, SimulatedNode
from hanse.testing.simulator.plan import Fault, Plan
from hanse.testing.simulator.workload import Request
from hanse.testing.simulator.world import World

TXS_PER_S = 400


class WideNode(SimulatedNode):
    block_txs = 200


def found() -> Founded:
    genesis = roots.build_genesis()
    ledger = ledger_id(encode_genesis(genesis), "sha256")
    nodes = {f"node1@{o.id}": public_key(f"vote {o.id}") for o in genesis.organisations}
    nodes["node2@acme"] = public_key("vote again")
    return Founded(genesis, ledger, (Trace,), nodes, dict.fromkeys(nodes.values(), 1))


def run_network(count: int, folder: Path) -> World:
    """Play the history on four nodes, of which one dies and comes back."""
    founded = found()
    requests = tuple(
        Request(
            number=number,
            at_ms=number * 1_000 // TXS_PER_S,
            signer="",
            name="",
            args={},
            nonce=0,
            tx=roots.build_transaction(number, founded.ledger),
        )
        for number in range(count)
    )
    faults = (Fault("power", 400, 1_500, ("node1@bolt",), 9), Fault("loss", 0, 2_000, (), 5))
    world = World(Plan(1, founded, requests, faults), folder, WideNode)
    assert world.run().violations == ()
    return world


def roots_of(world: World) -> list[str]:
    """Return the state root of each height, from the log that a simulated node keeps."""
    name = next(iter(world.plan.founded.nodes))
    node = WideNode(world.plan.founded, name, world.disks[name])
    node.on_restart(0)
    last = node.log.last_height
    assert last is not None
    found = [decode_block(node.log.read(h)[1]).header.state_root for h in range(1, last + 1)]
    node.stop()
    return found


async def run_embedded(world: World, folder: Path) -> list[str]:
    """Let the embedded engine order what the network decided; return the root of each height."""
    founded = world.plan.founded
    kernel = Kernel(founded.genesis, founded.ledger, founded.contracts)
    store = Store.open(folder, SHA256)
    store.apply(as_applied(kernel.genesis_block(store)))
    found: list[str] = []
    clock = [founded.genesis.time_ms]
    delivered = asyncio.Event()

    async def deliver(block: OrderedBlock) -> None:
        result = kernel.apply_block(store, block)
        if result.header is not None:
            store.apply(as_applied(result))
            found.append(result.header.state_root)
        delivered.set()

    budget = Budget(1_000, founded.genesis.rules.block_cost_max, 8_000_000)
    engine = EmbeddedEngine(deliver, lambda: clock[0], budget, height=0, time_ms=clock[0])
    await engine.start()
    for height in sorted(world.checks.deliveries):
        decided = world.checks.deliveries[height]
        if decided.submissions:
            held = tuple(OrderedSubmission(s.id, s.transactions) for s in decided.submissions)
            block = OrderedBlock(height, decided.time_ms, held)
            clock[0] = decided.time_ms
            delivered.clear()
            engine.submit(kernel.in_order(store, block))
            await delivered.wait()
    await engine.stop()
    store.close()
    return found


@pytest.mark.parametrize(
    "count", [400, pytest.param(10_000, marks=pytest.mark.slow)], ids=["short", "whole"]
)
def test_embedded_and_simulated_end_with_the_same_roots(count: int, tmp_path: Path) -> None:
    world = run_network(count, tmp_path / "nodes")
    expected = roots_of(world)
    assert len(expected) > 5
    assert asyncio.run(run_embedded(world, tmp_path / "embedded")) == expected
