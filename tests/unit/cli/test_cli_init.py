# SPDX-License-Identifier: Apache-2.0
"""``hanse init`` writes a whole project, and nothing over what is there."""

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from hanse.cli import main
from hanse.cli.checking import findings_of
from hanse.cli.init import build_project, list_templates

FILES_MAX = 8


def run(*arguments: object) -> tuple[int, str, str]:
    """Run ``hanse init`` and return exit code, output, errors."""
    done = CliRunner().invoke(main, ["init", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("template", list_templates())
def test_a_project_is_small_whole_and_in_the_dialect(template, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, printed, _ = run("cold-chain", "--template", template, "--json")
    assert code == 0
    document = json.loads(printed)
    files = sorted(p for p in Path("cold-chain").rglob("*") if p.is_file())
    assert [p.relative_to("cold-chain").as_posix() for p in files] == document["files"]
    assert len(files) <= FILES_MAX
    assert not [p for p in files if "@@" in p.read_text("utf-8")]
    assert findings_of(Path("cold-chain/cold_chain/contract.py")) == []
    project = tomllib.loads(Path("cold-chain/pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == "cold-chain"
    assert project["entry-points"]["hanse.apps"] == {"cold_chain": "cold_chain:APP"}
    network = tomllib.loads(Path("cold-chain/network.toml").read_text("utf-8"))
    assert network["apps"] == ["cold_chain"]


def test_the_present_folder_is_the_project_where_no_name_is_given(tmp_path, monkeypatch) -> None:
    (tmp_path / "dairy").mkdir()
    monkeypatch.chdir(tmp_path / "dairy")
    code, printed, _ = run()
    assert code == 0
    assert "next: pytest && hanse dev" in printed
    assert Path("dairy/contract.py").is_file()


@pytest.mark.parametrize("there", ["README.md", "cold/contract.py", ".gitignore"])
def test_nothing_is_overwritten_and_then_nothing_is_written(there, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    mine = Path("cold") / there
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", "utf-8")
    code, _, errors = run("cold")
    assert code == 1
    assert errors.startswith("file_there: ")
    assert [p for p in Path("cold").rglob("*") if p.is_file()] == [mine]
    assert mine.read_text("utf-8") == "mine"


def test_a_dry_run_writes_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, printed, _ = run("cold", "--dry-run", "--json")
    assert code == 0
    assert len(json.loads(printed)["files"]) == FILES_MAX
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "Cold",
        "1cold",
        "cold chain",
        "käse",
        "class",
        "json",
        "hanse",
        "registry",
        "pytest",
        "a" * 65,
    ],
)
def test_a_name_that_makes_no_package_is_refused(name, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, errors = run(name)
    assert code == 1
    assert errors.startswith("name_unusable: ")
    assert list(tmp_path.iterdir()) == []


def test_what_is_said_of_the_contract_is_said_in_its_class() -> None:
    text = build_project("cold-chain", "lots")["cold_chain/contract.py"]
    assert "class ColdChain(Contract):" in text
    assert 'name = "cold_chain"' in text
