# SPDX-License-Identifier: Apache-2.0
"""Calls: what is called, and with which arguments."""

import ast

from hanse.contracts.dialect import names
from hanse.contracts.dialect.arguments import check_fields
from hanse.contracts.dialect.expressions import check_inner_name
from hanse.contracts.dialect.symbols import Symbol
from hanse.contracts.dialect.types import check_type
from hanse.contracts.dialect.walk import Part, Walk


def check_call(walk: Walk, node: ast.Call, part: Part) -> None:
    """Look at a call: the name that is called, the arguments."""
    _check_arguments(walk, node)
    plain = [a.value if isinstance(a, ast.Starred) else a for a in node.args]
    values = [*plain, *(k.value for k in node.keywords)]
    if isinstance(node.func, ast.Name):
        values = _named(walk, node, node.func, values, part)
    elif isinstance(node.func, ast.Attribute):
        values = _method(walk, node, node.func, values, part)
    else:
        walk.report.at(node, "D605")
        walk.also(part, node.func)
    walk.also(part, *values)


def _check_arguments(walk: Walk, node: ast.Call) -> None:
    if any(isinstance(arg, ast.Starred) for arg in node.args):
        walk.report.at(node, "D504")
    seen: dict[str, bool] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            walk.report.at(node, "D504")
        elif keyword.arg in seen:
            walk.report.at(keyword, "D610", f"{keyword.arg} stands twice")
        elif not names.PUBLIC_NAME(keyword.arg):
            walk.report.at(keyword, "D106", f"{keyword.arg} is no name of the dialect")
        else:
            seen[keyword.arg] = True


def _named(
    walk: Walk, node: ast.Call, func: ast.Name, values: list[ast.expr], part: Part
) -> list[ast.expr]:
    """Look at a call by name; return the arguments that are still to be looked at."""
    name = func.id
    symbol = walk.made.symbols.get(name)
    if walk.knows(name, part):
        walk.report.at(node, "D605", f"{name} is a value, no function")
    elif name in names.BUILTINS:
        return _builtin(walk, node, name, values, part)
    elif symbol is None and name in walk.made.lost:
        pass
    elif symbol is None:
        rule = "D106" if name.startswith("__") else "D601"
        walk.report.at(node, rule, f"{name} is not known here")
    else:
        _symbol(walk, node, symbol)
    return values


def _symbol(walk: Walk, node: ast.Call, symbol: Symbol) -> None:
    given, words = len(node.args), [k.arg for k in node.keywords]
    if symbol.kind == "function":
        walk.calls.append(((symbol.file, "", symbol.name), node))
    elif symbol.kind in ("record", "event"):
        _record(walk, node, symbol)
    elif symbol.kind == "newtype" or symbol.name in ("BigInt", "Date"):
        if given != 1 or words:
            walk.report.at(node, "D610", f"{symbol.name} is given one value")
    elif symbol.name == "Refused":
        if not any(node is raised for raised in walk.raised):
            walk.report.at(node, "D405")
    elif symbol.kind != "call":
        walk.report.at(node, "D605", f"{symbol.name} is not called here")


def _record(walk: Walk, node: ast.Call, symbol: Symbol) -> None:
    known = walk.outlines[symbol.file].fields.get(symbol.name, {})
    if node.args:
        walk.report.at(node, "D610", f"{symbol.name} is made by naming its fields")
    for keyword in node.keywords:
        if keyword.arg is not None and keyword.arg not in known:
            walk.report.at(node, "D603", f"{symbol.name} has no field {keyword.arg}")
    if not node.args:
        needed = walk.outlines[symbol.file].needed.get(symbol.name, [])
        check_fields(node, symbol.name, needed, walk.report)


