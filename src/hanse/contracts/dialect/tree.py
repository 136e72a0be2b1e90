# SPDX-License-Identifier: Apache-2.0
"""The syntax tree as a whole: parsed, counted, measured, and of known kinds of nodes only."""

import ast
import warnings
from typing import Final

from hanse.codec.limits import (
    BIG_INTEGER_BITS_MAX,
    LOOP_DEPTH_MAX,
    SOURCE_DEPTH_MAX,
    SOURCE_NODES_MAX,
    TEXT_CHARS_MAX,
)
from hanse.contracts.dialect.finding import Report

_KNOWN: Final = frozenset(
    {
        *(
            ast.Module,
            ast.FunctionDef,
            ast.ClassDef,
            ast.arguments,
            ast.arg,
            ast.Return,
            ast.Assign,
        ),
        *(
            ast.AugAssign,
            ast.AnnAssign,
            ast.For,
            ast.While,
            ast.If,
            ast.Raise,
            ast.Assert,
            ast.Pass,
        ),
        *(ast.Break, ast.Continue, ast.Expr, ast.Delete, ast.ImportFrom, ast.Import, ast.alias),
        *(ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call, ast.keyword, ast.IfExp),
        *(ast.Attribute, ast.Subscript, ast.Slice, ast.Name, ast.Constant, ast.List, ast.Tuple),
        *(ast.Dict, ast.ListComp, ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.JoinedStr),
        *(ast.FormattedValue, ast.Lambda, ast.Starred),
    }
)
_SMALL: Final = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
_OTHER: Final[dict[type[ast.AST], str]] = {
    **dict.fromkeys((ast.Set, ast.SetComp), "D502"),
    **dict.fromkeys((ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Await), "D508"),
    **dict.fromkeys((ast.Try, ast.With, ast.Match, ast.Global, ast.Nonlocal), "D401"),
    **dict.fromkeys((ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.TryStar), "D401"),
}
# what belongs to a refused statement; one finding for the statement is enough
_PARTS: Final = (ast.ExceptHandler, ast.withitem, ast.match_case, ast.pattern, ast.type_ignore)


def parse(text: str, report: Report) -> ast.Module | None:
    """Return the tree of ``text``; ``None`` where it is none or too large, with a finding."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        report.add("D101", error.lineno or 1, max(error.offset or 1, 1))
        return None
    except ValueError:
        report.add("D101", 1, 1)
        return None
    except (RecursionError, MemoryError):
        report.add("D104", 1, 1)
        return None
    return tree if _is_measured(tree, report) else None


def _is_measured(tree: ast.Module, report: Report) -> bool:
    """Whether the tree is small and flat enough to be looked at."""
    waiting: list[tuple[ast.AST, int, int]] = [(tree, 0, 0)]
    count = 0
    while waiting:
        node, depth, loops = waiting.pop()
        count += 1
        if count > SOURCE_NODES_MAX:
            report.add("D103", 1, 1)
            return False
        loops += _loops(node)
        if depth > SOURCE_DEPTH_MAX or loops > LOOP_DEPTH_MAX:
            report.at(node, "D104")
            return False
        waiting += [
            (child, depth + 1, loops)
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, _SMALL)
        ]
    return True


def _loops(node: ast.AST) -> int:
    """Return how many loops a node is: CPython 3.12 crashes where some 20 nest in one another."""
    if isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp | ast.SetComp):
        return len(node.generators)
    return int(isinstance(node, ast.For | ast.While | ast.AsyncFor))


def check_kinds(tree: ast.Module, report: Report) -> bool:
    """Add each node of a kind that the dialect does not have; say whether there was none."""
    waiting: list[ast.AST] = [tree]
    clean = True
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if kind not in _KNOWN and not isinstance(node, (*_SMALL, *_PARTS)):
            report.at(node, _OTHER.get(kind, "D101"), _said(node))
            clean = False
        if isinstance(node, ast.Constant):
            _check_constant(node, report)
        waiting += ast.iter_child_nodes(node)
    return clean


def _said(node: ast.AST) -> str:
    if type(node) in _OTHER:
        return ""
    return f"{type(node).__name__} is not part of the dialect"


def _check_constant(node: ast.Constant, report: Report) -> None:
    value = node.value
    if isinstance(value, float | complex):
        report.at(node, "D108")
    elif isinstance(value, int):
        if value.bit_length() > BIG_INTEGER_BITS_MAX:
            report.at(node, "D109")
    elif isinstance(value, str | bytes) and len(value) > TEXT_CHARS_MAX:
        report.at(node, "D109")
