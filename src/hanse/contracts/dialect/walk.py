# SPDX-License-Identifier: Apache-2.0
"""A walk over the expressions of one function, without recursion."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hanse.contracts.dialect.finding import Report
from hanse.contracts.dialect.symbols import ContractShape, Function, FunctionKey, Outline


@dataclass(frozen=True, slots=True)
class Part:
    """An expression that is still to be looked at, with what holds at its place."""

    node: ast.expr
    inner: frozenset[str] = frozenset()  # names of comprehensions and lambdas around it
    in_source: bool = False  # of a comprehension, where Python keeps no value aside


class Walk:
    """What is left to be looked at, and what the function's names mean."""

    def __init__(
        self,
        function: Function,
        outlines: Mapping[str, Outline],
        given: frozenset[str],
        fields: frozenset[str],
        report: Report,
    ) -> None:
        """Know the function's own names, those of its module, and the fields of all records."""
        self.made = outlines[function.file]
        self.outlines = outlines
        self.given = given
        self.report = report
        self.calls: list[tuple[FunctionKey, ast.Call]] = []
        self.raised: list[ast.Call] = []
        self.owner = function.owner
        self.shape: ContractShape | None = self.made.contracts.get(function.owner)
        self.fields = fields
        self._waiting: list[Part] = []

    def look_at(self, values: list[ast.expr], looks: "Mapping[type[ast.AST], Look]") -> None:
        """Go through expressions and all that they are made of."""
        self._waiting = [Part(value) for value in values]
        while self._waiting:
            part = self._waiting.pop()
            look = looks.get(type(part.node))
            if look is not None:
                look(self, part.node, part)

    def also(self, part: Part, *nodes: ast.expr | None) -> None:
        """Look at nodes that stand where ``part`` does."""
        self._waiting += [replace(part, node=node) for node in nodes if node is not None]

    def within(self, part: Part) -> None:
        """Look at a part that knows more names."""
        self._waiting.append(part)

    def knows(self, name: str, part: Part) -> bool:
        """Whether a name stands for a value of this function."""
        return name in self.given or name in part.inner

    def is_self(self, node: ast.expr) -> bool:
        """Whether a node is the contract itself."""
        return self.shape is not None and isinstance(node, ast.Name) and node.id == "self"


Look = Callable[[Walk, Any, Part], None]
"""Looks at one node: adds what is wrong with it, and leaves its parts to the walk."""
