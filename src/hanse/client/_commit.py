# SPDX-License-Identifier: Apache-2.0
"""Finality on CometBFT: the engine's next header carries our block id, and its commit stands.

The second implementation of ``spec/finality-cometbft.md``. What is hashed and signed is protocol
buffers (CometBFT 0.38 and 0.40, spec/core/encoding.md): a scalar of value zero is not written, an
embedded message always is. The engine's Merkle tree is the log's tree, on SHA-256 whatever ours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from hanse.codec.base64url import to_bytes, to_hash
from hanse.crypto import SHA256, suite_named
from hanse.errors import Malformed, ProofInvalid
from hanse.merkle.log import Frontier, leaf_hash

Count = Annotated[int, msgspec.Meta(ge=0)]
ADDRESS_BYTES: Final = 20
ABSENT, FOR_BLOCK = 1, 2  # and 3: a vote for no block
_PRECOMMIT: Final = 2
_VARINT, _FIXED64, _BYTES = 0, 1, 2  # wire types of protocol buffers


class EngineValidator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A validator of the engine, as the genesis names it."""

    organisation: str
    power: Count
    public_key: str


class _Parts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hash: str
    total: Count


class _BlockId(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hash: str
    parts: _Parts


class _Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    nanos: Count
    seconds: Count


class _Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    app: Count
    block: Count


class _EngineHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    app_hash: str
    chain_id: str
    consensus_hash: str
    data_hash: str
    evidence_hash: str
    height: Count
    last_block_id: _BlockId
    last_commit_hash: str
    last_results_hash: str
    next_validators_hash: str
    proposer_address: str
    time: _Time
    validators_hash: str
    version: _Version


class _Vote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    block_id_flag: Literal[1, 2, 3]
    signature: str
    timestamp: _Time
    validator_address: str


class _Commit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    block_id: _BlockId
    height: Count
    round: Count
    signatures: list[_Vote]


class CommitCertificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The finality certificate of the CometBFT engine."""

    commit: _Commit
    engine: Literal["cometbft"]
    engine_header: _EngineHeader
    validators: list[EngineValidator]


commit_decoder = msgspec.json.Decoder(CommitCertificate)


@dataclass(frozen=True, slots=True)
class _Voter:
    address: bytes
    power: int
    public_key: bytes


def verify_commit_form(certificate: CommitCertificate) -> None:
    """Establish that every hash, address and signature is bytes of the right size.

    Raises:
        Malformed: one is not.
    """
    at = "$.certificate"
    header, commit = certificate.engine_header, certificate.commit
    for text in (header.app_hash, header.consensus_hash, header.next_validators_hash):
        to_hash(text, at)
    to_hash(header.validators_hash, at)
    if len(to_bytes(header.proposer_address, at)) != ADDRESS_BYTES:
        raise Malformed(reason=f"an address has {ADDRESS_BYTES} bytes", at=at)
    texts = [header.data_hash, header.evidence_hash, header.last_commit_hash]
    texts.append(header.last_results_hash)
    for block_id in (header.last_block_id, commit.block_id):
        texts += [block_id.hash, block_id.parts.hash]
    for vote in commit.signatures:
        texts += [vote.signature, vote.validator_address]
    for text in texts:
        to_bytes(text, at)
    for validator in certificate.validators:
        to_hash(validator.public_key, at)


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
        ProofInvalid: other validators, another block, or too few votes.
    """
    header, commit = certificate.engine_header, certificate.commit
    if certificate.validators != list(known):
        raise ProofInvalid(reason="the validators are not those of the genesis")
    voters = _voters(known)
    if header.height != engine_height + 1:
        raise ProofInvalid(reason="the engine header is not the one after this block")
    if to_bytes(header.app_hash) != block_id:
        raise ProofInvalid(reason="the engine header carries another block id")
    if to_bytes(header.validators_hash) != _root(_validator_wire(voter) for voter in voters):
        raise ProofInvalid(reason="the engine header names another set of validators")
    if to_bytes(commit.block_id.hash) != _root(_header_wires(header)):
        raise ProofInvalid(reason="the commit is for another engine header")
    if commit.height != header.height or len(commit.signatures) != len(voters):
        raise ProofInvalid(reason="the commit has another height or number of votes")
    signed = sum(
        _verify_vote(vote, voter, commit, header.chain_id)
        for vote, voter in zip(commit.signatures, voters, strict=True)
    )
    total = sum(voter.power for voter in voters)
    if signed * 3 <= total * 2:
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


def _verify_vote(vote: _Vote, voter: _Voter, commit: _Commit, chain_id: str) -> int:
    """Return the power that the vote adds to the block; a vote for none adds nothing."""
    if vote.block_id_flag == ABSENT:
        if vote.signature or vote.validator_address or vote.timestamp != _Time(nanos=0, seconds=0):
            raise ProofInvalid(reason="an absent vote is not empty")
        return 0
    if to_bytes(vote.validator_address) != voter.address:
        raise ProofInvalid(reason="a vote stands in another validator's place")
    suite = suite_named("ed25519-sha256")  # the engine's own, whatever the members' suites
    message, signature = vote_bytes(vote, commit, chain_id), to_bytes(vote.signature)
    known = suite.is_public_key_valid(voter.public_key)
    if not known or not suite.is_signature_valid(voter.public_key, message, signature):
        raise ProofInvalid(reason="the signature of a vote does not hold")
    return voter.power if vote.block_id_flag == FOR_BLOCK else 0


def vote_bytes(vote: _Vote, commit: _Commit, chain_id: str) -> bytes:
    """Return what a validator signed: its canonical precommit, with its length before it."""
    parts = [_number(1, _PRECOMMIT), _fixed64(2, commit.height), _fixed64(3, commit.round)]
    if vote.block_id_flag == FOR_BLOCK:
        parts.append(_embed(4, _block_id_wire(commit.block_id)))
    parts += [_embed(5, _time_wire(vote.timestamp)), _data(6, chain_id.encode())]
    message = b"".join(parts)
    return _varint(len(message)) + message


def _header_wires(header: _EngineHeader) -> list[bytes]:
    """Return the fourteen leaves of an engine header, in the order of its fields."""
    hashes = (
        header.last_commit_hash,
        header.data_hash,
        header.validators_hash,
        header.next_validators_hash,
        header.consensus_hash,
        header.app_hash,
        header.last_results_hash,
        header.evidence_hash,
        header.proposer_address,
    )
    return [
        _number(1, header.version.block) + _number(2, header.version.app),
        _data(1, header.chain_id.encode()),
        _number(1, header.height),
        _time_wire(header.time),
        _block_id_wire(header.last_block_id),
        *(_data(1, to_bytes(text)) for text in hashes),
    ]


def _validator_wire(voter: _Voter) -> bytes:
    return _embed(1, _data(1, voter.public_key)) + _number(2, voter.power)


def _block_id_wire(block_id: _BlockId) -> bytes:
    parts = _number(1, block_id.parts.total) + _data(2, to_bytes(block_id.parts.hash))
    return _data(1, to_bytes(block_id.hash)) + _embed(2, parts)


def _time_wire(time: _Time) -> bytes:
    if time.nanos >= 1_000_000_000:
        raise ProofInvalid(reason="a second has a thousand million nanoseconds")
    return _number(1, time.seconds) + _number(2, time.nanos)


def _root(leaves: Iterable[bytes]) -> bytes:
    frontier, _ = Frontier(SHA256).append([leaf_hash(SHA256, leaf) for leaf in leaves])
    return frontier.root()


def _number(place: int, value: int) -> bytes:
    return _varint(place << 3 | _VARINT) + _varint(value) if value else b""


def _fixed64(place: int, value: int) -> bytes:
    return _varint(place << 3 | _FIXED64) + value.to_bytes(8, "little") if value else b""


def _data(place: int, value: bytes) -> bytes:
    return _embed(place, value) if value else b""


def _embed(place: int, value: bytes) -> bytes:
    return _varint(place << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
