# SPDX-License-Identifier: Apache-2.0
"""Whether what is written as one type reads as another: on JSON schemas, as ``schema_of`` has them.

Each answer is the code of a change in ``compatibility_table``, its path, and a message. The depth
of a schema is that of its type, which the dialect bounds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Shape = Mapping[str, Any]
Found = tuple[str, str, str]

_TYPES: Final = {bool: "boolean", int: "integer", str: "string", type(None): "null"}
_OWN_FORMS: Final = ("base64url", "big-integer", "date")  # texts that stand for something else


@dataclass(frozen=True, slots=True)
class _Member:
    """What a type allows within one JSON type; ``only`` lists the values of a ``Literal``."""

    json: str
    form: str
    only: tuple[Any, ...] | None
    shape: Shape


def fit_value(old: Shape, new: Shape, at: str) -> Iterator[Found]:
    """Yield what differs for values that were written as ``old`` and are read as ``new``."""
    yield from _fit_members(_members(old), _members(new), at)


def _fit_members(
    before: Mapping[str, _Member], after: Mapping[str, _Member], at: str
) -> Iterator[Found]:
    widened = [json for json in after if json not in before]
    for json, member in before.items():
        if json in after:
            found = list(_fit_member(member, after[json], at))
            yield from (one for one in found if one[:2] != ("type_widened", at))
            widened += [json for one in found if one[:2] == ("type_widened", at)]
        elif _is_other_number(member, after):
            yield ("number_form_changed", at, f"{_name(member)} became {_names(after)}")
            widened = []
        else:
            kept = any(other in after for other in before)
            code = "type_narrowed" if kept else "type_changed"
            yield (code, at, f"{_name(member)} is not in {_names(after)}")
            widened = widened if kept else []
    if widened:
        yield ("type_widened", at, f"{_names(before)} became {_names(after)}")


def fit_key(old: Shape, new: Shape, at: str) -> Iterator[Found]:
    """Yield what differs for keys that were written as ``old`` and are read as ``new``."""
    before, after = (old.get("prefixItems"), new.get("prefixItems"))
    if before is not None and after is not None and len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from fit_key(one, other, f"{at}[{place}]")
        return
    mine, other = _members(old), _members(new)
    if before is not None or after is not None:
        yield ("key_changed", at, f"{_names(mine)} became {_names(other)}")
        return
    if "integer" in mine and _is_other_number(mine["integer"], other):
        yield ("key_widened", at, "int became BigInt")  # numbers have one encoding as keys
        del mine["integer"], other["string"]
        if not mine and not other:
            return
    for code, _, message in _fit_members(mine, other, at):
        yield ("key_widened" if code == "type_widened" else "key_changed", at, message)


def is_same(old: Shape, new: Shape) -> bool:
    """Whether the same values are written in the same form; a default makes no difference."""
    return not any(fit_value(old, new, "")) and not any(fit_value(new, old, ""))


def _members(shape: Shape) -> dict[str, _Member]:
    """Return what a type allows, by JSON type; the language has one member of each at most."""
    found: dict[str, _Member] = {}
    for one in shape.get("anyOf", (shape,)):
        if "enum" in one:
            for value in one["enum"]:
                json = _TYPES[type(value)]
                known = found.get(json)
                values = (*((known.only or ()) if known else ()), value)
                if known is None or known.only is not None:
                    found[json] = _Member(json, "", values, one)
        else:
            form = str(one.get("format", ""))
            own = form if form in _OWN_FORMS else ""
            found[one["type"]] = _Member(one["type"], own, None, one)
    return found


def _is_other_number(member: _Member, after: Mapping[str, _Member]) -> bool:
    if member.json == "integer":
        return "string" in after and after["string"].form == "big-integer"
    return member.form == "big-integer" and "integer" in after


def _fit_member(old: _Member, new: _Member, at: str) -> Iterator[Found]:
    records = "properties" in old.shape, "properties" in new.shape
    if all(records):
        yield from _fit_record(old.shape, new.shape, at)
    elif old.json == "array":
        yield from _fit_list(old, new, at)
    elif any(records):
        yield ("type_changed", at, f"{_name(old)} became {_name(new)}")
    elif old.form != new.form:
        # a day is written as its text; other forms would be read as texts of another meaning
        widened = old.form == "date" and new.form == "" and new.only is None
        code = "type_widened" if widened else "type_changed"
        narrowed = new.form == "date" and old.form == ""
        code = "type_narrowed" if narrowed and old.only is None else code
        yield (code, at, f"{_name(old)} became {_name(new)}")
    elif new.only is not None:
        missing = None if old.only is None else [v for v in old.only if v not in new.only]
        if missing is None:
            yield ("type_narrowed", at, f"{_name(old)} became {_name(new)}")
        elif missing:
            yield ("type_narrowed", at, f"{', '.join(map(str, missing))} is gone")
        elif len(set(new.only)) > len(set(old.only or ())):
            yield ("type_widened", at, f"{_name(old)} became {_name(new)}")
    elif old.only is not None:
        yield ("type_widened", at, f"{_name(old)} became {_name(new)}")


def _fit_list(old: _Member, new: _Member, at: str) -> Iterator[Found]:
    before, after = old.shape.get("prefixItems"), new.shape.get("prefixItems")
    if before is None and after is None:
        yield from fit_value(old.shape["items"], new.shape["items"], f"{at}[]")
    elif before is not None and after is not None and len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from fit_value(one, other, f"{at}[{place}]")
    elif before is not None and after is None:
        found = [one for part in before for one in fit_value(part, new.shape["items"], f"{at}[]")]
        yield from found
        if all(code == "type_widened" for code, _, _ in found):
            yield ("type_widened", at, f"{_name(old)} became {_name(new)}")
    else:
        code = "type_narrowed" if before is None else "type_changed"
        yield (code, at, f"{_name(old)} became {_name(new)}")


def _fit_record(old: Shape, new: Shape, at: str) -> Iterator[Found]:
    before, after = old["properties"], new["properties"]
    added = [name for name in after if name not in before]
    removed = [name for name in before if name not in after]
    alike = [(a, b) for a in removed for b in added if is_same(before[a], after[b])]
    sole = [pair for pair in alike if sum(1 for a, b in alike if pair[0] == a or pair[1] == b) == 1]
    for name, heir in sole:
        yield ("field_renamed", f"{at}.{name}", f"{name} is called {heir}")
    renamed = {name for pair in sole for name in pair}
    for name in (name for name in removed if name not in renamed):
        yield ("field_removed", f"{at}.{name}", "")
    for name in (name for name in added if name not in renamed):
        code = "field_added_without_default" if name in new["required"] else "field_added"
        yield (code, f"{at}.{name}", "")
    for name, shape in before.items():
        if name in after:
            yield from fit_value(shape, after[name], f"{at}.{name}")
            yield from _default(shape, after[name], f"{at}.{name}", new)


def _default(old: Shape, new: Shape, at: str, record: Shape) -> Iterator[Found]:
    if "default" in old and at.rpartition(".")[2] in record["required"]:
        yield ("default_removed", at, "")
    elif "default" in old and old["default"] != new.get("default"):
        yield ("default_changed", at, f"{old['default']!r} became {new.get('default')!r}")


def _names(members: Mapping[str, _Member]) -> str:
    return " | ".join(_name(one) for one in members.values())


def _name(member: _Member) -> str:
    if member.only is not None:
        return " | ".join(map(repr, member.only))
    if "prefixItems" in member.shape:
        return f"an array of {len(member.shape['prefixItems'])}"
    return str(member.shape.get("title") or member.form or member.json)
