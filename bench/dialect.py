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


def embedded(payments: int, rounds: int) -> dict[str, float]:
    """Return microseconds of a payment from the ordered block to the synced log and new root."""
    with tempfile.TemporaryDirectory() as home:
        bank = load_bank(Path(home) / "n", members=10, accounts=ACCOUNTS, suite="ed25519-sha256")
        members = list(bank.members)
        ledger = Ledger(bank.folder, APP.contracts, next(iter(bank.members.values())))
        ledger.open()
        package = package_hash(SmallBank, ledger.hash.tagged)
        contracts = {
            "plain": LoadedContract(SmallBank, built_in=True),
            "lowered": ledger.kernel.contracts["smallbank"],
        }
        times: dict[str, list[float]] = {"plain": [], "lowered": []}
        number = 0
        for _ in range(rounds):
            for name, loaded in contracts.items():
                ledger.kernel.library.approve(package, loaded)
                blocks = [_block(ledger, members, number + n) for n in range(payments // BLOCK_TXS)]
                number += len(blocks)
                start = time.process_time()
                committed = asyncio.run(_deliver(ledger, blocks))
                times[name].append(time.process_time() - start)
                assert committed == len(blocks) * BLOCK_TXS
        ledger.close()
    done = payments // BLOCK_TXS * BLOCK_TXS
    found = {f"{name}_us": round(min(t) / done * 1e6, 1) for name, t in times.items()}
    ratios = [p / w for p, w in zip(times["plain"], times["lowered"], strict=True)]
    found["throughput_ratio"] = round(statistics.median(ratios), 3)
    return found


async def _deliver(ledger: Ledger, blocks: list[OrderedBlock]) -> int:
    committed = 0

    async def published(result: Any, _: bytes) -> None:
        nonlocal committed
        committed += len(result.records)

    for block in blocks:
        await ledger.deliver(block, published)
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
        "embedded": embedded(payments, rounds),
        "loops": loops(rounds),
        "python": sys.version.split()[0],
    }
    print(json.dumps(document))
