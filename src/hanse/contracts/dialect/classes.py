# SPDX-License-Identifier: Apache-2.0
"""Classes of a module: records, events, contracts, and the signatures of functions."""

import ast
from collections.abc import Iterator
from typing import Final, Literal

from hanse.codec.limits import TYPE_PARTS_MAX
from hanse.contracts.dialect import names
from hanse.contracts.dialect.finding import Report
from hanse.contracts.dialect.literals import check_frozen, is_constant, is_empty_list
from hanse.contracts.dialect.symbols import ContractShape, Function, Outline, Symbol
from hanse.contracts.dialect.types import check_type

_FIRST: Final = {
    "action": ("self", "ctx"),
    "query": ("self", "ctx"),
    "invariant": ("self", "ctx", "change"),
    "migrate": ("self",),
    None: ("self",),
}


def add_class(made: Outline, node: ast.ClassDef, report: Report) -> None:
    """Take a class into the outline."""
    if getattr(node, "type_params", None):
        report.at(node, "D101", "parameters of types are read by later Pythons only")
    bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
    marks = [mark.id for mark in node.decorator_list if isinstance(mark, ast.Name)]
    plain = not node.keywords and len(bases) == len(node.bases)
    if plain and bases == ["Contract"] and made.means("Contract", "other"):
        for mark in node.decorator_list:
            report.at(mark, "D208", "a contract has no decorator")
        _contract(made, node, report)
    elif plain and not bases and len(node.decorator_list) == 1:
        if marks and marks[0] in ("record", "event") and made.means(marks[0], "decorator"):
            _record(made, node, marks[0] == "event", report)
        else:
            report.at(node.decorator_list[0], "D208")
    else:
        report.at(node, "D301")


def _record(made: Outline, node: ast.ClassDef, is_event: bool, report: Report) -> None:
    fields: dict[str, ast.expr] = {}
    needed: list[str] = []
    parts, levels = 1, 0
    for place, part in enumerate(node.body):
        if (place == 0 and _is_doc(part)) or isinstance(part, ast.Pass):
            continue
        if not isinstance(part, ast.AnnAssign) or not isinstance(part.target, ast.Name):
            report.at(part, "D302")
            continue
        name, default = part.target.id, part.value
        if not names.PUBLIC_NAME(name):
            report.at(part, "D106", f"{name} is no name of the dialect")
        if name in fields or made.is_type(name):
            report.at(part, "D207", f"{name} has a meaning already")
        more, deep = check_type(made, part.annotation, report)
        parts, levels = parts + more, max(levels, deep + 1)
        if default is not None and not is_empty_list(default):
            check_frozen(default, report, "D302")
        fields[name] = part.annotation
        if default is None:
            needed.append(name)
    if parts > TYPE_PARTS_MAX:
        report.at(node, "D210", "the record is too large, with all that its types stand for")
    kind: Literal["event", "record"] = "event" if is_event else "record"
    symbol = Symbol(kind, made.file, node.name, None, parts, levels)
    if made.define(node.name, symbol, node, report):
        made.fields[node.name] = fields
        made.needed[node.name] = needed
        made.steps.append((node, kind))


def _is_doc(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and _is_text(node.value)


def _contract(made: Outline, node: ast.ClassDef, report: Report) -> None:
    shape = ContractShape(node)
    for place, part in enumerate(node.body):
        if (place == 0 and _is_doc(part)) or isinstance(part, ast.Pass):
            continue
        if isinstance(part, ast.FunctionDef):
            _method(made, shape, part, report)
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            _state(made, shape, part, part.target.id, report)
        elif isinstance(part, ast.Assign):
            _class_literal(shape, part, report)
        else:
            report.at(part, "D303")
    _check_roles(made, shape, report)
    if made.define(node.name, Symbol("contract", made.file, node.name), node, report):
        made.contracts[node.name] = shape
        made.functions += shape.methods.values()
        made.steps.append((node, "contract"))


def _state(
    made: Outline, shape: ContractShape, node: ast.AnnAssign, name: str, report: Report
) -> None:
    kind = node.annotation.value if isinstance(node.annotation, ast.Subscript) else None
    what = kind.id if isinstance(kind, ast.Name) else ""
    if node.value is not None or what not in names.STATE_CALLS:
        report.at(node, "D303")
        return
    if not names.PUBLIC_NAME(name):
        report.at(node, "D106", f"{name} is no name of the dialect")
    if _is_taken(shape, name) or made.is_type(name):
        report.at(node, "D207", f"{name} has a meaning already")
    check_type(made, node.annotation, report)
    shape.state[name] = what


def _class_literal(shape: ContractShape, node: ast.Assign, report: Report) -> None:
    target = node.targets[0]
    name = target.id if isinstance(target, ast.Name) and len(node.targets) == 1 else ""
    if name not in names.CLASS_LITERALS or _is_taken(shape, name):
        report.at(node, "D303")
        return
    several = isinstance(node.value, ast.Tuple)
    texts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
    plain = all(isinstance(t, ast.Constant) and isinstance(t.value, str) for t in texts)
    if not plain or several != (name == "uses"):
        report.at(node, "D303", f"{name} is a text, or for uses a tuple of texts")
    shape.literals.append(name)
    if name == "uses":
        shape.uses = tuple(str(t.value) for t in texts if isinstance(t, ast.Constant))


def _check_roles(made: Outline, shape: ContractShape, report: Report) -> None:
    """Add each role that is asked for and ``Role = Literal[…]`` lacks, where there is one.

    An action asks by ``role=``, a body by ``"role" in ctx.roles``.
    """
    symbol = made.symbols.get("Role")
    if symbol is None or symbol.kind != "alias" or not isinstance(symbol.value, ast.Subscript):
        return
    if not isinstance(symbol.value.value, ast.Name) or symbol.value.value.id != "Literal":
        return
    listed = symbol.value.slice
    known = [ast.dump(one) for one in (listed.elts if isinstance(listed, ast.Tuple) else [listed])]
    for method in shape.methods.values():
        for role in _asked_roles(method.node):
            if role.value is not None and ast.dump(role) not in known:
                report.at(role, "D308", f"{ast.unparse(role)} is no Role")


def _asked_roles(method: ast.FunctionDef) -> Iterator[ast.Constant]:
    """Yield the role of a method's mark, and the texts that are looked for in ``ctx.roles``."""
    for mark in method.decorator_list:
        for word in mark.keywords if isinstance(mark, ast.Call) else []:
            if word.arg == "role" and isinstance(word.value, ast.Constant):
                yield word.value
    for node in ast.walk(method):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Constant):
            held = node.comparators[0]
            owner = held.value if isinstance(held, ast.Attribute) and held.attr == "roles" else held
            if owner is not held and isinstance(owner, ast.Name) and owner.id == "ctx":
                yield node.left


