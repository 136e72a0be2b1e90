# SPDX-License-Identifier: Apache-2.0
"""Join files and network files: who may say what, and that nobody enters another's key."""

import json
from pathlib import Path

import pytest

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.crypto import signers
from hanse.errors import HanseError
from hanse.node.joining import (
    SIGNED_BY,
    JoinInvalid,
    NotInTheNetwork,
    Prepared,
    accept,
    found_network,
    ledger_of,
    prepare,
    read_join,
    read_network,
    write_prepared,
)
from hanse.testing.smallbank import APP


def _prepared(organisation: str = "acme", port: int = 26656, **other: str) -> Prepared:
    said = {"name": "Acme Ltd", "node": "node1", "admin": "admin", "suite": "ed25519-sha256"}
    return prepare(
        organisation=organisation, address=f"127.0.0.1:{port}", now_ms=5, **{**said, **other}
    )


def _network(*prepared: Prepared) -> bytes:
    joins = [read_join(p.join, "$") for p in prepared]
    return found_network(joins, network="n", contracts=APP.contracts)


def test_a_join_file_is_read_back() -> None:
    join = read_join(_prepared().join, "$")
    assert (join.organisation, join.admin, join.node) == ("acme", "admin@acme", "node1")


@pytest.mark.parametrize("who", SIGNED_BY)
def test_every_key_must_have_signed(who: str) -> None:
    document = json.loads(_prepared().join)
    other = json.loads(_prepared().join)
    document["signatures"][who] = other["signatures"][who]
    with pytest.raises(JoinInvalid, match=who):
        read_join(encode(document), "$")
    del document["signatures"][who]
    with pytest.raises(HanseError):
        read_join(encode(document), "$")


@pytest.mark.parametrize("field", ["admin_key", "node_key", "peer_key", "voting_key"])
def test_nobody_enters_anothers_key(field: str) -> None:
    document, other = json.loads(_prepared().join), json.loads(_prepared("bank").join)
    document["body"][field] = other["body"][field]
    with pytest.raises(JoinInvalid):
        read_join(encode(document), "$")


@pytest.mark.parametrize(
    "said",
    [
        {"organisation": "Acme"},
        {"organisation": "acme", "node": "no de"},
        {"organisation": "acme", "admin": ""},
    ],
)
def test_names_are_names(said: dict[str, str]) -> None:
    with pytest.raises(JoinInvalid):
        _prepared(**said)


@pytest.mark.parametrize("port", [0, 70_000])
def test_an_address_has_a_port(port: int) -> None:
    with pytest.raises(JoinInvalid, match="HOST:PORT"):
        _prepared(port=port)


def test_the_same_join_files_make_the_same_network() -> None:
    one, two, three = _prepared("acme"), _prepared("bank"), _prepared("city")
    raw = _network(one, two, three)
    assert raw == _network(three, one, two)
    genesis, _, peers = read_network(raw)
    assert [v.organisation for v in genesis.voters] == ["acme", "bank", "city"]
    assert [p.organisation for p in peers] == ["acme", "bank", "city"]
    assert ledger_of(raw) != ledger_of(_network(one, two))


def test_an_organisation_founds_once_and_all_with_one_suite() -> None:
    with pytest.raises(JoinInvalid, match="one organisation"):
        _network(_prepared("acme"), _prepared("acme"))
    with pytest.raises(JoinInvalid, match="suite"):
        _network(_prepared("acme"), _prepared("bank", suite="p256-sha256"))


def test_members_of_another_suite_vote_with_the_engines_own() -> None:
    genesis, _, _ = read_network(_network(_prepared("acme", suite="p256-sha256")))
    assert genesis.validators[0].suite == "p256-sha256"
    assert len(genesis.voters) == 1


def test_a_founder_becomes_a_node(tmp_path: Path) -> None:
    mine, other = _prepared("acme", 26001), _prepared("bank", 26002)
    write_prepared(tmp_path / "acme", mine)
    folder, peers = accept(tmp_path / "acme", _network(mine, other))
    assert (folder.node, folder.organisation) == ("node1", "acme")
    assert peers == (read_network(_network(mine, other))[2][1].at,)
    keys = folder.engine_keys()
    assert keys.voting.public_key == mine.engine.voting.public_key
    assert all(path.stat().st_mode & 0o77 == 0 for path in folder.keys.iterdir())
    with pytest.raises(HanseError, match="node already"):
        accept(tmp_path / "acme", _network(mine, other))


def test_a_network_without_this_organisation_is_not_accepted(tmp_path: Path) -> None:
    write_prepared(tmp_path / "acme", _prepared("acme"))
    for raw in (_network(_prepared("bank")), _network(_prepared("acme"), _prepared("bank"))):
        with pytest.raises(NotInTheNetwork):
            accept(tmp_path / "acme", raw)
    assert not (tmp_path / "acme" / "node.json").exists()


@pytest.mark.parametrize("what", ["node", "voting", "admin", "address"])
def test_a_network_with_another_key_of_mine_is_not_accepted(tmp_path: Path, what: str) -> None:
    mine, other = _prepared("acme"), _prepared("bank")
    write_prepared(tmp_path / "acme", mine)
    document = json.loads(_network(mine, other))
    strange = signers.generate("ed25519-sha256").public_key
    text = {"key": to_text(strange)}
    if what == "address":
        document["peers"][0]["address"] = "10.9.9.9:1"
    elif what == "admin":
        document["genesis"]["members"][0]["keys"][0]["public_key"] = text["key"]
    else:
        part = "validators" if what == "node" else "engine_validators"
        document["genesis"][part][0]["public_key"] = text["key"]
    with pytest.raises(NotInTheNetwork):
        accept(tmp_path / "acme", encode(document))


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    write_prepared(tmp_path / "acme", _prepared())
    with pytest.raises(HanseError) as caught:
        write_prepared(tmp_path / "acme", _prepared())
    assert caught.value.code == "key_file_exists"
