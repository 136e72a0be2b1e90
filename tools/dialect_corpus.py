# SPDX-License-Identifier: Apache-2.0
"""Contracts that must come to the same end everywhere: hostile ones, and ordinary ones.

``python -m tools.dialect_corpus`` prints one line for all of them together, which must be equal on
every Python; ``--write`` keeps each one's end in ``tests/corpus/dialect.json``. A case is

    === name, in words
    expect: D401                 rules it breaks, or how its last call ends
    frame: body                  of an action; or module; or file, or files with a model
    calls: 2                     how often it is called, by default once
    returns: int                 the type of its result, where it has one
    value: 5                     the result
    ---
    the text
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools._pythons import ROOT

from hanse.codec.base64url import to_text
from hanse.codec.limits import COST_MAX
from hanse.contracts.dialect.check import check_files, resolver
from hanse.contracts.dialect.program import build_program
from hanse.contracts.runtime import Call, LoadedContract, Outcome

FOLDER = ROOT / "tests/corpus"
RESULTS = FOLDER / "dialect.json"
MODULE = "corpus.contract"
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
        if self.frame == "body":
            above, _, lines = self.text.rpartition("+++\n")
            body = "".join(f"        {line}\n" if line else "\n" for line in lines.splitlines())
            head = CONTRACT.replace("{returns}", self.returns)
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


class Rows:
    """A state in memory."""

    def __init__(self) -> None:
        """Begin empty."""
        self.held: dict[bytes, bytes] = {}

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value at a key."""
        del contract
        return self.held.get(key)

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return rows in key order."""
        del contract
        rows = [(k, v) for k, v in sorted(self.held.items()) if k.startswith(prefix) and k >= start]
        return rows[:limit]


def end_of(case: Case) -> dict[str, Any]:
    """Return the rules that a case breaks, or how its last call ended: code, cost, digests."""
    files = case.files
    found = check_files(files, resolver(MODULE, files)).findings
    if found:
        return {"rules": sorted({finding.rule for finding in found})}
    program = build_program(MODULE, files)
    lowered = hashlib.sha256("\n".join(program.texts.values()).encode()).digest()
    try:
        loaded = LoadedContract.of_program(program)
    except TypeError:
        return {"code": "not_loaded"}
    rows = Rows()
    ends = [run(loaded, rows, number) for number in range(case.calls)]
    last = ends[-1]
    return {
        "code": last.code or "ok",
        "cost": last.cost,
        "lowered": to_text(lowered)[:12],
        "result": None if last.result is None else last.result.decode()[:200],
        "state": _digest(last),
    }


def run(loaded: LoadedContract, rows: Rows, number: int) -> Outcome:
    """Return the outcome of one call of ``act``; its writes are kept."""
    outcome = loaded.call(
        rows,
        Call(
            entry=loaded.entries["act"],
            args=b"{}",
            member="ana@farm",
            organisation="farm",
            now=1_800_000_000_000 + number,
            height=7 + number,
            tx="t" * 43,
            cost_max=COST_MAX,
            roles=lambda: ("grower", "packer"),
        ),
    )
    for key, value in outcome.writes.items():
        rows.held.pop(key, None) if value is None else rows.held.update({key: value})
    return outcome


def _digest(outcome: Outcome) -> str:
    digest = hashlib.sha256(repr((outcome.code, outcome.reason, outcome.facts)).encode())
    for key, value in outcome.writes.items():
        digest.update(repr((key, value)).encode())
    for event in outcome.events:
        digest.update(repr((event.event, bytes(event.fields))).encode())
    return to_text(digest.digest())[:12]


def main() -> int:
    """Print the digest of all ends, or keep them all."""
    ends = {c.name: end_of(c) for kind in ("benign", "hostile") for c in read_cases(kind)}
    text = "".join(f"{json.dumps({name: end}, ensure_ascii=False)}\n" for name, end in ends.items())
    if "--write" in sys.argv:
        lines = ",\n".join(
            f"{json.dumps(n, ensure_ascii=False)}: {json.dumps(e)}" for n, e in ends.items()
        )
        RESULTS.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    print(f"dialect  {hashlib.sha256(text.encode()).hexdigest()} of {len(ends)} contracts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
