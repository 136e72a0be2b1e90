# SPDX-License-Identifier: Apache-2.0
"""Whether a new version of a contract reads what the old one stored, and what changes for callers.

Both sides are descriptions as :func:`hanse.contracts.schema.describe` makes them: plain data, so
that a package, an app and a running node are compared in one way. What is stored decides the
verdict; a change of the interface is reported beside it, under a code that begins with ``api_``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from hanse.contracts.compatibility_table import CHANGES, Verdict
from hanse.contracts.shapes import Shape, fit_key, fit_value, is_same

__all__ = ["CHANGES", "Finding", "Verdict", "compare", "verdict_of"]

Description = Mapping[str, Any]
Kind = Literal["action", "query"]

_ORDER: Final[tuple[Verdict, ...]] = ("compatible", "needs_migration", "breaking")
_NOT_AUTHORITY: Final = frozenset({"args", "doc", "name", "rejects", "result"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One change between two versions: what, where, and what it means for the upgrade.

    ``path`` is that of a map, a field or an argument: ``notes.value.due``, ``endorse.args.to``.
    """

    code: str
    path: str
    message: str = ""

    @property
    def verdict(self) -> Verdict:
        """What this change asks for on its own."""
        return CHANGES[self.code].verdict

    @property
    def remedy(self) -> str:
        """What the author can do."""
        return CHANGES[self.code].remedy

    @property
    def is_api(self) -> bool:
        """Whether callers and readers see the change, and stored values do not."""
        return self.code.startswith("api_")

    def __str__(self) -> str:
        """Return the finding in one line."""
        return f"{self.path}: {self.message or CHANGES[self.code].title} [{self.code}]"


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """Return the gravest verdict among findings; ``compatible`` when there are none."""
    return max((one.verdict for one in findings), key=_ORDER.index, default="compatible")


def compare(
    old: Description, new: Description, earlier: Sequence[Description] = ()
) -> list[Finding]:
    """Return what differs between two descriptions of a contract: state first, then interface.

    Args:
        old: of the version that runs now.
        new: of the one that is to follow it.
        earlier: of the versions before ``old`` whose values may still be stored as they were
            written, since they were never migrated: their values must be readable, too, and must
            not change their meaning because a default does.
    """
    findings = list(_state(old, new))
    maps = _by_name(old, "maps")
    for before in earlier:
        known = {one.path for one in findings}
        left = {**before, "maps": [m for m in before["maps"] if m["name"] in maps]}
        found = [one for one in _state(left, new) if one.verdict != "compatible"]
        findings += [one for one in found if one.path not in known or one not in findings]
        lazy = {one.path for one in _state(left, old) if one.code == "field_added"}
        findings += [
            Finding("stored_default_changed", one.path, one.message)
            for one in _state(old, new)
            if one.code == "default_changed" and one.path in lazy
        ]
    return [*dict.fromkeys(findings), *_interface(old, new)]


def _state(old: Description, new: Description) -> Iterator[Finding]:
    if old["name"] != new["name"]:
        yield Finding("contract_renamed", new["name"], f"it was {old['name']}")
    before, after = _by_name(old, "maps"), _by_name(new, "maps")
    removed = [name for name in before if name not in after]
    added = [name for name in after if name not in before]
    for name in removed:
        heir = next((a for a in added if _is_same_map(before[name], after[a])), None)
        if heir is None:
            yield Finding("map_removed", name)
        else:
            added.remove(heir)
            yield Finding("map_renamed", name, f"{name} is called {heir}")
    yield from (Finding("map_added", name) for name in added)
    for name, row in before.items():
        if name in after:
            yield from _map(name, row, after[name])


def _map(name: str, old: Shape, new: Shape) -> Iterator[Finding]:
    if (old["key"] is None) != (new["key"] is None):
        yield Finding("map_kind_changed", name)
        return
    if _is_ordered(old) != _is_ordered(new):
        yield Finding("map_order_gained" if _is_ordered(new) else "map_order_lost", name)
    if old["key"] is not None:
        yield from (Finding(*one) for one in fit_key(old["key"], new["key"], f"{name}.key"))
    yield from (Finding(*one) for one in fit_value(old["value"], new["value"], f"{name}.value"))