def _is_taken(shape: ContractShape, name: str) -> bool:
    return name in shape.state or name in shape.literals or name in shape.methods


def _method(made: Outline, shape: ContractShape, node: ast.FunctionDef, report: Report) -> None:
    mark = _mark(made, node, report)
    first = _FIRST[mark]
    plain = [arg.arg for arg in node.args.args]
    if tuple(plain[: len(first)]) != first:
        report.at(node, "D307")
    if not names.PRIVATE_NAME(node.name) and not names.PUBLIC_NAME(node.name):
        report.at(node, "D106", f"{node.name} is no name of the dialect")
    if _is_taken(shape, node.name) or made.is_type(node.name):
        report.at(node, "D207", f"{node.name} has a meaning already")
    check_parameters(made, node, report, 1)
    if node.name in names.CLASS_LITERALS:
        report.at(node, "D207", f"{node.name} has a meaning already")
    shape.methods[node.name] = Function(made.file, shape.node.name, node, mark)


def _mark(made: Outline, node: ast.FunctionDef, report: Report) -> str | None:
    if not node.decorator_list:
        return None
    first = node.decorator_list[0]
    called = first.func if isinstance(first, ast.Call) else first
    name = called.id if isinstance(called, ast.Name) else ""
    right = len(node.decorator_list) == 1 and name in _FIRST
    if right and made.means(name, "decorator"):
        if not isinstance(first, ast.Call):
            right = name not in ("action", "migrate")
        elif name == "migrate":
            words = [keyword.arg for keyword in first.keywords]
            right = not first.args and words == ["from_", "of"]
            right = right and all(_is_text(keyword.value) for keyword in first.keywords)
        else:
            words = [keyword.arg for keyword in first.keywords]
            known = words in (["role"], ["role", "also_signed_by"])
            right = name == "action" and not first.args and known
            right = right and all(is_constant(keyword.value) for keyword in first.keywords)
            _check_joint(node, first, report)
        if right:
            return name
    report.at(first, "D208")
    return None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _check_joint(node: ast.FunctionDef, mark: ast.Call, report: Report) -> None:
    """Look whether ``also_signed_by`` names an argument; loading looks at its type."""
    given = [arg.arg for arg in [*node.args.args[2:], *node.args.kwonlyargs]]
    for keyword in mark.keywords:
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if keyword.arg == "also_signed_by" and value is not None and value not in given:
            report.at(keyword, "D208", "also_signed_by names an argument of the action")


def check_parameters(made: Outline, node: ast.FunctionDef, report: Report, skip: int) -> None:
    """Look at a function's parameters, their types and defaults; the first ``skip`` have none."""
    args = node.args
    if getattr(node, "type_params", None):
        report.at(node, "D101", "parameters of types are read by later Pythons only")
    if args.vararg or args.kwarg or args.posonlyargs:
        report.at(node, "D305")
    named = [*args.args, *args.kwonlyargs]
    for place, arg in enumerate(named):
        if arg.annotation is not None:
            check_type(made, arg.annotation, report)
        elif place >= skip:
            report.at(arg, "D305", f"{arg.arg} has no type")
    for default in [*args.defaults, *args.kw_defaults]:
        if default is not None:
            check_frozen(default, report, "D304")
    if node.returns is not None:
        check_type(made, node.returns, report)
