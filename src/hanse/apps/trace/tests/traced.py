# SPDX-License-Identifier: Apache-2.0
"""A small supply chain on a bench: a farm, a dairy, a shop, an authority, and how they tell."""

import hashlib
from typing import Any

from hanse.apps.trace.contract import Trace
from hanse.apps.trace.standards import check_digit
from hanse.testing.bench import START_MS, Actor, Bench


def key(digits: str) -> str:
    return digits + check_digit(digits)


RAW, MILK, STRANGE = key("0952110100001"), key("0952110200001"), key("0952110200009")
GLNS = {name: key(f"952110{i}00001") for i, name in enumerate(("farm", "dairy", "shop"), start=1)}
STATEMENT = {
    "document": "d",
    "payload_digest": "p",
    "ruleset_digest": "r",
    "standard": "epcis",
    "verdict": "accepted",
    "version": "2.0",
}


def place(organisation: str) -> str:
    return f"https://id.gs1.org/414/{GLNS[organisation]}"


def lot(name: str, item: str = MILK) -> str:
    return f"https://id.gs1.org/01/{item}/10/{name}"


def serial(number: int, item: str = MILK) -> str:
    return f"https://id.gs1.org/01/{item}/21/{number}"


def box(number: int) -> str:
    return f"https://id.gs1.org/00/{key(f'09521102{number:09d}')}"


def part(thing: str, amount_milli: int = 1_000, unit: str = "H87") -> dict[str, Any]:
    return {"amount_milli": amount_milli, "id": thing, "unit": unit}


def told(
    kind: str = "ObjectEvent", doing: str = "", step: str = "", **fields: Any
) -> dict[str, Any]:
    """Return a captured event; its hash is made of what it says, unless it is given."""
    event = {
        "action": doing,
        "biz_step": step,
        "destination": "",
        "disposition": "",
        "inputs": [],
        "location": "",
        "outputs": [],
        "parent": "",
        "things": [],
        "time_ms": START_MS,
        "type": kind,
    } | fields
    return {"hash": hashlib.sha256(repr(sorted(event.items())).encode()).hexdigest()} | event


class Chain:
    """The bench and its people; ``tell`` captures an event and returns the outcome's code."""

    def __init__(self) -> None:
        self.bench: Bench[Trace] = Bench(Trace)
        roles = {"farm": ("maker", "operator", "recall"), "dairy": ("maker", "operator", "recall")}
        self.people: dict[str, Actor] = {
            name: self.bench.actor(name, *roles.get(name, ("operator",)))
            for name in ("farm", "dairy", "shop", "stranger")
        }
        self.people["authority"] = self.bench.actor("authority", "authority", "recall")
        for owner, item in (("farm", RAW), ("dairy", MILK)):
            self.do(owner, "register_item", gtin=item, name=item, unit="H87", gain_max_ppm=0)
        for owner, code in GLNS.items():
            self.do(owner, "register_location", gln=code, name=owner, kind="site")

    def attempt(self, who: str, action: str, **args: Any) -> str:
        return self.people[who].attempt(action, args).code or "ok"

    def do(self, who: str, action: str, **args: Any) -> None:
        assert self.attempt(who, action, **args) == "ok", self.bench.last

    def ask(self, query: str, **args: Any) -> Any:
        entry = self.bench.loaded.entries[query]
        outcome = self.people["shop"].attempt(query, args)
        assert outcome.code is None, outcome
        assert entry.result is not None
        assert outcome.result is not None
        return entry.result.decode(outcome.result)

    def tell(self, who: str, event: dict[str, Any]) -> str:
        return self.attempt(who, "capture", captured=event, statement=STATEMENT)

    def told(self, who: str, *events: dict[str, Any]) -> None:
        for event in events:
            assert self.tell(who, event) == "ok", self.bench.last

    def entries(self, name: str) -> dict[Any, Any]:
        """Return a map of the state, decoded."""
        book = self.bench.loaded.collections[name]
        rows = self.bench.snapshot().values.items()
        mine = [(k, v) for k, v in rows if k.startswith(name.encode() + b"\x00")]
        return {(at := book.written(key, None, value)).key: at.after for key, value in mine}

    def check_books(self) -> None:
        """Establish that of each thing what is somewhere is what was created of it."""
        things = self.entries("things")
        rest = {name: t.created_milli - t.consumed_milli for name, t in things.items()}
        contents, inside = self.entries("contents"), self.entries("inside")
        for book, at in (("holdings", 0), ("transit", 0), ("contents", 1)):
            for key, row in self.entries(book).items():
                assert row.amount_milli > 0, (book, key)
                rest[key[at]] -= row.amount_milli
        assert not {name: left for name, left in rest.items() if left}
        assert {(child, parent) for parent, child in contents} == set(inside)
        for thing in things.values():
            assert 0 <= thing.consumed_milli <= thing.created_milli
            assert thing.kind == "lot" or thing.created_milli == 1_000


def commission(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return told(doing="ADD", step="commissioning", things=list(parts), **fields)


def remove(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return told(doing="DELETE", step="decommissioning", things=list(parts), **fields)


def ship(target: str, *parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    where = place(target) if target else ""
    fields = {"destination": where} | fields
    return told(doing="OBSERVE", step="shipping", things=list(parts), **fields)


def receive(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return told(doing="OBSERVE", step="receiving", things=list(parts), **fields)


def observe(*parts: dict[str, Any], step: str = "storing", **fields: Any) -> dict[str, Any]:
    return told(doing="OBSERVE", step=step, things=list(parts), **fields)


def pack(parent: str, *parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    fields = {"parent": parent, "things": list(parts)} | fields
    return told("AggregationEvent", "ADD", "packing", **fields)


def unpack(parent: str, *parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    fields = {"parent": parent, "things": list(parts)} | fields
    return told("AggregationEvent", "DELETE", "unpacking", **fields)


def make(
    inputs: list[dict[str, Any]], outputs: list[dict[str, Any]], **fields: Any
) -> dict[str, Any]:
    return told("TransformationEvent", inputs=inputs, outputs=outputs, **fields)
