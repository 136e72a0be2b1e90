# SPDX-License-Identifier: Apache-2.0
"""Cost of an ordered map's tree in memory: CPU per changed row, bytes of pages, proofs of ranges.

    python bench/ordered.py [ROWS ...]       one JSON line for each number of rows

Each line: so many rows, then 50 blocks of 500 rows put, then proofs of 20 rows. ``chain`` is the
worst that keys can do: one in front of each half byte of a long one, then writes to its end.
"""

import json
import random  # noqa: TID251 - seeded: the same work on every machine
import sys
import time

from hanse.contracts.keys import encode_key
from hanse.crypto import SHA256
from hanse.merkle.ordered import OrderedTree
from hanse.merkle.ranges import verify_range

BLOCK_ROWS, BLOCKS, PROOFS = 500, 50, 2_000


def key_of(number: int) -> bytes:
    """Return a key as contracts have them: an owner, and a number of theirs."""
    return encode_key((f"org{number % 97}", f"R-{number:08}"))


def settle(tree: OrderedTree) -> int:
    """Let a checkpoint take the pages; returns their bytes."""
    buffer = tree._buffer  # noqa: SLF001  # a store does this for all tries together
    buffer.commit()
    pages = buffer.take()
    stored = buffer.pages
    assert isinstance(stored, dict)
    for key, page in pages.items():
        if page is None:
            stored.pop(key, None)
        else:
            stored[key] = page
    buffer.flushed()
    return sum(len(page) for page in pages.values() if page is not None)


def measure(count: int) -> dict[str, object]:
    """Return what one size costs."""
    rng = random.Random(count)
    tree = OrderedTree.in_memory(SHA256)
    keys = [key_of(n) for n in range(count)]
    rng.shuffle(keys)
    for first in range(0, count, 20_000):
        tree.update({key: SHA256(key) for key in keys[first : first + 20_000]})
        settle(tree)
    bytes_written, spent = 0, 0.0
    for number in range(BLOCKS):
        fresh = {
            key_of(count + number * BLOCK_ROWS + n): SHA256(b"x") for n in range(BLOCK_ROWS // 2)
        }
        changed = {key: rng.randbytes(32) for key in rng.sample(keys, BLOCK_ROWS // 2)}
        start = time.process_time()
        tree.update({**fresh, **changed})
        spent += time.process_time() - start
        if number % 10 == 9:
            bytes_written += settle(tree)
    order = sorted(keys)
    starts = [rng.randrange(len(order) - 20) for _ in range(PROOFS)]
    begun = time.process_time()
    proofs = [tree.prove(order[at], order[at + 20]) for at in starts]
    prove_us = (time.process_time() - begun) / PROOFS * 1e6
    begun = time.process_time()
    for at, pages in zip(starts, proofs, strict=True):
        assert len(verify_range(SHA256, tree.root, order[at], order[at + 20], pages)) >= 20
    verify_us = (time.process_time() - begun) / PROOFS * 1e6
    return {
        "rows": count,
        "row_us": round(spent / (BLOCKS * BLOCK_ROWS) * 1e6, 1),
        "page_bytes_per_row": bytes_written // (BLOCKS * BLOCK_ROWS),
        "pages_of_20_rows": round(sum(map(len, proofs)) / PROOFS, 1),
        "proof_bytes_of_20_rows": sum(sum(map(len, p)) for p in proofs) // PROOFS,
        "prove_us": round(prove_us),
        "verify_us": round(verify_us),
    }


def chain(length: int) -> dict[str, object]:
    """Return what one write costs at the end of the deepest tree of keys so long."""
    long = bytes(length)
    keys = [long[:at] + bytes((step,)) for at in range(length) for step in (1, 16)]
    tree = OrderedTree.in_memory(SHA256)
    tree.update({key: SHA256(key) for key in keys})
    settle(tree)
    start = time.process_time()
    for number in range(20):
        tree.update({long: SHA256(b"%d" % number)})
    return {
        "chain_bytes": length,
        "pages": len(tree.prove(long, long + b"\x00")),
        "row_us": round((time.process_time() - start) / 20 * 1e6),
    }


def main() -> None:
    """Print one line for each size."""
    for count in [int(arg) for arg in sys.argv[1:]] or [10_000, 100_000]:
        print(json.dumps(measure(count)), flush=True)
    for length in (32, 110):
        print(json.dumps(chain(length)), flush=True)


if __name__ == "__main__":
    main()
