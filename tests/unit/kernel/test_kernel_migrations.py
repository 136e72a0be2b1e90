# SPDX-License-Identifier: Apache-2.0
"""A migration that does not fit one block goes on in those after it; nothing else can be seen."""

from typing import Any

import pytest
from tests.unit.kernel.life_ledger import ALICE, BOB, ONE, THREE, TWO, LifeLedger
from tests.unit.kernel.notes_contract import Notes
from tests.unit.kernel.small_ledger import codes

from hanse.codec.base64url import to_text
from hanse.contracts.package import texts_hash
from hanse.crypto import SHA256
from hanse.kernel import Asked, Kernel, roots, upgrade
from hanse.kernel.lifecycle import due_contracts
from hanse.merkle.ranges import verify_range

LOTS = 120
SMALL = 2_000  # chunks of 1,000 units: some dozen entries
LATE = TWO.replace("old.kilos * 1000", "0 // (old.kilos - 117) + old.kilos * 1000")
"""A migration that fails at an entry which no first chunk reaches."""
NEGATIVE = TWO.replace("old.kilos * 1000", "100 - old.kilos")
SUMS = TWO.replace(
    "        return all(one.after is None or one.after.grams >= 0 for one in change.of(self.lots))",
    '        other = self.lots.get("L000")\n'
    "        return other is not None and other.grams == 0 and len(list(change.of(self.lots))) > 0",
)
"""An invariant that reads another entry, which was migrated long before."""
ORDERED = TWO.replace("lots: Map[str, Lot]", "lots: Ordered[str, Lot]").replace(
    "Map, Value", "Map, Ordered, Value"
)


@pytest.fixture
def ledger() -> LifeLedger:
    made = LifeLedger()
    made.install()
    lots = [{"lot": f"L{n:03}", "kilos": n} for n in range(LOTS)]
    txs = [made.tx(ALICE, "lots", "make", args) for args in lots]
    assert set(codes(made.block(txs))) == {"ok"}
    return made


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "MIGRATION_CHUNKS", SMALL)


def begin(ledger: LifeLedger, text: str = TWO, version: str = "2", **terms: Any) -> int:
    """Decide an upgrade; the block after begins it."""
    number = ledger.propose("upgrade", package=ledger.package(text, version), **terms)
    rehearsal = {"cost": 100_000, "digest": "", "entries": LOTS, "height": ledger.state.height}
    if ledger.try_it(number).code is None:
        ledger.rehearse(number)
    else:
        zero = to_text(bytes(32))
        rehearsal |= {"root_after": zero, "root_before": zero}
        args = {"number": number, "rehearsal": rehearsal}
        assert ledger.do(ALICE, "governance.record_rehearsal", **args) == "ok"
    assert ledger.decide(number).status == "approved"
    return number


def finish(ledger: LifeLedger, number: int) -> int:
    """Pass blocks until it is settled; returns how many."""
    for blocks in range(400):
        if ledger.migration() is None:
            assert ledger.proposal(number).status in ("done", "failed")
            return blocks
        ledger.pass_blocks(1)
    raise AssertionError("it does not end")


def read(ledger: LifeLedger) -> str | None:
    args = b'{"lot":"L005"}'
    height, time_ms = ledger.state.height, ledger.state.time_ms
    return ledger.kernel.query(
        ledger.state, Asked("lots", "read", args, ALICE, height, time_ms)
    ).code


def entry(ledger: LifeLedger, lot: str = "L005") -> bytes | None:
    return ledger.state.get("lots", b"lots\x00\x30" + lot.encode() + b"\x00")


