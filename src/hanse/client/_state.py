# SPDX-License-Identifier: Apache-2.0
"""State proofs as documents: keys of one contract, present or absent, under a state root."""

from collections.abc import Sequence

import msgspec

from hanse.codec.base64url import to_bytes
from hanse.codec.documents import TAG_KEY, TAG_VALUE
from hanse.codec.limits import BUCKET_ENTRIES_MAX, STATE_KEY_BYTES_MAX, TRIE_DEPTH_MAX
from hanse.contracts.keys import encode_key
from hanse.crypto import Hash
from hanse.errors import Malformed, ProofInvalid
from hanse.merkle.paths import EMPTY_ROOT, TAG_CONTRACT, StatePath, verify_state

ENTRY_BYTES = 64  # hashes of a key and of its value, in a bucket
SIBLING_BYTES = 480  # the fifteen other children of an inner node


class StateEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Path from one key to the contract's root; without ``value`` the key is absent."""

    bucket: list[str]
    siblings: list[str]
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class StateProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Entries of one contract, and the path that they share: from its root to the state root."""

    bucket: list[str]
    entries: list[StateEntry]
    siblings: list[str]


def state_key(collection: str, key: object) -> bytes:
    """Return the state key of ``key`` in a map; an empty tuple is a single value's."""
    return collection.encode("ascii") + b"\x00" + encode_key(key)


def decode_state_path(part: StateEntry | StateProof, at: str) -> StatePath:
    """Return the path that a part of a document spells.

    Raises:
        Malformed: too long, or an element of the wrong size.
    """
    if len(part.bucket) > BUCKET_ENTRIES_MAX or len(part.siblings) > TRIE_DEPTH_MAX:
        raise Malformed(reason="the path is longer than any trie is deep", at=at)
    rows = [to_bytes(text, at) for text in part.siblings]
    if any(len(row) != SIBLING_BYTES for row in rows):
        raise Malformed(reason=f"a level has {SIBLING_BYTES} bytes of siblings", at=at)
    pairs = [to_bytes(text, at) for text in part.bucket]
    if any(len(pair) != ENTRY_BYTES for pair in pairs):
        raise Malformed(reason=f"an entry of a bucket has {ENTRY_BYTES} bytes", at=at)
    bucket = tuple((pair[:32], pair[32:]) for pair in pairs)
    return StatePath(bucket=bucket, siblings=tuple(rows))


def verify_state_form(proof: StateProof, count: int, at: str) -> None:
    """Establish that ``proof`` has ``count`` entries and every path the form of one.

    Raises:
        Malformed: it has not.
    """
    if len(proof.entries) != count:
        raise Malformed(reason=f"there are {count} entries here", at=at)
    decode_state_path(proof, at)
    for entry in proof.entries:
        decode_state_path(entry, at)


def decode_state_key(text: str, at: str) -> bytes:
    """Return the bytes of the state key that ``text`` spells.

    Raises:
        Malformed: not base64url, or longer than a key may be.
    """
    key = to_bytes(text, at)
    if not 0 < len(key) <= STATE_KEY_BYTES_MAX:
        raise Malformed(reason="a state key of that length does not exist", at=at)
    return key


def value_of(entry: StateEntry) -> bytes | None:
    """Return the canonical value that an entry claims; ``None`` where it claims absence."""
    return None if isinstance(entry.value, msgspec.UnsetType) else bytes(entry.value)


def verify_state_proof(  # noqa: PLR0913  # one statement about one state
    hasher: Hash,
    state_root: bytes,
    contract: str,
    keys: Sequence[bytes],
    proof: StateProof,
    *,
    at: str,
) -> None:
    """Establish that the state of ``state_root`` holds at each key what the entry there claims.

    Raises:
        Malformed: the proof's form is wrong, or it has not one entry for each key.
        ProofInvalid: it does not prove what it says.
    """
    verify_state_form(proof, len(keys), at)
    name = hasher.tagged(TAG_CONTRACT, contract.encode())
    root = verify_state(hasher, state_root, name, decode_state_path(proof, at))
    for index, (key, entry) in enumerate(zip(keys, proof.entries, strict=True)):
        place = f"{at}.entries[{index}]"
        path = decode_state_path(entry, place)
        if root is None and (path.bucket or path.siblings):
            raise ProofInvalid(reason=f"{place}: the contract has no state")
        found = verify_state(hasher, root or EMPTY_ROOT, hasher.tagged(TAG_KEY, key), path)
        value = value_of(entry)
        if (found is None) != (value is None):
            raise ProofInvalid(reason=f"{place}: present and absent are confused")
        if value is not None and found != hasher.tagged(TAG_VALUE, value):
            raise ProofInvalid(reason=f"{place}: the value is another one")
