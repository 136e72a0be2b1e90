# SPDX-License-Identifier: Apache-2.0
"""One CometBFT and one application: blocks, restarts of either, kills, replay, refusals."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engine.counting import GENESIS
from tests.engine.nodes import Node, running

from hanse.engines.cometbft.errors import EngineRefused, EngineRpcFailed, StateDiverged
from hanse.engines.cometbft.home import address_of, node_id

pytestmark = pytest.mark.engine


def run(test: Coroutine[Any, Any, None], timeout_s: float = 90) -> None:
    asyncio.run(asyncio.wait_for(test, timeout_s))


async def is_up(node: Node) -> None:
    """Return once the engine answers."""
    async with node.rpc() as rpc, asyncio.timeout(30):
        while not await rpc.is_up():  # noqa: ASYNC110  # another process: nothing to wait on
            await asyncio.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has buried does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return False


def test_a_submission_becomes_a_block_and_the_next_header_carries_its_hash(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, 1) as [node]:
            await node.application.reached(1)
            node.application.submit(b"x" * 1_000)
            async with asyncio.timeout(20):
                # another process: nothing to wait on
                while node.application.bytes_seen < 1_000:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            [height] = [h for h, s in node.application.history.items() if s != GENESIS][:1]
            await node.application.reached(height + 2)
            async with node.rpc() as rpc:
                signed = await rpc.commit(height + 1)
                assert signed.header.app_hash == node.application.history[height]
                assert signed.header.chain_id == "test-ledger"
                assert signed.canonical
                assert len(signed.votes) == 1
                assert (await rpc.commit(1)).header.app_hash == GENESIS
                assert await rpc.submissions(height) == (b"x" * 1_000,)
                [member] = await rpc.validators(height)
                assert member.public_key == node.keys.voting.public_key
                assert member.address == address_of(member.public_key)
                assert signed.votes[0].address == member.address
                status = await rpc.status()
                assert status.node_id == node_id(node.keys.node.public_key)
                assert status.power == 10
                assert await rpc.peers() == ()
                with pytest.raises(EngineRpcFailed, match="must be less than or equal"):
                    await rpc.commit(1_000_000)

    run(test())


def test_only_the_application_restarts(tmp_path: Path) -> None:
    # CometBFT ends with status 0 when the application goes; the supervisor brings it back
    async def test() -> None:
        async with running(tmp_path, 1) as [node]:
            await node.application.reached(2)
            await node.server.stop()
            height = node.application.height
            await node.start_application()
            await node.application.reached(height + 2)
            assert node.process.restarts >= 1
            assert node.application.replayed[0] == height + 1

    run(test())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_only_the_engine_ends(tmp_path: Path, number: signal.Signals) -> None:
    async def test() -> None:
        async with running(tmp_path, 1) as [node]:
            await node.application.reached(2)
            pid = node.process.pid
            assert pid is not None
            os.kill(pid, number)
            height = node.application.height
            await node.application.reached(height + 2)
            assert node.process.restarts == 1
            assert node.process.pid != pid

    run(test())


def test_an_application_that_is_behind_gets_the_blocks_again(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, 1, start=False) as [node]:
            await node.start(durable_lag=5)
            for number in range(8):
                node.application.submit(bytes([number]) * 100)
                await node.application.reached(node.application.height + 1)
            await node.application.reached(node.application.height + 1)
            before = node.application
            await node.stop()
            assert before.height > 5
            await node.start(durable_lag=1)
            behind = node.application.height
            assert behind <= before.height
            await node.application.reached(before.height + 1)
            assert node.application.replayed[0] == behind + 1
            shared = sorted(set(before.history) & set(node.application.history))
            assert len(shared) > 1
            for height in shared:
                assert node.application.history[height] == before.history[height]
            await node.stop()

    run(test())


@pytest.mark.parametrize("point", range(10))
def test_it_goes_on_after_ending_at_any_of_its_own_crash_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: int
) -> None:
    # CometBFT counts the places around saving a block at which it may end, and ends at the n-th
    async def test() -> None:
        async with running(tmp_path, 1, start=False) as [node]:
            await node.start_application()
            node.application.submit(b"before the crash")
            monkeypatch.setenv("FAIL_TEST_INDEX", str(point))
            await node.start_engine()
            first = node.process.pid
            async with asyncio.timeout(60):
                # another process: nothing to wait on
                while node.process.pid == first:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            monkeypatch.delenv("FAIL_TEST_INDEX")
            before = dict(node.application.history)
            await node.application.reached(max(before) + 3)
            assert node.process.restarts >= 1
            assert node.application.bytes_seen == len(b"before the crash")
            for height, digest in before.items():
                assert node.application.history[height] == digest
            await node.stop()

    run(test())


def test_both_are_killed_and_come_back_where_they_were(tmp_path: Path) -> None:
    script = (
        "import asyncio,sys;from pathlib import Path;from tests.engine.killed import main;"
        "asyncio.run(main(Path(sys.argv[1])))"
    )
    root = Path(__file__).parent.parent.parent
    heights = []
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            words = child.stdout.readline().split()
            assert words, "the node did not come up"
            child.kill()
        heights.append(int(words[1]))
        engine = int(words[0])
        for _ in range(200):
            if not is_alive(engine):
                break
            signal.sigtimedwait([signal.SIGUSR1], 0.05)
        assert not is_alive(engine), "the engine outlived its node"
    assert heights[1] > heights[0]


def test_an_application_with_another_state_is_told_so(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, 1, start=False) as [node]:
            await node.start()
            await node.application.reached(3)
            await node.stop()
            height = node.application.height
            node.application.file.write_text(f"{height} {'ab' * 32} 0", encoding="ascii")
            await node.start()
            with pytest.raises(StateDiverged):
                await asyncio.wait_for(node.process.wait(), 60)
            assert node.process.pid is None
            await node.stop()

    run(test())


def test_an_application_ahead_of_its_engine_is_told_so(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, 1, start=False) as [node]:
            await node.start()
            await node.application.reached(2)
            await node.stop()
            node.application.file.write_text(f"1000 {'ab' * 32} 0", encoding="ascii")
            await node.start()
            with pytest.raises(EngineRefused) as caught:
                await asyncio.wait_for(node.process.wait(), 60)
            assert caught.value.reason == "engine_behind"
            await node.stop()

    run(test())


def test_a_setting_that_cometbft_does_not_take_is_told_so(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, 1, start=False) as [node]:
            node.settings = replace(node.settings, double_sign_check_height=-1)
            await node.start()
            with pytest.raises(EngineRefused) as caught:
                await asyncio.wait_for(node.process.wait(), 60)
            assert caught.value.reason == "configuration_refused"
            assert "double_sign_check_height" in caught.value.said
            await node.stop()

    run(test())


def test_a_failed_block_ends_the_engine(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, 1) as [node]:
            node.application.failing_at = 4
            with pytest.raises(RuntimeError, match="told to fail"):
                await asyncio.wait_for(node.server.wait(), 60)
            assert node.application.height == 3
            await node.process.stop()
            assert node.process.pid is None
            assert node.application.height == 3

    run(test())


def test_stopping_leaves_nothing_running(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, 1, start=False) as [node]:
            await node.start()
            await is_up(node)
            pid = node.process.pid
            assert pid is not None
            await node.stop()
            assert not is_alive(pid)
            await node.process.wait()
            assert not node.settings.app_socket.exists()

    run(test())
