# SPDX-License-Identifier: Apache-2.0
"""Refusing is part of the interface: these lines must fail type checking, and no other line may."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
EXPECT = re.compile(r"# expect: ([a-z -]+)$")
ERROR = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): error: .*\[(?P<code>[a-z-]+)\]$")


def expected_in(text: str) -> Counter[tuple[int, str]]:
    """Return line and error code of every expectation."""
    return Counter(
        (number, code)
        for number, line in enumerate(text.splitlines(), 1)
        if (found := EXPECT.search(line))
        for code in found[1].split()
    )


def test_mypy_refuses_the_marked_lines_and_no_other(tmp_path: Path) -> None:
    sources = sorted((HERE / "refused").glob("*.py"))
    assert sources
    for source in sources:
        shutil.copy(source, tmp_path)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull),
            *("--cache-dir", str(ROOT / ".mypy_cache" / "refused"), "--no-error-summary"),
            *("--hide-error-context", "--no-pretty", "--show-error-codes"),
            *[path.name for path in sorted(tmp_path.glob("*.py"))],
        ],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    found: dict[str, Counter[tuple[int, str]]] = {path.name: Counter() for path in sources}
    for line in done.stdout.splitlines():
        if match := ERROR.match(line):
            # an error elsewhere, in our own sources, is no refusal of these lines
            assert match["file"] in found, line
            found[match["file"]][int(match["line"]), match["code"]] += 1
        else:
            assert ": note: " in line, line
    expected = {path.name: expected_in(path.read_text(encoding="utf-8")) for path in sources}
    assert found == expected
    assert all(expected.values())
