# SPDX-License-Identifier: Apache-2.0
"""The engine's validators change by ballot, and never so that those who run lose their quorum."""

import pytest
from tests.unit.kernel.network_ledger import (
    ALICE,
    BOB,
    CAROL,
    DORA,
    JOINS,
    KEY,
    NODE,
    PARTIES,
    VOTES,
    NetworkLedger,
    validator,
    voting_key,
)
from tests.unit.kernel.small_ledger import SUITE

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_VALIDATORS
from hanse.codec.limits import ATTENDANCE_BLOCKS, ATTENDANCE_EVERY_BLOCKS
from hanse.crypto import SHA256
from hanse.kernel.entries import ATTENDANCE, ENGINE_VALIDATORS


@pytest.fixture
def four() -> NetworkLedger:
    return NetworkLedger(1, 1, 1, 1)


# the engine's validators ------------------------------------------------------------------------


def header_says(ledger: NetworkLedger) -> list[str]:
    """Return the organisations whose list the newest header commits to, found by trying."""
    header = ledger.result.header
    assert header is not None
    rows = [
        {
            "node": seat.node,
            "organisation": seat.organisation,
            "power": seat.entry.power,
            "public_key": to_text(bytes(seat.entry.public_key)),
        }
        for seat in ledger.seats(0)
    ]
    assert header.validators == to_text(SHA256.tagged(TAG_VALIDATORS, encode(rows)))
    return [str(row["organisation"]) for row in rows]


def test_the_first_header_commits_to_the_validators_of_genesis(four: NetworkLedger) -> None:
    header = four.genesis_result.header
    assert header is not None
    listed = encode(four.genesis.engine_validators)
    assert header.validators == to_text(SHA256.tagged(TAG_VALIDATORS, listed))
    four.pass_blocks(1)
    assert header_says(four) == list(PARTIES)


def test_a_removed_validator_leaves_the_header_after_the_block_that_tells_the_engine(
    four: NetworkLedger,
) -> None:
    done = four.change("validator.remove", validator=validator("delta"))
    assert done.status == "done"
    assert list(four.result.validator_updates) == [(voting_key("delta"), 0)]
    assert header_says(four) == list(PARTIES)
    four.running.discard("ndelta@delta")
    four.pass_blocks(1)
    assert not four.result.validator_updates
    assert header_says(four) == ["acme", "bolt", "cargo"]


def test_a_rotated_key_ends_and_another_begins(four: NetworkLedger) -> None:
    done = four.change("validator.rotate", DORA, validator=validator("delta", key="new"))
    assert done.status == "done"
    assert dict(four.result.validator_updates) == {voting_key("delta"): 0, voting_key("new"): 1}
    four.pass_blocks(1)
    assert not four.result.validator_updates
    held = ENGINE_VALIDATORS.all(four.state, "delta", "ndelta")
    assert [entry.to_height is None for _, entry in held] == [False, True]
    assert four.ask("validator.rotate", validator=validator("acme", key="delta")) == (
        "voting_key_taken"
    )


def test_a_power_changes_and_the_key_stays(four: NetworkLedger) -> None:
    four.pass_blocks(1)
    assert four.change("validator.power", validator=validator("acme", power=2)).status == "done"
    assert four.result.validator_updates == ((voting_key("acme"), 2),)
    four.pass_blocks(1)
    assert [seat.entry.power for seat in four.seats()] == [2, 1, 1, 1]


def test_an_organisation_joins_with_a_vote(four: NetworkLedger) -> None:
    done = four.change("organisation.admit", admission=JOINS | NODE | VOTES)
    assert done.status == "done"
    assert four.result.validator_updates == ((voting_key("elm"), 1),)
    assert [seat.organisation for seat in four.seats()] == [*PARTIES, "elm"]


def test_a_suspended_organisation_loses_its_vote_and_gets_it_by_a_vote(
    four: NetworkLedger,
) -> None:
    assert four.change("organisation.suspend", party={"organisation": "delta"}).status == "done"
    assert four.result.validator_updates == ((voting_key("delta"), 0),)
    assert four.change("organisation.reinstate", party={"organisation": "delta"}).status == "done"
    assert len(four.seats()) == 3
    again = validator("delta", power=1, key="delta again")
    assert four.change("validator.add", validator=again).status == "done"
    assert len(four.seats()) == 4


# the liveness guard -----------------------------------------------------------------------------


