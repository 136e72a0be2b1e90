# SPDX-License-Identifier: Apache-2.0
"""``hanse contract propose`` and what follows: rehearse, vote, withdraw; freeze and retire."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from hanse.apps import discover
from hanse.cli import ballots
from hanse.cli.ballots import Document, became_of, terms_options
from hanse.cli.checking import findings_of
from hanse.cli.options import Node, Signing, on_node, signing
from hanse.cli.output import common, emit, load_app
from hanse.cli.sources import find_package
from hanse.client import Client
from hanse.client.receipts import VerifiedReceipt
from hanse.contracts.digests import digest_of
from hanse.contracts.package_file import build_package
from hanse.contracts.sources import split_text
from hanse.crypto import hash_named
from hanse.errors import Malformed
from hanse.node.folder import open_folder
from hanse.node.rehearsal import rehearse_folder

GOVERNANCE = "governance"
TAG_TEXT = "hanse/text"
BATCH_BYTES = 150_000  # bytes of texts in one transaction, below the limit of one
REHEARSAL_S = 3_600  # for which the answer of a rehearsal is waited for


def act(client: Client, action: str, args: Document) -> VerifiedReceipt:
    """Return the proved receipt of an action of governance that was not refused."""
    return ballots.act(client, GOVERNANCE, action, args)


def proposal_of(client: Client, number: int) -> Document:
    """Return a proposal, proved to be on the ledger.

    Raises:
        NotFound: there is none.
    """
    return ballots.proposal_of(client, GOVERNANCE, number)


def show_proposal(held: Document, *, as_json: bool, next_step: str = "") -> None:
    """Print a proposal and what can be done next."""
    lines = [_line(held)]
    package = held["terms"].get("package")
    if package:
        lines.append(f"package   {package['hash']}  version {package['version']}")
    rehearsal = held.get("rehearsal")
    if rehearsal:
        lines.append(
            f"rehearsal height {rehearsal['height']}, {rehearsal['entries']} entries, "
            f"cost {rehearsal['cost']}"
        )
        lines.append(f"roots     {rehearsal['root_before']} → {rehearsal['root_after']}")
    if next_step:
        lines.append(f"next      {next_step}")
    emit(held, as_json=as_json, text="\n".join(lines))


def _line(held: Document) -> str:
    terms = held["terms"]
    what = f"{terms['kind']} {terms['contract']}"
    return f"{held['number']:>4}  {what:<28} {became_of(held)}"


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@terms_options
@click.option(
    "--mode",
    type=click.Choice(["open", "frozen"]),
    default="open",
    show_default=True,
    help="frozen: ballots bind the contract's root; it stands still from the rehearsal on.",
)
@signing
@on_node
@common
def propose(
    *,
    path: Path,
    reason: str,
    not_before: int,
    open_blocks: int,
    mode: str,
    signer: Signing,
    node: Node,
    as_json: bool,
) -> None:
    """Put a contract's texts on the ledger and propose to install it, or to upgrade to it.

    PATH is the contract's file, with which the model beside it and the patterns it imports go, a
    folder with a contract.py, or a package. It is an upgrade where the ledger has a contract of
    that name.

    Examples:
      hanse contract propose shelf.py --reason "we need shelves" --as ada@acme --key ada.key
      hanse contract propose shelf.json --mode frozen --reason "grams" --as ada@acme --key ada.key
    """
    found = findings_of(path) if path.suffix == ".py" else []
    if found:
        raise Malformed(reason=str(found[0]), at=str(path))
    with node.client(signer) as client:
        hasher = hash_named(str(client.get("/v1/ledger")["hash"]))
        made = find_package(str(path), hasher)
        if made.document.hash != hasher.name:  # a package that was made for another network
            made = build_package(made.document.main, made.files, hasher)
        document = made.document
        parts: dict[str, str] = {}
        digests: dict[str, list[str]] = {}
        for name, text in made.files.items():
            split = split_text(text)
            digests[name] = [digest_of(hasher.tagged, TAG_TEXT, part) for part in split]
            parts |= dict(zip(digests[name], split, strict=True))
        for batch in _batches(client, parts):
            act(client, "publish", {"texts": batch})
        held = client.state(GOVERNANCE, "contracts", document.name).value
        package = {
            "files": [{"name": name, "parts": digests[name]} for name in sorted(digests)],
            "hash": document.package_hash,
            "lowered": document.lowered_hash,
            "version": document.version,
        }
        terms = {
            "contract": document.name,
            "kind": "install" if held is None else "upgrade",
            "mode": mode,
            "not_before": not_before,
            "open_blocks": open_blocks,
            "package": package,
            "reason": reason,
        }
        _propose(client, terms, as_json=as_json)


def _batches(client: Client, parts: dict[str, str]) -> Iterator[list[str]]:
    """Yield the texts that the ledger does not have, in transactions' worth."""
    batch: list[str] = []
    size = 0
    for digest, text in parts.items():
        if client.state(GOVERNANCE, "texts", digest).present:
            continue
        length = len(msgspec.json.encode(text))
        if batch and size + length > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield batch


