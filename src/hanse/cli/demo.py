# SPDX-License-Identifier: Apache-2.0
"""``hanse demo``: a network of several organisations, its story played, its proofs checked."""

import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import click

from hanse.apps import discover
from hanse.cli.hosting import WITH_HISTORY, Hosted, hosted, usual_port, witnessing
from hanse.cli.output import common, emit, progress
from hanse.cli.play import Played, Player, story_of
from hanse.client import AsyncClient, open_witness
from hanse.client.evidence import verify
from hanse.contracts.app import App
from hanse.contracts.story import Story
from hanse.crypto import keyfiles, signers
from hanse.crypto.signers import Signer
from hanse.errors import Rejected
from hanse.identity import GenesisPolicy
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import Folder, make_folder
from hanse.node.founding import Founder, Operator, found

WITNESS = "northgate-university"
OPERATOR = "ternland"


@dataclass(frozen=True, slots=True)
class Stage:
    """A demonstration network on disk: its folder, the keys of its members and of its witness."""

    folder: Folder
    wallet: dict[str, Signer]
    witness: Signer
    apps: tuple[App, ...]
    stories: tuple[tuple[App, Story], ...]


def build_stage(path: Path, seed: int, suite: str) -> Stage:
    """Return a new network under ``path`` with the cast of every story."""
    apps = discover()
    now_ms = wall_clock_ms()
    stories = [(app, story_of(app, now_ms, seed=seed)) for app in apps]
    played = tuple((app, story) for app, story in stories if story is not None)
    wallet: dict[str, Signer] = {}
    founders: dict[str, Founder[Signer]] = {}
    organisations: dict[str, str] = {}
    keys = path / "members"
    keys.mkdir(parents=True)
    keys.chmod(0o700)
    for _, story in played:
        organisations |= story.organisations
        for cast in story.cast:
            wallet[cast.member] = signers.generate(suite)
            founders[cast.member] = Founder(cast.roles, wallet[cast.member])
            keyfiles.save(keys / f"{cast.member}.key", wallet[cast.member], passphrase=None)
    witness, operator = signers.generate(suite), signers.generate(suite)
    genesis = found(
        network=f"demo-{secrets.token_hex(3)}",
        time_ms=now_ms,
        organisations=organisations,
        members=founders,
        operator=Operator("node1", OPERATOR, operator),
        contracts=[c for app in apps for c in app.contracts],
        witnesses={WITNESS: witness},
        witness_quorum=1,
        policies=[GenesisPolicy([], "contract.approve", ["admin"], "2")],
    )
    folder = make_folder(path / "node", genesis, "node1", operator)
    return Stage(folder, wallet, witness, apps, played)


async def _play(stage: Stage, host: Hosted, *, quiet: bool) -> list[tuple[Story, Played]]:
    results = []
    async with AsyncClient(host.url, trust=stage.folder.ledger) as client:
        for _, story in stage.stories:
            player = Player(client, stage.wallet, wall_clock_ms)
            with progress(story.title, quiet=quiet) as show:
                results.append((story, await player.play(story, show)))
    return results


async def _evidence(stage: Stage, host: Hosted, tx: str, file: Path | None) -> bool:
    async with AsyncClient(host.url, trust=stage.folder.ledger) as client:
        data = await client.evidence(tx)
    if file is not None:
        await asyncio.to_thread(file.write_bytes, data)
    return verify(data, stage.folder.ledger).verdict == "valid"


def _summary(
    stage: Stage, host: Hosted, results: list[tuple[Story, Played]], seconds: float
) -> dict[str, Any]:
    checks = {name: held for _, played in results for name, held in played.checks.items()}
    labelled = {(a.kind, a.thing) for story, _ in results for a in story.anomalies}
    found_ = {(a.kind, a.thing) for _, played in results for a in played.found}
    status = host.service.status()
    return {
        "anomalies": {
            "found": len(labelled & found_),
            "labelled": len(labelled),
            "not_labelled": len(found_ - labelled),
        },
        "apps": [app.name for app, _ in stage.stories],
        "blocks": status["height"],
        "height": status["height"],
        "invariants": checks,
        "ledger": stage.folder.ledger,
        "organisations": len(stage.folder.genesis.organisations),
        "refusals": sum(played.refusals for _, played in results),
        "seconds": round(seconds, 1),
        "state_root": status["state_root"],
        "transactions": sum(played.transactions for _, played in results),
        "trust": stage.folder.ledger,
    }


