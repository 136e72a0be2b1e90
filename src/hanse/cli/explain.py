# SPDX-License-Identifier: Apache-2.0
"""``hanse explain``: every code that Hanse and its installed apps answer with, offline."""

import ast
import difflib
import importlib
import pkgutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import click

from hanse.apps import discover
from hanse.cli.output import common, emit
from hanse.codec.limits import LIMITS
from hanse.codec.problems import title_of
from hanse.contracts.compatibility import CHANGES
from hanse.contracts.contract import Contract
from hanse.contracts.dialect.rules import RULES
from hanse.contracts.package import package_files
from hanse.contracts.runtime import LoadedContract
from hanse.errors import Corrupt, HanseError, Misconfigured, Rejected
from hanse.gateway.problems import error_classes, family_of, fields_of
from hanse.kernel import BUILT_IN, CHANGE_CODES, KERNEL_CODES, PROPOSAL_CODES, load_contract

# rooms whose import needs what a node does not have, or that define no codes
NOT_LOADED: Final = ("hanse.testing", "hanse.apps", "hanse.__main__")
FAMILIES: Final = (HanseError, Rejected, Corrupt, Misconfigured)
_REFUSE_AT: Final = {"Refused": 0, "require": 1, "must": 1}  # place of the code in each call


@dataclass(eq=False)
class UnknownCode(Rejected):
    """Nothing here answers with this code."""

    name: str
    near: list[str]
    code: ClassVar[str] = "unknown_code"
    hint: ClassVar[str] = "`hanse explain --list` shows all codes; apps that are absent add theirs."


