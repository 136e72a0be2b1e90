# SPDX-License-Identifier: Apache-2.0
"""The state that a genesis document means: the registry's first entries, valid from height 0."""

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_RULES, TAG_VALIDATORS, Tagged
from hanse.contracts.keys import encode_key
from hanse.contracts.records import Codec
from hanse.identity import Genesis, organisation_of
from hanse.kernel import registry as r
from hanse.kernel.entries import CONTRACTS, GOVERNANCE, VERSIONS
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
    if any(c.name == GOVERNANCE for c in genesis.contracts):
        return {"registry": out, GOVERNANCE: _deployed(genesis)}
    return {"registry": out}  # a ledger founded without it keeps its contracts as they are


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


def rules_hash(genesis: Genesis, tagged: Tagged) -> str:
    """Return what a header's ``rules`` says: the tagged hash of the rules."""
    return to_text(tagged(TAG_RULES, encode(genesis.rules)))
