# SPDX-License-Identifier: Apache-2.0
"""``hanse backup`` and ``hanse restore``: one file out of a node, and a node out of it."""

import os
from pathlib import Path
from typing import Any

import click

from hanse.apps import discover
from hanse.cli.audit import audited
from hanse.cli.output import common, emit, load_app, progress
from hanse.crypto import hash_named
from hanse.node import restored
from hanse.node.audit import audit
from hanse.node.folder import open_folder
from hanse.node.settings import read
from hanse.storage import backup as backups


def _passphrase() -> str | None:
    return os.environ.get("HANSE_BACKUP_PASSPHRASE")


@click.command("backup")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--seal", is_flag=True, help="Seal it with the passphrase HANSE_BACKUP_PASSPHRASE.")
@click.option("--unsigned", is_flag=True, help="Do without the node's key.")
@common
def backup_command(*, folder: Path, file: Path, seal: bool, unsigned: bool, as_json: bool) -> None:
    """Write a backup of a node into one file, while it runs or not.

    It holds genesis, block log, state and stored documents, each with its digest, signed by the
    node; and no key: keep those apart. The file appears whole or not at all, and an existing one is
    left alone.

    Examples:
      hanse backup ./node1 node1.backup
      HANSE_BACKUP_PASSPHRASE=… hanse backup ./node1 node1.backup --seal
    """
    if file.exists():
        raise click.BadParameter(f"{file} is there already; a backup never overwrites")
    if not file.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {file.parent}")
    if seal and not _passphrase():
        raise click.UsageError("--seal takes the passphrase from HANSE_BACKUP_PASSPHRASE")
    node = open_folder(folder)
    about = backups.About(
        ledger=node.ledger,
        node=f"{node.node}@{node.organisation}",
        signer=None if unsigned else node.signer(read(folder, os.environ).passphrase()),
        passphrase=_passphrase() if seal else None,
        suite=node.genesis.validators[0].suite,
    )
    made = backups.backup(folder, file, hash_named(node.genesis.hash), about=about)
    document: dict[str, Any] = {
        "bytes": file.stat().st_size,
        "checkpoint_height": made.checkpoint_height,
        "file": str(file),
        "ledger": node.ledger,
        "log_height": made.log_height,
        "parts": len(made.parts),
        "sealed": seal,
        "signed": not unsigned,
    }
    emit(document, as_json=as_json)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--verify", is_flag=True, help="Execute everything again afterwards and compare.")
@click.option("--to-height", type=click.IntRange(0), help="Leave out the blocks above it.")
@click.option("--trust", metavar="LEDGER", help="Refuse the backup of any other ledger.")
@click.option(
    "--signed-by", metavar="KEY", help="Accept this key instead of the node's, or `nobody`."
)
@click.option("--app", "extra", multiple=True, help="A further module that holds an APP.")
@common
def restore(
    *,
    file: Path,
    folder: Path,
    verify: bool,
    to_height: int | None,
    trust: str | None,
    signed_by: str | None,
    extra: tuple[str, ...],
    as_json: bool,
) -> None:
    """Put the node of a backup into an empty folder.

    Every part shows its digest, and the backup its node's signature, before anything is in place; a
    folder with anything in it is refused. A sealed one needs ``HANSE_BACKUP_PASSPHRASE``. The
    node's key is not in a backup: put it at ``keys/node.key`` before the node runs.

    Examples:
      hanse restore node1.backup ./node1-again --verify
      hanse restore node1.backup ./node1-then --to-height 1200 --json
    """
    made = backups.restore(
        file,
        folder,
        passphrase=_passphrase(),
        judge=restored.judge(trust, signed_by),
        to_height=to_height,
        beside_it=restored.MARKS,
    )
    height = made.log_height if to_height is None else to_height
    document: dict[str, Any] = {
        "checkpoint_height": made.checkpoint_height if made.checkpoint_height <= height else -1,
        "folder": str(folder),
        "key": "missing: put it at keys/node.key",
        "log_height": height,
        "verified": verify,
    }
    if verify:
        apps = (*discover(), *(load_app(name) for name in extra))
        with progress("audit", quiet=as_json) as tell:
            document["audit"] = audited(audit(open_folder(folder), apps, tell))
    emit(document, as_json=as_json)