@pytest.mark.usefixtures("small")
def test_the_contract_stands_still_while_its_entries_change(ledger: LifeLedger) -> None:
    number = begin(ledger)
    running = ledger.migration()
    assert running is not None
    assert (running.number, running.phase, running.contract) == (number, "check", "lots")
    assert 0 < running.entries < LOTS
    deployed = ledger.deployed()
    assert deployed is not None
    assert (deployed.number, deployed.status) == (1, "migrating")
    seen = set()
    while (running := ledger.migration()) is not None:
        seen.add(running.phase)
        if running.phase == "check":
            assert entry(ledger) == b'{"kilos":5}'
        assert due_contracts(ledger.state, ledger.state.height + 1) >= {"lots"}
        assert read(ledger) == "contract_migrating"
        assert ledger.do(ALICE, "lots.weigh", lot="L005", grams=1) in (
            "contract_migrating",
            "ok",  # of the block in which it ended
        )
    assert seen == {"check", "write"}
    settled = ledger.proposal(number)
    assert (settled.status, settled.settled_height) == ("done", ledger.state.height)
    assert read(ledger) is None
    assert entry(ledger, "L007") == b'{"grams":7000,"place":"yard"}'
    assert ledger.do(ALICE, "lots.weigh", lot="L005", grams=2) == "ok"


@pytest.mark.usefixtures("small")
def test_whoever_is_in_a_hurry_drives_it_and_is_told_how_far_it_is(ledger: LifeLedger) -> None:
    number = begin(ledger)
    for blocks in range(200):  # noqa: B007 - used below
        code = ledger.do(BOB, "governance.go_on", number=number)
        if code != "ok":
            break
    assert code == "not_migrating"
    assert ledger.proposal(number).status == "done"
    assert blocks > 10
    assert ledger.do(BOB, "governance.go_on", number=99) == "not_migrating"


@pytest.mark.parametrize("text", [TWO, ORDERED, SUMS], ids=["grams", "ordered", "other_entry"])
@pytest.mark.parametrize("mode", ["open", "frozen"])
@pytest.mark.parametrize("chunks", [1_000, 2_000, 1_000_000])
def test_the_root_is_the_one_of_the_rehearsal_in_whatever_chunks(
    ledger: LifeLedger, monkeypatch: pytest.MonkeyPatch, mode: str, chunks: int, text: str
) -> None:
    if mode == "frozen":
        assert ledger.decide(ledger.propose("freeze")).status == "done"
    number = ledger.propose("upgrade", package=ledger.package(text, "2"), mode=mode)
    whole = ledger.try_it(number)
    monkeypatch.setattr(upgrade, "MIGRATION_CHUNKS", chunks)
    tried = ledger.rehearse(number)
    same = ("digest", "root_after", "root_before", "entries", "changed")
    assert [getattr(tried, name) for name in same] == [getattr(whole, name) for name in same]
    assert tried.chunks > whole.chunks
    ledger.decide(number)
    assert finish(ledger, number) >= tried.chunks
    assert ledger.proposal(number).status == "done", ledger.proposal(number)
    assert to_text(ledger.state.tries.root_of("lots")) == whole.root_after
    deployed = ledger.deployed()
    assert deployed is not None
    assert (deployed.number, deployed.status) == (2, "active")


