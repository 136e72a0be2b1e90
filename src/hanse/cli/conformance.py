# SPDX-License-Identifier: Apache-2.0
"""``hanse conformance``: what the public data of outside standards says about the apps."""

import importlib
import importlib.util
import sys
from typing import Any

import click

from hanse.apps import discover
from hanse.cli.output import common, emit
from hanse.contracts.app import App

UNDECIDED = 5


@click.command()
@click.argument("app", required=False)
@common
def conformance(*, app: str | None, as_json: bool) -> None:
    """Judge the apps by the public data of their standards.

    The data lies in the folder that HANSE_VECTORS names. Exit code 1 when a judge finds a fault, 5
    when none could be asked.

    Examples:
      HANSE_VECTORS=./vectors hanse conformance
      hanse conformance trace --json
    """
    apps = discover()
    names = [found.name for found in apps]
    if app is not None and app not in names:
        raise click.BadParameter(f"there is no app {app}; there are: {', '.join(names)}")
    judges = [
        {"app": found.name, **line}
        for found in apps
        if app in (None, found.name)
        for line in _judged(found)
    ]
    asked = [line for line in judges if not line["not_run"]]
    passed = sum(line["passed"] for line in asked)
    total = sum(line["total"] for line in asked)
    document = {"judges": judges, "passed": passed, "total": total}
    emit(document, as_json=as_json, text="\n".join([*map(_line, judges), f"{passed} of {total}"]))
    if not asked:
        sys.exit(UNDECIDED)
    sys.exit(0 if passed == total else 1)


def _judged(app: App) -> list[dict[str, Any]]:
    package = app.contracts[0].__module__.rpartition(".")[0]
    name = f"{package}.standards"
    if importlib.util.find_spec(name) is None:
        return []
    lines: list[dict[str, Any]] = importlib.import_module(name).conformance()
    return lines


def _line(line: dict[str, Any]) -> str:
    result = line["not_run"] and f"not run: {line['not_run']}"
    result = result or f"{line['passed']} of {line['total']}"
    return f"{line['app']:<10} {line['judge']:<36} {line['version']:<14} {result}"
