# SPDX-License-Identifier: Apache-2.0
"""Ordered trees in the store: by checkpoints, as the tries, and the same after a start."""

from pathlib import Path

from hanse.crypto import SHA256
from hanse.merkle.ordered import OrderedTree
from hanse.merkle.ranges import verify_range
from hanse.storage import AppliedBlock, Store

Rows = dict[bytes, bytes | None]


def apply(store: Store, rows: Rows) -> None:
    hashed = {SHA256(key): value for key, value in rows.items()}
    store.tries.update({"shelf": hashed}, {"shelf": {"things": rows}})
    height = store.height + 1
    block_id = SHA256(b"%d" % height)
    written = {"shelf": {b"things\x00" + key: value for key, value in rows.items()}}
    store.apply(AppliedBlock(height, block_id, b"h", height, written, (block_id,), ()))


def block(height: int) -> Rows:
    rows: Rows = {b"%05d" % (n * 37 % 5_003): SHA256(b"%d" % n) for n in range(height, 900, 7)}
    for n in range(height, 900, 21):
        rows[b"%05d" % (n * 37 % 5_003)] = None
    return {b"k" * 115 + key: value for key, value in rows.items()}


def test_a_tree_is_the_same_after_a_start_and_goes_on(tmp_path: Path) -> None:
    judge = OrderedTree.in_memory(SHA256)
    store = Store.open(tmp_path / "state", SHA256)
    for height in range(12):
        apply(store, block(height))
        judge.update(block(height))
        if height % 3 == 2:
            store.checkpoint()
    assert store.tries.ordered("shelf", "things").root == judge.root
    store.close()

    store = Store.open(tmp_path / "state", SHA256)
    tree = store.tries.ordered("shelf", "things")
    assert tree.root == judge.root
    pages = tree.prove(b"", b"\xff")
    assert pages == judge.prove(b"", b"\xff")
    whole = verify_range(SHA256, judge.root, b"", b"\xff", pages)
    assert len(whole) > 500
    for height in range(12, 20):
        apply(store, block(height))
        judge.update(block(height))
        store.checkpoint()
    assert store.tries.ordered("shelf", "things").root == judge.root
    gone: Rows = (
        {key: None for key, _ in whole} | dict.fromkeys(block(12)) | dict.fromkeys(block(13))
    )
    gone |= {key: None for height in range(14, 20) for key in block(height)}
    apply(store, gone)
    store.checkpoint()
    assert store.tries.ordered("shelf", "things").prove(b"", b"\xff") == []
    store.close()
