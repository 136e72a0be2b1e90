# SPDX-License-Identifier: Apache-2.0
"""``hanse config``: what a node is set to, where that was said, and whether it fits."""

import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from hanse.cli.configured import Given, configured
from hanse.cli.output import common, emit
from hanse.codec.problems import build_problem
from hanse.errors import Misconfigured
from hanse.node.checks import faults
from hanse.node.settings import Plain, Value, unknown_variables


@click.group()
def config() -> None:
    """Show and check the settings of a node."""


@config.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--origin", is_flag=True, help="Say where each value was set.")
@configured
@common
def show(*, folder: Path | None, origin: bool, given: Given, as_json: bool) -> None:
    """Show every setting with its value; a secret shows only that it is set.

    Examples:
      hanse config show ./node1
      hanse config show ./node1 --origin --json
    """
    values = list(given.read(folder).values.values())
    if origin:
        document: dict[str, Any] = {
            v.setting.name: {"origin": v.origin, "value": v.shown} for v in values
        }
    else:
        document = {v.setting.name: v.shown for v in values}
    emit(document, as_json=as_json, text="\n".join(_lines(values, origin=origin)))


def _lines(values: list[Value], *, origin: bool) -> list[str]:
    name_width = max(len(v.setting.name) for v in values)
    shown = {v.setting.name: _shown(v.shown) for v in values}
    width = max(map(len, shown.values()))
    return [
        f"{v.setting.name:<{name_width}}  {shown[v.setting.name]:<{width}}  {v.origin}"
        if origin
        else f"{v.setting.name:<{name_width}}  {shown[v.setting.name]}".rstrip()
        for v in values
    ]


def _shown(value: Plain) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


@config.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@configured
@common
def check(*, folder: Path | None, given: Given, as_json: bool) -> None:
    """Check the settings of a node: names, values, files, and what they say together.

    Exit code 4 when something must be changed before the node runs.

    Examples:
      hanse config check ./node1
      hanse config check --config /etc/hanse/node1.toml --json
    """
    found = list(faults(given.read(folder), folder))
    notes = [
        f"{name} in the environment is no setting"
        + (f"; did you mean {nearest}?" if nearest else "")
        for name, nearest in unknown_variables(os.environ)
    ]
    lines = [f"FAIL  {f.name}: {f.reason} (set by {f.at})" for f in found]
    lines += [f"note  {note}" for note in notes]
    document = {"faults": [build_problem(f) for f in found], "notes": notes, "ok": not found}
    emit(document, as_json=as_json, text="\n".join(lines or ["ok"]))
    sys.exit(Misconfigured.exit_code if found else 0)
