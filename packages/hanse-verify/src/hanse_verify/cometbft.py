# SPDX-License-Identifier: Apache-2.0
"""Finality on CometBFT: the header after ours, and more than 2/3 of the power behind it.

Sources: CometBFT 0.38 and 0.40, spec/core/data_structures.md and spec/core/encoding.md. The bytes
are protocol buffers; a field of value zero is left out, which is why ``_field`` may return nothing.
"""

from typing import Any, Final

from hanse_verify.canonical import EvidenceError, unb64
from hanse_verify.shapes import POWERS, fields
from hanse_verify.suites import check_signature, sha256

_BLOCK_ID: Final = {"hash": "b", "parts": {"hash": "b", "total": "count"}}
_TIME: Final = fields(count="nanos seconds")
_VOTE: Final = fields(
    {"block_id_flag": (1, 2, 3), "timestamp": _TIME}, b="signature validator_address"
)
_ENGINE_HEADER: Final = fields(
    {"last_block_id": _BLOCK_ID, "time": _TIME, "version": fields(count="app block")},
    b32="app_hash consensus_hash next_validators_hash validators_hash", b20="proposer_address",
    b="data_hash evidence_hash last_commit_hash last_results_hash", count="height",
    text="chain_id")  # fmt: skip
_COMMIT: Final = fields({"block_id": _BLOCK_ID, "signatures": [_VOTE]}, count="height round")
COMETBFT: Final = {
    "commit": _COMMIT, "engine": ("cometbft",), "engine_header": _ENGINE_HEADER,
    "validators": POWERS}  # fmt: skip


def check_commit(certificate: dict[str, Any], genesis: dict[str, Any], block_id: bytes) -> str:
    """Establish that the validators of genesis made ``block_id`` final; return how many did."""
    header, commit = certificate["engine_header"], certificate["commit"]
    validators = certificate["validators"]
    if validators != genesis["engine_validators"]:
        raise EvidenceError("the validators are not those of the genesis document")
    order = _rank(validators)
    leaves = [_field(1, _field(1, key)) + _field(2, power) for power, _, key in order]
    if _root(leaves) != unb64(header["validators_hash"]):
        raise EvidenceError("the engine header names another set of validators")
    if unb64(header["app_hash"]) != block_id:
        raise EvidenceError("the engine header carries another block id")
    if unb64(commit["block_id"]["hash"]) != header_hash(header):
        raise EvidenceError("the commit is for another engine header")
    if commit["height"] != header["height"] or len(commit["signatures"]) != len(order):
        raise EvidenceError("the commit has another height, or another number of votes")
    votes = zip(commit["signatures"], order, strict=True)
    signed = sum(_power_of(vote, ranked, header["chain_id"], commit) for vote, ranked in votes)
    total = sum(power for power, _, _ in order)
    if 3 * signed <= 2 * total:
        raise EvidenceError(f"votes of {signed} of {total}: not more than two thirds")
    return f"{signed} of {total}"


def _rank(validators: list[dict[str, Any]]) -> list[tuple[int, bytes, bytes]]:
    """Return (power, address, key) of each validator, in the order of the engine."""
    keys = [unb64(validator["public_key"]) for validator in validators]
    ranked = [(v["power"], sha256(k)[:20], k) for v, k in zip(validators, keys, strict=True)]
    if not ranked or len(set(keys)) != len(keys) or min(ranked)[0] == 0:
        raise EvidenceError("a validator is named twice, or has no power, or there is none")
    return sorted(ranked, key=lambda one: (-one[0], one[1]))


def _power_of(
    vote: dict[str, Any], ranked: tuple[int, bytes, bytes], chain_id: str, commit: dict[str, Any]
) -> int:
    """Return the power behind the block of a vote that holds; 1 is absent, 3 a vote for none."""
    power, address, key = ranked
    if vote["block_id_flag"] == 1:
        if vote["signature"] or vote["validator_address"] or any(vote["timestamp"].values()):
            raise EvidenceError("an absent vote is not empty")
        return 0
    if unb64(vote["validator_address"]) != address:
        raise EvidenceError("a vote stands in another validator's place")
    message = sign_bytes(chain_id, commit, vote)
    check_signature("ed25519-sha256", key, message, unb64(vote["signature"]))
    return power if vote["block_id_flag"] == 2 else 0


def header_hash(header: dict[str, Any]) -> bytes:
    """Return the hash of an engine header: the Merkle root of its fourteen fields."""
    names = ("last_commit", "data", "validators", "next_validators", "consensus", "app",
             "last_results", "evidence")  # fmt: skip
    version = _field(1, header["version"]["block"]) + _field(2, header["version"]["app"])
    leaves = [version, _field(1, header["chain_id"].encode()), _field(1, header["height"])]
    leaves += [_time(header["time"]), _block_id(header["last_block_id"])]
    leaves += [_field(1, unb64(header[f"{name}_hash"])) for name in names]
    return _root([*leaves, _field(1, unb64(header["proposer_address"]))])


def sign_bytes(chain_id: str, commit: dict[str, Any], vote: dict[str, Any]) -> bytes:
    """Return what a validator signs: the length and the canonical form of its precommit."""
    message = _field(1, 2) + _fixed(2, commit["height"]) + _fixed(3, commit["round"])
    if vote["block_id_flag"] == 2:
        message += _field(4, _block_id(commit["block_id"]))
    message += _message(5, _time(vote["timestamp"])) + _field(6, chain_id.encode())
    return _varint(len(message)) + message


def _block_id(block_id: dict[str, Any]) -> bytes:
    parts = _field(1, block_id["parts"]["total"]) + _field(2, unb64(block_id["parts"]["hash"]))
    return _field(1, unb64(block_id["hash"])) + _message(2, parts)


def _time(time: dict[str, int]) -> bytes:
    if time["nanos"] >= 10**9:
        raise EvidenceError("a second has a thousand million nanoseconds")
    return _field(1, time["seconds"]) + _field(2, time["nanos"])


def _field(number: int, value: int | bytes) -> bytes:
    if not value:
        return b""
    return (
        _message(number, value)
        if isinstance(value, bytes)
        else (_varint(number << 3) + _varint(value))
    )


def _message(number: int, value: bytes) -> bytes:  # written even when it is empty
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _fixed(number: int, value: int) -> bytes:
    return _varint(number << 3 | 1) + value.to_bytes(8, "little") if value else b""


def _varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + _root(leaves[:split]) + _root(leaves[split:]))
