# SPDX-License-Identifier: Apache-2.0
"""Genesis documents made from a description: organisations, members, contracts, one operator."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hanse.codec.base64url import to_text
from hanse.contracts.contract import Contract
from hanse.contracts.package import package_hash
from hanse.crypto import hash_named
from hanse.crypto.signers import Signer
from hanse.identity import (
    Genesis,
    GenesisContract,
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


@dataclass(frozen=True, slots=True)
class Founder:
    """A member from the start: roles, and the signer whose public key the genesis lists."""

    roles: Sequence[str]
    signer: Signer
    key_id: str = "k1"


@dataclass(frozen=True, slots=True)
class Operator:
    """The node that makes headers final, and its organisation."""

    node: str
    organisation: str
    signer: Signer


def found(  # noqa: PLR0913  # the parts of a genesis, all by name
    *,
    network: str,
    time_ms: int,
    organisations: Mapping[str, str],
    members: Mapping[str, Founder],
    operator: Operator,
    contracts: Iterable[type[Contract]],
    witnesses: Mapping[str, Signer] | None = None,
    witness_quorum: int = 0,
    policies: Sequence[GenesisPolicy] = (),
    rules: Rules | None = None,
) -> bytes:
    """Return the genesis document of a new ledger; its hash algorithm is the operator's suite's.

    Raises:
        Malformed: with the path of what does not fit together.
    """
    suite = operator.signer.suite
    tagged = hash_named(suite.hash.name).tagged
    classes: list[type[Contract]] = [*BUILT_IN, *contracts]
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
        validators=[
            GenesisValidator(
                node=operator.node,
                organisation=operator.organisation,
                public_key=to_text(operator.signer.public_key),
                suite=suite.name,
            )
        ],
        witness_quorum=witness_quorum,
        witnesses=[
            GenesisWitness(
                name=name, public_key=to_text(signer.public_key), suite=signer.suite.name
            )
            for name, signer in sorted((witnesses or {}).items())
        ],
    )
    return encode_genesis(genesis)


def _key(who: Founder) -> GenesisKey:
    return GenesisKey(
        id=who.key_id,
        public_key=to_text(who.signer.public_key),
        purpose="signing",
        suite=who.signer.suite.name,
    )
