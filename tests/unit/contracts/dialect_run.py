# SPDX-License-Identifier: Apache-2.0
"""Texts in the dialect, checked and run without files and without a ledger."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

import hanse.contracts.patterns.gs1
import hanse.contracts.patterns.lineage
from hanse.codec.canonical import encode
from hanse.contracts.dialect.check import check_files, resolver
from hanse.contracts.dialect.finding import Finding
from hanse.contracts.dialect.program import Program, build_program
from hanse.contracts.runtime import Call, LoadedContract, Outcome
from hanse.testing.memory import Rows

MODULE = "made.contract"
PATTERNS = {
    f"pattern_{module.__name__.rpartition('.')[2]}": Path(module.__file__ or "").read_text("utf-8")
    for module in (hanse.contracts.patterns.gs1, hanse.contracts.patterns.lineage)
}
HEAD = """\
from typing import Literal, NewType
from hanse.contracts import BigInt, Change, Context, Contract, Date, Map, MemberId, OrganisationId
from hanse.contracts import Refused, TimeMs, Value, Written
from hanse.contracts import action, event, invariant, mul_div, must, query, record, replace, require
"""


def files_of(text: str, model: str | None = None) -> dict[str, str]:
    """Return the files of a contract with this text, and what it imports."""
    files = {"contract": text}
    if model is not None:
        files["model"] = model
    if "hanse.contracts.patterns" in text:
        files |= PATTERNS
    return files


def check(text: str, model: str | None = None) -> list[Finding]:
    """Return the findings on a text."""
    files = files_of(text, model)
    return check_files(files, resolver(MODULE, files)).findings


def program(text: str, model: str | None = None) -> Program:
    """Return the program of a text."""
    return build_program(MODULE, files_of(text, model))


def call(
    loaded: LoadedContract,
    name: str,
    args: Mapping[str, Any] | None = None,
    rows: Rows | None = None,
    cost_max: int = 200_000,
) -> Outcome:
    """Return what comes of one call."""
    return loaded.call(
        rows or Rows(),
        Call(
            entry=loaded.entries[name],
            args=encode(dict(args or {})),
            member="ana@farm",
            organisation="farm",
            now=1_800_000_000_000,
            height=7,
            tx="t" * 43,
            cost_max=cost_max,
            roles=lambda: ("grower", "packer"),
        ),
    )


def body_of(lines: str, result: str = "int", more: str = "", args: str = "") -> str:
    """Return a contract with one action of these lines, and with what stands above it."""
    text = "".join(f"        {line}\n" if line else "\n" for line in lines.splitlines())
    return f"""{HEAD}{more}

class Made(Contract):
    ints: Map[str, int]
    pairs: Map[tuple[str, int], str]
    lists: Map[str, list[int]]
    one: Value[int]

    @action(role=None)
    def act(self, ctx: Context{args}) -> {result}:
{text}"""


def run(lines: str, result: str = "int", more: str = "", cost_max: int = 200_000) -> Outcome:
    """Return what comes of an action of these lines."""
    made = LoadedContract.of_program(program(body_of(lines, result, more)))
    return call(made, "act", cost_max=cost_max)


def value(lines: str, result: str = "int", more: str = "") -> Any:
    """Return the result of an action of these lines, which must succeed."""
    outcome = run(lines, result, more)
    assert outcome.code is None, (outcome.code, outcome.reason, outcome.at)
    return msgspec.json.decode(outcome.result or b"null")
