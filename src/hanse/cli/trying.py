# SPDX-License-Identifier: Apache-2.0
"""``hanse contract test``: the dialect first, then the tests that stand beside a contract."""

import importlib.util
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

import click

from hanse.cli.checking import (
    CONTRACT_FILE,
    contracts_below,
    finding_document,
    findings_of,
    findings_text,
)
from hanse.cli.output import common, emit
from hanse.errors import Misconfigured


@dataclass(eq=False)
class PytestMissing(Misconfigured):
    """The tests of contracts need pytest, which is not installed here."""

    code: ClassVar[str] = "pytest_missing"
    hint: ClassVar[str] = "Install it beside Hanse: `pip install pytest`."


@click.command("test")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@common
def test_command(*, path: Path, as_json: bool) -> None:
    """Check a contract and run the tests that stand beside it.

    PATH is a contract's file or a folder: the tests are those that pytest finds in that folder.
    Nothing is run while something is outside the dialect. Exit code 1 when anything is found, a
    test fails, or there is none.

    Examples:
      hanse contract test shelf.py
      hanse contract test src/hanse/apps/trace --json
    """
    places = list(contracts_below(path))
    if not places:
        raise click.BadParameter(f"there is no {CONTRACT_FILE} below it", param_hint="PATH")
    found = [one for place in places for one in findings_of(place)]
    document: dict[str, Any] = {
        "checked": [str(place) for place in places],
        "findings": [finding_document(one) for one in found],
        "ok": False,
        "tests": None,
    }
    if found:
        emit(document, as_json=as_json, text=findings_text(places, found))
        sys.exit(1)
    if importlib.util.find_spec("pytest") is None:
        raise PytestMissing
    if not as_json:
        click.echo(findings_text(places, []))
    document["tests"] = _run(path if path.is_dir() else path.parent, quiet=as_json)
    document["ok"] = document["tests"]["passed"] > 0 and not document["tests"]["failures"]
    emit(document, as_json=as_json, text=_text(document["tests"]))
    if not document["ok"]:
        sys.exit(1)


def _text(tests: dict[str, Any]) -> str:
    if not tests["passed"] and not tests["failures"]:
        return "there are no tests; write one in test_*.py, see `bench` of the pytest plugin"
    return f"{tests['passed']} passed, {len(tests['failures'])} failed, {tests['skipped']} skipped"


def _run(folder: Path, *, quiet: bool) -> dict[str, Any]:
    """Return what came of the tests in a folder, run in a process of their own."""
    with tempfile.TemporaryDirectory() as home:
        report = Path(home) / "report.xml"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", "."],
            cwd=folder,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
            text=True,
            check=False,
        )
        cases = _cases(report)
    failures = [case for case in cases if case["message"] is not None]
    if done.returncode not in (0, 1, 5) and not failures:
        said = (done.stdout or "").strip().splitlines()[-1:] or ["pytest could not run them"]
        failures = [{"message": said[0], "test": str(folder)}]
    skipped = sum(bool(case["skipped"]) for case in cases)
    return {
        "failures": [{"message": f["message"], "test": f["test"]} for f in failures],
        "passed": len(cases) - skipped - sum(case["message"] is not None for case in cases),
        "skipped": skipped,
    }


def _cases(report: Path) -> list[dict[str, Any]]:
    if not report.is_file():
        return []
    cases = []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  # pytest has just made it
        wrong = [one for kind in ("failure", "error") for one in case.iter(kind)]
        cases.append(
            {
                "message": wrong[0].get("message", "") if wrong else None,
                "skipped": case.find("skipped") is not None,
                "test": f"{case.get('classname')}.{case.get('name')}",
            }
        )
    return cases
