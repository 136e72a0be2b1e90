# SPDX-License-Identifier: Apache-2.0
"""``hanse bench``: signed transactions through the gateway, acknowledged after fsync, verified."""

import asyncio
import bisect
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar

import click

from hanse.apps._world.seeded import Seeded
from hanse.cli.bench_load import Bank, account, load_bank
from hanse.cli.output import common, emit
from hanse.client import AsyncClient
from hanse.client.bulk import Draft, Drafter, encode_args
from hanse.client.receipts import VerifiedReceipt
from hanse.errors import Misconfigured
from hanse.node.clock import wall_clock_ms

WORKLOADS = ("create", "uniform", "zipf", "hot10")
BATCH = 500  # transactions in one request
IN_FLIGHT = 4  # requests under way at once
SLICE = 20  # transactions signed in a row; all of a batch would leave answers unread for 20 ms
MEMBERS = 10_000
COST_MAX = 1_000  # units reserved by each transaction; a payment uses about 250
ZIPF_EXPONENT = 0.99
LATENCY_BATCH = 100
SCALE_SECONDS = 30.0  # a large state writes a checkpoint every 30,000 payments: some must count

Choose = Callable[[], int]


@dataclass(eq=False)
class BenchFailed(Misconfigured):
    """The benchmark's node did not start, or a receipt was not what it must be."""

    code: ClassVar[str] = "bench_failed"
    hint: ClassVar[str] = "Look at the lines above; run `hanse doctor`."


@dataclass(slots=True)
class Count:
    """What one phase saw."""

    sent: int = 0
    committed: int = 0
    refused: int = 0
    seconds: float = 0.0
    client_cpu: float = 0.0
    node_cpu: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)


class Load:
    """An endless row of signed transactions of one workload."""

    def __init__(self, bank: Bank, drafters: list[Drafter], workload: str, seed: int) -> None:
        """Draw from the seed; two equal seeds draw alike."""
        self._drafters = drafters
        self._dice = Seeded(seed)
        self._accounts = bank.accounts
        self._next = 0
        self._create = workload == "create"
        self._choose: Choose = {
            "create": self._uniform,
            "uniform": self._uniform,
            "zipf": self._zipf,
            "hot10": lambda: self._dice.below(10),
        }[workload]
        if workload == "zipf":
            weights = [1 / (rank + 1) ** ZIPF_EXPONENT for rank in range(bank.accounts)]
            self._steps = list(accumulate(weights))
        self._tag = f"{seed:x}"

    def _uniform(self) -> int:
        return self._dice.below(self._accounts)

    def _zipf(self) -> int:
        at = self._dice.next64() / 2**64 * self._steps[-1]
        return bisect.bisect_left(self._steps, at)

    def batch(self, count: int) -> list[Draft]:
        """Return ``count`` transactions, signed now, each by the next member's key."""
        expires = wall_clock_ms() + 600_000
        out = []
        for _ in range(count):
            drafter = self._drafters[self._next % len(self._drafters)]
            self._next += 1
            out.append(drafter.draft(self._what, self._args(), COST_MAX, expires))
        return out

    async def draw(self, count: int) -> list[Draft]:
        """Return :meth:`batch` of ``count``, letting others send and receive between signatures."""
        out: list[Draft] = []
        while len(out) < count:
            out += self.batch(min(SLICE, count - len(out)))
            await asyncio.sleep(0)
        return out

    @property
    def _what(self) -> tuple[str, str]:
        return ("smallbank", "create_account" if self._create else "send_payment")

    def _args(self) -> bytes:
        if self._create:
            name = f"n{self._tag}x{self._next}"
            return encode_args({"account": name, "checking": 1_000, "savings": 1_000})
        source, target = self._choose(), self._choose()
        if target == source:
            target = (target + 1) % self._accounts
        amount = 1 + self._dice.below(5)
        args = {"amount_minor": amount, "source": account(source), "target": account(target)}
        return encode_args(args)


