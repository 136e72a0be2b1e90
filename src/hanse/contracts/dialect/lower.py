# SPDX-License-Identifier: Apache-2.0
"""The lowering: from a checked module to the text that is executed, meter and checks written out.

A basic block is charged where it begins: a function, a round of a loop, and a branch, unless it is
so small that it is charged with what is around it. A ``for`` that cannot end early is charged for
all its rounds at once. The text depends on the syntax tree alone.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from hanse.contracts.dialect import names
from hanse.contracts.dialect.lower_expressions import (
    Operand,
    Scope,
    entry,
    expression,
    is_integer,
    operation,
    state_of,
    target_text,
    units,
)
from hanse.contracts.dialect.symbols import Function, Outline
from hanse.contracts.dialect.type_text import frozen, literal, type_text
from hanse.contracts.dialect.types import holds_items

BRANCH_NODES: Final = 16  # a branch of fewer nodes belongs to the block around it
_TWICE: Final = 48  # characters of a lowered operand that may be written twice


@dataclass(frozen=True, slots=True)
class Line:
    """One line of lowered text: its depth, and the author's line that it comes from."""

    depth: int
    text: str
    source: int


@dataclass(frozen=True, slots=True)
class Lowered:
    """A lowered module: its text, and for each of its lines the author's."""

    text: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Block:
    lines: list[Line]
    nodes: int


def lower(outlines: dict[str, Outline], file: str) -> Lowered:
    """Return the lowered text of one file of a checked contract."""
    made = outlines[file]
    heavy = {
        (other.file, name): any(holds_items(outlines, other, hint) for hint in fields.values())
        for other in outlines.values()
        for name, fields in other.fields.items()
    }
    lines = list(_module(outlines, made, heavy))
    text = "".join(f"{' ' * line.depth}{line.text}\n" for line in lines)
    return Lowered(text, tuple(line.source for line in lines))


def _module(
    outlines: Mapping[str, Outline], made: Outline, heavy: Mapping[tuple[str, str], bool]
) -> Iterator[Line]:
    imports = iter(made.imports)
    functions = {function.key: function for function in made.functions}
    for node, kind in made.steps:
        scope = Scope(outlines, made, None, lambda file, name: heavy[file, name])
        if kind == "import":
            source, wanted = next(imports)
            yield Line(0, f"_Import({', '.join(map(literal, (source, *wanted)))})", node.lineno)
        elif kind in ("constant", "alias", "newtype"):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            yield _assigned(node, kind)
        elif kind in ("record", "event"):
            assert isinstance(node, ast.ClassDef)
            yield _declared(node, kind)
        elif kind == "function":
            assert isinstance(node, ast.FunctionDef)
            yield from _function(scope, functions[made.file, "", node.name], 0)
        elif kind == "contract":
            assert isinstance(node, ast.ClassDef)
            yield from _contract(scope, made, node)


def _assigned(node: ast.Assign | ast.AnnAssign, kind: str) -> Line:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    assert isinstance(target, ast.Name)
    assert node.value is not None
    if kind == "newtype":
        assert isinstance(node.value, ast.Call)
        value = f"NewType({literal(target.id)}, {type_text(node.value.args[1])})"
    else:
        value = type_text(node.value) if kind == "alias" else frozen(node.value)
    return Line(0, f"{target.id} = {value}", node.lineno)


def _declared(node: ast.ClassDef, kind: str) -> Line:
    fields: list[str] = []
    for part in node.body:
        if isinstance(part, ast.AnnAssign):
            assert isinstance(part.target, ast.Name)
            default = "" if part.value is None else f", {frozen(part.value)}"
            fields.append(f"({literal(part.target.id)}, {type_text(part.annotation)}{default}),")
    doc = literal(ast.get_docstring(node, clean=False))
    call = f"_Declare({literal(kind)}, {literal(node.name)}, {doc}, ({' '.join(fields)}))"
    return Line(0, f"{node.name} = {call}", node.lineno)


def _contract(scope: Scope, made: Outline, node: ast.ClassDef) -> Iterator[Line]:
    shape = made.contracts[node.name]
    yield Line(0, f"class {node.name}(Contract):", node.lineno)
    doc = ast.get_docstring(node, clean=False)
    yield Line(1, "pass" if doc is None else literal(doc), node.lineno)
    for part in node.body:
        if isinstance(part, ast.Assign):
            yield Line(1, f"{target_text(part.targets[0])} = {frozen(part.value)}", part.lineno)
        elif isinstance(part, ast.AnnAssign):
            text = f"{target_text(part.target)}: {type_text(part.annotation)}"
            yield Line(1, text, part.lineno)
        elif isinstance(part, ast.FunctionDef):
            inner = Scope(scope.outlines, made, shape, scope.heavy)
            yield from _function(inner, shape.methods[part.name], 1)


