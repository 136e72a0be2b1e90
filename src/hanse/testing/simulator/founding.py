# SPDX-License-Identifier: Apache-2.0
"""The networks of the simulator: organisations with a node each, their members, their contracts."""

from functools import lru_cache
from typing import Final

from hanse.codec.base64url import to_text
from hanse.contracts.contract import Contract
from hanse.contracts.package import package_hash
from hanse.crypto import SHA256
from hanse.crypto.signers import from_private
from hanse.identity import Genesis, GenesisPolicy, Rules, encode_genesis, ledger_id
from hanse.identity import genesis as g
from hanse.kernel import BUILT_IN
from hanse.testing.patterns.quantity import Vouchers
from hanse.testing.simulator.node import Founded
from hanse.testing.smallbank import SmallBank

TIME_MS: Final = 1_800_000_000_000
SUITE: Final = "ed25519-sha256"
ORGANISATIONS: Final = ("acme", "bolt", "cargo", "delta", "echo", "fargo", "gulf", "holt")
POWER: Final = 10
CHANGES: Final = ("add", "power", "remove")  # of validators, by two organisations
CONTRACTS: Final = (SmallBank, Vouchers)


@lru_cache
def public_key(name: str) -> bytes:
    """Return a real public key that stands for ``name``."""
    return from_private(SUITE, SHA256(name.encode())).public_key


@lru_cache
def found_network(validators: int, observers: int) -> Founded:
    """Return a network of so many validators and observers, one of each organisation."""
    count = max(validators + observers, 3)
    organisations = ORGANISATIONS[:count]
    nodes = {f"node1@{o}": public_key(f"vote {o}") for o in organisations[: validators + observers]}
    voting = list(nodes.values())[:validators]
    genesis = _genesis(organisations, organisations[: validators + observers], validators)
    ledger = ledger_id(encode_genesis(genesis), genesis.hash)
    return Founded(genesis, ledger, CONTRACTS, nodes, dict.fromkeys(voting, POWER))


def _genesis(organisations: tuple[str, ...], nodes: tuple[str, ...], voting: int) -> Genesis:
    members = [
        g.GenesisMember(f"{name}@{o}", [_key(f"{name} {o}")], ["admin", "issuer"])
        for o in organisations
        for name in ("alice", "bob", "probe")
    ]
    contracts: list[type[Contract]] = [*BUILT_IN, *CONTRACTS]
    return Genesis(
        contracts=[
            g.GenesisContract(package_hash(c, SHA256.tagged), c.name or c.__name__.lower(), "1")
            for c in sorted(contracts, key=lambda c: c.name or c.__name__.lower())
        ],
        hash="sha256",
        members=members,
        network="simulated",
        organisations=[g.GenesisOrganisation(o, o.title()) for o in organisations],
        policies=[
            GenesisPolicy([], "contract.approve", ["admin"], "2"),
            GenesisPolicy([], "member.recover", ["admin"], "2"),
            *(GenesisPolicy([], f"validator.{what}", ["admin"], "2") for what in CHANGES),
        ],
        rules=Rules(recovery_delay_blocks=3),
        time_ms=TIME_MS,
        v=1,
        validators=[
            g.GenesisValidator("node1", o, to_text(public_key(f"node {o}")), SUITE) for o in nodes
        ],
        witness_quorum=0,
        witnesses=[],
        engine_validators=[
            g.GenesisEngineValidator("node1", o, POWER, to_text(public_key(f"vote {o}")))
            for o in nodes[:voting]
        ],
    )


def _key(name: str) -> g.GenesisKey:
    return g.GenesisKey("k1", to_text(public_key(name)), "signing", SUITE)
