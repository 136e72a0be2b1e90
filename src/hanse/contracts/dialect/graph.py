# SPDX-License-Identifier: Apache-2.0
"""Who calls whom: nobody itself, and nobody through more than a bounded chain."""

from collections.abc import Mapping
from typing import Final

from hanse.codec.limits import CALL_CHAIN_MAX
from hanse.contracts.dialect.finding import Report
from hanse.contracts.dialect.symbols import Function, FunctionKey

_CIRCLES_MAX: Final = 50  # functions of which it is looked whether they call themselves


def check_chains(
    functions: Mapping[FunctionKey, Function],
    calls: Mapping[FunctionKey, list[FunctionKey]],
    reports: Mapping[str, Report],
) -> None:
    """Add functions that call themselves, and the first of each chain that is too long."""
    callers: dict[FunctionKey, int] = dict.fromkeys(functions, 0)
    called = {key: list(dict.fromkeys(calls[key])) for key in functions}
    for found in called.values():
        for key in found:
            callers[key] += 1
    free = [key for key, count in callers.items() if count == 0]
    chain: dict[FunctionKey, int] = dict.fromkeys(functions, 1)
    done: dict[FunctionKey, bool] = {}
    while free:
        key = free.pop()
        done[key] = True
        if chain[key] == CALL_CHAIN_MAX + 1:
            message = f"{key[2]} is number {chain[key]} of a chain of calls"
            reports[key[0]].at(functions[key].node, "D609", message)
        for other in called[key]:
            chain[other] = max(chain[other], chain[key] + 1)
            callers[other] -= 1
            if callers[other] == 0:
                free.append(other)
    left = [key for key in functions if key not in done]
    for key in left[:_CIRCLES_MAX]:
        if _reaches(key, called):
            reports[key[0]].at(functions[key].node, "D608", f"{key[2]} comes back to itself")
    if len(left) > _CIRCLES_MAX:
        reports[left[0][0]].at(functions[left[0]].node, "D608")


def _reaches(start: FunctionKey, called: Mapping[FunctionKey, list[FunctionKey]]) -> bool:
    """Whether a function comes back to itself."""
    seen: dict[FunctionKey, bool] = {}
    waiting = list(called[start])
    while waiting:
        key = waiting.pop()
        if key == start:
            return True
        if key not in seen:
            seen[key] = True
            waiting += called[key]
    return False
