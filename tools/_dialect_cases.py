# SPDX-License-Identifier: Apache-2.0
"""The contracts of the corpus, as they stand in its text files.

A case is

=== name, in words
expect: D401                 rules it breaks, or how its last call ends
frame: body                  of an action; or calls, the body of one that may call ``OTHER``;
                             or module; or file, or files with a model
calls: 2                     how often it is called, by default once
returns: int                 the type of its result, where it has one
value: 5                     the result
---
the text; in a body what stands above ``+++`` stands above the contract
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools._pythons import ROOT

FOLDER = ROOT / "tests/corpus"
HEAD = """\
from typing import Literal, NewType
from hanse.contracts import BigInt, Change, Context, Contract, Date, Map, MemberId, OrganisationId
from hanse.contracts import Refused, TimeMs, Value, Written
from hanse.contracts import action, event, invariant, mul_div, must, query, record, replace, require
"""
DECLARED = '''

@record
class Note:
    """A note."""

    owner: str
    count: int = 0
    tags: list[str] = []


@event
class Told:
    """{text}."""

    text: str

'''
CONTRACT = '''

class Made(Contract):
    """Made for one action."""

    ints: Map[str, int]
    texts: Map[str, str]
    notes: Map[str, Note]
    pairs: Map[tuple[str, int], str]
    lists: Map[str, list[int]]
    one: Value[int]

    @action(role=None)
    def act(self, ctx: Context) -> {returns}:
'''

CALLING = """    uses = ("other", "made", "absent")

"""
OTHER = f'''{HEAD}

class Other(Contract):
    """What a case may call."""

    uses = ("made",)
    kept: Map[str, int]

    @action(role=None)
    def put(self, ctx: Context, n: int) -> int:
        """Keep a number."""
        self.kept["n"] = n
        return n

    @action(role=None)
    def spend(self, ctx: Context) -> int:
        """Use up whatever is left."""
        n = 0
        while True:
            n += 1
        return n

    @action(role=None)
    def back(self, ctx: Context) -> None:
        """Call the caller."""
        self.kept["n"] = 1
        ctx.call(None, "made", "act")

    @action(role="boss")
    def rule(self, ctx: Context) -> None:
        """Do what the signer may not."""
        self.kept["n"] = 2

    @query
    def who(self, ctx: Context) -> str:
        """Return who calls, for whom."""
        return f"{{ctx.member}} {{ctx.caller}}"

    @query
    def many(self, ctx: Context) -> list[int]:
        """Return much."""
        return [n for n in range(10_000)]
'''


@dataclass(frozen=True, slots=True)
class Case:
    """One contract and what becomes of it."""

    name: str
    expect: str
    frame: str
    calls: int
    returns: str
    value: str
    text: str

    @property
    def files(self) -> dict[str, str]:
        """The contract's files."""
        if self.frame in ("body", "calls"):
            above, _, lines = self.text.rpartition("+++\n")
            body = "".join(f"        {line}\n" if line else "\n" for line in lines.splitlines())
            head = CONTRACT.replace("{returns}", self.returns)
            if self.frame == "calls":
                head = head.replace("    ints:", CALLING + "    ints:", 1)
            return {"contract": f"{HEAD}{DECLARED}{above}{head}{body}"}
        if self.frame == "module":
            return {"contract": f"{HEAD}{self.text}"}
        main, _, model = self.text.partition("+++\n")
        return {"contract": main} | ({"model": model} if model else {})


def read_cases(kind: str) -> list[Case]:
    """Return the cases below ``hostile`` or ``benign``."""
    return [case for path in sorted((FOLDER / kind).glob("*.txt")) for case in _cases(path)]


def _cases(path: Path) -> Iterator[Case]:
    text = path.read_text(encoding="utf-8")
    for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n---\n")
        name, *rows = head.splitlines()
        fields = dict(row.split(": ", 1) for row in rows)
        filled = re.sub(r"\{\{(.+?)\*(\d+)\}\}", lambda m: m[1] * int(m[2]), body, flags=re.DOTALL)
        yield Case(
            f"{path.stem}: {name}",
            fields["expect"],
            fields.get("frame", "body"),
            int(fields.get("calls", "1")),
            fields.get("returns", "None"),
            fields.get("value", ""),
            filled.rstrip("\n") + "\n",
        )
