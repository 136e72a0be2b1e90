# SPDX-License-Identifier: Apache-2.0
"""``hanse history``: what a state entry was, by a node's word or from the log of its folder."""

from pathlib import Path

import click
import msgspec

from hanse.apps import discover
from hanse.cli.contract import as_key
from hanse.cli.options import Node, on_node
from hanse.cli.output import common, emit, load_app, progress
from hanse.client import history as client_history
from hanse.client.ranges import json_key
from hanse.node.folder import open_folder
from hanse.node.history import History, Version
from hanse.node.history import history as versions_of

PAGE = 200  # versions of one answer


@click.command()
@click.argument("contract_name", metavar="CONTRACT")
@click.argument("map_name", metavar="MAP")
@click.argument("key", required=False)
@click.option(
    "--dir",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A node's folder instead of --url: its log is executed again, so each value is proved.",
)
@click.option("--at", "height", type=click.IntRange(min=0), help="As of this height.")
@click.option("--app", "extra", multiple=True, help="A further module that holds an APP.")
@on_node
@common
def history(  # options, all by name
    *,
    contract_name: str,
    map_name: str,
    key: str | None,
    folder: Path | None,
    height: int | None,
    extra: tuple[str, ...],
    node: Node,
    as_json: bool,
) -> None:
    """Show every version of a state entry, or what it was at a height.

    A node that runs with ``--history`` answers at once, and on its word; the record of each change
    has a proof of its own (``hanse proof export TX``). With ``--dir`` the log is executed again
    from genesis up to that height, each block compared with its header. KEY is as for
    ``hanse state``.

    Examples:
      hanse history registry members ada@greenacre
      hanse history registry members ada@greenacre --dir ./node1
      hanse history registry members ada@greenacre --dir ./node1 --at 7 --json
    """
    if folder is None:
        return _asked(node, (contract_name, map_name), key, height, as_json=as_json)
    apps = (*discover(), *(load_app(name) for name in extra))
    with progress("replay", quiet=as_json) as tell:
        entry = (contract_name, map_name, _as_json(key))
        found = versions_of(open_folder(folder), apps, entry, height, tell)
    emit(found.to_document(), as_json=as_json, text=_shown(found, whole=height is None))
    return None


def _asked(
    node: Node, of: tuple[str, str], key: str | None, height: int | None, *, as_json: bool
) -> None:
    """Show what the node says: all versions, or the one that counted at a height."""
    pages: list[client_history.Version] = []
    limit = PAGE if height is None else 1
    with node.client() as client:
        found = client.history(*of, as_key(key), height, limit=limit)
        pages += found.versions
        while found.next is not None and height is None:
            found = client.history(*of, as_key(key), found.next, limit=limit)
            pages += found.versions
    versions = pages[::-1]
    names = client_history.Version.__slots__
    document = {
        "contract": of[0],
        "height": found.height,
        "key": json_key(found.key),
        "map": of[1],
        "verified": found.verified,
        "versions": [{name: getattr(one, name) for name in names} for one in versions],
    }
    lines = [_line(one) for one in versions] or ["never there"]
    said = f"as of height {found.height if height is None else height}, the node's word"
    emit(document, as_json=as_json, text="\n".join([*lines, said]))


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


def _line(version: Version | client_history.Version) -> str:
    value = msgspec.json.encode(version.value, order="sorted").decode()
    by = "genesis" if version.tx is None else f"{version.action} by {version.signer}, {version.tx}"
    return f"{version.height:>6}  {value if version.present else 'deleted'}  ({by})"
