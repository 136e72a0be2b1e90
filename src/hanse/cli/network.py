# SPDX-License-Identifier: Apache-2.0
"""``hanse network``: from nothing to a network of several organisations, each with its own node."""

import json
from pathlib import Path

import click

from hanse.apps import discover
from hanse.cli.output import common, emit, load_app
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import Folder
from hanse.node.joining import (
    JOIN_BYTES_MAX,
    accept,
    found_network,
    ledger_of,
    prepare,
    read_join,
    write_prepared,
)

SUITE = "ed25519-sha256"


@click.group()
def network() -> None:
    """Found a network of several organisations, or join one."""


@network.command(name="prepare")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--organisation", required=True, help="Its short name: a-z, 0-9, dashes.")
@click.option("--name", required=True, help="Its full name.")
@click.option("--address", required=True, help="HOST:PORT at which other nodes meet this one.")
@click.option("--node", default="node1", show_default=True)
@click.option("--admin", default="admin", show_default=True, help="Its first member.")
@click.option("--suite", default=SUITE, show_default=True)
@common
def prepare_command(  # the command's options
    *,
    folder: Path,
    organisation: str,
    name: str,
    address: str,
    node: str,
    admin: str,
    suite: str,
    as_json: bool,
) -> None:
    """Make the keys of an organisation and its node, and the join file that the others need.

    The private keys stay in FOLDER; the join file holds public keys only.

    Examples:
      hanse network prepare acme --organisation acme --name "Acme Ltd" --address 10.0.0.1:26656
    """
    prepared = prepare(
        organisation=organisation,
        name=name,
        node=node,
        admin=admin,
        address=address,
        suite=suite,
        now_ms=wall_clock_ms(),
    )
    file = write_prepared(folder, prepared)
    result = {"join": str(file), "key": str(folder / "members" / f"{admin}@{organisation}.key")}
    emit(result, as_json=as_json)


@network.command()
@click.argument("joins", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--network", "name", required=True, help="Name of the network.")
@click.option("--out", type=click.Path(path_type=Path), default="network.json", show_default=True)
@click.option("--app", "wanted", multiple=True, help="Apps to run; by default all installed.")
@common
def found(
    *, joins: tuple[Path, ...], name: str, out: Path, wanted: tuple[str, ...], as_json: bool
) -> None:
    """Make the network file from the join files of all founders.

    Whoever makes it from the same files, the same way, makes the same bytes: compare the ledger id.

    Examples:
      hanse network found acme.join.json bank.join.json --network harbour
    """
    known = {app.name: app for app in discover()}
    apps = [known.get(app) or load_app(app) for app in wanted] or list(known.values())
    read = [read_join(_small(path), str(path)) for path in joins]
    contracts = [contract for app in apps for contract in app.contracts]
    raw = found_network(read, network=name, contracts=contracts)
    out.write_bytes(raw)
    organisations = sorted(join.organisation for join in read)
    result = {"ledger": ledger_of(raw), "network": str(out), "organisations": organisations}
    emit(result, as_json=as_json)


@network.command(name="accept")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--late", is_flag=True, help="The network is there already and admits this node.")
@common
def accept_command(*, folder: Path, file: Path, late: bool, as_json: bool) -> None:
    """Make a prepared FOLDER a node of the network in FILE, after checking that it is in there.

    Compare the ledger id with the other founders by a way that you trust, then start the node.

    Examples:
      hanse network accept acme network.json
    """
    node, peers = accept(folder, file.read_bytes(), late=late)
    settle(node, peers)
    emit({"ledger": node.ledger, "node": str(folder), "peers": list(peers)}, as_json=as_json)


def settle(folder: Folder, peers: tuple[str, ...], *, port: int | None = None) -> None:
    """Write the settings with which a node meets its peers, and its gateway's port."""
    join = read_join(next(folder.path.glob("*.join.json")).read_bytes(), str(folder.path))
    local = join.address.startswith(("127.", "localhost:"))
    listen = join.address if local else "0.0.0.0:" + join.address.rpartition(":")[2]
    lines = [] if port is None else [f"port = {port}", ""]
    lines += ["[engine]", f"p2p = {json.dumps(listen)}", f"persistent_peers = {json.dumps(peers)}"]
    (folder.path / "hanse.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _small(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(JOIN_BYTES_MAX + 1)
