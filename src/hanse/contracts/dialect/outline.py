# SPDX-License-Identifier: Apache-2.0
"""What a module declares: its symbols, functions and imports, in the order in which they stand."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from hanse.contracts.dialect import names
from hanse.contracts.dialect.classes import add_class, check_parameters
from hanse.contracts.dialect.finding import Report
from hanse.contracts.dialect.literals import app_fault, check_frozen, is_type_like
from hanse.contracts.dialect.symbols import Function, Outline, Symbol
from hanse.contracts.dialect.types import check_type, measure

Resolve = Callable[[str, int], str | None]
"""Returns the file that an import names, ``None`` for none; its level is that of the dots."""


@dataclass(slots=True)
class Package:
    """The outlines of the files that have been read so far, and how names lead to files."""

    resolve: Resolve
    outlines: dict[str, Outline] = field(default_factory=dict)


def outline(file: str, tree: ast.Module, report: Report, package: Package) -> Outline:
    """Return what ``tree`` declares; what may not stand there is added to the report."""
    made = Outline(file)
    for place, node in enumerate(tree.body):
        if _is_text(node):
            if place == 0:
                made.doc = ast.get_docstring(tree, clean=False)
        elif isinstance(node, ast.ImportFrom):
            _import(made, node, report, package)
            _lose(made, node)
        elif isinstance(node, ast.Import):
            _plain_import(node, report)
            _lose(made, node)
        elif isinstance(node, ast.FunctionDef):
            _function(made, node, report)
        elif isinstance(node, ast.ClassDef):
            add_class(made, node, report)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            _assignment(made, node, report)
        else:
            report.at(node, "D201")
    return made


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _lose(made: Outline, node: ast.Import | ast.ImportFrom) -> None:
    """Keep the names that an import did not give, so that their uses are not found as well."""
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        if name not in made.symbols:
            made.lost[name] = True


def _plain_import(node: ast.Import, report: Report) -> None:
    known = (names.API_MODULE, names.TYPING_MODULE)
    foreign = any(alias.name.partition(".")[0] not in ("hanse", "typing") for alias in node.names)
    if foreign or not any(alias.name.startswith(known) for alias in node.names):
        report.at(node, "D203", f"{node.names[0].name} is not for contracts")
    else:
        report.at(node, "D202")


def _import(made: Outline, node: ast.ImportFrom, report: Report, package: Package) -> None:
    module = node.module or ""
    for alias in node.names:
        if alias.asname is not None or alias.name == "*":
            report.at(node, "D202")
            return
    offered: Mapping[str, Symbol] | None
    if node.level == 0 and module == names.API_MODULE:
        source, offered = "api", _API
    elif node.level == 0 and module == names.TYPING_MODULE:
        source, offered = "typing", _TYPING
    else:
        found = package.resolve(module, node.level)
        if found is None:
            report.at(node, "D203", f"{'.' * node.level}{module} is not for contracts")
            return
        if found not in package.outlines:
            report.at(node, "D205", f"{found} is loaded after {made.file}")
            return
        source, offered = found, package.outlines[found].symbols
    wanted: list[str] = []
    for alias in node.names:
        symbol = offered.get(alias.name)
        if symbol is None or alias.name.startswith("_") or symbol.kind == "app":
            report.at(alias, "D204", f"{alias.name} is not offered by {module or 'that module'}")
        elif made.define(alias.name, symbol, node, report):
            wanted.append(alias.name)
    made.imports.append((source, tuple(wanted)))
    made.steps.append((node, "import"))


def _function(made: Outline, node: ast.FunctionDef, report: Report) -> None:
    for decorator in node.decorator_list:
        report.at(decorator, "D208", "a function at the top has no decorator")
    check_parameters(made, node, report, 0)
    if made.define(node.name, Symbol("function", made.file, node.name), node, report):
        made.functions.append(Function(made.file, "", node, None))
        made.steps.append((node, "function"))


def _assignment(made: Outline, node: ast.Assign | ast.AnnAssign, report: Report) -> None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    target, value = targets[0], node.value
    if len(targets) != 1 or not isinstance(target, ast.Name) or value is None:
        report.at(node, "D206", "a constant is one name and its value")
        return
    if isinstance(node, ast.AnnAssign):
        check_type(made, node.annotation, report)
    kind = _kind(made, target.id, value, report)
    parts, levels = measure(made, value) if kind == "alias" else (1, 0)
    if kind == "newtype" and isinstance(value, ast.Call) and len(value.args) == 2:
        parts, levels = measure(made, value.args[1])
    symbol = Symbol(kind, made.file, target.id, value, parts, levels)
    if made.define(target.id, symbol, node, report):
        made.steps.append((node, kind))


AssignedKind = Literal["constant", "alias", "newtype", "app"]
_KINDS: Final[dict[str, AssignedKind]] = {"App": "app", "NewType": "newtype"}


def _kind(made: Outline, name: str, value: ast.expr, report: Report) -> AssignedKind:
    called = (
        value.func.id if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else ""
    )
    if called == "App" and made.means("App", "other"):
        fault = app_fault(made, name, value)
        if fault is not None:
            report.at(fault, "D209")
        return "app"
    if called == "NewType" and made.means("NewType", "typing"):
        assert isinstance(value, ast.Call)
        first = value.args[0] if len(value.args) == 2 and not value.keywords else None
        if not isinstance(first, ast.Constant) or first.value != name:
            report.at(value, "D210", f'write {name} = NewType("{name}", …)')
        else:
            check_type(made, value.args[1], report)
        return "newtype"
    if is_type_like(made, value):
        check_type(made, value, report)
        return "alias"
    check_frozen(value, report, "D206")
    return "constant"


def _api_symbol(name: str) -> Symbol:
    if name in names.API_DECORATORS:
        return Symbol("decorator", "api", name)
    if name in names.API_NEW_TYPES:
        return Symbol("newtype", "api", name)
    if name in names.API_TYPES:
        return Symbol("type", "api", name)
    return Symbol("call" if name in names.API_CALLS else "other", "api", name)


_API: Final = {name: _api_symbol(name) for name in names.API_NAMES}
_TYPING: Final = {name: Symbol("typing", "typing", name) for name in names.TYPING_NAMES}
