# SPDX-License-Identifier: Apache-2.0
"""A generated client works on a real node, and is the same from every description of a contract."""

import asyncio
import json
import os
import runpy
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hanse import AsyncClient, Client
from hanse.cli import main
from hanse.contracts import BigInt, Date
from hanse.crypto import keyfiles
from hanse.errors import Malformed, Refusal

CONTRACT = Path(__file__).parent.parent / "corpus" / "store_contract.txt"
GENESIS = """
network = "store"
node = "node1"
operator = "acme"
organisations = [{ id = "acme", name = "Acme Ltd" }]
members = [{ id = "ada@acme", roles = ["keeper"] }, { id = "bob@acme" }]
"""


@dataclass
class Store:
    """A running node with the contract, and the folder with its source."""

    home: Path
    url: str

    def hanse(self, *args: str) -> str:
        """Return what a command printed; this process cannot import the contract."""
        done = CliRunner().invoke(main, args)
        assert done.exit_code == 0, done.output
        return done.stdout

    @property
    def source(self) -> str:
        """The contract's file."""
        return str(self.home / "store.py")

    def module(self) -> dict[str, Any]:
        """Return the generated client, loaded where the contract cannot be imported."""
        path = self.home / "store_client.py"
        self.hanse("gen", "python", self.source, "-o", str(path))
        assert "store" not in sys.modules
        return runpy.run_path(str(path), run_name="store_client")

    def options(self, member: str) -> dict[str, Any]:
        node = self.home / "node"
        key = keyfiles.load(node / "members" / f"{member}.key", passphrase=None)
        ledger = json.loads((node / "node.json").read_text("utf-8"))["ledger"]
        return {"trust": ledger, "member": member, "signer": key}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = tmp_path_factory.mktemp("store")
    (home / "store.py").write_text(CONTRACT.read_text("utf-8"), "utf-8")
    (home / "genesis.toml").write_text(GENESIS, "utf-8")
    env = {**os.environ, "PYTHONPATH": str(home)}
    hanse = [sys.executable, "-m", "hanse", "node"]
    init = [*hanse, "init", "--genesis", "genesis.toml", "--dir", "node", "--app", "store"]
    subprocess.run(init, cwd=home, env=env, check=True, capture_output=True)
    process = subprocess.Popen(
        [*hanse, "run", "node", "--port", "0", "--app", "store", "--json"],
        cwd=home,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Store(home, json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def test_the_same_text_comes_of_a_file_a_package_and_a_running_node(store: Store) -> None:
    package = str(store.home / "store.package.json")
    store.hanse("contract", "package", store.source, "-o", package)
    for kind in ("python", "jsonschema", "openapi"):
        made = {
            store.hanse("gen", kind, source, "--url", store.url)
            for source in (store.source, package, "node:store", store.source)
        }
        assert len(made) == 1, kind
    diff = store.hanse("contract", "diff", "node:store", store.source, "--url", store.url)
    assert "compatible" in diff


def test_the_openapi_document_has_what_the_nodes_own_has(store: Store) -> None:
    made = json.loads(store.hanse("gen", "openapi", store.source))
    with urllib.request.urlopen(f"{store.url}/openapi.json") as answer:
        served = json.load(answer)
    own = {path for path in made["paths"] if path.startswith("/v1/contracts/store/")}
    assert len(own) == 5
    for path in made["paths"]:
        assert made["paths"][path] == served["paths"][path] or path == "/v1/transactions"
    for name, schema in made["components"]["schemas"].items():
        if name.startswith("store."):
            assert served["components"]["schemas"][name] == schema


def test_the_generated_client_sends_asks_and_is_refused(store: Store) -> None:
    module = store.module()
    with Client(store.url, **store.options("ada@acme")) as client:
        typed = module["StoreClient"](client)
        place = module["Place"](row=3, names=["left"])
        made = typed.put("T1", BigInt(2**80), b"\x01", Date("2026-02-28"), place=place, kind=3,
                         limit=BigInt(2**80))  # fmt: skip
        thing = made.value
        assert type(thing) is module["Thing"]
        assert (thing.owner, thing.by, thing.kind) == ("acme", "ada@acme", 3)
        assert (thing.worth, type(thing.worth)) == (2**80, BigInt)
        assert (thing.seal, thing.grams, thing.pair) == (b"\x01\x00\xff", 3, ("a", 1))
        assert (thing.made, thing.place) == (Date("2026-02-28"), place)
        assert made.receipt.status == "ok"
        assert typed.touch().value is None
        assert typed.find("acme", "T1") == thing
        assert typed.find("acme", "T2") is None
        assert typed.all() == [("T1", 2**80)]
        assert typed.all(client="nobody") == []
        assert typed.total() == 1
        with pytest.raises(Refusal, match="too_dear"):
            typed.put("T2", BigInt(101), b"", Date("2026-02-28"))
        with pytest.raises(Refusal, match="already_exists"):
            typed.put("T1", BigInt(1), b"", Date("2026-02-28"))
        with pytest.raises(Malformed):
            typed.put("T3", "many", b"", Date("2026-02-28"))
    with (
        Client(store.url, **store.options("bob@acme")) as client,
        pytest.raises(Refusal, match="not_authorised"),
    ):
        module["StoreClient"](client).put("T4", BigInt(1), b"", Date("2026-02-28"))


def test_the_asynchronous_client_does_the_same(store: Store) -> None:
    module = store.module()

    async def run() -> None:
        async with AsyncClient(store.url, **store.options("ada@acme")) as client:
            typed = module["AsyncStoreClient"](client)
            made = await typed.put("A1", BigInt(5), b"", Date("2026-02-28"))
            assert made.value.worth == 5
            assert await typed.find("acme", "A1") == made.value
            assert ("A1", 5) in await typed.all(limit=100)
            with pytest.raises(Refusal, match="too_dear"):
                await typed.put("A2", BigInt(101), b"", Date("2026-02-28"))

    asyncio.run(run())
