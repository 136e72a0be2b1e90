# SPDX-License-Identifier: Apache-2.0
"""Type expressions: what may stand as an annotation, and what a type is made of."""

import ast
from typing import Final

from hanse.codec.limits import NESTING_MAX, TYPE_PARTS_MAX
from hanse.contracts.dialect import names
from hanse.contracts.dialect.finding import Report
from hanse.contracts.dialect.literals import is_constant
from hanse.contracts.dialect.symbols import TYPES, Outline

_GENERIC: Final = {
    "list": 1,
    "dict": 2,
    "tuple": 0,
    "Map": 2,
    "Ordered": 2,
    "Value": 1,
    "Written": 1,
}


def check_type(made: Outline, node: ast.expr, report: Report) -> tuple[int, int]:
    """Add what is no type of the dialect, or none that is known here; return parts and levels."""
    _check_parts(made, node, report)
    parts, levels = measure(made, node)
    if parts > TYPE_PARTS_MAX or levels > NESTING_MAX:
        report.at(node, "D210", "the type is too large, with all that its names stand for")
    return min(parts, TYPE_PARTS_MAX + 1), min(levels, NESTING_MAX + 1)


def measure(made: Outline, node: ast.expr) -> tuple[int, int]:
    """Return how many parts a type has, all names written out, and how deep it nests."""
    waiting = [(node, 0)]
    parts = levels = 0
    while waiting:
        part, depth = waiting.pop()
        parts += 1
        levels = max(levels, depth)
        if isinstance(part, ast.Subscript):
            args = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
            waiting += [(arg, depth + 1) for arg in args]
        elif isinstance(part, ast.BinOp):
            waiting += [(part.left, depth), (part.right, depth)]
        elif isinstance(part, ast.Name):
            symbol = made.symbols.get(part.id)
            if symbol is not None:
                parts += symbol.parts
                levels = max(levels, depth + symbol.levels)
    return parts, levels


def _check_parts(made: Outline, node: ast.expr, report: Report) -> None:
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr):
            waiting += [part.left, part.right]
        elif isinstance(part, ast.Subscript):
            waiting += _arguments(made, part, report)
        elif isinstance(part, ast.Name):
            known = part.id in names.BUILTIN_TYPES or made.means(part.id, *TYPES)
            if not known and part.id not in made.lost:
                report.at(part, "D210", f"{part.id} is no type that is known here")
        elif not (isinstance(part, ast.Constant) and part.value is None):
            report.at(part, "D210")


def _arguments(made: Outline, node: ast.Subscript, report: Report) -> list[ast.expr]:
    """Return the types within brackets, those that are still to be looked at."""
    name = node.value.id if isinstance(node.value, ast.Name) else ""
    args = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal" and made.means("Literal", "typing"):
        for arg in args:
            if not is_constant(arg) or not args:
                report.at(arg, "D210", "Literal lists constants")
        return []
    known = name in names.BUILTIN_TYPES or made.means(name, "type")
    if not known or name not in _GENERIC:
        report.at(node, "D210", f"{name or 'this'} takes no type in brackets")
        return []
    if name == "tuple":
        last = args[-1] if args else None
        if len(args) == 2 and isinstance(last, ast.Constant) and last.value is ...:
            return args[:1]
        return args
    if len(args) != _GENERIC[name]:
        report.at(node, "D210", f"{name} takes {_GENERIC[name]} types")
        return []
    return args


def holds_items(outlines: dict[str, Outline], made: Outline, node: ast.expr) -> bool:
    """Whether values of a declared type can hold lists or tuples, names of types followed."""
    waiting = [(made, node)]
    steps = 0
    while waiting:
        outline, part = waiting.pop()
        steps += 1
        if steps > 1_000:  # many names of names: rather one look too much when it runs
            return True
        if isinstance(part, ast.BinOp):
            waiting += [(outline, part.left), (outline, part.right)]
        elif isinstance(part, ast.Subscript):
            if not (isinstance(part.value, ast.Name) and part.value.id == "Literal"):
                return True
        elif isinstance(part, ast.Name):
            if part.id in ("list", "tuple", "dict"):
                return True
            symbol = outline.symbols.get(part.id)
            if symbol is not None and symbol.kind in ("alias", "newtype") and symbol.value:
                value = symbol.value
                if isinstance(value, ast.Call):
                    value = value.args[1]
                waiting.append((outlines[symbol.file], value))
    return False
