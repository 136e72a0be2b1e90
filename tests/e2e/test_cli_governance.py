# SPDX-License-Identifier: Apache-2.0
"""A network governed by the command line: who takes part, by which rules; restart and audit."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.cli_site import BANK, Site, document, run, start, start_again

from hanse_verify.__main__ import main as independent

ADA, BOB, CAROL, EVE = "ada@acme", "bob@bolt", "carol@cargo", "eve@elm"
GENESIS = """
network = "pilot"
node = "node1"
operator = "acme"
organisations = [{ id = "acme", name = "Acme" }, { id = "bolt", name = "Bolt" },
  { id = "cargo", name = "Cargo" }]
members = [{ id = "ada@acme", roles = ["admin", "maker", "operator"] },
  { id = "bob@bolt", roles = ["admin"] }, { id = "carol@cargo", roles = ["admin"] }]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("govern")


@pytest.fixture(scope="module")
def running(place: Path) -> Iterator[Site]:
    site = start(place, GENESIS)
    yield site
    if site.process.poll() is None:
        assert site.stop() == 0


def key(site: Site, who: str) -> Path:
    return site.folder.parent / "eve.key" if who == EVE else site.key(who)


def govern(site: Site, who: str, *arguments: object, code: int = 0) -> Any:
    """Return the document of a command of ``hanse governance`` that ``who`` signs."""
    return site.json("governance", *arguments, "--as", who, "--key", key(site, who), code=code)


def decide(site: Site, number: int, *voters: str) -> None:
    status = ""
    for who in voters:
        status = govern(site, who, "approve", number)["status"]
    assert status == "approved"


def grant(site: Site, who: str, role: str, code: int = 0) -> Any:
    """Return the receipt of a transaction with which ``who`` gives itself a role."""
    args = json.dumps({"member": who, "role": role})
    command = ("tx", "submit", "registry", "grant_role", "--args", args)
    return site.json(*command, "--as", who, "--key", key(site, who), code=code)


def propose(site: Site, kind: str, *values: str) -> int:
    held = govern(site, ADA, "propose", kind, *values, "--reason", "it is time")
    assert held["status"] == "proposed"
    return int(held["number"])


def change_the_rules(site: Site) -> Any:
    """Lower a rule; returns the receipt of a transaction after that."""
    before = site.json("ledger")
    number = propose(site, "parameters.set", "cost_max=150000")
    decide(site, number, ADA, BOB, EVE)
    grant(site, ADA, "two")
    late = grant(site, ADA, "three")
    assert site.json("ledger")["rules"]["cost_max"] == 150_000
    assert before["rules"]["cost_max"] == 200_000
    too_dear = (*("--cost-max", 150_001),)
    args = json.dumps({"member": ADA, "role": "four"})
    command = ("tx", "submit", "registry", "grant_role", "--args", args, *too_dear)
    answer = site.json(*command, "--as", ADA, "--key", key(site, ADA), code=1)
    assert answer["code"] == "cost_max_too_large"
    return late


def change_the_constitution(site: Site) -> None:
    """Let two thirds decide about the rules from now on."""
    number = propose(
        site, "policy.set", "resource=parameters.set", "rule=2/3", "roles=admin", "organisations="
    )
    decide(site, number, ADA, BOB, CAROL, EVE)
    grant(site, ADA, "five")
    shown = site.json("governance", "show")
    rules = {p["resource"]: (p["rule"], p["source"]) for p in shown["policies"]}
    assert rules["parameters.set"] == ("2/3", "ledger")
    assert rules["policy.set"] == ("ALL", "default")
    assert {row["status"] for row in site.json("governance", "list")} == {"done"}
    assert site.json("governance", "list", "--open") == []


def test_a_network_is_governed(running: Site, place: Path, tmp_path: Path) -> None:
    site = running
    made = document(run("key", "new", place / "eve.key", "--json"))
    values = ("organisation=elm", "name=Elm", f"member={EVE}", "key_id=k1")
    admits = (*values, f"public_key={made['public_key']}", "suite=ed25519-sha256")
    refused = govern(
        site, ADA, "propose", "organisation.admit", *admits, "node=n", "--reason", "r", code=1
    )
    assert refused["code"] == "wrong_arguments"
    number = propose(site, "organisation.admit", *admits)
    decide(site, number, ADA, BOB)
    grant(site, ADA, "one")
    assert grant(site, EVE, "buyer")["status"] == "ok"

    number = propose(site, "organisation.suspend", "organisation=cargo")
    decide(site, number, ADA, BOB, EVE)
    assert grant(site, CAROL, "buyer", 1)["code"] == "organisation_suspended"
    number = propose(site, "organisation.reinstate", "organisation=cargo")
    decide(site, number, ADA, EVE)
    assert grant(site, CAROL, "buyer")["status"] == "ok"

    late = change_the_rules(site)
    change_the_constitution(site)
    file = tmp_path / "evidence.json"
    site.json("proof", "export", late["tx"], "-o", file)
    verdict = run("verify", "--trust", site.ledger, file, "--json")
    assert verdict.exit_code == 0, verdict.output
    assert independent(["--trust", site.ledger, str(file)]) == 0
    root = site.json("ledger")["state_root"]
    assert site.stop() == 0
    audited = run("audit", site.folder, "--app", BANK, "--json")
    assert document(audited)["state_root"] == root
    shutil.rmtree(site.folder / "state")  # the log alone, and another process
    site = start_again(place, site.ledger)
    try:
        assert site.json("ledger")["state_root"] == root
        assert site.json("ledger")["rules"]["cost_max"] == 150_000
    finally:
        assert site.stop() == 0


def test_what_is_no_field_is_refused(tmp_path: Path) -> None:
    site = start(tmp_path, GENESIS)
    try:
        signing = ("--reason", "r", "--as", ADA, "--key", site.key(ADA))
        command = ("governance", "propose", "organisation.suspend")
        assert site.run(*command, "organisation", *signing).exit_code == 2
        assert site.run(*command, "organisation=a", "organisation=b", *signing).exit_code == 2
        unknown = site.json(*command, "organisation=bolt", "colour=red", *signing, code=1)
        assert unknown["code"] == "bad_argument"
        assert govern(site, BOB, "approve", 9, code=1)["code"] == "not_found"
        number = propose(site, "organisation.suspend", "organisation=bolt")
        assert govern(site, BOB, "withdraw", number, code=1)["code"] == "wrong_organisation"
        assert govern(site, ADA, "withdraw", number)["status"] == "withdrawn"
        listed = site.run("governance", "list").output
        assert "organisation.suspend organisation=bolt" in listed
        assert "withdrawn" in listed
    finally:
        assert site.stop() == 0
