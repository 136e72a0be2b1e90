# SPDX-License-Identifier: Apache-2.0
"""Cost of the state trie over LMDB: CPU per changed key, bytes written, memory, proofs.

    python bench/trie.py [KEYS ...]          one JSON line for each number of keys

Each line: bulk load of KEYS entries, then blocks of 500 changed keys with a checkpoint every 50
blocks, flush included; CPU is that of this process, user and system.
"""

import json
import random  # noqa: TID251 - seeded: the same work on every machine
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import lmdb

from hanse.crypto import SHA256
from hanse.merkle.trie import Trie, verify_state

BLOCK_KEYS, BLOCKS, ROUNDS = 500, 50, 3


class LmdbPages:
    """Pages in LMDB, one transaction per checkpoint."""

    def __init__(self, path: Path) -> None:
        self.env: Any = lmdb.open(str(path), map_size=1 << 36, readahead=False)
        self.txn = self.env.begin()
        self.written = 0

    def get(self, page_key: bytes, /) -> bytes | None:
        return self.txn.get(b"k" + page_key)

    def put(self, pages: dict[bytes, bytes | None]) -> None:
        before = disk_bytes()
        with self.env.begin(write=True) as txn:
            items = [(b"k" + k, v) for k, v in sorted(pages.items()) if v is not None]
            txn.cursor().putmulti(items)
            for key, page in pages.items():
                if page is None:
                    txn.delete(b"k" + key)
        self.written += disk_bytes() - before
        self.txn.abort()
        self.txn = self.env.begin()


def disk_bytes() -> int:
    """Bytes this process has sent towards the disk."""
    for line in Path("/proc/self/io").read_text().splitlines():
        name, _, value = line.partition(": ")
        if name == "write_bytes":
            return int(value)
    return 0


def rss_mb() -> float:
    """Memory of this process, without the pages of LMDB's file that the kernel keeps."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure(count: int, folder: Path) -> dict[str, object]:
    rng = random.Random(count)
    keys = [SHA256(b"%d" % i) for i in range(count)]
    batches = [
        {k: rng.randbytes(32) for k in rng.sample(keys, min(BLOCK_KEYS, count))}
        for _ in range(BLOCKS * ROUNDS)
    ]
    pages = LmdbPages(folder)
    trie = Trie(SHA256, pages)
    start = time.process_time()
    trie.bulk((key, key) for key in keys)
    bulk_us = (time.process_time() - start) / count * 1e6
    pages.put(trie.take_pending())
    trie.flushed()
    root = trie.root
    opened, before = time.process_time(), rss_mb()
    trie = Trie(SHA256, pages, root=root)
    open_ms = (time.process_time() - opened) * 1e3
    rounds = []
    pages.written, changed = 0, 0
    for first in range(0, len(batches), BLOCKS):
        start, done = time.process_time(), 0
        for batch in batches[first : first + BLOCKS]:
            trie.update(batch)
            done += len(batch)
        pages.put(trie.take_pending())
        trie.flushed()
        rounds.append((time.process_time() - start) / done * 1e6)
        changed += done
    start = time.process_time()
    chosen = rng.sample(keys, min(5000, count))
    paths = [trie.prove(key) for key in chosen]
    prove_us = (time.process_time() - start) / len(chosen) * 1e6
    start = time.process_time()
    for key, path in zip(chosen, paths, strict=True):
        assert verify_state(SHA256, trie.root, key, path)
    verify_us = (time.process_time() - start) / len(chosen) * 1e6
    size = sum(len(p.bucket) * 64 + len(p.siblings) * 480 for p in paths) // len(paths)
    return {
        "keys": count,
        "bulk_us": round(bulk_us, 1),
        "changed_key_us": [round(r, 1) for r in rounds],
        "written_bytes_per_key": pages.written // changed,
        "open_ms": round(open_ms, 2),
        "rss_growth_mb": round(rss_mb() - before, 1),
        "prove_us": round(prove_us, 1),
        "verify_us": round(verify_us, 1),
        "proof_bytes": size,
        "disk_mb": round((folder / "data.mdb").stat().st_blocks / 2048, 1),
    }


if __name__ == "__main__":
    for text in sys.argv[1:] or ["10000", "1000000"]:
        with tempfile.TemporaryDirectory() as name:
            print(json.dumps(measure(int(text), Path(name))), flush=True)
