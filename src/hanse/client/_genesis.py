# SPDX-License-Identifier: Apache-2.0
"""What a verifier reads in a genesis document: who certifies headers, by which suites."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from hanse.client._commit import EngineValidator, verify_keys
from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.canonical import decode, decode_as
from hanse.codec.documents import TAG_GENESIS, TAG_RULES, TAG_VALIDATORS
from hanse.codec.limits import GENESIS_BYTES_MAX, WITNESSES_MAX
from hanse.crypto import Hash, Suite, hash_named, suite_named
from hanse.errors import Malformed

_NOTE_NAME: Final = re.compile(r"[^\s+\x00-\x1f\x7f]{1,256}").fullmatch


class _Validator(msgspec.Struct, frozen=True):
    node: str
    organisation: str
    public_key: str
    suite: str


class _Witness(msgspec.Struct, frozen=True):
    name: str
    public_key: str
    suite: str


class _Genesis(msgspec.Struct, frozen=True):
    hash: str
    network: str
    rules: msgspec.Raw
    time_ms: int
    v: Literal[1]
    validators: msgspec.Raw
    witness_quorum: int
    witnesses: list[_Witness]
    engine_validators: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_genesis_decoder = msgspec.json.Decoder(_Genesis)
_validators_decoder = msgspec.json.Decoder(list[_Validator])
_engine_decoder = msgspec.json.Decoder(list[EngineValidator])


@dataclass(frozen=True, slots=True)
class PartyKey:
    """A named party outside the registry, and the one key it signs checkpoints with."""

    name: str
    suite: Suite
    public_key: bytes


@dataclass(frozen=True, slots=True)
class Genesis:
    """The part of a genesis that proofs rest on; the whole document's hash is the ledger's id.

    ``validators`` is the hash that the first header has: of the nodes, or of the engine's
    validators where an engine orders; there later headers may have another.
    """

    raw: bytes = field(repr=False)
    ledger: str
    network: str
    hash: Hash
    operator: PartyKey
    witnesses: Mapping[str, PartyKey]
    witness_quorum: int
    validators: str
    rules: str
    engine_validators: tuple[EngineValidator, ...] | None


def is_note_name(name: str) -> bool:
    """Whether a signed note can carry this name: no white space, no plus, no control characters."""
    return _NOTE_NAME(name) is not None


def decode_genesis(raw: bytes) -> Genesis:
    """Return what ``raw`` says about finality; members that no proof needs are hashed, not read.

    Raises:
        Rejected: not canonical, or a field that proofs rest on is absent or of the wrong form.
    """
    decode(raw, GENESIS_BYTES_MAX)
    genesis = decode_as(raw, _genesis_decoder)
    validators = decode_as(bytes(genesis.validators), _validators_decoder)
    if not validators:
        raise Malformed(reason="a network has at least one validator", at="$.validators")
    if not bytes(genesis.rules).startswith(b"{"):
        raise Malformed(reason="rules are an object", at="$.rules")
    first = validators[0]
    operator = _party(
        f"{first.node}@{first.organisation}", first.suite, first.public_key, "$.validators[0]"
    )
    witnesses = _witnesses(genesis.witnesses)
    if not 0 <= genesis.witness_quorum <= len(witnesses):
        reason = "the quorum is between 0 and the number of witnesses"
        raise Malformed(reason=reason, at="$.witness_quorum")
    network_hash = hash_named(genesis.hash)
    named = genesis.validators
    if genesis.engine_validators is not msgspec.UNSET:
        named = genesis.engine_validators
    return Genesis(
        raw=raw,
        ledger=to_text(network_hash.tagged(TAG_GENESIS, raw)),
        network=genesis.network,
        hash=network_hash,
        operator=operator,
        witnesses=witnesses,
        witness_quorum=genesis.witness_quorum,
        validators=to_text(network_hash.tagged(TAG_VALIDATORS, bytes(named))),
        rules=to_text(network_hash.tagged(TAG_RULES, bytes(genesis.rules))),
        engine_validators=_engine_validators(genesis),
    )


def _engine_validators(genesis: _Genesis) -> tuple[EngineValidator, ...] | None:
    """Return who must commit headers; ``None`` where the operator's note makes them final."""
    if genesis.engine_validators is msgspec.UNSET:
        return None
    found = decode_as(bytes(genesis.engine_validators), _engine_decoder)
    verify_keys(found, "$.engine_validators")
    return tuple(found)


def _witnesses(entries: list[_Witness]) -> dict[str, PartyKey]:
    if len(entries) > WITNESSES_MAX:
        raise Malformed(reason=f"at most {WITNESSES_MAX} witnesses", at="$.witnesses")
    witnesses: dict[str, PartyKey] = {}
    for index, entry in enumerate(entries):
        at = f"$.witnesses[{index}]"
        if entry.name in witnesses:
            raise Malformed(reason="a witness is named twice", at=at)
        witnesses[entry.name] = _party(entry.name, entry.suite, entry.public_key, at)
    return witnesses


def _party(name: str, suite_name: str, public_key: str, at: str) -> PartyKey:
    if not is_note_name(name):
        raise Malformed(reason="the name cannot stand in a signed note", at=at)
    suite = suite_named(suite_name)
    key = to_bytes(public_key, f"{at}.public_key")
    if not suite.is_public_key_valid(key):  # one of small order would sign anything
        raise Malformed(reason=f"not a public key of {suite_name}", at=at)
    return PartyKey(name, suite, key)
