# SPDX-License-Identifier: Apache-2.0
"""Whatever is proposed and voted in whatever order: at most one version of a contract is current.

A model of the life cycle follows each history: what it says must be what the ledger says.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.kernel.life_ledger import ALICE, BOB, CAROL, ONE, THREE, TWO, LifeLedger
from tests.unit.kernel.notes_contract import Notes

from hanse.codec.documents import Transaction
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.kernel import BlockResult, Kernel
from hanse.kernel.entries import AGENDA, COUNTERS, PROPOSALS, REGISTERED, VERSIONS
from hanse.kernel.proposals import ALLOWED
from hanse.testing.memory import MemoryState

TEXTS = {"1": ONE, "2": TWO, "3": THREE}
KINDS = ("install", "upgrade", "freeze", "unfreeze", "retire")
STEPS = st.one_of(
    st.tuples(st.just("propose"), st.sampled_from(KINDS), st.sampled_from(sorted(TEXTS))),
    st.tuples(st.just("rehearse"), st.integers(1, 6), st.just("")),
    st.tuples(st.just("approve"), st.integers(1, 6), st.sampled_from([ALICE, BOB, CAROL])),
    st.tuples(st.just("reject"), st.integers(1, 6), st.sampled_from([ALICE, BOB, CAROL])),
    st.tuples(st.just("withdraw"), st.integers(1, 6), st.just("")),
    st.tuples(st.just("pass"), st.integers(1, 3), st.just("")),
)


class Recorded(LifeLedger):
    """A ledger that keeps its blocks, for another kernel to execute."""

    def block(self, txs: Iterable[Transaction], *, after_ms: int = 1_000) -> BlockResult:
        order = OrderedBlock(
            self.state.height + 1,
            self.state.time_ms + after_ms,
            (OrderedSubmission(b"", tuple(txs)),),
        )
        self.__dict__.setdefault("blocks", []).append(order)
        self.result = self.kernel.apply_block(self.state, order)
        self.state.apply(self.result)
        return self.result


def do_step(
    ledger: Recorded, packages: dict[str, dict[str, object]], step: tuple[str, Any, Any]
) -> None:
    what, which, more = step
    if what == "propose":
        terms = {"contract": "lots", "kind": which, "reason": "r", "open_blocks": 12}
        if which in ("install", "upgrade"):
            terms["package"] = packages[more]
        ledger.do(ALICE, "governance.propose", terms=terms)
    elif what == "pass":
        ledger.pass_blocks(which)
    elif PROPOSALS.get(ledger.state, which) is None:
        return
    elif what == "withdraw":
        ledger.do(ALICE, "governance.withdraw", number=which)
    elif what == "rehearse":
        given_ = {"cost": 100, "entries": 0, "height": 1, "root_after": "x" * 43}
        given_["root_before"] = "x" * 43
        ledger.do(ALICE, "governance.record_rehearsal", number=which, rehearsal=given_)
    else:
        ledger.vote(more, which, what)


def check(ledger: Recorded) -> None:
    """Establish what must hold of the ledger's books after every block."""
    deployed = ledger.deployed()
    entry = REGISTERED.get(ledger.state, "lots")
    held = [PROPOSALS.get(ledger.state, number) for number in range(1, 200)]
    there = [one for one in held if one is not None]
    done = [p for p in there if p.status == "done" and p.terms.kind in ("install", "upgrade")]
    if deployed is None:
        assert entry is None
        assert not done
    else:
        assert entry is not None
        assert deployed.number == len(entry.versions) == len(done)
        assert entry.versions[-1].hash == deployed.package
        version = VERSIONS.get(ledger.state, ("lots", deployed.number))
        assert version is not None
        assert version.package == deployed.package
        heights = [v.from_height for v in entry.versions]
        assert heights == sorted(set(heights))
    waiting = [p for p in there if p.status in ("proposed", "approved")]
    counted = COUNTERS.get(ledger.state, ())
    assert (0 if counted is None else counted.open) == len(waiting)
    assert all((p.status == "failed") == (p.code is not None) for p in there)
    assert all((p.settled_height is None) == (p in waiting) for p in there)
    heights = [key[0] for key, _ in AGENDA.rows(ledger.state, 1_000)]
    assert all(isinstance(h, int) and h > ledger.state.height for h in heights)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_any_history_keeps_one_current_version_or_none(steps: list[tuple[str, Any, Any]]) -> None:
    ledger = Recorded()
    packages = {label: ledger.package(text, label) for label, text in TEXTS.items()}
    statuses = ["absent"]
    for step in steps:
        do_step(ledger, packages, step)
        check(ledger)
        deployed = ledger.deployed()
        now = "absent" if deployed is None else deployed.status
        if now != statuses[-1]:
            statuses.append(now)
    lawful = {("absent", "active"), ("active", "frozen"), ("frozen", "active")}
    lawful |= {(before, "retired") for before in ALLOWED["retire"]}
    assert lawful.issuperset(pairwise(statuses))
    again = Kernel(ledger.genesis, ledger.id, [Notes])
    state = MemoryState(again.hash)
    state.apply(again.genesis_block(state))
    for order in ledger.__dict__["blocks"]:
        state.apply(again.apply_block(state, order))
    assert state.block_id == ledger.state.block_id
