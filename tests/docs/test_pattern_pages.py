# SPDX-License-Identifier: Apache-2.0
"""The page of each pattern says what the code says: excerpt, refusals in order, attacks tested."""

import importlib
import re
from pathlib import Path

import pytest
from tests.docs.blocks import find_blocks

from hanse.contracts import Contract
from hanse.contracts.runtime import LoadedContract

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "docs/patterns"
EXAMPLES = ROOT / "src/hanse/testing/patterns"
NAMES = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "README")
HEADINGS = [
    *("What it guarantees", "What it does not", "In a contract", "Refusals"),
    *("Attacks that are tests", "Example"),
]
EXAMPLE_LINES_MAX = 80
TESTS = "\n".join(
    path.read_text(encoding="utf-8")
    for path in (ROOT / "tests/unit").glob("**/test_*.py")
    if path.stem.startswith(("test_pattern_", "test_client_tags"))
)


def page_of(name: str) -> str:
    """Return the text of a pattern's page."""
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def contract_of(name: str) -> LoadedContract:
    """Return the example contract of a pattern."""
    module = importlib.import_module(f"hanse.testing.patterns.{name}")
    (found,) = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Contract) and value is not Contract
    ]
    return LoadedContract(found)


def test_the_index_lists_ten_patterns_and_each_has_page_and_example() -> None:
    assert len(NAMES) == 10
    assert sorted(p.stem for p in EXAMPLES.glob("*.py") if p.stem != "__init__") == NAMES
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\((\w+)\.md\)", index)) == NAMES
    assert "(patterns/README.md)" in (ROOT / "docs/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_every_page_has_the_same_parts(name: str) -> None:
    assert re.findall(r"^## (.+)$", page_of(name), flags=re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("name", NAMES)
def test_the_excerpt_is_of_the_example_contract(name: str) -> None:
    source = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    (excerpt,) = [block for block in find_blocks(page_of(name)) if block.not_run]
    for piece in excerpt.text.split("\n    ...\n"):
        assert piece.strip("\n") in source


@pytest.mark.parametrize("name", NAMES)
def test_the_example_is_short(name: str) -> None:
    (example,) = [block for block in find_blocks(page_of(name)) if block.is_run]
    assert len(example.text.splitlines()) <= EXAMPLE_LINES_MAX


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_refusals_is_that_of_the_contract(name: str) -> None:
    part = page_of(name).split("## Refusals")[1].split("## Attacks")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", part, flags=re.MULTILINE)
    shown = {action: tuple(re.findall(r"`(\w+)`", codes)) for action, codes in rows}
    entries = contract_of(name).entries.values()
    assert shown == {e.name: e.rejects for e in entries if e.mark.kind == "action"}


@pytest.mark.parametrize("name", NAMES)
def test_every_attack_that_a_page_names_is_a_test(name: str) -> None:
    part = page_of(name).split("## Attacks that are tests")[1].split("## Example")[0]
    tests = re.findall(r"`(test_\w+)`", part)
    assert len(tests) >= 3
    assert not [test for test in tests if f"def {test}(" not in TESTS]