async def _run(  # the command's options
    *,
    path: Path,
    port: int,
    seed: int,
    suite: str,
    once: bool,
    evidence: Path | None,
    as_json: bool,
) -> bool:
    began = time.monotonic()
    stage = build_stage(path, seed, suite)
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(
            hosted(stage.folder, stage.apps, port=port, wallet=stage.wallet, setup=WITH_HISTORY)
        )
        if not once:
            _welcome(stage, host)
        client = await stack.enter_async_context(AsyncClient(host.url, trust=stage.folder.ledger))
        genesis = await client.genesis()
        witness = open_witness(genesis, WITNESS, stage.witness, path / "witness.json")
        await stack.enter_async_context(witnessing(client, witness))
        results = await _play(stage, host, quiet=as_json)
        tx = next((p.last_ok for _, p in reversed(results) if p.last_ok), "")
        verified = bool(tx) and await _evidence(stage, host, tx, evidence)
        summary = _summary(stage, host, results, time.monotonic() - began) | {"verified": verified}
        _report(summary, as_json=as_json)
        good = verified and all(summary["invariants"].values())
        if once:
            return good
        _next(stage, host, tx)
        await host.service.failed()
    return True


def _welcome(stage: Stage, host: Hosted) -> None:
    click.echo(f"\n  {click.style(host.url, bold=True)}  the console, open it in a browser")
    click.echo(f"  ledger {stage.folder.ledger}  (the trust anchor)\n")


def _report(summary: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(summary, as_json=True)
        return
    checks = summary["invariants"]
    anomalies = summary["anomalies"]
    click.echo(
        f"{summary['organisations']} organisations, {summary['blocks']} blocks, "
        f"{summary['transactions']} transactions, {summary['refusals']} of them refused, "
        f"in {summary['seconds']} s"
    )
    click.echo(f"anomalies: {anomalies['found']} of {anomalies['labelled']} found")
    for name, held in checks.items():
        click.echo(f"  {'✓' if held else '✗'} {name}")
    click.echo(f"  {'✓' if summary['verified'] else '✗'} an evidence file was made and verified")


def _next(stage: Stage, host: Hosted, tx: str) -> None:
    click.echo("\nLog in as (the bar at the top of the console):")
    for _, story in stage.stories:
        for cast in story.cast[:6]:
            click.echo(f"  {cast.member:<22} {cast.about}")
    click.echo("\nTry next:")
    click.echo(f"  curl {host.url}/v1/ledger")
    click.echo(f"  hanse tx show {tx} --url {host.url}")
    click.echo(f"  hanse proof export {tx} --url {host.url} --output evidence.json")
    click.echo(f"  hanse verify --trust {stage.folder.ledger} evidence.json")
    for _, story in stage.stories:
        for line in story.next_things:
            click.echo(f"  {line}")
    click.echo("\nCtrl-C ends it.")


@dataclass(eq=False)
class DemoFailed(Rejected):
    """The demonstration did not end as it should."""

    code: ClassVar[str] = "demo_failed"
    hint: ClassVar[str] = (
        "A check did not hold: see the summary; run it again with another --seed to compare."
    )


@click.command()
@click.option("--once", is_flag=True, help="Play, check, print the summary and end.")
@click.option("--port", type=int, help="8420, or a free one when that is taken; 0: a free one.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another story.")
@click.option("--suite", default="ed25519-sha256", show_default=True, help="Suite of all keys.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Keep the network here.")
@click.option("--evidence", type=click.Path(path_type=Path), help="Write an evidence file here.")
@common
def demo(  # the command's options
    *,
    once: bool,
    port: int | None,
    seed: int,
    suite: str,
    folder: Path | None,
    evidence: Path | None,
    as_json: bool,
) -> None:
    """Start a network of several organisations and play its story.

    Examples:
      hanse demo
      hanse demo --port 0 --seed 7
      hanse demo --once --json --evidence evidence.json
    """

    def run(path: Path) -> bool:
        return asyncio.run(
            _run(
                path=path,
                port=0 if once else usual_port() if port is None else port,
                seed=seed,
                suite=suite,
                once=once,
                evidence=evidence,
                as_json=as_json,
            )
        )

    if not _with_folder(folder, run):
        raise DemoFailed


def _with_folder(folder: Path | None, run: Callable[[Path], bool]) -> bool:
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            return run(folder)
        with tempfile.TemporaryDirectory(prefix="hanse-demo-") as path:
            return run(Path(path))
    except KeyboardInterrupt:
        sys.exit(0)