def _is_ordered(row: Shape) -> bool:
    """Whether an authenticated tree keeps the order of a map's keys."""
    return bool(row.get("ordered"))


def _is_same_map(old: Shape, new: Shape) -> bool:
    if not is_same(old["value"], new["value"]):
        return False
    if old["key"] is None or new["key"] is None:
        return old["key"] is new["key"]
    return is_same(old["key"], new["key"])


def _interface(old: Description, new: Description) -> Iterator[Finding]:
    for plural, kind in (("actions", "action"), ("queries", "query"), ("events", "event")):
        before, after = _by_name(old, plural), _by_name(new, plural)
        yield from (Finding(f"api_{kind}_removed", n) for n in before if n not in after)
        yield from (Finding(f"api_{kind}_added", n) for n in after if n not in before)
        for name in before:
            if name in after and kind == "event":
                yield from _event(name, before[name], after[name])
            elif name in after:
                yield from _entry(name, before[name], after[name])


def _event(name: str, old: Shape, new: Shape) -> Iterator[Finding]:
    # a reader made for the old version reads what the new one writes
    found = [one for one in fit_value(new["fields"], old["fields"], name) if _is_loss(one)]
    for _, path, _ in found:
        yield Finding("api_event_changed", path)


def _entry(name: str, old: Shape, new: Shape) -> Iterator[Finding]:
    authority = [{k: v for k, v in one.items() if k not in _NOT_AUTHORITY} for one in (old, new)]
    if authority[0] != authority[1]:
        was, now = (_authority(one) for one in authority)
        yield Finding("api_authority_changed", name, f"{was} became {now}")
    yield from _arguments(f"{name}.args", old["args"], new["args"])
    result = f"{name}.result"
    losses = [one for one in fit_value(new["result"], old["result"], result) if _is_loss(one)]
    if losses:
        yield Finding("api_result_changed", losses[0][1])
    before, after = old.get("rejects", []), new.get("rejects", [])
    for code in (c for c in before if c not in after):
        yield Finding("api_refusal_removed", name, f"it no longer refuses with {code}")
    for code in (c for c in after if c not in before):
        yield Finding("api_refusal_added", name, f"it may refuse with {code}")


def _authority(asked: Shape) -> str:
    parts = [f"{what} {who}" for what, who in sorted(asked.items()) if who is not None]
    return ", ".join(parts) or "any member"


def _arguments(at: str, old: Shape, new: Shape) -> Iterator[Finding]:
    before, after = old["properties"], new["properties"]
    for name, shape in before.items():
        path = f"{at}.{name}"
        if name not in after:
            yield Finding("api_argument_removed", path)
            continue
        was_needed, is_needed = (name in side["required"] for side in (old, new))
        if is_needed and not was_needed:
            yield Finding("api_argument_required", path)
        elif was_needed and not is_needed:
            yield Finding("api_argument_widened", path, "it may be left out")
        elif shape.get("default") != after[name].get("default"):
            yield Finding("api_default_changed", path)
        found = list(fit_value(shape, after[name], path))
        losses = [one for one in found if _is_loss(one)]
        if losses:
            yield Finding("api_argument_narrowed", losses[0][1], losses[0][2])
        elif any(one[0] == "type_widened" for one in found):
            yield Finding("api_argument_widened", path)
    for name in (n for n in after if n not in before):
        needed = name in new["required"]
        yield Finding("api_argument_required" if needed else "api_argument_added", f"{at}.{name}")


def _is_loss(found: tuple[str, str, str]) -> bool:
    return CHANGES[found[0]].verdict != "compatible"


def _by_name(description: Description, plural: str) -> dict[str, Shape]:
    return {row["name"]: row for row in description[plural]}
