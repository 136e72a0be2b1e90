# SPDX-License-Identifier: Apache-2.0
"""A contract of many entries upgraded on the embedded engine, while another takes payments.

Prints one JSON line: seconds of the rehearsal and of the migration, its blocks, the longest wait
for an answer meanwhile, payments a second before and meanwhile, memory of this process (node and
payers) and of its children. The entries are loaded in bulk; the root that was voted on is compared
with that of the state.

    python bench/migration.py [entries] [open|frozen]
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from hanse.cli.bench import Load, cpu_of
from hanse.cli.bench_load import Bank, _accounts, _members
from hanse.client._genesis import decode_genesis
from hanse.client.bulk import Drafter, encode_args
from hanse.codec.base64url import to_text
from hanse.contracts.digests import digest_of
from hanse.contracts.keys import encode_key
from hanse.contracts.package import texts_hash
from hanse.contracts.sources import hash_lowered, load_files, split_text
from hanse.crypto import signers
from hanse.identity import GenesisPolicy
from hanse.kernel.entries import PROPOSALS
from hanse.kernel.proposals import Proposal
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import make_folder
from hanse.node.founding import Founder, Operator, found
from hanse.node.ledger import Ledger
from hanse.node.service import NodeService
from hanse.storage import Store
from hanse.testing.smallbank import APP

ADA = "ada@bank"
ACCOUNTS, MEMBERS, BATCH, LANES, BEFORE_S = 10_000, 1_000, 50, 2, 10
ONE = '''"""Lots."""

from hanse.contracts import Context, Contract, Map, action, record


@record
class Lot:
    """A lot."""

    kilos: int


class Lots(Contract):
    """Lots of goods."""

    name = "lots"
    version = "1"

    lots: Map[str, Lot]

    @action(role=None)
    def make(self, ctx: Context, lot: str, kilos: int) -> None:
        """Make a lot."""
        self.lots[lot] = Lot(kilos=kilos)
'''
TWO = (
    ONE.replace('version = "1"', 'version = "2"')
    .replace("action, record", "action, migrate, record")
    .replace("    kilos: int\n", "    grams: int\n")
    .replace("Lot(kilos=kilos)", "Lot(grams=1000 * kilos)")
    .replace(
        "@record", '@record\nclass Old:\n    """As it was."""\n\n    kilos: int\n\n\n@record', 1
    )
    .replace(
        "    @action",
        '    @migrate(from_="1", of="lots")\n    def grams(self, key: str, old: Old) -> Lot:\n'
        '        """Kilos are grams now."""\n        return Lot(grams=1000 * old.kilos)\n\n'
        "    @action",
    )
)


def load(path: Path, entries: int) -> tuple[Bank, signers.Signer]:
    """Return a ledger with accounts, and the entries of a contract that is yet to be installed."""
    ada = signers.generate("ed25519-sha256")
    genesis = found(
        network="bench",
        time_ms=wall_clock_ms(),
        organisations={"bank": "The Bench Bank"},
        members={ADA: Founder(("admin",), ada)},
        operator=Operator("node1", "bank", ada),
        contracts=APP.contracts,
        policies=[GenesisPolicy([], "contract.approve", ["admin"], "ANY")],
    )
    folder = make_folder(path, genesis, "node1", ada)
    keys = {f"m{i:05d}@bank": signers.generate("ed25519-sha256") for i in range(MEMBERS)}
    lots = {b"lots\x00" + encode_key(f"L{i:09d}"): b'{"kilos":%d}' % i for i in range(entries)}
    ledger = Ledger(folder, APP.contracts, folder.signer(), contained=False)
    ledger.open(
        loaded={
            "lots": dict(lots),
            "registry": _members(keys, "bank"),
            "smallbank": _accounts(ACCOUNTS),
        }
    )
    ledger.close()
    return Bank((folder,), keys, ACCOUNTS), ada


class Bench:
    """A running node, its administrator, and those who pay."""

    def __init__(self, bank: Bank, ada: signers.Signer) -> None:
        """Begin with no payment."""
        genesis = decode_genesis(bank.folder.genesis_bytes)
        self.service = NodeService(bank.folder, (APP,))
        self.tagged = genesis.hash.tagged
        self._ada = Drafter(genesis, ADA, "k1", ada)
        drafters = [Drafter(genesis, name, "k1", key) for name, key in bank.members.items()]
        self._load = Load(bank, drafters, "uniform", 1)
        self.paid = 0
        self.longest = 0.0
        self.is_over = False

    async def do(self, action: str, **args: Any) -> Any:
        """Let the administrator act; returns the action's result."""
        what = ("governance", action)
        draft = self._ada.draft(what, encode_args(args), 200_000, wall_clock_ms() + 600_000)
        [answer] = await self.service.submit([draft.raw])
        receipt = msgspec.json.decode(answer.body)
        assert receipt.get("status") == "ok", answer.body
        return receipt.get("result")

    async def propose(self, kind: str, **terms: Any) -> int:
        """Propose a change of the contract; returns its number."""
        asked = {"contract": "lots", "kind": kind, "reason": "bench", **terms}
        return int(await self.do("propose", terms=asked))

    async def package(self, text: str, version: str) -> dict[str, Any]:
        """Put a text on the ledger; returns the package."""
        parts, files = split_text(text), {"lots": text}
        await self.do("publish", texts=parts)
        digests = [digest_of(self.tagged, "hanse/text", part) for part in parts]
        loaded = load_files(files, self.service.kernel.hash)
        return {
            "files": [{"name": "lots", "parts": digests}],
            "hash": texts_hash(files, "lots", version, self.tagged),
            "lowered": hash_lowered(loaded, self.tagged),
            "version": version,
        }

    async def approve(self, number: int) -> None:
        """Approve what a proposal binds, and let a block pass."""
        binds = self.proposal(number).binds
        await self.do("approve", number=number, binds=binds, reason="bench")

    @property
    def store(self) -> Store:
        """The node's store."""
        return self.service._node.store  # noqa: SLF001 - no surface shows what is measured here

    def proposal(self, number: int) -> Proposal:
        """Return a proposal as it stands."""
        held = PROPOSALS.get(self.store, number)
        assert held is not None
        return held

    async def settled(self, number: int) -> Proposal:
        """Wait until a proposal is done, or has failed."""
        while self.proposal(number).status not in ("done", "failed"):  # noqa: ASYNC110 - rarely
            await asyncio.sleep(0.02)  # no event tells it
        return self.proposal(number)

    async def pay(self) -> None:
        """Send payments until it is over."""
        while not self.is_over:
            raws = [draft.raw for draft in self._load.batch(BATCH)]
            begin = time.monotonic()
            answers = await self.service.submit(raws)
            self.longest = max(self.longest, time.monotonic() - begin)
            assert all(answer.ok for answer in answers)
            self.paid += BATCH


