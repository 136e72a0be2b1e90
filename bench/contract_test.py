# SPDX-License-Identifier: Apache-2.0
"""What a test of a contract costs: pytest on 200 of them, each with a bench of its own.

Prints one JSON line. ``per_test_ms`` is the difference to the same number of empty tests.

    python bench/contract_test.py [tests] [rounds]
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONTRACT = """
import pytest

from hanse.contracts import Refused
from hanse.testing.bench import Bench
from hanse.testing.smallbank import SmallBank


@pytest.mark.parametrize("turn", range({tests}))
def test_contract(bench: Bench[SmallBank], turn: int) -> None:
    teller = bench.actor("bank")
    teller(SmallBank.create_account, "ann", turn, 1)
    before = bench.root
    with pytest.raises(Refused, match="insufficient_amount"):
        teller(SmallBank.transact_savings, "ann", -2)
    assert bench.root == before
    assert teller(SmallBank.balance, "ann") == turn + 1
"""
EMPTY = CONTRACT.partition("@pytest")[0] + (
    '@pytest.mark.parametrize("turn", range({tests}))\ndef test_empty(turn: int) -> None:\n'
    "    assert turn >= 0\n"
)


def seconds(folder: Path, text: str) -> float:
    (folder / "test_it.py").write_text(text, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    return time.perf_counter() - began


def main() -> None:
    tests = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
        seconds(folder, EMPTY.replace("{tests}", "1"))  # what the first run compiles
        full = [seconds(folder, CONTRACT.replace("{tests}", str(tests))) for _ in range(rounds)]
        empty = [seconds(folder, EMPTY.replace("{tests}", str(tests))) for _ in range(rounds)]
    each_ms = (statistics.median(full) - statistics.median(empty)) * 1_000 / tests
    print(
        json.dumps(
            {
                "bench": "contract_test",
                "empty_s": round(statistics.median(empty), 2),
                "full_s": round(statistics.median(full), 2),
                "per_test_ms": round(each_ms, 2),
                "tests": tests,
            }
        )
    )


if __name__ == "__main__":
    main()
