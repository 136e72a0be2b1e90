# SPDX-License-Identifier: Apache-2.0
"""The log: the Merkle tree of RFC 9162 section 2.1 over all leaves since genesis.

``Frontier`` is what a writer carries along: the roots of the perfect subtrees at the right edge.
Each perfect subtree is stored once complete, so that any path can be read later, at any size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hanse.codec.limits import LOG_CONSISTENCY_MAX, LOG_DEPTH_MAX
from hanse.crypto import Hash
from hanse.errors import ProofInvalid

Node = tuple[int, int, bytes]
"""A perfect subtree: its level (0 is a leaf), its index on that level, its hash."""

ReadNode = Callable[[int, int], bytes]
"""Returns the stored hash of the perfect subtree at (level, index)."""


def leaf_hash(hasher: Hash, leaf: bytes) -> bytes:
    """Return H(0x00, leaf); the prefix keeps a leaf from being taken for a node."""
    return hasher(b"\x00" + leaf)


def node_hash(hasher: Hash, left: bytes, right: bytes) -> bytes:
    """Return H(0x01, left, right)."""
    return hasher(b"\x01" + left + right)


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a log of ``size`` leaves: its peaks, from left to right."""

    hasher: Hash
    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an edge that belongs to no size."""
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ProofInvalid(reason="the number of peaks does not fit the size")
        if any(len(peak) != 32 for peak in self.peaks):
            raise ProofInvalid(reason="a peak does not have 32 bytes")

    def append(self, leaf_hashes: Sequence[bytes]) -> "tuple[Frontier, list[Node]]":
        """Return the frontier after these leaves, and every perfect subtree that they complete.

        The subtrees come level by level, each level from left to right, the leaves first.
        """
        hasher = self.hasher
        old = list(self.peaks)
        row = list(leaf_hashes)
        start, level = self.size, 0
        nodes: list[Node] = []
        peaks: list[bytes] = []  # from right to left
        while row or old:
            nodes += [(level, index, digest) for index, digest in enumerate(row, start)]
            if start & 1:  # an old peak waits on this level for its right sibling
                row.insert(0, old.pop())
            if len(row) & 1:
                peaks.append(row.pop())
            pairs = zip(row[::2], row[1::2], strict=True)
            row = [hasher(b"\x01" + left + right) for left, right in pairs]
            start >>= 1
            level += 1
        return Frontier(hasher, self.size + len(leaf_hashes), tuple(reversed(peaks))), nodes

    def root(self) -> bytes:
        """Return the root hash of the log; of the empty log, H of nothing."""
        if not self.peaks:
            return self.hasher.empty
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = self.hasher(b"\x01" + peak + root)
        return root


def frontier_at(hasher: Hash, node: ReadNode, size: int) -> Frontier:
    """Return the frontier that the log had at ``size``, read from its stored subtrees."""
    peaks: list[bytes] = []
    done = 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            peaks.append(node(level, done >> level))
            done += 1 << level
    return Frontier(hasher, size, tuple(peaks))


def _range_hash(hasher: Hash, node: ReadNode, start: int, end: int) -> bytes:
    """Return the hash of leaves ``start`` to ``end``: perfect subtrees, folded from the right."""
    peaks: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        peaks.append(node(level, start >> level))
        start += 1 << level
    root = peaks.pop()
    while peaks:
        root = node_hash(hasher, peaks.pop(), root)
    return root


def _split(count: int) -> int:
    """Return the largest power of two below ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_path(hasher: Hash, node: ReadNode, index: int, size: int) -> list[bytes]:
    """Return the hashes that lead from leaf ``index`` to the root at ``size``, leaf side first.

    Source: RFC 9162 section 2.1.3.1.
    """
    assert 0 <= index < size
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_hash(hasher, node, middle, end))
            end = middle
        else:
            path.append(_range_hash(hasher, node, start, middle))
            start = middle
    path.reverse()
    return path


