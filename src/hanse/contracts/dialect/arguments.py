# SPDX-License-Identifier: Apache-2.0
"""Whether a call gives a function of the contract, or a record, what it declares."""

import ast
from collections.abc import Iterator

from hanse.contracts.dialect.finding import Report
from hanse.contracts.dialect.symbols import Function


def check_arguments(node: ast.Call, function: Function, report: Report) -> None:
    """Add what is wrong with the number and names of a call's arguments."""
    args = function.node.args
    if args.vararg or args.kwarg or args.posonlyargs or _is_open(node):
        return  # refused elsewhere
    for message in _faults(node, function):
        report.at(node, "D612", message)


def check_fields(node: ast.Call, name: str, needed: list[str], report: Report) -> None:
    """Add the fields without a default that the call of a record leaves out."""
    given = [keyword.arg for keyword in node.keywords]
    missing = [] if _is_open(node) else [field for field in needed if field not in given]
    if missing:
        report.at(node, "D612", f"{name} needs {', '.join(missing)}")


def _is_open(node: ast.Call) -> bool:
    """Whether a call gives arguments that cannot be counted; it is refused for that."""
    stars = any(isinstance(arg, ast.Starred) for arg in node.args)
    return stars or any(keyword.arg is None for keyword in node.keywords)


def _faults(node: ast.Call, function: Function) -> Iterator[str]:
    args, name = function.node.args, function.node.name
    places = [arg.arg for arg in args.args][1 if function.owner else 0 :]  # after self
    named = [arg.arg for arg in args.kwonlyargs]
    optional = places[len(places) - len(args.defaults) :] if args.defaults else []
    optional += [a for a, d in zip(named, args.kw_defaults, strict=True) if d is not None]
    words = [keyword.arg for keyword in node.keywords]
    if len(node.args) > len(places):
        yield f"{name} takes {len(places)} values by place, {len(node.args)} are given"
        return
    for word in words:
        if word not in places and word not in named:
            yield f"{name} has no parameter {word}"
            return
        if word in places[: len(node.args)]:
            yield f"{name} is given {word} twice"
            return
    given = [*places[: len(node.args)], *words]
    missing = [one for one in (*places, *named) if one not in given and one not in optional]
    if missing:
        yield f"{name} needs {', '.join(missing)}"
