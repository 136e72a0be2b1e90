# SPDX-License-Identifier: Apache-2.0
"""``hanse node``: make a node from a genesis description, and run it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import click

from hanse import __version__
from hanse.apps import discover
from hanse.cli.configured import Given, configured
from hanse.cli.described import SUITE, found_described, read_description
from hanse.cli.hosting import hosted, setup_of
from hanse.cli.output import common, emit, load_app, progress
from hanse.contracts.app import App
from hanse.crypto import keyfiles, signers
from hanse.crypto.signers import Signer
from hanse.errors import Corrupt, HanseError, Misconfigured
from hanse.node import logs, restored
from hanse.node.checks import verify_settings
from hanse.node.folder import make_folder, open_folder
from hanse.node.packages import keep_packages
from hanse.node.settings import Configuration, unknown_variables
from hanse.node.supervisor import Supervisor

KEYS = ("node", "peer", "voting")
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
@click.option("--old-passphrase-env", metavar="NAME", help="Variable that opens it until now.")
@common
def seal(*, folder: Path, old_passphrase_env: str | None, as_json: bool) -> None:
    """Seal the keys of a node with a passphrase, which every start then needs.

    CometBFT reads its voting key only in the open, so the engine's home keeps a copy of that.
    The passphrase is that in ``HANSE_PASSPHRASE``; without it the command asks on a terminal.

    Examples:
      hanse node seal ./node1
      OLD=… HANSE_PASSPHRASE=… hanse node seal ./node1 --old-passphrase-env OLD --json
    """
    keys = open_folder(folder).keys
    paths = [path for name in KEYS if (path := keys / f"{name}.key").exists()]
    after = os.environ.get("HANSE_PASSPHRASE")
    if after is None and sys.stdin.isatty():
        after = click.prompt("passphrase", hide_input=True, confirmation_prompt=True, err=True)
    if after is None:
        raise click.UsageError("set HANSE_PASSPHRASE: there is no terminal to ask at")
    before = None if old_passphrase_env is None else os.environ.get(old_passphrase_env)
    for path in paths:
        keyfiles.reseal(path, before=before, after=after)
    emit({"files": [str(path) for path in paths], "protection": "passphrase"}, as_json=as_json)


@node.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--app", "extra", multiple=True, help="A further module that holds an APP.")
@click.option("--history", is_flag=True, help="Keep what entries were, for questions by HTTP.")
@configured
@common
def run(
    *, folder: Path, given: Given, extra: tuple[str, ...], history: bool, as_json: bool
) -> None:
    """Run a node with its gateway and console until it is told to stop.

    Its settings come from ``hanse.toml`` in its folder, then from ``HANSE_*`` variables, then from
    these options. Its log goes to standard error.

    Examples:
      hanse node run ./node1
      hanse node run ./node1 --port 0 --log-format json --json
      hanse node run ./node1 --history
    """
    settings = given.read(folder)
    verify_settings(settings, folder)
    logs.set_up(settings.text("log.level"), settings.text("log.format"))
    for name, nearest in unknown_variables(os.environ):
        logs.tell("variable_unknown", name=name, nearest=nearest)
    apps = (*discover(), *map(load_app, extra))
    sys.exit(asyncio.run(_serve(folder, apps, settings, history=history, as_json=as_json)))


async def _serve(
    folder: Path, apps: tuple[App, ...], settings: Configuration, *, history: bool, as_json: bool
) -> int:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    opened = open_folder(folder)
    logs.tell(
        "node_starting",
        ledger=opened.ledger,
        node=opened.node,
        organisation=opened.organisation,
        version=__version__,
    )
    supervisor = Supervisor(os.environ)
    with progress("replay", quiet=as_json) as show:

        def told(done: int, total: int) -> None:
            supervisor.replaying(done, total)
            show(done, total)

        async with hosted(
            opened,
            apps,
            host=settings.text("host"),
            port=settings.number("port"),
            progress=told,
            setup=setup_of(settings, opened, history=history),
        ) as up:
            ready = {"ledger": up.service.ledger, "url": up.url}
            emit(ready, as_json=as_json, text=f"{up.url}  ledger {up.service.ledger}")
            sys.stdout.flush()
            status = up.service.status()
            logs.tell("node_ready", height=status["height"], url=up.url)
            if restored.is_fresh_restore(folder) and status["engine"] == "embedded":
                logs.tell("node_restored", height=status["height"])
                restored.clear(folder)  # its log is all that such a node signs by
            supervisor.ready()
            failed = asyncio.ensure_future(up.service.failed())
            stopped = asyncio.ensure_future(stop.wait())
            done, _ = await asyncio.wait({failed, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if failed in done:
                return _failure(failed.exception())
            failed.cancel()
            logs.tell("node_stopping")
            supervisor.stopping()
    return 0


def _failure(error: BaseException | None) -> int:
    """Say what has stopped the node, and return the exit code: to start again, or to look first."""
    assert error is not None, "an engine ends only by raising"
    if isinstance(error, HanseError):
        logs.tell("node_failed", code=error.code, reason=str(error), **logs.fault(error))
        return error.exit_code if isinstance(error, Misconfigured | Corrupt) else RESTART
    logs.tell("node_failed", code="", reason="", **logs.fault(error))
    return RESTART
