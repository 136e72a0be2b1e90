# SPDX-License-Identifier: Apache-2.0
"""``hanse node``: make a node from a genesis description, and run it."""

import asyncio
import signal
import sys
from pathlib import Path

import click

from hanse.apps import discover
from hanse.cli.described import SUITE, found_described, read_description
from hanse.cli.hosting import hosted
from hanse.cli.output import common, emit, load_app, progress
from hanse.contracts.app import App
from hanse.crypto import keyfiles, signers
from hanse.crypto.signers import Signer
from hanse.node.folder import make_folder, open_folder
from hanse.node.packages import keep_packages

RESTART = 70  # exit code that asks the supervisor to start the node again


@click.group()
def node() -> None:
    """Make and run a node."""


@node.command()
@click.option("--genesis", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--dir", "folder", type=click.Path(path_type=Path), required=True)
@click.option("--app", "extra", multiple=True, help="A further module that holds an APP.")
@common
def init(*, genesis: Path, folder: Path, extra: tuple[str, ...], as_json: bool) -> None:
    """Make a node and the keys of its members from a genesis description in TOML.

    Examples:
      hanse node init --genesis genesis.toml --dir ./node1
    """
    described = read_description(genesis)
    apps = (*discover(), *map(load_app, extra))
    suite = described.get("suite", SUITE)
    wallet: dict[str, Signer] = {}

    def signer_of(name: str) -> Signer:
        return wallet.setdefault(name, signers.generate(suite))

    operator = signers.generate(suite)
    document = found_described(described, apps, operator, signer_of, at=str(genesis))
    made = make_folder(folder, document, described["node"], operator)
    keep_packages(made, [contract for app in apps for contract in app.contracts])
    members = folder / "members"
    members.mkdir(mode=0o700, exist_ok=True)
    for name, signer in wallet.items():
        keyfiles.save(members / f"{name}.key", signer, passphrase=None)
    result = {"ledger": made.ledger, "members": str(members), "node": str(folder)}
    emit(result, as_json=as_json)


@node.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=8420, show_default=True, help="0 takes a free port.")
@click.option("--app", "extra", multiple=True, help="A further module that holds an APP.")
@click.option("--history", is_flag=True, help="Keep what entries were, for questions by HTTP.")
@common
def run(
    *, folder: Path, host: str, port: int, extra: tuple[str, ...], history: bool, as_json: bool
) -> None:
    """Run a node with its gateway and console until it is told to stop.

    Examples:
      hanse node run ./node1
      hanse node run ./node1 --port 0 --json
      hanse node run ./node1 --history
    """
    apps = (*discover(), *map(load_app, extra))
    sys.exit(asyncio.run(_serve(folder, apps, host, port, history=history, as_json=as_json)))


async def _serve(
    folder: Path, apps: tuple[App, ...], host: str, port: int, *, history: bool, as_json: bool
) -> int:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    with progress("replay", quiet=as_json) as show:
        where = open_folder(folder)
        node = hosted(where, apps, host=host, port=port, progress=show, history=history)
        async with node as up:
            ready = {"ledger": up.service.ledger, "url": up.url}
            emit(ready, as_json=as_json, text=f"{up.url}  ledger {up.service.ledger}")
            sys.stdout.flush()
            failed = asyncio.ensure_future(up.service.failed())
            stopped = asyncio.ensure_future(stop.wait())
            done, _ = await asyncio.wait({failed, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if failed in done:
                click.echo(f"the node stops: {failed.exception()!r}", err=True)
                return RESTART
            failed.cancel()
    return 0
