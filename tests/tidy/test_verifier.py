# SPDX-License-Identifier: Apache-2.0
"""The stand-alone verifier stays small enough to be read, and needs no ledger code.

Lines are those of the whole file, with its comments, docstrings and blank lines. The core is every
module that decides a verdict: all but those that are listed here with a limit of their own.
``sm2.py`` is the one suite beyond Ed25519 and P-256, ``cometbft.py`` the one engine beyond the
embedded one (ADR 0018), ``range.py`` the proof that no row is left out; ``erasure.py`` is to come.
The command and what it shows decide nothing, and have one limit together.
"""

import ast
import sys

from tests.tidy.tree import ROOT, list_suffix, name_of, parse, read

HOME = ROOT / "packages/hanse-verify/src/hanse_verify"
CORE_LINES_MAX = 500
COMMAND = ("__init__.py", "__main__.py", "display.py")
COMMAND_LINES_MAX = 153
OTHER_LINES_MAX = {"sm2.py": 150, "cometbft.py": 150, "range.py": 150, "erasure.py": 150}
APART = {name.removesuffix(".py") for name in OTHER_LINES_MAX}
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


LINES = {path.name: len(read(path).splitlines()) for path in FILES}
CORE = {name: n for name, n in LINES.items() if name not in {*COMMAND, *OTHER_LINES_MAX}}


def test_the_core_of_the_verifier_has_at_most_500_lines() -> None:
    assert set(CORE) == {"documents.py", "evidence.py", "proofs.py", "suites.py"}
    assert sum(CORE.values()) <= CORE_LINES_MAX, CORE


def test_the_command_and_each_further_part_keep_their_limit() -> None:
    assert sum(LINES[name] for name in COMMAND) <= COMMAND_LINES_MAX
    assert not {name: n for name, n in LINES.items() if n > OTHER_LINES_MAX.get(name, n)}


def test_what_is_not_core_decides_nothing() -> None:
    """The core takes from ``display`` the facts it hands on, and nothing from the command."""
    taken = {
        (name, imported.name)
        for name in CORE
        for node in ast.walk(parse(HOME / name))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("hanse_verify.")
        and (node.module or "").split(".")[1] not in {*APART, *(n[:-3] for n in CORE)}
        for imported in node.names
    }
    assert taken == {("evidence.py", "NO_FACTS"), ("evidence.py", "read_facts")}


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
