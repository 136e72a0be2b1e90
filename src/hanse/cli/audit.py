# SPDX-License-Identifier: Apache-2.0
"""``hanse audit``: a node's log executed again from genesis."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from hanse.apps import discover
from hanse.cli.output import common, emit, load_app, progress
from hanse.node.audit import AuditReport
from hanse.node.audit import audit as run_audit
from hanse.node.folder import open_folder


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--app", "extra", multiple=True, help="A further module that holds an APP.")
@click.option(
    "--scratch",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the temporary store lies; it grows as large as the state.",
)
@common
def audit(*, folder: Path, extra: tuple[str, ...], scratch: Path | None, as_json: bool) -> None:
    """Execute a node's log again from genesis and compare everything.

    Signatures, certificates, receipts, every root, and at last the node's own state, row by row.
    Nothing is written in the folder and the node may run. Exit code 3 at the first difference,
    with its height.

    Examples:
      hanse audit ./node1
      hanse audit ./node1 --json
    """
    apps = (*discover(), *(load_app(name) for name in extra))
    with progress("audit", quiet=as_json) as tell:
        found = run_audit(open_folder(folder), apps, tell, scratch=scratch)
    emit(audited(found), as_json=as_json)


def audited(found: AuditReport) -> dict[str, Any]:
    """Return the figures of an audit as they are printed."""
    return {**asdict(found), "tx_per_s": found.tx_per_s}
