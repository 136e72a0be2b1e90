# SPDX-License-Identifier: Apache-2.0
"""What the dialect costs: the same contracts as plain Python and from their lowered text.

Prints one JSON line. Ratios of time are lowered over plain; ratios of throughput the other way.

    python bench/dialect.py [payments] [rounds]
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hanse.cli.bench_load import account, load_bank
from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import decode_transaction
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.contracts.dialect.program import build_program
from hanse.contracts.meter import Meter
from hanse.contracts.package import package_hash
from hanse.contracts.runtime import Call, LoadedContract
from hanse.crypto import SHA256
from hanse.engines.embedded import BLOCKS_IN_HAND
from hanse.node.ledger import Ledger
from hanse.testing.smallbank import APP, SmallBank

ACCOUNTS = 1_000
BLOCK_TXS = 250
ITEMS = 10_000
LOOPS = """
def add_up(xs: list[int]) -> int:
    s = 0
    for x in xs:
        s += x
    return s


def add_builtin(xs: list[int]) -> int:
    return sum(xs)


def branch(xs: list[int]) -> int:
    a, b, c = 0, 0, 0
    for x in xs:
        if x % 3 == 0:
            a += x
        elif x < 5_000:
            b -= x
        else:
            c = x * 2
    return a + b + c


def search(xs: list[int], wanted: int) -> int:
    for x in xs:
        if x == wanted:
            return x
    return 0


def count_down(n: int) -> int:
    s = 0
    while n > 0:
        n -= 1
        s += n & 3
    return s
"""


def best(run: Callable[[], object], rounds: int) -> float:
    """Return the least CPU seconds of one run."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def loops(rounds: int) -> dict[str, float]:
    """Return how much slower each loop is in the dialect."""
    meter = Meter(10**15)
    lowered = build_program("bench.loops", {"loops": LOOPS}).load(meter)["loops"]
    plain: dict[str, Any] = {}
    exec(LOOPS, plain)
    xs = list(range(ITEMS))
    ratios = {}
    for name, args in (
        ("add_up", (xs,)),
        ("add_builtin", (xs,)),
        ("branch", (xs,)),
        ("search", (xs, ITEMS - 1)),
        ("count_down", (ITEMS,)),
    ):
        assert plain[name](*args) == lowered[name](*args)
        one, other = (
            best(lambda f=kind[name], args=args: [f(*args) for _ in range(10)], rounds)
            for kind in (plain, lowered)
        )
        ratios[name] = round(other / one, 2)
    return ratios


class Rows:
    """A state that is read and not written."""

    value = b'{"checking":1000000,"savings":1000000}'

    def get(self, *_: object) -> bytes:
        return self.value

    def scan(self, *_: object) -> list[Any]:
        return []


def calls(payments: int, rounds: int) -> dict[str, float]:
    """Return microseconds of a payment's execution alone."""
    found = {}
    runs = {}
    for name, built_in in (("plain", True), ("lowered", False)):
        loaded = LoadedContract(SmallBank, built_in=built_in)
        call = Call(
            entry=loaded.entries["send_payment"],
            args=encode({"amount_minor": 1, "source": account(1), "target": account(2)}),
            member="m@bank",
            organisation="bank",
            now=1,
            height=1,
            tx="t" * 43,
            cost_max=10_000,
            roles=lambda: (),
        )
        rows = Rows()
        assert loaded.call(rows, call).code is None
        runs[name] = lambda loaded=loaded, call=call, rows=rows: [
            loaded.call(rows, call) for _ in range(payments)
        ]
    for name, run in runs.items():
        found[f"{name}_us"] = round(best(run, rounds) / payments * 1e6, 2)
    found["throughput_ratio"] = round(found["plain_us"] / found["lowered_us"], 3)
    return found


