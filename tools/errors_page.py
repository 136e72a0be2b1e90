# SPDX-License-Identifier: Apache-2.0
"""The reference page of all codes: errors by family, the kernel's answers, contracts' refusals."""

from collections.abc import Iterator

from tools._markdown import WRITTEN, cell

from hanse.apps import discover
from hanse.cli.explain import load_rooms
from hanse.codec.problems import title_of
from hanse.contracts import Contract
from hanse.contracts.runtime import LoadedContract
from hanse.errors import Corrupt, HanseError, Misconfigured, Rejected
from hanse.kernel import BUILT_IN, CHANGE_CODES, KERNEL_CODES, PROPOSAL_CODES, load_contract

FAMILIES: tuple[tuple[type[HanseError], str], ...] = (
    (Rejected, "The request is at fault: the caller can change it. Exit code 1 unless said."),
    (Corrupt, "Data on disk, or from another party, is wrong. Exit code 3 unless said."),
    (Misconfigured, "The operator can mend it. Exit code 4 unless said."),
)
ABOUT = """
A code never changes and is never translated. The same code stands in HTTP problems, receipts,
command output and the console; `hanse explain CODE` says the same offline.
"""
HEAD = "| code | HTTP | what is wrong | next |\n|---|--:|---|---|\n"


def all_errors() -> dict[str, type[HanseError]]:
    """Return every error class of the package by its code."""
    load_rooms()
    found: dict[str, type[HanseError]] = {}
    waiting: list[type[HanseError]] = [Rejected, Corrupt, Misconfigured]
    for kind in waiting:
        waiting += kind.__subclasses__()
        if kind.hint and "code" in vars(kind) and kind.__module__.startswith("hanse."):
            found.setdefault(kind.code, kind)
    return found


def errors_page() -> str:
    """Return the page of all codes: errors by family, the kernel's answers, contracts' refusals."""
    parts = [
        f"# Error codes\n\n{WRITTEN}",
        ABOUT,
    ]
    errors = all_errors()
    for family, about in FAMILIES:
        parts.append(f"\n## {family.__name__}\n\n{about}\n\n{HEAD}")
        for code, kind in sorted(errors.items()):
            if issubclass(kind, family):
                other = kind.exit_code != family.exit_code
                note = f" Exit code {kind.exit_code}." if other else ""
                title = cell(title_of(kind))
                parts.append(f"| `{code}` | {kind.status} | {title}.{note} | {cell(kind.hint)} |\n")
    parts.append(
        "\n## The kernel's answers\n\nIn the order in which it looks; with two faults the earlier\n"
        "code is given. Only a *recorded* one is a receipt and uses the nonce.\n\n"
        "| code | stage | recorded | HTTP | cause | remedy |\n|---|---|---|--:|---|---|\n"
    )
    parts += [
        f"| `{c.code}` | {c.stage} | {'yes' if c.recorded else 'no'} | {c.status} | {cell(c.cause)}"
        f" | {cell(c.remedy)} |\n"
        for c in KERNEL_CODES
    ]
    parts.append(
        "\n## Proposals that failed\n\nAn approved proposal about a contract that could not be"
        " carried out says\nwhy; nothing of it remains.\n\n"
        "| code | cause | remedy |\n|---|---|---|\n"
    )
    parts += [f"| `{c.code}` | {cell(c.cause)} | {cell(c.remedy)} |\n" for c in PROPOSAL_CODES]
    parts.append(
        "\n## Changes of the network that cannot be made\n\nSaid when such a change is proposed,"
        " and by an approved proposal that\nfailed.\n\n| code | cause | remedy |\n|---|---|---|\n"
    )
    parts += [f"| `{c.code}` | {cell(c.cause)} | {cell(c.remedy)} |\n" for c in CHANGE_CODES]
    parts.append(
        "\n## Refusals of contracts\n\nReceipts with `rejected`; the reason in the receipt says"
        " what to\nchange. Codes that stand above are not repeated.\n"
    )
    known = {c.code for c in KERNEL_CODES}
    contracts: list[type[Contract]] = [*BUILT_IN, *(c for a in discover() for c in a.contracts)]
    for contract in contracts:
        parts += refusals_of(load_contract(contract), known)
    return "".join(parts)


def refusals_of(loaded: LoadedContract, known: set[str]) -> Iterator[str]:
    """Yield the table of a contract's own codes."""
    actions: dict[str, list[str]] = {}
    for entry in loaded.entries.values():
        for code in entry.rejects:
            actions.setdefault(code, []).append(entry.name)
    yield f"\n### {loaded.name}\n\n| code | given by |\n|---|---|\n"
    for code, names in sorted(actions.items()):
        if code not in known:
            yield f"| `{code}` | {', '.join(f'`{name}`' for name in names)} |\n"
