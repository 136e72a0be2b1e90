# SPDX-License-Identifier: Apache-2.0
"""Four real nodes and what befalls them: after each, one history, no receipt lost, all alive."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from tests.engine.network_rig import Network, run

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def test_each_organisations_gateway_serves_the_same_ledger(tmp_path: Path) -> None:
    async def scenario(network: Network) -> None:
        raw = network.pay(0)
        await asyncio.gather(*(network.send(at, raw) for at in range(4)))  # through all, once
        await asyncio.gather(*(network.send(at) for at in range(4) for _ in range(10)))

    run(tmp_path, scenario)


def test_a_killed_node_comes_back(tmp_path: Path) -> None:
    async def scenario(network: Network) -> None:
        network.nodes[0].kill()
        await asyncio.gather(*(network.send(at) for at in (1, 2, 3) for _ in range(5)))
        network.nodes[0].start()

    run(tmp_path, scenario)


def test_a_killed_engine_is_started_again(tmp_path: Path) -> None:
    async def scenario(network: Network) -> None:
        before = network.nodes[1].engine_pid()
        os.kill(before, signal.SIGKILL)
        await network.all_alive()
        assert network.nodes[1].engine_pid() != before

    run(tmp_path, scenario)


def test_all_killed_at_once_under_load_come_back(tmp_path: Path) -> None:
    async def scenario(network: Network) -> None:
        sending = [asyncio.create_task(network.send(at)) for at in range(4) for _ in range(20)]
        await asyncio.sleep(0.7)
        for node in network.nodes:
            node.kill()
        for node in network.nodes:
            node.start()
        await asyncio.gather(*sending)

    run(tmp_path, scenario)


def test_a_paused_node_catches_up(tmp_path: Path) -> None:
    async def scenario(network: Network) -> None:
        paused = network.nodes[2]
        assert paused.process is not None
        os.kill(paused.process.pid, signal.SIGSTOP)
        await asyncio.gather(*(network.send(at) for at in (0, 1, 3) for _ in range(5)))
        os.kill(paused.process.pid, signal.SIGCONT)

    run(tmp_path, scenario)


def test_half_of_the_validators_make_no_block(tmp_path: Path) -> None:
    async def scenario(network: Network) -> None:
        for at in (2, 3):
            network.nodes[at].kill()
        sending = [asyncio.create_task(network.send(at)) for at in (0, 1)]
        await asyncio.sleep(5)
        assert not any(task.done() for task in sending)  # two of four are no quorum
        for at in (2, 3):
            network.nodes[at].start()
        await asyncio.gather(*sending)

    run(tmp_path, scenario)
