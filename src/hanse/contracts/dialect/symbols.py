# SPDX-License-Identifier: Apache-2.0
"""Symbols: what each name of a module stands for."""

import ast
from dataclasses import dataclass, field
from typing import Final, Literal

from hanse.contracts.dialect import names
from hanse.contracts.dialect.finding import Report

Kind = Literal[
    "constant",
    "alias",
    "newtype",
    "app",
    "function",
    "record",
    "event",
    "contract",
    "type",
    "call",
    "decorator",
    "typing",
    "other",
]
FunctionKey = tuple[str, str, str]
"""File, class (empty for none) and name of a function."""
TYPES: Final = ("alias", "newtype", "record", "event", "type")
_BUILTINS: Final = frozenset(names.BUILTINS) | frozenset(names.BUILTIN_TYPES)


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a name stands for, and in which file it was declared."""

    kind: Kind
    file: str
    name: str
    value: ast.expr | None = None
    parts: int = 1  # of a type, with all that its names stand for written out
    levels: int = 0  # how deep a type nests


@dataclass(frozen=True, slots=True)
class Function:
    """A function, or a method with the class that owns it."""

    file: str
    owner: str
    node: ast.FunctionDef
    mark: str | None

    @property
    def key(self) -> FunctionKey:
        """What tells it from every other function."""
        return (self.file, self.owner, self.node.name)


@dataclass(slots=True)
class ContractShape:
    """A contract class: its state, its literals, its methods."""

    node: ast.ClassDef
    state: dict[str, str] = field(default_factory=dict)  # name → Map or Value
    literals: list[str] = field(default_factory=list)
    methods: dict[str, Function] = field(default_factory=dict)
    uses: tuple[str, ...] = ()


@dataclass(slots=True)
class Outline:
    """All that one module declares."""

    file: str
    doc: str | None = None
    symbols: dict[str, Symbol] = field(default_factory=dict)
    imports: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    contracts: dict[str, ContractShape] = field(default_factory=dict)
    fields: dict[str, dict[str, ast.expr]] = field(default_factory=dict)  # of each record
    needed: dict[str, list[str]] = field(default_factory=dict)  # of these, without a default
    steps: list[tuple[ast.stmt, str]] = field(default_factory=list)
    lost: dict[str, bool] = field(default_factory=dict)  # names of imports that are refused

    def means(self, name: str, *kinds: str) -> bool:
        """Whether a name stands for something of one of these kinds."""
        symbol = self.symbols.get(name)
        return symbol is not None and symbol.kind in kinds

    def is_type(self, name: str) -> bool:
        """Whether an annotation can name it: what a class body gives such a name would hide it."""
        return name in names.BUILTIN_TYPES or self.means(name, *TYPES, "typing")

    def define(self, name: str, symbol: Symbol, node: ast.AST, report: Report) -> bool:
        """Give ``name`` its meaning, unless it has one; say whether it got it."""
        private = symbol.kind == "function" and names.PRIVATE_NAME(name)
        if not private and not names.PUBLIC_NAME(name):
            report.at(node, "D106", f"{name} is no name of the dialect")
            return False
        known = self.symbols.get(name)
        if known == symbol and symbol.file != self.file:
            return True  # the same thing, imported again
        if known is not None or name in _BUILTINS or name in names.CLASS_LITERALS:
            report.at(node, "D207", f"{name} has a meaning already")
            return False
        self.symbols[name] = symbol
        return True
