# SPDX-License-Identifier: Apache-2.0
"""``hanse ledger`` and ``hanse checkpoint``: which ledger, how far, signed by whom."""

from pathlib import Path
from typing import Any

import click

from hanse.cli.options import Node, on_node
from hanse.cli.output import common, emit
from hanse.client import Client
from hanse.client._http import Request, fetch
from hanse.client.note import parse_note, verify_operator, verify_witnesses
from hanse.client.session import node_at_fault
from hanse.codec.base64url import to_text
from hanse.errors import ProofInvalid


@click.command()
@on_node
@common
def ledger(*, node: Node, as_json: bool) -> None:
    """Show which ledger a node serves and how far it is.

    The newest checkpoints are verified, and must extend what ``--memory`` has seen before. On a
    ledger of several validators a block is final when it is executed, and provable to others up to
    ``provable_height``: one engine block later.

    Examples:
      hanse ledger
      hanse ledger --url http://127.0.0.1:8420 --trust LEDGER --memory ~/.hanse
    """
    with node.client() as client:
        seen = client.checkpoint_update()
        status = dict(client.ledger())
        members = sum(len(o["members"]) for o in client.get("/v1/organisations"))
        witnessed = None if seen.witnessed is None else seen.witnessed.size
        document: dict[str, Any] = {
            **status,
            "members": members,
            "verified_log_size": seen.newest.size,
            "witnessed_log_size": witnessed,
            "witnesses": list(seen.witnesses),
        }
    emit(document, as_json=as_json)


@click.command()
@click.option("--cosigned", is_flag=True, help="The newest one with the quorum of its witnesses.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
@on_node
@common
def checkpoint(*, node: Node, cosigned: bool, output: Path | None, as_json: bool) -> None:
    """Show the newest signed checkpoint of the log.

    It is a signed note: size and root of the log under the operator's and the witnesses'
    signatures, all verified. A file of it is a trust anchor for ``hanse verify``. On a ledger of
    several validators there is none: they make each header final by their votes.

    Examples:
      hanse checkpoint
      hanse checkpoint --cosigned -o today.note
    """
    with node.client() as client:
        client.checkpoint_update()
        text, names = _fetch_note(client, cosigned=cosigned)
    stated = parse_note(text).checkpoint
    document = {
        "ledger": stated.ledger,
        "log_root": to_text(stated.root),
        "log_size": stated.size,
        "note": text,
        "witnesses": names,
    }
    if output is not None:
        output.write_text(text, encoding="utf-8")
    emit(document, as_json=as_json, text=text.rstrip("\n") if output is None else str(output))


def _fetch_note(client: Client, *, cosigned: bool) -> tuple[str, list[str]]:
    genesis = client.genesis()
    path = "/v1/checkpoint?cosigned=1" if cosigned else "/v1/checkpoint"
    body = client.run(fetch(Request("GET", path)))
    with node_at_fault(path):
        note = parse_note(body.decode("utf-8", "replace"))
    verify_operator(note, genesis)
    names = list(verify_witnesses(note, genesis))
    if cosigned and len(names) < genesis.witness_quorum:
        raise ProofInvalid(reason="fewer cosignatures than the quorum")
    return body.decode(), names
