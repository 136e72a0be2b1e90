# SPDX-License-Identifier: Apache-2.0
"""Milk and tablets: twenty-one days of a dairy chain and a pharmacy, with faults on purpose."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hanse.apps._world.identifiers import gln, gtin, sscc
from hanse.apps._world.seeded import Seeded
from hanse.contracts.story import Anomaly, Ask, Cast, Check, Refused, Step, Story

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
DAYS = 21
TAIL_MS = 2 * HOUR_MS  # the last shop sells until an hour after its day has ended
CHILLED_MAX_C = 8

ORGANISATIONS = {
    "greenacre": "Green Acre Farm",
    "valedairy": "Vale Dairy",
    "coldline": "Coldline Carriers",
    "marketstreet": "Market Street Stores",
    "harbourdeli": "Harbour Deli",
    "hillschool": "Hill School Kitchen",
    "stationcafe": "Station Café",
    "rivermarket": "River Market",
    "clearwater": "Clearwater Laboratory",
    "brackwater": "Brackwater Pharma",
    "cornerpharmacy": "Corner Pharmacy",
    "ternland": "Ternland Food Authority",
}
COMPANY = {name: f"9521{i:03d}" for i, name in enumerate(ORGANISATIONS, start=101)}
SHOPS = ("marketstreet", "harbourdeli", "hillschool", "stationcafe", "rivermarket")
CAST = (
    Cast("ada@greenacre", ("maker", "operator", "admin"), "runs the farm"),
    Cast("ben@valedairy", ("maker", "operator", "recall", "admin"), "quality at the dairy"),
    Cast("cleo@coldline", ("operator", "admin"), "dispatch of the cold trucks"),
    Cast("dan@marketstreet", ("operator", "admin"), "receives goods"),
    Cast("eve@harbourdeli", ("operator", "admin"), "owns the deli"),
    Cast("fay@hillschool", ("operator", "admin"), "cooks for 300 children"),
    Cast("gus@stationcafe", ("operator", "admin"), "runs the café"),
    Cast("hal@rivermarket", ("operator", "admin"), "runs the market hall"),
    Cast("ida@clearwater", ("operator", "admin"), "tests samples"),
    Cast("jon@brackwater", ("maker", "operator", "recall", "admin"), "packs tablets"),
    Cast("kim@cornerpharmacy", ("operator", "admin"), "dispenses tablets"),
    Cast("lea@ternland", ("operator", "authority", "recall", "admin"), "food inspector"),
)
MEMBER = {cast.member.partition("@")[2]: cast.member for cast in CAST}
RAW, MILK, TABLETS = (gtin(COMPANY[o], 1) for o in ("greenacre", "valedairy", "brackwater"))
CLONES = 12
BAD_DAY, HOT_DAY = 9, 11


def place(organisation: str, number: int = 1) -> str:
    """Return the Digital Link of an organisation's place."""
    return f"https://id.gs1.org/414/{gln(COMPANY[organisation], number)}"


def lot(item: str, name: str) -> str:
    """Return the Digital Link of a lot."""
    return f"https://id.gs1.org/01/{item}/10/{name}"


def serial(number: int) -> str:
    """Return the Digital Link of one box of tablets."""
    return f"https://id.gs1.org/01/{TABLETS}/21/T{number:05d}"


def package(organisation: str, number: int) -> str:
    """Return the Digital Link of a pallet or case of an organisation."""
    return f"https://id.gs1.org/00/{sscc(COMPANY[organisation], number)}"


def build(start_ms: int, *, seed: int = 1, days: int = DAYS) -> Story:
    """Return the story that ends within the hour before ``start_ms``.

    Args:
        start_ms: block time at which the story is played, in milliseconds since 1970.
        seed: equal seeds give equal stories; it decides about amounts and moments.
        days: how many days of it; the anomalies need 14.
    """
    world = _World(start_ms - days * DAY_MS - TAIL_MS, Seeded(seed))
    steps = [*world.registrations(), *world.days(days), *world.anomalies(), *world.recall()]
    return Story(
        title="Milk and tablets",
        organisations=ORGANISATIONS,
        cast=CAST,
        steps=tuple(steps),
        anomalies=tuple(world.labelled),
        detect=detect,
        checks=CHECKS,
        next_things=(
            "log in as lea@ternland and open the recall R-1",
            "trace a lot of milk back to the farm under Apps, What it was made of",
            "download the evidence of any transaction and check it with hanse-verify",
        ),
    )


