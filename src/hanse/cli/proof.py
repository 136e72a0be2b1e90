# SPDX-License-Identifier: Apache-2.0
"""``hanse proof`` and ``hanse verify``: evidence files made, and judged offline."""

import json
import sys
from pathlib import Path
from typing import BinaryIO, Final

import click

from hanse.cli.contract import as_key
from hanse.cli.options import Node, ValueCommand, on_node, read_anchor
from hanse.cli.output import common, emit
from hanse.client.evidence import Result, verify
from hanse.codec.limits import EVIDENCE_BYTES_MAX

# the same words as hanse-verify: two programs, one answer
SENTENCES: Final = {
    "valid": "VALID",
    "withdrawn": "WITHDRAWN: true then, and taken back since",
    "unknown_issuer": "UNKNOWN ISSUER: all fits, but no trust anchor says whose ledger it is",
    "not_valid": "NOT VALID: altered, damaged, or made without power",
}


@click.group()
def proof() -> None:
    """Make evidence files."""


@proof.command(cls=ValueCommand)
@click.argument("tx", required=False)
@click.option(
    "--state",
    type=(str, str, str),
    metavar="CONTRACT MAP KEY",
    help="Instead of a transaction: a state value; KEY is JSON or plain text.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.",
)
@on_node
@common
def export(
    *,
    tx: str | None,
    state: tuple[str, str, str] | None,
    output: Path,
    node: Node,
    as_json: bool,
) -> None:
    """Write the evidence file of a transaction or of a state value, verified first.

    Whoever gets it needs only the ledger id to check it, no node and no account.

    Examples:
      hanse proof export TX -o evidence.json
      hanse proof export --state trace lots '"L-1"' -o value.json
    """
    if (tx is None) == (state is None):
        raise click.UsageError("give a transaction or --state, one of them")
    with node.client() as client:
        if state is not None:
            data = client.evidence_of_state(state[0], state[1], as_key(state[2]))
        else:
            data = client.evidence(str(tx))
        ledger = client.genesis().ledger
    output.write_bytes(data)
    result = verify(data, ledger)
    document = {"bytes": len(data), "file": str(output), **result.to_document()}
    text = (
        f"{output}  {len(data)} bytes, as of height {result.as_of_height}, digest {result.digest}\n"
        f"check it anywhere: hanse-verify --trust {ledger} {output}"
    )
    emit(document, as_json=as_json, text=text)


@click.command("verify")
@click.option("--trust", "anchor", metavar="ANCHOR", help="Ledger id, or file with a checkpoint.")
@click.argument("file", type=click.File("rb"))
@common
def verify_command(*, anchor: str | None, file: BinaryIO, as_json: bool) -> None:
    """Check an evidence file, offline.

    Six steps; the exit code is 0 for valid, 1 for not valid or withdrawn, 5 when no trust anchor
    was given. ``hanse-verify`` is an independent program that gives the same answer.

    Examples:
      hanse verify --trust LEDGER evidence.json
      hanse verify --trust today.note --json evidence.json
    """
    trust = None if anchor is None else read_anchor(anchor)
    result = verify(file.read(EVIDENCE_BYTES_MAX + 2), trust)
    if as_json:
        click.echo(json.dumps(result.to_document()))
    else:
        click.echo(describe(result))
    sys.exit(result.exit_code)


def describe(result: Result) -> str:
    """Return the result for people, with nothing in it that could command a terminal."""
    lines = [SENTENCES[result.verdict]]
    lines += [f"  {'ok ' if s.passed else 'NO '} {s.step}: {s.detail}" for s in result.steps]
    claim = result.claim if result.verdict != "not_valid" and result.claim else {}
    shown = {"digest": result.digest, **claim} if claim else {}
    lines += [f"  {name} = {json.dumps(value)}" for name, value in shown.items()]
    safe = ("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in lines)
    return "\n".join(safe)
