# SPDX-License-Identifier: Apache-2.0
"""A fifth organisation joins a running network: by one ballot each, with a node that votes."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.engine.network_rig import PATIENCE_S, Network, Node, run

import hanse_verify
from hanse.cli.hosting import free_port
from hanse.cli.localnet import LocalNode
from hanse.cli.network import settle
from hanse.client import Client
from hanse.crypto import keyfiles
from hanse.node.clock import wall_clock_ms
from hanse.node.joining import Join, accept, prepare, read_join, write_prepared

pytestmark = [pytest.mark.engine, pytest.mark.slow]

JOIN_S = 300  # from the join file to the first accepted transaction


def hanse(*argv: str) -> dict[str, Any]:
    """Return what a command says, as its user would run it."""
    done = subprocess.run(
        [sys.executable, "-m", "hanse", *argv, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def ballot(network: Network, join: Join) -> None:
    """Propose the newcomer and let every organisation vote, each at its own node."""
    trust = network.nodes[0].local.folder.ledger

    def by(at: int) -> list[str]:
        local = network.nodes[at].local
        who = ["--as", f"admin@{local.organisation}", "--key", str(local.admin_key)]
        return [*who, "--url", local.url, "--trust", trust]

    fields = {
        "organisation": join.organisation,
        "name": join.name,
        "member": join.admin,
        "key_id": "k1",
        "public_key": join.admin_key,
        "suite": join.suite,
        "node": join.node,
        "node_key": join.node_key,
        "node_suite": join.suite,
        "voting_key": join.voting_key,
        "power": "1",
    }
    said = [f"{name}={value}" for name, value in fields.items()]
    made = hanse(
        "governance", "propose", "organisation.admit", *said, "--reason", "elm joins", *by(0)
    )
    number = str(made["number"])
    for at in range(len(network.nodes)):
        held = hanse("governance", "approve", number, *by(at))
        if held["status"] != "proposed":
            return
    raise AssertionError("four ballots of four decide nothing")


def test_a_fifth_organisation_joins_with_a_node_that_votes(tmp_path: Path) -> None:
    async def scenario(network: Network) -> None:
        begin = time.monotonic()
        prepared = prepare(
            organisation="elm",
            name="Elm Ltd",
            node="node1",
            admin="admin",
            address=f"127.0.0.1:{free_port('127.0.0.1')}",
            suite="ed25519-sha256",
            now_ms=wall_clock_ms(),
        )
        write_prepared(tmp_path / "elm", prepared)
        join = read_join(prepared.join, "$")
        folder, peers = accept(
            tmp_path / "elm", (tmp_path / "network.json").read_bytes(), late=True
        )
        settle(folder, peers)
        ballot(network, join)
        await network.all_alive()  # whoever was decided about takes part from the next block on
        node = Node(LocalNode("elm", folder, free_port("127.0.0.1")), tmp_path / "elm.log")
        node.start()
        network.nodes.append(node)
        await network.send(4)
        assert time.monotonic() - begin < JOIN_S
        signer = keyfiles.load(node.local.admin_key, passphrase=None)
        opened = Client(node.url, trust=folder.ledger, member="admin@elm", signer=signer)
        until = time.monotonic() + PATIENCE_S
        with opened as client:
            while True:
                args = {"account": f"elm{wall_clock_ms()}", "checking": 5, "savings": 5}
                receipt = client.submit("smallbank", "create_account", args).require_ok()
                file = client.evidence(receipt.tx)
                assert hanse_verify.verify(file, folder.ledger)["verdict"] == "valid"
                power = client.header(receipt.height).power
                if power is not None and power.endswith("of 5"):
                    break
                assert time.monotonic() < until, power
        network.nodes[0].kill()  # with the fifth, four of five are left
        await network.send(4)
        network.nodes[0].start()

    run(tmp_path, scenario)
