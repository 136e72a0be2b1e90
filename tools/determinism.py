# SPDX-License-Identifier: Apache-2.0
"""One history has one set of roots under every Python, hash seed, locale, time zone and depth.

Each set-up runs ``tools.roots`` and ``tools.dialect_corpus`` in processes of their own; what they
print must be equal. An argument is the number of transactions.
"""

import os
import subprocess
import sys
from dataclasses import dataclass

from tools._pythons import ROOT, VERSIONS, environment, find_python

TRANSACTIONS = "10000"


@dataclass(frozen=True)
class Setup:
    """What may differ between two honest nodes."""

    version: str
    hash_seed: str
    locale: str
    zone: str
    recursion: str
    where: str  # contracts run: in the process itself, or contained in a locked one


SETUPS = (
    Setup(VERSIONS[0], "0", "C", "UTC", "1000", "here"),
    Setup(VERSIONS[0], "4711", "tr_TR.UTF-8", "America/St_Johns", "500", "here"),
    Setup(VERSIONS[0], "3", "de_DE.UTF-8", "UTC", "1000", "contained"),
    Setup(VERSIONS[1], "1", "zh_CN.UTF-8", "Asia/Shanghai", "5000", "here"),
    Setup(VERSIONS[1], "5", "C", "UTC", "1000", "contained"),
    Setup(VERSIONS[2], "2", "C", "America/St_Johns", "1000", "here"),
    Setup(VERSIONS[2], "random", "tr_TR.UTF-8", "UTC", "5000", "here"),
    Setup(VERSIONS[2], "random", "C.UTF-8", "Asia/Shanghai", "5000", "contained"),
)


def run(setup: Setup, module: str, *args: str) -> str:
    """Return what a module prints under one set-up."""
    python = environment(setup.version) / "bin" / "python"
    env = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONHASHSEED": setup.hash_seed,
        "LC_ALL": setup.locale,
        "TZ": setup.zone,
        "PYTHONUTF8": "1",
    }
    argv = [str(python), "-W", "error", "-m", module, *args]
    return subprocess.run(
        argv, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True, timeout=600
    ).stdout


def sees_a_difference() -> bool:
    """Tell whether a history that is spoilt on purpose gives different results, as it must."""
    first, second = (run(s, "tools.roots", "40", s.recursion, "spoil") for s in SETUPS[:2])
    return first != second


def main() -> int:
    """Run every set-up that this machine has; on CI it must have all."""
    transactions = sys.argv[1] if len(sys.argv) > 1 else TRANSACTIONS
    results: dict[Setup, str] = {}
    for setup in SETUPS:
        if find_python(setup.version) is not None:
            results[setup] = run(setup, "tools.roots", transactions, setup.recursion, setup.where)
            results[setup] += run(setup, "tools.dialect_corpus")
        elif os.environ.get("CI"):
            print(f"no Python {setup.version}")
            return 1
    if len(set(results.values())) != 1:
        for setup, said in results.items():
            print(f"{setup}\n{said}")
        return 1
    if not sees_a_difference():
        print("a history that is spoilt on purpose gave equal results: this check sees nothing")
        return 1
    print(next(iter(results.values())), end="")
    print(f"{len(results)} set-ups, one result for {transactions} transactions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
