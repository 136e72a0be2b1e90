# SPDX-License-Identifier: Apache-2.0
"""The checker: a contract's files, one after the other, against the rule table."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hanse.codec.limits import CONTRACT_FILES_MAX
from hanse.contracts.dialect import names
from hanse.contracts.dialect.arguments import check_arguments
from hanse.contracts.dialect.bodies import check_body
from hanse.contracts.dialect.finding import Finding, Report
from hanse.contracts.dialect.graph import check_chains
from hanse.contracts.dialect.outline import Package, outline
from hanse.contracts.dialect.scan import scan
from hanse.contracts.dialect.symbols import Function, FunctionKey, Outline
from hanse.contracts.dialect.tree import check_kinds, parse

Resolve = Callable[[str, int], str | None]


@dataclass(frozen=True, slots=True)
class Checked:
    """A contract's files as the checker saw them, each after those that it imports."""

    findings: list[Finding]
    outlines: dict[str, Outline] = field(default_factory=dict)


def resolver(module: str, files: Mapping[str, str]) -> Resolve:
    """Return how imports of the contract ``module`` lead to names of ``files``.

    A file is called as its module's last part, a pattern with ``pattern_`` before it.
    """
    model = f"{module.rpartition('.')[0]}.model"

    def resolve(name: str, level: int) -> str | None:
        found = ""
        if level == 0 and name.startswith(f"{names.PATTERN_MODULE}."):
            found = f"pattern_{name.rpartition('.')[2]}"
        elif (level == 1 and name == "model") or (level == 0 and name == model):
            found = "model"
        return found if found in files else None

    return resolve


def check_files(files: Mapping[str, str], resolve: Resolve) -> Checked:
    """Return the findings on a contract's files, by file and place.

    Args:
        files: text by name; what is imported may stand before or after.
        resolve: names the file that an import means.
    """
    assert len(files) <= CONTRACT_FILES_MAX
    reports = {file: Report(file, text) for file, text in files.items()}
    trees: dict[str, ast.Module] = {}
    for file, text in files.items():
        tree = _read(text, reports[file])
        if tree is not None:
            trees[file] = tree
    package = Package(resolve)
    if len(trees) == len(files):
        for file in in_order(trees, resolve):
            package.outlines[file] = outline(file, trees[file], reports[file], package)
        _check_functions(package.outlines, reports)
    findings = [finding for file in files for finding in reports[file].findings]
    return Checked(findings, package.outlines)


def _read(text: str, report: Report) -> ast.Module | None:
    scan(text, report)
    if report.found:
        return None
    tree = parse(text, report)
    if tree is not None:
        check_kinds(tree, report)
    return tree


def in_order(trees: Mapping[str, ast.Module], resolve: Resolve) -> list[str]:
    """Return the files, each after those that it imports; those of a circle come last."""
    needs = {
        file: [
            found
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            and (found := resolve(node.module or "", node.level)) is not None
        ]
        for file, tree in trees.items()
    }
    done: list[str] = []
    while len(done) < len(needs):
        ready = [f for f in needs if f not in done and all(n in done for n in needs[f])]
        if not ready:
            return done + [f for f in needs if f not in done]
        done += ready
    return done


def _check_functions(outlines: dict[str, Outline], reports: Mapping[str, Report]) -> None:
    functions: dict[FunctionKey, Function] = {
        function.key: function for made in outlines.values() for function in made.functions
    }
    fields = frozenset(f for made in outlines.values() for of in made.fields.values() for f in of)
    calls = {
        key: check_body(function, outlines, fields, reports[key[0]])
        for key, function in functions.items()
    }
    for key, called in calls.items():
        for one, node in called:
            if one in functions:
                check_arguments(node, functions[one], reports[key[0]])
    known = {key: [c for c, _ in called if c in functions] for key, called in calls.items()}
    check_chains(functions, known, reports)
