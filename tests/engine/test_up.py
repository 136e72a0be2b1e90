# SPDX-License-Identifier: Apache-2.0
"""``hanse up`` as its user runs it: started, used, ended, and started again where it was."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hanse.cli.dashboard import Seen, look
from hanse.cli.localnet import LocalNode, open_network
from hanse.client import Client
from hanse.crypto import keyfiles

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def _started(folder: Path) -> tuple["subprocess.Popen[str]", dict[str, Any]]:
    argv = ["up", "--validators", "2", "--dir", str(folder), "--port", "0", "--json"]
    with (folder.parent / "up.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hanse", *argv], stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


async def _looked(nodes: list[LocalNode]) -> list[Seen]:
    async with aiohttp.ClientSession() as session:
        return [await look(session, node) for node in nodes]


def test_a_network_runs_ends_and_goes_on(tmp_path: Path) -> None:
    heights = []
    for number in range(2):
        process, said = _started(tmp_path / "net")
        try:
            key = tmp_path / "net/acme/members/admin@acme.key"
            opened = Client(
                said["nodes"]["acme"],
                trust=said["ledger"],
                member="admin@acme",
                signer=keyfiles.load(key, passphrase=None),
            )
            args = {"member": "admin@acme", "role": f"buyer{number}"}
            with opened as client:
                receipt = client.submit("registry", "grant_role", args).require_ok()
                assert client.header(receipt.height).power == "2 of 2"
            heights.append(receipt.height)
            nodes = open_network(tmp_path / "net")
            seen = asyncio.run(_looked(nodes))
            assert {node.organisation for node in seen} == {"acme", "bank"}
            assert all(node.height is not None for node in seen)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            assert process.stdout is not None
            process.stdout.close()
    assert heights[1] > heights[0]
