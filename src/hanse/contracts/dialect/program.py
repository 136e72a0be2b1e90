# SPDX-License-Identifier: Apache-2.0
"""A contract as it is executed: checked, lowered, compiled once, and loaded as often as needed."""

import ast
import builtins
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import CodeType
from typing import Any, Final, Literal, NewType

from hanse.contracts.dialect import names
from hanse.contracts.dialect.check import check_files, resolver
from hanse.contracts.dialect.finding import Finding, OutsideDialect
from hanse.contracts.dialect.lower import Lowered, lower
from hanse.contracts.dialect.table import API, HELPERS
from hanse.contracts.meter import Meter
from hanse.contracts.records import declare

Namespace = dict[str, Any]
_SHOWN_MAX: Final = 20  # findings that an error names; the command shows all
_TYPING: Final[dict[str, Any]] = {"Literal": Literal, "NewType": NewType}


@dataclass(slots=True)
class Program:
    """The lowered files of a contract, in the order in which they are loaded."""

    module: str
    main: str
    files: Mapping[str, str]
    lowered: Mapping[str, Lowered]
    _codes: Mapping[str, CodeType]
    _records: dict[tuple[str, str], Any] = field(default_factory=dict)

    def load(self, meter: Meter) -> dict[str, Namespace]:
        """Return what each file declares; functions charge ``meter``.

        Raises:
            TypeError: a declared type is not of the contract language.
        """
        spaces: dict[str, Namespace] = {}
        for file, code in self._codes.items():
            space: Namespace = {
                **HELPERS,
                "__builtins__": {"__build_class__": builtins.__build_class__},
                "__name__": self.name_of(file),
                "_M": meter,
                "Contract": API["Contract"],
            }
            space["_Import"] = partial(_import, spaces, space)
            space["_Declare"] = partial(self._declare, file)
            exec(code, space)  # noqa: S102  # lowered text, of a checked contract, without builtins
            spaces[file] = space
        return spaces

    def name_of(self, file: str) -> str:
        """Return the module that a file is."""
        if file == self.main:
            return self.module
        if file.startswith("pattern_"):
            return f"{names.PATTERN_MODULE}.{file.removeprefix('pattern_')}"
        return f"{self.module.rpartition('.')[0]}.{file}"

    def _declare(self, file: str, *row: Any) -> Any:
        """Return the class of a record; each load of one program has the same."""
        kind, name, doc, fields = row
        known = self._records.get((file, name))
        if known is None:
            hints = {field[0]: field[1] for field in fields}
            defaults = {field[0]: field[2] for field in fields if len(field) == 3}
            namespace = {"__doc__": doc, "__module__": self.name_of(file)}
            known = self._records[file, name] = declare(kind, name, hints, defaults, namespace)
        return known

    @property
    def texts(self) -> dict[str, str]:
        """The lowered text of each file, in the order in which they are loaded."""
        return {file: lowered.text for file, lowered in self.lowered.items()}


def _import(spaces: Mapping[str, Namespace], space: Namespace, file: str, *wanted: str) -> None:
    offered = {"api": API, "typing": _TYPING}.get(file)
    for name in wanted:
        if offered is None:
            space[name] = spaces[file][name]
        elif name in offered:
            space[name] = offered[name]


def build_program(module: str, files: Mapping[str, str]) -> Program:
    """Return the program of a contract's files, of which the first is the contract itself.

    Raises:
        OutsideDialect: with what the checker found.
    """
    assert sys.flags.bytes_warning < 2, "python -bb makes an error of comparing text with bytes"
    return _build(module, tuple(files.items()))


@lru_cache(maxsize=64)
def _build(module: str, files: tuple[tuple[str, str], ...]) -> Program:
    texts = dict(files)
    checked = check_files(texts, resolver(module, texts))
    if checked.findings:
        raise refusal(module, checked.findings)
    lowered = {file: lower(checked.outlines, file) for file in checked.outlines}
    codes = {file: compile_lowered(found, f"{module}/{file}.py") for file, found in lowered.items()}
    return Program(module, files[0][0], texts, lowered, codes)


def refusal(module: str, findings: list[Finding]) -> OutsideDialect:
    """Return the error that names the first findings."""
    shown = [str(finding) for finding in findings[:_SHOWN_MAX]]
    return OutsideDialect(module, shown)


def compile_lowered(lowered: Lowered, name: str) -> CodeType:
    """Return the code of lowered text; its lines are the author's, so that a traceback is, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(lowered.text)
        for node in ast.walk(tree):
            if hasattr(node, "lineno"):
                line = lowered.lines[node.lineno - 1]
                node.lineno = node.end_lineno = line  # type: ignore[attr-defined]  # it has both
                node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]  # the same
        return compile(tree, name, "exec", dont_inherit=True, optimize=0)
