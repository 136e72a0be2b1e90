# SPDX-License-Identifier: Apache-2.0
"""Tables of calls that an expert of the domain can read and write: one line, one step.

    ada@farm          register  lot=L1 kg=5   ok
    driver@coldroute  ship      lot=L1        not_holder

Columns are set apart by two spaces or more; an action without arguments leaves its input out. Text
stands as it is, or quoted where it has spaces; everything else is JSON.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from hanse.contracts.contract import Contract
from hanse.contracts.entries import Entry
from hanse.kernel import load_contract

OK: Final = "ok"
_COLUMNS = re.compile(r"\s{2,}|\t+")
_ARGUMENT = re.compile(r"(\w+)=(\"(?:[^\"\\]|\\.)*\"|\[.*?\](?=\s|$)|\{.*?\}(?=\s|$)|[^\s\"]\S*)")


@dataclass(frozen=True, slots=True)
class Row:
    """One step: who does what, and what comes of it (``ok`` or a code)."""

    line: int
    who: str
    action: str
    input: str
    expect: str


class Caller(Protocol):
    """A member of a bench or of a ledger."""

    def attempt(self, name: str, args: Mapping[str, Any]) -> Any:
        """Return what came of an action: an object with a ``code``, ``None`` when it is done."""


class Site(Protocol):
    """Where a table runs: a bench or a ledger."""

    @property
    def contract(self) -> type[Contract]:
        """The contract under test."""

    def member(self, member: str, *roles: str) -> Caller:
        """Return a member with these roles."""


def parse_table(text: str) -> list[Row]:
    """Return the steps of a table.

    Raises:
        ValueError: a line has not three or four columns.
    """
    rows: list[Row] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        columns = _COLUMNS.split(line.strip())
        if len(columns) == 3:
            columns.insert(2, "")
        if len(columns) != 4:
            raise ValueError(f"line {number}: who, action, input, expect; two spaces between")
        rows.append(Row(number, *columns))
    return rows


def arguments(row: Row, entry: Entry) -> dict[str, Any]:
    """Return the row's arguments in the JSON form of the action's types.

    Raises:
        ValueError: the input is not a list of NAME=VALUE.
    """
    textual = {name for name, hint, _ in entry.parameters if _is_text(hint)}
    if left := _ARGUMENT.sub("", row.input).strip():
        raise ValueError(f"line {row.line}: {left!r} is no NAME=VALUE")
    return {
        name: value if name in textual and value[0] != '"' else _json(value)
        for name, value in _ARGUMENT.findall(row.input)
    }


def build_vectors(contract: type[Contract], text: str) -> list[dict[str, Any]]:
    """Return a table as portable JSON values: who, action, args, expect of each step."""
    entries, rows = load_contract(contract).entries, parse_table(text)
    made = [(row, arguments(row, entries[row.action])) for row in rows]
    return [{"action": r.action, "args": a, "expect": r.expect, "who": r.who} for r, a in made]


def run_table(site: Site, text: str, roles: Mapping[str, Sequence[str]]) -> None:
    """Establish that every step of the table ends as it says, on a bench or on a ledger."""
    entries = load_contract(site.contract).entries
    rows = parse_table(text)
    callers = {row.who: site.member(row.who, *roles.get(row.who, ())) for row in rows}
    for row in rows:
        entry = entries.get(row.action)
        assert entry is not None, f"line {row.line}: there is no action {row.action}"
        found = callers[row.who].attempt(row.action, arguments(row, entry))
        got, said = found.code or OK, f"line {row.line}: {row.who} {row.action} {row.input}"
        assert got == row.expect, f"{said}: expected {row.expect}, got {got} {found.reason}"


def _is_text(hint: Any) -> bool:
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    return hint is str


def _json(value: str) -> Any:
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value  # a date, a big number, a word of a Literal
