# SPDX-License-Identifier: Apache-2.0
"""Paths through the log and the state tries (``spec/log.md``, ``spec/state-trie.md``)."""

from typing import Any

from hanse_verify.canonical import EvidenceError, encode, unb64
from hanse_verify.suites import Hash


def tagged(hash_: Hash, tag: str, data: bytes) -> bytes:
    """Return the hash of ``data`` in the domain of ``tag``."""
    return hash_(tag.encode() + b"\0" + data)


def log_root(hash_: Hash, leaf: bytes, index: int, size: int, path: list[str]) -> bytes:
    """Return the root of the log of ``size`` leaves in which ``leaf`` is number ``index``.

    Source: RFC 9162 section 2.1.3.2.
    """
    if index >= size:
        raise EvidenceError(f"leaf {index} lies outside a log of {size} leaves")
    node, last = hash_(b"\0" + leaf), size - 1
    for text in path:
        if last == 0:
            raise EvidenceError("the inclusion path is too long")
        if index & 1 or index == last:
            node = hash_(b"\1" + unb64(text) + node)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = hash_(b"\1" + node + unb64(text))
        index, last = index >> 1, last >> 1
    if last:
        raise EvidenceError("the inclusion path is too short")
    return node


def check_state(hash_: Hash, state_root: bytes, proof: dict[str, Any]) -> None:
    """Establish that the state of this root holds the value, or holds nothing, at the key."""
    name = tagged(hash_, "hanse/contract/1", proof["contract"].encode())
    root = _find(hash_, state_root, name, proof["top_bucket"], proof["top_siblings"])
    found = None
    if root is not None:
        key = tagged(hash_, "hanse/key/1", unb64(proof["key"]))
        found = _find(hash_, root, key, proof["bucket"], proof["siblings"])
    elif proof["bucket"] or proof["siblings"]:
        raise EvidenceError("a path in a contract that is absent")
    value = tagged(hash_, "hanse/value/1", encode(proof["value"]))
    if found != (value if proof["present"] else None):
        raise EvidenceError("the state holds another value, or none, or is said to hold none")
    if proof["value"] is not None and not proof["present"]:
        raise EvidenceError("a value of an absent key")


def _find(
    hash_: Hash, root: bytes, key: bytes, bucket: list[list[str]], siblings: list[str]
) -> bytes | None:
    """Return what the trie of this root holds at ``key``; ``None`` when it is proved absent."""
    entries, digits, depth = [(unb64(k), unb64(v)) for k, v in bucket], key.hex(), len(siblings)
    keys = [k for k, _ in entries]
    if len(keys) > 16 or depth > 64 or keys != sorted(set(keys)):
        raise EvidenceError("a bucket or a path of the trie has not its one form")
    if any(k.hex()[:depth] != digits[:depth] for k in keys):
        raise EvidenceError("a bucket holds keys of another place")
    content = b"".join(k + v for k, v in entries)
    node = tagged(hash_, "hanse/bucket/1", content) if entries else bytes(32)
    for digit, others in zip(digits[:depth][::-1], siblings[::-1], strict=True):
        at, rest = 32 * int(digit, 16), unb64(others)
        node = tagged(hash_, "hanse/node/1", rest[:at] + node + rest[at:])
    if node != root:
        raise EvidenceError("a path leads to another state root")
    return dict(entries).get(key)


def state_key(map_: str, *parts: str) -> bytes:
    """Return the state key of ``map_`` at a string, or at a tuple of strings."""
    texts = (part.encode().replace(b"\0", b"\0\xff") for part in parts)
    return map_.encode() + b"\0" + b"".join(b"\x30" + text + b"\0" for text in texts)
