# SPDX-License-Identifier: Apache-2.0
"""What proves a state value or its absence: a bucket, and the hashes beside its path."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from hanse.codec.limits import BUCKET_ENTRIES_MAX, TRIE_DEPTH_MAX
from hanse.crypto import Hash
from hanse.errors import ProofInvalid

TAG_BUCKET: Final = "hanse/bucket/1"
TAG_NODE: Final = "hanse/node/1"
TAG_CONTRACT: Final = "hanse/contract/1"
EMPTY_ROOT: Final = bytes(32)
SIBLINGS_BYTES: Final = 15 * 32  # bytes; the other children of one inner node


@dataclass(frozen=True, slots=True)
class StatePath:
    """The bucket where a key is or would be, and the way from it to the root.

    Attributes:
        bucket: entries ``(hash of the key, hash of the value)``, strictly sorted.
        siblings: for each inner node from the root down, the 15 other child hashes, joined.
    """

    bucket: tuple[tuple[bytes, bytes], ...]
    siblings: tuple[bytes, ...]


def half_byte(kh: bytes, depth: int) -> int:
    """Return the child that a key takes at ``depth``: a half byte of it, high halves first."""
    byte = kh[depth >> 1]
    return byte & 15 if depth & 1 else byte >> 4


def verify_state(hasher: Hash, root: bytes, kh: bytes, path: StatePath) -> bytes | None:
    """Return the value hash that is proved to stand at ``kh``; ``None`` when absence is proved.

    Raises:
        ProofInvalid: a wrong length, an unsorted or overfull bucket, an entry that does not belong
            there, or the path leads to another root.
    """
    _verify_form(root, kh, path)
    digest = EMPTY_ROOT
    if path.bucket:
        digest = hasher.tagged(TAG_BUCKET, b"".join([key + value for key, value in path.bucket]))
    for depth in range(len(path.siblings) - 1, -1, -1):
        others = path.siblings[depth]
        at = 32 * half_byte(kh, depth)
        digest = hasher.tagged(TAG_NODE, others[:at] + digest + others[at:])
    if digest != root:
        raise ProofInvalid(reason="the path leads to another root")
    return dict(path.bucket).get(kh)


def _verify_form(root: bytes, kh: bytes, path: StatePath) -> None:
    if len(root) != 32 or len(kh) != 32:
        raise ProofInvalid(reason="a hash does not have 32 bytes")
    if len(path.siblings) > TRIE_DEPTH_MAX:
        raise ProofInvalid(reason="the path is deeper than any trie")
    if any(len(others) != SIBLINGS_BYTES for others in path.siblings):
        raise ProofInvalid(reason="a level does not have 15 other children")
    if len(path.bucket) > BUCKET_ENTRIES_MAX:
        raise ProofInvalid(reason="the bucket holds too many entries")
    if any(len(key) != 32 or len(value) != 32 for key, value in path.bucket):
        raise ProofInvalid(reason="an entry does not have 64 bytes")
    if any(left[0] >= right[0] for left, right in pairwise(path.bucket)):
        raise ProofInvalid(reason="the bucket is not strictly sorted")
    depth = len(path.siblings)
    for key, _ in path.bucket:
        if key[: depth >> 1] != kh[: depth >> 1]:
            raise ProofInvalid(reason="an entry does not belong into this bucket")
        if depth & 1 and key[depth >> 1] >> 4 != kh[depth >> 1] >> 4:
            raise ProofInvalid(reason="an entry does not belong into this bucket")