@dataclass
class _World:
    """The story as it is written: the clock, the dice, and what has been labelled."""

    begin_ms: int
    dice: Seeded
    labelled: list[Anomaly] = field(default_factory=list)
    made: dict[str, int] = field(default_factory=dict)

    def registrations(self) -> Iterator[Step]:
        """Register products and places."""
        products = (
            ("greenacre", RAW, "Raw milk", "KGM", 0),
            ("valedairy", MILK, "Fresh whole milk", "KGM", 20_000),
            ("brackwater", TABLETS, "Paracetamol 500 mg, 20 tablets", "H87", 0),
        )
        for owner, code, name, unit, gain in products:
            args = {"gtin": code, "name": name, "unit": unit, "gain_max_ppm": gain}
            yield Step(MEMBER[owner], "trace", "register_item", args)
        for organisation, name in ORGANISATIONS.items():
            for number, kind in ((1, "site"), (2, "yard")):
                code = gln(COMPANY[organisation], number)
                args = {"gln": code, "name": f"{name}, {kind}", "kind": kind}
                yield Step(MEMBER[organisation], "trace", "register_location", args)

    def days(self, days: int) -> Iterator[Step]:
        """Live through the ordinary days."""
        for day in range(days):
            yield from self._dairy(day)
            yield from self._truck(day)
            yield from self._pharmacy(day)

    def _dairy(self, day: int) -> Iterator[Step]:
        raw, milk = lot(RAW, f"R{day:03d}"), lot(MILK, f"M{day:03d}")
        morning = self.begin_ms + day * DAY_MS + 5 * HOUR_MS
        kilos = self.dice.between(900, 1_100)
        yield self.document(
            "greenacre",
            self.object("greenacre", morning, "ADD", "commissioning", [(raw, kilos)]),
            self.ship("greenacre", "valedairy", morning + HOUR_MS, [(raw, kilos - 20)]),
        )
        yield self.document(
            "valedairy",
            self.object(
                "valedairy", morning + 3 * HOUR_MS, "OBSERVE", "receiving", [(raw, kilos - 20)]
            ),
            self.make(morning + 4 * HOUR_MS, [(raw, kilos - 20)], [(milk, kilos - 25)]),
            self.ship("valedairy", "coldline", morning + 5 * HOUR_MS, [(milk, kilos - 100)]),
            self.ship("valedairy", "clearwater", morning + 5 * HOUR_MS + 1, [(milk, 1)]),
        )
        yield self.document(
            "clearwater",
            self.object("clearwater", morning + 7 * HOUR_MS, "OBSERVE", "receiving", [(milk, 1)]),
            self.object("clearwater", morning + 9 * HOUR_MS, "OBSERVE", "inspecting", [(milk, 1)]),
        )
        share = (kilos - 100) // len(SHOPS)
        noon = morning + 6 * HOUR_MS
        yield self.document(
            "coldline",
            self.object("coldline", noon, "OBSERVE", "receiving", [(milk, kilos - 100)]),
            *[
                self.ship("coldline", shop, noon + HOUR_MS + i, [(milk, share)])
                for i, shop in enumerate(SHOPS)
            ],
        )
        for i, shop in enumerate(SHOPS):
            yield self._shop(day, shop, milk, share, noon + (2 + i) * HOUR_MS)

    def _shop(self, day: int, shop: str, milk: str, share: int, at: int) -> Step:
        lost = (day, shop) in ((6, "stationcafe"), (13, "rivermarket"))
        if lost:
            self.labelled.append(Anomaly("missing_receipt", f"{milk} to {shop}", "never received"))
            return self.document(shop, self.object(shop, at, "OBSERVE", "storing", [(milk, 0)]))
        events = [self.object(shop, at, "OBSERVE", "receiving", [(milk, share)])]
        for hour in range(1, 17):
            sold = self.dice.between(1, 4)
            moment = at + hour * 30 * MINUTE_MS + self.dice.below(MINUTE_MS)
            events.append(self.object(shop, moment, "OBSERVE", "retail_selling", [(milk, sold)]))
        return self.document(shop, *events)

    def _truck(self, day: int) -> Iterator[Step]:
        """A pallet with a logger: one reading every half hour of the trip."""
        box = package("coldline", day)
        start = self.begin_ms + day * DAY_MS + 10 * HOUR_MS
        hot = day == HOT_DAY
        events = [self.object("coldline", start, "ADD", "commissioning", [], [box])]
        for reading in range(16):
            celsius = self.dice.between(2, 6)
            if hot and 3 <= reading < 13:
                celsius = self.dice.between(11, 15)
            at = start + (reading + 1) * 30 * MINUTE_MS
            events.append(self.reading(box, at, celsius))
        if hot:
            self.labelled.append(Anomaly("cold_chain_broken", box, "above 8 °C for five hours"))
        yield self.document("coldline", *events)

    def _pharmacy(self, day: int) -> Iterator[Step]:
        at = self.begin_ms + day * DAY_MS + 8 * HOUR_MS
        numbers = [serial(day * 12 + i) for i in range(12)]
        case = package("brackwater", day)
        yield self.document(
            "brackwater",
            self.object("brackwater", at, "ADD", "commissioning", [], numbers),
            self.pack("brackwater", at + HOUR_MS, "ADD", case, numbers),
            self.ship("brackwater", "cornerpharmacy", at + 2 * HOUR_MS, [], [case]),
        )
        arrival = at + 4 * HOUR_MS
        yield self.document(
            "cornerpharmacy",
            self.object("cornerpharmacy", arrival, "OBSERVE", "receiving", [], [case]),
            self.pack("cornerpharmacy", arrival + MINUTE_MS, "DELETE", case, []),
            *[
                self.object("cornerpharmacy", moment, "OBSERVE", "dispensing", [], [number])
                for moment, number in self._customers(arrival + HOUR_MS, numbers[:8])
            ],
        )

    def _customers(self, at: int, numbers: list[str]) -> Iterator[tuple[int, str]]:
        for i, number in enumerate(numbers):
            yield at + i * 7 * MINUTE_MS + self.dice.below(MINUTE_MS), number

    def anomalies(self) -> Iterator[Step]:
        """What is wrong on purpose, beside the missing receipts and the warm truck."""
        at = self.begin_ms + BAD_DAY * DAY_MS + 20 * HOUR_MS
        raw, milk = lot(RAW, "R900"), lot(MILK, "M900")
        yield self.document(
            "valedairy",
            self.object("valedairy", at, "ADD", "commissioning", [(lot(MILK, "M901"), 100)]),
            self.make(at + 1, [(lot(MILK, "M901"), 100)], [(milk, 108)]),
            expect=("ok", "mass_imbalance"),
            label="output 8 % above input",
        )
        self.labelled.append(Anomaly("mass_imbalance", milk, "108 kg out of 100 kg"))
        early = serial(99_999)
        yield self.document(
            "cornerpharmacy",
            self.object("cornerpharmacy", at, "OBSERVE", "dispensing", [], [early]),
            expect=("not_commissioned",),
            label="dispensed before it was made",
        )
        self.labelled.append(Anomaly("not_commissioned", early, "seen before commissioning"))
        yield self.document(
            "brackwater",
            self.object("brackwater", at + 2, "ADD", "commissioning", [], [serial(5)]),
            expect=("serial_taken",),
            label="a serial number used twice",
        )
        self.labelled.append(Anomaly("serial_taken", serial(5), "used twice"))
        yield self.document(
            "harbourdeli",
            self.ship("harbourdeli", "hillschool", at + 3, [(raw, 10)]),
            expect=("not_commissioned",),
            label="ships what nobody made",
        )
        self.labelled.append(Anomaly("not_commissioned", raw, "nobody made it"))
        yield self.document(
            "hillschool",
            self.ship("hillschool", "harbourdeli", at + 4, [(lot(MILK, "M001"), 9_999)]),
            expect=("not_holder",),
            label="ships more than it holds",
        )
        self.labelled.append(Anomaly("not_holder", lot(MILK, "M001"), "more than it holds"))
        yield from self._travel(at)
        yield from self._scans()

    def _scans(self) -> Iterator[Step]:
        """Clones are scanned in two cities; pieces that somebody scans twice at home are none."""
        here, there = ("cornerpharmacy", "Aldmoor"), ("harbourdeli", "Brackwater")
        for i in range(CLONES):
            clone, honest = serial(20 + i), serial(60 + i)
            for number, spots in ((clone, (here, there)), (honest, (here, here))):
                for organisation, city in spots:
                    args = {"serial": number, "place": city}
                    yield Step(MEMBER[organisation], "trace", "record_scan", args)
            self.labelled.append(Anomaly("clone_suspected", clone, "scanned in two cities"))

    def _travel(self, at: int) -> Iterator[Step]:
        box = package("coldline", 900)
        yield self.document(
            "coldline",
            self.object("coldline", at, "ADD", "commissioning", [], [box]),
            self.object("coldline", at + MINUTE_MS, "OBSERVE", "departing", [], [box]),
            self.object("coldline", at + 16 * MINUTE_MS, "OBSERVE", "arriving", [], [box], spot=2),
        )
        self.labelled.append(Anomaly("impossible_travel", box, "two cities within 20 minutes"))

    def recall(self) -> Iterator[Step]:
        """The authority recalls a lot of raw milk; everybody who holds some of it answers."""
        root = lot(RAW, f"R{BAD_DAY:03d}")
        args = {"recall_id": "R-1", "root": root, "reason": "listeria in the farm's sample"}
        yield Step(MEMBER["greenacre"], "trace", "open_recall", args, expect=("not_authorised",))
        yield Step(MEMBER["ternland"], "trace", "open_recall", args)
        close = {"recall_id": "R-1"}
        yield Step(MEMBER["ternland"], "trace", "close_recall", close, expect=("holders_open",))
        for holder in ("greenacre", "valedairy", "coldline", "clearwater", *SHOPS):
            yield Step(MEMBER[holder], "trace", "acknowledge", close)
            yield Step(MEMBER[holder], "trace", "confirm_quarantine", close)
        yield Step(MEMBER["brackwater"], "trace", "acknowledge", close, expect=("not_a_holder",))
        yield Step(MEMBER["ternland"], "trace", "close_recall", close)

    # -- documents ------------------------------------------------------------------------------

    def document(
        self,
        owner: str,
        *events: dict[str, Any],
        expect: tuple[str, ...] = ("ok",),
        label: str = "",
    ) -> Step:
        """Return the step that imports an EPCIS document with these events."""
        document = {
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": max(event["eventTime"] for event in events),
            "epcisBody": {"eventList": list(events)},
        }
        data = json.dumps(document, indent=1).encode()
        return Step(MEMBER[owner], document=data, format="epcis", expect=expect, label=label)

    def object(  # noqa: PLR0913, PLR0917  # the fields of an EPCIS event
        self,
        owner: str,
        at: int,
        action: str,
        step: str,
        amounts: list[tuple[str, int]],
        epcs: list[str] | None = None,
        spot: int = 1,
    ) -> dict[str, Any]:
        """Return an ObjectEvent."""
        event = self._event("ObjectEvent", at, step, owner, spot)
        event["action"] = action
        if epcs:
            event["epcList"] = epcs
        if amounts:
            event["quantityList"] = quantities(amounts)
        return event

    def ship(
        self,
        owner: str,
        target: str,
        at: int,
        amounts: list[tuple[str, int]],
        epcs: list[str] | None = None,
    ) -> dict[str, Any]:
        """Return a shipping event to another organisation's site."""
        event = self.object(owner, at, "OBSERVE", "shipping", amounts, epcs)
        event["disposition"] = "in_transit"
        event["destinationList"] = [{"type": "location", "destination": place(target)}]
        return event

    def pack(
        self, owner: str, at: int, action: str, parent: str, children: list[str]
    ) -> dict[str, Any]:
        """Return the AggregationEvent of packing (ADD) or of unpacking (DELETE), here of all."""
        step = "packing" if action == "ADD" else "unpacking"
        event = self._event("AggregationEvent", at, step, owner, 1)
        return event | {"action": action, "parentID": parent, "childEPCs": children}

    def make(
        self, at: int, inputs: list[tuple[str, int]], outputs: list[tuple[str, int]]
    ) -> dict[str, Any]:
        """Return the dairy's TransformationEvent."""
        event = self._event("TransformationEvent", at, "creating_class_instance", "valedairy", 1)
        event["inputQuantityList"] = quantities(inputs)
        event["outputQuantityList"] = quantities(outputs)
        return event

    def reading(self, box: str, at: int, celsius: int) -> dict[str, Any]:
        """Return a temperature reading on a pallet."""
        event = self.object("coldline", at, "OBSERVE", "transporting", [], [box])
        event["sensorElementList"] = [
            {"sensorReport": [{"type": "Temperature", "value": celsius, "uom": "CEL"}]}
        ]
        if celsius > CHILLED_MAX_C:
            event["disposition"] = "non_conformant"
        return event

    def _event(self, kind: str, at: int, step: str, owner: str, spot: int) -> dict[str, Any]:
        return {
            "type": kind,
            "eventTime": iso(at),
            "eventTimeZoneOffset": "+00:00",
            "bizStep": step,
            "readPoint": {"id": place(owner, spot)},
            "bizLocation": {"id": place(owner, spot)},
        }


