# SPDX-License-Identifier: Apache-2.0
"""``hanse backup`` and ``hanse restore``: one file out of a node, and a node out of it."""

from pathlib import Path
from typing import Any

import click

from hanse.apps import discover
from hanse.cli.audit import audited
from hanse.cli.output import common, emit, load_app, progress
from hanse.crypto import hash_named
from hanse.node.audit import audit
from hanse.node.folder import open_folder
from hanse.storage import backup as backups
from hanse.storage.errors import FolderInUse


@click.command("backup")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@common
def backup_command(*, folder: Path, file: Path, as_json: bool) -> None:
    """Write a backup of a node into one file, while it runs or not.

    It holds genesis, block log, state and stored documents, each with its digest, and no key: keep
    those apart. The file appears whole or not at all, and an existing one is left alone.

    Examples:
      hanse backup ./node1 node1.backup
    """
    if file.exists():
        raise click.BadParameter(f"{file} is there already; a backup never overwrites")
    if not file.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {file.parent}")
    node = open_folder(folder)
    made = backups.backup(folder, file, hash_named(node.genesis.hash))
    document: dict[str, Any] = {
        "bytes": file.stat().st_size,
        "checkpoint_height": made.checkpoint_height,
        "file": str(file),
        "ledger": node.ledger,
        "log_height": made.log_height,
        "parts": len(made.parts),
    }
    emit(document, as_json=as_json)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--verify", is_flag=True, help="Execute everything again afterwards and compare.")
@click.option("--app", "extra", multiple=True, help="A further module that holds an APP.")
@common
def restore(
    *, file: Path, folder: Path, verify: bool, extra: tuple[str, ...], as_json: bool
) -> None:
    """Put the node of a backup into an empty folder.

    Every part shows its digest first; a folder with anything in it is refused. The node's key is
    not in a backup: put it at ``keys/node.key`` before the node runs.

    Examples:
      hanse restore node1.backup ./node1-again --verify
    """
    if folder.exists() and any(folder.iterdir()):
        raise FolderInUse(str(folder))
    made = backups.restore(file, folder)
    document: dict[str, Any] = {
        "checkpoint_height": made.checkpoint_height,
        "folder": str(folder),
        "key": "missing: put it at keys/node.key",
        "log_height": made.log_height,
        "verified": verify,
    }
    if verify:
        apps = (*discover(), *(load_app(name) for name in extra))
        with progress("audit", quiet=as_json) as tell:
            document["audit"] = audited(audit(open_folder(folder), apps, tell))
    emit(document, as_json=as_json)
