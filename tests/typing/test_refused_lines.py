# SPDX-License-Identifier: Apache-2.0
"""Refusing is part of the interface: these lines must fail type checking, and no other line may."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from hanse.cli.sources import find_package
from hanse.client.generating import python_client
from hanse.contracts.package_file import Package, build_package

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


def generated_from() -> dict[str, Package]:
    """Return the contracts whose generated clients are checked; no line of one may be wrong."""
    store = (ROOT / "tests" / "corpus" / "store_contract.txt").read_text(encoding="utf-8")
    return {
        "shelf": find_package(str(HERE / "support" / "shelf.py")),
        "store": build_package("store", {"store": store}),
        "trace": find_package("trace"),
    }


def test_mypy_refuses_the_marked_lines_and_no_other(tmp_path: Path) -> None:
    sources = sorted((HERE / "refused").glob("*.py"))
    assert sources
    for source in [*sources, *(HERE / "support").glob("*.py")]:
        shutil.copy(source, tmp_path)
    for name, package in generated_from().items():
        text = python_client(package.description)
        (tmp_path / f"{name}_client.py").write_text(text, encoding="utf-8")
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
    missed = {name: sorted(expected[name] - found[name]) for name in found}
    more = {name: sorted(found[name] - expected[name]) for name in found}
    assert (missed, more) == ({name: [] for name in found},) * 2
    assert all(expected.values())