def quantities(amounts: list[tuple[str, int]]) -> list[dict[str, Any]]:
    """Return an EPCIS quantity list in kilograms."""
    return [{"epcClass": thing, "quantity": kilos, "uom": "KGM"} for thing, kilos in amounts]


def iso(time_ms: int) -> str:
    """Return a moment as EPCIS writes it, in UTC."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def detect(ask: Ask, refused: Refused) -> list[Anomaly]:
    """Return what the rules find on the ledger, each thing once; they never see the labels."""
    rows = [(f["rule"], f["thing"], f["sentence"]) for f in ask("trace", "list_findings", {})]
    lost = ask("trace", "unreceived", {"before_ms": 2**53 - 1})
    rows += [("missing_receipt", row, "under way and never received") for row in lost]
    for code, facts in refused:
        thing = facts.get("thing") or facts.get("serial")
        rows += [(code, thing, "refused by the contract")] if thing else []
    first = {(kind, thing): why for kind, thing, why in reversed(rows)}
    return [Anomaly(kind, thing, why) for (kind, thing), why in sorted(first.items())]


def _recalled_everywhere(ask: Ask) -> bool:
    duties = ask("trace", "list_duties", {"recall_id": "R-1"})
    return len(duties) == 9 and all(d["state"] == "quarantined" for d in duties)


def _closed(ask: Ask) -> bool:
    return all(r["closed"] for r in ask("trace", "list_recalls", {}))


def _traced_to_the_farm(ask: Ask) -> bool:
    graph = ask("trace", "trace_back", {"thing": lot(MILK, f"M{BAD_DAY:03d}")})
    return graph["complete"] and {n["maker"] for n in graph["nodes"]} == {"valedairy", "greenacre"}


def _nothing_lost(ask: Ask) -> bool:
    things = ask("trace", "list_things", {"prefix": "", "limit": 1_000})
    return bool(things) and all(0 <= t["consumed_milli"] <= t["created_milli"] for t in things)


CHECKS = (
    Check("every holder of the recalled lot has answered", _recalled_everywhere),
    Check("every recall is closed", _closed),
    Check("the recalled milk traces back to the farm", _traced_to_the_farm),
    Check("nothing is consumed that was not created", _nothing_lost),
)
