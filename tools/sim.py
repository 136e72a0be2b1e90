# SPDX-License-Identifier: Apache-2.0
"""Run seeds of the simulator; a failure is made small, and its seed is kept for ever.

``python -m tools.sim COUNT [--first N]`` plays the kept seeds, then COUNT others from N on.
``python -m tools.sim --seed N [--faults 0,3] [--requests 1,5]`` repeats one, or a part of it. With
no faults or requests a list is ``none``.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from time import monotonic

from tools._steps import ROOT

from hanse.testing.simulator.plan import Plan, draw_plan
from hanse.testing.simulator.shrink import keep, shrink
from hanse.testing.simulator.world import Outcome, simulate

SEEDS = ROOT / "tests" / "sim" / "seeds.txt"


def read_seeds(path: Path = SEEDS) -> list[int]:
    """Return the seeds that once found something."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


def add_seed(seed: int, found: str, path: Path = SEEDS) -> None:
    """Keep a seed, with what it found, unless it is kept already."""
    if seed not in read_seeds(path):
        with path.open("a", encoding="utf-8") as kept:
            kept.write(f"{seed}  {found}\n")


def commit_of() -> str:
    """Return the commit that is checked out, with a sign when there is more."""
    argv = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() or "unknown"


def as_list(numbers: list[int]) -> str:
    """Return numbers as the options take them."""
    return ",".join(map(str, numbers)) or "none"


def from_list(text: str | None) -> list[int] | None:
    """Return the numbers of an option; ``None`` for all."""
    if text is None:
        return None
    return [] if text == "none" else [int(number) for number in text.split(",")]


def report(seed: int, outcome: Outcome) -> str:
    """Print what a seed found and one line that repeats the least of it; return that line."""
    plan = draw_plan(seed)
    what = outcome.violations[0].partition(":")[0]

    def fails(smaller: Plan) -> bool:
        return any(v.startswith(f"{what}:") for v in simulate(smaller).violations)

    print(f"seed {seed} at commit {commit_of()}:")
    for violation in outcome.violations:
        print(f"  {violation}")
    faults, requests = shrink(plan, fails)
    print(f"still so with {len(faults)} faults and {len(requests)} requests:")
    for at in faults:
        print(f"  {plan.faults[at]}")
    for at in requests:
        print(f"  {plan.requests[at]}")
    again = f"--seed {seed} --faults {as_list(faults)} --requests {as_list(requests)}"
    line = f".venv/bin/python -m tools.sim {again}"
    print(line)
    return line


def play(seeds: list[int]) -> int:
    """Run seeds; keep those that fail; return how many did."""
    failed = 0
    for seed in seeds:
        outcome = simulate(seed)
        if outcome.violations:
            failed += 1
            add_seed(seed, outcome.violations[0])
            report(seed, outcome)
    return failed


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="tools.sim", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=200, help="seeds to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="run this one alone")
    parser.add_argument("--faults", help="places of the faults to keep")
    parser.add_argument("--requests", help="places of the requests to keep")
    asked = parser.parse_args()
    if asked.seed is not None:
        whole = draw_plan(asked.seed)
        plan = keep(whole, from_list(asked.faults), from_list(asked.requests))
        outcome = simulate(plan)
        print(outcome)
        return 1 if outcome.violations else 0
    seeds = [*read_seeds(), *range(asked.first, asked.first + asked.count)]
    started = monotonic()
    failed = play(seeds)
    passed_s = monotonic() - started
    print(f"{len(seeds)} seeds, {failed} failed, {len(seeds) / passed_s:.1f} seeds/s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
