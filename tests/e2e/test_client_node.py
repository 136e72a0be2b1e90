# SPDX-License-Identifier: Apache-2.0
"""The clients on a real node with two witnesses: every answer proved, evidence judged by both."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from hanse.client import AsyncClient, Client, Witness, open_witness
from hanse.client.bulk import Drafter, encode_args
from hanse.client.evidence import verify
from hanse.crypto import signers
from hanse.crypto.signers import Signer
from hanse.errors import HanseError, Refusal
from hanse.gateway import build_app, start
from hanse.kernel.registry import Registry
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import Folder, make_folder
from hanse.node.founding import Founder, Operator, found
from hanse.node.service import NodeService
from hanse_verify import verify as verify_alone

SUITE = "ed25519-sha256"
ADMIN = "ada@acme"
WITNESSES = ("w-east", "w-west")


@dataclass
class Site:
    """A running node and the keys of everybody."""

    folder: Folder
    keys: dict[str, Signer]
    url: str
    path: Path

    @property
    def options(self) -> dict[str, object]:
        return {"trust": self.folder.ledger, "member": ADMIN, "signer": self.keys[ADMIN]}

    def client(self) -> AsyncClient:
        return AsyncClient(self.url, **self.options)

    async def witness(self, client: AsyncClient, name: str) -> Witness:
        path = self.path / f"{name}.json"
        return open_witness(await client.genesis(), name, self.keys[name], path)


@asynccontextmanager
async def _site(path: Path) -> AsyncIterator[Site]:
    keys = {name: signers.generate(SUITE) for name in (ADMIN, *WITNESSES, "node1")}
    genesis = found(
        network=f"test-{secrets.token_hex(3)}",
        time_ms=wall_clock_ms(),
        organisations={"acme": "Acme Ltd"},
        members={ADMIN: Founder(("admin",), keys[ADMIN])},
        operator=Operator("node1", "acme", keys["node1"]),
        contracts=[],
        witnesses={name: keys[name] for name in WITNESSES},
        witness_quorum=2,
    )
    folder = make_folder(path / "node", genesis, "node1", keys["node1"])
    service = NodeService(folder, ())
    await service.start()
    running = await start(build_app(service), port=0)
    try:
        yield Site(folder, keys, running.url, path)
    finally:
        await running.stop()
        await service.stop()


def _run(path: Path, body: Callable[[Site], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(60), _site(path) as site:
            await body(site)

    asyncio.run(run())


@asynccontextmanager
async def _witnessing(site: Site, client: AsyncClient) -> AsyncIterator[None]:
    """Cosign by both witnesses, again and again, until the block ends."""
    both = [await site.witness(client, name) for name in WITNESSES]

    async def run() -> None:
        while True:
            for witness in both:
                with suppress(HanseError):
                    await client.cosign(witness)
            await asyncio.sleep(0.02)

    task = asyncio.get_running_loop().create_task(run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_receipts_state_and_records_of_a_node_are_proved(tmp_path: Path) -> None:
    async def body(site: Site) -> None:
        async with site.client() as client:
            done = await client.call(Registry.grant_role, ADMIN, "maker")
            refused = await client.submit(
                "registry", "grant_role", {"member": "x", "role": "maker"}
            )
            assert done.receipt.ok
            assert refused.code
            role = await client.state("registry", "roles", (ADMIN, "maker"))
            assert role.present
            assert not (await client.state("registry", "roles", (ADMIN, "thief"))).present
            record = await client.transaction(done.receipt.tx)
            assert record.receipt.raw == done.receipt.raw
            rows = await client.block(done.receipt.height)
            assert done.receipt.tx in [row.receipt.tx for row in rows]
            report = await client.checkpoint_update()
            assert report.newest.size == client.session.size_seen

    _run(tmp_path, body)


def test_evidence_with_a_quorum_convinces_both_verifiers(tmp_path: Path) -> None:
    async def body(site: Site) -> None:
        async with site.client() as client, _witnessing(site, client):
            good = (await client.call(Registry.grant_role, ADMIN, "maker")).receipt
            gone = (await client.call(Registry.grant_role, ADMIN, "taker")).receipt
            await client.call(Registry.withdraw, gone.tx, "a slip")
            files = [
                (await client.evidence(good.tx), "valid"),
                (await client.evidence(gone.tx), "withdrawn"),
                (await client.evidence_of_state("registry", "roles", (ADMIN, "maker")), "valid"),
                (await client.evidence_of_state("registry", "roles", (ADMIN, "thief")), "valid"),
            ]
            assert (await client.checkpoint_update()).witnesses == WITNESSES
        for data, verdict in files:
            mine, alone = verify(data, site.folder.ledger), verify_alone(data, site.folder.ledger)
            assert (mine.verdict, alone["verdict"]) == (verdict, verdict)
            assert (mine.claim, mine.digest) == (alone["claim"], alone["digest"])
            assert mine.to_document().keys() == alone.keys()

    _run(tmp_path, body)


def test_batches_and_streams_of_a_node_are_proved_to_the_last(tmp_path: Path) -> None:
    async def body(site: Site) -> None:
        async with site.client() as client:
            genesis = await client.genesis()
            pen = Drafter(genesis, ADMIN, "k1", site.keys[ADMIN])
            expires_ms = wall_clock_ms() + 60_000
            drafts = [
                pen.draft(
                    ("registry", "revoke_role"),
                    encode_args({"member": ADMIN, "role": f"r{n}"}),
                    5_000,
                    expires_ms,
                )
                for n in range(1_200)
            ]
            batched = await client.submit_drafts(drafts[:600])
            streamed = [outcome async for _, outcome in client.stream(drafts[600:])]
            outcomes = [*batched, *streamed]
            assert [outcome.tx for outcome in outcomes] == [made.tx for made in drafts]
            again = await client.submit_drafts(drafts[:50])
            assert [o.raw for o in again] == [o.raw for o in batched[:50]]

    _run(tmp_path, body)


def test_the_feed_of_a_node_is_proved(tmp_path: Path) -> None:
    async def body(site: Site) -> None:
        async with site.client() as client:
            receipts = [await client.submit("registry", "nothing", {}) for _ in range(3)]
            feed = client.feed(1)
            heights = [(await anext(feed)).height for _ in receipts]
            await feed.aclose()
            assert heights == [receipt.height for receipt in receipts]

    _run(tmp_path, body)


def test_the_ordinary_client_does_the_same(tmp_path: Path) -> None:
    def work(site: Site) -> None:
        with Client(site.url, **site.options, state_dir=tmp_path / "seen") as client:
            receipt = client.call(Registry.grant_role, ADMIN, "maker").receipt
            assert client.transaction(receipt.tx).body.signer == ADMIN
            assert client.state("registry", "members", ADMIN).value["organisation"] == "acme"
            assert client.ledger()["ledger"] == site.folder.ledger
            assert client.describe("registry")["name"] == "registry"
            feed = client.feed(1)
            assert next(feed).height == receipt.height
            feed.close()
            with pytest.raises(Refusal):
                client.transaction("A" * 43)
        with Client(site.url, **site.options, state_dir=tmp_path / "seen") as again:
            again.checkpoint_update()
            assert again.session.size_seen > 1

    async def body(site: Site) -> None:
        await asyncio.to_thread(work, site)

    _run(tmp_path, body)
