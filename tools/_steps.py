# SPDX-License-Identifier: Apache-2.0
"""Named steps run one after another, a line each, and an honest count at the end."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Literal, TypeAlias

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
PYTHON = str(BIN / "python")
ON_CI = bool(os.environ.get("CI"))
Outcome: TypeAlias = Literal["passed", "failed", "not run"]
SHOWN_LINES = 120  # of a failed step: enough for the traceback of a test


@dataclass(frozen=True)
class Step:
    """One command that must succeed."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_s: int = 900
    missing: Callable[[], str] = str
    """Return why this machine cannot run the step, or nothing."""


def pytest(
    name: str, *args: str, timeout_s: int = 900, env: Mapping[str, str] | None = None
) -> Step:
    """Return the step that runs pytest with ``args``."""
    return Step(name, [PYTHON, "-m", "pytest", *args], env or {}, timeout_s)


def tool(name: str, module: str, *args: str, timeout_s: int = 900) -> Step:
    """Return the step that runs one of our own tools."""
    return Step(name, [PYTHON, "-m", f"tools.{module}", *args], {}, timeout_s)


def run_step(step: Step) -> tuple[Outcome, str]:
    """Run one step; return the outcome and what there is to say about it."""
    reason = step.missing()
    if reason:
        return ("failed" if ON_CI else "not run"), reason
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    env = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **step.env}
    with subprocess.Popen(
        list(step.argv),
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            output, _ = process.communicate(timeout=step.timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            output += f"\nstopped after {step.timeout_s} s"
            process.returncode = 1
    lines = output.rstrip().splitlines()
    if process.returncode:
        return "failed", "\n".join(lines[-SHOWN_LINES:]) or f"exit {process.returncode}"
    return "passed", lines[-1].strip("= ") if lines else ""


def run_all(steps: Sequence[Step], names: Sequence[str]) -> int:
    """Run the named steps, all when none is named; return the exit code.

    The last line is ``N passed, N failed``; steps that this machine cannot run are ``skipped``.
    """
    unknown = [name for name in names if name not in {step.name for step in steps}]
    if unknown:
        print(f"no step {', '.join(unknown)}; there are: {', '.join(s.name for s in steps)}")
        return 2
    counts: dict[Outcome, int] = {"passed": 0, "failed": 0, "not run": 0}
    failed: list[str] = []
    for step in steps:
        if names and step.name not in names:
            continue
        if sys.stdout.isatty():
            print(f"{'':8}{step.name} …", end="\r", flush=True)
        start = monotonic()
        outcome, said = run_step(step)
        counts[outcome] += 1
        seconds = monotonic() - start
        if outcome == "failed":
            failed.append(step.name)
            print(f"failed  {step.name:<16}{seconds:7.1f} s  {' '.join(step.argv)}\n{said}\n")
        else:
            print(f"{outcome:<8}{step.name:<16}{seconds:7.1f} s  {said[:100]}", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}")
    skipped = f", {counts['not run']} skipped" if counts["not run"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
    return 1 if failed else 0
