# SPDX-License-Identifier: Apache-2.0
"""A frozen contract of more entries than a block looks at ends with the root that was voted on."""

import pytest
from tests.unit.kernel.life_ledger import ALICE, ONE, TWO, LifeLedger

from hanse.codec.base64url import to_text

FILL = '''    @action(role=None)
    def fill(self, ctx: Context, first: int, count: int) -> None:
        """Make many lots."""
        for number in range(first, first + count):
            self.lots[f"M{number}"] = Lot(kilos=number)

    @query
'''
LOTS, STEP = 20_800, 800


@pytest.mark.slow
@pytest.mark.parametrize("planted", ["", "root_before", "root_after"])
def test_twenty_thousand_entries_become_those_of_the_rehearsal_or_stay(planted: str) -> None:
    ledger = LifeLedger()
    text = ONE.replace("    @query\n", FILL)
    number = ledger.propose("install", package=ledger.package(text, "1"))
    assert ledger.decide(number).status == "done"
    for first in range(0, LOTS, STEP):
        assert ledger.do(ALICE, "lots.fill", first=first, count=STEP) == "ok"
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"), mode="frozen")
    lie = {planted: to_text(b"\x01" * 32)} if planted else {}
    tried = ledger.rehearse(number, **lie)
    assert (tried.entries, tried.changed) == (LOTS, LOTS)
    assert tried.chunks > 1
    assert ledger.decide(number).status == "approved"
    while ledger.migration() is not None:
        ledger.pass_blocks(1)
    settled, root = ledger.proposal(number), to_text(ledger.state.tries.root_of("lots"))
    if planted:
        assert (settled.status, settled.code) == ("failed", "root_differs")
        assert root == tried.root_before
    else:
        assert (settled.status, root) == ("done", tried.root_after)
