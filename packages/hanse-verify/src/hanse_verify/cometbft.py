# SPDX-License-Identifier: Apache-2.0
"""Finality on CometBFT: who votes, from genesis to this header, and that enough of them did.

Page: finality-cometbft.md. What is hashed and signed is protocol buffers (CometBFT 0.38 and 0.40).
"""

from hanse_verify.documents import Document, b64, unb64
from hanse_verify.proofs import tagged
from hanse_verify.suites import Hash, check_signature, sha256

CHAIN, HEIGHT, VALIDATORS, NEXT_VALIDATORS, APP_HASH = 1, 2, 7, 8, 10  # leaves of an engine header
Powers = dict[bytes, int]  # of each public key, in the engine's order


def check_chain(hash_: Hash, genesis: Document, header: Document, certificate: Document) -> str:
    """Establish that those who vote at ``header`` made it final; say with how much power.

    Who votes follows from the genesis and the steps, each of them agreed by those before.
    """
    ledger, block_id = b64(tagged(hash_, "genesis", genesis)), tagged(hash_, "header", header)
    first, listed = genesis["engine_validators"], certificate.get("validators")
    if listed == first:
        raise ValueError("the certificate repeats the validators of the genesis document")
    named = first if listed is None else listed
    if header["validators"] != b64(tagged(hash_, "validators", named)):
        raise ValueError("the header names other validators than its certificate")
    powers, last = read_powers(first), 0
    for step in certificate["steps"]:
        following, height = read_powers(step["next"]), _height_of(step)
        if not last < height <= header["engine_height"]:
            raise ValueError("a step is not between the one before it and the header")
        if following == powers or [unb64(v["public_key"]) for v in step["next"]] != [*following]:
            raise ValueError("a step changes nothing, or its validators are not in order")
        check_commit(step, powers, ledger, {HEIGHT: height, NEXT_VALIDATORS: set_hash(following)})
        powers, last = following, height
    if read_powers(named) != powers:
        raise ValueError("the validators of the header are not those that its steps lead to")
    wanted = {HEIGHT: header["engine_height"] + 1, APP_HASH: block_id}
    return check_commit(certificate, powers, ledger, wanted)


def read_powers(validators: list[Document]) -> Powers:
    """Return the power of each key, strongest first, and of equals the lower address first."""
    powers = {unb64(voter["public_key"]): voter["power"] for voter in validators}
    if 0 in powers.values() or len(powers) != len(validators):
        raise ValueError("a validator is named twice, or has no power")
    return dict(sorted(powers.items(), key=lambda one: (-one[1], sha256(one[0])[:20])))


def set_hash(powers: Powers) -> bytes:
    """Return the engine's hash of a set of validators."""
    return merkle_root([_field(1, _field(1, key)) + _field(2, n) for key, n in powers.items()])


def check_commit(
    commit: Document, powers: Powers, ledger: str, wanted: dict[int, int | bytes]
) -> str:
    """Establish that more than 2/3 of the power signed an engine header with the wanted leaves."""
    leaves, votes = [unb64(leaf) for leaf in commit["header"]], commit["votes"]
    wanted = {CHAIN: ledger.encode(), VALIDATORS: set_hash(powers), **wanted}
    if any(leaves[at] != _field(1, value) for at, value in wanted.items()):
        raise ValueError("the engine header has another chain, height, set of validators, or block")
    if len(votes) != len(powers):
        raise ValueError("there is not one vote, or null, for each validator")
    height, turn = wanted[HEIGHT], commit["round"]
    assert isinstance(height, int), "a height is a number"
    start = b"\x08\2\x11" + height.to_bytes(8, "little")  # kind 2 is a precommit
    start += b"\x19" + turn.to_bytes(8, "little") if turn else b""
    start += _field(4, _field(1, merkle_root(leaves)) + _field(2, unb64(commit["parts"])))
    signed, last, total = 0, 0, sum(powers.values())
    for vote, (key, power) in zip(votes, powers.items(), strict=True):
        if vote is not None:
            message = start + _field(5, unb64(vote["time"])) + _field(6, ledger.encode())
            message = _varint(len(message)) + message
            check_signature("ed25519-sha256", key, message, unb64(vote["signature"]))
            signed, last = signed + power, power
    if not 3 * (signed - last) <= 2 * total < 3 * signed:  # or a vote could be left out unseen
        raise ValueError(f"votes of {signed} of {total}: not more than two thirds, or too many")
    return f"voting power {signed} of {total}"


def _height_of(step: Document) -> int:
    leaf = unb64(step["header"][HEIGHT])
    height = sum((byte & 127) << 7 * at for at, byte in enumerate(leaf[1:10]))
    if leaf != _field(1, height) or height == 0:
        raise ValueError("a step has no height, or another encoding of it")
    return height


def _field(number: int, value: int | bytes) -> bytes:  # of a protocol buffer
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])


def merkle_root(leaves: list[bytes]) -> bytes:
    """Return the root over the leaves: the tree of RFC 6962, on SHA-256 whatever the network's."""
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + merkle_root(leaves[:split]) + merkle_root(leaves[split:]))
