# SPDX-License-Identifier: Apache-2.0
"""The repository has its shape: versions agree, dependencies are few, public names described."""

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

from tests.tidy.tree import ROOT, list_pure, list_suffix, name_of, parse, read

CORE_DEPENDENCIES_MAX = 10
ROOT_FILES = {
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "THREAT_MODEL.md"),
    *("GOVERNANCE.md", "LICENSE", "NOTICE", "Makefile", "uv.lock", ".ci/run"),
}
ADR_PARTS = ("## Context", "## Options", "## Decision", "## Consequences")


def project(path: Path) -> dict[str, object]:
    """Return the ``[project]`` table of a distribution."""
    table: dict[str, object] = tomllib.loads(read(path))["project"]
    return table


def test_the_root_files_are_there() -> None:
    assert not [name for name in sorted(ROOT_FILES) if not (ROOT / name).is_file()]


def test_the_changelog_opens_with_unreleased_and_then_this_version() -> None:
    headings = re.findall(r"^## (.+)$", read(ROOT / "CHANGELOG.md"), flags=re.MULTILINE)
    version = project(ROOT / "pyproject.toml")["version"]
    assert headings[0] == "Unreleased"
    released = [
        re.fullmatch(r"(\d+\.\d+\.\d+), (\d{4}-\d\d-\d\d|in preparation)", h) for h in headings[1:]
    ]
    assert all(released), headings
    assert next(found[1] for found in released if found) == version


def test_both_distributions_have_one_version() -> None:
    verifier = project(ROOT / "packages/hanse-verify/pyproject.toml")
    assert verifier["version"] == project(ROOT / "pyproject.toml")["version"]


def test_the_core_needs_at_most_ten_packages() -> None:
    dependencies = project(ROOT / "pyproject.toml")["dependencies"]
    assert isinstance(dependencies, list)
    assert len(dependencies) <= CORE_DEPENDENCIES_MAX


def test_each_core_dependency_says_what_it_is_for() -> None:
    text = read(ROOT / "pyproject.toml")
    block = text[text.index("\ndependencies = [") :].split("\n]")[0]
    lines = [line for line in block.splitlines() if line.strip().startswith('"')]
    assert lines
    assert not [line for line in lines if not re.search(r"\",\s+# \S", line)]


def test_every_limit_says_its_unit_and_reason() -> None:
    path = ROOT / "src/hanse/codec/limits.py"
    lines = read(path).splitlines()
    declared = [
        node
        for node in parse(path).body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id != "LIMITS"
    ]
    assert len(declared) > 20
    assert not [
        lines[n.lineno - 1] for n in declared if not re.search(r"  # \S.{8,}", lines[n.lineno - 1])
    ]


def test_public_names_of_the_lower_rooms_are_described() -> None:
    bad = []
    for path in list_pure():
        if path.name.startswith("_") and path.name != "__init__.py":
            continue
        holders: list[tuple[str, ast.Module | ast.ClassDef]] = [("", parse(path))]
        for prefix, holder in holders:
            for node in holder.body:
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    continue
                overload = any(
                    "overload" in ast.unparse(d) or ".setter" in ast.unparse(d)
                    for d in node.decorator_list
                )
                if node.name.startswith("_") or overload:
                    continue
                if not ast.get_docstring(node):
                    bad.append(f"{name_of(path)}:{node.lineno} {prefix}{node.name}")
                if isinstance(node, ast.ClassDef):
                    holders.append((f"{node.name}.", node))
    assert not bad


def test_decision_records_are_numbered_without_gaps_and_have_their_parts() -> None:
    records = sorted(path for path in (ROOT / "docs/adr").glob("[0-9]*.md"))
    numbers = [int(path.name[:4]) for path in records]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    missing = [
        f"{name_of(path)}: {part}"
        for path in records
        for part in ADR_PARTS
        if part not in read(path)
    ]
    assert not missing


def test_every_make_target_has_a_help_text_and_one_command() -> None:
    text = read(ROOT / "Makefile")
    phony = re.search(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE)
    assert phony
    targets = re.findall(r"^([a-z-]+):(.*)\n((?:\t.*\n)*)", text, flags=re.MULTILINE)
    assert sorted(name for name, _, _ in targets) == sorted(phony[1].split())
    for name, rest, recipe in targets:
        assert re.search(r"## \S", rest), name
        assert len(recipe.splitlines()) == 1, name


def test_every_test_file_has_a_name_of_its_own() -> None:
    # tests are no packages, so pytest imports them by their bare names
    names = Counter(path.name for path in list_suffix(".py") if path.name.startswith("test_"))
    assert not [name for name, count in names.items() if count > 1]
