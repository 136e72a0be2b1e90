# SPDX-License-Identifier: Apache-2.0
"""``hanse doctor``: what would hurt a node here, and how to mend it."""

import sys
from pathlib import Path
from typing import Final

import click

from hanse.apps import discover
from hanse.cli.output import common, emit, load_app
from hanse.errors import Misconfigured
from hanse.node.doctor import Finding, examine

MARKS: Final = {"ok": "ok  ", "note": "note", "fail": "FAIL"}


@click.command()
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), help="A node's folder to look at, too."
)
@click.option("--port", type=int, default=8420, show_default=True, help="Is it free?")
@click.option("--app", "extra", multiple=True, help="A further module that holds an APP.")
@common
def doctor(*, folder: Path | None, port: int, extra: tuple[str, ...], as_json: bool) -> None:
    """Look at this machine, and at a node's folder, for what would hurt.

    Nothing is changed. Exit code 4 when something must be mended before a node runs.

    Examples:
      hanse doctor
      hanse doctor --dir ./node1 --json
    """
    apps = (*discover(), *(load_app(name) for name in extra))
    found = examine(folder, apps, port=port)
    failed = [finding for finding in found if finding.level == "fail"]
    lines = [line for finding in found for line in _lines(finding)]
    emit({"findings": found, "ok": not failed}, as_json=as_json, text="\n".join(lines))
    sys.exit(Misconfigured.exit_code if failed else 0)


def _lines(finding: Finding) -> list[str]:
    mark = MARKS[finding.level]
    lines = [f"{mark}  {finding.name:<14} {finding.detail}"]
    return [*lines, f"      {'':<14} {finding.fix}"] if finding.fix else lines
