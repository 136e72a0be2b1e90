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


def certificate(seed: str, height: int, app_hash: bytes, votes: str = "2221") -> dict:
    """Return a certificate; ``votes`` has the flag of each validator, strongest first."""
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
    header = {
        "app_hash": b64(app_hash), "chain_id": CHAIN, "consensus_hash": b64(fill[6]),
        "data_hash": "", "evidence_hash": b64(fill[9]), "height": height,
        "last_block_id": {"hash": b64(fill[1]), "parts": {"hash": b64(fill[2]), "total": 3}},
        "last_commit_hash": b64(fill[3]), "last_results_hash": b64(fill[8]),
        "next_validators_hash": b64(merkle(keys)), "time": TIME,
        "proposer_address": b64(sha(public(seed, ranked[0]))[:20]),
        "validators_hash": b64(merkle(keys)), "version": {"app": 1, "block": 11},
    }  # fmt: skip
    block, parts = merkle(fields), sha(b"parts")
    signatures = []
    for organisation, flag in zip(ranked, votes, strict=True):
        if flag == "1":
            empty = {"block_id_flag": 1, "signature": "", "validator_address": ""}
            signatures.append(empty | {"timestamp": {"nanos": 0, "seconds": 0}})
            continue
        vote = proto((1, "i", 2), (2, "f", height), (3, "f", 2))
        if flag == "2":
            vote += proto((4, "m", wire_block_id(block, 1, parts)))
        vote += proto((5, "m", wire_time(TIME)), (6, "b", CHAIN.encode()))
        signatures.append({
            "block_id_flag": int(flag), "timestamp": TIME,
            "signature": b64(key_of(seed, organisation).sign(varint(len(vote)) + vote)),
            "validator_address": b64(sha(public(seed, organisation))[:20]),
        })  # fmt: skip
    commit = {
        "block_id": {"hash": b64(block), "parts": {"hash": b64(parts), "total": 1}},
        "height": height, "round": 2, "signatures": signatures,
    }  # fmt: skip
    return {"commit": commit, "engine": "cometbft", "engine_header": header,
            "validators": validators(seed)}  # fmt: skip
