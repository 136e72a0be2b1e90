# SPDX-License-Identifier: Apache-2.0
"""Commits of the CometBFT engine: what its validators hashed and signed, as bytes.

A commit makes one engine header final. All that is hashed or signed in it is protocol buffers; what
is needed of them stands here. Source: CometBFT 0.40, ``spec/core/encoding.md`` and
``data_structures.md``; ``spec/finality-cometbft.md`` says how it is used.
"""

from dataclasses import dataclass
from typing import Final

from hanse.errors import Malformed

LEAVES: Final = 14  # fields of an engine header, each a leaf of its hash
_VARINT, _FIXED64, _BYTES = 0, 1, 2  # wire types of protocol buffers
_UINT64_MAX: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class EngineVoter:
    """A validator as the engine knows it: no organisation, only a key and its power."""

    public_key: bytes
    power: int


@dataclass(frozen=True, slots=True)
class EngineVote:
    """One vote for the block: its time as the engine encoded it, and the signature."""

    time: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class EngineCommit:
    """One engine header with the commit for it.

    ``leaves`` are the fourteen encoded fields of the header; ``parts`` is the encoded part-set
    header of the block id that was voted for. ``votes`` and ``voters`` are in the order of the set,
    strongest first, then by address; a vote is ``None`` where there was none for this block.
    """

    height: int
    leaves: tuple[bytes, ...]
    parts: bytes
    round: int
    votes: tuple[EngineVote | None, ...]
    voters: tuple[EngineVoter, ...]


def varint(value: int) -> bytes:
    """Return ``value`` as the shortest variable-length integer."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(place: int, value: int) -> bytes:
    """Return a field that holds a whole number; nothing when it is zero."""
    return varint(place << 3 | _VARINT) + varint(value) if value else b""


def fixed64(place: int, value: int) -> bytes:
    """Return a field of eight bytes, least first; nothing when it is zero."""
    return varint(place << 3 | _FIXED64) + value.to_bytes(8, "little") if value else b""


def embed(place: int, value: bytes) -> bytes:
    """Return a field that holds ``value``, empty or not: what is true of messages in messages."""
    return varint(place << 3 | _BYTES) + varint(len(value)) + value


def content(place: int, value: bytes) -> bytes:
    """Return a field that holds ``value``; nothing when it is empty: what is true of bytes."""
    return embed(place, value) if value else b""


def read_number(place: int, field: bytes) -> int:
    """Return the number in a field, of which ``field`` is the one encoding.

    Raises:
        Malformed: it is another field, or another encoding.
    """
    value = 0
    for at, byte in enumerate(field[1:11]):
        value |= (byte & 0x7F) << 7 * at
    if value > _UINT64_MAX or number(place, value) != field:
        raise Malformed(reason="not the encoding of a number", at="$.certificate.header")
    return value