async def embedded(payments: int, rounds: int) -> dict[str, float]:
    """Return what a payment takes from the ordered block to the synced log and new root.

    Plain Python in the node's process against lowered text in the locked one, in turn. Throughput
    goes by the clock, since the locked process works beside the node; CPU is of the node's process.
    """
    with tempfile.TemporaryDirectory() as home:
        ledgers = {}
        for name in ("plain", "lowered"):
            folder = Path(home) / name
            bank = load_bank(folder, members=10, accounts=ACCOUNTS, suite="ed25519-sha256")
            signer = next(iter(bank.members.values()))
            ledger = Ledger(bank.folder, APP.contracts, signer, contained=name == "lowered")
            ledger.open()
            ledgers[name] = ledger
        plain = LoadedContract(SmallBank, built_in=True)
        package = package_hash(SmallBank, ledger.hash.tagged)
        ledgers["plain"].kernel.library.approve(package, plain)
        spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ledgers}
        count = payments // BLOCK_TXS
        for number in range(rounds):
            for name, ledger in ledgers.items():
                blocks = [
                    _block(ledger, list(bank.members), number * count + n) for n in range(count)
                ]
                start = time.perf_counter(), time.process_time()
                committed = await _deliver(ledger, blocks)
                end = time.perf_counter(), time.process_time()
                spent[name].append((end[0] - start[0], end[1] - start[1]))
                assert committed == count * BLOCK_TXS
        for ledger in ledgers.values():
            await ledger.finish()
            ledger.close()
    each = 1e6 / (count * BLOCK_TXS)
    found = {f"{name}_us": round(min(w for w, _ in row) * each, 1) for name, row in spent.items()}
    cpu = {f"{name}_cpu_us": round(min(c for _, c in row) * each, 1) for name, row in spent.items()}
    ratios = [p[0] / w[0] for p, w in zip(spent["plain"], spent["lowered"], strict=True)]
    return {**found, **cpu, "throughput_ratio": round(statistics.median(ratios), 3)}


async def _deliver(ledger: Ledger, blocks: list[OrderedBlock]) -> int:
    committed = 0
    in_hand = asyncio.Semaphore(BLOCKS_IN_HAND)

    async def published(result: Any, _: bytes) -> None:
        nonlocal committed
        committed += len(result.records)

    async def deliver(block: OrderedBlock) -> None:
        async with in_hand:
            await ledger.deliver(block, published)

    await asyncio.gather(*[deliver(block) for block in blocks])
    return committed


def _block(ledger: Ledger, members: list[str], number: int) -> OrderedBlock:
    time_ms = ledger.header.time_ms + (number + 1) * 10
    txs = []
    for n in range(BLOCK_TXS):
        seed = number * BLOCK_TXS + n
        member = members[seed % len(members)]
        source, target = account(seed * 7 % ACCOUNTS), account((seed * 11 + 1) % ACCOUNTS)
        target = target if target != source else account((seed * 11 + 2) % ACCOUNTS)
        body = {
            "action": "send_payment",
            "args": {"amount_minor": 1, "source": source, "target": target},
            "contract": "smallbank",
            "cost_max": 1_000,
            "expires_ms": time_ms + 3_600_000,
            "key": "k1",
            "ledger": ledger.folder.ledger,
            "nonce": to_text(SHA256(b"%d" % seed)[:16]),
            "signer": member,
            "v": 1,
        }
        signature = {"key": "k1", "signature": to_text(bytes(64)), "signer": member}
        raw = encode({"body": body, "signatures": [signature]})
        txs.append(decode_transaction(raw, SHA256.tagged))
    return OrderedBlock(number + 1, time_ms, (OrderedSubmission(b"%032d" % number, tuple(txs)),))


if __name__ == "__main__":
    payments = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    document = {
        "calls": calls(payments, rounds),
        "embedded": asyncio.run(embedded(payments, rounds)),
        "loops": loops(rounds),
        "python": sys.version.split()[0],
    }
    print(json.dumps(document))