@dataclass(eq=False)
class OptimisedPython(Misconfigured):
    """Python runs with -O, which removes the checks that stop a faulty node."""

    code: ClassVar[str] = "optimised_python"
    hint: ClassVar[str] = "Run it without -O, and unset PYTHONOPTIMIZE."


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means where one part of the system gives it."""

    code: str
    given_by: str
    cause: str
    clause: str
    remedy: str


@click.command()
@click.argument("code", required=False)
@click.option("--list", "every", is_flag=True, help="All codes, one a line.")
@common
def explain(*, code: str | None, every: bool, as_json: bool) -> None:
    """Explain an error code: cause, clause, remedy.

    It needs no node. The clauses are those of the installed version and apps.

    Examples:
      hanse explain bad_signature
      hanse explain --list
    """
    if (code is None) == (not every):
        raise click.UsageError("give a code or --list, one of them")
    known = meanings()
    if code is None:
        rows = [{"code": m.code, "cause": m.cause, "given_by": m.given_by} for m in known]
        lines = [f"{row['code']:<26} {row['given_by']:<14} {row['cause']}" for row in rows]
        emit(rows, as_json=as_json, text="\n".join(lines))
        return
    found = [meaning for meaning in known if meaning.code == code]
    if not found:
        raise UnknownCode(code, difflib.get_close_matches(code, {m.code for m in known}))
    document: dict[str, Any] = {"code": code, "meanings": found}
    text = "\n\n".join(_text(meaning) for meaning in found)
    if code == "too_large":
        document["limits"] = LIMITS
        text += "\n\n" + "\n".join(f"{name:<30} {value:>12}" for name, value in LIMITS.items())
    emit(document, as_json=as_json, text=f"{code}\n\n{text}")


def _text(meaning: Meaning) -> str:
    return (
        f"given by  {meaning.given_by}\n"
        f"cause     {meaning.cause}\n"
        f"clause    {meaning.clause}\n"
        f"remedy    {meaning.remedy}"
    )


def meanings() -> list[Meaning]:
    """Return what every code means, by code; one may have several meanings."""
    load_rooms()
    of_contracts = [*_of_proposals(), *_of_contracts()]
    found = [*_of_kernel(), *of_contracts, *_of_classes(), *_of_rules(), *_of_changes()]
    return sorted(found, key=lambda meaning: meaning.code)


def load_rooms() -> None:
    """Import every room, so that all its error classes are there."""
    waiting = ["hanse"]
    while waiting:
        package = importlib.import_module(waiting.pop())
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            if module.name.startswith(NOT_LOADED):
                continue
            try:
                importlib.import_module(module.name)
            except ImportError as error:
                if (error.name or "hanse").startswith("hanse"):
                    raise  # ours must load; a missing extra only takes its own codes away
                continue
            if module.ispkg:
                waiting.append(module.name)


def _of_classes() -> Iterator[Meaning]:
    for code, kind in error_classes().items():
        if kind in FAMILIES or code == "not_admitted":  # that one shows the kernel's codes
            continue
        facts = ", ".join(fields_of(kind)) or "none"
        clause = (
            f"{family_of(kind)}; HTTP {kind.status}, exit code {kind.exit_code}; facts: {facts}"
        )
        given_by = kind.__module__.split(".")[1]
        yield Meaning(code, given_by, title_of(kind) + ".", clause, kind.hint)


def _of_kernel() -> Iterator[Meaning]:
    for place, entry in enumerate(KERNEL_CODES, 1):
        kept = "a receipt records it" if entry.recorded else "nothing is recorded, no nonce is used"
        clause = f"check {place} of {len(KERNEL_CODES)}, stage {entry.stage}; {kept}"
        yield Meaning(entry.code, "kernel", entry.cause, clause, entry.remedy)


def _of_proposals() -> Iterator[Meaning]:
    clause = "a proposal that was approved and could not be carried out says so: it failed"
    for entry in PROPOSAL_CODES:
        yield Meaning(entry.code, "lifecycle", entry.cause, clause, entry.remedy)
    for entry in CHANGE_CODES:
        early = f"{clause}; one of the network is not even proposed"
        yield Meaning(entry.code, "network", entry.cause, early, entry.remedy)


def _of_rules() -> Iterator[Meaning]:
    for rule in RULES.values():
        clause = f"the dialect of contracts refuses:\n{_indented(rule.refused)}"
        remedy = f"{rule.remedy}\n          Accepted:\n{_indented(rule.accepted)}"
        yield Meaning(rule.id, "dialect", f"{rule.title} {rule.reason}", clause, remedy)


def _of_changes() -> Iterator[Meaning]:
    for code, change in CHANGES.items():
        clause = f"the check of upgrades: {change.verdict.replace('_', ' ')}"
        if code.startswith("api_"):
            clause = "the check of upgrades: for callers; what is stored is not touched"
        yield Meaning(code, "upgrade", change.title, clause, change.remedy)


def _indented(example: str) -> str:
    return textwrap.indent(example, " " * 12)


def _of_contracts() -> Iterator[Meaning]:
    classes: list[type[Contract]] = [*BUILT_IN]
    classes += [contract for app in discover() for contract in app.contracts]
    kernel = {entry.code for entry in KERNEL_CODES}
    for cls in classes:
        loaded = load_contract(cls)
        hints = _hints("\n\n".join(package_files(cls).values()))
        listed: dict[str, list[str]] = {}
        for name, entry in sorted(loaded.entries.items()):
            for code in entry.rejects:
                listed.setdefault(code, []).append(name)
        for code, actions in listed.items():
            if code in kernel and code not in hints:
                continue
            cause = "; ".join(hints.get(code, [])) or code.replace("_", " ")
            clause = "; ".join(_clause(loaded, action) for action in actions)
            remedy = "Change what the receipt's reason and facts name, and sign again."
            yield Meaning(code, loaded.name, cause, clause, remedy)


def _clause(loaded: LoadedContract, action: str) -> str:
    return f"{loaded.name}.{action} refuses in order: {', '.join(loaded.entries[action].rejects)}"


def _hints(source: str) -> dict[str, list[str]]:
    """Return the hints that a contract's own source gives with each code."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        at = _REFUSE_AT.get(node.func.id)
        if at is None:
            continue
        texts = [a.value for a in node.args[at : at + 2] if isinstance(a, ast.Constant)]
        if len(texts) == 2 and all(isinstance(text, str) for text in texts):
            code, hint = map(str, texts)
            if hint not in found.setdefault(code, []):
                found[code].append(hint)
    return found
