# SPDX-License-Identifier: Apache-2.0
"""Contracts come, change, stop and go by what organisations decided; whole, or not at all."""

import re
from pathlib import Path

import pytest
from tests.unit.kernel.life_ledger import ALICE, BOB, ONE, THREE, TWO, LifeLedger
from tests.unit.kernel.notes_contract import Notes
from tests.unit.kernel.small_ledger import codes

from hanse.codec.base64url import to_text
from hanse.codec.limits import SETTLED_PER_BLOCK_MAX
from hanse.contracts import migrating, replace
from hanse.crypto import SHA256
from hanse.kernel import PROPOSAL_CODES, Kernel, lifecycle, upgrade
from hanse.kernel.upgrade import Refusal
from hanse.merkle.ranges import verify_range
from hanse.testing.memory import MemoryState


@pytest.fixture
def ledger() -> LifeLedger:
    made = LifeLedger()
    made.install()
    assert made.do(ALICE, "lots.make", lot="L1", kilos=3) == "ok"
    return made


def value(ledger: LifeLedger, lot: str = "L1") -> bytes | None:
    return ledger.state.get("lots", b"lots\x00\x30" + lot.encode() + b"\x00")


def test_contracts_of_genesis_are_version_one_from_height_zero() -> None:
    deployed = LifeLedger().deployed("notes")
    assert deployed is not None
    assert (deployed.number, deployed.since_height, deployed.status) == (1, 0, "active")


def test_a_contract_is_called_from_the_block_after_its_decision_on() -> None:
    ledger = LifeLedger()
    number = ledger.propose("install", package=ledger.package(ONE, "1"))
    assert ledger.vote(ALICE, number) == "ok"
    make = {"lot": "L1", "kilos": 3}
    decides = ledger.tx(
        BOB, "governance", "approve", {"number": number, "binds": ledger.proposal(number).binds}
    )
    assert codes(ledger.block([decides, ledger.tx(ALICE, "lots", "make", make)])) == [
        "ok",
        "unknown_contract",
    ]
    assert ledger.proposal(number).status == "approved"
    assert ledger.do(ALICE, "lots.make", **make) == "ok"
    assert ledger.proposal(number).settled_height == ledger.state.height
    assert value(ledger) == b'{"kilos":3}'


def test_a_height_that_the_proposal_names_is_waited_for() -> None:
    ledger = LifeLedger()
    package = ledger.package(ONE, "1")
    at = ledger.state.height + 8
    number = ledger.propose("install", package=package, not_before=at)
    assert ledger.decide(number).status == "approved"
    ledger.pass_blocks(at - 1 - ledger.state.height)
    assert ledger.proposal(number).status == "approved"
    ledger.pass_blocks(1)
    assert ledger.proposal(number).settled_height == at


def test_an_upgrade_migrates_each_entry(ledger: LifeLedger) -> None:
    settled = ledger.upgrade(TWO, "2")
    assert (settled.status, settled.code) == ("done", None)
    assert value(ledger) == b'{"grams":3000,"place":"yard"}'
    assert ledger.do(ALICE, "lots.make", lot="L2", kilos=1) == "unknown_action"
    assert ledger.do(ALICE, "lots.weigh", lot="L1", grams=5) == "ok"


def test_back_is_an_upgrade_and_undoes_no_record(ledger: LifeLedger) -> None:
    before = ledger.state.tries.root_of("lots")
    assert ledger.upgrade(TWO, "2").status == "done"
    assert ledger.state.tries.root_of("lots") != before
    leaves = ledger.state.log_frontier.size
    assert ledger.upgrade(THREE, "3").status == "done"
    assert ledger.state.tries.root_of("lots") == before
    assert ledger.state.log_frontier.size > leaves
    deployed = ledger.deployed()
    assert deployed is not None
    assert deployed.number == 3


