# SPDX-License-Identifier: Apache-2.0
"""What leads from a leaf or a value to a root, and what makes a header with that root final.

Pages: log.md, state-trie.md, checkpoint.md.
"""

import re
from base64 import b64decode, b64encode

from hanse_verify.documents import Document, encode, unb64
from hanse_verify.suites import Hash, check_signature, sha256


def tagged(hash_: Hash, tag: str, value: object) -> bytes:
    """Return the hash of bytes, or of the canonical bytes of a value, in the domain of ``tag``."""
    data = value if isinstance(value, bytes) else encode(value)
    return hash_(f"hanse/{tag}/1\0".encode() + data)


def log_root(hash_: Hash, leaf: bytes, index: int, size: int, path: list[str]) -> bytes:
    """Return the root of the log of ``size`` in which ``leaf`` is at ``index``: RFC 9162, 2.1.1."""
    if index >= size or bool(path) == (size == 1):
        raise ValueError(f"leaf {index} is outside of {size}, or its path too long or too short")
    if not path:
        return hash_(b"\0" + leaf)
    left, sibling = 1 << (size - 1).bit_length() - 1, unb64(path[-1])
    if index < left:
        return hash_(b"\1" + log_root(hash_, leaf, index, left, path[:-1]) + sibling)
    return hash_(b"\1" + sibling + log_root(hash_, leaf, index - left, size - left, path[:-1]))


def check_state(hash_: Hash, root: bytes, name: str, keys: list[bytes], state: Document) -> None:
    """Establish that the contract holds each entry's value at its key, or nothing where none is."""
    contract = tagged(hash_, "contract", name.encode())
    root = find(hash_, root, contract, state) or bytes(32)  # that of a trie without entries
    for key, entry in zip(keys, state["entries"], strict=True):
        found = find(hash_, root, tagged(hash_, "key", key), entry)
        value = tagged(hash_, "value", entry["value"]) if "value" in entry else None
        if found != value:
            raise ValueError("the state holds another value, or none, or is said to hold none")


def find(hash_: Hash, root: bytes, key: bytes, path: Document) -> bytes | None:
    """Return what the trie of this root holds at ``key``; ``None`` when it is proved absent."""
    bucket, siblings = [unb64(entry) for entry in path["bucket"]], path["siblings"]
    keys, digits, depth = [entry[:32] for entry in bucket], key.hex(), len(siblings)
    if keys != sorted(set(keys)) or any(k.hex()[:depth] != digits[:depth] for k in keys):
        raise ValueError("a bucket is not in order, or holds keys of another place")
    node = tagged(hash_, "bucket", b"".join(bucket)) if bucket else bytes(32)
    for digit, others in zip(digits[:depth][::-1], siblings[::-1], strict=True):
        at, rest = 32 * int(digit, 16), unb64(others)
        node = tagged(hash_, "node", rest[:at] + node + rest[at:])
    if node != root:
        raise ValueError("a path leads to another state root")
    return {entry[:32]: entry[32:] for entry in bucket}.get(key)


def state_key(map_: str, *parts: str) -> bytes:
    """Return the state key of ``map_`` at a string, or at a tuple of strings."""
    texts = (part.encode().replace(b"\0", b"\0\xff") for part in parts)
    return map_.encode() + b"\0" + b"".join(b"\x30" + text + b"\0" for text in texts)


def check_note(note: str, body: str, genesis: Document) -> str:
    """Establish that operator and exactly a quorum of witnesses signed ``body``; name them."""
    operator, quorum = genesis["validators"][0], genesis["witness_quorum"]
    witnesses = {witness["name"]: witness for witness in genesis["witnesses"]}
    lines = re.findall(r"^\u2014 ([^\s+]+) (\S+)$", note, re.MULTILINE)
    names, payloads = [name for name, _ in lines], [b64decode(text) for _, text in lines]
    known = sorted(witnesses.keys() & set(names[1:]))
    if names != [f"{operator['node']}@{operator['organisation']}", *known] or len(known) != quorum:
        raise ValueError(f"not signed by the operator and exactly {quorum} witnesses, by name")
    rebuilt = f"{body}\n"
    for place, (name, data) in enumerate(zip(names, payloads, strict=True)):
        key, kind, prefix, signed, text = operator, b"\1", "hanse/", data[4:], body
        if place > 0:  # a cosignature
            key, kind, prefix, signed = witnesses[name], b"\4", "hanse-cosignature/", data[12:]
            text = f"cosignature/v1\ntime {int.from_bytes(data[4:12], 'big')}\n{body}"
        suite, public_key = key["suite"], unb64(key["public_key"])
        kind = kind if suite == "ed25519-sha256" else b"\xff" + (prefix + suite).encode()
        key_id = sha256(name.encode() + b"\n" + kind + public_key)[:4]
        check_signature(suite, public_key, text.encode(), signed)
        rebuilt += f"\u2014 {name} {b64encode(key_id + data[4:]).decode()}\n"
    if note != rebuilt:  # so there is one text for what was checked
        raise ValueError("the checkpoint is of another ledger, size, root or key id, or form")
    return f"signed by {', '.join(names)}"
