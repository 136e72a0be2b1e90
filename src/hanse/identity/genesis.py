# SPDX-License-Identifier: Apache-2.0
"""The genesis document: what a ledger begins with. Its hash is the ledger id, the trust anchor."""

import re
from collections.abc import Iterable

import msgspec

from hanse.codec.base64url import to_bytes, to_hash, to_text
from hanse.codec.canonical import decode, decode_as, encode
from hanse.codec.documents import TAG_GENESIS
from hanse.codec.limits import (
    BLOCK_BYTES_MAX,
    BLOCK_COST_MAX,
    BLOCK_TXS_MAX,
    BLOCK_WRITE_BYTES_MAX,
    COST_MAX,
    ENGINE_POWER_MAX,
    ENGINE_VALIDATORS_MAX,
    EXPIRY_MS_MAX,
    GENESIS_BYTES_MAX,
    INTEGER_MAX,
    KEYS_PER_MEMBER_MAX,
    NAME_CHARS_MAX,
    ORGANISATION_NAME_CHARS_MAX,
    ORGANISATIONS_MAX,
    ROLES_PER_MEMBER_MAX,
    TX_BYTES_MAX,
    WITNESSES_MAX,
)
from hanse.crypto import hash_named, suite_named
from hanse.errors import Malformed
from hanse.identity.policy import Policy

RESERVED_CONTRACT = "replay"
"""Stands in the top trie for the chain of nonces (``spec/block.md``): no contract may have it."""