def rss_mb(pid: int) -> int:
    """Return the resident memory of a process, at most so far."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def children() -> list[int]:
    """Return the processes that this one has started."""
    return [
        int(pid)
        for pid in Path("/proc/self/task")
        .joinpath(str(os.getpid()), "children")
        .read_text("ascii")
        .split()
    ]


async def measure(bank: Bank, ada: signers.Signer, mode: str) -> dict[str, Any]:
    """Return what an upgrade of all entries takes, and what those who pay notice."""
    bench = Bench(bank, ada)
    await bench.service.start()
    number = await bench.propose("install", package=await bench.package(ONE, "1"))
    await bench.approve(number)
    payers = [asyncio.create_task(bench.pay()) for _ in range(LANES)]
    assert (await bench.settled(number)).status == "done"
    bench.paid, begin = 0, time.monotonic()
    await asyncio.sleep(BEFORE_S)
    before, longest = bench.paid / (time.monotonic() - begin), bench.longest
    number = await bench.propose("upgrade", package=await bench.package(TWO, "2"), mode=mode)
    if mode == "frozen":
        freeze = await bench.propose("freeze", upgrade=number)
        await bench.approve(freeze)
        assert (await bench.settled(freeze)).status == "done"
    begin = time.monotonic()
    tried = await bench.service.rehearse(number)
    rehearsed = time.monotonic() - begin
    assert tried["code"] is None, tried
    names = ("cost", "digest", "entries", "height", "root_after", "root_before")
    await bench.do("record_rehearsal", number=number, rehearsal={n: tried[n] for n in names})
    await bench.approve(number)
    height, bench.paid, bench.longest = bench.store.height, 0, 0.0
    begin, cpu = time.monotonic(), cpu_of(os.getpid())
    settled = await bench.settled(number)
    seconds, cpu = time.monotonic() - begin, cpu_of(os.getpid()) - cpu
    blocks, paid = bench.store.height - height, bench.paid
    bench.is_over = True
    await asyncio.gather(*payers)
    memory = [rss_mb(pid) for pid in (os.getpid(), *children())]
    root = to_text(bench.store.tries.root_of("lots"))
    await bench.service.stop()
    assert settled.status == "done", settled
    assert mode == "open" or root == tried["root_after"]
    return {
        "blocks": blocks,
        "cpu_s": round(cpu, 1),
        "chunks": tried["chunks"],
        "entries": tried["entries"],
        "longest_answer_s": round(bench.longest, 2),
        "longest_answer_before_s": round(longest, 2),
        "mode": mode,
        "payments_before": round(before),
        "payments_meanwhile": round(paid / seconds),
        "rehearsal_s": round(rehearsed, 1),
        "rss_mb": memory,
        "seconds": round(seconds, 1),
    }


def main(entries: int, mode: str) -> None:
    """Load a ledger, measure, print."""
    with tempfile.TemporaryDirectory() as folder:
        bank, ada = load(Path(folder) / "node", entries)
        print(json.dumps(asyncio.run(measure(bank, ada, mode))))


if __name__ == "__main__":
    main(int((sys.argv[1:2] or ["1000000"])[0]), (sys.argv[2:3] or ["frozen"])[0])
