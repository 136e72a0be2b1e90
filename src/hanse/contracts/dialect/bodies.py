# SPDX-License-Identifier: Apache-2.0
"""The statements of a function: which there are, what they assign to, which names they give."""

import ast
from collections.abc import Mapping
from typing import Final

from hanse.contracts.dialect import names
from hanse.contracts.dialect.calls import check_call
from hanse.contracts.dialect.expressions import EXPRESSION_LOOKS
from hanse.contracts.dialect.finding import Report
from hanse.contracts.dialect.symbols import Function, FunctionKey, Outline
from hanse.contracts.dialect.types import check_type
from hanse.contracts.dialect.walk import Look, Walk

_LOOKS: Final[dict[type[ast.AST], Look]] = {**EXPRESSION_LOOKS, ast.Call: check_call}
_RESERVED: Final = frozenset(names.BUILTINS)


def check_body(
    function: Function,
    outlines: Mapping[str, Outline],
    fields: frozenset[str],
    report: Report,
) -> list[tuple[FunctionKey, ast.Call]]:
    """Add what a function may not contain; return the functions that it calls, and where."""
    made = outlines[function.file]
    found = _Names(made, report)
    args = function.node.args
    more = [arg for arg in (args.vararg, args.kwarg) if arg is not None]  # refused elsewhere
    for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs, *more]:
        if arg.arg in found.given:
            report.at(arg, "D207", f"{arg.arg} stands twice")
        found.give(arg.arg, arg)
    body = list(function.node.body)
    if ast.get_docstring(function.node, clean=False) is not None:
        body = body[1:]
    statements = _Statements(found, report)
    statements.look_at(body)
    walk = Walk(function, outlines, frozenset(found.given), fields, report)
    walk.raised = statements.raised
    walk.look_at(statements.values, _LOOKS)
    for node in statements.types:
        check_type(made, node, report)
    return walk.calls


class _Names:
    """The names that a function gives to values."""

    def __init__(self, made: Outline, report: Report) -> None:
        self._made = made
        self._report = report
        self.given: dict[str, bool] = {}

    def give(self, name: str, node: ast.AST) -> None:
        """Take a name in, and look whether it may be given."""
        fault = name_fault(self._made, name)
        if fault is not None:
            self._report.at(node, *fault)
        if name == "self" and self.given:
            self._report.at(node, "D607", "self keeps its meaning")
        self.given[name] = True


def name_fault(made: Outline, name: str) -> tuple[str, str] | None:
    """Return rule and message where a name cannot be given to a value, else ``None``."""
    if name != "_" and not names.PUBLIC_NAME(name):
        return ("D106", f"{name} is no name of the dialect")
    symbol = made.symbols.get(name)
    if name in _RESERVED or (symbol is not None and symbol.kind != "decorator"):
        return ("D207", f"{name} has a meaning already")
    return None


class _Statements:
    """A walk over statements; expressions and types are gathered for those who know them."""

    def __init__(self, found: _Names, report: Report) -> None:
        self._found = found
        self._report = report
        self.values: list[ast.expr] = []
        self.types: list[ast.expr] = []
        self.raised: list[ast.Call] = []
        self._waiting: list[tuple[ast.stmt, bool]] = []

    def look_at(self, body: list[ast.stmt]) -> None:
        """Go through a function's statements."""
        self._waiting = [(node, False) for node in body]
        while self._waiting:
            node, in_loop = self._waiting.pop()
            self._one(node, in_loop)

    def _one(self, node: ast.stmt, in_loop: bool) -> None:
        match node:
            case ast.Pass():
                pass
            case ast.Break() | ast.Continue():
                if not in_loop:
                    self._report.at(node, "D101", "there is no loop around it")
            case ast.Return(value):
                self._add(value)
            case ast.If(test, body, orelse):
                self._add(test)
                self._inside(body + orelse, in_loop)
            case ast.While(test, body, orelse):
                self._add(test)
                self._loop(node, body, orelse)
            case ast.For(target, source, body, orelse):
                self._target(target, entries=False)
                self._add(source)
                self._loop(node, body, orelse)
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign():
                self._assignment(node)
            case _:
                self._other(node)

    def _other(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(ast.Call() as value):
                self._add(value)
            case ast.Expr():
                self._report.at(node, "D406")
            case ast.Delete(targets):
                self._delete(node, targets)
            case ast.Raise():
                self._raise(node)
            case ast.Assert(test, message):
                self._add(test)
                self._add(message)
            case ast.FunctionDef() | ast.ClassDef():
                self._report.at(node, "D306")
            case ast.Import() | ast.ImportFrom():
                self._report.at(node, "D401")
            case _:
                pass  # of a kind that is refused already

    def _add(self, value: ast.expr | None) -> None:
        if value is not None:
            self.values.append(value)

    def _inside(self, body: list[ast.stmt], in_loop: bool) -> None:
        self._waiting += [(node, in_loop) for node in body]

    def _loop(self, node: ast.stmt, body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        if orelse:
            self._report.at(node, "D402")
        self._inside(body + orelse, True)

    def _assignment(self, node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> None:
        self._add(node.value)
        if isinstance(node, ast.Assign):
            if len(node.targets) != 1:
                self._report.at(node, "D403", "name one target at a time")
            for target in node.targets:
                self._target(target, entries=True)
        elif isinstance(node, ast.AugAssign):
            if isinstance(node.op, ast.Div | ast.MatMult):
                self._report.at(node, "D501")
            if isinstance(node.target, ast.Tuple):
                self._report.at(node, "D403")
            self._target(node.target, entries=True)
        else:
            self.types.append(node.annotation)
            if not isinstance(node.target, ast.Name):
                self._report.at(node, "D403")
            self._target(node.target, entries=True)

    def _target(self, node: ast.expr, *, entries: bool) -> None:
        parts = node.elts if isinstance(node, ast.Tuple) and node.elts else [node]
        for part in parts:
            if isinstance(part, ast.Name):
                self._found.give(part.id, part)
            elif entries and part is node and _is_entry(part):
                assert isinstance(part, ast.Subscript)
                self.values += [part.value, part.slice]
            else:
                self._report.at(part, "D403")

    def _delete(self, node: ast.stmt, targets: list[ast.expr]) -> None:
        if len(targets) != 1 or not _is_entry(targets[0]):
            self._report.at(node, "D404")
            return
        assert isinstance(targets[0], ast.Subscript)
        self.values += [targets[0].value, targets[0].slice]

    def _raise(self, node: ast.Raise) -> None:
        called = node.exc.func if isinstance(node.exc, ast.Call) else None
        if node.cause or not isinstance(called, ast.Name) or called.id != "Refused":
            self._report.at(node, "D405")
            return
        assert isinstance(node.exc, ast.Call)
        if not node.exc.args:
            self._report.at(node, "D405")
        self.raised.append(node.exc)
        self.values.append(node.exc)


def _is_entry(node: ast.expr) -> bool:
    return isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice)
