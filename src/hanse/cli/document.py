# SPDX-License-Identifier: Apache-2.0
"""``hanse import`` and ``hanse export``: documents of outside standards, kept byte for byte."""

import mimetypes
import sys
from pathlib import Path
from typing import Any

import click

from hanse.cli.options import Node, Signing, ValueCommand, on_node, signing
from hanse.cli.output import common, emit
from hanse.client.reading import drafts_of
from hanse.client.receipts import Outcome, VerifiedReceipt
from hanse.codec.limits import DOCUMENT_BYTES_MAX
from hanse.errors import Refusal, TooLarge


@click.command("import")
@click.argument("format_name", metavar="FORMAT")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--media-type", help="By default from the file's name.")
@click.option("--dry-run", is_flag=True, help="Only check; put nothing on the ledger.")
@signing
@on_node
@common
def import_command(
    *,
    format_name: str,
    file: Path,
    media_type: str | None,
    dry_run: bool,
    signer: Signing,
    node: Node,
    as_json: bool,
) -> None:
    """Check a standard's document and put it on the ledger.

    The document itself is kept by the node, byte for byte; the ledger holds its digest and what it
    says. Exit code 1 when the check or one of its actions is refused.

    Examples:
      hanse import epcis shipment.json --as ada@greenacre --key ada.key
      hanse import epcis shipment.xml --as ada@greenacre --key ada.key --dry-run --json
    """
    if file.stat().st_size > DOCUMENT_BYTES_MAX:
        raise TooLarge("document bytes", DOCUMENT_BYTES_MAX, file.stat().st_size)
    data = file.read_bytes()
    with node.client(signer) as client:
        kind = media_type or mimetypes.guess_type(file.name)[0]
        report: dict[str, Any] = dict(client.check_format(format_name, data, kind))
        shown = {k: report.get(k) for k in ("findings", "standard", "verdict", "version")}
        try:
            calls = drafts_of(report)
        except Refusal as refusal:
            document = {"code": refusal.refusal, "recorded": 0, **shown}
            said = f"{refusal.refusal}: nothing was put on the ledger"
            emit(document, as_json=as_json, text="\n".join([*_findings(report), said]))
            sys.exit(1)
        if dry_run:
            document = {"actions": len(calls), "dry_run": True, **shown}
            said = f"{report['verdict']}: {len(calls)} actions would be sent"
            emit(document, as_json=as_json, text="\n".join([*_findings(report), said]))
            return
        digest = client.put_document(data)
        outcomes = client.submit_many(calls)
    rows = [_row(outcome) for outcome in outcomes]
    good = sum(row["status"] == "ok" for row in rows)
    document = {"digest": digest, "outcomes": rows, "recorded": good, **shown}
    lines = _findings(report)
    lines += [f"{r['tx']}  {r.get('code', 'ok')} {r.get('reason', '')}".rstrip() for r in rows]
    summary = f"{good} of {len(rows)} actions recorded; document {digest}"
    emit(document, as_json=as_json, text="\n".join([*lines, summary]))
    sys.exit(0 if good == len(rows) else 1)


def _findings(report: dict[str, Any]) -> list[str]:
    return [
        f"{'FATAL' if f['fatal'] else 'note '} {f['code']} {f['pointer'] or '/'}: {f['message']}"
        for f in report["findings"]
    ]


def _row(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, VerifiedReceipt) and outcome.ok:
        return {"height": outcome.height, "status": "ok", "tx": outcome.tx}
    refusal = outcome.refusal() if isinstance(outcome, VerifiedReceipt) else outcome
    code, reason = refusal.refusal, refusal.reason
    return {"code": code, "reason": reason, "status": "rejected", "tx": refusal.tx}


@click.command("export", cls=ValueCommand)
@click.argument("digest")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.",
)
@on_node
@common
def export_command(*, digest: str, output: Path, node: Node, as_json: bool) -> None:
    """Fetch a kept document, byte for byte.

    The bytes are written only when their SHA-256 is DIGEST.

    Examples:
      hanse export DIGEST -o shipment.json
    """
    with node.client() as client:
        data = client.get_document(digest)
    output.write_bytes(data)
    document = {"bytes": len(data), "digest": digest, "file": str(output)}
    emit(document, as_json=as_json, text=f"{output}  {len(data)} bytes, digest as asked ✓")
