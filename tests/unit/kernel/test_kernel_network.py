# SPDX-License-Identifier: Apache-2.0
"""Organisations decide who takes part and by which rules; no decision stops the engine."""

import inspect
import re
from typing import Any

import msgspec
import pytest
from tests.unit.kernel.network_ledger import (
    ALICE,
    BOB,
    CAROL,
    DORA,
    JOINS,
    KEY,
    NODE,
    VOTES,
    NetworkLedger,
    validator,
    voting_key,
)
from tests.unit.kernel.small_ledger import SUITE, SmallLedger, build_genesis, codes, public_key

from hanse.codec.base64url import to_text
from hanse.codec.limits import WEIGHT_MAX
from hanse.errors import Malformed
from hanse.identity import GenesisPolicy, Rules, encode_genesis
from hanse.kernel import CHANGE_CODES, Network, SoftwareTooOld, apply, effects
from hanse.kernel.changes import KINDS
from hanse.kernel.directory import Directory
from hanse.kernel.entries import NODES, SUSPENSIONS


@pytest.fixture
def ledger() -> NetworkLedger:
    return NetworkLedger()


@pytest.fixture
def four() -> NetworkLedger:
    return NetworkLedger(1, 1, 1, 1)


# organisations ----------------------------------------------------------------------------------


def test_an_organisation_that_was_admitted_acts_from_the_next_block_on(
    ledger: NetworkLedger,
) -> None:
    assert ledger.do("eve@elm", "notes.put", key="k", text="t") == "unknown_member"
    done = ledger.change("organisation.admit", admission=JOINS | NODE)
    assert done.status == "done"
    assert ledger.do("eve@elm", "registry.grant_role", member="eve@elm", role="writer") == "ok"
    node = Directory().may_submit(ledger.state, "elm", "nelm", ledger.state.height + 1)
    assert node is not None
    assert bytes(node.public_key) == public_key("fresh")
    number = ledger.propose("organisation.suspend", party={"organisation": "delta"})
    assert ledger.vote("eve@elm", number) == "ok"


def test_a_suspended_organisation_does_nothing_until_it_is_reinstated(
    ledger: NetworkLedger,
) -> None:
    done = ledger.change("organisation.suspend", party={"organisation": "delta"})
    assert (done.status, done.change.party) == ("done", done.change.party)
    assert ledger.do(DORA, "notes.put", key="k", text="t") == "organisation_suspended"
    assert ledger.do(DORA, "network.withdraw", number=1) == "organisation_suspended"
    height = ledger.state.height + 1
    assert Directory().may_submit(ledger.state, "delta", "ndelta", height) is None
    assert Directory().organisations(ledger.state, height) == ["acme", "bolt", "cargo"]
    assert ledger.ask("organisation.suspend", party={"organisation": "delta"}) == (
        "unknown_organisation"
    )
    assert ledger.change("organisation.reinstate", party={"organisation": "delta"}).status == "done"
    assert ledger.do(DORA, "notes.put", key="k", text="t") == "ok"
    assert Directory().may_submit(ledger.state, "delta", "ndelta", ledger.state.height + 1)
    assert ledger.ask("organisation.reinstate", party={"organisation": "delta"}) == "not_suspended"
    (_, entry), *more = SUSPENSIONS.all(ledger.state, "delta")
    assert not more
    assert (entry.proposal, entry.reason) == (1, "it is time")
    assert entry.to_height is not None


def test_a_cosigner_of_a_suspended_organisation_stops_a_transaction(ledger: NetworkLedger) -> None:
    ledger.change("organisation.suspend", party={"organisation": "delta"})
    tx = ledger.tx(ALICE, "notes", "put", {"key": "k", "text": "t"}, also=[(DORA, "k1")])
    assert ledger.code(tx) == "organisation_suspended"


def test_suspension_is_said_before_anything_about_the_contract(ledger: NetworkLedger) -> None:
    ledger.change("organisation.suspend", party={"organisation": "delta"})
    assert ledger.do(DORA, "nowhere.put", key="k") == "organisation_suspended"
    expired = ledger.tx(DORA, "notes", "put", {}, expires_ms=ledger.state.time_ms - 1)
    assert ledger.code(expired) == "expired"


