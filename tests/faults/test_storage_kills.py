# SPDX-License-Identifier: Apache-2.0
"""A writer killed at any moment loses nothing acknowledged, and its tries agree with its log."""

import os
import random  # noqa: TID251 - seeded, and the same on both sides
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hanse.crypto import SHA256
from hanse.merkle.trie import Trie
from hanse.storage import AppliedBlock, BlockLog, Store

RUNS = 60
WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.faults.test_storage_kills import run_writer
run_writer(Path(sys.argv[1]))
"""
ROOT = Path(__file__).resolve().parents[2]


def changes_of(height: int) -> dict[bytes, bytes | None]:
    """What block ``height`` writes: known to both sides, with deletions."""
    rng = random.Random(height)
    keys = [b"m\x00%05d" % rng.randrange(3000) for _ in range(40)]
    return {k: None if rng.random() < 0.2 else b"%d" % height for k in keys}


def apply_to(store: Store, height: int) -> None:
    changes = changes_of(height)
    tagged = SHA256.tagged
    store.tries.update(
        {
            "bank": {
                tagged("hanse/key/1", k): None if v is None else tagged("hanse/value/1", v)
                for k, v in changes.items()
            }
        }
    )
    store.apply(
        AppliedBlock(
            height=height,
            block_id=SHA256(b"%d" % height),
            header=b"%d" % height,
            time_ms=height,
            writes={"bank": changes},
            leaves=[SHA256(b"leaf %d %d" % (height, i)) for i in range(3)],
            transactions=[(SHA256(b"tx %d" % height), SHA256(b"n %d" % height), height + 10)],
        )
    )


def open_node(folder: Path) -> tuple[Store, BlockLog]:
    """As a node starts: the store at its checkpoint, then what the log has beyond it."""
    store = Store.open(folder / "state", SHA256)
    log = BlockLog.open(folder / "log", create=True, acknowledged_height=store.checkpoint_height)
    last = -1 if log.last_height is None else log.last_height
    for height, block_id, payload in log.blocks(store.height + 1, last):
        assert (block_id, payload) == (SHA256(b"%d" % height), b"%d" % height * 50)
        apply_to(store, height)
    return store, log


def run_writer(folder: Path) -> None:
    store, log = open_node(folder)
    while True:
        height = store.height + 1
        log.append([(height, SHA256(b"%d" % height), b"%d" % height * 50)])
        os.write(1, b"%d\n" % height)  # the acknowledgement
        apply_to(store, height)
        if height % 5 == 4:
            store.checkpoint()


def last_number(data: bytes) -> int:
    whole = data[: data.rfind(b"\n") + 1].split()
    return int(whole[-1]) if whole else -1


@pytest.mark.slow
def test_sixty_kills_lose_nothing_acknowledged(tmp_path: Path) -> None:
    rng = random.Random(4711)
    acknowledged = -1
    for _ in range(RUNS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(ROOT)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout
            data, blocks = b"", rng.randrange(1, 12)
            while data.count(b"\n") < blocks:
                assert select.select([writer.stdout], [], [], 30)[0]
                piece = os.read(writer.stdout.fileno(), 4096)
                assert piece, "the writer stopped by itself"
                data += piece
            # then at a moment that the scheduler chooses, up to a few appends later
            select.select([], [], [], rng.random() * 0.004)
            writer.send_signal(signal.SIGKILL)
            data += writer.stdout.read()
        acknowledged = max(acknowledged, last_number(data))
        check(tmp_path, acknowledged)
    store, log = open_node(tmp_path)
    assert store.height >= RUNS
    assert_equal_to_replay(store)
    store.close()
    log.close()


def check(folder: Path, acknowledged: int) -> None:
    log = BlockLog.open(folder / "log", readonly=True)
    assert log.last_height is not None
    assert log.last_height >= acknowledged
    log.close()
    store, log = open_node(folder)
    assert store.height >= acknowledged
    if store.height % 10 == 0:
        assert_equal_to_replay(store)
    store.close()
    log.close()


def assert_equal_to_replay(store: Store) -> None:
    """Compare with the plain model of all blocks since the first."""
    model: dict[bytes, bytes] = {}
    for height in range(store.height + 1):
        for k, v in changes_of(height).items():
            if v is None:
                model.pop(k, None)
            else:
                model[k] = v
    assert store.scan("bank", b"", b"", 10**6) == sorted(model.items())
    tagged = SHA256.tagged
    plain = Trie(SHA256, {})
    plain.bulk([(tagged("hanse/key/1", k), tagged("hanse/value/1", v)) for k, v in model.items()])
    assert store.tries.root_of("bank") == plain.root
    assert store.log_frontier.size == 3 * (store.height + 1)


def test_the_state_after_all_kills_is_that_of_its_blocks(tmp_path: Path) -> None:
    for stop in (3, 9, 12):  # with and without a checkpoint at the end
        store, log = open_node(tmp_path)
        while store.height < stop:
            height = store.height + 1
            log.append([(height, SHA256(b"%d" % height), b"%d" % height * 50)])
            apply_to(store, height)
            if height == 5:
                store.checkpoint()
        assert_equal_to_replay(store)
        store.close()
        log.close()
