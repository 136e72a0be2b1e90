# SPDX-License-Identifier: Apache-2.0
"""The pure rooms do nothing that an import linter cannot see: no open, no hash order, no float."""

import ast
from pathlib import Path

import pytest
from tests.tidy.tree import ROOT, list_pure, name_of, parse

CALLS = {
    "open": "reads a disk",
    "input": "reads a terminal",
    "print": "writes to a terminal",
    "hash": "differs between processes for text",
    "id": "is an address",
    "__import__": "hides an import",
    "eval": "runs text",
    "exec": "runs text",
    "float": "rounds",
    "breakpoint": "stops",
}
# what a room may do against the list, and why
ALLOWED: dict[tuple[str, str], str] = {
    ("src/hanse/contracts/dialect/program.py", "exec"): "lowered text, without Python's builtins",
}


def is_unordered(node: ast.expr) -> bool:
    """Tell whether iterating over this expression meets the order of a set."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.BinOp) and isinstance(
        node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor
    ):
        return is_unordered(node.left) or is_unordered(node.right)
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"set", "frozenset"}
    )


def find_impurities(tree: ast.Module) -> list[tuple[int, str, str]]:
    """Return line, name and reason of each impure expression."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name in CALLS:
                found.append((node.lineno, name, CALLS[name]))
            if name in {"list", "tuple", "enumerate", "iter", "map", "zip"}:
                found += [
                    (node.lineno, "set order", "differs between processes")
                    for argument in node.args
                    if is_unordered(argument)
                ]
        elif isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(
                (node.lineno, "float", "rounds differently where it is written differently")
            )
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append((node.lineno, "/", "makes a float of integers"))
        elif isinstance(node, ast.For | ast.comprehension) and is_unordered(node.iter):
            found.append((node.iter.lineno, "set order", "differs between processes"))
        elif isinstance(node, ast.AsyncFunctionDef | ast.Await):
            found.append((node.lineno, "async", "belongs to the edges"))
    return found


@pytest.mark.parametrize("path", list_pure(), ids=name_of)
def test_a_pure_room_stays_pure(path: Path) -> None:
    found = [
        f"{name_of(path)}:{line}: {name} {reason}"
        for line, name, reason in find_impurities(parse(path))
        if (name_of(path), name) not in ALLOWED
    ]
    assert not found


def test_no_exception_is_kept_after_its_need() -> None:
    needed = {
        (name_of(path), name) for path in list_pure() for _, name, _ in find_impurities(parse(path))
    }
    assert not set(ALLOWED) - needed
    assert all(ALLOWED.values())


@pytest.mark.parametrize(
    "source",
    [
        "open('x')",
        "x = hash('a')",
        "x = 1.5",
        "x = a / b",
        "x /= b",
        "for y in {1, 2}: pass",
        "[y for y in set(z)]",
        "list({*a} | b)",
        "async def f(): pass",
        "exec('x')",
        "tuple(frozenset(x))",
    ],
)
def test_the_walk_sees_what_it_must(source: str) -> None:
    assert find_impurities(ast.parse(source))


def test_the_walk_lets_ordered_work_pass() -> None:
    assert not find_impurities(
        ast.parse("x = [y for y in sorted({1, 2})]\nz = 7 // 2\n3 in {1, 3}")
    )


def test_the_walk_covers_every_pure_room() -> None:
    rooms = {path.relative_to(ROOT / "src/hanse").parts[0] for path in list_pure()}
    assert rooms == {"errors", "codec", "crypto", "merkle", "identity", "contracts", "kernel"}
