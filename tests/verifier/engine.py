# SPDX-License-Identifier: Apache-2.0
"""CometBFT commits, made by a protocol-buffer encoder of a few lines (see ``build.py``)."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CHAIN = "harbour-1"
POWERS = {"acme": 10, "beta": 30, "city": 10, "port": 25}
Powers = dict[str, int]
# one leaves, one comes, one gets more; then a key is exchanged: by the engine height of each set
CHANGES: dict[int, Powers] = {
    3: {"beta": 30, "city": 20, "dorf": 15, "port": 25},
    6: {"beta": 30, "city": 20, "dorf": 15, "port.2": 25},
}
TIME = {"nanos": 5, "seconds": 1_790_000_001}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def key_of(seed: str, organisation: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha(f"{seed}/engine/{organisation}".encode()))


def public(seed: str, organisation: str) -> bytes:
    return key_of(seed, organisation).public_key().public_bytes_raw()


def validators(seed: str, powers: Powers | None = None) -> list[dict]:
    """Return the list that a header names; what follows a dot tells two keys of one apart."""
    return [
        {"node": "node1", "organisation": o.split(".")[0], "power": p}
        | {"public_key": b64(public(seed, o))}
        for o, p in sorted((POWERS if powers is None else powers).items())
    ]


def ranked(seed: str, powers: Powers) -> list[str]:
    return sorted(powers, key=lambda o: (-powers[o], sha(public(seed, o))[:20]))


def weights(seed: str, powers: Powers) -> list[dict]:
    return [{"power": powers[o], "public_key": b64(public(seed, o))} for o in ranked(seed, powers)]


def set_hash(seed: str, powers: Powers) -> bytes:
    keys = [
        proto((1, "m", proto((1, "b", public(seed, o)))), (2, "i", powers[o]))
        for o in ranked(seed, powers)
    ]
    return merkle(keys)


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


def commit(
    seed: str, height: int, app_hash: bytes, votes: str = "", *, chain: str = CHAIN,
    powers: Powers | None = None, following: Powers | None = None, tidy: bool = True,
) -> dict:  # fmt: skip
    """Return an engine header and the votes for it.

    ``votes`` has the flag of each validator, strongest first: 1 is absent, 2 a vote for the block,
    3 a vote for none; the last is absent where nothing else is said. Null, if ``tidy``, are all but
    votes for the block, and those after more than two thirds.
    """
    powers = POWERS if powers is None else powers
    order = ranked(seed, powers)
    votes = votes or "2" * (len(order) - 1) + "1"
    fill = {n: bytes([n]) * 32 for n in range(1, 10)}
    both = set_hash(seed, powers), set_hash(seed, following or powers)
    fields = [
        proto((1, "i", 11), (2, "i", 1)), proto((1, "b", chain.encode())), proto((1, "i", height)),
        wire_time(TIME), wire_block_id(fill[1], 3, fill[2]), proto((1, "b", fill[3])), b"",
        proto((1, "b", both[0])), proto((1, "b", both[1])), proto((1, "b", fill[6])),
        proto((1, "b", app_hash)), proto((1, "b", fill[8])), proto((1, "b", fill[9])),
        proto((1, "b", sha(public(seed, order[0]))[:20])),
    ]  # fmt: skip
    block = merkle(fields)
    parts = proto((1, "i", 1), (2, "b", sha(b"parts")))
    made = []
    for organisation, flag in zip(order, votes, strict=True):
        signed = precommit(height, 2, (block, parts) if flag == "2" else None, TIME, chain)
        signature = b64(key_of(seed, organisation).sign(signed))
        vote = {"signature": signature, "time": b64(wire_time(TIME))}
        made.append(None if flag == "1" else vote)
    signed = 0
    for at, organisation in enumerate(order if tidy else ()):  # what does not help is left out
        if votes[at] != "2" or 3 * signed > 2 * sum(powers.values()):
            made[at] = None
        elif made[at]:
            signed += powers[organisation]
    return {
        "header": [b64(leaf) for leaf in fields], "parts": b64(parts), "round": 2, "votes": made
    }  # fmt: skip


class Engine:
    """Who votes at which height of one chain, and the commits that come of it."""

    def __init__(self, seed: str, chain: str, changes: dict[int, Powers]) -> None:
        self.seed, self.chain = seed, chain
        self.sets = {1: POWERS, **changes}

    def powers(self, height: int) -> Powers:
        return self.sets[max(start for start in self.sets if start <= max(height, 1))]

    def validators(self, height: int) -> list[dict]:
        """Return what our header names whose block is ordered right before ``height``."""
        return validators(self.seed, self.powers(height))

    def commit(self, height: int, app_hash: bytes) -> dict:
        powers, following = self.powers(height), self.powers(height + 1)
        return commit(
            self.seed, height, app_hash, chain=self.chain, powers=powers, following=following
        )

    def steps(self, first: int, last: int) -> list[dict]:
        """Return what leads from the set at one height to that at another."""
        return [
            self.commit(start - 1, bytes([start]) * 32)
            | {"next": weights(self.seed, self.sets[start])}
            for start in sorted(self.sets)
            if first < start <= last
        ]

    def certificate(self, height: int, app_hash: bytes) -> dict:
        """Return what makes a block final that was ordered right before ``height``."""
        found = {"engine": "cometbft", **self.commit(height, app_hash)}
        named = self.validators(height)
        return found if named == self.validators(1) else found | {"validators": named}


def precommit(
    height: int, turn: int, block: tuple[bytes, bytes] | None, time: dict, chain: str = CHAIN
) -> bytes:
    """Return what a validator signs, with its length; ``None`` is a vote for no block."""
    vote = proto((1, "i", 2), (2, "f", height), (3, "f", turn))
    if block:
        vote += proto((4, "m", proto((1, "b", block[0]), (2, "m", block[1]))))
    vote += proto((5, "m", wire_time(time)), (6, "b", chain.encode()))
    return varint(len(vote)) + vote
