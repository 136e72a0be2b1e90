# SPDX-License-Identifier: Apache-2.0
"""A newer Hanse with other apps runs an older ledger: from the texts that its genesis approved."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from tests.e2e.cli_site import BANK, Site, document, run, start, start_again

import hanse
from hanse.kernel import BUILT_IN_NAMES

GENESIS = """
network = "pilot"
node = "node1"
operator = "acme"
organisations = [{ id = "acme", name = "Acme Ltd" }]
members = [{ id = "ada@acme", roles = ["maker", "operator", "admin"] }]
"""
EDITS = {
    "testing/smallbank.py": (
        ("PENALTY_MINOR = 1 ", "PENALTY_MINOR = 7 "),
        ("def create_account(", "def open_account("),
        ('    name = "smallbank"\n', '    name = "smallbank"\n    version = "2"\n'),
    ),
    "apps/trace/contract.py": (('version = "1"', 'version = "2"'),),
    "apps/trace/__init__.py": (
        ('columns=("id", "kind"', 'columns=("brand", "id", "kind"'),
        ('query="list_findings"', 'query="list_findings_of_version_2"'),
    ),
}


def newer_release(path: Path) -> dict[str, str]:
    """Return the environment of a copy of this software whose apps have changed."""
    source = Path(str(hanse.__file__)).parent
    shutil.copytree(source, path / "hanse", ignore=shutil.ignore_patterns("__pycache__", "tests"))
    for name, edits in EDITS.items():
        file = path / "hanse" / name
        text = file.read_text("utf-8")
        for old, new in edits:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        file.write_text(text, "utf-8")
    return {**os.environ, "PYTHONPATH": str(path)}


def newer(env: dict[str, str], *arguments: object) -> Any:
    command = [sys.executable, "-m", "hanse", *map(str, arguments), "--app", BANK, "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def status_of(url: str) -> int:
    try:
        with urlopen(url, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


@pytest.mark.slow
def test_a_ledger_outlives_the_release_that_founded_it(tmp_path: Path) -> None:
    site = start(tmp_path, GENESIS)
    kept = {path.stem for path in (site.folder / "packages").iterdir()}
    approved = json.loads((site.folder / "genesis.json").read_bytes())["contracts"]
    assert kept == {one["hash"] for one in approved if one["name"] not in BUILT_IN_NAMES}
    site.open_account("alice")
    before = site.json("ledger")["state_root"]
    assert site.stop() == 0
    document(run("backup", site.folder, tmp_path / "b", "--json"))
    env = newer_release(tmp_path / "newer")

    assert newer(env, "audit", site.folder)["state_root"] == before
    shutil.rmtree(site.folder / "state")  # replayed in the locked process, from the log
    site = start_again(tmp_path, site.ledger, env)
    try:
        assert site.json("ledger")["state_root"] == before
        listed = {row["name"]: row for row in site.json("contract", "list")}
        assert {listed[name]["version"] for name in ("smallbank", "trace")} == {"1"}
        shown = site.json("contract", "show", "smallbank")
        assert "open_account" not in [one["name"] for one in shown["actions"]]
        overdrawn = {"account": "alice", "amount_minor": 150}
        site.open_account("bob")
        assert site.submit("write_check", overdrawn)["status"] == "ok"
        value = site.json("state", "smallbank", "accounts", "alice")["value"]
        assert value["checking"] == 100 - 150 - 1  # the penalty of version 1
        pages = {name: status_of(f"{site.url}/apps/trace/{name}") for name in ("things", "recalls")}
        assert set(pages.values()) == {200}, pages
        assert status_of(f"{site.url}/apps/trace/findings") == 404  # version 1 has no such query
        assert status_of(f"{site.url}/apps/trace") == 200
        after = site.json("ledger")["state_root"]
    finally:
        assert site.stop() == 0
    assert newer(env, "audit", site.folder)["state_root"] == after
    restored = tmp_path / "restored"
    assert newer(env, "restore", tmp_path / "b", restored, "--verify")
    assert {path.stem for path in (restored / "packages").iterdir()} == kept


@pytest.mark.slow
def test_without_its_texts_another_release_says_what_is_missing(tmp_path: Path) -> None:
    site: Site = start(tmp_path, GENESIS)
    assert site.stop() == 0
    shutil.rmtree(site.folder / "packages")
    env = newer_release(tmp_path / "newer")
    command = [sys.executable, "-m", "hanse", "node", "run", str(site.folder), "--app", BANK]
    done = subprocess.run(
        [*command, "--json"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "contract_mismatch" in done.stdout + done.stderr
    again = start_again(tmp_path, site.ledger)  # the release that has them keeps them again
    again.open_account("alice")
    assert again.stop() == 0
    assert list((site.folder / "packages").iterdir())