def test_nothing_is_known_to_run_before_a_commit_was_seen() -> None:
    ledger = NetworkLedger(1, 1, 1, 1)
    ledger.running.clear()
    ledger.pass_blocks(1)
    assert ledger.ask("validator.power", validator=validator("acme", power=2)) == "no_quorum"
    assert "0 of 5 of the power" in ledger.reason


def test_attendance_is_noted_seldom(four: NetworkLedger) -> None:
    noted = []
    for _ in range(2 * ATTENDANCE_EVERY_BLOCKS + 1):
        four.pass_blocks(1)
        noted.append(ATTENDANCE.get(four.state, ("acme", "nacme")))
    assert noted == [1] * 10 + [11] * 10 + [21]


def test_a_vote_of_nobody_is_not_noted(four: NetworkLedger) -> None:
    four.running |= {"ghost@acme", "no form"}
    four.pass_blocks(1)
    assert len(ATTENDANCE.all(four.state)) == 4


def test_who_was_silent_for_the_window_does_not_run(four: NetworkLedger) -> None:
    four.pass_blocks(1)
    four.running.discard("ndelta@delta")
    four.pass_blocks(ATTENDANCE_BLOCKS - 1)
    assert four.ask("validator.power", validator=validator("acme", power=2)) == "ok"
    four.pass_blocks(1)
    assert four.ask("validator.remove", validator=validator("acme")) == "no_quorum"
    assert "2 of 3" in four.reason
    assert four.ask("validator.remove", validator=validator("delta")) == "ok"


def test_one_silent_validator_joins_four_and_three_do_not() -> None:
    ledger = NetworkLedger(1, 1, 1, 1)
    ledger.pass_blocks(1)
    numbers = []
    for name in ("one", "two", "three"):
        terms = {"organisation": "acme", "node": name, "public_key": KEY, "suite": SUITE}
        assert ledger.change("node.add", ALICE, node=terms).status == "done"
    for name in ("one", "two", "three"):
        vote = validator("acme", node=name, power=1, key=name)
        numbers.append(ledger.propose("validator.add", validator=vote))
    for who in (ALICE, BOB, CAROL):  # decided in one block, so carried out in one
        ledger.block(
            [
                ledger.tx(who, "network", "approve", {"number": n, "binds": ledger.held(n).binds})
                for n in numbers
            ]
        )
    ledger.pass_blocks(1)
    found = [(ledger.held(n).status, ledger.held(n).code) for n in numbers]
    assert found == [("done", None), ("failed", "no_quorum"), ("failed", "no_quorum")]
    assert "4 of 6" in ledger.held(numbers[1]).reason
    assert len(ledger.result.validator_updates) == 1


def test_a_rotated_key_counts_as_silent_until_its_own_vote_was_seen(four: NetworkLedger) -> None:
    assert (
        four.change("validator.rotate", DORA, validator=validator("delta", key="new")).status
        == "done"
    )
    four.pass_blocks(2)  # votes of its old key may still be seen
    assert four.ask("validator.rotate", validator=validator("acme", key="newer")) == "no_quorum"
    four.pass_blocks(ATTENDANCE_EVERY_BLOCKS)
    assert four.ask("validator.rotate", validator=validator("acme", key="newer")) == "ok"


def test_a_change_is_forced_by_all_others_with_its_own_policy(four: NetworkLedger) -> None:
    four.pass_blocks(1)
    four.running = {"nacme@acme", "nbolt@bolt"}
    four.pass_blocks(ATTENDANCE_BLOCKS)
    terms = validator("bolt")
    assert four.ask("validator.remove", validator=terms) == "no_quorum"
    number = four.propose("validator.remove", validator=terms, forced=True, reason="it is lost")
    for who in (ALICE, BOB, CAROL):
        assert four.vote(who, number) == "ok"
    assert four.held(number).status == "proposed"  # bolt's vote does not help to force it
    assert four.decide(number, DORA).status == "done"
    assert four.held(number).change.forced
    assert four.result.validator_updates == ((voting_key("bolt"), 0),)


def test_one_other_stops_what_is_forced(four: NetworkLedger) -> None:
    number = four.propose("validator.remove", validator=validator("bolt"), forced=True)
    for who in (ALICE, CAROL):
        assert four.vote(who, number) == "ok"
    assert four.vote(DORA, number, "reject") == "ok"
    assert four.held(number).status == "rejected"


def test_the_last_validator_stays_even_if_forced() -> None:
    ledger = NetworkLedger(1)
    ledger.pass_blocks(1)
    assert ledger.ask("validator.remove", validator=validator("acme"), forced=True) == (
        "no_validators"
    )
