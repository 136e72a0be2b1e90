# SPDX-License-Identifier: Apache-2.0
"""``hanse up``: a network of several validators on one machine, with a dashboard of its nodes."""

import asyncio
import signal
import sys
import tempfile
from pathlib import Path

import click

from hanse.apps import discover
from hanse.cli.dashboard import watch
from hanse.cli.localnet import LocalNode, make_network, open_network, running
from hanse.cli.output import common, emit, load_app

VALIDATORS = 4
PORT = 8420


@click.command()
@click.option("--engine", type=click.Choice(["cometbft"]), default="cometbft", show_default=True)
@click.option("--validators", type=click.IntRange(1, 10), default=VALIDATORS, show_default=True)
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Keep the network here.")
@click.option("--port", type=int, default=PORT, show_default=True, help="Of the first; 0 is free.")
@click.option("--suite", default="ed25519-sha256", show_default=True)
@click.option("--app", "extra", multiple=True, help="A further module that holds an APP.")
@common
def up(  # the command's options
    *,
    engine: str,
    validators: int,
    folder: Path | None,
    port: int,
    suite: str,
    extra: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run a network of several validators on this machine.

    Each belongs to another organisation and has its own folder, keys, gateway and console.
    A terminal shows how far each is. Stopped and started with the same --dir it goes on; Ctrl-C
    ends it. Nodes that end by themselves are started again.

    Examples:
      hanse up
      hanse up --validators 7 --dir ./network
    """
    del engine
    apps = (*discover(), *map(load_app, extra))
    contracts = [contract for app in apps for contract in app.contracts]
    path = folder or Path(tempfile.mkdtemp(prefix="hanse-up-"))
    if (path / "ports.json").exists():
        nodes = open_network(path)
    else:
        nodes = make_network(path, validators, contracts, suite=suite, port=port)
    sys.exit(asyncio.run(_serve(path, nodes, extra, as_json=as_json)))


async def _serve(
    path: Path, nodes: list[LocalNode], extra: tuple[str, ...], *, as_json: bool
) -> int:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with running(nodes, extra, lambda text: click.echo(text, err=True)):
        ready = {
            "dir": str(path),
            "ledger": nodes[0].folder.ledger,
            "nodes": {n.organisation: n.url for n in nodes},
        }
        lines = [f"{n.organisation:<8} {n.url}  key {n.admin_key}" for n in nodes]
        text = "\n".join([*lines, f"ledger   {nodes[0].folder.ledger}"])
        emit(ready, as_json=as_json, text=text)
        sys.stdout.flush()
        board = None
        if sys.stdout.isatty() and not as_json:
            board = asyncio.create_task(watch(nodes, _Board().show), name="dashboard")
        await stop.wait()
        if board is not None:
            board.cancel()
            await asyncio.gather(board, return_exceptions=True)
    return 0


class _Board:
    """A table on the terminal that is drawn over itself."""

    def __init__(self) -> None:
        self._lines = 0

    def show(self, lines: list[str]) -> None:
        """Draw ``lines`` where those before stood."""
        back = f"\x1b[{self._lines}A" if self._lines else "\n"
        click.echo(back + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J", nl=False)
        self._lines = len(lines)