ENGINE_SUITE = "ed25519-sha256"
"""What engine validators vote with, whatever the suites of nodes and members."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII).fullmatch
_CONTRACT = re.compile(r"[a-z][a-z0-9_]*", re.ASCII).fullmatch


def is_name(text: str) -> bool:
    """Whether ``text`` may name an organisation, a member, a role, a node or a key.

    1 to 64 of a-z and 0-9, with ``.``, ``_`` and ``-`` inside.
    """
    return _NAME(text) is not None


def is_contract_name(text: str) -> bool:
    """Whether ``text`` may name a contract: a-z, 0-9 and ``_``, a letter first."""
    return _CONTRACT(text) is not None and len(text) <= NAME_CHARS_MAX


def is_member_id(text: str) -> bool:
    """Whether ``text`` has the form ``member@organisation``."""
    member, at, organisation = text.partition("@")
    return bool(at) and is_name(member) and is_name(organisation)


def organisation_of(member: str) -> str:
    """Return the organisation part of ``member@organisation``."""
    return member.partition("@")[2]


class GenesisKey(msgspec.Struct, frozen=True):
    """A key of a member from the start."""

    id: str
    public_key: str
    purpose: str
    suite: str


class GenesisMember(msgspec.Struct, frozen=True):
    """A member or device from the start, with keys and roles."""

    id: str
    keys: list[GenesisKey]
    roles: list[str]


class GenesisOrganisation(msgspec.Struct, frozen=True):
    """An organisation from the start."""

    id: str
    name: str


class GenesisValidator(msgspec.Struct, frozen=True):
    """A node whose signature makes headers final (embedded: the operator's)."""

    node: str
    organisation: str
    public_key: str
    suite: str


class GenesisEngineValidator(msgspec.Struct, frozen=True):
    """A node that votes on blocks with an Ed25519 key of its own and this power (CometBFT)."""

    node: str
    organisation: str
    power: int
    public_key: str


class GenesisWitness(msgspec.Struct, frozen=True):
    """An outside party whose cosignatures count."""

    name: str
    public_key: str
    suite: str


class GenesisContract(msgspec.Struct, frozen=True):
    """A contract active from height 1: name, version, and the hash of its package."""

    hash: str
    name: str
    version: str


class GenesisPolicy(msgspec.Struct, frozen=True):
    """A policy bound to a resource."""

    organisations: list[str]
    resource: str
    roles: list[str]
    rule: str


class Rules(msgspec.Struct, frozen=True):
    """Bounds on which all nodes agree; the module ``codec.limits`` holds the ceilings."""

    block_bytes_max: int = BLOCK_BYTES_MAX
    block_cost_max: int = BLOCK_COST_MAX
    block_txs_max: int = BLOCK_TXS_MAX
    block_write_bytes_max: int = BLOCK_WRITE_BYTES_MAX
    cost_max: int = COST_MAX
    cost_version: int = 2
    expiry_ms_max: int = EXPIRY_MS_MAX
    recovery_delay_blocks: int = 100


class Genesis(msgspec.Struct, frozen=True):
    """What a ledger begins with."""

    contracts: list[GenesisContract]
    hash: str
    members: list[GenesisMember]
    network: str
    organisations: list[GenesisOrganisation]
    policies: list[GenesisPolicy]
    rules: Rules
    time_ms: int
    v: int
    validators: list[GenesisValidator]
    witness_quorum: int
    witnesses: list[GenesisWitness]
    engine_validators: list[GenesisEngineValidator] | msgspec.UnsetType = msgspec.UNSET

    @property
    def voters(self) -> list[GenesisEngineValidator]:
        """Who votes on the engine; nobody where the operator alone makes headers final."""
        return self.engine_validators or []


_decoder = msgspec.json.Decoder(Genesis)


def encode_genesis(genesis: Genesis) -> bytes:
    """Return the genesis document's canonical bytes, its consistency checked first.

    Raises:
        Malformed: with the path of what is wrong.
    """
    check_genesis(genesis)
    return encode(genesis)


def decode_genesis(data: bytes) -> Genesis:
    """Return the genesis document that ``data`` is.

    Raises:
        Rejected: not canonical, or inconsistent, with the path.
    """
    decode(data, GENESIS_BYTES_MAX)
    genesis = decode_as(data, _decoder)
    check_genesis(genesis)
    return genesis


def ledger_id(genesis_bytes: bytes, hash_name: str) -> str:
    """Return the ledger id: the tagged hash of the genesis document as text."""
    return to_text(hash_named(hash_name).tagged(TAG_GENESIS, genesis_bytes))


def check_genesis(genesis: Genesis) -> None:
    """Establish that names are well formed and unique, references resolve, and keys are valid.

    Raises:
        Malformed: with the path of what is wrong.
    """
    if genesis.v != 1:
        raise Malformed(reason="the genesis version is 1", at="$.v")
    hash_named(genesis.hash)
    _check_name(genesis.network, "$.network")
    if not 0 <= genesis.time_ms <= INTEGER_MAX:
        raise Malformed(reason="milliseconds since 1970, not negative", at="$.time_ms")
    organisations = _check_organisations(genesis)
    _unique((m.id for m in genesis.members), "$.members")
    for index, member in enumerate(genesis.members):
        _check_member(member, organisations, f"$.members[{index}]")
    _unique((c.name for c in genesis.contracts), "$.contracts")
    for index, contract in enumerate(genesis.contracts):
        _check_contract(contract, f"$.contracts[{index}]")
    _check_policies(genesis, organisations)
    _check_validators(genesis, organisations)
    _check_engine_validators(genesis)
    _check_witnesses(genesis)
    check_rules(genesis.rules)


def _check_organisations(genesis: Genesis) -> set[str]:
    organisations = _unique((o.id for o in genesis.organisations), "$.organisations")
    if not 1 <= len(organisations) <= ORGANISATIONS_MAX:
        raise Malformed(reason=f"1 to {ORGANISATIONS_MAX} organisations", at="$.organisations")
    for index, organisation in enumerate(genesis.organisations):
        _check_name(organisation.id, f"$.organisations[{index}].id")
        if not 1 <= len(organisation.name) <= ORGANISATION_NAME_CHARS_MAX:
            reason = f"a name has 1 to {ORGANISATION_NAME_CHARS_MAX} characters"
            raise Malformed(reason=reason, at=f"$.organisations[{index}].name")
    return organisations


def _check_contract(contract: GenesisContract, at: str) -> None:
    if not is_contract_name(contract.name):
        raise Malformed(reason="a contract name is a-z, 0-9 and _", at=f"{at}.name")
    if contract.name == RESERVED_CONTRACT:
        raise Malformed(reason="the name is taken by the ledger itself", at=f"{at}.name")
    if not 1 <= len(contract.version) <= NAME_CHARS_MAX:
        raise Malformed(reason=f"1 to {NAME_CHARS_MAX} characters", at=f"{at}.version")
    to_hash(contract.hash, f"{at}.hash")


def _check_policies(genesis: Genesis, organisations: set[str]) -> None:
    _unique((p.resource for p in genesis.policies), "$.policies")
    for index, policy in enumerate(genesis.policies):
        at = f"$.policies[{index}]"
        _check_name(policy.resource, f"{at}.resource")
        Policy(policy.rule, tuple(policy.organisations), tuple(policy.roles))
        if not organisations.issuperset(policy.organisations):
            raise Malformed(reason="unknown organisation", at=f"{at}.organisations")
        for role in policy.roles:
            _check_name(role, f"{at}.roles")


def _check_validators(genesis: Genesis, organisations: set[str]) -> None:
    if not genesis.validators:
        raise Malformed(reason="at least one validator is needed", at="$.validators")
    _unique((f"{v.node}@{v.organisation}" for v in genesis.validators), "$.validators")
    for index, validator in enumerate(genesis.validators):
        _check_name(validator.node, f"$.validators[{index}].node")
        if validator.organisation not in organisations:
            raise Malformed(reason="unknown organisation", at=f"$.validators[{index}]")
        _check_key(validator.suite, validator.public_key, f"$.validators[{index}]")


def _check_engine_validators(genesis: Genesis) -> None:
    if genesis.engine_validators is msgspec.UNSET:
        return
    at = "$.engine_validators"
    listed = genesis.engine_validators
    if not 1 <= len(listed) <= ENGINE_VALIDATORS_MAX:
        raise Malformed(reason=f"1 to {ENGINE_VALIDATORS_MAX} engine validators", at=at)
    places = [(v.organisation, v.node) for v in listed]
    _unique((f"{node}@{organisation}" for organisation, node in places), at)
    if places != sorted(places):
        raise Malformed(reason="sorted by organisation, then node", at=at)
    _unique((v.public_key for v in listed), at)
    nodes = {(v.organisation, v.node) for v in genesis.validators}
    for index, validator in enumerate(listed):
        here = f"{at}[{index}]"
        if places[index] not in nodes:
            raise Malformed(reason="no node of that organisation is listed so", at=here)
        _check_key(ENGINE_SUITE, validator.public_key, here)
        if not 1 <= validator.power <= ENGINE_POWER_MAX:
            raise Malformed(reason=f"1 to {ENGINE_POWER_MAX}", at=f"{here}.power")


def _check_member(member: GenesisMember, organisations: set[str], at: str) -> None:
    if not is_member_id(member.id) or organisation_of(member.id) not in organisations:
        raise Malformed(reason="a member is name@organisation of a listed organisation", at=at)
    if len(member.keys) > KEYS_PER_MEMBER_MAX or len(member.roles) > ROLES_PER_MEMBER_MAX:
        raise Malformed(reason="too many keys or roles", at=at)
    _unique((k.id for k in member.keys), f"{at}.keys")
    _unique(member.roles, f"{at}.roles")
    for key in member.keys:
        _check_name(key.id, f"{at}.keys")
        if key.purpose not in ("signing", "sealing"):
            raise Malformed(reason="purpose is signing or sealing", at=f"{at}.keys")
        _check_key(key.suite, key.public_key, f"{at}.keys")
    for role in member.roles:
        _check_name(role, f"{at}.roles")


def _check_witnesses(genesis: Genesis) -> None:
    names = _unique((w.name for w in genesis.witnesses), "$.witnesses")
    if len(names) > WITNESSES_MAX or not 0 <= genesis.witness_quorum <= len(names):
        raise Malformed(reason="the quorum exceeds the witnesses", at="$.witness_quorum")
    for index, witness in enumerate(genesis.witnesses):
        _check_name(witness.name, f"$.witnesses[{index}].name")
        _check_key(witness.suite, witness.public_key, f"$.witnesses[{index}]")


def check_rules(rules: Rules) -> None:
    """Establish that the rules are within their ceilings and fit together.

    Raises:
        Malformed: with the path of the one that is not.
    """
    ceiling = Rules()
    for name in rules.__struct_fields__:
        value, most = getattr(rules, name), getattr(ceiling, name)
        if name == "recovery_delay_blocks":
            most = INTEGER_MAX
        if not 1 <= value <= most:
            raise Malformed(reason=f"1 to {most}", at=f"$.rules.{name}")
    # a transaction that may be admitted must fit into a block: else it would stop the node
    if rules.cost_max > rules.block_cost_max:
        raise Malformed(reason="above block_cost_max", at="$.rules.cost_max")
    if rules.block_bytes_max < TX_BYTES_MAX:
        reason = f"at least {TX_BYTES_MAX}, the bytes of one transaction"
        raise Malformed(reason=reason, at="$.rules.block_bytes_max")


def _check_key(suite: str, public_key: str, at: str) -> None:
    if not suite_named(suite).is_public_key_valid(to_bytes(public_key, at)):
        raise Malformed(reason=f"not a public key of {suite}", at=at)


def _check_name(text: str, at: str) -> None:
    if not is_name(text):
        raise Malformed(reason=f"{text[:70]!r} is not a name", at=at)


def _unique(names: Iterable[str], at: str) -> set[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Malformed(reason=f"{name!r} stands twice", at=at)
        seen.add(name)
    return seen
