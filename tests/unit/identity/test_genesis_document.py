# SPDX-License-Identifier: Apache-2.0
"""The genesis document says what is wrong with it, with a path; nothing begins on a bad one."""

from typing import Any

import msgspec
import pytest
from tests.unit.kernel.small_ledger import build_genesis, public_key

from hanse.codec.base64url import to_text
from hanse.codec.canonical import decode, encode
from hanse.errors import Malformed, NotCanonical, Rejected, TooLarge, UnknownSuite
from hanse.identity import (
    GenesisContract,
    GenesisPolicy,
    GenesisWitness,
    Rules,
    decode_genesis,
    encode_genesis,
    is_member_id,
    is_name,
    ledger_id,
    organisation_of,
)
from hanse.identity import genesis as g

HASH = to_text(bytes(32))
KEY = to_text(public_key("w"))
SUITE = "ed25519-sha256"


def test_a_genesis_document_comes_back_as_it_was() -> None:
    genesis = build_genesis()
    data = encode_genesis(genesis)
    assert decode_genesis(data) == genesis
    assert encode(decode(data)) == data


def test_unknown_members_are_kept_in_the_hash() -> None:
    data = encode_genesis(build_genesis())
    more = encode({**msgspec.json.decode(data), "zz_extra": 1})
    assert decode_genesis(more) == decode_genesis(data)
    assert ledger_id(more, "sha256") != ledger_id(data, "sha256")
    assert len(ledger_id(data, "sm3")) == 43


def test_a_second_spelling_is_refused() -> None:
    data = encode_genesis(build_genesis())
    with pytest.raises(NotCanonical):
        decode_genesis(data + b"\n")
    with pytest.raises(TooLarge):
        decode_genesis(b" " * (1024 * 1024 + 1))


def member(identifier: str = "x@acme", **changes: Any) -> g.GenesisMember:
    parts: dict[str, Any] = {"keys": [], "roles": [], **changes}
    return g.GenesisMember(identifier, **parts)


def key(identifier: str = "k1", **changes: Any) -> g.GenesisKey:
    parts = {"public_key": KEY, "purpose": "signing", "suite": SUITE, **changes}
    return g.GenesisKey(identifier, **parts)


WITNESS = GenesisWitness("w1", KEY, SUITE)


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"v": 2}, "$.v"),
        ({"network": "Not a name"}, "$.network"),
        ({"time_ms": -1}, "$.time_ms"),
        ({"time_ms": 2**53}, "$.time_ms"),
        ({"organisations": []}, "$.organisations"),
        ({"organisations": [g.GenesisOrganisation("Acme", "A")]}, "$.organisations[0].id"),
        ({"organisations": [g.GenesisOrganisation("acme", "")]}, "$.organisations[0].name"),
        ({"organisations": [g.GenesisOrganisation("acme", "x" * 201)]}, "$.organisations[0].name"),
        ({"organisations": [g.GenesisOrganisation("acme", "A")] * 2}, "$.organisations"),
        ({"members": [member("x@nowhere")]}, "$.members[0]"),
        ({"members": [member("x")]}, "$.members[0]"),
        ({"members": [member(), member()]}, "$.members"),
        ({"members": [member(roles=["No"])]}, "$.members[0].roles"),
        ({"members": [member(roles=["r", "r"])]}, "$.members[0].roles"),
        ({"members": [member(roles=[f"r{n}" for n in range(101)])]}, "$.members[0]"),
        ({"members": [member(keys=[key(f"k{n}") for n in range(65)])]}, "$.members[0]"),
        ({"members": [member(keys=[key(), key()])]}, "$.members[0].keys"),
        ({"members": [member(keys=[key("K")])]}, "$.members[0].keys"),
        ({"members": [member(keys=[key(purpose="other")])]}, "$.members[0].keys"),
        ({"members": [member(keys=[key(public_key=to_text(bytes(31)))])]}, "$.members[0].keys"),
        ({"contracts": [GenesisContract(HASH, "replay", "1")]}, "$.contracts[0].name"),
        ({"contracts": [GenesisContract(HASH, "No", "1")]}, "$.contracts[0].name"),
        ({"contracts": [GenesisContract(HASH, "n", "")]}, "$.contracts[0].version"),
        ({"contracts": [GenesisContract("short", "n", "1")]}, "$.contracts[0].hash"),
        ({"contracts": [GenesisContract(HASH, "n", "1")] * 2}, "$.contracts"),
        ({"policies": [GenesisPolicy([], "r", [], "most")]}, "$.policies"),
        ({"policies": [GenesisPolicy(["nowhere"], "r", [], "ALL")]}, "$.policies[0].organisations"),
        ({"policies": [GenesisPolicy([], "R", [], "ALL")]}, "$.policies[0].resource"),
        ({"policies": [GenesisPolicy([], "r", ["R"], "ALL")]}, "$.policies[0].roles"),
        ({"policies": [GenesisPolicy([], "r", [], "ALL")] * 2}, "$.policies"),
        ({"validators": []}, "$.validators"),
        ({"validators": [g.GenesisValidator("n", "nowhere", KEY, SUITE)]}, "$.validators[0]"),
        ({"validators": [g.GenesisValidator("n", "acme", KEY, SUITE)] * 2}, "$.validators"),
        ({"witness_quorum": 1}, "$.witness_quorum"),
        ({"witness_quorum": -1}, "$.witness_quorum"),
        ({"witnesses": [WITNESS, WITNESS]}, "$.witnesses"),
        ({"witnesses": [GenesisWitness("w1", HASH, SUITE)]}, "$.witnesses[0]"),
        (
            {"witnesses": [GenesisWitness(f"w{n}", KEY, SUITE) for n in range(33)]},
            "$.witness_quorum",
        ),
        ({"rules": Rules(block_txs_max=2_001)}, "$.rules.block_txs_max"),
        ({"rules": Rules(cost_max=11, block_cost_max=10)}, "$.rules.cost_max"),
        ({"rules": Rules(block_bytes_max=262_143)}, "$.rules.block_bytes_max"),
        ({"rules": Rules(block_txs_max=0)}, "$.rules.block_txs_max"),
        ({"rules": Rules(cost_version=3)}, "$.rules.cost_version"),
        ({"rules": Rules(recovery_delay_blocks=0)}, "$.rules.recovery_delay_blocks"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(changes: dict[str, Any], at: str) -> None:
    with pytest.raises(Malformed) as raised:
        encode_genesis(build_genesis(**changes))
    assert raised.value.at == at


def test_an_unknown_hash_or_suite_is_refused() -> None:
    for bad in ({"hash": "md5"}, {"members": [member(keys=[key(suite="rsa")])]}):
        with pytest.raises(UnknownSuite):
            encode_genesis(build_genesis(**bad))
    with pytest.raises(Rejected):
        decode_genesis(b"{}")


@pytest.mark.parametrize("good", ["a", "a1", "a.b_c-d", "0", "a" * 64])
def test_a_name_is_lower_case_and_plain(good: str) -> None:
    assert is_name(good)
    assert is_member_id(f"{good}@{good}")
    assert organisation_of(f"x@{good}") == good


@pytest.mark.parametrize("bad", ["", "A", "-a", "a-", "a b", "a" * 65, "ä", "a\n", "a@b"])
def test_what_is_no_name_is_no_name(bad: str) -> None:
    assert not is_name(bad)
    assert not is_member_id(f"{bad}@org") or bad == "a@b"
    assert not is_member_id(f"x@{bad}")
