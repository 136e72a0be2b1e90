# SPDX-License-Identifier: Apache-2.0
"""Contracts that must come to the same end everywhere: hostile ones, and ordinary ones.

``python -m tools.dialect_corpus`` prints one line for all of them together, which must be equal on
every Python; ``--write`` keeps each one's end in ``tests/corpus/dialect.json``.
"""

import hashlib
import json
import sys
from functools import lru_cache
from typing import Any

from tools._dialect_cases import FOLDER, OTHER, Case, read_cases

from hanse.codec.base64url import to_text
from hanse.codec.limits import COST_MAX
from hanse.contracts.dialect.check import check_files, resolver
from hanse.contracts.dialect.program import build_program
from hanse.contracts.runtime import Call, LoadedContract, Outcome
from hanse.testing.memory import Rows

RESULTS = FOLDER / "dialect.json"
MODULE = "corpus.contract"


@lru_cache(maxsize=1)
def other() -> LoadedContract:
    """Return the contract that a case may call."""
    return LoadedContract.of_program(build_program("corpus.other", {"other": OTHER}))


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
    rows = Rows({"other": Rows()})
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
            has_role=lambda _, role: role in ("grower", "packer"),
            contracts={"other": other()}.get,
        ),
    )
    rows.take(outcome.writes)
    return outcome


def _digest(outcome: Outcome) -> str:
    digest = hashlib.sha256(repr((outcome.code, outcome.reason, outcome.facts)).encode())
    for changes in outcome.writes.values():
        for key, value in changes.items():
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
