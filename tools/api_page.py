# SPDX-License-Identifier: Apache-2.0
"""The reference page of the Python API: what an application and a test call."""

import ast
import inspect
import re
import textwrap
from typing import Any

from tools._markdown import WRITTEN, cell

from hanse.client import Client
from hanse.testing.bench import Actor, Bench

ABOUT = """
`from hanse import Client`; `AsyncClient` has the same methods as coroutines. What comes back has
been verified against the trusted ledger id, unless its line says that it is the node's word. The
HTTP API is on [a page of its own](../../spec/http-api.md).

After `=` an argument may be left out; arguments after `*` are given by name.
"""
HIDDEN = {"run", "entry_of"}  # for transports and for the runtime's own tests


def api_page() -> str:
    """Return the page of what an application and a test call."""
    parts = [f"# Python API\n\n{WRITTEN}{ABOUT}"]
    for kind in (Client, Bench, Actor):
        parts.append(f"\n## {kind.__name__}\n\n{about(kind)}\n\n| | |\n|---|---|\n")
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
        assert isinstance(tree, ast.ClassDef)
        parts += [row(kind, node) for node in tree.body if isinstance(node, ast.FunctionDef)]
    return "".join(parts)


def about(kind: type[Any]) -> str:
    """Return the class's description, its arguments as a list."""
    text = prose(inspect.cleandoc(kind.__doc__ or ""))
    text, _, args = text.partition("\n\nArgs:\n")
    items = re.sub(r"\n {8,}", " ", args).strip().splitlines()
    listed = [
        textwrap.fill(re.sub(r"^\s*(\w+):", r"- `\1`:", item), 100, subsequent_indent="  ")
        for item in items
    ]
    return "\n\n".join([text, "\n".join(listed)]) if listed else text


def prose(text: str) -> str:
    """Return docstring markup as Markdown."""
    return re.sub(r":\w+:`([^`]+)`", r"`\1`", text).replace("``", "`")


def row(kind: type[Any], node: ast.FunctionDef) -> str:
    """Return the table row of a public method or property."""
    making = node.name == "__init__"
    if (node.name.startswith("_") and not making and node.name != "__call__") or (
        node.name in HIDDEN
    ):
        return ""
    if any("property" in ast.unparse(d) for d in node.decorator_list):
        name = f"`.{node.name}`"
    else:
        called = {"__init__": kind.__name__, "__call__": kind.__name__.lower()}.get(node.name)
        result = "" if making or node.returns is None else f" → {ast.unparse(node.returns)}"
        shown = f"{called or '.' + node.name}({arguments(node.args)}){result}"
        name = f"`{cell(shown.removesuffix(' → None'))}`"
    doc = prose((ast.get_docstring(node) or "").split("\n\n")[0])
    return f"| {name} | {cell(doc)} |\n"


def arguments(args: ast.arguments) -> str:
    """Return the names of arguments as one gives them."""
    plain = [a.arg for a in (*args.posonlyargs, *args.args)]
    for place in range(1, len(args.defaults) + 1):
        plain[-place] += "="
    keyed = [
        f"{a.arg}{'' if default is None else '='}"
        for a, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    ]
    if args.vararg:
        plain.append(f"*{args.vararg.arg}")
    elif keyed:
        plain.append("*")
    if args.kwarg:
        keyed.append(f"**{args.kwarg.arg}")
    return ", ".join([*plain[1:], *keyed])
