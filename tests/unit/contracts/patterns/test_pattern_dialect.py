# SPDX-License-Identifier: Apache-2.0
"""Every pattern and every example speaks the dialect: the checker finds nothing, it is lowered."""

from pathlib import Path

import pytest
from tests.tidy.tree import ROOT, list_suffix, name_of

from hanse.contracts.dialect.check import check_files, resolver
from hanse.contracts.dialect.program import build_program
from hanse.contracts.meter import Meter
from hanse.contracts.package import collect_files
from hanse.contracts.runtime import LoadedContract

PATTERNS, EXAMPLES = "src/hanse/contracts/patterns", "src/hanse/testing/patterns"
FILES = [
    p
    for p in list_suffix(".py")
    if name_of(p.parent) in (PATTERNS, EXAMPLES) and p.stem != "__init__"
]


def module_of(path: Path) -> str:
    """Return the module that a file is."""
    return name_of(path).removeprefix("src/").removesuffix(".py").replace("/", ".")


def text_of(module: str) -> str:
    """Return the text of a module of this repository."""
    return (ROOT / "src" / f"{module.replace('.', '/')}.py").read_text("utf-8")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_module_speaks_the_dialect(path: Path) -> None:
    module = module_of(path)
    files = collect_files(module, text_of)
    assert check_files(files, resolver(module, files)).findings == []
    program = build_program(module, files)
    assert program.main in program.load(Meter(0))
    if name_of(path.parent) == EXAMPLES:
        assert LoadedContract.of_program(program).entries


def test_every_pattern_is_looked_at_and_has_an_example() -> None:
    patterns, examples = (
        {p.stem for p in FILES if name_of(p.parent) == folder} for folder in (PATTERNS, EXAMPLES)
    )
    assert len(examples) >= 10
    assert patterns - examples == {"calendar", "forms", "gs1", "recall"}  # parts of the others
    assert examples <= patterns
