# SPDX-License-Identifier: Apache-2.0
"""``hanse tx``: send a transaction, show it in words, ask why, execute it again."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from hanse.apps import discover
from hanse.cli.checking import Source, read_source
from hanse.cli.dev_folder import DevFolder
from hanse.cli.options import (
    Node,
    Signing,
    ValueCommand,
    ledger_of,
    on_node,
    read_anchor,
    signing,
)
from hanse.cli.output import as_args, common, emit, load_app, load_signer, progress
from hanse.cli.project import load
from hanse.cli.stepping import step
from hanse.client.joint import add_signature, read_unplaced
from hanse.client.receipts import VerifiedReceipt
from hanse.client.session import AnotherLedger, Member
from hanse.contracts.app import App
from hanse.contracts.dialect.program import build_program
from hanse.contracts.runtime import LoadedContract, Outcome
from hanse.node.folder import Folder, open_folder
from hanse.node.replay import Changed, Replayed, replay

_FILE = click.Path(dir_okay=False, path_type=Path)
_HOUR_MS = 3_600_000
_with_others = click.option(
    "--with", "others", multiple=True, help="A member who signs, too; for the dry run. Repeatable."
)


@click.group()
def tx() -> None:
    """Send, show, explain and re-execute transactions."""


@tx.command(cls=ValueCommand)
@click.argument("tx_id", metavar="TX")
@on_node
@common
def show(*, tx_id: str, node: Node, as_json: bool) -> None:
    """Show a transaction and its receipt, proved to be in the log.

    Examples:
      hanse tx show TX
      hanse tx show TX --json
    """
    with node.client() as client:
        found = client.transaction(tx_id)
    receipt, body = found.receipt, found.body
    document: dict[str, Any] = {
        "receipt": msgspec.Raw(receipt.raw),
        "sentence": found.sentence,
        "transaction": msgspec.Raw(found.transaction),
        "url": node.page("transactions", tx_id),
        "verified": receipt.verified,
    }
    text = "\n".join(
        [
            found.sentence or "",
            "",
            f"what     {body.contract}.{body.action} {bytes(body.args).decode()}",
            f"who      {body.signer}, key {body.key}",
            *_outcome(receipt),
            f"page     {document['url']}",
        ]
    )
    emit(document, as_json=as_json, text=text)


def _outcome(receipt: VerifiedReceipt) -> list[str]:
    lines = [f"outcome  {receipt.status if receipt.code is None else receipt.code}"]
    if receipt.reason:
        lines.append(f"reason   {receipt.reason} {_json(receipt.facts) if receipt.facts else ''}")
    if receipt.result is not None:
        lines.append(f"result   {_json(receipt.result)}")
    lines += [f"event    {e.contract}.{e.event} {_json(e.fields)}" for e in receipt.events]
    lines.append(f"cost     {receipt.cost}")
    lines.append(f"place    block {receipt.height}, record {receipt.index}  verified ✓")
    return lines


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


@tx.command(cls=ValueCommand)
@click.argument("tx_id", metavar="TX")
@on_node
@common
def why(*, tx_id: str, node: Node, as_json: bool) -> None:
    """Say why a transaction was refused: the clause, the cause, who could mend it.

    Examples:
      hanse tx why TX
    """
    with node.client() as client:
        found: dict[str, Any] = client.why(tx_id)
    if found["code"] is None:
        emit(found, as_json=as_json, text=f"It was not refused: {found['cause']}")
        return
    shown = {name: found[name] for name in ("code", "cause", "clause", "remedy", "who", "facts")}
    lines = [f"{name:<7} {v if isinstance(v, str) else _json(v)}" for name, v in shown.items() if v]
    emit(found, as_json=as_json, text="\n".join(lines))


@tx.command()
@click.argument("contract")
@click.argument("action")
@click.option("--args", "arguments", default="{}", help="JSON object, or @file that holds one.")
@click.option("--cost-max", type=int, help="Units it may use; by default from a dry run.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen; sign nothing.")
@_with_others
@signing
@on_node
@common
def submit(
    *,
    contract: str,
    action: str,
    arguments: str,
    cost_max: int | None,
    dry_run: bool,
    others: tuple[str, ...],
    signer: Signing,
    node: Node,
    as_json: bool,
) -> None:
    """Sign an action, send it, and show its proved receipt; exit code 1 when it was refused.

    Examples:
      hanse tx submit trace record_scan --args @scan.json --as dan@shop --key dan.key
      hanse tx submit trace capture --args @event.json --as ada@greenacre --key ada.key --dry-run
    """
    call = (contract, action, as_args(arguments))
    with node.client(signer) as client:
        if dry_run:
            would = client.dry_run(*call, also_signed_by=others)
            emit({"dry_run": True, **would}, as_json=as_json)
            sys.exit(0 if would.get("status") == "ok" else 1)
        receipt = client.submit(*call, cost_max=cost_max)
    _emit_receipt(receipt, node, as_json=as_json)


def _emit_receipt(receipt: VerifiedReceipt, node: Node, *, as_json: bool) -> None:
    """Show a receipt and end: exit code 1 when it is a refusal."""
    page = node.page("transactions", receipt.tx)
    document = {**msgspec.json.decode(receipt.raw), "url": page, "verified": receipt.verified}
    hint = [] if receipt.ok else [f"why      hanse tx why {receipt.tx}"]
    text = "\n".join([f"tx       {receipt.tx}", *_outcome(receipt), *hint, f"page     {page}"])
    emit(document, as_json=as_json, text=text)
    sys.exit(0 if receipt.ok else 1)


@tx.command()
@click.argument("contract")
@click.argument("action")
@click.option("--args", "arguments", default="{}", help="JSON object, or @file that holds one.")
@click.option("--cost-max", type=int, help="Units it may use; by default from a dry run.")
@click.option(
    "--expires-hours",
    type=click.IntRange(1, 23),
    default=1,
    show_default=True,
    help="Time for the others to sign and for it to be sent.",
)
@click.option("-o", "--output", type=_FILE, required=True, help="Where the draft is written.")
@_with_others
@signing
@on_node
@common
def draft(  # options, all by name
    *,
    contract: str,
    action: str,
    arguments: str,
    cost_max: int | None,
    expires_hours: int,
    output: Path,
    others: tuple[str, ...],
    signer: Signing,
    node: Node,
    as_json: bool,
) -> None:
    """Sign an action and write it to a file, for others to sign; nothing is sent.

    The file is the transaction itself: whoever holds it can send it.

    Examples:
      hanse tx draft deals agree --args @deal.json --with bo@steelco -o deal.tx --as ann@autoco
    """
    with node.client(signer) as client:
        made = client.draft(
            contract,
            action,
            as_args(arguments),
            cost_max=cost_max,
            expires_in_ms=expires_hours * _HOUR_MS,
            also_signed_by=others,
        )
    output.write_bytes(made.raw)
    _emit_draft(made.raw, output, as_json=as_json)


@tx.command()
@click.argument("file", type=_FILE)
@click.option("-o", "--output", type=_FILE, help="Where it is written; by default FILE itself.")
@click.option("--trust", envvar="HANSE_TRUST", help="Ledger id; a draft for another is refused.")
@signing
@common
def sign(
    *, file: Path, output: Path | None, trust: str | None, signer: Signing, as_json: bool
) -> None:
    """Add a signature to a draft and say what it stands for; no node is asked.

    Examples:
      hanse tx sign deal.tx --as bo@steelco --key bo.key
      hanse tx sign deal.tx --as bo@steelco --key bo.key -o signed.tx --trust LEDGER
    """
    raw = file.read_bytes()
    found = read_unplaced(raw)
    if trust is not None and ledger_of(read_anchor(trust)) != found.body.ledger:
        raise AnotherLedger(trusted=ledger_of(read_anchor(trust)), shown=found.body.ledger)
    member = Member(signer.member, signer.key_id, load_signer(signer.key))
    signed = add_signature(raw, member)
    (output or file).write_bytes(signed)
    _emit_draft(signed, output or file, as_json=as_json)


@tx.command()
@click.argument("file", type=_FILE)
@on_node
@common
def send(*, file: Path, node: Node, as_json: bool) -> None:
    """Send a signed draft and show its proved receipt; exit code 1 when it was refused.

    Examples:
      hanse tx send deal.tx
    """
    with node.client() as client:
        receipt = client.submit_draft(client.read_draft(file.read_bytes()))
    _emit_receipt(receipt, node, as_json=as_json)


def _emit_draft(raw: bytes, path: Path, *, as_json: bool) -> None:
    found = read_unplaced(raw)
    body = found.body
    signers = [signature.signer for signature in found.signatures]
    document: dict[str, Any] = {
        "body": msgspec.Raw(found.body_bytes),
        "file": str(path),
        "signers": signers,
    }
    lines = [
        f"what     {body.contract}.{body.action} {bytes(body.args).decode()}",
        f"ledger   {body.ledger}",
        f"who      {body.signer}, key {body.key}",
        f"signed   {', '.join(signers)}",
        f"file     {path}",
    ]
    emit(document, as_json=as_json, text="\n".join(lines))


@tx.command("replay", cls=ValueCommand)
@click.argument("tx_id", metavar="TX")
@click.option(
    "--dir",
    "folder",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The node's folder, or that of `hanse dev`; it is only read, and the node may run.",
)
@click.option("--app", "extra", multiple=True, help="A further module that holds an APP.")
@click.option(
    "--on",
    "other",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A contract's file: execute the transaction on this code, too.",
)
@click.option(
    "--pdb", "stepped", is_flag=True, help="Step it in the debugger, in the author's lines."
)
@common
def replay_command(
    *,
    tx_id: str,
    folder: Path,
    extra: tuple[str, ...],
    other: Path | None,
    stepped: bool,
    as_json: bool,
) -> None:
    """Execute a transaction again on the exact state before it, and compare with its receipt.

    The log is replayed up to the transaction into a temporary store. With --on the transaction is
    executed on other code as well, and both outcomes are shown. Exit code 3 when the log holds
    another receipt than the approved code gives.

    Examples:
      hanse tx replay TX --dir ./node1
      hanse tx replay TX --dir .hanse/dev --pdb
      hanse tx replay TX --dir ./node1 --on contract.py --json
    """
    if stepped and as_json:
        raise click.UsageError("--pdb talks to a person, --json to a program")
    source, on = (None, None) if other is None else _other_code(other)
    place, own = _place_of(folder)
    around = partial(_stepped, source) if stepped else None
    with progress("replay", quiet=as_json or stepped) as tell:
        apps = {app.name: app for app in (*discover(), *map(load_app, extra), *own)}
        found = replay(place, tuple(apps.values()), tx_id, tell, on=on, around=around)
    emit(found.to_document(), as_json=as_json, text=_replayed(found))
    sys.exit(0 if found.agrees else 3)


def _stepped(source: Source | None, loaded: LoadedContract, run: Callable[[], Outcome]) -> Outcome:
    return step(loaded, run, source)


def _other_code(path: Path) -> tuple[Source, LoadedContract]:
    """Return the contract in a file, loaded from its text.

    Raises:
        OutsideDialect: with the first places that are.
    """
    source = read_source(path)
    return source, LoadedContract.of_program(build_program(source.module, source.texts))


def _place_of(folder: Path) -> tuple[Folder, tuple[App, ...]]:
    """Return a node's folder with the apps beside it: those of a project, where ``hanse dev`` ran.

    Raises:
        NotTheDirectory: there is no node.
    """
    if not (folder / "current").is_file():
        return open_folder(folder), ()
    kept = DevFolder(folder)
    current = kept.current()
    assert current is not None
    project = kept.project()
    return current, () if project is None else load(project).apps


def _replayed(found: Replayed) -> str:
    lines = [f"block {found.height}, record {found.index}: {found.contract}.{found.action}"]
    lines += [f"  read   {r.contract}.{r.entry}  {_value(r.value)}" for r in found.reads]
    lines += [f"  scan   {r.contract}.{r.entry}  {_json(r.value)} rows" for r in found.scans]
    lines += [f"  write  {r.contract}.{r.entry}  {_value(r.value)}" for r in found.writes]
    lines += [f"  event  {_json(e)}" for e in found.receipt.get("events", [])]
    lines.append(f"  outcome {found.receipt.get('code', 'ok')}, cost {found.receipt['cost']}")
    if found.computed.get("at"):
        lines.append(f"  {found.computed['code']} at {found.computed['at']}")
    verdict = "the same, byte for byte" if found.agrees else "ANOTHER than computed here"
    lines.append(f"the log's receipt is {verdict}")
    if found.changed is not None:
        lines += _on_other_code(found.changed)
    return "\n".join(lines)


def _on_other_code(changed: Changed) -> list[str]:
    computed = changed.computed
    lines = [f"on the other code: {'another outcome' if changed.alters else 'the same outcome'}"]
    if changed.alters:
        lines += [f"  write  {r.contract}.{r.entry}  {_value(r.value)}" for r in changed.writes]
        lines += [f"  event  {_json(e)}" for e in computed["events"]]
        if "result" in computed:
            lines.append(f"  result {_json(computed['result'])}")
    lines.append(f"  outcome {computed.get('code', 'ok')}, cost {computed['cost']}")
    if "code" in computed:
        lines.append(f"  {computed['reason']} {computed['at']}".rstrip())
    return lines


def _value(value: object) -> str:
    return "absent" if value is None else _json(value)
