# SPDX-License-Identifier: Apache-2.0
"""What the contract does not allow, line by line; and that nothing appears or vanishes."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hanse.apps.trace import model
from hanse.apps.trace.contract import Trace
from hanse.apps.trace.model import FUTURE_MS, THINGS_MAX, Captured, Statement
from hanse.contracts import OrganisationId, Refused, TimeMs, replace
from hanse.contracts.patterns.lineage import Part
from hanse.contracts.records import is_event
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.schema import describe
from hanse.testing.bench import START_MS, Actor, Bench, encode_arguments

GTIN, GLN_A, GLN_B = "09520123456788", "9520123000059", "9520123000158"
MILK = f"https://id.gs1.org/01/{GTIN}/10/L1"
CREAM = f"https://id.gs1.org/01/{GTIN}/10/L2"
BOTTLE = f"https://id.gs1.org/01/{GTIN}/21/7"
PALLET = "https://id.gs1.org/00/095201230000000018"
DAIRY = f"https://id.gs1.org/414/{GLN_A}"
SHOP = f"https://id.gs1.org/414/{GLN_B}"
SAID = Statement(
    standard="EPCIS",
    version="2.0",
    ruleset_digest="r",
    verdict="accepted",
    payload_digest="p",
    document="d",
)


def part(thing: str, amount_milli: int = 1_000, unit: str = "KGM") -> Part:
    return Part(id=thing, amount_milli=amount_milli, unit=unit)


def seen(number: object, *things: Part, **changes: Any) -> Captured:
    parts: dict[str, Any] = {
        "hash": f"event-{number}",
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "biz_step": "",
        "disposition": "",
        "time_ms": TimeMs(START_MS),
        "location": "",
        "destination": "",
        "parent": "",
        "things": list(things),
        "inputs": [],
        "outputs": [],
        **changes,
    }
    return Captured(**parts)


def boxed(number: object, action: str, *things: Part) -> Captured:
    return seen(number, *things, type="AggregationEvent", action=action, parent=PALLET)


def made(number: object, inputs: list[Part], outputs: list[Part]) -> Captured:
    return seen(number, type="TransformationEvent", inputs=inputs, outputs=outputs)


class World:
    """A dairy with a kilogram of milk, a shop, an authority."""

    def __init__(self) -> None:
        self.bench = Bench(Trace)
        everything = ("maker", "operator", "recall")
        self.dairy = self.bench.actor("dairy", *everything)
        self.shop = self.bench.actor("shop", *everything)
        self.thief = self.bench.actor("thief", *everything)
        self.authority = self.bench.actor("office", "recall", "authority")
        self.dairy(Trace.register_item, GTIN, "Milk", "KGM", 0)
        self.dairy(Trace.register_location, GLN_A, "Dairy", "plant")
        self.shop(Trace.register_location, GLN_B, "Shop", "shop")
        self.say(self.dairy, seen("born", part(MILK), part(BOTTLE), action="ADD"))

    def say(self, who: Actor, captured: Captured) -> str:
        return who(Trace.capture, captured, SAID)

    def ship(self, number: object, *things: Part) -> None:
        event = seen(number, *things, biz_step="shipping", destination=SHOP)
        self.say(self.dairy, event)

    def held(self, thing: str) -> dict[str, int]:
        """What each organisation holds of a thing, as the state has it."""
        rows = self.bench.snapshot().values
        prefix = self.bench.loaded.state_key("holdings", (thing, ""))[:-2]
        parts = self.bench.loaded.key_parts
        return {
            str(parts(key)[1]): int(value.split(b":")[1].rstrip(b"}"))
            for key, value in rows.items()
            if key.startswith(prefix)
        }


@pytest.fixture
def world() -> World:
    return World()


MANY = [part(f"https://id.gs1.org/01/{GTIN}/21/{n}") for n in range(THINGS_MAX + 1)]
LATE = TimeMs(START_MS + FUTURE_MS + 1)
NOWHERE = "https://id.gs1.org/414/9520123000257"
OTHER_ITEM = "https://id.gs1.org/01/09520123456795/10/L1"
# each with a second, later fault where one fits: the earlier code must win
CAPTURES: list[tuple[str, str, Captured]] = [
    ("too_many_things", "dairy", seen(1, *MANY, part(MILK, -1), location=NOWHERE)),
    ("bad_amount", "dairy", seen(1, part(MILK, -1), location=NOWHERE)),
    ("bad_amount", "dairy", made(1, [part(MILK, -1)], [part(CREAM, -1)])),
    ("unknown_location", "dairy", seen(1, part(OTHER_ITEM), location=NOWHERE)),
    ("unknown_item", "dairy", seen(1, part(OTHER_ITEM), time_ms=LATE)),
    ("event_from_future", "dairy", seen("born", part(MILK), time_ms=LATE)),
    ("already_exists", "dairy", seen("born", part(BOTTLE), action="ADD")),
    ("serial_taken", "dairy", seen(1, part(BOTTLE), action="ADD")),
    ("not_authorised_for_item", "thief", seen(1, part(BOTTLE), action="ADD")),
    ("not_commissioned", "dairy", seen(1, part(CREAM))),
    ("not_commissioned", "dairy", seen(1, part(CREAM), action="DELETE")),
    ("not_commissioned", "dairy", made(1, [part(CREAM)], [])),
    ("not_commissioned", "dairy", boxed(1, "ADD", part(CREAM))),
    ("not_holder", "thief", seen(1, part(MILK), action="DELETE")),
    ("not_holder", "thief", seen(1, part(MILK), biz_step="shipping", destination=SHOP)),
    ("not_holder", "dairy", seen(1, part(MILK, 1_001), action="DELETE")),
    ("not_holder", "shop", seen(1, part(MILK), biz_step="receiving")),
    ("mass_imbalance", "dairy", made(1, [part(MILK)], [part(CREAM, 1_001)])),
]


@pytest.mark.parametrize(("code", "who", "captured"), CAPTURES)
def test_an_event_that_cannot_be_is_refused_and_changes_nothing(
    world: World, code: str, who: str, captured: Captured
) -> None:
    root = world.bench.root
    with pytest.raises(Refused) as refused:
        world.say(getattr(world, who), captured)
    assert refused.value.code == code
    assert world.bench.root == root
    assert code in world.bench.loaded.entries["capture"].rejects


def test_what_was_used_up_is_not_used_again(world: World) -> None:
    world.say(world.dairy, made(1, [part(MILK)], [part(CREAM, 900)]))
    with pytest.raises(Refused, match="input_consumed"):
        world.say(world.dairy, made(2, [part(MILK, 1)], [part(CREAM, 1)]))


def test_nothing_is_made_of_itself(world: World) -> None:
    world.say(world.dairy, made(1, [part(MILK, 100)], [part(CREAM, 100)]))
    with pytest.raises(Refused, match="cycle"):
        world.say(world.dairy, made(2, [part(CREAM, 50)], [part(MILK, 50)]))
    with pytest.raises(Refused, match="cycle"):  # and not mass_imbalance, which comes later
        world.say(world.dairy, made(3, [part(MILK, 50)], [part(MILK, 51)]))
    world.say(world.dairy, made(4, [part(MILK, 50)], [part(CREAM, 50)]))


def test_two_of_one_amount_cannot_both_be_sent(world: World) -> None:
    world.ship(1, part(MILK, 600))
    with pytest.raises(Refused, match="not_holder"):
        world.ship(2, part(MILK, 600))
    world.say(world.shop, seen(3, part(MILK, 600), biz_step="receiving"))
    assert world.held(MILK) == {"dairy": 400, "shop": 600}


def test_what_comes_out_may_exceed_what_went_in_by_the_items_gain() -> None:
    bench = Bench(Trace)
    dairy = bench.actor("dairy", "maker", "operator")
    dairy(Trace.register_item, GTIN, "Milk", "KGM", 100_000)
    dairy(Trace.capture, seen("born", part(MILK), action="ADD"), SAID)
    with pytest.raises(Refused, match="mass_imbalance"):
        dairy(Trace.capture, made(1, [part(MILK)], [part(CREAM, 1_101)]), SAID)
    dairy(Trace.capture, made(2, [part(MILK)], [part(CREAM, 1_100)]), SAID)


OTHERS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("bad_check_digit", "dairy", "register_item", {"gtin": "09520123456789"}),
    ("bad_check_digit", "dairy", "register_item", {"gtin": "9520123456788"}),
    ("already_exists", "dairy", "register_item", {"gtin": GTIN}),
    ("not_authorised", "authority", "register_item", {"gtin": "x"}),
    ("bad_check_digit", "dairy", "register_location", {"gln": "9520123000058"}),
    ("already_exists", "shop", "register_location", {"gln": GLN_A}),
    ("not_found", "dairy", "correct", {"old": "no", "new": "event-born", "reason": ""}),
    ("not_found", "dairy", "correct", {"old": "event-born", "new": "no", "reason": ""}),
    (
        "not_event_owner",
        "thief",
        "correct",
        {"old": "event-born", "new": "event-born", "reason": ""},
    ),
    ("not_commissioned", "shop", "record_scan", {"serial": CREAM, "place": "Kiel"}),
    ("not_found", "dairy", "open_recall", {"recall_id": "R1", "root": CREAM, "reason": "r"}),
    (
        "not_authorised_for_item",
        "thief",
        "open_recall",
        {"recall_id": "R", "root": MILK, "reason": ""},
    ),
    ("already_exists", "dairy", "open_recall", {"recall_id": "R", "root": MILK, "reason": "r"}),
    ("not_found", "dairy", "acknowledge", {"recall_id": "no"}),
    ("not_a_holder", "thief", "acknowledge", {"recall_id": "R"}),
    ("not_found", "dairy", "confirm_quarantine", {"recall_id": "no"}),
    ("not_a_holder", "thief", "confirm_quarantine", {"recall_id": "R"}),
    ("not_found", "dairy", "close_recall", {"recall_id": "no"}),
    ("wrong_organisation", "thief", "close_recall", {"recall_id": "R"}),
    ("holders_open", "dairy", "close_recall", {"recall_id": "R"}),
]
ITEM: dict[str, Any] = {"gtin": GTIN, "name": "", "unit": "KGM", "gain_max_ppm": 0}
PLACE: dict[str, Any] = {"gln": GLN_A, "name": "", "kind": ""}


@pytest.mark.parametrize(("code", "who", "name", "args"), OTHERS)
def test_the_contract_refuses(
    world: World, code: str, who: str, name: str, args: dict[str, Any]
) -> None:
    world.dairy(Trace.open_recall, "R", MILK, "salmonella")
    root = world.bench.root
    full = {"register_item": ITEM, "register_location": PLACE}.get(name, {}) | args
    assert getattr(world, who).attempt(name, full).code == code
    assert world.bench.root == root
    assert code in (*world.bench.loaded.entries[name].rejects, "not_authorised")


def test_a_recall_reaches_every_holder_and_ends_when_all_have_answered(world: World) -> None:
    world.ship(1, part(MILK, 400))
    world.say(world.dairy, made(2, [part(MILK, 500)], [part(CREAM, 400)]))
    recall = world.authority(Trace.open_recall, "R", MILK, "salmonella")
    assert recall.holders == 2
    duties = {d.holder: d.things for d in world.dairy(Trace.list_duties, "R")}
    assert duties == {OrganisationId("dairy"): [MILK, CREAM], OrganisationId("shop"): [MILK]}
    world.dairy(Trace.acknowledge, "R")
    with pytest.raises(Refused, match="wrong_state"):
        world.dairy(Trace.acknowledge, "R")
    world.dairy(Trace.confirm_quarantine, "R")
    with pytest.raises(Refused, match="wrong_state"):
        world.dairy(Trace.confirm_quarantine, "R")
    with pytest.raises(Refused, match="holders_open"):
        world.authority(Trace.close_recall, "R")
    world.shop(Trace.confirm_quarantine, "R")
    world.authority(Trace.close_recall, "R")
    assert [r.closed for r in world.shop(Trace.list_recalls)] == [True]


def test_a_correction_points_to_its_successor_once(world: World) -> None:
    world.say(world.dairy, seen("again", part(MILK)))
    world.dairy(Trace.correct, "event-born", "event-again", "typing error")
    with pytest.raises(Refused, match="already_corrected"):
        world.dairy(Trace.correct, "event-born", "event-again", "once more")
    found = {e.hash: e.corrected_by for e in world.dairy(Trace.list_events)}
    assert found == {"event-born": "event-again", "event-again": None}


def test_a_cloned_serial_number_is_found_by_its_second_scan(world: World) -> None:
    world.shop(Trace.record_scan, BOTTLE, "Kiel")
    world.shop(Trace.record_scan, BOTTLE, "Kiel")
    assert world.shop(Trace.list_findings) == []
    assert world.shop(Trace.record_scan, BOTTLE, "Bari").count == 3
    assert [f.rule for f in world.shop(Trace.list_findings)] == ["clone_suspected"]


def test_who_moves_a_pallet_moves_what_is_on_it(world: World) -> None:
    world.say(world.dairy, boxed(1, "ADD", part(MILK)))
    world.ship(2, part(PALLET, unit="H87"))
    world.say(world.shop, seen(3, part(PALLET, unit="H87"), biz_step="receiving"))
    assert (world.held(MILK), world.held(PALLET)) == ({}, {"shop": 1_000})
    world.say(world.shop, boxed(4, "DELETE"))
    world.say(world.shop, seen(5, part(PALLET, unit="H87"), action="DELETE"))
    assert world.held(MILK) == {"shop": 1_000}


def test_a_name_with_an_inner_zero_is_no_name(world: World) -> None:
    strange = f"{MILK}\x00/21/9"
    with pytest.raises(Refused, match="bad_identifier"):
        world.say(world.dairy, seen(1, part(strange), action="ADD"))


def encode_call(event: Captured) -> bytes:
    return encode_arguments(Trace.capture, (event, SAID), {})


THINGS = (MILK, CREAM)
WHO = st.sampled_from(["dairy", "shop", "thief"])


class Goods(RuleBasedStateMachine):
    """Any order of events: of each thing, held + under way + consumed is what was created."""

    number = 0

    @initialize()
    def begin(self) -> None:
        self.world = World()

    def attempt(self, who: str, captured: Captured) -> None:
        self.number += 1
        bench, event = self.world.bench, replace(captured, hash=f"event-{self.number}")
        before = bench.root
        actor: Actor = getattr(self.world, who)
        outcome = bench.run(actor, bench.entry_of(Trace.capture), encode_call(event))
        assert outcome.code not in ("contract_fault", "invariant_broken"), outcome.reason
        assert outcome.code is None or bench.root == before

    amounts = st.integers(-500, 1_500)
    kinds = st.sampled_from(THINGS)

    @rule(who=WHO, thing=kinds, amount=amounts, action=st.sampled_from(["ADD", "DELETE"]))
    def begin_or_end(self, who: str, thing: str, amount: int, action: str) -> None:
        self.attempt(who, seen(0, part(thing, amount), action=action))

    @rule(who=WHO, thing=kinds, amount=amounts, to=st.sampled_from([DAIRY, SHOP, NOWHERE]))
    def ship(self, who: str, thing: str, amount: int, to: str) -> None:
        self.attempt(who, seen(0, part(thing, amount), biz_step="shipping", destination=to))

    @rule(who=WHO, thing=kinds, amount=amounts)
    def receive(self, who: str, thing: str, amount: int) -> None:
        self.attempt(who, seen(0, part(thing, amount), biz_step="receiving"))

    @rule(who=WHO, used=st.lists(amounts, max_size=2), out=st.lists(amounts, max_size=2))
    def make(self, who: str, used: list[int], out: list[int]) -> None:
        inputs = [part(MILK, amount) for amount in used]
        self.attempt(who, made(0, inputs, [part(CREAM, amount) for amount in out]))

    @rule(who=WHO, amount=amounts, action=st.sampled_from(["ADD", "DELETE"]))
    def pack(self, who: str, amount: int, action: str) -> None:
        self.attempt(who, boxed(0, action, part(MILK, amount)))

    @invariant()
    def nothing_appears(self) -> None:
        if not hasattr(self, "world"):
            return
        loaded, rows = self.world.bench.loaded, self.world.bench.snapshot().values
        sums: dict[str, int] = {}
        for name, sign in (("holdings", 1), ("transit", 1), ("contents", 1), ("things", -1)):
            codec = loaded.collections[name]._codec
            prefix = name.encode() + b"\x00"
            for key, data in rows.items():
                if key.startswith(prefix):
                    value = codec.decode_stored(data)
                    thing = str(loaded.key_parts(key)[name == "contents"])
                    amount = (
                        value.created_milli - value.consumed_milli
                        if name == "things"
                        else value.amount_milli
                    )
                    assert amount >= 0
                    sums[thing] = sums.get(thing, 0) + sign * amount
        assert not any(sums.values())


TestGoods = Goods.TestCase
TestGoods.settings = settings(max_examples=40, stateful_step_count=20)


def test_every_event_of_the_model_is_described_whichever_module_emits_it() -> None:
    described = describe(LoadedContract(Trace), "hash", "source")
    sentences = {event["name"]: event["sentence"] for event in described["events"]}
    declared = {name for name, kind in vars(model).items() if is_event(kind)}
    assert {"Commissioned", "Made", "Moved", "Packed", "RecallOpened"} <= declared <= set(sentences)
    assert all("{" in sentence for sentence in sentences.values())
