# SPDX-License-Identifier: Apache-2.0
"""One life of a contract, told by all that nodes must agree on; run as a program it prints that."""

import sys

from tests.unit.kernel.life_ledger import ALICE, THREE, TWO, LifeLedger

from hanse.codec.base64url import to_text


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
    bad = ledger.package(broken, "2")
    assert ledger.upgrade(THREE, "3").status == "done"
    number = ledger.propose("upgrade", package=bad)
    assert ledger.decide(ledger.propose("retire")).status == "done"
    return f"{to_text(ledger.state.block_id)} {bad['lowered']} {ledger.state.height}"


if __name__ == "__main__":
    sys.stdout.write(play())
