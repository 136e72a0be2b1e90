# SPDX-License-Identifier: Apache-2.0
"""The lowered text of literals and of types."""

import ast
from typing import Final

_OURS: Final = ("Map", "Ordered", "Value", "Written")


def literal(value: object) -> str:
    """Return the text of a constant, in ASCII, the same on every Python."""
    return ascii(value)


def frozen(node: ast.expr) -> str:
    """Return the text of a literal that nobody can change, or of ``[]``."""
    if isinstance(node, ast.Tuple):
        parts = [frozen(part) for part in node.elts]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if isinstance(node, ast.UnaryOp):
        return f"-{frozen(node.operand)}"
    if isinstance(node, ast.List):
        return "[]"
    assert isinstance(node, ast.Constant)
    return literal(node.value)


def type_text(node: ast.expr) -> str:
    """Return the text of a type expression."""
    if isinstance(node, ast.BinOp):
        return f"{type_text(node.left)} | {type_text(node.right)}"
    if isinstance(node, ast.Subscript):
        args = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        shown = ", ".join([type_text(arg) for arg in args])
        name = type_text(node.value)
        # of our own classes by a helper: there Python imports, for which lowered text has no means
        return f"_Of({name}, {shown})" if name in _OURS else f"{name}[{shown}]"
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and node.value is ...:
        return "..."
    return frozen(node)
