# SPDX-License-Identifier: Apache-2.0
"""Seeds of the simulator: those that once found something, then 200 others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sim.mutants import MUTANTS, AppliedTwice, OwnClock
from tools import sim

from hanse.testing.simulator.node import SimulatedNode
from hanse.testing.simulator.plan import BYZANTINE, KINDS, Plan, draw_plan
from hanse.testing.simulator.shrink import keep, shrink
from hanse.testing.simulator.world import World, simulate

SEEDS = 200
AT_ONCE = 20


def repeat(seed: int) -> str:
    return f"repeat it: .venv/bin/python -m tools.sim --seed {seed}"


@pytest.mark.parametrize("seed", sim.read_seeds())
def test_a_seed_that_once_found_something_finds_nothing(seed: int) -> None:
    assert simulate(seed).violations == (), repeat(seed)


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_nothing_is_violated_under_faults(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        outcome = simulate(seed)
        assert outcome.violations == (), repeat(seed)
        assert outcome.height > 0


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_planted_bug_is_found(mutant: type[SimulatedNode]) -> None:
    found = next((seed for seed in range(SEEDS) if simulate(seed, mutant).violations), None)
    assert found is not None, f"{mutant.__doc__} {SEEDS} seeds see nothing of it"


def test_one_seed_is_one_trace() -> None:
    traces = {seed: simulate(seed).trace for seed in (1, 7)}
    assert {seed: simulate(seed).trace for seed in traces} == traces
    code = "from hanse.testing.simulator.world import simulate; print(simulate(7).trace)"
    for hash_seed in ("0", "4711"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        argv = [sys.executable, "-c", code]
        said = subprocess.run(argv, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
        assert said.strip() == traces[7]


def test_every_kind_of_fault_comes_up() -> None:
    met = {fault.kind for seed in range(SEEDS) for fault in draw_plan(seed).faults}
    assert met == {*KINDS, *BYZANTINE}


def test_who_votes_twice_is_convicted_in_a_block(tmp_path: Path) -> None:
    """The application is told, as CometBFT tells it."""
    convicted = set()
    liars = set()
    plans = [draw_plan(seed) for seed in range(60)]
    for plan in [p for p in plans if "equivocate" in p.byzantine.values()][:4]:
        world = World(plan, tmp_path / str(plan.seed))
        assert world.run().violations == ()
        liars |= {(plan.seed, plan.founded.nodes[name]) for name in plan.byzantine}
        for delivery in world.checks.deliveries.values():
            convicted |= {(plan.seed, voter) for voter in delivery.misbehaviour}
    assert convicted
    assert convicted <= liars


def test_validators_join_leave_and_gain_power_by_vote(tmp_path: Path) -> None:
    """The header of each block says who votes next: that is checked block by block."""
    met = set()
    for seed in range(60):
        plan = draw_plan(seed)
        world = World(plan, tmp_path / str(seed))
        assert world.run().violations == (), repeat(seed)
        before, after = plan.founded.powers, world.powers
        for key in {**before, **after}:
            was, now = before.get(key, 0), after.get(key, 0)
            met |= {"joined"} if not was and now else set()
            met |= {"left"} if was and not now else set()
            met |= {"power"} if was and now and was != now else set()
        if met == {"joined", "left", "power"}:
            return
    raise AssertionError(f"in 60 seeds only {met}")


def test_a_failure_is_made_small_and_repeats() -> None:
    def fails(plan: Plan) -> bool:
        return bool(simulate(plan, AppliedTwice).violations)

    seed = next(seed for seed in range(SEEDS) if fails(draw_plan(seed)))
    plan = draw_plan(seed)
    faults, requests = shrink(plan, fails)
    assert fails(keep(plan, faults, requests))
    assert len(requests) <= 3
    assert len(faults) <= 1


def test_a_found_seed_is_kept_once_and_reported_with_a_line_that_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "seeds.txt"
    kept.write_text("# head\n", encoding="utf-8")
    monkeypatch.setattr(sim, "simulate", lambda plan: simulate(plan, OwnClock))
    monkeypatch.setattr(sim.add_seed, "__defaults__", (kept,))
    monkeypatch.setattr(sim.read_seeds, "__defaults__", (kept,))
    assert sim.play([3, 3]) == 2
    assert sim.read_seeds(kept) == [3]
    line = capsys.readouterr().out.splitlines()[-1]
    assert "-m tools.sim --seed 3 --faults none --requests" in line
    monkeypatch.setattr(sys, "argv", line.split()[2:])
    assert sim.main() == 1  # the line finds it again
