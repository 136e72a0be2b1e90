# SPDX-License-Identifier: Apache-2.0
"""Commits as CometBFT's RPC shows them (JSON, hexadecimal), turned into what was hashed and signed.

Source: CometBFT 0.40, ``rpc/openapi`` for the answers, ``spec/core/encoding.md`` for the bytes.
"""

import re
from base64 import b64decode
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from hanse.codec.commits import EngineCommit, EngineVote, EngineVoter, content, embed, number
from hanse.errors import Malformed

FLAG_COMMIT: Final = 2  # a vote for this block; 1 is absent, 3 a vote for none
_time = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII).fullmatch


class _Parts(msgspec.Struct, frozen=True):
    hash: str
    total: Annotated[int, msgspec.Meta(ge=0)]


class _BlockId(msgspec.Struct, frozen=True):
    hash: str
    parts: _Parts


class _Version(msgspec.Struct, frozen=True):
    block: str
    app: str = "0"


class _Header(msgspec.Struct, frozen=True):
    version: _Version
    chain_id: str
    height: str
    time: str
    last_block_id: _BlockId
    last_commit_hash: str
    data_hash: str
    validators_hash: str
    next_validators_hash: str
    consensus_hash: str
    app_hash: str
    last_results_hash: str
    evidence_hash: str
    proposer_address: str


class _Vote(msgspec.Struct, frozen=True):
    block_id_flag: int
    timestamp: str
    signature: str | None = None


class _Commit(msgspec.Struct, frozen=True):
    height: str
    round: Annotated[int, msgspec.Meta(ge=0)]
    block_id: _BlockId
    signatures: list[_Vote]


class _SignedHeader(msgspec.Struct, frozen=True):
    header: _Header
    commit: _Commit


class _CommitAnswer(msgspec.Struct, frozen=True):
    signed_header: _SignedHeader


class _PublicKey(msgspec.Struct, frozen=True):
    value: str


class _Validator(msgspec.Struct, frozen=True):
    pub_key: _PublicKey
    voting_power: str


class _ValidatorsAnswer(msgspec.Struct, frozen=True):
    block_height: str
    validators: list[_Validator]


def parse_commit(commit: object, validators: object) -> EngineCommit:
    """Return the commit that two answers of the engine's RPC describe, all of it encoded.

    Args:
        commit: ``result`` of ``/commit?height=N``, as decoded JSON.
        validators: ``result`` of ``/validators?height=N``, all of them on one page.

    Raises:
        Malformed: another form than CometBFT 0.40 gives, or two heights.
    """
    try:
        signed = msgspec.convert(commit, _CommitAnswer).signed_header
        listed = msgspec.convert(validators, _ValidatorsAnswer)
        header, cast = signed.header, signed.commit
        if not header.height == cast.height == listed.block_height:
            raise Malformed(reason="commit and validators are of two heights", at="$.height")
        if len(cast.signatures) != len(listed.validators):
            raise Malformed(reason="there is not one vote for each validator", at="$.signatures")
        return EngineCommit(
            height=int(header.height),
            leaves=tuple(_leaves(header)),
            parts=_parts(cast.block_id.parts),
            round=cast.round,
            votes=tuple(_vote(vote) for vote in cast.signatures),
            voters=tuple(
                EngineVoter(b64decode(v.pub_key.value), int(v.voting_power))
                for v in listed.validators
            ),
        )
    except (msgspec.ValidationError, ValueError) as error:
        raise Malformed(reason=f"an answer of another form: {error}", at="$") from None


def _leaves(header: _Header) -> list[bytes]:
    version = number(1, int(header.version.block)) + number(2, int(header.version.app))
    last = header.last_block_id
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
        version,
        content(1, header.chain_id.encode()),
        number(1, int(header.height)),
        encode_time(header.time),
        content(1, bytes.fromhex(last.hash)) + embed(2, _parts(last.parts)),
        *(content(1, bytes.fromhex(text)) for text in hashes),
    ]


def _parts(parts: _Parts) -> bytes:
    return number(1, parts.total) + content(2, bytes.fromhex(parts.hash))


def _vote(vote: _Vote) -> EngineVote | None:
    if vote.block_id_flag != FLAG_COMMIT or not vote.signature:
        return None
    return EngineVote(encode_time(vote.timestamp), b64decode(vote.signature))


def encode_time(text: str) -> bytes:
    """Return a time of the engine (RFC 3339, up to nanoseconds, since 1970) as it is encoded.

    Raises:
        Malformed: it is none.
    """
    found = _time(text)
    if found is None or text < "1970":
        raise Malformed(reason="not a time of the engine", at="$.time")
    seconds = int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())
    return number(1, seconds) + number(2, int((found[2] or "").ljust(9, "0")))
