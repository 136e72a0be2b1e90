# SPDX-License-Identifier: Apache-2.0
"""The log against a second, plain writing of RFC 9162 section 2.1."""

import pytest

from hanse.crypto import SHA256, SM3, Hash
from hanse.errors import ProofInvalid
from hanse.merkle.log import (
    Frontier,
    consistency_path,
    frontier_at,
    inclusion_path,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

SIZE = 70
LEAVES = [leaf_hash(SHA256, b"leaf %d" % i) for i in range(SIZE)]


def plain_root(hasher: Hash, leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return hasher(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(hasher, plain_root(hasher, leaves[:k]), plain_root(hasher, leaves[k:]))


def build(steps: tuple[int, ...]) -> tuple[Frontier, dict[tuple[int, int], bytes]]:
    frontier, nodes, done = Frontier(SHA256), {}, 0
    for step in steps:
        frontier, new = frontier.append(LEAVES[done : done + step])
        for level, index, digest in new:
            assert (level, index) not in nodes
            nodes[level, index] = digest
        done += step
    return frontier, nodes


NODES = build((SIZE,))[1]


def read(level: int, index: int) -> bytes:
    return NODES[level, index]


def test_the_empty_log_has_the_hash_of_nothing() -> None:
    assert Frontier(SHA256).root() == SHA256(b"")
    assert Frontier(SM3).root() == SM3(b"")


@pytest.mark.parametrize("hasher", [SHA256, SM3], ids=["sha256", "sm3"])
def test_a_leaf_is_never_a_node(hasher: Hash) -> None:
    left, right = hasher(b"l"), hasher(b"r")
    assert leaf_hash(hasher, left + right) != node_hash(hasher, left, right)
    assert node_hash(hasher, left, right) == hasher(b"\x01" + left + right)


@pytest.mark.parametrize("size", range(SIZE + 1))
def test_the_root_is_that_of_the_standard_at_every_size(size: int) -> None:
    assert build((size,))[0].root() == plain_root(SHA256, LEAVES[:size])
    assert frontier_at(SHA256, read, size) == build((size,))[0]


@pytest.mark.parametrize("steps", [(1,) * SIZE, (3, 0, 5, 1, 31, 30), (64, 6), (7,) * 10])
def test_how_the_leaves_are_grouped_changes_nothing(steps: tuple[int, ...]) -> None:
    frontier, nodes = build(steps)
    assert frontier.root() == plain_root(SHA256, LEAVES)
    assert nodes == NODES


def test_every_leaf_is_proved_in_every_log_and_nowhere_else() -> None:
    for size in range(1, 40):
        root = plain_root(SHA256, LEAVES[:size])
        for index in range(size):
            path = inclusion_path(SHA256, read, index, size)
            verify_inclusion(SHA256, LEAVES[index], index, size, path, root)
            for other in range(size):
                if other != index:
                    with pytest.raises(ProofInvalid):
                        verify_inclusion(SHA256, LEAVES[index], other, size, path, root)


def test_every_log_is_a_beginning_of_every_later_one() -> None:
    for new in range(1, 40):
        new_root = plain_root(SHA256, LEAVES[:new])
        for old in range(1, new + 1):
            old_root = plain_root(SHA256, LEAVES[:old])
            path = consistency_path(SHA256, read, old, new)
            verify_consistency(SHA256, old, old_root, new, new_root, path)
            for at in range(len(path)):
                bad = [*path[:at], bytes(32), *path[at + 1 :]]
                with pytest.raises(ProofInvalid):
                    verify_consistency(SHA256, old, old_root, new, new_root, bad)
                with pytest.raises(ProofInvalid):
                    verify_consistency(SHA256, old, old_root, new, new_root, path[:at])
            if old < new:
                with pytest.raises(ProofInvalid):
                    verify_consistency(SHA256, old, new_root, new, new_root, path)


def test_a_path_longer_than_any_tree_is_refused_before_hashing() -> None:
    with pytest.raises(ProofInvalid, match="longer than any tree"):
        verify_inclusion(SHA256, LEAVES[0], 0, 1 << 64, [bytes(32)] * 65, bytes(32))
    with pytest.raises(ProofInvalid, match="longer than any tree"):
        verify_consistency(SHA256, 3, bytes(32), 1 << 60, bytes(32), [bytes(32)] * 129)


def test_the_path_bound_admits_the_largest_log() -> None:
    path = [bytes(32)] * 64
    root = LEAVES[0]
    for sibling in path:
        root = node_hash(SHA256, root, sibling)
    verify_inclusion(SHA256, LEAVES[0], 0, 1 << 64, path, root)
    with pytest.raises(ProofInvalid, match="outside"):
        verify_inclusion(SHA256, LEAVES[0], 0, (1 << 64) + 1, path, root)


@pytest.mark.parametrize(("size", "peaks"), [(1, ()), (0, (bytes(32),)), (2, (b"short",))])
def test_a_frontier_that_fits_no_size_is_refused(size: int, peaks: tuple[bytes, ...]) -> None:
    with pytest.raises(ProofInvalid):
        Frontier(SHA256, size, peaks)


@pytest.mark.parametrize("size", [0, -1])
def test_nothing_is_proved_about_the_empty_log(size: int) -> None:
    empty = SHA256(b"")
    with pytest.raises(ProofInvalid):
        verify_inclusion(SHA256, empty, 0, size, [], empty)
    with pytest.raises(ProofInvalid):
        verify_consistency(SHA256, size, empty, size, empty, [])
