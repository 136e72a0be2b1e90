# SPDX-License-Identifier: Apache-2.0
"""Literals, and what may stand for a constant, a default or the parts of an app."""

import ast
from collections.abc import Iterator

from hanse.contracts.dialect import names
from hanse.contracts.dialect.finding import Report
from hanse.contracts.dialect.symbols import TYPES, Outline


def is_constant(node: ast.expr) -> bool:
    """Whether a node is a number, text, bytes, True, False or None, perhaps with a minus."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
        return isinstance(node, ast.Constant) and type(node.value) is int
    return isinstance(node, ast.Constant) and node.value is not ...


def check_frozen(node: ast.expr, report: Report, rule: str) -> None:
    """Add what is no literal that nobody can change."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Tuple):
            waiting += part.elts
        elif not is_constant(part):
            report.at(part, rule)


def is_empty_list(node: ast.expr) -> bool:
    """Whether a node is ``[]``, of which every record gets its own."""
    return isinstance(node, ast.List) and not node.elts


def is_type_like(made: Outline, node: ast.expr) -> bool:
    """Whether a node at the top of a module can only be meant as a type."""
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        node = node.left
    if isinstance(node, ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and (
        node.id in names.BUILTIN_TYPES or made.means(node.id, *TYPES, "typing")
    )


def app_fault(made: Outline, name: str, value: ast.expr) -> ast.expr | None:
    """Return what may not stand in the description of an app, ``None`` where all is right."""
    if name != "APP":
        return value
    for part in _parts(value):
        plain = is_constant(part) or isinstance(part, ast.Tuple | ast.Call)
        contract = isinstance(part, ast.Name) and made.means(part.id, "contract")
        if not plain and not contract:
            return part
        if isinstance(part, ast.Call):
            called = part.func.id if isinstance(part.func, ast.Name) else ""
            if called not in names.APP_CALLS or not made.means(called, "other"):
                return part
    return None


def _parts(value: ast.expr) -> Iterator[ast.expr]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, ast.Call):
            waiting += [*part.args, *(keyword.value for keyword in part.keywords)]
        elif isinstance(part, ast.Tuple):
            waiting += part.elts