def _builtin(
    walk: Walk, node: ast.Call, name: str, values: list[ast.expr], part: Part
) -> list[ast.expr]:
    least, most, words = names.BUILTINS[name]
    if not least <= len(node.args) <= most:
        walk.report.at(node, "D610", f"{name} takes {least} to {most} values")
    left = list(values)
    for keyword in node.keywords:
        if keyword.arg is not None and keyword.arg not in words:
            walk.report.at(keyword, "D610", f"{name} takes no {keyword.arg}")
        if keyword.arg == "key" and name in names.KEYED:
            left.remove(keyword.value)
            _key(walk, keyword.value, part)
    if name == "isinstance" and len(node.args) == 2:
        left.remove(node.args[1])
        _classes(walk, node.args[1])
    return left


def _key(walk: Walk, node: ast.expr, part: Part) -> None:
    args = node.args if isinstance(node, ast.Lambda) else None
    if args is None or len(args.args) != 1:
        walk.report.at(node, "D506")
        return
    if args.vararg or args.kwarg or args.kwonlyargs or args.posonlyargs or args.defaults:
        walk.report.at(node, "D506")
        return
    assert isinstance(node, ast.Lambda)
    name = args.args[0].arg
    check_inner_name(walk, args.args[0], name)
    walk.within(Part(node.body, part.inner | {name}, part.in_source))


def _classes(walk: Walk, node: ast.expr) -> None:
    for one in node.elts if isinstance(node, ast.Tuple) else [node]:
        name = one.id if isinstance(one, ast.Name) else ""
        checked = name in names.CHECKED_TYPES and walk.made.means(name, "type")
        declared = walk.made.means(name, "record", "event")
        if name not in names.BUILTIN_TYPES and not checked and not declared:
            walk.report.at(one, "D606")


def _method(
    walk: Walk, node: ast.Call, func: ast.Attribute, values: list[ast.expr], part: Part
) -> list[ast.expr]:
    """Look at a method call; return the arguments that are still to be looked at."""
    name, words = func.attr, [k.arg for k in node.keywords if k.arg is not None]
    if walk.is_self(func.value):
        shape = walk.shape
        assert shape is not None
        if name in shape.methods:
            walk.calls.append(((walk.made.file, walk.owner, name), node))
        else:
            walk.report.at(node, "D604", f"the contract has no method {name}")
        return values
    base = func.value
    if names.is_class_call(base, name) and walk.made.means(base.id, "type"):
        if len(node.args) != 1 or words:
            walk.report.at(node, "D610", f"{base.id}.{name} is given one value")
        return values
    walk.also(part, base)
    if name not in names.METHODS:
        rule = "D106" if name.startswith("__") else "D604"
        walk.report.at(node, rule, f"{name} is no method of the dialect")
        return values
    if name == "call":
        return _other_contract(walk, node, values)
    state = _state_of(walk, base)
    if state is not None and name not in names.STATE_CALLS[state]:
        walk.report.at(node, "D604", f"a {state} has no {name}")
    for word in words:
        if word not in names.METHODS[name]:
            walk.report.at(node, "D610", f"{name} takes no {word}")
    return values


def _other_contract(walk: Walk, node: ast.Call, values: list[ast.expr]) -> list[ast.expr]:
    """Look at ``ctx.call(kind, "contract", "entry", …)``; return its arguments by name."""
    named = [a.value for a in node.args[1:] if isinstance(a, ast.Constant)]
    if len(node.args) != 3 or not all(isinstance(n, str) for n in named) or len(named) != 2:
        walk.report.at(node, "D611")
        return values[1:]
    check_type(walk.made, node.args[0], walk.report)
    if walk.shape is not None and named[0] not in walk.shape.uses:
        walk.report.at(node, "D611", f"{named[0]!s} is not among what the contract uses")
    return values[3:]


def _state_of(walk: Walk, node: ast.expr) -> str | None:
    """Return whether a node is a map or a value of the contract."""
    if walk.shape is None or not isinstance(node, ast.Attribute):
        return None
    return walk.shape.state.get(node.attr) if walk.is_self(node.value) else None
