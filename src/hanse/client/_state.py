# SPDX-License-Identifier: Apache-2.0
"""State proofs as documents: one key of one contract, present or absent, under a state root."""

import msgspec

from hanse.codec.base64url import to_bytes, to_hash
from hanse.codec.documents import TAG_KEY, TAG_VALUE
from hanse.codec.limits import BUCKET_ENTRIES_MAX, STATE_KEY_BYTES_MAX, TRIE_DEPTH_MAX
from hanse.contracts.keys import encode_key
from hanse.crypto import Hash
from hanse.errors import Malformed, ProofInvalid
from hanse.merkle.paths import TAG_CONTRACT, StatePath, verify_state

SIBLING_BYTES = 480  # the fifteen other children of an inner node


class StateProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Path from a key to the contract's root, and from that to the state root."""

    bucket: list[tuple[str, str]]
    contract: str
    key: str
    present: bool
    siblings: list[str]
    top_bucket: list[tuple[str, str]]
    top_siblings: list[str]
    value: msgspec.Raw


def state_key(collection: str, key: object) -> bytes:
    """Return the state key of ``key`` in a map; an empty tuple is a single value's."""
    return collection.encode("ascii") + b"\x00" + encode_key(key)


def decode_state_path(bucket: list[tuple[str, str]], siblings: list[str], at: str) -> StatePath:
    """Return the path that a document spells.

    Raises:
        Malformed: too long, or an element of the wrong size.
    """
    if len(bucket) > BUCKET_ENTRIES_MAX or len(siblings) > TRIE_DEPTH_MAX:
        raise Malformed(reason="the path is longer than any trie is deep", at=at)
    rows = [to_bytes(text, at) for text in siblings]
    if any(len(row) != SIBLING_BYTES for row in rows):
        raise Malformed(reason=f"a level has {SIBLING_BYTES} bytes of siblings", at=at)
    entries = tuple((to_hash(kh, at), to_hash(vh, at)) for kh, vh in bucket)
    return StatePath(bucket=entries, siblings=tuple(rows))


def decode_state_key(proof: StateProof, at: str) -> bytes:
    """Return the bytes of the proof's key.

    Raises:
        Malformed: not base64url, or longer than a key may be.
    """
    key = to_bytes(proof.key, f"{at}.key")
    if not 0 < len(key) <= STATE_KEY_BYTES_MAX:
        raise Malformed(reason="a state key of that length does not exist", at=f"{at}.key")
    return key


def verify_state_proof(hasher: Hash, state_root: bytes, proof: StateProof, at: str) -> bytes | None:
    """Return the canonical value proved present under ``state_root``; ``None``: proved absent.

    Raises:
        Malformed: the proof's form is wrong.
        ProofInvalid: it does not prove what it says.
    """
    key = decode_state_key(proof, at)
    path = decode_state_path(proof.bucket, proof.siblings, at)
    top = decode_state_path(proof.top_bucket, proof.top_siblings, f"{at}.top")
    value = bytes(proof.value)
    if not proof.present and value != b"null":
        raise ProofInvalid(reason=f"{at}: an absent key has no value")
    kh_top = hasher.tagged(TAG_CONTRACT, proof.contract.encode())
    contract_root = verify_state(hasher, state_root, kh_top, top)
    if contract_root is None:
        if proof.present or proof.bucket or proof.siblings:
            raise ProofInvalid(reason=f"{at}: the contract has no state")
        return None
    found = verify_state(hasher, contract_root, hasher.tagged(TAG_KEY, key), path)
    if (found is not None) != proof.present:
        raise ProofInvalid(reason=f"{at}: present and absent are confused")
    if found is None:
        return None
    if found != hasher.tagged(TAG_VALUE, value):
        raise ProofInvalid(reason=f"{at}: the value is another one")
    return value
