# SPDX-License-Identifier: Apache-2.0
"""The reference page of what an upgrade may change, from the table that the check itself reads."""

from tools._markdown import WRITTEN, cell

from hanse.contracts.compatibility import CHANGES

ABOUT = """
`hanse contract diff OLD NEW` compares two versions of a contract and names each change by one of
these codes, with its place (`notes.value.due`, `endorse.args.to`) and what to do. The gravest
verdict is that of the upgrade. Values are compared by how they are written and read: a test writes
values with old code and reads them with new code for every pair in `tests/corpus/upgrades`.
"""
PARTS = (
    ("compatible", "Compatible", "Stored values stay readable and mean the same."),
    (
        "needs_migration",
        "Needs a migration",
        "Stored values are where they were, but would be refused or mean something else.",
    ),
    ("breaking", "Breaking", "What is stored would be out of reach; no new value can mend that."),
)
API = "What callers and subscribers see. It never changes the verdict: no stored value is touched."


def compatibility_page() -> str:
    """Return the page of all codes by verdict, those of the interface last."""
    parts = [f"# What an upgrade may change\n\n{WRITTEN}{ABOUT}"]
    for verdict, title, about in PARTS:
        codes = [c for c in CHANGES if CHANGES[c].verdict == verdict and not c.startswith("api_")]
        parts += _table(title, about, codes)
    parts += _table("For callers", API, [code for code in CHANGES if code.startswith("api_")])
    return "".join(parts)


def _table(title: str, about: str, codes: list[str]) -> list[str]:
    return [
        f"\n## {title}\n\n{about}\n\n| code | what changed | what to do |\n|---|---|---|\n",
        *(f"| `{c}` | {cell(CHANGES[c].title)} | {cell(CHANGES[c].remedy)} |\n" for c in codes),
    ]