@pytest.mark.usefixtures("small")
def test_back_in_chunks_gives_the_root_of_before(ledger: LifeLedger) -> None:
    before = ledger.state.tries.root_of("lots")
    finish(ledger, begin(ledger))
    assert ledger.state.tries.root_of("lots") != before
    number = begin(ledger, THREE, "3")
    finish(ledger, number)
    assert ledger.proposal(number).status == "done"
    assert ledger.state.tries.root_of("lots") == before


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("text", "code"),
    [(LATE, "migration_fault"), (NEGATIVE, "invariant_broken")],
    ids=["fault", "invariant"],
)
@pytest.mark.parametrize("mode", ["open", "frozen", "frozen_for_it"])
def test_what_fails_in_a_late_chunk_has_written_nothing(
    ledger: LifeLedger, mode: str, text: str, code: str
) -> None:
    number = ledger.propose("upgrade", package=ledger.package(text, "2"), mode=mode[:6].strip("_"))
    if mode == "frozen":
        assert ledger.decide(ledger.propose("freeze")).status == "done"
    elif mode == "frozen_for_it":
        assert ledger.decide(ledger.propose("freeze", upgrade=number)).status == "done"
    zero = to_text(bytes(32))
    rehearsal = {"cost": 100_000, "digest": "", "entries": LOTS, "height": ledger.state.height}
    rehearsal |= {"root_after": zero, "root_before": zero}
    args = {"number": number, "rehearsal": rehearsal}
    assert ledger.do(ALICE, "governance.record_rehearsal", **args) == "ok"
    before, was = ledger.state.tries.root_of("lots"), ledger.deployed()
    assert ledger.decide(number).status == "approved"
    assert finish(ledger, number) > 1
    assert (ledger.proposal(number).status, ledger.proposal(number).code) == ("failed", code)
    assert ledger.state.tries.root_of("lots") == before
    now = ledger.deployed()
    assert now is not None
    if mode == "frozen_for_it":
        assert (now.status, now.frozen_for) == ("active", None)
    else:
        assert now == was
    expected = "contract_frozen" if mode == "frozen" else "ok"
    assert ledger.do(ALICE, "lots.make", lot="L1", kilos=1) == expected


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("digest", "entries_differ"),
        ("root_before", "root_differs"),
        ("root_after", "root_differs"),
    ],
)
def test_nothing_is_written_where_a_frozen_upgrade_is_not_the_one_voted_on(
    ledger: LifeLedger, what: str, code: str
) -> None:
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"), mode="frozen")
    ledger.rehearse(number, **{what: to_text(b"\x01" * 32)})
    before = ledger.state.tries.root_of("lots")
    ledger.decide(number)
    assert finish(ledger, number) > 3
    assert (ledger.proposal(number).status, ledger.proposal(number).code) == ("failed", code)
    assert ledger.state.tries.root_of("lots") == before
    assert ledger.kernel.library.roots is None


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("planted", [False, True])
def test_maps_of_which_nothing_changes_are_in_the_roots(ledger: LifeLedger, planted: bool) -> None:
    """``last`` is looked at by no migration, so the digest does not see it: the roots do."""
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"), mode="frozen")
    ledger.rehearse(number)
    if planted:  # no action could: as if a node had lost its mind
        key = next(row for row, _ in ledger.state.scan("lots", b"last", b"", 1))
        ledger.state.values["lots"][key] = b'"L000"'
    ledger.decide(number)
    finish(ledger, number)
    code = "root_differs" if planted else None
    assert ledger.proposal(number).code == code


@pytest.mark.parametrize("chunks", [2_000, 10])
def test_a_frozen_contract_has_a_bound_of_entries(
    ledger: LifeLedger, monkeypatch: pytest.MonkeyPatch, chunks: int
) -> None:
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"), mode="frozen")
    monkeypatch.setattr(upgrade, "MIGRATION_CHUNKS", chunks)
    ledger.rehearse(number)
    monkeypatch.setattr(upgrade, "FROZEN_BYTES_MAX", LOTS * 75)
    assert ledger.try_it(number).code == "too_many_entries"
    ledger.decide(number)
    finish(ledger, number)
    assert ledger.proposal(number).code == "too_many_entries"
    opened = ledger.propose("upgrade", package=ledger.package(TWO, "2"))
    ledger.rehearse(opened)
    ledger.decide(opened)
    finish(ledger, opened)
    assert ledger.proposal(opened).status == "done"


def test_a_frozen_contract_without_entries_is_upgraded() -> None:
    """It has no root yet, or one over empty trees: no entries tell which."""
    ledger = LifeLedger()
    ledger.install()
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    for text, version in (
        (ORDERED, "2"),
        (
            THREE.replace("Map[str, Lot]", "Ordered[str, Lot]").replace(
                "Map, Value", "Map, Ordered, Value"
            ),
            "3",
        ),
    ):
        assert ledger.upgrade(text, version, "frozen").status == "done"
        assert ledger.decide(ledger.propose("freeze")).status == "done"


