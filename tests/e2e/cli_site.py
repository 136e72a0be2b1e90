# SPDX-License-Identifier: Apache-2.0
"""A node that ``hanse node init`` made and ``hanse node run`` runs, and commands against it."""

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from hanse.cli import main

BANK = "hanse.testing.smallbank"
MEMBER = "ada@acme"
WITNESS = "northgate"
GENESIS = """
network = "pilot"
node = "node1"
operator = "acme"
witness_quorum = 1

[[organisations]]
id = "acme"
name = "Acme Ltd"

[[members]]
id = "ada@acme"
roles = ["maker", "operator", "admin"]

[[members]]
id = "bob@acme"

[[witnesses]]
name = "northgate"
"""


def run(*arguments: object, env: dict[str, str] | None = None) -> Result:
    """Run one command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env=env)


def document(result: Result) -> Any:
    """Return the one JSON document that a command printed."""
    assert result.stdout.count("\n") == 1, result.output
    return json.loads(result.stdout)


@dataclass
class Site:
    """A running node, its folder and the anchor of its ledger."""

    folder: Path
    process: subprocess.Popen[str]
    url: str
    ledger: str

    def run(self, *arguments: object, trust: bool = True) -> Result:
        """Run a command that asks the node; it fails loudly when it crashes."""
        env = {"HANSE_URL": self.url} | ({"HANSE_TRUST": self.ledger} if trust else {})
        result = run(*arguments, env=env)
        crashed = result.exception is not None and not isinstance(result.exception, SystemExit)
        assert not crashed, result.exception
        return result

    def json(self, *arguments: object, code: int = 0) -> Any:
        """Return the one JSON document of a command that ended as it should."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == code, result.output
        return document(result)

    def key(self, member: str = MEMBER) -> Path:
        """Return the key file of a member."""
        return self.folder / "members" / f"{member}.key"

    def submit(self, action: str, args: dict[str, object], *options: str, code: int = 0) -> Any:
        """Return the receipt of a transaction on the bank."""
        signing = ("--as", MEMBER, "--key", self.key())
        command = ("tx", "submit", "smallbank", action, "--args", json.dumps(args))
        return self.json(*command, *signing, *options, code=code)

    def open_account(self, name: str) -> str:
        """Return the transaction that opened an account."""
        args = {"account": name, "checking": 100, "savings": 0}
        return str(self.submit("create_account", args)["tx"])

    def cosign(self) -> Any:
        """Let the witness cosign once."""
        key = self.folder / "members" / f"witness-{WITNESS}.key"
        state = self.folder.parent / "witness.json"
        options = ("--name", WITNESS, "--key", key, "--state", state, "--trust", self.ledger)
        return self.json("witness", "--once", *options)

    def stop(self) -> int:
        """End the node in order and return its exit code."""
        self.process.terminate()
        self.process.wait(60)
        with suppress(OSError):
            assert self.process.stdout is not None
            self.process.stdout.close()
        return self.process.returncode


def make_node(path: Path, genesis: str = GENESIS) -> str:
    """Make a node under ``path / "node"`` and return its ledger id."""
    (path / "genesis.toml").write_text(genesis, "utf-8")
    made = run(
        "node", "init", "--genesis", path / "genesis.toml", "--dir", path / "node",
        "--app", BANK, "--json",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    return str(document(made)["ledger"])


def start(path: Path, genesis: str = GENESIS) -> Site:
    """Return a new node that listens."""
    return start_again(path, make_node(path, genesis))


def start_again(path: Path, ledger: str, env: dict[str, str] | None = None) -> Site:
    """Return the node under ``path`` once it listens; ``env``: of another software."""
    command = [sys.executable, "-m", "hanse", "node", "run", str(path / "node")]
    with (path / "errors").open("w") as errors_of:  # a pipe that nobody reads would fill
        process = subprocess.Popen(
            [*command, "--port", "0", "--app", BANK, "--json"],
            stdout=subprocess.PIPE,
            stderr=errors_of,
            text=True,
            env=env,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    if '"url":"' not in line:
        process.communicate(timeout=30)
        errors = (path / "errors").read_text("utf-8")
        raise AssertionError(f"the node did not start: {line}{errors}")
    return Site(path / "node", process, json.loads(line)["url"], ledger)
