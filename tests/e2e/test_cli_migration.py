# SPDX-License-Identifier: Apache-2.0
"""A migration over several blocks on a real node: stopped, killed, started again, audited."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.cli_site import BANK, Site, document, run, start, start_again
from tests.unit.kernel.life_ledger import ONE, TWO

from hanse.codec.base64url import to_text
from hanse.crypto import SHA256
from hanse.storage import Snapshot

ADA = "ada@acme"
GENESIS = """
network = "pilot"
node = "node1"
operator = "acme"
organisations = [{ id = "acme", name = "Acme" }]
members = [{ id = "ada@acme", roles = ["admin"] }]
policies = [{ resource = "contract.approve", rule = "ANY", roles = ["admin"] }]
"""
FILL = '''    @action(role=None)
    def fill(self, ctx: Context, first: int, count: int) -> None:
        """Make many lots."""
        for number in range(first, first + count):
            self.lots[f"M{number}"] = Lot(kilos=number)

    @query
'''
LOTS, STEP = 8_000, 800


def contract(site: Site, *arguments: object, code: int = 0) -> Any:
    return site.json("contract", *arguments, "--as", ADA, "--key", site.key(ADA), code=code)


def submit(site: Site, name: str, args: dict[str, object], code: int = 0) -> Any:
    signing = ("--as", ADA, "--key", site.key(ADA))
    command = ("tx", "submit", *name.split("."), "--args", json.dumps(args))
    return site.json(*command, *signing, code=code)


def status(site: Site) -> str:
    rows = site.json("contract", "list")
    return str(next(row["status"] for row in rows if row["name"] == "lots"))


def filled(place: Path) -> Site:
    """Return a node whose contract has more entries than a block migrates."""
    (place / "1").mkdir()
    (place / "2").mkdir()
    (place / "1/lots.py").write_text(ONE.replace("    @query\n", FILL), "utf-8")
    (place / "2/lots.py").write_text(TWO, "utf-8")
    site = start(place, GENESIS)
    contract(site, "propose", place / "1/lots.py", "--reason", "lots")
    assert contract(site, "approve", 1)["status"] == "approved"
    for first in range(0, LOTS, STEP):
        submit(site, "lots.fill", {"first": first, "count": STEP})
    return site


def restarted(site: Site, place: Path, *, killed: bool) -> Site:
    if killed:
        site.process.kill()
    assert site.stop() == (-signal.SIGKILL if killed else 0)
    return start_again(place, site.ledger)


@pytest.mark.slow
def test_a_migration_goes_on_over_kills_and_starts(tmp_path: Path) -> None:
    site = filled(tmp_path)
    text = tmp_path / "2/lots.py"
    number = contract(site, "propose", text, "--mode", "frozen", "--reason", "grams")["number"]
    freeze = contract(site, "freeze", "lots", "--for", number, "--reason", "grams")["number"]
    contract(site, "approve", freeze)
    submit(site, "lots.fill", {"first": 0, "count": 1}, code=1)
    tried = contract(site, "rehearse", number, "--record")
    assert (tried["entries"], tried["changed"], tried["code"]) == (LOTS, LOTS, None)
    assert tried["chunks"] > 1
    contract(site, "approve", number)
    seen = []
    for killed in (True, False, True):
        running = submit(site, "governance.go_on", {"number": number})["result"]
        seen.append((running["phase"], running["entries"], running["written"]))
        assert status(site) == "migrating"
        asked = ("query", "lots", "read", "--args", '{"lot":"M7"}')
        assert site.json(*asked, code=1)["code"] == "contract_migrating"
        site = restarted(site, tmp_path, killed=killed)
    assert seen == sorted(seen)
    assert {phase for phase, _, _ in seen} == {"check", "write"}
    try:
        done = contract(site, "migrate", number)
        assert (done["status"], done["rehearsal"]["root_after"]) == ("done", tried["root_after"])
        assert status(site) == "active"
        assert site.json("state", "lots", "lots", "M7")["value"]["grams"] == 7000
        root = site.json("ledger")["state_root"]
        document(run("backup", site.folder, tmp_path / "b", "--json"))
    finally:
        assert site.stop() == 0
    snapshot = Snapshot.open(site.folder / "state", SHA256)
    assert to_text(snapshot.fork(60).root_of("lots")) == tried["root_after"]
    snapshot.close()
    audited = run("audit", site.folder, "--app", BANK, "--json")
    assert audited.exit_code == 0, audited.output
    assert document(audited)["state_root"] == root
    restored = run("restore", tmp_path / "b", tmp_path / "r", "--verify", "--app", BANK, "--json")
    assert restored.exit_code == 0, restored.output
    shutil.rmtree(site.folder / "state")
    site = start_again(tmp_path, site.ledger)
    assert site.json("ledger")["state_root"] == root
    assert site.stop() == 0
