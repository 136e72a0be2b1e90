# SPDX-License-Identifier: Apache-2.0
"""``hanse deploy``: the files that run and watch a node, out of the installed package."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import click

from hanse.cli.output import common, emit

KINDS: Final = {
    "systemd": "A hardened unit, one instance for each node.",
    "container": "A Containerfile without root.",
    "helm": "A chart: one node a release.",
    "prometheus": "Alert rules.",
    "grafana": "A dashboard.",
}


@click.command()
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder to write into; by default the current one.",
)
@common
def deploy(*, kind: str, out: Path, as_json: bool) -> None:
    """Write the files of systemd, a container, Helm, Prometheus or Grafana for a node.

    A file that is there already is left alone, and nothing is written.

    Examples:
      hanse deploy systemd --out /etc/systemd/system
      hanse deploy helm --out ./charts --json
    """
    found = dict(_files(resources.files("hanse.cli") / "deploy" / kind, out))
    there = [path for path in found if path.exists()]
    if there:
        raise click.BadParameter(f"{there[0]} is there already; nothing was written")
    for path, source in found.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read_bytes())
    files = sorted(map(str, found))
    emit({"about": KINDS[kind], "files": files}, as_json=as_json, text="\n".join(files))


def _files(folder: Traversable, out: Path) -> list[tuple[Path, Traversable]]:
    found: list[tuple[Path, Traversable]] = []
    for item in folder.iterdir():
        if item.is_dir():
            found += _files(item, out / item.name)
        else:
            found.append((out / item.name, item))
    return found