def test_frozen_retired_and_unknown_contracts_refuse_in_that_order(ledger: LifeLedger) -> None:
    make = {"lot": "L2", "kilos": 1}
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    assert ledger.do(ALICE, "lots.make", **make) == "contract_frozen"
    assert ledger.do(ALICE, "lots.no_such") == "contract_frozen"
    assert ledger.decide(ledger.propose("unfreeze")).status == "done"
    assert ledger.do(ALICE, "lots.make", **make) == "ok"
    assert ledger.decide(ledger.propose("retire")).status == "done"
    assert ledger.do(ALICE, "lots.make", **make) == "contract_retired"
    assert value(ledger) == b'{"kilos":3}'
    for kind in ("freeze", "unfreeze", "retire"):
        asked = {"contract": "lots", "kind": kind, "reason": "r"}
        assert ledger.do(ALICE, "governance.propose", terms=asked) == "wrong_status"


def test_a_frozen_contract_gets_the_root_that_was_rehearsed(ledger: LifeLedger) -> None:
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"), mode="frozen")
    tried = ledger.rehearse(number)
    assert ledger.decide(number).status == "done"
    assert to_text(ledger.state.tries.root_of("lots")) == tried.root_after
    deployed = ledger.deployed()
    assert deployed is not None
    assert deployed.status == "active"