def consistency_path(hasher: Hash, node: ReadNode, old: int, new: int) -> list[bytes]:
    """Return the hashes that show the log of ``old`` leaves to be a beginning of that of ``new``.

    Source: RFC 9162 section 2.1.4.1.
    """
    assert 0 < old <= new
    path: list[bytes] = []
    start, end = 0, new
    whole = (
        True  # the old log is itself a subtree of the new one: its root is known to the verifier
    )
    while old < end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_hash(hasher, node, middle, end))
            end = middle
        else:
            path.append(_range_hash(hasher, node, start, middle))
            start = middle
            whole = False
    if not whole:
        path.append(_range_hash(hasher, node, start, end))
    path.reverse()
    return path


def verify_inclusion(  # noqa: PLR0913, PLR0917 - the six inputs of the procedure in RFC 9162
    hasher: Hash, leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Establish that ``leaf`` is the hash of leaf ``index`` in the log of ``size`` leaves.

    Args:
        hasher: the hash of the network.
        leaf: the leaf's *hash*, 32 bytes.
        index: counts from 0, lies below ``size``.
        size: number of leaves under ``root``.
        path: sibling hashes from leaf to root, at most ``LOG_DEPTH_MAX`` of them.
        root: the root hash at that size.

    Raises:
        ProofInvalid: a wrong length or number, or the path leads to another root.

    Source: RFC 9162 section 2.1.3.2.
    """
    _require_hashes([leaf, root, *path], LOG_DEPTH_MAX + 2)
    if not 0 <= index < size <= 1 << LOG_DEPTH_MAX:
        raise ProofInvalid(reason="the index lies outside the log")
    digest, last = leaf, size - 1
    for sibling in path:
        if last == 0:
            raise ProofInvalid(reason="the path is too long")
        if index & 1 or index == last:
            digest = node_hash(hasher, sibling, digest)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            digest = node_hash(hasher, digest, sibling)
        index >>= 1
        last >>= 1
    if last != 0:
        raise ProofInvalid(reason="the path is too short")
    if digest != root:
        raise ProofInvalid(reason="the path leads to another root")


def verify_consistency(  # noqa: PLR0913, PLR0917 - the six inputs of the procedure in RFC 9162
    hasher: Hash,
    old_size: int,
    old_root: bytes,
    new_size: int,
    new_root: bytes,
    path: Sequence[bytes],
) -> None:
    """Establish that the old log is a beginning of the new one.

    Two logs of one size are consistent when their roots are equal, whatever they are; the path is
    then empty. Nothing can be shown about the empty log, so a size of zero is refused.

    Raises:
        ProofInvalid: a wrong length or number, or the path leads to another root.

    Source: RFC 9162 section 2.1.4.2.
    """
    if not 0 < old_size <= new_size <= 1 << LOG_DEPTH_MAX:
        raise ProofInvalid(reason="the sizes do not grow from at least one")
    if old_size == new_size:
        if path or not old_root or old_root != new_root:
            raise ProofInvalid(reason="two logs of one size have different roots, or a path")
        return
    _require_hashes([old_root, new_root, *path], LOG_CONSISTENCY_MAX + 2)
    if not path:
        raise ProofInvalid(reason="the path is too short")
    hashes = list(path) if old_size & (old_size - 1) else [old_root, *path]
    first, second = _climb(hasher, old_size - 1, new_size - 1, hashes)
    if first != old_root or second != new_root:
        raise ProofInvalid(reason="the path leads to other roots")


def _climb(hasher: Hash, index: int, last: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the old and the new root to which a consistency path leads."""
    while index & 1:
        index >>= 1
        last >>= 1
    first = second = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ProofInvalid(reason="the path is too long")
        if index & 1 or index == last:
            first = node_hash(hasher, sibling, first)
            second = node_hash(hasher, sibling, second)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            second = node_hash(hasher, second, sibling)
        index >>= 1
        last >>= 1
    if last != 0:
        raise ProofInvalid(reason="the path is too short")
    return first, second


def _require_hashes(hashes: Sequence[bytes], count_max: int) -> None:
    if len(hashes) > count_max:
        raise ProofInvalid(reason="the path is longer than any tree")
    if any(len(digest) != 32 for digest in hashes):
        raise ProofInvalid(reason="a hash does not have 32 bytes")
