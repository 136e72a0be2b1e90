# SPDX-License-Identifier: Apache-2.0
"""Genesis documents made from a description: organisations, members, contracts, nodes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec

from hanse.codec.base64url import to_text
from hanse.contracts.contract import Contract
from hanse.contracts.package import package_hash
from hanse.crypto import Suite, hash_named
from hanse.identity import (
    Genesis,
    GenesisContract,
    GenesisEngineValidator,
    GenesisKey,
    GenesisMember,
    GenesisOrganisation,
    GenesisPolicy,
    GenesisValidator,
    GenesisWitness,
    Rules,
    encode_genesis,
)
from hanse.kernel import BUILT_IN


class HasKey(Protocol):
    """A public key with its suite: a signer, or what another organisation told of its own."""

    @property
    def suite(self) -> Suite:
        """The suite that the key belongs to."""

    @property
    def public_key(self) -> bytes:
        """The key's bytes in the suite's form."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of somebody else's key."""

    suite: Suite
    public_key: bytes


KeyT_co = TypeVar("KeyT_co", bound=HasKey, covariant=True)


@dataclass(frozen=True)
class Founder(Generic[KeyT_co]):
    """A member from the start: roles, and the key that the genesis lists."""

    roles: Sequence[str]
    signer: KeyT_co
    key_id: str = "k1"


@dataclass(frozen=True, slots=True)
class Operator:
    """A node from the start, its organisation and its key.

    On the embedded engine there is one, and it makes headers final. On CometBFT each of several has
    a voting key (Ed25519, 32 bytes), too, and ``power`` votes.
    """

    node: str
    organisation: str
    signer: HasKey
    voting_key: bytes | None = None
    power: int = 1


def found(  # noqa: PLR0913  # the parts of a genesis, all by name
    *,
    network: str,
    time_ms: int,
    organisations: Mapping[str, str],
    members: Mapping[str, Founder[HasKey]],
    operator: Operator,
    contracts: Iterable[type[Contract]],
    others: Sequence[Operator] = (),
    witnesses: Mapping[str, HasKey] | None = None,
    witness_quorum: int = 0,
    policies: Sequence[GenesisPolicy] = (),
    rules: Rules | None = None,
) -> bytes:
    """Return the genesis document of a new ledger; its hash algorithm is the operator's suite's.

    ``others`` are further nodes, for an engine of several validators.

    Raises:
        Malformed: with the path of what does not fit together.
    """
    suite = operator.signer.suite
    tagged = hash_named(suite.hash.name).tagged
    classes: list[type[Contract]] = [*BUILT_IN, *contracts]
    nodes = sorted((operator, *others), key=lambda o: (o.organisation, o.node))
    voters = [
        GenesisEngineValidator(o.node, o.organisation, o.power, to_text(o.voting_key))
        for o in nodes
        if o.voting_key is not None
    ]
    genesis = Genesis(
        contracts=[
            GenesisContract(
                hash=package_hash(cls, tagged),
                name=cls.name or cls.__name__.lower(),
                version=cls.version,
            )
            for cls in classes
        ],
        hash=suite.hash.name,
        members=[
            GenesisMember(id=member, keys=[_key(who)], roles=sorted(who.roles))
            for member, who in members.items()
        ],
        network=network,
        organisations=[GenesisOrganisation(id=o, name=n) for o, n in organisations.items()],
        policies=list(policies),
        rules=rules or Rules(),
        time_ms=time_ms,
        v=1,
        validators=[_node(o) for o in nodes],
        witness_quorum=witness_quorum,
        witnesses=[
            GenesisWitness(
                name=name, public_key=to_text(signer.public_key), suite=signer.suite.name
            )
            for name, signer in sorted((witnesses or {}).items())
        ],
        engine_validators=voters or msgspec.UNSET,
    )
    return encode_genesis(genesis)


def _node(operator: Operator) -> GenesisValidator:
    return GenesisValidator(
        node=operator.node,
        organisation=operator.organisation,
        public_key=to_text(operator.signer.public_key),
        suite=operator.signer.suite.name,
    )


def _key(who: Founder[HasKey]) -> GenesisKey:
    return GenesisKey(
        id=who.key_id,
        public_key=to_text(who.signer.public_key),
        purpose="signing",
        suite=who.signer.suite.name,
    )
