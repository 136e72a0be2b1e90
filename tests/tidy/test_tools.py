# SPDX-License-Identifier: Apache-2.0
"""The tools behind the Makefile count honestly: a step that fails, hangs or is missing shows."""

import os
import re
import sys

import pytest
from tests.tidy.tree import ROOT, read
from tools import _steps, targets, test_all
from tools._steps import Step, run_all

GOOD = Step("good", [sys.executable, "-c", "print('fine')"])
BAD = Step("bad", [sys.executable, "-c", "print('broken here'); raise SystemExit(3)"])
HANGS = Step("hangs", [sys.executable, "-c", "import signal; signal.pause()"], timeout_s=1)
ABSENT = Step("absent", ["/nowhere"], missing=lambda: "no such thing here")


def test_all_good_steps_end_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_all([GOOD, GOOD], []) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 0 failed"


@pytest.mark.parametrize("step", [BAD, HANGS], ids=lambda step: step.name)
def test_a_failure_shows_and_the_others_still_run(
    step: Step, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_all([step, GOOD], []) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1 passed, 1 failed"
    assert f"failed: {step.name}" in lines
    assert any(re.search(r"broken here|stopped after 1 s", line) for line in lines)


@pytest.mark.parametrize(
    ("on_ci", "code", "end"), [(False, 0, "0 failed, 1 skipped"), (True, 1, "1 failed")]
)
def test_what_a_machine_cannot_run_is_skipped_there_and_fails_on_ci(
    on_ci: bool,
    code: int,
    end: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(_steps, "ON_CI", on_ci)
    assert run_all([GOOD, ABSENT], []) == code
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f"1 passed, {end}"
    assert "no such thing here" in out


def test_steps_are_chosen_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_all([GOOD, BAD], ["good"]) == 0
    assert run_all([GOOD], ["godo"]) == 2
    assert "no step godo" in capsys.readouterr().out


def test_steps_have_names_of_their_own() -> None:
    names = [step.name for step in test_all.STEPS]
    assert len(set(names)) == len(names)


def test_every_target_is_listed_by_help() -> None:
    listed = [name for name, _ in targets.list_targets(read(ROOT / "Makefile"))]
    assert {"setup", "check", "test", "test-all", "demo"} <= set(listed)


def test_ci_runs_what_the_readme_promises() -> None:
    path = ROOT / ".ci/run"
    assert os.access(path, os.X_OK)
    lines = [line for line in read(path).splitlines() if not line.startswith("#")]
    assert "set -eu" in lines
    assert lines[-2:] == ["make test", "make test-all"]