def _propose(client: Client, terms: Document, *, as_json: bool) -> None:
    number = act(client, "propose", {"terms": terms}).result
    assert isinstance(number, int)
    step = f"hanse contract rehearse {number}"
    if terms["kind"] == "upgrade":
        step += " --record --as … --key …"
    show_proposal(proposal_of(client, number), as_json=as_json, next_step=step)


def _stopping(kind: str, doc: str, *options: Any) -> click.Command:
    """Return the command that proposes to freeze, unfreeze or retire a contract."""

    def propose_it(
        *,
        name: str,
        reason: str,
        not_before: int,
        open_blocks: int,
        signer: Signing,
        node: Node,
        as_json: bool,
        upgrade: int | None = None,
    ) -> None:
        terms = {
            "contract": name,
            "kind": kind,
            "not_before": not_before,
            "open_blocks": open_blocks,
            "reason": reason,
            "upgrade": upgrade,
        }
        with node.client(signer) as client:
            _propose(client, terms, as_json=as_json)

    propose_it.__doc__ = doc
    propose_it.__name__ = kind
    made = terms_options(signing(on_node(common(propose_it))))
    for option in options:
        made = option(made)
    return click.command(kind)(click.argument("name")(made))


freeze = _stopping(
    "freeze",
    """Propose to freeze a contract: no action of it runs any more, queries go on.

    A freeze for an upgrade ends with it: whatever becomes of that proposal, the contract can be
    called again. Any other lasts until a vote ends it.

    Examples:
      hanse contract freeze shelf --reason "a fault was found" --as ada@acme --key ada.key
      hanse contract freeze shelf --for 3 --reason "grams come" --as ada@acme --key ada.key
    """,
    click.option("--for", "upgrade", type=int, help="The number of the frozen upgrade it is for."),
)
unfreeze = _stopping(
    "unfreeze",
    """Propose that a frozen contract may be called again.

    Examples:
      hanse contract unfreeze shelf --reason "it was none" --as ada@acme --key ada.key
    """,
)
retire = _stopping(
    "retire",
    """Propose to retire a contract for good: its records stay provable, its name stays taken.

    Examples:
      hanse contract retire shelf --reason "nobody needs it" --as ada@acme --key ada.key
    """,
)


