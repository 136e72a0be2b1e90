# SPDX-License-Identifier: Apache-2.0
"""The state that a genesis document means: the registry's first entries, valid from height 0."""

from collections.abc import Iterable

import msgspec

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_RULES, TAG_VALIDATORS, Tagged
from hanse.contracts.keys import encode_key
from hanse.contracts.records import Codec
from hanse.identity import Genesis, GenesisEngineValidator, organisation_of
from hanse.kernel import registry as r
from hanse.kernel.directory import Seat
from hanse.kernel.entries import (
    CONTRACTS,
    ENGINE_VALIDATORS,
    GOVERNANCE,
    NETWORK,
    NODES,
    RULES,
    VERSIONS,
)
from hanse.kernel.parties import EngineValidator, Node
from hanse.kernel.proposals import Deployed, Version

Writes = dict[str, dict[bytes, bytes | None]]


def genesis_writes(genesis: Genesis) -> Writes:
    """Return the state writes that stand before height 1, by contract."""
    out: dict[bytes, bytes | None] = {}

    def put(name: str, key: object, kind: type, value: object) -> None:
        out[name.encode() + b"\x00" + encode_key(key)] = Codec[object](kind).encode(value)

    for o in genesis.organisations:
        put("organisations", o.id, r.Organisation, r.Organisation(from_height=0, name=o.name))
    for m in genesis.members:
        entry = r.Member(from_height=0, organisation=organisation_of(m.id))
        put("members", m.id, r.Member, entry)
        for role in m.roles:
            put("roles", (m.id, role), r.Role, r.Role(from_height=0))
        for k in m.keys:
            key = r.Key(
                from_height=0,
                public_key=to_bytes(k.public_key),
                purpose=k.purpose,
                suite=k.suite,
            )
            put("keys", (m.id, k.id), r.Key, key)
    for c in genesis.contracts:
        version = r.ContractVersion(from_height=0, hash=c.hash, version=c.version)
        put("contracts", c.name, r.ContractEntry, r.ContractEntry(versions=[version]))
    for p in genesis.policies:
        policy = r.PolicyEntry(organisations=p.organisations, roles=p.roles, rule=p.rule)
        put("policies", p.resource, r.PolicyEntry, policy)
    parameters = r.Parameters(recovery_delay_blocks=genesis.rules.recovery_delay_blocks)
    put("parameters", (), r.Parameters, parameters)
    out.update(_parties(genesis))
    if any(c.name == GOVERNANCE for c in genesis.contracts):
        return {"registry": out, GOVERNANCE: _deployed(genesis)}
    return {"registry": out}  # a ledger founded without it keeps its contracts as they are


def is_governed(genesis: Genesis) -> bool:
    """Whether organisations can change the network: the genesis names the contract for that."""
    return any(c.name == NETWORK for c in genesis.contracts)


def _parties(genesis: Genesis) -> dict[bytes, bytes | None]:
    """Return nodes, engine validators and rules, where they can change or the engine needs them."""
    voting = genesis.engine_validators
    rows: list[tuple[bytes, bytes]] = []
    if is_governed(genesis):
        rules = {name: getattr(genesis.rules, name) for name in genesis.rules.__struct_fields__}
        rows += [RULES.write(name, value) for name, value in rules.items()]
    if is_governed(genesis) or voting is not msgspec.UNSET:
        for v in genesis.validators:
            node = Node(from_height=0, public_key=to_bytes(v.public_key), suite=v.suite)
            rows.append(NODES.write((v.organisation, v.node, 0), node))
    for seat in [] if voting is msgspec.UNSET else voting:
        entry = EngineValidator(
            from_height=0, key_height=0, power=seat.power, public_key=to_bytes(seat.public_key)
        )
        rows.append(ENGINE_VALIDATORS.write((seat.organisation, seat.node, 0), entry))
    return dict(rows)


def _deployed(genesis: Genesis) -> dict[bytes, bytes | None]:
    """Return the contracts of genesis as governance holds them: version 1, active from height 0."""
    rows: list[tuple[bytes, bytes]] = []
    for c in genesis.contracts:
        deployed = Deployed(number=1, package=c.hash, since_height=0, status="active")
        version = Version(from_height=0, package=c.hash, version=c.version)
        rows += [CONTRACTS.write(c.name, deployed), VERSIONS.write((c.name, 1), version)]
    return dict(rows)


def validators_hash(genesis: Genesis, tagged: Tagged) -> str:
    """Return what the first header's ``validators`` says: the tagged hash of a list of genesis.

    It is ``engine_validators`` where there are such, else ``validators``, and then for ever.
    """
    listed = encode(genesis.voters or genesis.validators)
    return to_text(tagged(TAG_VALIDATORS, listed))


def as_listed(seats: Iterable[Seat]) -> list[GenesisEngineValidator]:
    """Return engine validators in the form in which a genesis lists them."""
    return [
        GenesisEngineValidator(s.node, s.organisation, s.entry.power, to_text(s.entry.public_key))
        for s in seats
    ]


def seats_hash(seats: Iterable[Seat], tagged: Tagged) -> str:
    """Return what a header's ``validators`` says of engine validators, in the form of genesis."""
    return to_text(tagged(TAG_VALIDATORS, encode(as_listed(seats))))


def rules_hash(genesis: Genesis, tagged: Tagged) -> str:
    """Return what a header's ``rules`` says: the tagged hash of the rules."""
    return to_text(tagged(TAG_RULES, encode(genesis.rules)))
