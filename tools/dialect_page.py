# SPDX-License-Identifier: Apache-2.0
"""The reference pages of the contract dialect: its rules, and what running it costs."""

import textwrap
from collections.abc import Iterator

from tools._markdown import WRITTEN, cell

from hanse.codec.limits import (
    CALL_CHAIN_MAX,
    COST_MAX,
    DICT_KEY_BITS_MAX,
    ITEMS_MAX,
    NESTING_MAX,
    TEXT_CHARS_MAX,
)
from hanse.contracts.dialect import names
from hanse.contracts.dialect.lower import BRANCH_NODES
from hanse.contracts.dialect.rules import RULES, Rule
from hanse.contracts.meter import COST_TABLE, COST_VERSION

SECTIONS = {
    "D1": ("The text", "Its size, its letters, its literals."),
    "D2": ("The module", "Imports, constants, types, decorators."),
    "D3": ("Classes and functions", "Records, events, contracts, parameters."),
    "D4": ("Statements", "What a function does, line by line."),
    "D5": ("Expressions", "How values are computed."),
    "D6": ("Names and calls", "What is named, and what is called."),
}
ABOUT = """
Contracts are Python that any editor, type checker and test runner reads, within these rules. A
node refuses a contract that breaks one; `hanse contract check PATH` says so before, with file,
line and column, and `hanse explain D502` shows one rule offline. In an example `{{a*3}}` stands for
`aaa`. Statements stand in an action with `self`, `ctx`, `n: int`, `text: str` and `xs: list[int]`.

Why each value is bounded and each step charged: [costs](costs.md). Why not all of Python: [decision
0010](../adr/0010-the-contract-dialect.md).
"""
COSTS_ABOUT = f"""
The meter counts units; a transaction may use at most {COST_MAX:,} and states how many it is
prepared to pay (`cost_max`). A unit is about a microsecond at worst. Beyond the last unit the
transaction ends with `cost_exceeded`; nothing in the contract can catch that, and it happens at the
same step on every node. The table is version {COST_VERSION} and part of a ledger's rules.
"""


def dialect_page() -> str:
    """Return the page of all rules with their examples, and the lists that they speak of."""
    parts = [f"# The contract dialect\n\n{WRITTEN}{ABOUT}"]
    for prefix, (title, about) in SECTIONS.items():
        parts.append(f"\n## {title}\n\n{about}\n")
        for rule in RULES.values():
            if rule.id.startswith(prefix):
                parts += _rule(rule)
    parts += [
        f"\n## The lists\n\nVersion {names.DIALECT_VERSION} of the dialect has these.\n\n",
        "| | |\n|---|---|\n",
        _row("builtins", names.BUILTINS),
        _row("from `hanse.contracts`", names.API_NAMES),
        _row("from `typing`", names.TYPING_NAMES),
        _row("methods", sorted(names.METHODS)),
        _row("of `ctx`, `Written` and `Date`", names.API_ATTRIBUTES),
    ]
    return "".join(parts)


def _row(title: str, words: object) -> str:
    assert isinstance(words, list | tuple | dict)
    return f"| {title} | {', '.join(f'`{word}`' for word in words)} |\n"


def _rule(rule: Rule) -> Iterator[str]:
    about = textwrap.fill(f"{rule.title} {rule.reason}", 100)
    yield f"\n### {rule.id}\n\n{about}\n\nAccepted:\n\n{_code(rule.accepted)}\n"
    yield f"Refused:\n\n{_code(rule.refused)}\n{textwrap.fill(rule.remedy, 100)}\n"


def _code(example: str) -> str:
    lines = example.splitlines()
    if len(lines) > 12:
        lines = [*lines[:5], "...", *lines[-2:]]
    shown = "\n".join(lines)
    return f"```text\n{shown}\n```\n"


def costs_page() -> str:
    """Return the page of what running a contract costs."""
    parts = [
        f"# What running a contract costs\n\n{WRITTEN}{COSTS_ABOUT}",
        "\n| what | units | and one for every |\n|---|--:|---|\n",
    ]
    parts += [f"| {cell(c.about)} | {c.units} | {cell(c.per_size)} |\n" for c in COST_TABLE]
    parts.append(f"""
A basic block is the body of a function, one round of a loop, or a branch of {BRANCH_NODES} nodes or
more; a smaller branch is charged with the block around it, taken or not. Nodes are those of the
syntax tree. A `for` without `break` and `return` is charged for all its rounds when it begins.
Sorting costs its items times the bits of their number, texts by their length each time.

## Bounds of values

| value | bound |
|---|---|
| integer | magnitude below 2^256 while it is computed with; below 2^53 in state unless `BigInt` |
| text, bytes | {TEXT_CHARS_MAX:,} characters or bytes |
| list, tuple, dict | {ITEMS_MAX:,} items |
| nesting, where values are compared or written | {NESTING_MAX} levels |
| dict key | text, bytes, or an integer of at most {DICT_KEY_BITS_MAX} bits |
| chain of calls | {CALL_CHAIN_MAX} functions |

What would exceed one of them is `contract_fault`.
""")
    return "".join(parts)
