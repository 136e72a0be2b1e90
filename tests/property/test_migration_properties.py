# SPDX-License-Identifier: Apache-2.0
"""Whatever happens beside a migration, and however often nodes start again: one end."""

from collections.abc import Callable
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.kernel.life_ledger import ALICE, BOB, ONE, THREE, TWO, LifeLedger
from tests.unit.kernel.notes_contract import Notes
from tests.unit.kernel.small_ledger import codes

from hanse.codec.base64url import to_text
from hanse.kernel import Kernel, upgrade
from hanse.kernel.proposals import ContractStatus

LOTS = 40
ORDERED = TWO.replace("lots: Map[str, Lot]", "lots: Ordered[str, Lot]").replace(
    "Map, Value", "Map, Ordered, Value"
)
WIDER = ONE.replace("    kilos: int\n", '    kilos: int\n    place: str = "yard"\n').replace(
    'version = "1"', 'version = "2"'
)
LATE = TWO.replace("old.kilos * 1000", "0 // (old.kilos - 37)")
STEPS = st.lists(
    st.sampled_from(["pass", "drive", "call", "restart", "propose_freeze", "package", "nothing"]),
    max_size=25,
)


@pytest.fixture(autouse=True, scope="module")
def _loaded() -> None:
    LifeLedger()  # which sets the recursion limit, before Hypothesis looks at it


def drive(ledger: LifeLedger, step: str, number: int) -> None:
    """Let one thing happen on the ledger; a restart is a fresh kernel on the same state."""
    if step == "pass":
        ledger.pass_blocks(1)
    elif step == "drive":
        ledger.do(BOB, "governance.go_on", number=number)
    elif step == "call":
        assert ledger.do(ALICE, "lots.no_such") in ("contract_migrating", "unknown_action")
    elif step == "restart":
        ledger.kernel = Kernel(ledger.genesis, ledger.id, [Notes])
        ledger.state = ledger.state.copy()
    elif step == "propose_freeze":
        asked = {"contract": "lots", "kind": "freeze", "reason": "r"}
        ledger.do(ALICE, "governance.propose", terms=asked)
    elif step == "package":
        ledger.package(THREE, "3")
    else:  # a transaction that leaves no record, so no block: nothing of the migration counts
        before = ledger.state.block_id
        assert ledger.code(ledger.tx(ALICE, "notes", "put", {}, expires_ms=1)) == "expired"
        assert ledger.state.block_id == before


def upgraded(
    text: str, chunks: int, steps: list[str], mode: str, began: Callable[[], None]
) -> tuple[str, str | None, str, ContractStatus]:
    """Return root, code, digest and status after an upgrade beside which ``steps`` happened."""
    ledger = LifeLedger()
    ledger.install()
    lots = [{"lot": f"L{n:03}", "kilos": n} for n in range(LOTS)]
    txs = [ledger.tx(ALICE, "lots", "make", args) for args in lots]
    assert set(codes(ledger.block(txs))) == {"ok"}
    number = ledger.propose("upgrade", package=ledger.package(text, "2"), mode=mode)
    if mode == "frozen":
        assert ledger.decide(ledger.propose("freeze", upgrade=number)).status == "done"
    tried = ledger.try_it(number)
    digest = tried.digest if tried.code is None else to_text(bytes(32))
    with patch.object(upgrade, "MIGRATION_CHUNKS", chunks):
        rehearsal = {
            "cost": 100_000,
            "digest": digest,
            "entries": tried.entries,
            "height": ledger.state.height,
            "root_after": tried.root_after or to_text(bytes(32)),
            "root_before": tried.root_before or to_text(bytes(32)),
        }
        args = {"number": number, "rehearsal": rehearsal}
        assert ledger.do(ALICE, "governance.record_rehearsal", **args) == "ok"
        ledger.decide(number)
        if ledger.migration() is not None:
            began()
        for step in steps:
            if ledger.migration() is None:
                break
            drive(ledger, step, number)
        for _ in range(4 * LOTS):
            if ledger.migration() is None:
                break
            drive(ledger, "drive", number)
    settled = ledger.proposal(number)
    assert settled.status == ("failed" if text == LATE else "done"), settled
    deployed = ledger.deployed()
    assert deployed is not None
    assert ledger.migration() is None
    assert deployed.number == (1 if text == LATE else 2)
    root = to_text(ledger.state.tries.root_of("lots"))
    assert root == (tried.root_after or root)
    return root, settled.code, digest, deployed.status


@settings(max_examples=15, deadline=None)
@given(
    text=st.sampled_from([TWO, ORDERED, WIDER, LATE]),
    chunks=st.integers(500, 60_000),
    steps=STEPS,
    mode=st.sampled_from(["open", "frozen"]),
)
def test_a_migration_ends_the_same_whatever_happens_beside_it(
    text: str, chunks: int, steps: list[str], mode: str
) -> None:
    over: list[int] = []
    here = upgraded(text, chunks, steps, mode, lambda: over.append(1))
    at_once = upgraded(text, 1, [], mode, lambda: over.append(2))
    assert here == at_once
    assert 2 not in over  # it was one block indeed
