# SPDX-License-Identifier: Apache-2.0
"""The labelled pairs of ``tests/corpus/upgrades``, each as two contracts that are loaded."""

import textwrap
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hanse.contracts.dialect.program import build_program
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.schema import describe

FOLDER = Path(__file__).parents[2] / "corpus" / "upgrades"
HEAD = """\
from typing import Literal, NewType
from hanse.contracts import BigInt, Context, Contract, Date, Map, OrganisationId, TimeMs, Value
from hanse.contracts import action, event, query, record, replace, require

"""
RECORD = """
@record
class Row:
{fields}


class Shelf(Contract):
    rows: Map[str, Row]
"""


@dataclass(frozen=True)
class Pair:
    """Two versions of a contract, and what is true of going from the one to the other."""

    name: str
    frame: str
    old: str
    new: str
    verdict: str
    codes: list[str]
    defs: str = ""


def read_pairs() -> list[Pair]:
    """Return every pair of the corpus."""
    return [
        Pair(**row)
        for path in sorted(FOLDER.glob("*.toml"))
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["pair"]
    ]


def text_of(frame: str, part: str, defs: str = "") -> str:
    """Return the module that ``part`` is a part of."""
    part = part.strip("\n")
    body = part
    if frame == "value":
        body = f"class Shelf(Contract):\n    rows: Map[str, {part}]"
    elif frame == "key":
        body = f"class Shelf(Contract):\n    rows: Map[{part}, int]"
    elif frame == "record":
        body = RECORD.format(fields=textwrap.indent(part, "    "))
    elif frame == "body":
        body = f"class Shelf(Contract):\n{textwrap.indent(part, '    ')}"
    return f"{HEAD}{defs}\n\n{body}\n"


@cache
def load(text: str) -> LoadedContract:
    """Return the contract that a text holds."""
    return LoadedContract.of_program(build_program("pair.contract", {"contract": text}))


def both(pair: Pair) -> tuple[LoadedContract, LoadedContract]:
    """Return the old and the new contract of a pair."""
    return (
        load(text_of(pair.frame, pair.old, pair.defs)),
        load(text_of(pair.frame, pair.new, pair.defs)),
    )


def described(contract: LoadedContract) -> dict[str, Any]:
    """Return a contract's description; its hash and text do not matter here."""
    return describe(contract, "", "")
