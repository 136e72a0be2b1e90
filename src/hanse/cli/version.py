# SPDX-License-Identifier: Apache-2.0
"""``hanse version``: each thing that can change has a version of its own."""

import platform

import click

from hanse import __version__
from hanse.cli.output import common, emit
from hanse.codec import documents
from hanse.contracts.dialect.names import DIALECT_VERSION
from hanse.contracts.meter import COST_VERSION
from hanse.node import folder
from hanse.storage import _tables, backup

HTTP_API = 1  # the number in its paths


@click.command()
@common
def version(*, as_json: bool) -> None:
    """Show the versions of all that has one.

    Examples:
      hanse version
      hanse version --json
    """
    document = {
        "backup_layout": backup.FORMAT,
        "block_format": int(documents.TAG_HEADER.rpartition("/")[2]),
        "contract_language": DIALECT_VERSION,
        "cost_rules": COST_VERSION,
        "folder_layout": folder.FORMAT,
        "hanse": __version__,
        "http_api": HTTP_API,
        "python": platform.python_version(),
        "store_layout": _tables.FORMAT,
    }
    emit(document, as_json=as_json)
