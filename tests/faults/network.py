# SPDX-License-Identifier: Apache-2.0
"""A small SmallBank network on disk and its node as a process, for tests that kill it."""

import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hanse.client import decode_genesis
from hanse.client.bulk import Draft, Drafter, encode_args
from hanse.crypto import signers
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import Folder, make_folder
from hanse.node.founding import Founder, Operator, found
from hanse.testing.smallbank import APP


@dataclass
class Network:
    """A node's folder and the pens of its members."""

    folder: Folder
    drafters: list[Drafter]
    made: int = 0

    def drafts(self, count: int) -> list[Draft]:
        """Return transactions that each open another account."""
        out = []
        for _ in range(count):
            self.made += 1
            args = {"account": f"k{self.made:06d}", "checking": 5, "savings": 5}
            drafter = self.drafters[self.made % len(self.drafters)]
            what = ("smallbank", "create_account")
            out.append(drafter.draft(what, encode_args(args), 1_000, wall_clock_ms() + 600_000))
        return out


def make_network(path: Path, members: int = 10) -> Network:
    """Return a new network of one organisation."""
    operator = signers.generate("ed25519-sha256")
    keys = {f"m{i}@bank": signers.generate("ed25519-sha256") for i in range(members)}
    genesis = found(
        network="faults",
        time_ms=wall_clock_ms(),
        organisations={"bank": "Bank"},
        members={name: Founder((), signer) for name, signer in keys.items()},
        operator=Operator("node1", "bank", operator),
        contracts=APP.contracts,
    )
    folder = make_folder(path, genesis, "node1", operator)
    parts = decode_genesis(genesis)
    return Network(folder, [Drafter(parts, name, "k1", s) for name, s in keys.items()])


class NodeProcess:
    """``hanse node run`` as a child process."""

    def __init__(self, folder: Folder) -> None:
        """Start it and wait until it listens."""
        command = [sys.executable, "-m", "hanse", "node", "run", str(folder.path)]
        options = ["--port", "0", "--app", "hanse.testing.smallbank", "--json"]
        self.process = subprocess.Popen(
            command + options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if '"url":"' not in line:
            _, errors = self.process.communicate(timeout=30)
            raise AssertionError(f"the node did not start: {line}{errors}")
        self.url = line.split('"url":"')[1].split('"')[0]

    def kill(self) -> None:
        """End it as a power cut would, leaving it no time for anything."""
        self.process.kill()
        self._end()

    def stop(self) -> int:
        """End it in order; returns its exit code."""
        self.process.terminate()
        self._end()
        return self.process.returncode

    def _end(self) -> None:
        self.process.wait(timeout=60)
        for pipe in (self.process.stdout, self.process.stderr):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()