def test_a_removed_organisation_is_gone_for_good_and_its_entries_stay(
    ledger: NetworkLedger,
) -> None:
    assert ledger.change("organisation.remove", party={"organisation": "delta"}).status == "done"
    assert ledger.do(DORA, "notes.put", key="k", text="t") == "member_not_valid"
    again = JOINS | {"organisation": "delta", "member": "dora@delta"}
    assert ledger.ask("organisation.admit", admission=again) == "organisation_exists"
    node = NODES.get(ledger.state, ("delta", "ndelta", 0))
    assert node is not None
    assert node.to_height is not None
    assert ledger.ask("organisation.remove", party={"organisation": "delta"}) == (
        "unknown_organisation"
    )
    assert ledger.ask("organisation.reinstate", party={"organisation": "delta"}) == (
        "unknown_organisation"
    )


def test_two_cannot_be_suspended_by_one_of_them() -> None:
    ledger = NetworkLedger()
    for party in ("delta", "cargo"):
        assert ledger.change("organisation.remove", party={"organisation": party}).status == "done"
    number = ledger.propose("organisation.suspend", party={"organisation": "bolt"})
    assert ledger.vote(ALICE, number) == "ok"
    assert ledger.held(number).status == "proposed"
    assert ledger.vote(BOB, number, "reject") == "ok"
    assert ledger.held(number).status == "rejected"


def test_nobody_is_shut_out_whom_a_policy_needs() -> None:
    policy = GenesisPolicy([], "contract.approve", ["admin"], "4")
    ledger = NetworkLedger(policies=[policy])
    assert ledger.ask("organisation.remove", party={"organisation": "delta"}) == (
        "policy_unreachable"
    )
    looser = {
        "resource": "contract.approve",
        "rule": "MAJORITY",
        "roles": ["admin"],
        "organisations": [],
    }
    assert ledger.change("policy.set", policy=looser).status == "done"
    assert ledger.change("organisation.remove", party={"organisation": "delta"}).status == "done"


# ballots ----------------------------------------------------------------------------------------


def test_the_defaults_decide_where_the_genesis_says_nothing(ledger: NetworkLedger) -> None:
    number = ledger.propose("organisation.suspend", party={"organisation": "delta"})
    assert ledger.vote(ALICE, number) == "ok"
    assert ledger.vote(BOB, number) == "ok"
    assert ledger.held(number).status == "proposed"
    assert ledger.vote(CAROL, number) == "ok"
    assert ledger.held(number).status == "approved"
    assert ledger.vote(ALICE, number) == "not_open"  # and in that block it is carried out


def test_a_ballot_is_for_what_it_names_only(ledger: NetworkLedger) -> None:
    number = ledger.propose("organisation.suspend", party={"organisation": "delta"})
    wrong = {"number": number, "binds": to_text(bytes(32))}
    assert ledger.do(ALICE, "network.approve", **wrong) == "changed"
    assert ledger.do(ALICE, "network.reject", **wrong, reason="no") == "changed"


def test_two_proposals_of_the_same_change_bind_apart(ledger: NetworkLedger) -> None:
    one = ledger.propose("organisation.suspend", party={"organisation": "delta"})
    two = ledger.propose("organisation.suspend", party={"organisation": "delta"})
    assert ledger.held(one).binds != ledger.held(two).binds


def test_own_nodes_are_decided_by_their_organisation_alone(ledger: NetworkLedger) -> None:
    terms = {"organisation": "bolt", "node": "second", "public_key": KEY, "suite": SUITE}
    number = ledger.propose("node.add", node=terms)
    assert ledger.vote(ALICE, number) == "not_entitled"
    assert ledger.decide(number, BOB).status == "done"
    found = Directory().nodes(ledger.state, ledger.state.height + 1)
    assert ("bolt", "second") in [(organisation, node) for organisation, node, _ in found]


def test_a_proposal_that_is_withdrawn_or_expires_does_nothing(ledger: NetworkLedger) -> None:
    number = ledger.propose("organisation.suspend", party={"organisation": "delta"})
    assert ledger.do(BOB, "network.withdraw", number=number) == "wrong_organisation"
    assert ledger.do(ALICE, "network.withdraw", number=number) == "ok"
    assert ledger.vote(BOB, number) == "not_open"
    late = ledger.propose("organisation.suspend", party={"organisation": "delta"}, open_blocks=2)
    ledger.pass_blocks(2)
    assert ledger.held(late).status == "expired"


