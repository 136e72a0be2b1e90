# SPDX-License-Identifier: Apache-2.0
"""``hanse witness``: an outside party that cosigns a ledger's checkpoints."""

import signal
import sys
import threading
from pathlib import Path
from typing import Any, Final

import click

from hanse.cli.options import ledger_of, read_anchor
from hanse.cli.output import DEFAULT_URL, common, emit, load_signer, report
from hanse.client import Client, NodeFailed, NotCosigned, NotReachable, Witness, open_witness
from hanse.errors import HanseError, Refusal

EVERY_S: Final = 1.0  # seconds between two looks


@click.command()
@click.option("--url", envvar="HANSE_URL", default=DEFAULT_URL, show_default=True)
@click.option("--name", required=True, help="As the genesis names this witness.")
@click.option(
    "--key",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Its key file; HANSE_PASSPHRASE opens a sealed one.",
)
@click.option(
    "--state",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with what was signed last. Losing it means retiring the key.",
)
@click.option("--trust", required=True, help="Ledger id, from another source than the node.")
@click.option("--every", type=float, default=EVERY_S, show_default=True, help="Seconds.")
@click.option("--once", is_flag=True, help="Cosign once and end.")
@common
def witness(
    *,
    url: str,
    name: str,
    key: Path,
    state: Path,
    trust: str,
    every: float,
    once: bool,
    as_json: bool,
) -> None:
    """Cosign a ledger's checkpoints as an outside witness.

    It signs only what extends all that it signed before; a fork ends it with exit code 3. With
    ``--json`` each cosignature is one line.

    Examples:
      hanse witness --name northgate --key northgate.key --state northgate.json --trust LEDGER
      hanse witness --once --json --name n --key n.key --state n.json --trust LEDGER
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Client(url, trust=ledger_of(read_anchor(trust))) as client:
        signer = load_signer(key)
        duty: Witness | None = None
        last = -1
        while not stop.is_set():
            try:
                duty = duty or open_witness(client.genesis(), name, signer, state)
                size = client.cosign(duty)
                if size != last:
                    _say(size, name, as_json=as_json)
                last = size
            except (NotReachable, NodeFailed, NotCosigned, Refusal) as error:
                if once:
                    raise
                _complain(error, as_json=as_json)
            if once:
                return
            stop.wait(every)
    sys.exit(0)


def _say(size: int, name: str, *, as_json: bool) -> None:
    document: dict[str, Any] = {"log_size": size, "witness": name}
    emit(document, as_json=as_json, text=f"cosigned the log of {size} leaves as {name}")
    sys.stdout.flush()


def _complain(error: HanseError, *, as_json: bool) -> None:
    if not as_json:
        report(error, as_json=False)
