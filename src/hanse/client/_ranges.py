# SPDX-License-Identifier: Apache-2.0
"""Proofs of ranges as documents: rows of one ordered map, all of them, under a state root."""

import msgspec

from hanse.client._state import StateEntry, decode_state_path
from hanse.codec.base64url import to_bytes
from hanse.codec.documents import TAG_VALUE
from hanse.codec.limits import RANGE_PAGES_MAX, SCAN_ROWS_MAX, STATE_KEY_BYTES_MAX
from hanse.contracts.keys import encode_key
from hanse.crypto import Hash
from hanse.errors import Malformed, ProofInvalid
from hanse.merkle.paths import EMPTY_ROOT, TAG_CONTRACT, verify_state
from hanse.merkle.ranges import TAG_ORDERED_MAP, just_after, verify_range


class RangeProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer's part that proves it (``spec/ordered-tree.md``)."""

    bucket: list[str]
    entry: StateEntry
    next: str | None
    pages: list[str]
    siblings: list[str]
    values: list[msgspec.Raw]
    previous: str | msgspec.UnsetType = msgspec.UNSET


def bound_bytes(bound: object) -> bytes:
    """Return the encoded key, or first parts of one, that ``bound`` is."""
    return encode_key(bound)


def verify_range_proof(  # noqa: PLR0913, PLR0917  # one statement about one state
    hasher: Hash,
    state_root: bytes,
    of: tuple[str, str],
    bounds: tuple[bytes, bytes],
    proof: RangeProof,
    limit: int = SCAN_ROWS_MAX,
    *,
    reverse: bool = False,
) -> list[tuple[bytes, bytes]]:
    """Return keys and values of all rows between the bounds, proved under ``state_root``.

    Args:
        hasher: the network's.
        state_root: of a certified header.
        of: contract and map.
        bounds: the first key, and the first beyond the range.
        proof: what the node answered.
        limit: rows that were asked for; where the answer stops before the end it has so many.
        reverse: whether it may stop at its beginning instead: these are the last rows.

    Raises:
        Malformed: the proof's form is wrong.
        ProofInvalid: it does not prove what it says.
    """
    contract, name = of
    at = "$.range"
    _verify_stop(bounds, proof, limit, reverse=reverse)
    low, high = cut(bounds, proof)
    pages = [to_bytes(text, f"{at}.pages") for text in proof.pages]
    top = decode_state_path(StateEntry(proof.bucket, proof.siblings), at)
    kh = hasher.tagged(TAG_CONTRACT, contract.encode())
    contract_root = verify_state(hasher, state_root, kh, top)
    root: bytes | None = EMPTY_ROOT
    inner = decode_state_path(proof.entry, f"{at}.entry")
    if contract_root is not None:
        map_kh = hasher.tagged(TAG_ORDERED_MAP, name.encode())
        root = verify_state(hasher, contract_root, map_kh, inner)
    elif inner.bucket or inner.siblings:
        raise ProofInvalid(reason="the contract has no state")
    if proof.entry.value is not msgspec.UNSET:
        raise ProofInvalid(reason="the path to a tree has no value")
    if root is None:  # without its tree nothing says what a map does not hold
        raise ProofInvalid(reason="the map keeps no ordered tree")
    found = verify_range(hasher, root, low, high, pages)
    if len(found) != len(proof.values):
        raise ProofInvalid(reason="the answer has another number of rows than the tree")
    rows = []
    for (key, digest), raw in zip(found, proof.values, strict=True):
        if hasher.tagged(TAG_VALUE, bytes(raw)) != digest:
            raise ProofInvalid(reason="the value of a row is another one")
        rows.append((key, bytes(raw)))
    return rows


def _verify_stop(
    bounds: tuple[bytes, bytes], proof: RangeProof, limit: int, *, reverse: bool
) -> None:
    """Establish that rows stop, if they do, at the end that was asked for and at the limit."""
    previous = None if isinstance(proof.previous, msgspec.UnsetType) else proof.previous
    stop, other = (previous, proof.next) if reverse else (proof.next, previous)
    if other is not None:
        raise ProofInvalid(reason="the rows stop at the other end than was asked for")
    if stop is not None and not bounds[0] <= to_bytes(stop) < bounds[1]:
        raise ProofInvalid(reason="the rows stop outside of the range")
    if stop is not None and len(proof.values) != limit:
        raise ProofInvalid(reason="the rows stop before the end, and before the limit")


def cut(bounds: tuple[bytes, bytes], proof: RangeProof) -> tuple[bytes, bytes]:
    """Return the bounds between which the rows are all: after ``previous``, before ``next``."""
    low, high = bounds
    if not isinstance(proof.previous, msgspec.UnsetType):
        low = just_after(to_bytes(proof.previous, "$.range.previous"))
    if proof.next is not None:
        high = to_bytes(proof.next, "$.range.next")
    return low, high


def verify_range_form(proof: RangeProof, at: str) -> None:
    """Establish that every part of ``proof`` has the form of one.

    Raises:
        Malformed: it has not.
    """
    if len(proof.pages) > RANGE_PAGES_MAX or len(proof.values) > SCAN_ROWS_MAX:
        raise Malformed(reason="more pages or rows than a range may have", at=at)
    decode_state_path(StateEntry(proof.bucket, proof.siblings), at)
    decode_state_path(proof.entry, f"{at}.entry")
    for page in proof.pages:
        to_bytes(page, f"{at}.pages")
    for name, end in (("next", proof.next), ("previous", proof.previous)):
        if isinstance(end, str):
            decode_bound(end, f"{at}.{name}")


def decode_bound(text: str, at: str) -> bytes:
    """Return the encoded key, or first parts of one, that ``text`` spells; empty for none.

    Raises:
        Malformed: not base64url, or longer than a key may be.
    """
    bound = to_bytes(text, at)
    if len(bound) > STATE_KEY_BYTES_MAX:
        raise Malformed(reason="a key of that length does not exist", at=at)
    return bound