def test_what_waits_for_its_height_is_tried_again_then(ledger: NetworkLedger) -> None:
    later = ledger.state.height + 12
    number = ledger.propose(
        "organisation.suspend", party={"organisation": "delta"}, not_before=later
    )
    assert ledger.decide(number).status == "approved"
    assert ledger.change("organisation.remove", party={"organisation": "delta"}).status == "done"
    ledger.pass_blocks(later - ledger.state.height)
    held = ledger.held(number)
    assert (held.status, held.code) == ("failed", "unknown_organisation")


def test_weights_count_where_the_rule_says_so(ledger: NetworkLedger) -> None:
    rule = {
        "resource": "organisation.suspend",
        "rule": "WEIGHT:1/2",
        "roles": ["admin"],
        "organisations": [],
    }
    assert ledger.change("policy.set", policy=rule).status == "done"
    heavy = {"organisation": "acme", "weight": 4}
    assert ledger.change("weight.set", weight=heavy).status == "done"
    number = ledger.propose("organisation.suspend", party={"organisation": "delta"})
    assert ledger.vote(ALICE, number) == "ok"
    assert ledger.held(number).status == "approved"  # 4 of 7 weigh more than half
    other = ledger.propose("organisation.admit", admission=JOINS)
    assert ledger.vote(ALICE, other) == "ok"
    assert ledger.held(other).status == "proposed"  # a majority counts heads


@pytest.mark.parametrize(("weight", "code"), [(0, "bad_weight"), (1, "ok"), (WEIGHT_MAX, "ok")])
def test_a_weight_has_its_bounds(ledger: NetworkLedger, weight: int, code: str) -> None:
    assert ledger.ask("weight.set", weight={"organisation": "acme", "weight": weight}) == code
    over = {"organisation": "acme", "weight": WEIGHT_MAX + 1}
    assert ledger.ask("weight.set", weight=over) == "bad_weight"


# the constitution and the rules -----------------------------------------------------------------


def test_the_constitution_is_changed_by_all(ledger: NetworkLedger) -> None:
    terms = {
        "resource": "policy.set",
        "rule": "FORBIDDEN",
        "roles": ["admin"],
        "organisations": [],
    }
    number = ledger.propose("policy.set", policy=terms)
    for who in (ALICE, BOB, CAROL):
        assert ledger.vote(who, number) == "ok"
    assert ledger.held(number).status == "proposed"
    assert ledger.decide(number, DORA).status == "done"
    frozen = ledger.propose("policy.set", policy=terms)
    assert ledger.vote(ALICE, frozen) == "not_entitled"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"resource": "nothing.known"}, "unknown_resource"),
        ({"rule": "7/3"}, "bad_policy"),
        ({"organisations": ["nobody"]}, "bad_policy"),
        ({"roles": ["No Name"]}, "bad_policy"),
        ({"rule": "9"}, "policy_unreachable"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(
    ledger: NetworkLedger, change: dict[str, Any], code: str
) -> None:
    terms = {"resource": "node.add", "rule": "ALL", "roles": [], "organisations": []} | change
    assert ledger.ask("policy.set", policy=terms) == code


def test_parameters_are_in_force_from_the_next_block_and_the_header_keeps_the_first(
    ledger: NetworkLedger,
) -> None:
    before = ledger.result.header
    assert ledger.change("parameters.set", parameters={"cost_max": 9_000}).status == "done"
    rules = ledger.kernel.rules_in(ledger.state)
    assert rules.cost_max == 9_000
    assert rules.block_cost_max == ledger.genesis.rules.block_cost_max
    assert ledger.do(ALICE, "notes.put", key="k", text="t") == "cost_max_too_large"
    tx = ledger.tx(ALICE, "notes", "put", {"key": "k", "text": "t"}, cost_max=9_000)
    assert ledger.code(tx) == "ok"
    after = ledger.result.header
    assert before is not None
    assert after is not None
    assert before.rules == after.rules


def test_a_delay_that_was_decided_holds_for_recoveries(ledger: NetworkLedger) -> None:
    change = {"recovery_delay_blocks": 50}
    assert ledger.change("parameters.set", parameters=change).status == "done"
    recover = {"member": DORA, "key_id": "k2", "public_key": KEY, "suite": SUITE}
    assert ledger.do(ALICE, "registry.request_recovery", **recover) == "ok"
    event = msgspec.json.decode(ledger.result.records[0][1])["events"][0]
    assert event["fields"]["not_before"] == ledger.state.height + 50


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"cost_max": 0}, "bad_parameters"),
        ({"cost_max": Rules().cost_max + 1}, "bad_parameters"),
        ({"block_bytes_max": 100}, "bad_parameters"),
        ({"cost_max": Rules().cost_max}, "no_change"),
        ({}, "no_change"),
    ],
)
def test_parameters_have_their_bounds(
    ledger: NetworkLedger, change: dict[str, int], code: str
) -> None:
    assert ledger.ask("parameters.set", parameters=change) == code