def _function(scope: Scope, function: Function, depth: int) -> Iterator[Line]:
    node = function.node
    if function.mark == "action":
        call = node.decorator_list[0]
        assert isinstance(call, ast.Call)
        words = ", ".join([f"{word.arg}={frozen(word.value)}" for word in call.keywords])
        yield Line(depth, f"@action({words})", node.lineno)
    elif function.mark == "migrate":
        call = node.decorator_list[0]
        assert isinstance(call, ast.Call)
        words = ", ".join(f"{word.arg}={frozen(word.value)}" for word in call.keywords)
        yield Line(depth, f"@migrate({words})", node.lineno)
    elif function.mark is not None:
        yield Line(depth, f"@{function.mark}", node.lineno)
    doc = ast.get_docstring(node, clean=False)
    typed = function.mark is not None
    returns = f" -> {type_text(node.returns)}" if typed and node.returns is not None else ""
    yield Line(depth, f"def {node.name}({_parameters(node, typed)}){returns}:", node.lineno)
    body = node.body if doc is None else node.body[1:]
    if typed and doc is not None:
        yield Line(depth + 1, literal(doc), node.lineno)
    first = body[0].lineno if body else node.lineno
    block = _block(scope, body)
    for line in [*_tick(units(block.nodes), first), *block.lines]:
        yield Line(line.depth + depth + 1, line.text, line.source)


def _parameters(node: ast.FunctionDef, typed: bool) -> str:
    args = node.args
    none: list[ast.expr | None] = [None] * (len(args.args) - len(args.defaults))
    plain = zip(args.args, none + list(args.defaults), strict=True)
    parts = [_parameter(arg, default, typed) for arg, default in plain]
    if args.kwonlyargs:
        parts.append("*")
        keyed = zip(args.kwonlyargs, args.kw_defaults, strict=True)
        parts += [_parameter(arg, default, typed) for arg, default in keyed]
    return ", ".join(parts)


def _parameter(arg: ast.arg, default: ast.expr | None, typed: bool) -> str:
    hint = f": {type_text(arg.annotation)}" if typed and arg.annotation is not None else ""
    return f"{arg.arg}{hint}" + ("" if default is None else f"={frozen(default)}")


def _tick(cost: int, source: int) -> list[Line]:
    return [
        Line(0, f"_M.left -= {cost}", source),
        Line(0, "if _M.left < 0: _Stop()", source),
    ]


def _block(scope: Scope, body: list[ast.stmt]) -> _Block:
    """Return the lines of a block and the nodes that its charge is to stand for."""
    outer, scope.nodes = scope.nodes, 0
    lines = [line for node in body for line in _statement(scope, node)]
    nodes, scope.nodes = scope.nodes, outer
    return _Block(lines, nodes)


def _inside(lines: list[Line]) -> list[Line]:
    return [Line(line.depth + 1, line.text, line.source) for line in lines]


def _statement(scope: Scope, node: ast.stmt) -> list[Line]:
    scope.nodes += 1
    match node:
        case ast.If():
            return _if(scope, node)
        case ast.For():
            return _for(scope, node)
        case ast.While():
            return _while(scope, node)
        case ast.Assign(targets, value):
            return _assign(scope, node, targets[0], expression(scope, value))
        case ast.AnnAssign(target, _, value):
            if value is None:
                return [Line(0, "pass", node.lineno)]
            return _assign(scope, node, target, expression(scope, value))
        case ast.AugAssign():
            return _augmented(scope, node)
        case _:
            return [Line(0, _simple(scope, node), node.lineno)]


def _simple(scope: Scope, node: ast.stmt) -> str:
    match node:
        case ast.Expr(value):
            return expression(scope, value)
        case ast.Return(None):
            return "return"
        case ast.Return(value):
            assert value is not None
            return f"return {expression(scope, value)}"
        case ast.Raise(exc):
            assert exc is not None
            return f"raise {expression(scope, exc)}"
        case ast.Assert(test):
            return f"_Assert({expression(scope, test)})"
        case ast.Delete([ast.Subscript(base, key)]):
            texts = expression(scope, base), expression(scope, key)
            if state_of(scope, base) in names.MAPS:
                return f"del {texts[0]}[{texts[1]}]"
            return f"_Del(_M, {texts[0]}, {texts[1]})"
        case ast.Break():
            return "break"
        case ast.Continue():
            return "continue"
        case _:
            assert isinstance(node, ast.Pass)
            return "pass"


def _if(scope: Scope, node: ast.If) -> list[Line]:
    test = expression(scope, node.test)
    then = _branch(scope, _block(scope, node.body), node.body[0].lineno)
    lines = [Line(0, f"if {test}:", node.lineno), *_inside(then)]
    if not node.orelse:
        return lines
    other = _branch(scope, _block(scope, node.orelse), node.orelse[0].lineno)
    if isinstance(node.orelse[0], ast.If) and other[0].text.startswith("if "):
        first = Line(0, f"el{other[0].text}", other[0].source)
        if len(node.orelse) == 1:
            return [*lines, first, *other[1:]]
    return [*lines, Line(0, "else:", node.orelse[0].lineno), *_inside(other)]


