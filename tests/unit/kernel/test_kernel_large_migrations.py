# SPDX-License-Identifier: Apache-2.0
"""A frozen contract of more entries than a block looks at ends with the root that was voted on."""

import pytest
from tests.unit.kernel.life_ledger import ALICE, ONE, TWO, LifeLedger
from tests.unit.kernel.notes_contract import Notes
from tests.unit.kernel.small_ledger import codes

from hanse.codec.base64url import to_text
from hanse.kernel import Kernel

FILL = '''    @action(role=None)
    def fill(self, ctx: Context, first: int, count: int) -> None:
        """Make many lots."""
        for number in range(first, first + count):
            self.lots[f"M{number}"] = Lot(kilos=number)

    @query
'''
LOTS, STEP = 20_800, 800
WRONG = to_text(b"\x01" * 32)


@pytest.mark.slow
def test_twenty_thousand_entries_become_those_of_the_rehearsal_or_stay() -> None:
    ledger = LifeLedger()
    text = ONE.replace("    @query\n", FILL)
    number = ledger.propose("install", package=ledger.package(text, "1"))
    assert ledger.decide(number).status == "done"
    for first in range(0, LOTS, STEP):
        args = {"first": first, "count": STEP}
        tx = ledger.tx(ALICE, "lots", "fill", args, cost_max=200_000)
        assert codes(ledger.block([tx])) == ["ok"]
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"), mode="frozen")
    begun, tried = ledger.state, ledger.try_it(number)
    assert (tried.entries, tried.changed) == (LOTS, LOTS)
    assert tried.chunks > 1
    names = ("cost", "digest", "entries", "root_after", "root_before")
    true = {name: getattr(tried, name) for name in names} | {"height": begun.height}
    for planted in ({}, {"root_before": WRONG}, {"root_after": WRONG}):
        ledger.state = begun.copy()
        ledger.kernel = Kernel(ledger.genesis, ledger.id, [Notes])
        args = {"number": number, "rehearsal": true | planted}
        assert ledger.do(ALICE, "governance.record_rehearsal", **args) == "ok"
        assert ledger.decide(number).status == "approved"
        while ledger.migration() is not None:
            ledger.pass_blocks(1)
        settled, root = ledger.proposal(number), to_text(ledger.state.tries.root_of("lots"))
        if planted:
            assert (settled.status, settled.code) == ("failed", "root_differs")
            assert root == tried.root_before
        else:
            assert (settled.status, root) == ("done", tried.root_after)