def test_software_without_an_activated_feature_stops_before_its_height(
    ledger: NetworkLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    height = ledger.state.height + 9
    done = ledger.change("software.activate", software={"feature": "network-1", "height": height})
    assert done.status == "done"
    assert ledger.ask("software.activate", software={"feature": "network-1", "height": 99}) == (
        "no_change"
    )
    monkeypatch.setattr(apply, "FEATURES", frozenset())
    ledger.pass_blocks(height - 1 - ledger.state.height)
    with pytest.raises(SoftwareTooOld) as error:
        ledger.pass_blocks(1)
    assert (error.value.feature, error.value.height) == ("network-1", height)
    assert ledger.state.height == height - 1
    monkeypatch.undo()
    ledger.pass_blocks(1)


def test_a_feature_is_announced_ahead(ledger: NetworkLedger) -> None:
    soon = {"feature": "x", "height": ledger.state.height + 1}
    assert ledger.ask("software.activate", software=soon) == "too_late"
    short = {"feature": "x", "height": ledger.state.height + 4}
    done = ledger.change("software.activate", software=short)
    assert (done.status, done.code) == ("failed", "too_late")
    assert ledger.ask("software.activate", software={"feature": "A b", "height": 99}) == "bad_name"


# refusals of what is proposed -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "parts", "code"),
    [
        ("node.add", {}, "wrong_arguments"),
        ("node.add", {"party": {"organisation": "acme"}}, "wrong_arguments"),
        ("node.add", {"node": {"organisation": "acme", "node": "n2"}}, "wrong_arguments"),
        ("organisation.suspend", {"party": {"organisation": "x"}}, "unknown_organisation"),
        ("organisation.admit", {"admission": JOINS | {"member": "eve@acme"}}, "bad_name"),
        ("organisation.admit", {"admission": JOINS | {"name": ""}}, "bad_name"),
        ("organisation.admit", {"admission": JOINS | {"suite": "rot13"}}, "bad_key"),
        ("organisation.admit", {"admission": JOINS | {"node": "n"}}, "wrong_arguments"),
        ("organisation.admit", {"admission": JOINS | NODE | {"power": 1}}, "wrong_arguments"),
        ("organisation.admit", {"admission": JOINS | NODE | VOTES}, "no_engine"),
        ("organisation.admit", {"admission": JOINS, "reason": ""}, "bad_reason"),
        ("organisation.admit", {"admission": JOINS, "reason": "x" * 401}, "bad_reason"),
        ("organisation.admit", {"admission": JOINS, "open_blocks": 0}, "bad_height"),
        ("organisation.admit", {"admission": JOINS, "not_before": 10**9}, "bad_height"),
        ("organisation.reinstate", {"party": {"organisation": "acme"}}, "not_suspended"),
        (
            "organisation.reinstate",
            {"party": {"organisation": "acme"}, "forced": True},
            "cannot_force",
        ),
        ("node.remove", {"node": {"organisation": "acme", "node": "x"}}, "unknown_node"),
        (
            "node.rotate",
            {"node": {"organisation": "acme", "node": "x", "public_key": KEY, "suite": SUITE}},
            "unknown_node",
        ),
        (
            "node.add",
            {"node": {"organisation": "acme", "node": "nacme", "public_key": KEY, "suite": SUITE}},
            "node_exists",
        ),
        (
            "node.add",
            {"node": {"organisation": "acme", "node": "N!", "public_key": KEY, "suite": SUITE}},
            "bad_name",
        ),
        ("validator.remove", {"validator": validator("acme")}, "unknown_validator"),
        ("validator.add", {"validator": validator("acme", power=1, key="x")}, "no_engine"),
    ],
)
def test_what_cannot_be_is_not_proposed(
    ledger: NetworkLedger, resource: str, parts: dict[str, Any], code: str
) -> None:
    assert ledger.ask(resource, **parts) == code
    assert ledger.ask(resource, "carol@acme", **parts) != "ok"


