# SPDX-License-Identifier: Apache-2.0
"""A network of the real software: four validators, of whom one leaves after another has come.

``engine_facts.json`` is what CometBFT 0.40.0, with its own example application, answered to
``commit`` and ``validators``: at height 1, after each of the two changes, and two blocks later. The
name of its chain is a ledger id.
"""

import copy
import json
from pathlib import Path

import msgspec
import pytest

from hanse.client._commit import (
    APP_HASH,
    HEIGHT,
    ChainStep,
    Commit,
    Weight,
    verify_commit,
    verify_step,
    voters_of,
)
from hanse.codec.base64url import to_bytes
from hanse.codec.commits import EngineCommit, embed, number
from hanse.engines.cometbft.answers import parse_members, parse_signed_header
from hanse.errors import ProofInvalid
from hanse.node.finality import commit_of, document_of
from hanse_verify.cometbft import check_commit, merkle_root, read_powers, set_hash

FACTS = json.loads((Path(__file__).parent / "engine_facts.json").read_bytes())
ANSWERS = [FACTS["first"], *FACTS["changes"], FACTS["last"]]
LEDGER = FACTS["first"]["commit"]["signed_header"]["header"]["chain_id"]


def read(answer: dict) -> EngineCommit:
    signed = parse_signed_header(answer["commit"])
    return commit_of(signed, parse_members(answer["validators"])[1])


FIRST, COMES, LEAVES, LAST = (read(answer) for answer in ANSWERS)


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_fourteen_leaves_have_the_hash_that_was_voted_for(answer: dict) -> None:
    voted = answer["commit"]["signed_header"]["commit"]["block_id"]["hash"]
    assert merkle_root(list(read(answer).leaves)).hex().upper() == voted


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_set_has_the_hash_that_its_headers_carry(answer: dict) -> None:
    voters = document_of(read(answer))["voters"]
    named = answer["commit"]["signed_header"]["header"]["validators_hash"]
    assert set_hash(read_powers(voters)).hex().upper() == named
    assert voters_of(msgspec.convert(voters, list[Weight])).root.hex().upper() == named
    assert list(read_powers(voters)) == [to_bytes(voter["public_key"]) for voter in voters]


@pytest.mark.parametrize("engine_commit", [FIRST, COMES, LEAVES, LAST])
def test_both_verifiers_accept_the_commit_with_no_vote_too_many(
    engine_commit: EngineCommit,
) -> None:
    made = document_of(engine_commit)
    height, app_hash = engine_commit.height, engine_commit.leaves[APP_HASH][2:]
    powers = read_powers(made["voters"])
    found = check_commit(made["commit"], powers, LEDGER, {HEIGHT: height, APP_HASH: app_hash})
    ours = msgspec.convert(made["commit"], Commit)
    voters = voters_of(msgspec.convert(made["voters"], list[Weight]))
    wanted = {HEIGHT: number(1, height), APP_HASH: embed(1, app_hash)}
    assert found == f"voting power {verify_commit(ours, voters, LEDGER, wanted)}"
    assert None in made["commit"]["votes"]


def steps() -> list[ChainStep]:
    """Return both changes; who votes after the first, signs the second."""
    following = [document_of(commit)["voters"] for commit in (LEAVES, LAST)]
    return [
        msgspec.convert(document_of(commit)["commit"] | {"next": voters}, ChainStep)
        for commit, voters in zip((COMES, LEAVES), following, strict=True)
    ]


def test_two_steps_lead_from_the_first_set_to_the_last() -> None:
    voters = voters_of(msgspec.convert(document_of(FIRST)["voters"], list[Weight]))
    assert [v.power for v in voters.voters] == [30, 25, 10, 10]
    above, totals = 0, [voters.total]
    for step in steps():
        first, voters = verify_step(step, voters, LEDGER, above, LAST.height)
        above = first - 1
        totals.append(voters.total)
    assert totals == [75, 82, 72]
    assert voters == voters_of(msgspec.convert(document_of(LAST)["voters"], list[Weight]))


def test_a_step_is_none_without_the_one_before_or_for_another_ledger() -> None:
    voters = voters_of(msgspec.convert(document_of(FIRST)["voters"], list[Weight]))
    come, leave = steps()
    with pytest.raises(ProofInvalid, match="set of validators"):
        verify_step(leave, voters, LEDGER, 0, LAST.height)
    with pytest.raises(ProofInvalid, match="name of the chain"):
        verify_step(come, voters, LEDGER[::-1], 0, LAST.height)


def test_an_absent_vote_is_none() -> None:
    answer = copy.deepcopy(FACTS["first"])
    votes = answer["commit"]["signed_header"]["commit"]["signatures"]
    votes[1] = {
        "block_id_flag": 1, "signature": None, "timestamp": "0001-01-01T00:00:00Z",
        "validator_address": "",
    }  # fmt: skip
    assert [vote is None for vote in read(answer).votes] == [False, True, False, False]
    assert [v is None for v in document_of(read(answer))["commit"]["votes"]] == [
        False, True, False, False
    ]  # fmt: skip
