# SPDX-License-Identifier: Apache-2.0
"""Expressions of a function: each node by its kind, each name by its meaning."""

import ast
from typing import Final

from hanse.contracts.dialect import names
from hanse.contracts.dialect.walk import Look, Part, Walk

_DIVISIONS: Final = (ast.Div, ast.MatMult)


def _constant(walk: Walk, node: ast.Constant, _: Part) -> None:
    if node.value is ...:
        walk.report.at(node, "D111")


def _name(walk: Walk, node: ast.Name, part: Part) -> None:
    if node.id == "self" and walk.shape is not None:
        walk.report.at(node, "D607")
    elif (
        walk.knows(node.id, part)
        or node.id in walk.made.lost
        or walk.made.means(node.id, "constant")
    ):
        pass
    elif node.id in walk.made.symbols or node.id in names.BUILTINS:
        walk.report.at(node, "D602", f"{node.id} is not a value")
    elif node.id.startswith("__"):
        walk.report.at(node, "D106", f"{node.id} is no name of the dialect")
    else:
        walk.report.at(node, "D601", f"{node.id} is not known here")


def _attribute(walk: Walk, node: ast.Attribute, part: Part) -> None:
    name = node.attr
    if walk.is_self(node.value):
        shape = walk.shape
        assert shape is not None
        if name in shape.methods:
            walk.report.at(node, "D602", f"{name} is a method: call it")
        elif name not in shape.state and name not in shape.literals:
            rule = "D106" if name.startswith("_") else "D603"
            walk.report.at(node, rule, f"the contract declares no {name}")
        return
    walk.also(part, node.value)
    if name in walk.fields or name in names.API_ATTRIBUTES:
        return
    if name.startswith("_"):
        walk.report.at(node, "D106", f"{name} is no name of the dialect")
    elif name in names.METHODS:
        walk.report.at(node, "D602", f"{name} is a method: call it")
    else:
        walk.report.at(node, "D603", f"no record has a field {name}")


def _subscript(walk: Walk, node: ast.Subscript, part: Part) -> None:
    walk.also(part, node.value)
    if isinstance(node.slice, ast.Slice):
        walk.also(part, node.slice.lower, node.slice.upper, node.slice.step)
    else:
        walk.also(part, node.slice)


def _operation(walk: Walk, node: ast.BinOp, part: Part) -> None:
    if isinstance(node.op, _DIVISIONS):
        walk.report.at(node, "D501")
    walk.also(part, node.left, node.right)


def _compare(walk: Walk, node: ast.Compare, part: Part) -> None:
    for place, (operator, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
        none = isinstance(right, ast.Constant) and right.value is None
        if isinstance(operator, ast.Is | ast.IsNot) and not none:
            walk.report.at(node, "D503")
        middle = place < len(node.comparators) - 1
        if middle and part.in_source and not isinstance(right, ast.Name | ast.Constant):
            walk.report.at(right, "D509")
    walk.also(part, node.left, *node.comparators)


def _sequence(walk: Walk, node: ast.List | ast.Tuple, part: Part) -> None:
    walk.also(part, *[e.value if isinstance(e, ast.Starred) else e for e in node.elts])


def _starred(walk: Walk, node: ast.Starred, part: Part) -> None:
    walk.report.at(node, "D504")
    walk.also(part, node.value)


def _dict(walk: Walk, node: ast.Dict, part: Part) -> None:
    if any(key is None for key in node.keys):
        walk.report.at(node, "D504")
    walk.also(part, *node.keys, *node.values)


def _comprehension(
    walk: Walk, node: ast.ListComp | ast.GeneratorExp | ast.DictComp, part: Part
) -> None:
    if len(node.generators) > 2:
        walk.report.at(node, "D505")
    inner = part.inner
    for one in node.generators:
        walk.within(Part(one.iter, inner, in_source=True))
        targets = one.target.elts if isinstance(one.target, ast.Tuple) else [one.target]
        if one.is_async or not targets:
            walk.report.at(node, "D505")
        for target in targets:
            if isinstance(target, ast.Name):
                check_inner_name(walk, target, target.id)
                inner |= {target.id}
            else:
                walk.report.at(target, "D505")
                inner |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
        for test in one.ifs:
            walk.within(Part(test, inner, part.in_source))
    results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    for result in results:
        walk.within(Part(result, inner, part.in_source))


def check_inner_name(walk: Walk, node: ast.AST, name: str) -> None:
    """Look whether a comprehension or lambda may give this name."""
    symbol = walk.made.symbols.get(name)
    if name != "_" and not names.PUBLIC_NAME(name):
        walk.report.at(node, "D106", f"{name} is no name of the dialect")
    elif name in names.BUILTINS or (symbol is not None and symbol.kind != "decorator"):
        walk.report.at(node, "D207", f"{name} has a meaning already")
    elif name == "self":
        walk.report.at(node, "D607", "self keeps its meaning")


def _lambda(walk: Walk, node: ast.Lambda, _: Part) -> None:
    walk.report.at(node, "D506")


def _text(walk: Walk, node: ast.JoinedStr, part: Part) -> None:
    for value in node.values:
        if isinstance(value, ast.FormattedValue):
            spec = format_of(value)
            if value.conversion not in (-1, 115) or spec is None or not names.FORMAT(spec):
                walk.report.at(node, "D507")
            walk.also(part, value.value)
        else:
            walk.also(part, value)


def format_of(node: ast.FormattedValue) -> str | None:
    """Return the format of a value in an f-string; ``None`` where it is itself computed."""
    if node.format_spec is None:
        return ""
    assert isinstance(node.format_spec, ast.JoinedStr)
    texts = [v.value for v in node.format_spec.values if isinstance(v, ast.Constant)]
    if len(texts) != len(node.format_spec.values):
        return None
    return "".join(str(text) for text in texts)


def _parts(walk: Walk, node: ast.expr, part: Part) -> None:
    walk.also(part, *[n for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr)])


EXPRESSION_LOOKS: Final[dict[type[ast.AST], Look]] = {
    ast.Attribute: _attribute,
    ast.BinOp: _operation,
    ast.BoolOp: _parts,
    ast.Compare: _compare,
    ast.Constant: _constant,
    ast.Dict: _dict,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.IfExp: _parts,
    ast.JoinedStr: _text,
    ast.Lambda: _lambda,
    ast.List: _sequence,
    ast.ListComp: _comprehension,
    ast.Name: _name,
    ast.Starred: _starred,
    ast.Subscript: _subscript,
    ast.Tuple: _sequence,
    ast.UnaryOp: _parts,
}