@pytest.mark.parametrize(
    ("resource", "terms", "code"),
    [
        ("validator.add", validator("acme", power=1, key="x"), "validator_exists"),
        ("validator.add", validator("bolt", node="else", power=1, key="x"), "unknown_node"),
        ("validator.power", validator("acme", power=0), "bad_power"),
        ("validator.power", validator("acme", power=2**40 + 1), "bad_power"),
        ("validator.power", validator("acme", power=1), "no_change"),
        ("validator.rotate", validator("acme", key="bolt"), "voting_key_taken"),
        ("validator.remove", validator("acme", node="else"), "unknown_validator"),
    ],
)
def test_what_a_validator_cannot_be(
    four: NetworkLedger, resource: str, terms: dict[str, Any], code: str
) -> None:
    four.pass_blocks(2)
    assert four.ask(resource, validator=terms) == code


def test_a_node_that_votes_is_not_removed(four: NetworkLedger) -> None:
    named = {"organisation": "acme", "node": "nacme"}
    assert four.ask("node.remove", node=named) == "node_votes"


def test_all_codes_of_changes_are_told() -> None:
    found = inspect.getsource(effects)
    given = set(re.findall(r'Refusal\(\s*"([a-z_]+)"', found))
    assert given == {entry.code for entry in CHANGE_CODES}
    listed = Network.propose.__doc__
    assert listed is not None
    told = {word.strip(".,") for word in listed.partition("Rejects:")[2].split()}
    assert given <= told


def test_every_kind_has_an_effect() -> None:
    assert effects._EFFECTS.keys() == KINDS.keys()


# genesis ----------------------------------------------------------------------------------------


def test_a_ledger_without_the_contract_is_as_it_was() -> None:
    ledger = SmallLedger()
    assert NODES.all(ledger.state) == []
    assert ledger.do("alice@acme", "network.withdraw", number=1) == "unknown_contract"
    assert ledger.kernel.rules_in(ledger.state) == ledger.genesis.rules


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "1 to 100"),
        ([("n1", "acme", 1, "a"), ("n1", "acme", 1, "b")], "stands twice"),
        ([("n2", "acme", 1, "a"), ("n1", "acme", 1, "b")], "sorted"),
        ([("n1", "acme", 1, "a"), ("n2", "acme", 1, "a")], "stands twice"),
        ([("nx", "acme", 1, "a")], "no node"),
        ([("n1", "bolt", 1, "a")], "no node"),
        ([("n1", "acme", 0, "a")], "1 to"),
        ([("n1", "acme", 2**40 + 1, "a")], "1 to"),
    ],
)
def test_engine_validators_of_genesis_are_checked(
    rows: list[tuple[str, str, int, str]], says: str
) -> None:
    key = to_text(public_key("k1"))
    voting = [
        {"node": n, "organisation": o, "power": p, "public_key": to_text(voting_key(k))}
        for n, o, p, k in rows
    ]
    nodes = [
        {"node": n, "organisation": "acme", "public_key": key, "suite": SUITE} for n in ("n1", "n2")
    ]
    base = msgspec.to_builtins(build_genesis())
    changed = {**base, "validators": nodes, "engine_validators": voting}
    genesis = msgspec.convert(changed, type(build_genesis()))
    with pytest.raises(Malformed, match=says):
        encode_genesis(genesis)


def test_a_bad_voting_key_of_genesis_is_refused() -> None:
    genesis = NetworkLedger(1).genesis
    bad = [{"node": "nacme", "organisation": "acme", "power": 1, "public_key": to_text(bytes(32))}]
    base = msgspec.to_builtins(genesis)
    with pytest.raises(Malformed, match="not a public key"):
        encode_genesis(msgspec.convert({**base, "engine_validators": bad}, type(genesis)))


def test_the_same_blocks_give_the_same_roots() -> None:
    roots = []
    for _ in range(2):
        ledger = NetworkLedger(3, 2, 2, 2)
        ledger.change("organisation.suspend", party={"organisation": "delta"})
        ledger.change("parameters.set", parameters={"block_txs_max": 100})
        assert codes(ledger.result) == ["ok"]
        roots.append(ledger.state.block_id)
    assert roots[0] == roots[1]