@pytest.mark.usefixtures("small")
def test_a_fresh_process_makes_the_roots_again_bit_by_bit(
    ledger: LifeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"), mode="frozen")
    tried = ledger.rehearse(number)
    ledger.decide(number)
    ledger.pass_blocks(3)
    monkeypatch.setattr(roots, "_SLICE_COST", 500)
    ledger.kernel = Kernel(ledger.genesis, ledger.id, [Notes])
    slices = 1
    while not upgrade.catch_up(ledger.kernel.place(ledger.state, ledger.state.time_ms)):
        slices += 1
    assert slices > 3
    made = ledger.kernel.library.roots
    ledger.pass_blocks(1)
    assert ledger.kernel.library.roots is made
    finish(ledger, number)
    assert ledger.proposal(number).status == "done"
    assert to_text(ledger.state.tries.root_of("lots")) == tried.root_after
    assert upgrade.catch_up(ledger.kernel.place(ledger.state, ledger.state.time_ms))


@pytest.mark.usefixtures("small")
def test_no_range_is_proved_before_all_rows_are_in_the_tree(ledger: LifeLedger) -> None:
    number = begin(ledger, ORDERED)
    tries = ledger.state.tries
    unfinished = 0
    while (running := ledger.migration()) is not None:
        if running.written:
            unfinished += 1
            assert not tries.ordered("lots", "lots").is_finished
            path = tries.prove_range("lots", "lots", b"\x00", b"\xff")
            assert path.inner.bucket == () or tries._ordered_kh("lots") not in dict(
                path.inner.bucket
            )
        ledger.state = ledger.state.copy()  # as after a restart
        tries = ledger.state.tries
        ledger.pass_blocks(1)
    assert unfinished > 3
    assert ledger.proposal(number).status == "done"
    tree = tries.ordered("lots", "lots")
    assert tree.is_finished
    path = tries.prove_range("lots", "lots", b"\x00", b"\xff")
    assert dict(path.inner.bucket)[tries._ordered_kh("lots")] == tree.root
    rows = verify_range(SHA256, tree.root, b"\x00", b"\xff", path.pages)
    assert len(rows) == LOTS


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("mode", ["open", "frozen"])
def test_a_fresh_kernel_goes_on_at_any_block(ledger: LifeLedger, mode: str) -> None:
    if mode == "frozen":
        assert ledger.decide(ledger.propose("freeze")).status == "done"
    number = begin(ledger, mode=mode)
    twin = ledger.state.copy()
    while ledger.migration() is not None:
        tx = ledger.tx(ALICE, "governance", "go_on", {"number": number})
        here = ledger.block([tx])
        usual, state = ledger.kernel, ledger.state
        ledger.kernel, ledger.state = Kernel(ledger.genesis, ledger.id, [Notes]), twin
        assert ledger.block([tx]).header_bytes == here.header_bytes
        twin = ledger.state.copy()
        ledger.kernel, ledger.state = usual, state
    assert ledger.proposal(number).status == "done"


@pytest.mark.usefixtures("small")
def test_other_proposals_go_on_and_the_next_package_waits(ledger: LifeLedger) -> None:
    first = ledger.propose("upgrade", package=ledger.package(TWO, "2"))
    ledger.rehearse(first)
    text = ONE.replace('name = "lots"', 'name = "heaps"')
    hashed = texts_hash({"lots": text}, "heaps", "1", ledger.kernel.hash.tagged)
    other = {**ledger.package(text, "1"), "hash": hashed}
    second = ledger.propose("install", package=other, contract="heaps")
    third = ledger.propose("freeze", contract="notes")
    ledger.decide(first)
    assert ledger.migration() is not None
    ledger.decide(second)
    for who in (ALICE, BOB):
        assert ledger.vote(who, third) == "ok"
    assert ledger.do(ALICE, "governance.go_on", number=first) == "ok"
    assert ledger.proposal(third).status == "done"
    assert ledger.migration() is not None
    assert ledger.proposal(second).status == "approved"
    fourth = {"contract": "lots", "kind": "freeze", "reason": "stop"}
    assert ledger.do(ALICE, "governance.propose", terms=fourth) == "wrong_status"
    while ledger.migration() is not None:
        ledger.do(ALICE, "governance.go_on", number=first)
    ledger.do(ALICE, "governance.go_on", number=first)
    assert ledger.proposal(second).status == "done"
    assert ledger.proposal(second).settled_height == ledger.state.height


def test_one_entry_may_cost_what_a_transaction_may(ledger: LifeLedger) -> None:
    slow = "n = 0\n        while n < 400000:\n            n = n + 1\n        return Lot(grams"
    number = ledger.propose(
        "upgrade", package=ledger.package(TWO.replace("return Lot(grams", slow), "2")
    )
    tried = ledger.try_it(number)
    assert tried.code == "cost_exceeded"
    assert "one step" in tried.reason


def freeze_for(ledger: LifeLedger) -> int:
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"), mode="frozen")
    assert ledger.decide(ledger.propose("freeze", upgrade=number)).status == "done"
    assert ledger.do(ALICE, "lots.make", lot="L1", kilos=1) == "contract_frozen"
    return number


@pytest.mark.parametrize("end", ["withdraw", "reject", "expire", "done"])
def test_a_freeze_for_an_upgrade_ends_with_it(ledger: LifeLedger, end: str) -> None:
    number = freeze_for(ledger)
    if end == "withdraw":
        assert ledger.do(ALICE, "governance.withdraw", number=number) == "ok"
    elif end == "done":
        ledger.rehearse(number)
        assert ledger.decide(number).status == "done"
    elif end == "reject":
        ledger.rehearse(number)
        assert ledger.vote(ALICE, number, "reject") == "ok"
        assert ledger.vote(BOB, number, "reject") == "ok"
        assert ledger.proposal(number).status == "rejected"
    else:
        asked = {"contract": "lots", "kind": "unfreeze", "reason": "r"}
        assert ledger.do(ALICE, "governance.propose", terms=asked) == "ok"
        expires = ledger.proposal(number).expires_height
        ledger.state.height = expires - 1  # nothing happens for so long
        ledger.kernel.directory.forget()
        ledger.pass_blocks(1)
        assert ledger.proposal(number).status == "expired"
    ledger.pass_blocks(1)
    deployed = ledger.deployed()
    assert deployed is not None
    assert (deployed.status, deployed.frozen_for) == ("active", None)
    action = ("weigh", "grams") if end == "done" else ("make", "kilos")
    assert ledger.do(ALICE, f"lots.{action[0]}", **{"lot": "L001", action[1]: 1}) == "ok"


def test_a_freeze_is_for_a_frozen_upgrade_of_the_same_contract(ledger: LifeLedger) -> None:
    package = ledger.package(TWO, "2")
    opened = ledger.propose("upgrade", package=package)
    asked = {"contract": "lots", "kind": "freeze", "reason": "r"}
    wrong: list[dict[str, Any]] = [
        {"upgrade": opened},
        {"upgrade": 99},
        {"upgrade": opened, "kind": "unfreeze"},
    ]
    frozen = ledger.propose("upgrade", package=package, mode="frozen")
    wrong.append({"upgrade": frozen, "contract": "notes"})
    for bad in wrong:
        assert ledger.do(ALICE, "governance.propose", terms={**asked, **bad}) == "wrong_upgrade"
    freeze = ledger.propose("freeze", upgrade=frozen)
    assert ledger.do(ALICE, "governance.withdraw", number=frozen) == "ok"
    settled = ledger.decide(freeze)
    assert (settled.status, settled.code) == ("failed", "upgrade_settled")
    assert ledger.do(ALICE, "lots.make", lot="L1", kilos=1) == "ok"


def test_nobody_can_say_otherwise_of_texts_that_were_current(ledger: LifeLedger) -> None:
    """A false lowered hash under the hash of a current package would stop every later start."""
    package = ledger.package(ONE, "1")
    lie = {**package, "lowered": to_text(bytes(32))}
    asked = {"contract": "lots", "kind": "upgrade", "reason": "r", "package": lie}
    assert ledger.do(ALICE, "governance.propose", terms=asked) == "wrong_package"
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"))
    ledger.rehearse(number)
    lie = {**ledger.package(TWO, "2"), "lowered": to_text(bytes(32))}
    ledger.propose("upgrade", package=lie)
    assert ledger.decide(number).status == "done"
    fresh = Kernel(ledger.genesis, ledger.id, [Notes])
    assert fresh.find(ledger.state, "lots", ledger.state.height) is not None
