# SPDX-License-Identifier: Apache-2.0
"""One life of a contract, told by all that nodes must agree on; run as a program it prints that."""

import sys
from unittest.mock import patch

from tests.unit.kernel.life_ledger import ALICE, THREE, TWO, LifeLedger

from hanse.codec.base64url import to_text
from hanse.kernel import upgrade

CHUNKS = 2_000  # parts of a block's budgets: a dozen entries are more than one


def play() -> str:
    """Return block id and lowered hashes after install, failure, upgrade, return, retirement."""
    ledger = LifeLedger()
    ledger.install()
    for number in range(40):
        assert ledger.do(ALICE, "lots.make", lot=f"L{number % 30}", kilos=number) == "ok"
    broken = TWO.replace("old.kilos * 1000", "1 // (old.kilos - 3)")
    number = ledger.propose("upgrade", package=ledger.package(TWO, "2"))
    ledger.rehearse(number)
    assert ledger.decide(ledger.propose("freeze")).status == "done"
    assert ledger.decide(number).status == "done"
    assert ledger.decide(ledger.propose("unfreeze")).status == "done"
    root = ledger.state.tries.root_of("lots")
    bad = ledger.package(broken, "2")
    with patch.object(upgrade, "MIGRATION_CHUNKS", CHUNKS):
        number = ledger.propose("upgrade", package=ledger.package(THREE, "3"))
        ledger.rehearse(number)
        assert ledger.decide(number).status == "approved"
        while ledger.migration() is not None:
            ledger.do(ALICE, "governance.go_on", number=number)
    assert ledger.proposal(number).status == "done"
    assert ledger.state.tries.root_of("lots") != root
    number = ledger.propose("upgrade", package=bad)
    assert ledger.decide(ledger.propose("retire")).status == "done"
    return f"{to_text(ledger.state.block_id)} {bad['lowered']} {ledger.state.height}"


if __name__ == "__main__":
    sys.stdout.write(play())
