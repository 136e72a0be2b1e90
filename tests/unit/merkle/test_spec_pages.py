# SPDX-License-Identifier: Apache-2.0
"""The examples in ``spec/log.md`` and ``spec/state-trie.md`` are what the code makes."""

import json
from pathlib import Path

from hanse.codec.base64url import to_text
from hanse.crypto import SHA256
from hanse.merkle.log import (
    Frontier,
    consistency_path,
    inclusion_path,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from hanse.merkle.trie import StatePath, StateTries, verify_state

SPEC = Path(__file__).resolve().parents[3] / "spec"


def shown(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True)


def example_log() -> str:
    """Seven leaves, the bytes 00 to 06; leaf 4 proved, and size 3 proved to be a beginning."""
    nodes: dict[tuple[int, int], bytes] = {}
    leaves = [leaf_hash(SHA256, bytes((i,))) for i in range(7)]
    frontier, new = Frontier(SHA256).append(leaves)
    nodes = {(level, index): digest for level, index, digest in new}

    def read(level: int, index: int) -> bytes:
        return nodes[level, index]

    early, _ = Frontier(SHA256).append(leaves[:3])
    path = inclusion_path(SHA256, read, 4, 7)
    growth = consistency_path(SHA256, read, 3, 7)
    verify_inclusion(SHA256, leaves[4], 4, 7, path, frontier.root())
    verify_consistency(SHA256, 3, early.root(), 7, frontier.root(), growth)
    return shown(
        {
            "consistency": {"new": 7, "old": 3, "path": [to_text(h) for h in growth]},
            "empty_root": to_text(Frontier(SHA256).root()),
            "frontier": [to_text(peak) for peak in frontier.peaks],
            "inclusion": {"index": 4, "path": [to_text(h) for h in path], "size": 7},
            "leaf_hash_4": to_text(leaves[4]),
            "root_at_3": to_text(early.root()),
            "root_at_7": to_text(frontier.root()),
        }
    )


def key_hash(number: int) -> bytes:
    return SHA256.tagged("hanse/key/1", b"notes\x00\x30n%02d\x00" % number)


def path_of(path: StatePath) -> dict[str, object]:
    return {
        "bucket": [[to_text(k), to_text(v)] for k, v in path.bucket],
        "siblings": [to_text(s) for s in path.siblings],
    }


def example_trie() -> str:
    """A contract ``notes`` with 18 entries n00 to n17, each with the value "x"; n05 proved."""
    value = SHA256.tagged("hanse/value/1", b'"x"')
    tries = StateTries(SHA256, {})
    root = tries.update({"notes": {key_hash(i): value for i in range(18)}})
    path, top = tries.prove("notes", key_hash(5))
    contract_root = tries.root_of("notes")
    kh_top = SHA256.tagged("hanse/contract/1", b"notes")
    assert verify_state(SHA256, root, kh_top, top) == contract_root
    assert verify_state(SHA256, contract_root, key_hash(5), path) == value
    return shown(
        {
            "contract_root": to_text(contract_root),
            "kh": to_text(key_hash(5)),
            "kh_top": to_text(kh_top),
            "path": path_of(path),
            "state_key": to_text(b"notes\x00\x30n05\x00"),
            "state_root": to_text(root),
            "top": path_of(top),
            "vh": to_text(value),
        }
    )


def test_the_log_page_shows_what_the_code_makes() -> None:
    assert f"```json\n{example_log()}\n```" in (SPEC / "log.md").read_text(encoding="utf-8")


def test_the_state_trie_page_shows_what_the_code_makes() -> None:
    assert f"```json\n{example_trie()}\n```" in (SPEC / "state-trie.md").read_text(encoding="utf-8")