def _branch(scope: Scope, block: _Block, source: int) -> list[Line]:
    """Return the lines of a branch, charged by itself or, when it is small, with its block."""
    if block.nodes < BRANCH_NODES:
        scope.nodes += block.nodes
        return block.lines
    return [Line(0, f"_M.left -= {units(block.nodes)}", source), *block.lines]


def _for(scope: Scope, node: ast.For) -> list[Line]:
    source = expression(scope, node.iter)
    block = _block(scope, node.body)
    cost, target = units(block.nodes), target_text(node.target)
    if _ends_early(node.body):
        head = Line(0, f"for {target} in _Rounds(_M, {source}):", node.lineno)
        return [head, *_inside([*_tick(cost, node.lineno), *block.lines])]
    head = Line(0, f"for {target} in _It(_M, {source}, {cost}):", node.lineno)
    return [head, *_inside(block.lines)]


def _ends_early(body: list[ast.stmt]) -> bool:
    """Whether a loop over ``body`` may end before its last round, other than by a failure."""
    waiting = [(node, False) for node in body]
    while waiting:
        node, inner = waiting.pop()
        if isinstance(node, ast.Return) or (isinstance(node, ast.Break) and not inner):
            return True
        if isinstance(node, ast.For | ast.While):
            waiting += [(child, True) for child in node.body]
        elif isinstance(node, ast.If):
            waiting += [(child, inner) for child in node.body + node.orelse]
    return False


def _while(scope: Scope, node: ast.While) -> list[Line]:
    before = scope.nodes
    test = expression(scope, node.test)
    looked_at = scope.nodes - before
    block = _block(scope, node.body)
    tick = _tick(units(block.nodes + looked_at), node.lineno)
    return [Line(0, f"while {test}:", node.lineno), *_inside([*tick, *block.lines])]


def _assign(scope: Scope, node: ast.stmt, target: ast.expr, value: str) -> list[Line]:
    if not isinstance(target, ast.Subscript):
        return [Line(0, f"{target_text(target)} = {value}", node.lineno)]
    base, key = expression(scope, target.value), expression(scope, target.slice)
    return [Line(0, _store(scope, (target.value, base), key, value), node.lineno)]


def _store(scope: Scope, base: Operand, key: str, value: str) -> str:
    if state_of(scope, base[0]) in names.MAPS:
        return f"{base[1]}[{key}] = {value}"
    return f"_Set(_M, {value}, {base[1]}, {key})"


def _augmented(scope: Scope, node: ast.AugAssign) -> list[Line]:
    add = partial(Line, 0, source=node.lineno)
    if isinstance(node.target, ast.Name):
        target: Operand = (node.target, node.target.id)
        return [add(text) for text in _in_place(scope, node, target)]
    assert isinstance(node.target, ast.Subscript)
    base_node, key_node = node.target.value, node.target.slice
    base, key, value = expression(scope, base_node), scope.keep(), scope.keep()
    lines: list[str] = []
    if state_of(scope, base_node) is None:
        kept = scope.keep()
        lines.append(f"{kept} = {base}")
        base = kept
    lines.append(f"{key} = {expression(scope, key_node)}")
    found = entry(scope, (base_node, base), (ast.Name(key), key))
    lines.append(f"{value} = {found}")
    lines += _in_place(scope, node, (ast.Name(value), value))
    lines.append(_store(scope, (base_node, base), key, value))
    return [add(text) for text in lines]


def _in_place(scope: Scope, node: ast.AugAssign, target: Operand) -> list[str]:
    """Return the lines of ``target op= value``; a list that is added to stays the same list."""
    name, value = target[1], expression(scope, node.value)
    right: Operand = (node.value, value)
    lines: list[str] = []
    number = is_integer(scope, node.value)
    in_place = isinstance(node.op, ast.Mult) or (isinstance(node.op, ast.Add) and not number)
    if not in_place:
        return [f"{name} = {operation(scope, node.op, target, right)}"]
    if len(value) > _TWICE:
        kept = scope.keep()
        lines.append(f"{kept} = {value}")
        right = (ast.Name(kept), kept)
    sign, helper = ("+", "_Iadd") if isinstance(node.op, ast.Add) else ("*", "_Imul")
    charged = f"{helper}(_M, {name}, {right[1]})"
    if sign == "*" and not number:
        return [*lines, f"{name} = {charged}"]
    test = f"_T({name}) is _I and _N < (_R := {name} {sign} {right[1]}) < _P"
    return [*lines, f"{name} = (_R if {test} else {charged})"]
