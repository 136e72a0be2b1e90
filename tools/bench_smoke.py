# SPDX-License-Identifier: Apache-2.0
"""The benchmark runs, loses nothing and says what it measured; its figures judge nothing here."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tools._steps import BIN, ROOT

FIELDS = ("workload", "tx_per_s", "lost", "p50_ms", "p95_ms")


def results(output: str) -> Iterator[dict[str, Any]]:
    """Yield every line of the output that is a result."""
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def main() -> int:
    """Run the shortest benchmark and look at every line of its result."""
    argv = [str(BIN / "hanse"), "bench", "--smoke", "--json"]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout)
    found = list(results(done.stdout))
    for result in found:
        missing = [name for name in FIELDS if name not in result]
        if missing or result["lost"] or result["tx_per_s"] <= 0:
            print(f"missing {missing} or lost transactions: {result}")
            return 1
    print(f"{len(found)} workloads ran and lost nothing")
    return done.returncode or int(not found)


if __name__ == "__main__":
    sys.exit(main())
