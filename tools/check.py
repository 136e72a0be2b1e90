# SPDX-License-Identifier: Apache-2.0
"""What a change must pass before anyone looks at it: style, types, layers and the quick tests."""

import sys

from tools._steps import BIN, PYTHON, ROOT, Step, pytest, run_all

PROSE = ["src", "tools", "tests", "docs", "spec", "packages", *map(str, ROOT.glob("*.md"))]
# other languages, and errors on purpose
NOT_PROSE = "*/locale/*,*/corpus/*,*/vectors/*,*/apps/*/tests/*,*.svg"

STYLE = [
    Step("style", [str(BIN / "ruff"), "check", "--quiet", "."]),
    Step("layout", [str(BIN / "ruff"), "format", "--check", "--quiet", "."]),
    Step("types", [PYTHON, "-m", "mypy"]),
    Step("layers", [str(BIN / "lint-imports"), "--no-logo"]),
    Step("spelling", [str(BIN / "codespell"), "--skip", NOT_PROSE, *PROSE]),
]
STEPS = [
    *STYLE,
    pytest("tidy", "tests/tidy", "tests/typing"),
    pytest("unit", "tests/unit", "-m", "not slow"),
    pytest("property", "tests/property", "-m", "not slow"),
]

if __name__ == "__main__":
    sys.exit(run_all(STEPS, sys.argv[1:]))
