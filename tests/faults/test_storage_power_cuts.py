# SPDX-License-Identifier: Apache-2.0
"""A power cut in the middle of an append: each unsynced sector survives or vanishes, in any order.

The file is rebuilt by hand: what was synced stays; of the last write each 512-byte sector is either
the new one or what was there before, and the file's end is anywhere in between.
"""

import random  # noqa: TID251 - seeded: an image can be made again from its number
import shutil
from pathlib import Path

import pytest

from hanse.crypto import SHA256
from hanse.storage import BlockLog
from hanse.storage.blocklog import encode_entry

IMAGES, SECTOR = 400, 512


def entry(height: int) -> tuple[int, bytes, bytes]:
    rng = random.Random(height)
    return height, SHA256(b"%d" % height), rng.randbytes(rng.choice((0, 30, 700, 5000)))


def cut_power(rng: random.Random, synced: bytes, written: bytes) -> bytes:
    """Return the file after the cut; ``written`` was on its way after ``synced``."""
    image = bytearray(synced + written)
    for start in range(len(synced) // SECTOR * SECTOR, len(image), SECTOR):
        end = min(start + SECTOR, len(image))
        if rng.random() < 0.5:
            lost = range(max(start, len(synced)), end)
            image[lost.start : lost.stop] = bytes(len(lost))
    if rng.random() < 0.5:
        del image[rng.randrange(len(synced), len(image) + 1) :]
    return bytes(image)


@pytest.mark.parametrize("told", [True, False], ids=["height-known", "height-unknown"])
def test_an_unacknowledged_append_is_there_whole_or_not_at_all(
    tmp_path: Path, *, told: bool
) -> None:
    whole = 0
    for number in range(IMAGES):
        rng = random.Random(number)
        count = rng.randrange(1, 6)
        synced = b"".join(encode_entry(*entry(height)) for height in range(count))
        folder = tmp_path / "log"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        image = cut_power(rng, synced, encode_entry(*entry(count)))
        (folder / "000000000000.blk").write_bytes(image)
        log = BlockLog.open(folder, acknowledged_height=count - 1 if told else None)
        assert log.last_height in (count - 1, count)
        whole += log.last_height == count
        last = log.last_height
        assert [*log.blocks(0, last)] == [entry(height) for height in range(last + 1)]
        log.append([entry(last + 1)])
        log.close()
        log = BlockLog.open(folder)
        assert [*log.blocks(0, last + 1)] == [entry(height) for height in range(last + 2)]
        log.close()
    assert 0 < whole < IMAGES  # both outcomes were met


def test_the_first_block_of_all_may_be_torn_too(tmp_path: Path) -> None:
    for number in range(40):
        folder = tmp_path / str(number)
        folder.mkdir()
        image = cut_power(random.Random(number), b"", encode_entry(0, SHA256(b"0"), b"x" * 2000))
        (folder / "000000000000.blk").write_bytes(image)
        log = BlockLog.open(folder)
        assert log.last_height in (None, 0)
        if log.last_height is None:
            log.append([(0, SHA256(b"0"), b"y")])
        log.close()