@click.command()
@click.argument("number", type=int)
@click.option("--record", is_flag=True, help="Put the outcome into the proposal.")
@click.option("--as", "member", envvar="HANSE_MEMBER", help="name@organisation")
@click.option("--key", envvar="HANSE_KEY", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--key-id", default="k1", show_default=True, help="The registry's name of the key.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Rehearse on the last checkpoint of this node's folder, without any node.",
)
@click.option("--app", "extra", multiple=True, help="With --dir: a further module with an APP.")
@on_node
@common
def rehearse(
    *,
    number: int,
    record: bool,
    member: str | None,
    key: Path | None,
    key_id: str,
    folder: Path | None,
    extra: tuple[str, ...],
    node: Node,
    as_json: bool,
) -> None:
    """Try a proposal on a fork of the live state: check, migration, invariants, roots.

    Nothing is written. With --record the outcome enters the proposal, and ballots bind it. Exit
    code 1 where the proposal cannot be carried out.

    Examples:
      hanse contract rehearse 3
      hanse contract rehearse 3 --record --as ada@acme --key ada.key
      hanse contract rehearse 3 --dir ./node1 --json
    """
    if record and (member is None or key is None or folder is not None):
        raise click.UsageError("--record needs --as and --key, and a running node")
    if folder is not None:
        apps = (*discover(), *map(load_app, extra))
        contracts = [contract for app in apps for contract in app.contracts]
        found = rehearse_folder(open_folder(folder), contracts, number)
        _show_rehearsal(found, as_json=as_json)
        sys.exit(0 if found["code"] is None else 1)
    signer = Signing(member, key, key_id) if record and member and key else None
    with node.client(signer, timeout_s=REHEARSAL_S) as client:
        found = client.get(f"/v1/proposals/{number}/rehearsal")
        if record and found["code"] is None:
            names = ("cost", "digest", "entries", "height", "root_after", "root_before")
            args = {"number": number, "rehearsal": {name: found[name] for name in names}}
            found["recorded"] = act(client, "record_rehearsal", args).tx
    _show_rehearsal(found, as_json=as_json)
    sys.exit(0 if found["code"] is None else 1)


def _show_rehearsal(found: Document, *, as_json: bool) -> None:
    what = f"{found['kind']} {found['contract']}"
    lines = [f"proposal  {found['proposal']}: {what}, at height {found['height']}"]
    if found["code"] is not None:
        lines.append(f"outcome   cannot be carried out: {found['code']}, {found['reason']}")
    elif found["kind"] == "upgrade":
        maps = ", ".join(found["maps"]) or "none"
        lines.append(f"entries   {found['entries']} looked at, {found['changed']} changed ({maps})")
        lines.append(f"cost      {found['cost']}, in chunks for {found['chunks']} blocks")
        lines.append(f"types     {found['verdict']}")
        lines += [f"          {code}  {path}" for code, path in found["findings"]]
        lines.append(f"root      {found['root_before']}\n       →  {found['root_after']}")
        lines.append("outcome   check, migration and invariants hold ✓")
    else:
        lines.append("outcome   it can be carried out ✓")
    if found.get("recorded"):
        lines.append(f"recorded  {found['recorded']}")
    emit(found, as_json=as_json, text="\n".join(lines))


approve, reject, withdraw = ballots.voting_commands(GOVERNANCE, "contract", show_proposal)
proposals = ballots.list_command(GOVERNANCE, "contract proposals", "contracts", _line)


@click.command()
@click.argument("number", type=int)
@signing
@on_node
@common
def migrate(*, number: int, signer: Signing, node: Node, as_json: bool) -> None:
    """Drive the migration of an upgrade on, block by block, until the proposal is settled.

    What does not fit one block goes on in each block that comes; where little else happens, this
    command sends what makes blocks come. Exit code 1 where the upgrade was not carried out.

    Examples:
      hanse contract migrate 3 --as ada@acme --key ada.key
    """
    with node.client(signer) as client:
        shown = ""
        while True:
            receipt = client.submit(GOVERNANCE, "go_on", {"number": number})
            if receipt.code == "not_migrating":
                break
            running: Any = receipt.require_ok().result
            word = "checked" if running["phase"] == "check" else "written"
            done = running["entries"] if word == "checked" else running["written"]
            line = f"{word:<9} {done:,} entries"
            if line != shown:
                click.echo(line, err=True)
            shown = line
        held = proposal_of(client, number)
    show_proposal(held, as_json=as_json)
    sys.exit(0 if held["status"] == "done" else 1)


COMMANDS = (
    *(propose, rehearse, approve, migrate, reject, withdraw, proposals),
    *(freeze, unfreeze, retire),
)
