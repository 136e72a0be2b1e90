# SPDX-License-Identifier: Apache-2.0
"""Four validators on loopback: they agree, go on without one, and change their set."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.engine.nodes import Node, running

from hanse.engines.cometbft.parts import PublicKey, ValidatorUpdate

pytestmark = pytest.mark.engine


def run(test: Coroutine[Any, Any, None], timeout_s: float = 180) -> None:
    asyncio.run(asyncio.wait_for(test, timeout_s))


async def seen(nodes: list[Node], size: int, timeout_s: float = 60) -> None:
    """Return once every node was delivered so many bytes."""
    async with asyncio.timeout(timeout_s):
        for node in nodes:
            while node.application.bytes_seen < size:
                node.application.grown.clear()
                await node.application.grown.wait()


def assert_agreement(nodes: list[Node]) -> None:
    """All have the same hash at the heights that all have."""
    shared = set.intersection(*(set(node.application.history) for node in nodes))
    assert len(shared) > 2
    for height in shared:
        assert len({node.application.history[height] for node in nodes}) == 1, height


def test_four_make_blocks_and_agree(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, 4) as nodes:
            for number, node in enumerate(nodes):
                for part in range(5):
                    node.application.submit(bytes([number, part]) * 1_000)
            await seen(nodes, 4 * 5 * 2_000)
            height = max(node.application.height for node in nodes)
            for node in nodes:
                await node.application.reached(height + 2)
            assert_agreement(nodes)
            assert max(nodes[0].application.signers.values()) >= 3
            async with nodes[0].rpc() as rpc:
                signed = await rpc.commit(height + 1)
                assert sum(bool(vote.signature) for vote in signed.votes) >= 3
                async with asyncio.timeout(30):
                    # another process: nothing to wait on
                    while len(await rpc.peers()) < 3:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                assert len(await rpc.validators(height)) == 4

    run(test())


def test_three_go_on_and_the_killed_one_catches_up(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, 4) as nodes:
            for node in nodes:
                await node.application.reached(2, 60)
            *rest, last = nodes
            last.process._stopping.set()  # no restart: it is gone
            assert last.process.pid is not None
            os.kill(last.process.pid, signal.SIGKILL)
            await last.stop()
            rest[0].application.submit(b"while one is gone")
            await seen(rest, 17)
            await last.start()
            await seen([last], 17, 90)
            height = max(node.application.height for node in nodes)
            await last.application.reached(height + 1, 60)
            assert_agreement(nodes)

    run(test())


def test_a_validator_joins_two_heights_after_its_update(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, 4, observers=1) as nodes:
            joining = nodes[-1]
            update = ValidatorUpdate(PublicKey(joining.keys.voting.public_key), 10)
            at = 6
            for node in nodes:
                node.application.updates[at] = (update,)
            for node in nodes:
                await node.application.reached(at + 4, 90)
            async with nodes[0].rpc() as rpc:
                counts = [len(await rpc.validators(h)) for h in (at, at + 1, at + 2, at + 3)]
                assert counts == [3, 3, 4, 4]
                header = (await rpc.commit(at + 1)).header
                after = (await rpc.commit(at + 2)).header
                assert header.next_validators_hash == after.validators_hash
                assert header.validators_hash != header.next_validators_hash
            assert_agreement(nodes)

    run(test())
