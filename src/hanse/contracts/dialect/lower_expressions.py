# SPDX-License-Identifier: Apache-2.0
"""Expressions, lowered: operators checked, calls to helpers, nodes counted for the meter.

Every expression is written as one that stands by itself (a name, a literal, a call, or in
brackets), so that no order of operations is left to chance. It is written only of checked trees,
whose depth is bounded, and so it may recurse.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hanse.contracts.dialect import names
from hanse.contracts.dialect.expressions import format_of
from hanse.contracts.dialect.symbols import ContractShape, Outline
from hanse.contracts.dialect.type_text import literal, type_text
from hanse.contracts.meter import NODES_PER_UNIT

_ARITHMETIC: Final[dict[type[ast.operator], tuple[str, str]]] = {
    ast.Add: ("+", "_Add"),
    ast.Sub: ("-", "_Sub"),
    ast.Mult: ("*", "_Mul"),
    ast.FloorDiv: ("//", ""),
    ast.Mod: ("%", "_Mod"),
    ast.Pow: ("**", "_Pow"),
    ast.LShift: ("<<", "_Shl"),
    ast.RShift: (">>", "_Shr"),
    ast.BitAnd: ("&", "_And"),
    ast.BitOr: ("|", "_Or"),
    ast.BitXor: ("^", "_Xor"),
}
_COMPARISONS: Final[dict[type[ast.cmpop], tuple[str, str]]] = {
    ast.Eq: ("==", "_Eq"),
    ast.NotEq: ("!=", "_Ne"),
    ast.Lt: ("<", "_Lt"),
    ast.LtE: ("<=", "_Le"),
    ast.Gt: (">", "_Gt"),
    ast.GtE: (">=", "_Ge"),
    ast.In: ("in", "_In"),
    ast.NotIn: ("not in", "_Nin"),
    ast.Is: ("is", ""),
    ast.IsNot: ("is not", ""),
}
_PLAIN_BUILTINS: Final = ("abs", "bool", "divmod", "len")  # bounded work, whatever is given
_API_HELPERS: Final = {
    "BigInt": "_BigInt",
    "Date": "_Date",
    "mul_div": "_MulDiv",
    "replace": "_Replace",
}
_INTEGER_OPERATORS: Final = (ast.Sub, ast.FloorDiv, ast.Mod, ast.LShift, ast.RShift, ast.Pow)
_INTEGERS: Final = ("abs", "len")  # builtins that return an integer or fail
_SHORT: Final = 64  # characters of a text that is compared without a charge
_TWICE: Final = 48  # characters of a lowered operand that may be written twice


def units(nodes: int) -> int:
    """Return the units of a basic block of so many nodes."""
    return 1 + nodes // NODES_PER_UNIT


@dataclass(slots=True)
class Scope:
    """A function that is being lowered: its module, its contract, what it has counted so far."""

    outlines: Mapping[str, Outline]
    made: Outline
    shape: ContractShape | None
    heavy: Callable[[str, str], bool]
    nodes: int = 0
    kept: int = 0
    in_source: int = 0

    def keep(self) -> str:
        """Return a fresh name for a value that is used twice."""
        self.kept += 1
        return f"_C{self.kept}"


def expression(scope: Scope, node: ast.expr) -> str:
    """Return the lowered text of an expression, its nodes counted."""
    scope.nodes += 1
    return _WRITERS[type(node)](scope, node)


def _constant(_: Scope, node: ast.Constant) -> str:
    return literal(node.value)


def _name(_: Scope, node: ast.Name) -> str:
    return node.id


def _attribute(scope: Scope, node: ast.Attribute) -> str:
    if _is_self(scope, node.value):
        scope.nodes += 1
        return f"self.{node.attr}"
    base = expression(scope, node.value)
    if node.attr in names.GUARDED_ATTRIBUTES:
        return f"_Attr(_M, {base}, {literal(node.attr)})"
    return f"{base}.{node.attr}"


def _is_self(scope: Scope, node: ast.expr) -> bool:
    return scope.shape is not None and isinstance(node, ast.Name) and node.id == "self"


def state_of(scope: Scope, node: ast.expr) -> str | None:
    """Return whether a node is a map or a value of the contract."""
    if scope.shape is None or not isinstance(node, ast.Attribute):
        return None
    return scope.shape.state.get(node.attr) if _is_self(scope, node.value) else None


def is_integer(scope: Scope, node: ast.expr) -> bool:
    """Whether an expression is an integer for certain, if it has a value at all."""
    if isinstance(node, ast.BinOp):
        if not isinstance(node.op, ast.Add):
            return isinstance(node.op, _INTEGER_OPERATORS)
        # one of both is enough: what is added to an integer is one, or the sum fails
        return _is_number(scope, node.left) or _is_number(scope, node.right)
    return _is_number(scope, node)


def _is_number(scope: Scope, node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    if isinstance(node, ast.UnaryOp):
        return not isinstance(node.op, ast.Not)
    if isinstance(node, ast.Name):
        symbol = scope.made.symbols.get(node.id)
        value = None if symbol is None or symbol.kind != "constant" else symbol.value
        return isinstance(value, ast.UnaryOp) or (
            isinstance(value, ast.Constant) and type(value.value) is int
        )
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _INTEGERS
    )


def _is_short(scope: Scope, node: ast.expr) -> bool:
    """Whether comparing with this value is bounded work, whatever is compared."""
    if not isinstance(node, ast.Constant):
        return is_integer(scope, node)
    if isinstance(node.value, str):
        return len(node.value) <= _SHORT
    return node.value is None or isinstance(node.value, int)


def _operation(scope: Scope, node: ast.BinOp) -> str:
    left, right = expression(scope, node.left), expression(scope, node.right)
    return operation(scope, node.op, (node.left, left), (node.right, right))


Operand = tuple[ast.expr, str]


def operation(scope: Scope, operator: ast.operator, left: Operand, right: Operand) -> str:
    """Return the text of a checked operation on two lowered operands."""
    sign, helper = _ARITHMETIC[type(operator)]
    a, b = left[1], right[1]
    if sign == "//":
        return f"({a} // {b})"
    charged = f"{helper}(_M, {a}, {b})"
    if scope.in_source:
        return charged
    if sign == "-" or (sign == "+" and (is_integer(scope, left[0]) or is_integer(scope, right[0]))):
        return f"(_R if _N < (_R := {a} {sign} {b}) < _P else _Sum(_M, _R))"
    if sign == "+":
        return f"(_R if _T(_R := {a} + {b}) is _I and _N < _R < _P else _Sum(_M, _R))"
    simple = [part for part in (left, right) if not isinstance(part[0], ast.Constant)]
    if sign in ("*", "%") and all(isinstance(part[0], ast.Name) for part in simple) and simple:
        if not all(
            is_integer(scope, p[0]) for p in (left, right) if isinstance(p[0], ast.Constant)
        ):
            return charged
        tests = " and ".join(f"_T({part[1]}) is _I" for part in simple)
        if sign == "%":
            return f"({a} % {b} if {tests} else {charged})"
        return f"(_R if {tests} and _N < (_R := {a} * {b}) < _P else {charged})"
    return charged


def _unary(scope: Scope, node: ast.UnaryOp) -> str:
    operand = expression(scope, node.operand)
    if isinstance(node.op, ast.Not):
        return f"(not {operand})"
    if isinstance(node.op, ast.Invert):
        return f"_Inv(_M, {operand})"
    return f"({'-' if isinstance(node.op, ast.USub) else '+'}{operand})"


def _boolean(scope: Scope, node: ast.BoolOp) -> str:
    word = " and " if isinstance(node.op, ast.And) else " or "
    return f"({word.join([expression(scope, value) for value in node.values])})"


def _conditional(scope: Scope, node: ast.IfExp) -> str:
    test, body = expression(scope, node.test), expression(scope, node.body)
    return f"({body} if {test} else {expression(scope, node.orelse)})"


def _compare(scope: Scope, node: ast.Compare) -> str:
    left: Operand = (node.left, expression(scope, node.left))
    parts: list[str] = []
    for place, (operator, right_node) in enumerate(zip(node.ops, node.comparators, strict=True)):
        right: Operand = (right_node, expression(scope, right_node))
        following = right
        if place < len(node.ops) - 1 and not isinstance(right_node, ast.Name | ast.Constant):
            name = scope.keep()
            following = (right_node if is_integer(scope, right_node) else ast.Name(name), name)
            right = (right_node, f"({name} := {right[1]})")
        parts.append(_comparison(scope, operator, left, right))
        left = following
    return parts[0] if len(parts) == 1 else f"({' and '.join(parts)})"


def _comparison(scope: Scope, operator: ast.cmpop, left: Operand, right: Operand) -> str:
    sign, helper = _COMPARISONS[type(operator)]
    (left_node, a), (right_node, b) = left, right
    plain = f"({a} {sign} {b})"
    if not helper:
        return plain
    charged = f"{helper}(_M, {a}, {b})"
    if sign in ("in", "not in"):
        if _are_short_constants(scope, right_node):
            return f"({a} {sign} {_as_tuple(right_node, b)})"
        held = state_of(scope, right_node) in names.MAPS
        return plain if held else charged
    if sign in ("==", "!="):
        if _is_short(scope, left_node) or _is_short(scope, right_node):
            return plain
    elif is_integer(scope, left_node) or is_integer(scope, right_node):
        return plain
    if len(a) > _TWICE or len(b) > _TWICE:
        return charged
    for one, text in (left, right):
        if isinstance(one, ast.Name):
            return f"({a} {sign} {b} if _T({text}) is _I else {charged})"
    return charged


def _are_short_constants(scope: Scope, node: ast.expr) -> bool:
    if not isinstance(node, ast.Tuple | ast.List):
        return False
    return all(isinstance(e, ast.Constant) and _is_short(scope, e) for e in node.elts)


def _as_tuple(node: ast.expr, text: str) -> str:
    if isinstance(node, ast.Tuple):
        return text
    assert isinstance(node, ast.List)
    return _tuple_of([literal(e.value) for e in node.elts if isinstance(e, ast.Constant)])


def _tuple_of(parts: list[str]) -> str:
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _subscript(scope: Scope, node: ast.Subscript) -> str:
    base = expression(scope, node.value)
    if isinstance(node.slice, ast.Slice):
        ends = [node.slice.lower, node.slice.upper, node.slice.step]
        texts = ["None" if end is None else expression(scope, end) for end in ends]
        return f"_Slice(_M, {base}, {', '.join(texts)})"
    key = expression(scope, node.slice)
    return entry(scope, (node.value, base), (node.slice, key))


def entry(scope: Scope, base: Operand, key: Operand) -> str:
    """Return the text of an entry that is read."""
    plain = f"{base[1]}[{key[1]}]"
    short = isinstance(key[0], ast.Constant) and isinstance(key[0].value, int | str)
    if state_of(scope, base[0]) in names.MAPS or short or is_integer(scope, key[0]):
        return plain
    charged = f"_Item(_M, {base[1]}, {key[1]})"
    if isinstance(key[0], ast.Name) and len(base[1]) <= _TWICE:
        return f"({plain} if _T({key[1]}) is _I else {charged})"
    return charged


def _sequence(scope: Scope, node: ast.List | ast.Tuple) -> str:
    parts: list[str] = []
    spread = False
    for element in node.elts:
        if isinstance(element, ast.Starred):
            spread = True
            parts.append(f"*_It(_M, {expression(scope, element.value)}, 1)")
        else:
            parts.append(expression(scope, element))
    text = f"[{', '.join(parts)}]" if isinstance(node, ast.List) else _tuple_of(parts)
    return f"_Small({text})" if spread else text


def _dict(scope: Scope, node: ast.Dict) -> str:
    parts: list[str] = []
    for key, value in zip(node.keys, node.values, strict=True):
        assert key is not None
        parts.append(f"{_key(scope, key)}: {expression(scope, value)}")
    return f"{{{', '.join(parts)}}}"


def _key(scope: Scope, node: ast.expr) -> str:
    text = expression(scope, node)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return text
    return f"_Key({text})"


def _comprehension(scope: Scope, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> str:
    loops: list[tuple[str, str, str]] = []
    levels: list[int] = []  # nodes around, then of each round
    for one in node.generators:
        scope.in_source += 1
        source = expression(scope, one.iter)
        scope.in_source -= 1
        levels.append(scope.nodes)
        scope.nodes = 0
        tests = "".join([f" if {expression(scope, test)}" for test in one.ifs])
        loops.append((target_text(one.target), source, tests))
    if isinstance(node, ast.DictComp):
        key = _key(scope, node.key)
        result = f"{key}: {expression(scope, node.value)}"
    else:
        result = expression(scope, node.elt)
    levels.append(scope.nodes)
    scope.nodes = levels[0]
    text = "".join(
        f" for {target} in _It(_M, {source}, {units(count)}){tests}"
        for (target, source, tests), count in zip(loops, levels[1:], strict=True)
    )
    closed = f"{{{result}{text}}}" if isinstance(node, ast.DictComp) else f"[{result}{text}]"
    return f"_Small({closed})"


def target_text(node: ast.expr) -> str:
    """Return the text of names that are assigned to."""
    if isinstance(node, ast.Tuple):
        return _tuple_of([target_text(part) for part in node.elts])
    assert isinstance(node, ast.Name)
    return node.id


def _text(scope: Scope, node: ast.JoinedStr) -> str:
    parts: list[str] = []
    for value in node.values:
        if isinstance(value, ast.FormattedValue):
            shown = expression(scope, value.value)
            parts.append(f"_Fmt(_M, {shown}, {literal(format_of(value))})")
        else:
            assert isinstance(value, ast.Constant)
            if value.value != "":
                parts.append(literal(value.value))
    return f"_Text(_M, {', '.join(parts)})" if parts else "''"


def _call(scope: Scope, node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return _method_call(scope, node, node.func)
    assert isinstance(node.func, ast.Name)
    name = node.func.id
    if name in names.BUILTINS:
        return _builtin_call(scope, node, name)
    symbol = scope.made.symbols[name]
    arguments = _arguments(scope, node)
    if symbol.kind == "newtype":
        return f"_Same({', '.join(arguments)})"
    if symbol.kind in ("record", "event") and scope.heavy(symbol.file, symbol.name):
        return f"_New({', '.join(['_M', name, *arguments])})"
    if symbol.file == "api" and name in _API_HELPERS:
        return f"{_API_HELPERS[name]}({', '.join(['_M', *arguments])})"
    return f"{name}({', '.join(arguments)})"


def _arguments(scope: Scope, node: ast.Call) -> list[str]:
    given = [expression(scope, arg) for arg in node.args]
    return given + [f"{k.arg}={expression(scope, k.value)}" for k in node.keywords]


def _builtin_call(scope: Scope, node: ast.Call, name: str) -> str:
    if name == "isinstance":
        kinds = node.args[1]
        shown = target_text(kinds)
        return f"_B_isinstance({expression(scope, node.args[0])}, {shown})"
    if name in _PLAIN_BUILTINS:
        return f"_B_{name}({', '.join(_arguments(scope, node))})"
    parts = ["_M", *[expression(scope, arg) for arg in node.args]]
    for keyword in node.keywords:
        if keyword.arg == "key":
            assert isinstance(keyword.value, ast.Lambda)
            outer, scope.nodes = scope.nodes, 0
            body = expression(scope, keyword.value.body)
            weight, scope.nodes = units(scope.nodes), outer
            parameter = keyword.value.args.args[0].arg
            parts += [f"key=(lambda {parameter}: {body})", f"weight={weight}"]
        else:
            parts.append(f"{keyword.arg}={expression(scope, keyword.value)}")
    return f"_B_{name}({', '.join(parts)})"


def _method_call(scope: Scope, node: ast.Call, func: ast.Attribute) -> str:
    name = func.attr
    base = func.value
    if _is_self(scope, base):
        scope.nodes += 1
        return f"self.{name}({', '.join(_arguments(scope, node))})"
    if names.is_class_call(base, name) and scope.made.means(base.id, "type"):
        return f"_{base.id}_{name}({', '.join(['_M', *_arguments(scope, node)])})"
    held = state_of(scope, base)
    receiver = expression(scope, base)
    if name == "call":
        given = [expression(scope, arg) for arg in node.args[1:]]
        words = [f"{k.arg}={expression(scope, k.value)}" for k in node.keywords]
        return f"_Do_call({', '.join(['_M', receiver, type_text(node.args[0]), *given, *words])})"
    arguments = _arguments(scope, node)
    if held is not None:
        plain = f"{receiver}.{name}({', '.join(arguments)})"
        return f"_Rows({plain})" if name in ("between", "items", "keys", "values") else plain
    return f"_Do_{name}({', '.join(['_M', receiver, *arguments])})"


_WRITERS: Final[dict[type[ast.expr], Callable[[Scope, Any], str]]] = {
    ast.Attribute: _attribute,
    ast.BinOp: _operation,
    ast.BoolOp: _boolean,
    ast.Call: _call,
    ast.Compare: _compare,
    ast.Constant: _constant,
    ast.Dict: _dict,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.IfExp: _conditional,
    ast.JoinedStr: _text,
    ast.List: _sequence,
    ast.ListComp: _comprehension,
    ast.Name: _name,
    ast.Subscript: _subscript,
    ast.Tuple: _sequence,
    ast.UnaryOp: _unary,
}
