# SPDX-License-Identifier: Apache-2.0
"""What ``hanse dev`` says: one JSON document a line for tools, or a few lines for people."""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import click
import msgspec

from hanse.cli.project import Trouble
from hanse.codec.problems import build_problem
from hanse.errors import HanseError, Misconfigured
from hanse.node.refounding import AlteredEntry, AlteredReceipt, Refounded

SHOWN_MAX: Final = 20  # receipts, and entries, that are listed for people; all are counted
LISTED_MAX: Final = 1_000  # the same, in a JSON document
_WIDTH_MAX: Final = 160  # characters of a value in a line

Document = dict[str, Any]


@dataclass(eq=False)
class ReloadFailed(Misconfigured):
    """The new code could be loaded, and then the node could not run it."""

    reason: str
    code: ClassVar[str] = "reload_failed"
    hint: ClassVar[str] = "Look at the reason; `hanse dev --fresh` begins with an empty ledger."


class Reporter:
    """Tells the developer what happened, at once."""

    def __init__(self, *, as_json: bool) -> None:
        """Speak JSON or words."""
        self._as_json = as_json

    def say(self, event: str, document: Document, lines: Iterable[str]) -> None:
        """Print one event."""
        if self._as_json:
            data = msgspec.json.encode({"event": event, **document}, order="sorted")
            click.echo(data.decode())
        else:
            click.echo("\n".join(lines))
        sys.stdout.flush()

    def refused(self, troubles: list[Trouble], *, running: bool) -> None:
        """Say what keeps the files from being loaded."""
        lines = []
        for trouble in troubles[:SHOWN_MAX]:
            place = f"{shown_path(trouble.file)}:{trouble.line}:{trouble.column}"
            lines += [f"{place} {trouble.rule} {trouble.message}", f"    {trouble.remedy}"]
        after = "the old code keeps running" if running else "the node starts when it is mended"
        lines.append(f"{_counted(len(troubles), 'finding')}; {after}")
        found = [msgspec.to_builtins(trouble) for trouble in troubles]
        self.say("refused", {"findings": found, "running": running}, lines)

    def failed(self, error: Exception) -> None:
        """Say that the new code could not take over."""
        known = error if isinstance(error, HanseError) else ReloadFailed(repr(error))
        problem = build_problem(known)
        lines = [str(known), f"    {problem['hint']}", "the old code keeps running"]
        self.say("failed", {"problem": problem}, lines)

    def reloaded(self, found: Refounded, ledger: str, seconds: float) -> None:
        """Say what the new code changes."""
        entries = found.entries
        document = {
            "cost": {"after": found.cost_after, "before": found.cost_before},
            "entries": {
                "added": sum(e.before is None for e in entries),
                "altered": sum(e.before is not None and e.after is not None for e in entries),
                "listed": [msgspec.to_builtins(e) for e in entries[:LISTED_MAX]],
                "removed": sum(e.after is None for e in entries),
            },
            "ledger": ledger,
            "receipts": {
                "altered": len(found.receipts),
                "listed": [msgspec.to_builtins(r) for r in found.receipts[:LISTED_MAX]],
            },
            "seconds": round(seconds, 2),
            "transactions": found.transactions,
        }
        self.say("reloaded", document, _lines(found, ledger, seconds))


def shown_path(file: str) -> str:
    """Return a path as it is shortest from here."""
    shorter = os.path.relpath(file)
    return file if shorter.startswith("..") else shorter


def _lines(found: Refounded, ledger: str, seconds: float) -> list[str]:
    again = _counted(found.transactions, "transaction")
    if found.receipts or found.entries:
        receipts = _counted(len(found.receipts), "receipt")
        entries = _counted(len(found.entries), "entry", "entries")
        said = f"this change alters {receipts} and {entries}"
    else:
        said = "this change alters no receipt and no entry"
    lines = [f"reloaded in {seconds:.1f} s, {again} again: {said}"]
    lines += [_receipt(one) for one in found.receipts[:SHOWN_MAX]]
    lines += _more(len(found.receipts))
    lines += [_entry(one) for one in found.entries[:SHOWN_MAX]]
    lines += _more(len(found.entries))
    if found.cost_before != found.cost_after:
        lines.append(f"  cost     {found.cost_before} → {found.cost_after}")
    return [*lines, f"  ledger   {ledger}"]


def _more(count: int) -> list[str]:
    return [f"           and {count - SHOWN_MAX} more"] if count > SHOWN_MAX else []


def _receipt(one: AlteredReceipt) -> str:
    call = f"  receipt  {one.action} {_value(one.args)} by {one.signer}"
    if one.after is None:
        return f"{call} is gone: {one.reason}"
    before, after = _outcome(one.before), _outcome(one.after)
    if before != after:
        return f"{call}: {before} → {after}"
    names = [n for n in sorted(one.before | one.after) if one.before.get(n) != one.after.get(n)]
    told = [f"{n} {_value(one.before.get(n))} → {_value(one.after.get(n))}" for n in names]
    return f"{call}: {', '.join(told)}"


def _outcome(receipt: Document) -> str:
    return str(receipt.get("code") or receipt["status"])


def _entry(one: AlteredEntry) -> str:
    if one.before is None:
        return f"  added    {one.contract}.{one.entry} {_value(one.after)}"
    if one.after is None:
        return f"  removed  {one.contract}.{one.entry} {_value(one.before)}"
    if isinstance(one.before, dict) and isinstance(one.after, dict):
        names = [n for n in one.before | one.after if one.before.get(n) != one.after.get(n)]
        before = {n: one.before[n] for n in names if n in one.before}
        after = {n: one.after[n] for n in names if n in one.after}
        return f"  altered  {one.contract}.{one.entry} {_value(before)} → {_value(after)}"
    return f"  altered  {one.contract}.{one.entry} {_value(one.before)} → {_value(one.after)}"


def _value(value: object) -> str:
    text = msgspec.json.encode(value, order="sorted").decode()
    return text if len(text) <= _WIDTH_MAX else f"{text[:_WIDTH_MAX]}…"


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def watched(paths: Iterable[Path]) -> str:
    """Return in a word or two which files are watched."""
    names = [shown_path(str(path)) for path in paths]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
