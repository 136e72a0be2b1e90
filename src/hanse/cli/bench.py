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
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar

import click

from hanse.apps._world.seeded import Seeded
from hanse.cli.bench_load import Bank, account, load_bank, load_network_bank
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
    engine_cpu: float = 0.0
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
def node_processes(bank: Bank) -> Iterator[list[tuple[str, int]]]:
    """Run the bank's nodes, each in a process; yields their addresses and process ids."""
    processes: list[subprocess.Popen[str]] = []
    try:
        for folder in bank.folders:
            command = [
                sys.executable, "-m", "hanse", "node", "run", str(folder.path),
                "--port", "0", "--app", "hanse.testing.smallbank", "--json",
            ]  # fmt: skip
            processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        found: list[tuple[str, int]] = []
        for process in processes:
            assert process.stdout is not None
            line = process.stdout.readline()
            if '"url":"' not in line:
                raise BenchFailed
            found.append((line.split('"url":"')[1].split('"')[0], process.pid))
        yield found
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=60)


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process and its children (proc(5), fields 14 and 15)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return sum(_cpu_seconds(one) for one in (str(pid), *children))


def engine_cpu_of(pid: int) -> float:
    """Return the CPU seconds of the CometBFT that is a child of a node."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    names = {one: Path(f"/proc/{one}/comm").read_text(encoding="ascii").strip() for one in children}
    return sum(_cpu_seconds(one) for one, name in names.items() if name == "cometbft")


def _cpu_seconds(pid: str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def closed_loop(
    clients: list[AsyncClient], load: Load, seconds: float, pids: list[int]
) -> Count:
    """Keep ``IN_FLIGHT`` batches under way for that long; every receipt is verified."""
    count = Count()
    begin, cpu = time.monotonic(), time.process_time()
    node, engine = sum(map(cpu_of, pids)), sum(map(engine_cpu_of, pids))

    async def lane(client: AsyncClient) -> None:
        batch = await load.draw(BATCH)
        while time.monotonic() - begin < seconds:
            count.sent += len(batch)
            sending = asyncio.create_task(client.submit_drafts(batch))
            batch = await load.draw(BATCH)  # signed while the node is at work
            _tally(count, await sending)

    lanes = IN_FLIGHT * len(clients)
    await asyncio.gather(*[lane(clients[number % len(clients)]) for number in range(lanes)])
    count.seconds = time.monotonic() - begin
    count.client_cpu = time.process_time() - cpu
    count.engine_cpu = sum(map(engine_cpu_of, pids)) - engine
    count.node_cpu = sum(map(cpu_of, pids)) - node - count.engine_cpu
    return count


async def open_loop(clients: list[AsyncClient], load: Load, seconds: float, rate: float) -> Count:
    """Send batches at a fixed rate and note how long each takes from its due time."""
    count = Count()
    begin = time.monotonic()
    tasks: list[asyncio.Task[None]] = []

    async def one(due: float, client: AsyncClient) -> None:
        batch = load.batch(LATENCY_BATCH)
        count.sent += len(batch)
        _tally(count, await client.submit_drafts(batch))
        count.latencies_ms += [(time.monotonic() - due) * 1_000] * len(batch)

    number = 0
    while (due := begin + number * LATENCY_BATCH / rate) < begin + seconds:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tasks.append(asyncio.create_task(one(due, clients[number % len(clients)])))
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


def disk_bytes(bank: Bank) -> int:
    """Return the bytes that the files of all nodes occupy on disk."""
    files = (f for folder in bank.folders for f in folder.path.rglob("*"))
    return sum(_blocks(f) for f in files) * 512


def _blocks(path: Path) -> int:
    with suppress(OSError):  # the engine removes files while we look
        if path.is_file():
            return path.stat().st_blocks
    return 0


async def _measure(bank: Bank, workload: str, seconds: float, seed: int) -> dict[str, Any]:
    with node_processes(bank) as nodes:
        pids = [pid for _, pid in nodes]
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(AsyncClient(url, trust=bank.folder.ledger))
                for url, _ in nodes
            ]
            genesis = await clients[0].genesis()
            drafters = [Drafter(genesis, name, "k1", s) for name, s in bank.members.items()]
            load = Load(bank, drafters, workload, seed)
            await closed_loop(clients, load, min(2.0, seconds), pids)
            size = disk_bytes(bank)
            count = await closed_loop(clients, load, seconds, pids)
            rate = count.committed / count.seconds
            slow = await open_loop(clients, load, max(2.0, seconds / 2), rate / 2)
        grown = disk_bytes(bank) - size
    total = count.committed + slow.committed
    latencies = sorted(slow.latencies_ms)
    parts = {"client": count.client_cpu, "engine": count.engine_cpu, "node": count.node_cpu}
    by_part = {name: round(cpu / count.committed * 1e6, 1) for name, cpu in parts.items()}
    return {
        "bytes_per_tx": round(grown / total / len(nodes)),
        "committed": count.committed,
        "cpu_us_by_part": by_part,
        "cpu_us_per_tx": round(sum(by_part.values()), 1),
        "lost": count.sent - count.committed - count.refused,
        "p50_ms": round(statistics.median(latencies), 1),
        "p95_ms": round(latencies[int(len(latencies) * 0.95)], 1),
        "refused": count.refused,
        "tx_per_s": round(rate),
    }


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured; ``validators`` is 0 on the embedded engine."""

    workload: str
    seconds: float
    seed: int
    suite: str
    validators: int


def _run(plan: Plan, accounts: int) -> dict[str, Any]:
    path = Path(tempfile.mkdtemp(prefix="hanse-bench-"))
    size = {"members": MEMBERS, "accounts": accounts}
    try:
        if plan.validators:
            bank = load_network_bank(path, validators=plan.validators, suite=plan.suite, **size)
        else:
            bank = load_bank(path / "node", suite=plan.suite, **size)
        result = asyncio.run(_measure(bank, plan.workload, plan.seconds, plan.seed))
    finally:
        shutil.rmtree(path)
    engine = {"engine": "cometbft", "validators": plan.validators}
    said = engine if plan.validators else {"engine": "embedded"}
    return {"accounts": accounts, "workload": plan.workload, **said, **result}


@click.command()
@click.option(
    "--engine", type=click.Choice(["embedded", "cometbft"]), default="embedded", show_default=True
)
@click.option(
    "--validators",
    type=click.IntRange(1, 10),
    default=4,
    show_default=True,
    help="Of CometBFT, each a node of its own.",
)
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
    validators: int,
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
      hanse bench --engine cometbft --validators 4 --workload zipf --json
    """
    seconds = max(seconds, SCALE_SECONDS) if scale else seconds
    voting = validators if engine == "cometbft" else 0
    plan = Plan(workload, seconds, seed, suite, voting)
    result = _run(plan, accounts)
    if scale:
        large = _run(plan, 1_000_000)
        small_node, large_node = (r["cpu_us_by_part"]["node"] for r in (result, large))
        result["cost_ratio"] = round(large["cpu_us_per_tx"] / result["cpu_us_per_tx"], 2)
        result["cost_ratio_of_node"] = round(large_node / small_node, 2)
        result["large"] = large
    emit(result, as_json=as_json)
