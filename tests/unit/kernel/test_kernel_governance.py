# SPDX-License-Identifier: Apache-2.0
"""Governance refuses what it cannot count, and counts what the policy asks for."""

from typing import Any

import msgspec
import pytest
from tests.unit.kernel.life_ledger import ALICE, BOB, CAROL, ONE, TWO, LifeLedger

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.limits import PART_CHARS_MAX, PROPOSAL_BLOCKS_MAX, PROPOSALS_OPEN_MAX
from hanse.contracts.runtime import Call
from hanse.kernel import ballots
from hanse.kernel.entries import COUNTERS

ANNA, CARL = "anna@acme", "carl@cargo"
HASH = to_text(bytes(32))


@pytest.fixture
def ledger() -> LifeLedger:
    return LifeLedger()


def propose(ledger: LifeLedger, who: str = ALICE, **changes: Any) -> str:
    terms = {"contract": "notes", "kind": "freeze", "reason": "r", **changes}
    return ledger.do(who, "governance.propose", terms=terms)


BAD_TERMS: list[tuple[str, dict[str, Any]]] = [
    ("bad_reason", {"reason": "", "contract": "No!"}),
    ("bad_reason", {"reason": "x" * 401}),
    ("bad_contract", {"contract": "No!", "not_before": -1}),
    ("bad_contract", {"contract": "registry"}),
    ("bad_contract", {"contract": "governance"}),
    ("bad_contract", {"contract": "replay"}),
    ("bad_height", {"not_before": -1, "kind": "upgrade"}),
    ("bad_height", {"not_before": PROPOSAL_BLOCKS_MAX * 2}),
    ("bad_height", {"open_blocks": 0}),
    ("bad_height", {"open_blocks": PROPOSAL_BLOCKS_MAX + 1}),
    ("wrong_package", {"kind": "upgrade", "contract": "absent"}),
    ("wrong_status", {"contract": "absent"}),
    ("wrong_status", {"kind": "unfreeze"}),
]


@pytest.mark.parametrize(("code", "changes"), BAD_TERMS)
def test_terms_that_make_no_sense_are_refused(
    ledger: LifeLedger, code: str, changes: dict[str, Any]
) -> None:
    root = ledger.state.tries.root_of("governance")
    assert propose(ledger, **changes) == code
    assert ledger.state.tries.root_of("governance") == root


def test_a_package_is_refused_unless_it_is_what_it_says(ledger: LifeLedger) -> None:
    package = ledger.package(ONE, "1")
    asked = {"contract": "lots", "kind": "install"}
    assert propose(ledger, **{**asked, "kind": "freeze"}, package=package) == "wrong_package"
    for code, changes in (
        ("wrong_hash", {"hash": HASH}),
        ("wrong_hash", {"version": "2"}),
        ("wrong_package", {"version": ""}),
        ("wrong_package", {"lowered": "x"}),
        ("wrong_package", {"files": []}),
        ("wrong_package", {"files": package["files"] * 2}),
        ("wrong_package", {"files": [{**package["files"][0], "name": "a-b"}]}),
        ("wrong_package", {"files": [{"name": "lots", "parts": [HASH] * 129}]}),
        ("text_missing", {"files": [{"name": "lots", "parts": [HASH]}]}),
        ("text_missing", {"files": [{"name": "lots", "parts": ["short"]}]}),
    ):
        assert propose(ledger, **asked, package={**package, **changes}) == code
    assert propose(ledger, **asked, package=package) == "ok"


def test_a_text_comes_in_parts(ledger: LifeLedger) -> None:
    for size, code in ((PART_CHARS_MAX, "ok"), (PART_CHARS_MAX + 1, "text_too_large")):
        assert ledger.do(ALICE, "governance.publish", texts=["\x00" * size]) == code
    assert ledger.do(CARL, "governance.publish", texts=[""]) == "not_authorised"


def test_a_ballot_is_refused_where_it_could_not_count(ledger: LifeLedger) -> None:
    assert ledger.do(BOB, "governance.approve", number=1, binds="") == "not_found"
    number = ledger.propose("freeze", contract="notes")
    assert ledger.do(BOB, "governance.approve", number=number, binds="other") == "changed"
    binds = ledger.proposal(number).binds
    bad = {"number": number, "binds": binds, "reason": "x" * 401}
    assert ledger.do(CARL, "governance.approve", **bad) == "bad_reason"
    assert (
        ledger.do(BOB, "governance.reject", number=number, binds=binds, reason="") == "bad_reason"
    )
    assert ledger.vote(CARL, number) == "not_entitled"
    assert ledger.vote(ALICE, number) == "ok"
    assert ledger.vote(BOB, number) == "ok"
    assert ledger.vote(CAROL, number) == "not_open"
    other = LifeLedger()
    other.install()
    number = other.propose("upgrade", package=other.package(TWO, "2"))
    assert other.vote(CARL, number) == "not_rehearsed"


def test_where_the_policy_forbids_it_the_first_ballot_rejects() -> None:
    ledger = LifeLedger(rule="FORBIDDEN")
    number = ledger.propose("freeze", contract="notes")
    assert ledger.vote(ALICE, number) == "ok"
    assert ledger.proposal(number).status == "rejected"


def test_without_a_policy_nobody_votes() -> None:
    ledger = LifeLedger(resource="member.recover")
    assert ledger.vote(ALICE, ledger.propose("freeze", contract="notes")) == "no_policy"


def test_the_policy_of_a_kind_comes_before_the_one_of_all() -> None:
    ledger = LifeLedger(rule="ANY", resource="contract.freeze")
    number = ledger.propose("freeze", contract="notes")
    assert ledger.vote(CAROL, number) == "ok"
    assert ledger.proposal(number).status == "approved"
    assert ledger.do(ALICE, "governance.publish", texts=[]) == "ok"
    assert ledger.vote(CAROL, ledger.propose("unfreeze", contract="notes")) == "no_policy"


