# SPDX-License-Identifier: Apache-2.0
"""The benchmark runs, loses nothing and says what it measured; its figures judge nothing here."""

import json
import subprocess
import sys
from typing import Any

from tools._steps import BIN, ROOT

WORKLOADS = ("uniform", "hot10")
FIELDS = ("workload", "tx_per_s", "lost", "p50_ms", "p95_ms")


def measure(workload: str) -> dict[str, Any]:
    """Return what the shortest run of one workload says."""
    short = ["--workload", workload, "--seconds", "1", "--accounts", "500", "--json"]
    argv = [str(BIN / "hanse"), "bench", *short]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> int:
    """Run each workload for a moment and look at its result."""
    for workload in WORKLOADS:
        result = measure(workload)
        print(result)
        missing = [name for name in FIELDS if name not in result]
        if missing or result["lost"] or result["tx_per_s"] <= 0:
            print(f"missing {missing}, or transactions were lost")
            return 1
    print(f"{len(WORKLOADS)} workloads ran and lost nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
