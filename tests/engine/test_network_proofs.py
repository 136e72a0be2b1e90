# SPDX-License-Identifier: Apache-2.0
"""Four real nodes: what any of them answers is proved to a client, and files of it to strangers."""

import asyncio
import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.engine.network_rig import PATIENCE_S, Network, run

import hanse_verify
from hanse.client import Client
from hanse.client.evidence import verify
from hanse.client.note import NoCheckpoints
from hanse.client.session import AnswerStale
from hanse.crypto import keyfiles
from hanse.errors import Refusal

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def catch_up(reader: Client) -> None:
    """Ask a node until it is as far as what the memory has seen."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with suppress(AnswerStale):
            reader.checkpoint_update()
            return
        time.sleep(0.2)
    raise AssertionError("it does not follow")


def read_all(network: Network, ledger: str, memory: Path) -> None:
    """Send through one node, then ask every one; one memory holds them to one history."""
    local = network.nodes[0].local
    signer = keyfiles.load(local.admin_key, passphrase=None)
    member = f"admin@{local.organisation}"
    with Client(local.url, trust=ledger, member=member, signer=signer, state_dir=memory) as client:
        args = {"account": "proved", "checking": 5, "savings": 5}
        receipt = client.submit("smallbank", "create_account", args)
        assert receipt.require_ok().verified
        calls = [("smallbank", "create_account", args | {"account": f"p{n}"}) for n in range(60)]
        assert all(outcome.ok for outcome in client.submit_many(calls, cost_max=2_000))
        file = client.evidence(receipt.tx)
    for verdict in (verify(file, ledger).verdict, hanse_verify.verify(file, ledger)["verdict"]):
        assert verdict == "valid"
    for node in network.nodes:
        with Client(node.url, trust=ledger, state_dir=memory) as reader:
            catch_up(reader)
            assert reader.header(receipt.height).power == "3 of 4"
            state = reader.state("registry", "members", member)
            assert state.present
            data = reader.evidence_of_state("registry", "members", member)
            assert hanse_verify.verify(data, ledger)["verdict"] == "valid"
            assert any(row.receipt.tx == receipt.tx for row in reader.block(receipt.height))
            with pytest.raises(NoCheckpoints):
                reader.cosign(None)
            with pytest.raises(Refusal, match="no_checkpoints"):
                reader.get("/v1/checkpoint")


def test_every_node_proves_the_one_history(tmp_path: Path) -> None:
    async def scenario(network: Network) -> None:
        await network.send(0)
        status = await network.get(0, "/v1/ledger")
        assert status["height"] - status["provable_height"] in {0, 1}
        await asyncio.to_thread(read_all, network, status["ledger"], tmp_path / "memory")

    run(tmp_path / "network", scenario)


def decide(network: Network, *words: str) -> None:
    """Let the command line say something of governance at the first node."""
    command = [sys.executable, "-m", "hanse", "governance", *words, "--url", network.nodes[0].url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 or "not_open" in done.stderr, done.stderr


def change_power(network: Network, ledger: str) -> None:
    """Give one validator twice the power, and prove what comes after to a stranger."""
    locals_ = [node.local for node in network.nodes]
    pens = [("--as", f"admin@{one.organisation}", "--key", str(one.admin_key)) for one in locals_]
    where = (f"organisation={locals_[1].organisation}", "node=node1", "power=2")
    decide(network, "propose", "validator.power", *where, "--reason", "more", *pens[0])
    for pen in pens:
        decide(network, "approve", "1", *pen)
    signer = keyfiles.load(locals_[0].admin_key, passphrase=None)
    member = f"admin@{locals_[0].organisation}"
    with Client(locals_[0].url, trust=ledger, member=member, signer=signer) as client:
        args = {"account": "after", "checking": 5, "savings": 5}
        receipts = [
            client.submit("smallbank", "create_account", args | {"account": f"after{n}"})
            for n in range(3)
        ]
        assert client.header(receipts[-1].height).power == "4 of 5"
        assert client.header(1).power == "3 of 4"
        file = client.evidence(receipts[0].tx)
    assert verify(file, ledger).verdict == hanse_verify.verify(file, ledger)["verdict"] == "valid"
    certificate = json.loads(file)["certificate"]
    assert [weight["power"] for weight in certificate["steps"][0]["next"]] == [2, 1, 1, 1]
    assert {one["power"] for one in certificate["validators"]} == {1, 2}


def test_a_change_of_the_validators_by_ballot_is_a_step_of_the_proof(tmp_path: Path) -> None:
    async def scenario(network: Network) -> None:
        await network.send(0)
        status = await network.get(0, "/v1/ledger")
        await asyncio.to_thread(change_power, network, status["ledger"])

    run(tmp_path, scenario)
