# SPDX-License-Identifier: Apache-2.0
"""Everything that a release must pass and ``make test`` leaves out, step by step."""

import os
import sys
from functools import partial
from pathlib import Path

from tools._pythons import VERSIONS, missing
from tools._steps import PYTHON, ROOT, Step, pytest, run_all, tool
from tools.browser import missing as browser_missing
from tools.check import STYLE
from tools.deploy_check import missing as deploy_missing
from tools.native import missing as native_missing

VECTORS = Path(os.environ.get("HANSE_VECTORS") or ROOT.parent / "shared" / "vectors")


def vectors_missing() -> str:
    """Return why the public vectors cannot be judged here, or nothing."""
    return "" if VECTORS.is_dir() else "not run: vectors absent (set HANSE_VECTORS)"


def other_python(version: str) -> Step:
    """Return the step that runs the quick tests under another Python."""
    argv = [PYTHON, "-m", "tools.other_python", version, "tests/unit", "tests/property"]
    return Step(
        f"python-{version}",
        [*argv, "-m", "not slow"],
        timeout_s=900,
        missing=partial(missing, version),
    )


STEPS = [
    *STYLE,
    *(other_python(version) for version in VERSIONS[1:]),
    tool("determinism", "determinism", timeout_s=900),
    pytest("faults", "tests/faults", env={"HANSE_ROUNDS": "60"}, timeout_s=1_500),
    tool("cometbft", "cometbft", timeout_s=1_900),
    pytest("engine", "tests/engine", "-m", "engine", timeout_s=2_400),
    pytest(
        "slow",
        "-m",
        "slow and not engine",
        "--ignore=tests/faults",
        "--ignore=tests/e2e/browser",
        timeout_s=2_700,
    ),
    Step(
        "native",
        [PYTHON, "-m", "tools.native", "--check"],
        timeout_s=1_500,
        missing=native_missing,
    ),
    tool("wheel", "wheel_demo", timeout_s=900),
    Step("deploy", [PYTHON, "-m", "tools.deploy_check"], timeout_s=1_800, missing=deploy_missing),
    Step("browser", [PYTHON, "-m", "tools.browser"], missing=browser_missing),
    pytest("docs", "tests/docs"),
    tool("vectors", "vectors", "--check"),
    Step("judges", [PYTHON, "-m", "pytest", "-m", "vectors"], missing=vectors_missing),
    tool("bench", "bench_smoke"),
]

if __name__ == "__main__":
    sys.exit(run_all(STEPS, sys.argv[1:]))
