# SPDX-License-Identifier: Apache-2.0
"""Finality on CometBFT: the engine's next header carries our block id, and its commit stands.

The second implementation of ``spec/finality-cometbft.md``. What is hashed and signed is protocol
buffers (CometBFT 0.38 and 0.40, spec/core/encoding.md). The engine's Merkle tree is the log's tree,
on SHA-256 whatever ours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from hanse.codec.base64url import to_bytes
from hanse.crypto import SHA256, suite_named
from hanse.errors import Malformed, ProofInvalid
from hanse.merkle.log import Frontier, leaf_hash

Count = Annotated[int, msgspec.Meta(ge=0)]
ADDRESS_BYTES: Final = 20
LEAVES: Final = 14  # fields of an engine header, each a leaf of its hash
CHAIN_ID, HEIGHT, VALIDATORS, APP_HASH = 1, 2, 7, 10  # the leaves that are looked at
_PRECOMMIT: Final = 2
_VARINT, _FIXED64, _BYTES = 0, 1, 2  # wire types of protocol buffers


class EngineValidator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A validator of the engine, as the genesis names it."""

    organisation: str
    power: Count
    public_key: str
    node: str = ""


class _Vote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    signature: str
    time: str


class CommitCertificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The finality certificate of the CometBFT engine; a vote that is not needed is ``null``."""

    engine: Literal["cometbft"]
    header: list[str]
    parts: str
    round: Count
    votes: list[_Vote | None]


commit_decoder = msgspec.json.Decoder(CommitCertificate)


@dataclass(frozen=True, slots=True)
class _Voter:
    address: bytes
    power: int
    public_key: bytes


def verify_commit_form(certificate: CommitCertificate) -> None:
    """Establish that there are as many leaves as a header has fields, and bytes are bytes.

    Raises:
        Malformed: it is not so.
    """
    at = "$.certificate"
    if len(certificate.header) != LEAVES:
        raise Malformed(reason=f"an engine header has {LEAVES} fields", at=f"{at}.header")
    for text in (*certificate.header, certificate.parts):
        to_bytes(text, at)
    for vote in certificate.votes:
        if vote is not None:
            to_bytes(vote.signature, at)
            to_bytes(vote.time, at)


def verify_commit(
    certificate: CommitCertificate,
    known: Sequence[EngineValidator],
    block_id: bytes,
    engine_height: int,
) -> str:
    """Return how much of the voting power made ``block_id`` final: more than two thirds.

    Args:
        certificate: its form is verified.
        known: the validators that the genesis names.
        block_id: of our header; the engine's next header carries it as the application's hash.
        engine_height: height at which the engine ordered our block.

    Raises:
        ProofInvalid: other validators, another block, too few votes, or more than it takes.
    """
    voters = _voters(known)
    leaves = [to_bytes(text) for text in certificate.header]
    if leaves[HEIGHT] != _number(1, engine_height + 1):
        raise ProofInvalid(reason="the engine header is not the one after this block")
    if leaves[APP_HASH] != _embed(1, block_id):
        raise ProofInvalid(reason="the engine header carries another block id")
    if leaves[VALIDATORS] != _embed(1, _root(_validator_wire(voter) for voter in voters)):
        raise ProofInvalid(reason="the engine header names another set of validators")
    if len(certificate.votes) != len(voters):
        raise ProofInvalid(reason="the commit has another number of votes")
    start = vote_start(_root(leaves), certificate, engine_height + 1)
    total = sum(voter.power for voter in voters)
    signed = 0
    for vote, voter in zip(certificate.votes, voters, strict=True):
        if vote is None:
            continue
        _verify_vote(vote, voter, start, leaves[CHAIN_ID])
        if _is_enough(signed, total):  # else it could be left out, and nobody would see it
            raise ProofInvalid(reason="a vote beyond those that make two thirds")
        signed += voter.power
    if not _is_enough(signed, total):
        raise ProofInvalid(reason=f"votes of {signed} of {total}: not more than two thirds")
    return f"{signed} of {total}"


def _voters(known: Sequence[EngineValidator]) -> list[_Voter]:
    """Return the validators in the engine's order: by power, strongest first, then by address."""
    voters = []
    for validator in known:
        key = to_bytes(validator.public_key)
        voters.append(_Voter(SHA256(key)[:ADDRESS_BYTES], validator.power, key))
    if not voters or len({voter.public_key for voter in voters}) != len(voters):
        raise ProofInvalid(reason="there is no validator, or one is named twice")
    if any(voter.power == 0 for voter in voters):
        raise ProofInvalid(reason="a validator has no power")
    return sorted(voters, key=lambda voter: (-voter.power, voter.address))


def _is_enough(signed: int, total: int) -> bool:
    return signed * 3 > total * 2


def _verify_vote(vote: _Vote, voter: _Voter, start: bytes, chain_id: bytes) -> None:
    suite = suite_named("ed25519-sha256")  # the engine's own, whatever the members' suites
    message, signature = vote_bytes(start, vote, chain_id), to_bytes(vote.signature)
    known = suite.is_public_key_valid(voter.public_key)
    if not known or not suite.is_signature_valid(voter.public_key, message, signature):
        raise ProofInvalid(reason="the signature of a vote does not hold")


def vote_start(header_hash: bytes, certificate: CommitCertificate, height: int) -> bytes:
    """Return the beginning of what every validator signed: kind, height, round, block."""
    block = _embed(1, header_hash) + _embed(2, to_bytes(certificate.parts))
    parts = [_number(1, _PRECOMMIT), _fixed64(2, height), _fixed64(3, certificate.round)]
    return b"".join([*parts, _embed(4, block)])


def vote_bytes(start: bytes, vote: _Vote, chain_id: bytes) -> bytes:
    """Return what a validator signed: its canonical precommit, with its length before it.

    ``chain_id`` is the leaf of the header: the same text behind another field number.
    """
    message = start + _embed(5, to_bytes(vote.time)) + _embed(6, chain_id[2:])
    return _varint(len(message)) + message


def _validator_wire(voter: _Voter) -> bytes:
    return _embed(1, _embed(1, voter.public_key)) + _number(2, voter.power)


def _root(leaves: Iterable[bytes]) -> bytes:
    frontier, _ = Frontier(SHA256).append([leaf_hash(SHA256, leaf) for leaf in leaves])
    return frontier.root()


def _number(place: int, value: int) -> bytes:
    return _varint(place << 3 | _VARINT) + _varint(value) if value else b""


def _fixed64(place: int, value: int) -> bytes:
    return _varint(place << 3 | _FIXED64) + value.to_bytes(8, "little") if value else b""


def _embed(place: int, value: bytes) -> bytes:
    return _varint(place << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
