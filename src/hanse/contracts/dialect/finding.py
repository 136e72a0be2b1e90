# SPDX-License-Identifier: Apache-2.0
"""What the checker finds: a place, a rule, and what is wrong there."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from hanse.contracts.dialect.rules import RULES
from hanse.errors import Rejected

_FOUND_MAX: Final = 100  # in one file; whoever has more begins at the top


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One place that is outside the dialect; line and column begin with 1."""

    file: str
    line: int
    column: int
    rule: str
    message: str

    @property
    def remedy(self) -> str:
        """What to write instead."""
        return RULES[self.rule].remedy

    def __str__(self) -> str:
        """Return the finding as compilers write it."""
        return f"{self.file}:{self.line}:{self.column} {self.rule} {self.message}"


@dataclass(eq=False)
class OutsideDialect(Rejected):
    """A contract is not written in the dialect of contracts."""

    contract: str
    findings: list[str]
    code: ClassVar[str] = "outside_dialect"
    hint: ClassVar[str] = (
        "`hanse contract check PATH` lists every place; `hanse explain RULE` says what to write."
    )


class Report:
    """The findings of one file, while it is checked."""

    def __init__(self, file: str, text: str) -> None:
        """Begin without findings."""
        self.file = file
        self.lines = text.split("\n")
        self.found: dict[tuple[int, int, str], Finding] = {}

    def add(self, rule: str, line: int, column: int, message: str = "") -> None:
        """Keep a finding; of one rule at one place the first counts."""
        if len(self.found) < _FOUND_MAX:
            text = message or RULES[rule].title
            self.found.setdefault(
                (line, column, rule), Finding(self.file, line, column, rule, text)
            )

    def at(self, node: ast.AST, rule: str, message: str = "") -> None:
        """Keep a finding at a node."""
        line = getattr(node, "lineno", 1)
        before = self.lines[line - 1].encode()[: getattr(node, "col_offset", 0)]
        self.add(rule, line, len(before.decode(errors="replace")) + 1, message)

    @property
    def is_full(self) -> bool:
        """Whether no more findings are kept."""
        return len(self.found) >= _FOUND_MAX

    @property
    def findings(self) -> list[Finding]:
        """The findings by place."""
        return sorted(self.found.values())


def remedies(findings: list[Finding]) -> Mapping[str, str]:
    """Return the remedy of each rule that was broken."""
    return {finding.rule: finding.remedy for finding in findings}
