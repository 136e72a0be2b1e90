# SPDX-License-Identifier: Apache-2.0
"""The patterns and their examples stay inside the dialect, until its checker is there to say so."""

import ast
from pathlib import Path

import pytest
from tests.tidy.tree import ROOT, list_suffix, name_of, parse

FOLDERS = ("src/hanse/contracts/patterns", "src/hanse/testing/patterns")
FILES = [p for p in list_suffix(".py") if name_of(p.parent) in FOLDERS and p.stem != "__init__"]
STATEMENTS = (
    *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.If, ast.For, ast.While, ast.Break),
    *(ast.Continue, ast.Return, ast.Pass, ast.Assert, ast.Raise, ast.Expr, ast.Delete),
    *(ast.FunctionDef, ast.ClassDef, ast.ImportFrom),
)
NOT_THERE = (
    *(ast.NamedExpr, ast.Set, ast.SetComp, ast.Starred, ast.Await, ast.Yield, ast.YieldFrom),
    *(ast.Lambda, ast.Div, ast.MatMult),
)
BUILTINS = {
    *("len", "range", "abs", "min", "max", "sum", "sorted", "reversed", "enumerate", "zip"),
    *("any", "all", "int", "str", "bool", "bytes", "list", "dict", "tuple", "isinstance"),
    *("divmod", "require", "must", "replace", "Refused"),
}
DECORATORS = {"record", "event", "action", "query", "invariant"}


def calls_of(function: ast.FunctionDef, known: set[str]) -> set[str]:
    """Return which functions of the module this one calls by name."""
    named = [
        n.func.id for n in ast.walk(function) if isinstance(n, ast.Call) if hasattr(n.func, "id")
    ]
    return known.intersection(named)


def faults_of(node: ast.AST) -> list[str]:
    """Return what of this one node the dialect does not have."""
    match node:
        case ast.stmt() if not isinstance(node, STATEMENTS):
            return ["statement"]
        case ast.For(orelse=[_, *_]) | ast.While(orelse=[_, *_]):
            return ["else of a loop"]
        case ast.Constant(value=float() | complex()):
            return ["float"]
        case ast.Attribute(attr=name, value=owner) if name.startswith("_"):
            return [] if ast.unparse(owner) == "self" else [name]
        case ast.ImportFrom(module=module):
            ours = str(module).startswith("hanse.contracts.patterns.")
            return [] if ours or module in {"typing", "hanse.contracts"} else [str(module)]
        case ast.Compare(ops=ops, comparators=rights):
            pairs = zip(ops, rights, strict=True)
            alike = [ast.unparse(r) for op, r in pairs if isinstance(op, ast.Is | ast.IsNot)]
            return [f"is {right}" for right in alike if right != "None"]
    return [type(node).__name__] if isinstance(node, NOT_THERE) else []


def faults_of_definition(node: ast.FunctionDef | ast.ClassDef) -> list[str]:
    """Return what of a function or class the dialect does not have."""
    names = {ast.unparse(d).split("(")[0] for d in node.decorator_list}
    found = [f"@{name}" for name in names - DECORATORS]
    if isinstance(node, ast.FunctionDef):
        found += ["nested" for inner in ast.walk(node) if inner is not node if is_definition(inner)]
        if node.args.vararg or node.args.kwarg or node.args.posonlyargs:
            found.append("arguments")
    return found


def is_definition(node: ast.AST) -> bool:
    """Whether this is a function or a class."""
    return isinstance(node, ast.FunctionDef | ast.ClassDef)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_module_speaks_the_dialect(path: Path) -> None:
    bad = []
    for node in ast.walk(parse(path)):
        found = faults_of(node)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found += faults_of_definition(node)
        bad += [f"{getattr(node, 'lineno', 0)}: {fault}" for fault in found]
    assert not bad


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_constants_are_literals(path: Path) -> None:
    values = [node.value for node in parse(path).body if isinstance(node, ast.Assign)]
    made = [call for value in values for call in ast.walk(value) if isinstance(call, ast.Call)]
    assert not [f"{call.lineno}: {ast.unparse(call)}" for call in made]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_known_names_are_called_and_nothing_recurses(path: Path) -> None:
    tree = parse(path)
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    imported = {a.name for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
    classes = {n.name for n in tree.body if isinstance(n, ast.ClassDef)}
    known = BUILTINS | imported | classes | set(functions)
    called = {
        n.func.id
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    }
    assert called <= known, called - known
    left = {name: calls_of(node, set(functions)) for name, node in functions.items()}
    while left:
        free = [name for name, calls in left.items() if not calls & set(left)]
        assert free, f"{sorted(left)} call one another"
        for name in free:
            del left[name]


def test_every_pattern_is_looked_at() -> None:
    assert len(FILES) >= 4
    assert all((ROOT / folder).is_dir() for folder in FOLDERS)
