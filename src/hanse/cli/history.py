# SPDX-License-Identifier: Apache-2.0
"""``hanse history``: what a state entry was, from the log of a node's folder."""

from pathlib import Path

import click
import msgspec

from hanse.apps import discover
from hanse.cli.output import common, emit, load_app, progress
from hanse.node.folder import open_folder
from hanse.node.history import History, Version
from hanse.node.history import history as versions_of


@click.command()
@click.argument("contract_name", metavar="CONTRACT")
@click.argument("map_name", metavar="MAP")
@click.argument("key", required=False)
@click.option(
    "--dir",
    "folder",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The node's folder; it is only read, and the node may run.",
)
@click.option("--at", "height", type=click.IntRange(min=0), help="As of this height.")
@click.option("--app", "extra", multiple=True, help="A further module that holds an APP.")
@common
def history(  # options, all by name
    *,
    contract_name: str,
    map_name: str,
    key: str | None,
    folder: Path,
    height: int | None,
    extra: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show every version of a state entry, or what it was at a height.

    The log is executed again from genesis up to that height, each block compared with its header;
    nothing is kept for this. KEY is as for ``hanse state``.

    Examples:
      hanse history registry members ada@greenacre --dir ./node1
      hanse history registry members ada@greenacre --dir ./node1 --at 7 --json
    """
    apps = (*discover(), *(load_app(name) for name in extra))
    with progress("replay", quiet=as_json) as tell:
        entry = (contract_name, map_name, _as_json(key))
        found = versions_of(open_folder(folder), apps, entry, height, tell)
    emit(found.to_document(), as_json=as_json, text=_shown(found, whole=height is None))


def _as_json(text: str | None) -> object:
    """Return the key in its JSON form: JSON where it is some, else the text itself."""
    if text is None:
        return None
    try:
        found: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return found


def _shown(found: History, *, whole: bool) -> str:
    lines = [_line(version) for version in (found.versions if whole else found.versions[-1:])]
    if not lines:
        lines = ["never there"]
    return "\n".join([*lines, f"as of height {found.height}, executed again from genesis ✓"])


def _line(version: Version) -> str:
    value = msgspec.json.encode(version.value, order="sorted").decode()
    by = "genesis" if version.tx is None else f"{version.action} by {version.signer}, {version.tx}"
    return f"{version.height:>6}  {value if version.present else 'deleted'}  ({by})"
