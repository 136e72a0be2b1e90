# SPDX-License-Identifier: Apache-2.0
"""Make a failing plan small: leave out faults and requests for as long as it still fails."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from hanse.testing.simulator.plan import Plan

T = TypeVar("T")
Fails = Callable[[Plan], bool]


def keep(plan: Plan, faults: Sequence[int] | None, requests: Sequence[int] | None) -> Plan:
    """Return the plan with only these faults and requests, each by its place in the whole plan."""
    chosen = plan
    if faults is not None:
        chosen = replace(chosen, faults=tuple(plan.faults[at] for at in faults))
    if requests is not None:
        chosen = replace(chosen, requests=tuple(plan.requests[at] for at in requests))
    return chosen


def shrink(plan: Plan, fails: Fails) -> tuple[list[int], list[int]]:
    """Return the places of faults and requests without any of which ``plan`` would not fail.

    Args:
        plan: one that fails.
        fails: runs a plan and tells.
    """
    requests = [*range(len(plan.requests))]
    faults = _fewer([*range(len(plan.faults))], lambda kept: fails(keep(plan, kept, requests)))
    requests = _fewer(requests, lambda kept: fails(keep(plan, faults, kept)))
    return faults, requests


def _fewer(held: list[T], still_fails: Callable[[list[T]], bool]) -> list[T]:
    """Return a part of ``held``: large pieces are left out first, then single ones."""
    size = len(held)
    while size:
        start = 0
        while start < len(held):
            without = held[:start] + held[start + size :]
            if still_fails(without):
                held = without
            else:
                start += size
        size //= 2
    return held
