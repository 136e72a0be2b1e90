# SPDX-License-Identifier: Apache-2.0
"""``hanse verify`` and ``hanse-verify``: two programs without a common line, one answer."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.verifier.build import Ledger

from hanse.cli import main
from hanse_verify.__main__ import main as independent

OURS = Ledger()
NAMES = sorted(OURS.genuine())


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, data in OURS.genuine().items():
        (tmp_path / f"{name}.json").write_bytes(data + b"\n")
    data = OURS.genuine()["record"]
    (tmp_path / "changed.json").write_bytes(data.replace(b'"status":"ok"', b'"status":"no"'))
    (tmp_path / "cut.json").write_bytes(data[:-2])
    (tmp_path / "checkpoint").write_text(OURS.note(3), "utf-8")
    return tmp_path


@pytest.mark.parametrize("name", [*NAMES, "changed", "cut"])
@pytest.mark.parametrize("trust", ["id", "checkpoint", "other", None])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_both_programs_answer_alike(
    files: Path, name: str, trust: str | None, form: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    anchors = {"id": OURS.id, "checkpoint": f"{files}/checkpoint", "other": Ledger(seed="b").id}
    arguments = [*([] if trust is None else ["--trust", anchors[trust]]), *form]
    arguments.append(f"{files}/{name}.json")
    code = independent(arguments)
    shown = capsys.readouterr().out
    ours = CliRunner().invoke(main, ["verify", *arguments])
    assert ours.exit_code == code
    if form:
        assert _without_detail(json.loads(ours.stdout)) == _without_detail(json.loads(shown))
    else:
        assert _plain(ours.stdout) == _plain(shown)


def _without_detail(document: dict[str, Any]) -> dict[str, Any]:
    """Each program says in its own words why a step passed or not."""
    steps = [(s["step"], s["passed"]) for s in document["steps"]]
    claim = document["claim"] if document["verdict"] != "not_valid" else None
    return document | {"claim": claim, "steps": steps}


def _plain(shown: str) -> list[str]:
    lines = [line.partition(":")[0] if " = " not in line else line for line in shown.splitlines()]
    return sorted(lines)


def test_the_exit_code_tells_the_verdict(files: Path) -> None:
    def code(*arguments: str) -> int:
        return CliRunner().invoke(main, ["verify", *arguments]).exit_code

    assert code("--trust", OURS.id, f"{files}/record.json") == 0
    assert code("--trust", OURS.id, f"{files}/changed.json") == 1
    assert code("--trust", OURS.id, f"{files}/withdrawn record.json") == 1
    assert code(f"{files}/record.json") == 5
    assert code("--trust", "no-such-file", f"{files}/record.json") == 2
    assert code("--trust", f"{files}/record.json", f"{files}/record.json") == 2
    assert code(f"{files}/absent.json") == 2


def test_a_file_comes_from_standard_input_too(files: Path) -> None:
    data = (files / "record.json").read_bytes()
    shown = CliRunner().invoke(main, ["verify", "--trust", OURS.id, "-"], input=data)
    assert shown.exit_code == 0
    assert shown.stdout.startswith("VALID\n")