@contextmanager
def node_process(bank: Bank) -> Iterator[tuple[str, int]]:
    """Run the bank's node in a process of its own; yields its address and process id."""
    command = [
        sys.executable, "-m", "hanse", "node", "run", str(bank.folder.path),
        "--port", "0", "--app", "hanse.testing.smallbank", "--json",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if '"url":"' not in line:
            raise BenchFailed
        yield line.split('"url":"')[1].split('"')[0], process.pid
    finally:
        process.terminate()
        process.wait(timeout=60)


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process and its children (proc(5), fields 14 and 15)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    ticks = 0
    for one in (str(pid), *children):
        fields = Path(f"/proc/{one}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def closed_loop(client: AsyncClient, load: Load, seconds: float, pid: int) -> Count:
    """Keep ``IN_FLIGHT`` batches under way for that long; every receipt is verified."""
    count = Count()
    begin, cpu, node = time.monotonic(), time.process_time(), cpu_of(pid)

    async def lane() -> None:
        batch = await load.draw(BATCH)
        while time.monotonic() - begin < seconds:
            count.sent += len(batch)
            sending = asyncio.create_task(client.submit_drafts(batch))
            batch = await load.draw(BATCH)  # signed while the node is at work
            _tally(count, await sending)

    await asyncio.gather(*[lane() for _ in range(IN_FLIGHT)])
    count.seconds = time.monotonic() - begin
    count.client_cpu = time.process_time() - cpu
    count.node_cpu = cpu_of(pid) - node
    return count


async def open_loop(client: AsyncClient, load: Load, seconds: float, rate: float) -> Count:
    """Send batches at a fixed rate and note how long each takes from its due time."""
    count = Count()
    begin = time.monotonic()
    tasks: list[asyncio.Task[None]] = []

    async def one(due: float) -> None:
        batch = load.batch(LATENCY_BATCH)
        count.sent += len(batch)
        _tally(count, await client.submit_drafts(batch))
        count.latencies_ms += [(time.monotonic() - due) * 1_000] * len(batch)

    number = 0
    while (due := begin + number * LATENCY_BATCH / rate) < begin + seconds:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tasks.append(asyncio.create_task(one(due)))
        number += 1
    await asyncio.gather(*tasks)
    count.seconds = time.monotonic() - begin
    return count


def _tally(count: Count, outcomes: list[Any]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, VerifiedReceipt) and outcome.code is None:
            count.committed += 1
        else:
            count.refused += 1


def disk_bytes(path: Path) -> int:
    """Return the bytes that the files under ``path`` occupy on disk."""
    return sum(f.stat().st_blocks * 512 for f in path.rglob("*") if f.is_file())


async def _measure(bank: Bank, workload: str, seconds: float, seed: int) -> dict[str, Any]:
    with node_process(bank) as (url, pid):
        async with AsyncClient(url, trust=bank.folder.ledger) as client:
            genesis = await client.genesis()
            drafters = [Drafter(genesis, name, "k1", s) for name, s in bank.members.items()]
            load = Load(bank, drafters, workload, seed)
            await closed_loop(client, load, min(2.0, seconds), pid)
            size = disk_bytes(bank.folder.path)
            count = await closed_loop(client, load, seconds, pid)
            rate = count.committed / count.seconds
            slow = await open_loop(client, load, max(2.0, seconds / 2), rate / 2)
        grown = disk_bytes(bank.folder.path) - size
    total = count.committed + slow.committed
    latencies = sorted(slow.latencies_ms)
    return {
        "bytes_per_tx": round(grown / total),
        "committed": count.committed,
        "cpu_us_by_part": {
            "client": round(count.client_cpu / count.committed * 1e6, 1),
            "node": round(count.node_cpu / count.committed * 1e6, 1),
        },
        "cpu_us_per_tx": round((count.client_cpu + count.node_cpu) / count.committed * 1e6, 1),
        "lost": count.sent - count.committed - count.refused,
        "p50_ms": round(statistics.median(latencies), 1),
        "p95_ms": round(latencies[int(len(latencies) * 0.95)], 1),
        "refused": count.refused,
        "tx_per_s": round(rate),
    }


def _run(workload: str, seconds: float, seed: int, suite: str, accounts: int) -> dict[str, Any]:
    path = Path(tempfile.mkdtemp(prefix="hanse-bench-"))
    try:
        bank = load_bank(path / "node", members=MEMBERS, accounts=accounts, suite=suite)
        result = asyncio.run(_measure(bank, workload, seconds, seed))
    finally:
        shutil.rmtree(path)
    return {"accounts": accounts, "engine": "embedded", "workload": workload, **result}


@click.command()
@click.option("--engine", type=click.Choice(["embedded"]), default="embedded", show_default=True)
@click.option("--workload", type=click.Choice(WORKLOADS), default="uniform", show_default=True)
@click.option("--seconds", type=float, default=10.0, show_default=True, help="Of the timed phase.")
@click.option("--accounts", type=int, default=10_000, show_default=True)
@click.option("--scale", is_flag=True, help="Compare with 1,000,000 accounts; 30 s each at least.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--suite", default="ed25519-sha256", show_default=True)
@common
def bench(  # the command's options
    *,
    engine: str,
    workload: str,
    seconds: float,
    accounts: int,
    scale: bool,
    seed: int,
    suite: str,
    as_json: bool,
) -> None:
    """Measure committed transactions a second, client included.

    Every transaction is signed by one of 10,000 members, sent through the gateway, acknowledged
    after fsync, and its receipt is verified. Latencies are taken at half the rate reached.

    Examples:
      hanse bench --workload zipf --seconds 10 --json
      hanse bench --scale --json
    """
    del engine
    seconds = max(seconds, SCALE_SECONDS) if scale else seconds
    result = _run(workload, seconds, seed, suite, accounts)
    if scale:
        large = _run(workload, seconds, seed, suite, 1_000_000)
        small_node, large_node = (r["cpu_us_by_part"]["node"] for r in (result, large))
        result["cost_ratio"] = round(large["cpu_us_per_tx"] / result["cpu_us_per_tx"], 2)
        result["cost_ratio_of_node"] = round(large_node / small_node, 2)
        result["large"] = large
    emit(result, as_json=as_json)