def test_an_organisation_counts_once(ledger: LifeLedger) -> None:
    number = ledger.propose("freeze", contract="notes")
    assert ledger.vote(ALICE, number) == "ok"
    assert ledger.vote(ANNA, number) == "ok"
    assert ledger.proposal(number).status == "proposed"


def test_a_ballot_may_change_until_the_decision(ledger: LifeLedger) -> None:
    number = ledger.propose("freeze", contract="notes")
    assert ledger.vote(ALICE, number) == "ok"
    assert ledger.vote(ALICE, number, "reject") == "ok"
    assert ledger.vote(BOB, number) == "ok"
    assert ledger.proposal(number).status == "proposed"
    assert ledger.vote(CAROL, number) == "ok"
    assert ledger.proposal(number).status == "approved"


def test_so_many_members_vote_and_no_more(
    ledger: LifeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ballots, "BALLOTS_MAX", 1)
    number = ledger.propose("freeze", contract="notes")
    assert ledger.vote(ALICE, number) == "ok"
    assert ledger.vote(BOB, number) == "too_many_ballots"
    assert ledger.vote(ALICE, number, "reject") == "ok"


def test_once_no_approval_is_possible_it_is_rejected(ledger: LifeLedger) -> None:
    number = ledger.propose("freeze", contract="notes")
    assert ledger.vote(BOB, number, "reject") == "ok"
    assert ledger.proposal(number).status == "proposed"
    assert ledger.vote(CAROL, number, "reject") == "ok"
    held = ledger.proposal(number)
    assert (held.status, held.settled_height) == ("rejected", ledger.state.height)
    assert ledger.vote(ALICE, number) == "not_open"


def test_who_left_counts_no_more(ledger: LifeLedger) -> None:
    number = ledger.propose("freeze", contract="notes")
    assert ledger.vote(ALICE, number) == "ok"
    assert ledger.do(ANNA, "registry.retire_member", member=ALICE) == "ok"
    assert ledger.vote(BOB, number) == "ok"
    assert ledger.proposal(number).status == "proposed"


def test_only_its_own_side_takes_a_proposal_back(ledger: LifeLedger) -> None:
    number = ledger.propose("freeze", contract="notes")
    assert ledger.do(BOB, "governance.withdraw", number=number) == "wrong_organisation"
    assert ledger.do(ANNA, "governance.withdraw", number=number) == "ok"
    assert ledger.proposal(number).status == "withdrawn"
    assert ledger.do(ANNA, "governance.withdraw", number=number) == "not_open"
    assert ledger.vote(BOB, number) == "not_open"


def test_a_proposal_that_nobody_decides_expires(ledger: LifeLedger) -> None:
    number = ledger.propose("freeze", contract="notes", open_blocks=2)
    assert ledger.vote(ALICE, number) == "ok"
    ledger.pass_blocks(1)
    assert ledger.proposal(number).status == "expired"
    assert ledger.vote(BOB, number) == "not_open"
    counted = COUNTERS.get(ledger.state, ())
    assert counted is not None
    assert (counted.open, counted.proposals) == (0, 1)


def test_so_many_proposals_wait_and_no_more(ledger: LifeLedger) -> None:
    for _ in range(PROPOSALS_OPEN_MAX):
        assert propose(ledger, open_blocks=1_000) == "ok"
    assert propose(ledger) == "too_many_open"
    assert ledger.do(ALICE, "governance.withdraw", number=1) == "ok"
    assert propose(ledger) == "ok"


def test_a_rehearsal_is_recorded_by_the_proposer_and_voids_ballots(ledger: LifeLedger) -> None:
    ledger.install()
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"))
    given = {"cost": 1, "entries": 0, "height": 1, "root_after": HASH, "root_before": HASH}
    act = "governance.record_rehearsal"
    assert ledger.do(BOB, act, number=number, rehearsal=given) == "wrong_organisation"
    for bad in ({"height": 10_000}, {"root_after": "x"}, {"cost": -1}, {"entries": -1}):
        assert ledger.do(ALICE, act, number=number, rehearsal={**given, **bad}) == "bad_rehearsal"
    ledger.rehearse(number)
    assert ledger.vote(BOB, number) == "ok"
    assert ledger.do(ALICE, act, number=number, rehearsal=given) == "ok"
    assert ledger.vote(CAROL, number) == "ok"
    assert ledger.proposal(number).status == "proposed"
    freeze = ledger.propose("freeze")
    assert ledger.do(ALICE, act, number=freeze, rehearsal=given) == "wrong_kind"


def ask(ledger: LifeLedger, name: str, /, **args: Any) -> Any:
    loaded = ledger.kernel.contracts["governance"]
    call = Call(
        entry=loaded.entries[name],
        args=encode(args),
        member="",
        organisation="",
        now=0,
        height=ledger.state.height,
        tx="",
        cost_max=100_000,
        roles=lambda: (),
    )
    outcome = loaded.call(ledger.state, call)
    assert outcome.code is None
    return msgspec.json.decode(outcome.result or b"null")


def test_queries_show_proposals_ballots_and_versions(ledger: LifeLedger) -> None:
    ledger.install()
    assert ask(ledger, "proposal", number=1)["status"] == "done"
    assert ask(ledger, "proposal", number=2) is None
    assert [row["number"] for row in ask(ledger, "list_proposals")] == [1]
    assert [row["member"] for row in ask(ledger, "list_ballots", number=1)] == [ALICE, BOB]
    assert ask(ledger, "contract", name="lots")["status"] == "active"
    assert [row["proposal"] for row in ask(ledger, "list_versions", name="lots")] == [1]
