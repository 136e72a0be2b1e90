# SPDX-License-Identifier: Apache-2.0
"""CometBFT commits, made by a protocol-buffer encoder of a few lines (see ``build.py``)."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CHAIN = "harbour-1"
POWERS = {"acme": 10, "beta": 30, "city": 10, "port": 25}
TIME = {"nanos": 5, "seconds": 1_790_000_001}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def key_of(seed: str, organisation: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha(f"{seed}/engine/{organisation}".encode()))


def public(seed: str, organisation: str) -> bytes:
    return key_of(seed, organisation).public_key().public_bytes_raw()


def validators(seed: str) -> list[dict]:
    return [
        {"organisation": o, "power": p, "public_key": b64(public(seed, o))}
        for o, p in POWERS.items()
    ]


def proto(*fields: tuple[int, str, object]) -> bytes:
    """Encode fields of (number, kind, value); kinds: i varint, f sfixed64, b bytes, m message."""
    out = b""
    for number, kind, value in fields:
        if kind == "m" or value:
            wire = {"i": 0, "f": 1, "b": 2, "m": 2}[kind]
            out += varint(number * 8 + wire)
            if kind == "i":
                out += varint(value)
            elif kind == "f":
                out += value.to_bytes(8, "little")
            else:
                out += varint(len(value)) + value
    return out


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number % 128 + 128)
        number //= 128
    return bytes([*out, number])


def merkle(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return sha(b"\0" + leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha(b"\1" + merkle(leaves[:k]) + merkle(leaves[k:]))


def wire_time(time: dict) -> bytes:
    return proto((1, "i", time["seconds"]), (2, "i", time["nanos"]))


def wire_block_id(hash_: bytes, total: int, parts: bytes) -> bytes:
    return proto((1, "b", hash_), (2, "m", proto((1, "i", total), (2, "b", parts))))


def certificate(
    seed: str, height: int, app_hash: bytes, votes: str = "2221", *, tidy: bool = True
) -> dict:
    """Return a certificate; ``votes`` has the flag of each validator, strongest first.

    1 is absent, 2 a vote for the block, 3 a vote for none. Null, if ``tidy``, are all but votes for
    the block, and those after more than two thirds.
    """
    ranked = sorted(POWERS, key=lambda o: (-POWERS[o], sha(public(seed, o))[:20]))
    keys = [proto((1, "m", proto((1, "b", public(seed, o)))), (2, "i", POWERS[o])) for o in ranked]
    fill = {n: bytes([n]) * 32 for n in range(1, 10)}
    fields = [
        proto((1, "i", 11), (2, "i", 1)), proto((1, "b", CHAIN.encode())), proto((1, "i", height)),
        wire_time(TIME), wire_block_id(fill[1], 3, fill[2]), proto((1, "b", fill[3])), b"",
        proto((1, "b", merkle(keys))), proto((1, "b", merkle(keys))), proto((1, "b", fill[6])),
        proto((1, "b", app_hash)), proto((1, "b", fill[8])), proto((1, "b", fill[9])),
        proto((1, "b", sha(public(seed, ranked[0]))[:20])),
    ]  # fmt: skip
    block = merkle(fields)
    parts = proto((1, "i", 1), (2, "b", sha(b"parts")))
    made = []
    for organisation, flag in zip(ranked, votes, strict=True):
        signed = precommit(height, 2, (block, parts) if flag == "2" else None, TIME)
        signature = b64(key_of(seed, organisation).sign(signed))
        vote = {"signature": signature, "time": b64(wire_time(TIME))}
        made.append(None if flag == "1" else vote)
    signed = 0
    for at, organisation in enumerate(ranked if tidy else ()):  # what does not help is left out
        if votes[at] != "2" or 3 * signed > 2 * sum(POWERS.values()):
            made[at] = None
        elif made[at]:
            signed += POWERS[organisation]
    return {
        "engine": "cometbft", "header": [b64(leaf) for leaf in fields], "parts": b64(parts),
        "round": 2, "votes": made,
    }  # fmt: skip


def precommit(height: int, turn: int, block: tuple[bytes, bytes] | None, time: dict) -> bytes:
    """Return what a validator signs, with its length; ``None`` is a vote for no block."""
    vote = proto((1, "i", 2), (2, "f", height), (3, "f", turn))
    if block:
        vote += proto((4, "m", proto((1, "b", block[0]), (2, "m", block[1]))))
    vote += proto((5, "m", wire_time(time)), (6, "b", CHAIN.encode()))
    return varint(len(vote)) + vote
