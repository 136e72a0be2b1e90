# SPDX-License-Identifier: Apache-2.0
"""A validator is killed at each of its own crash points, and at each of CometBFT's, under load."""

import asyncio
from pathlib import Path

import pytest
from tests.engine.network_rig import PATIENCE_S, Network, run

from hanse.node.crash_points import POINTS

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ENGINE_POINTS = range(10)  # FAIL_TEST_INDEX: six in its consensus, four in its state


async def killed_at(network: Network, **environment: str) -> None:
    """Start the first node so that it is killed somewhere; wait for that while others go on."""
    node = network.nodes[0]
    node.stop()
    node.start(**environment)
    assert node.process is not None
    sending: list[asyncio.Task[None]] = []
    async with asyncio.timeout(PATIENCE_S):
        while node.process.poll() is None and not _engine_is_gone(network, environment):
            sending.append(asyncio.create_task(network.send(1 + len(sending) % 3)))
            if len(sending) % 4 == 0:
                sending.append(asyncio.create_task(network.send(0)))
            await asyncio.sleep(0.4)
            if "checkpoint" in environment.get("HANSE_FAIL_AT", "") and len(sending) > 8:
                node.process.terminate()  # it writes one when it ends
    node.kill()
    node.start()
    await asyncio.gather(*sending)


def _engine_is_gone(network: Network, environment: dict[str, str]) -> bool:
    """Whether CometBFT has ended once, where it is the one to be killed."""
    log = network.nodes[0].local.folder.engine / "engine.log"
    return "FAIL_TEST_INDEX" in environment and b"*** fail-test" in log.read_bytes()


@pytest.mark.parametrize("points", [POINTS[:5], POINTS[5:8] + POINTS[10:]], ids=["first", "rest"])
def test_killed_at_our_own_points(points: tuple[str, ...], tmp_path: Path) -> None:
    async def scenario(network: Network) -> None:
        for point in points:
            await killed_at(network, HANSE_FAIL_AT=point)
            await network.check()

    run(tmp_path, scenario)


def test_killed_at_the_engines_points(tmp_path: Path) -> None:
    async def scenario(network: Network) -> None:
        for index in ENGINE_POINTS:
            await killed_at(network, FAIL_TEST_INDEX=str(index))
            log = network.nodes[0].local.folder.engine / "engine.log"
            log.write_bytes(b"")
        await network.check()

    run(tmp_path, scenario)
