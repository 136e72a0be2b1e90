# SPDX-License-Identifier: Apache-2.0
"""The stand-alone verifier stays small enough to be read, and needs no ledger code."""

import ast
import sys

from tests.tidy.tree import ROOT, list_suffix, name_of, parse, read

HOME = ROOT / "packages/hanse-verify/src/hanse_verify"
CORE_LINES_GOAL = 500  # what the first release must reach
CORE_LINES_MAX = 988  # where it stands; may only shrink (docs/STATUS.md says so)
OTHER_LINES_MAX = {"sm2.py": 150, "range.py": 150, "erasure.py": 150}
# offline and harmless: a verifier reads the files it is given
FORBIDDEN = {
    "socket",
    "http",
    "urllib",
    "subprocess",
    "importlib",
    "ctypes",
    "ssl",
    "asyncio",
    "pickle",
}
FILES = [path for path in list_suffix(".py") if path.parent == HOME]


def test_the_core_of_the_verifier_only_shrinks_towards_its_goal() -> None:
    lines = {p.name: len(read(p).splitlines()) for p in FILES if p.name not in OTHER_LINES_MAX}
    assert CORE_LINES_GOAL <= CORE_LINES_MAX
    assert sum(lines.values()) == CORE_LINES_MAX, "larger: cut; smaller: write the figure here"


def test_each_further_part_of_the_verifier_keeps_its_limit() -> None:
    lines = {path.name: len(read(path).splitlines()) for path in FILES}
    assert not {
        name: count
        for name, count in lines.items()
        if count > OTHER_LINES_MAX.get(name, CORE_LINES_MAX)
    }


def test_the_verifier_imports_the_standard_library_and_cryptography_only() -> None:
    bad = []
    for path in FILES:
        for node in ast.walk(parse(path)):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            tops = [name.split(".")[0] for name in names]
            bad += [
                f"{name_of(path)}: {top}"
                for top in tops
                if top in FORBIDDEN
                or top not in {*sys.stdlib_module_names, "cryptography", "hanse_verify"}
            ]
    assert not bad
