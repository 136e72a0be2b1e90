# SPDX-License-Identifier: Apache-2.0
"""A contract's life by the command line: from its file to retirement, over restarts and audits."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.cli_site import BANK, Site, document, run, start, start_again
from tests.unit.kernel.life_ledger import ONE, THREE, TWO

ADA, BOB = "ada@acme", "bob@bolt"
GENESIS = """
network = "pilot"
node = "node1"
operator = "acme"
organisations = [{ id = "acme", name = "Acme" }, { id = "bolt", name = "Bolt" },
  { id = "cargo", name = "Cargo" }]
members = [{ id = "ada@acme", roles = ["admin"] }, { id = "bob@bolt", roles = ["admin"] },
  { id = "carol@cargo", roles = ["admin"] }]
policies = [{ resource = "contract.approve", rule = "MAJORITY", roles = ["admin"] }]
"""


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three versions of one contract, each in a folder of its own."""
    home = tmp_path_factory.mktemp("texts")
    for version, text in (("1", ONE), ("2", TWO), ("3", THREE)):
        (home / version).mkdir()
        (home / version / "lots.py").write_text(text, "utf-8")
    return home


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("life")


@pytest.fixture(scope="module")
def running(place: Path) -> Iterator[Site]:
    site = start(place, GENESIS)
    yield site
    if site.process.poll() is None:
        assert site.stop() == 0


def contract(site: Site, who: str, *arguments: object, code: int = 0) -> Any:
    """Return the document of a command of ``hanse contract`` that ``who`` signs."""
    return site.json("contract", *arguments, "--as", who, "--key", site.key(who), code=code)


def decide(site: Site, number: int) -> None:
    contract(site, ADA, "approve", number)
    held = contract(site, BOB, "approve", number, "--reason", "seen")
    assert held["status"] == "approved"


def make(site: Site, action: str, code: int = 0, **args: object) -> Any:
    signing = ("--as", ADA, "--key", site.key(ADA))
    command = ("tx", "submit", "lots", action, "--args", json.dumps(args))
    return site.json(*command, *signing, code=code)


def line(site: Site) -> Any:
    rows = site.json("contract", "list")
    return next((row for row in rows if row["name"] == "lots"), None)


def upgrade_frozen(site: Site, texts: Path) -> None:
    """Upgrade to version 2 while the contract stands still, its roots voted on."""
    frozen = contract(site, ADA, "freeze", "lots", "--reason", "grams come")["number"]
    decide(site, frozen)
    first = contract(
        site, ADA, "propose", texts / "2/lots.py", "--mode", "frozen", "--reason", "grams"
    )
    number = first["number"]
    assert first["terms"]["kind"] == "upgrade"
    refused = contract(site, BOB, "approve", number, code=1)
    assert refused["code"] == "not_rehearsed"
    rehearsed = contract(site, ADA, "rehearse", number, "--record")
    assert (rehearsed["code"], rehearsed["entries"], rehearsed["maps"]) == (None, 1, ["lots"])
    decide(site, number)


def look_back(site: Site, weighed: str) -> None:
    """A migration is a version of an entry like any other, of no transaction."""
    told = run("history", "lots", "lots", '"L1"', "--dir", site.folder, "--app", BANK, "--json")
    versions = document(told)["versions"]
    assert [v["tx"] for v in versions][1:] == [None, weighed]
    assert (versions[0]["value"]["kilos"], versions[1]["value"]["grams"]) == (3, 3000)


def test_a_whole_life(running: Site, texts: Path, place: Path, tmp_path: Path) -> None:
    site = running
    held = contract(site, ADA, "propose", texts / "1/lots.py", "--reason", "lots")
    assert (held["number"], held["status"], held["terms"]["kind"]) == (1, "proposed", "install")
    assert site.json("contract", "rehearse", 1)["code"] is None
    assert make(site, "make", 1, lot="L1", kilos=3)["code"] == "unknown_contract"
    decide(site, 1)
    assert make(site, "make", lot="L1", kilos=3)["status"] == "ok"
    assert line(site)["status"] == "active"

    upgrade_frozen(site, texts)
    done = make(site, "weigh", lot="L1", grams=3500)
    again = run("tx", "replay", done["tx"], "--dir", site.folder, "--app", BANK, "--json")
    assert document(again)["agrees"], again.output
    look_back(site, done["tx"])
    after = site.json("contract", "show", "lots")
    assert [a["name"] for a in after["actions"]] == ["weigh"]
    listed = site.json("contract", "proposals")
    assert [row["status"] for row in listed] == ["done", "done", "done"]
    assert site.json("contract", "proposals", "--open") == []

    document(run("backup", site.folder, tmp_path / "b", "--json"))
    assert site.stop() == 0
    restored = run("restore", tmp_path / "b", tmp_path / "r", "--verify", "--app", BANK, "--json")
    assert restored.exit_code == 0, restored.output
    site = start_again(place, site.ledger)
    try:
        assert line(site)["version"] == "2"
        value = site.json("state", "lots", "lots", "L1")["value"]
        assert value == {"grams": 3500, "place": "yard"}
        packed = texts / "3.json"
        assert run("contract", "package", texts / "3/lots.py", "-o", packed).exit_code == 0
        back = contract(site, ADA, "propose", packed, "--reason", "kilos after all")
        contract(site, ADA, "rehearse", back["number"], "--record")
        decide(site, back["number"])
        make(site, "weigh", lot="L1", kilos=4)
        assert site.json("state", "lots", "lots", "L1")["value"] == {"kilos": 4}
        gone = contract(site, ADA, "retire", "lots", "--reason", "done")["number"]
        decide(site, gone)
        assert make(site, "weigh", 1, lot="L1", kilos=5)["code"] == "contract_retired"
        assert site.json("query", "lots", "read", "--args", '{"lot":"L1"}')["result"] is not None
        root = site.json("ledger")["state_root"]
    finally:
        assert site.stop() == 0
    audited = run("audit", site.folder, "--app", BANK, "--json")
    assert audited.exit_code == 0, audited.output
    assert document(audited)["state_root"] == root

    shutil.rmtree(site.folder / "state")  # the log alone, and another process
    site = start_again(place, site.ledger)
    try:
        assert site.json("ledger")["state_root"] == root
        assert line(site)["status"] == "retired"
    finally:
        assert site.stop() == 0
    tried = run(
        "contract", "rehearse", back["number"], "--dir", site.folder, "--app", BANK, "--json"
    )
    assert tried.exit_code == 1
    assert document(tried)["code"] == "wrong_status"


def test_what_cannot_be_proposed_says_why(texts: Path, tmp_path: Path) -> None:
    site = start(tmp_path, GENESIS)
    try:
        (tmp_path / "bad.py").write_text("import os\n", "utf-8")
        found = contract(site, ADA, "propose", tmp_path / "bad.py", "--reason", "r", code=1)
        assert found["code"] == "malformed"
        assert "D203" in found["reason"]
        assert site.json("contract", "rehearse", 9, code=1)["code"] == "not_found"
        assert contract(site, BOB, "approve", 9, code=1)["code"] == "not_found"
        contract(site, ADA, "propose", texts / "1/lots.py", "--reason", "lots")
        contract(site, BOB, "reject", 1, "--reason", "no")
        contract(site, ADA, "withdraw", 1)
        assert "withdrawn" in site.run("contract", "proposals").output
        unrecorded = site.run("contract", "rehearse", 1, "--record")
        assert unrecorded.exit_code == 2
    finally:
        assert site.stop() == 0