OTHERWISE = {
    "root_before": "root_differs",
    "root_after": "root_differs",
    "digest": "entries_differ",
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_anything_else_than_what_was_voted_on_fails(ledger: LifeLedger, what: str) -> None:
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"), mode="frozen")
    ledger.rehearse(number, **{what: to_text(b"\x01" * 32)})
    before = ledger.state.tries.root_of("lots")
    settled = ledger.decide(number)
    assert (settled.status, settled.code) == ("failed", OTHERWISE[what])
    assert ledger.state.tries.root_of("lots") == before
    deployed = ledger.deployed()
    assert deployed is not None
    assert (deployed.number, deployed.status) == (1, "frozen")  # what a vote froze, a vote thaws


def test_roots_cannot_be_bound_unless_the_contract_stands_still(ledger: LifeLedger) -> None:
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"), mode="frozen")
    with pytest.raises(AssertionError, match="not_frozen"):
        ledger.rehearse(number)
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    ledger.rehearse(number)
    assert ledger.decide(ledger.propose("unfreeze")).status == "done"
    settled = ledger.decide(number)
    assert (settled.status, settled.code) == ("failed", "not_frozen")
    assert ledger.do(ALICE, "lots.make", lot="L2", kilos=1) == "ok"


BROKEN = {
    "invariant_broken": TWO.replace("old.kilos * 1000", "0 - old.kilos"),
    "migration_fault": TWO.replace("old.kilos * 1000", "1 // (old.kilos - 3)"),
    "migration_refused": TWO.replace(
        "        return Lot(grams",
        '        require(old.kilos > 3, "not_heavy")\n        return Lot(grams',
    ),
    "cost_exceeded": TWO.replace(
        "return Lot(grams", "while True:\n            key = key\n        return Lot(grams"
    ),
    "entry_unreadable": TWO.replace('from_="1"', 'from_="0"'),
    "entry_lost": TWO.replace("lots: Map", "others: Map")
    .replace("self.lots", "self.others")
    .replace('of="lots"', 'of="others"'),
    "other_contract": TWO.replace('version = "2"', 'version = "4"'),
    "outside_dialect": TWO + "\nimport os\n",
    "not_a_contract": TWO.replace("old: LotOne) -> Lot:", "old: LotOne) -> LotOne:"),
}


@pytest.mark.parametrize("code", BROKEN)
def test_what_is_broken_fails_and_leaves_the_old_version(ledger: LifeLedger, code: str) -> None:
    number = ledger.propose("upgrade", package=ledger.package(BROKEN[code], "2"))
    rehearsal = {
        "cost": 1_000,
        "entries": 1,
        "height": ledger.state.height,
        "root_after": to_text(bytes(32)),
        "root_before": to_text(bytes(32)),
    }
    args = {"number": number, "rehearsal": rehearsal}
    assert ledger.do(ALICE, "governance.record_rehearsal", **args) == "ok"
    root = ledger.state.tries.root_of("lots")
    settled = ledger.decide(number)
    assert (settled.status, settled.code) == ("failed", code), settled.reason
    assert settled.reason
    assert ledger.state.tries.root_of("lots") == root
    assert ledger.do(ALICE, "lots.make", lot="L2", kilos=1) == "ok"


def test_a_lowering_that_differs_is_not_activated() -> None:
    ledger = LifeLedger()
    package = {**ledger.package(ONE, "1"), "lowered": to_text(bytes(32))}
    settled = ledger.decide(ledger.propose("install", package=package))
    assert (settled.status, settled.code) == ("failed", "lowering_differs")
    assert ledger.deployed() is None
    assert ledger.do(ALICE, "lots.make", lot="L1", kilos=1) == "unknown_contract"


def test_an_upgrade_of_a_version_that_is_no_more_fails(ledger: LifeLedger) -> None:
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"))
    ledger.rehearse(number)
    other = TWO.replace('"yard"', '"gate"')
    assert ledger.upgrade(other, "2").status == "done"
    settled = ledger.decide(number)
    assert (settled.status, settled.code) == ("failed", "base_changed")


def test_an_upgrade_may_not_cost_far_more_than_it_did(ledger: LifeLedger) -> None:
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"))
    ledger.rehearse(number, cost=0)
    for block in range(4):
        lots = [{"lot": f"L{block}-{n}", "kilos": n} for n in range(50)]
        txs = [ledger.tx(ALICE, "lots", "make", args) for args in lots]
        assert set(codes(ledger.block(txs))) == {"ok"}
    settled = ledger.decide(number)
    assert (settled.status, settled.code) == ("failed", "cost_exceeded")
    assert value(ledger) == b'{"kilos":3}'


def test_another_kernel_continues_from_state_and_genesis_alone(ledger: LifeLedger) -> None:
    assert ledger.upgrade(TWO, "2").status == "done"
    other = Kernel(ledger.genesis, ledger.id, [Notes])
    copy = ledger.state.copy()
    tx = ledger.tx(ALICE, "lots", "weigh", {"lot": "L1", "grams": 7})
    here = ledger.block([tx])
    ledger.kernel, ledger.state = other, copy
    assert ledger.block([tx]).header_bytes == here.header_bytes


def test_what_a_dropped_block_would_have_settled_is_settled_by_the_next() -> None:
    ledger = LifeLedger()
    number = ledger.propose("install", package=ledger.package(ONE, "1"))
    assert ledger.vote(ALICE, number) == "ok"
    assert ledger.vote(BOB, number) == "ok"
    assert ledger.do(ALICE, "lots.make", lot="L1", kilos=1) == "ok"
    twin = LifeLedger()
    twin.install()
    late = ledger.tx(ALICE, "lots", "make", {"lot": "L1", "kilos": 1}, expires_ms=1)
    assert isinstance(ledger.state, MemoryState)
    number = ledger.propose("freeze")
    assert ledger.vote(ALICE, number) == "ok"
    assert ledger.vote(BOB, number) == "ok"
    assert ledger.code(late) == "expired"
    assert ledger.proposal(number).status == "approved"
    assert ledger.do(ALICE, "lots.make", lot="L2", kilos=1) == "contract_frozen"


def test_an_open_upgrade_does_not_thaw_what_is_frozen(ledger: LifeLedger) -> None:
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    assert ledger.upgrade(TWO, "2").status == "done"
    assert ledger.do(ALICE, "lots.weigh", lot="L1", grams=5) == "contract_frozen"
    assert replace(ledger.proposal(1), status="done") == ledger.proposal(1)


def test_a_block_settles_so_many_proposals_and_the_next_the_rest() -> None:
    ledger = LifeLedger()
    asked = {"contract": "notes", "kind": "freeze", "reason": "r", "open_blocks": 4}
    many = range(SETTLED_PER_BLOCK_MAX + 1)
    txs = [ledger.tx(ALICE, "governance", "propose", {"terms": asked}) for _ in many]
    assert set(codes(ledger.block(txs))) == {"ok"}
    ledger.pass_blocks(4)
    states = [ledger.proposal(number + 1).status for number in many]
    assert states == ["expired"] * SETTLED_PER_BLOCK_MAX + ["proposed"]
    ledger.pass_blocks(1)
    assert ledger.proposal(len(states)).status == "expired"


def test_a_block_takes_one_package(ledger: LifeLedger) -> None:
    numbers = []
    for text in (TWO, TWO.replace('"yard"', '"gate"')):
        number = ledger.propose("upgrade", package=ledger.package(text, "2"))
        ledger.rehearse(number)
        numbers.append(number)
    args = [{"number": n, "binds": ledger.proposal(n).binds} for n in numbers]
    txs = [ledger.tx(who, "governance", "approve", a) for who in (ALICE, BOB) for a in args]
    assert set(codes(ledger.block(txs))) == {"ok"}
    ledger.pass_blocks(1)
    assert [ledger.proposal(n).status for n in numbers] == ["done", "approved"]
    ledger.pass_blocks(1)
    assert ledger.proposal(numbers[1]).code == "base_changed"


def test_versions_and_contracts_are_so_many(
    ledger: LifeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "VERSIONS_MAX", 1)
    assert ledger.upgrade(TWO, "2").code == "too_many_versions"
    monkeypatch.setattr(upgrade, "VERSIONS_MAX", 2)
    assert ledger.upgrade(TWO, "2").status == "done"
    for most, code in ((3, "too_many_contracts"), (4, None)):
        fresh = LifeLedger()
        monkeypatch.setattr(lifecycle, "CONTRACTS_MAX", most)
        number = fresh.propose("install", package=fresh.package(ONE, "1"))
        assert fresh.decide(number).code == code


def test_every_reason_to_fail_is_explained() -> None:
    text = "".join(
        Path(str(m.__file__)).read_text("utf-8") for m in (lifecycle, migrating, upgrade)
    )
    given = set(re.findall(r'(?:Refusal|_Stop|_refusing)\(\s*"([a-z_]+)"', text))
    given |= set(re.findall(r'_contract_at_work\(\s*"([a-z_]+)"', text))
    given |= {"cost_exceeded", "invariant_broken"}  # the runtime's own
    assert given == {entry.code for entry in PROPOSAL_CODES}


ORDERED = ONE.replace("lots: Map[str, Lot]", "lots: Ordered[str, Lot]").replace(
    "Map, Value", "Map, Ordered, Value"
)


@pytest.mark.parametrize("mode", ["open", "frozen"])
def test_a_map_that_becomes_ordered_takes_its_rows_into_the_tree(
    ledger: LifeLedger, mode: str
) -> None:
    assert ledger.do(ALICE, "lots.make", lot="L0", kilos=1) == "ok"
    if mode == "frozen":
        assert ledger.decide(ledger.propose("freeze")).status == "done"
    text = ORDERED.replace('version = "1"', 'version = "2"')
    number = ledger.propose("upgrade", package=ledger.package(text, "2"), mode=mode)
    tried = ledger.rehearse(number)
    assert ledger.decide(number).status == "done", ledger.proposal(number)
    tries = ledger.state.tries
    assert to_text(tries.root_of("lots")) == tried.root_after
    path = tries.prove_range("lots", "lots", b"\x00", b"\xff")
    root = tries.ordered("lots", "lots").root
    rows = verify_range(SHA256, root, b"\x00", b"\xff", path.pages)
    assert [key for key, _ in rows] == [b"\x30L0\x00", b"\x30L1\x00"]
    assert ledger.do(ALICE, "lots.make", lot="L2", kilos=1) == "ok"


def test_an_ordered_map_cannot_stop_being_one(ledger: LifeLedger) -> None:
    text = ORDERED.replace('version = "1"', 'version = "2"')
    assert ledger.upgrade(text, "2").status == "done"
    number = ledger.propose(
        "upgrade", package=ledger.package(ONE.replace('version = "1"', 'version = "3"'), "3")
    )
    with pytest.raises(Refusal, match="cannot stop") as refused:
        ledger.rehearse(number)
    assert refused.value.code == "order_lost"
