# SPDX-License-Identifier: Apache-2.0
"""What the rules of ``trace`` refuse, in which order; and that the books always add up."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.apps.trace.contract import Trace
from hanse.apps.trace.tests.traced import (
    MILK,
    RAW,
    STRANGE,
    Chain,
    box,
    commission,
    lot,
    make,
    observe,
    pack,
    part,
    place,
    receive,
    remove,
    serial,
    ship,
    told,
    unpack,
)
from hanse.contracts.package import package_files
from hanse.testing.bench import START_MS

HOUR_MS = 3_600_000

# -- refusals of capture, in order; each adds one fault to a dairy's good TransformationEvent ------

FAULTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "too_many_things": lambda e: e["inputs"].extend([part(lot("A"), 1)] * 200),
    "bad_identifier": lambda e: e["outputs"].append(part("")),
    "bad_amount": lambda e: e["outputs"].append(part(lot("Z"), 0)),
    "unknown_location": lambda e: e.update(location="https://id.gs1.org/414/9521109000017"),
    "unknown_item": lambda e: e["outputs"].append(part(lot("S", STRANGE))),
    "not_authorised_for_item": lambda e: e["outputs"].append(part(lot("R", RAW))),
    "event_from_future": lambda e: e.update(time_ms=START_MS + 300_001),
    "already_exists": lambda e: e.update(hash="first"),
    "serial_taken": lambda e: e["outputs"].append(part(serial(1))),
    "not_commissioned": lambda e: e["inputs"].append(part(lot("nobody"))),
    "unit_mismatch": lambda e: e["inputs"].append(part(lot("B"), 1, "KGM")),
    "not_holder": lambda e: e["inputs"].append(part(lot("F", RAW))),
    "input_consumed": lambda e: e["inputs"].append(part(serial(2))),
    "not_empty": lambda e: e["inputs"].append(part(box(1))),
    "cycle": lambda e: e["outputs"].append(part(lot("A"), 1)),
    "mass_imbalance": lambda e: e["outputs"].append(part(lot("M"), 900_000)),
}


@pytest.fixture(scope="module")
def dairy() -> Chain:
    chain = Chain()
    chain.told("farm", commission(part(lot("F", RAW), 5_000)))
    goods = [lot("A"), lot("B"), lot("C")]
    chain.told(
        "dairy",
        commission(*[part(name, 9_000) for name in goods], hash="first"),
        commission(part(serial(1)), part(serial(2)), part(serial(3))),
        remove(part(serial(2))),
        pack(box(1), part(serial(3))),
    )
    return chain


def _faulty(*codes: str) -> dict[str, Any]:
    event = make([part(lot("A"), 5_000)], [part(lot("new"), 5_000)])
    for code in codes:
        FAULTS[code](event)
    return event


def _code_of(chain: Chain, event: dict[str, Any], who: str = "dairy") -> str:
    before, root = chain.bench.snapshot(), chain.bench.root
    code = chain.tell(who, event)
    assert code == "ok" or chain.bench.root == root
    chain.bench.revert(before)
    return code


def test_a_good_event_is_accepted(dairy: Chain) -> None:
    assert _code_of(dairy, _faulty()) == "ok"


@pytest.mark.parametrize("code", FAULTS)
def test_each_fault_has_its_code(dairy: Chain, code: str) -> None:
    assert _code_of(dairy, _faulty(code)) == code


@pytest.mark.parametrize(("first", "second"), list(combinations(FAULTS, 2)))
def test_of_two_faults_the_earlier_in_the_list_is_told(
    dairy: Chain, first: str, second: str
) -> None:
    assert _code_of(dairy, _faulty(first, second)) == first
    assert _code_of(dairy, _faulty(second, first)) == first


def test_the_list_in_the_docstring_is_the_list_of_faults() -> None:
    listed = list(Chain().bench.loaded.entries["capture"].rejects)
    assert [code for code in listed if code != "not_found"] == list(FAULTS)
    assert listed.index("input_consumed") < listed.index("not_found") < listed.index("not_empty")


def test_what_is_not_in_a_package_is_not_found(dairy: Chain) -> None:
    assert _code_of(dairy, unpack(box(1), part(serial(1)))) == "not_found"
    assert _code_of(dairy, unpack(box(1), part(serial(1))), "shop") == "not_holder"
    assert _code_of(dairy, unpack(box(9), part(serial(1)))) == "not_commissioned"
    assert _code_of(dairy, unpack(box(1), part(serial(3)))) == "ok"
    assert _code_of(dairy, unpack(box(1))) == "ok"


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (commission(part(lot("A"), -1)), "bad_amount"),
        (commission(part(lot("A"), 10**12 + 1)), "bad_amount"),
        (commission(part(serial(8), 999)), "bad_amount"),
        (commission(part(serial(8)), part(serial(8))), "bad_amount"),
        (commission(part(box(8), 2_000)), "bad_amount"),
        (ship("shop", part(lot("A"), 0)), "bad_amount"),
        (receive(part(lot("A"), 0)), "bad_amount"),
        (remove(part(lot("A"), 0)), "bad_amount"),
        (pack(box(2), part(lot("A"), 0)), "bad_amount"),
        (pack(lot("A"), part(lot("B"))), "bad_amount"),
        (observe(part(lot("A"), -1)), "bad_amount"),
        (observe(part(lot("A"), 0)), "ok"),
        (commission(part(lot("N"), 1_000), part(lot("N"), 1, "KGM")), "unit_mismatch"),
        (commission(part(lot("N"), 1_000, "")), "unit_mismatch"),
        (ship("shop", part(lot("A"), 5_000), part(lot("A"), 5_000)), "not_holder"),
        (ship("shop", part(lot("A"), 4_000), part(lot("A"), 5_000)), "ok"),
        (ship("shop", part(serial(3))), "not_holder"),
        (remove(part(serial(3))), "not_holder"),
        (remove(part(box(1))), "not_empty"),
        (pack(box(1), part(box(1))), "not_holder"),
        (pack(box(2), part(box(2))), "not_commissioned"),
        (pack(box(2), part(box(1))), "ok"),
        (ship("", part(lot("A"), 99_000)), "ok"),
        (ship("shop", part(lot("A")), destination="https://x.example/414/1"), "unknown_location"),
        (make([part(lot("A"))], []), "ok"),
        (make([], [part(lot("N"))]), "ok"),
        (told(hash="x" * 201), "bad_identifier"),
        (told(hash="x y"), "bad_identifier"),
        (told(hash="é"), "bad_identifier"),
        (told(hash="x" * 200), "ok"),
        (told("Gathering"), "bad_argument"),
        (told(doing="add"), "bad_argument"),
    ],
)
def test_odd_events(dairy: Chain, event: dict[str, Any], code: str) -> None:
    assert _code_of(dairy, event) == code


def test_limits_are_at_two_hundred_things_and_250_links(dairy: Chain) -> None:
    numbers = [part(serial(i)) for i in range(100, 301)]
    assert _code_of(dairy, commission(*numbers[:200])) == "ok"
    assert _code_of(dairy, commission(*numbers)) == "too_many_things"
    lots = [part(lot(f"L{i}"), 100_000_000) for i in range(26)]
    snapshot = dairy.bench.snapshot()
    dairy.told("dairy", commission(*lots))
    used = [part(p["id"], 10) for p in lots]
    made = [part(lot(f"N{i}"), 10) for i in range(10)]
    assert _code_of(dairy, make(used[:25], made)) == "ok"
    assert _code_of(dairy, make(used, made)) == "too_many_things"
    dairy.bench.revert(snapshot)


def test_only_its_maker_makes_more_of_a_lot_and_only_the_owner_of_a_product_makes_it() -> None:
    chain = Chain()
    chain.told("dairy", commission(part(lot("A"))), commission(part(lot("A"), 500)))
    assert chain.tell("farm", commission(part(lot("A")))) == "not_authorised_for_item"
    chain.told("dairy", commission(part("urn:example:crate")))
    again = commission(part("urn:example:crate"), location=place("farm"))
    assert chain.tell("farm", again) == "serial_taken"
    nameless = lot("A", "")  # of no product, so nobody owns that
    chain.told("dairy", commission(part(nameless)), commission(part(nameless, 2)))
    assert chain.tell("farm", commission(part(nameless, 3))) == "serial_taken"


# -- packages -------------------------------------------------------------------------------------


def test_a_package_carries_what_is_in_it_to_the_next_holder() -> None:
    chain = Chain()
    chain.told(
        "dairy",
        commission(part(serial(1)), part(serial(2)), part(lot("A"), 9_000)),
        pack(box(1), part(serial(1)), part(serial(2)), part(lot("A"), 4_000)),
        pack(box(2), part(box(1))),
        ship("shop", part(box(2))),
    )
    holders = {n.id: n.holders for n in chain.ask("trace_back", thing=box(2)).nodes}
    assert holders.pop(lot("A")) == ["dairy", "shop"]
    assert set(holders) == {box(2), box(1), serial(1), serial(2)}
    assert all(names == ["shop"] for names in holders.values())
    assert chain.tell("shop", receive(part(serial(1)))) == "not_holder"
    chain.told("shop", receive(part(box(2))), unpack(box(2)), unpack(box(1), part(serial(2))))
    assert chain.tell("shop", remove(part(serial(1)))) == "not_holder"
    chain.told("shop", unpack(box(1)), remove(part(serial(1))), remove(part(box(1))))
    assert chain.tell("shop", remove(part(serial(1)), hash="again")) == "input_consumed"
    assert chain.ask("trace_back", thing=box(1)).edges == []
    chain.check_books()


def test_a_recall_of_a_package_reaches_who_holds_what_was_made_of_its_contents() -> None:
    chain = Chain()
    chain.told(
        "dairy",
        commission(part(lot("A"), 5_000), part(lot("B"), 5_000)),
        pack(box(1), part(lot("A"), 4_000)),
        make([part(lot("A"), 1_000)], [part(lot("C"), 1_000)]),
        ship("farm", part(lot("C"), 1_000)),
        ship("shop", part(box(1))),
    )
    chain.do("authority", "open_recall", recall_id="R", root=box(1), reason="listeria")
    duties = {d.holder: d.things for d in chain.ask("list_duties", recall_id="R")}
    assert duties == {"farm": [lot("C")], "shop": [box(1), lot("A")]}
    graph = chain.ask("trace_forward", thing=box(1))
    assert [(e.source, e.target) for e in graph.edges] == [(lot("A"), box(1)), (lot("A"), lot("C"))]
    assert graph.complete


def test_a_recall_lists_every_holder_that_a_plain_search_finds() -> None:
    chain = Chain()
    chain.told("dairy", commission(*[part(lot(f"L{i}"), 1_000) for i in range(150)]))
    inputs = [part(lot(f"L{i}"), 1_000) for i in range(150)]
    chain.told("dairy", make(inputs, [part(lot("mix"), 150_000)]))
    chain.told("dairy", ship("shop", part(lot("mix"), 1_000)))
    chain.do("dairy", "open_recall", recall_id="R", root=lot("L7"), reason="x")
    assert [d.holder for d in chain.ask("list_duties", recall_id="R")] == ["dairy", "shop"]
    assert len(chain.ask("trace_back", thing=lot("mix")).nodes) == 151


def test_a_trace_that_a_limit_cuts_short_says_so_and_is_no_recall() -> None:
    chain = Chain()
    chain.told("dairy", commission(part(lot("root"), 600_000)))
    for batch in range(3):
        outputs = [part(lot(f"{batch}-{i}"), 1_000) for i in range(199)]
        chain.told("dairy", make([part(lot("root"), 199_000)], outputs))
    graph = chain.ask("trace_forward", thing=lot("root"))
    assert (len(graph.nodes), graph.complete) == (500, False)
    code = chain.attempt("dairy", "open_recall", recall_id="R", root=lot("root"), reason="x")
    assert code == "too_many_things"


# -- other events, corrections, scans, findings ---------------------------------------------------


def test_business_transactions_and_associations_move_nothing(dairy: Chain) -> None:
    things = [part(lot("A"), 1_000)]
    kinds = ("TransactionEvent", "AssociationEvent")
    for kind in kinds:
        for doing in ("ADD", "OBSERVE", "DELETE"):
            snapshot = dairy.bench.snapshot()
            dairy.told("shop", told(kind, doing, parent=box(7), things=things))
            assert box(7) not in dairy.entries("things")
            dairy.check_books()
            dairy.bench.revert(snapshot)
    unknown = [part(lot("nobody"))]
    codes = [_code_of(dairy, told(kind, "ADD", parent=box(7), things=unknown)) for kind in kinds]
    assert codes == ["not_commissioned", "ok"]


def test_an_observed_package_without_parent_is_a_report(dairy: Chain) -> None:
    event = told("AggregationEvent", "OBSERVE", "storing", things=[part(serial(1))])
    assert _code_of(dairy, event, "shop") == "ok"


def test_corrections_form_one_line_without_branches() -> None:
    chain = Chain()
    chain.told("dairy", *[told(hash=name) for name in "abc"])
    chain.told("shop", told(hash="s"))

    def correct(old: str, new: str, who: str = "dairy") -> str:
        return chain.attempt(who, "correct", old=old, new=new, reason="r")

    assert correct("x", "b") == "not_found"
    assert correct("a", "x", "shop") == "not_found"
    assert correct("a", "a", "shop") == "not_event_owner"
    assert correct("a", "s") == "not_event_owner"
    assert correct("a", "a") == "same_event"
    assert correct("a", "b") == "ok"
    assert correct("a", "a") == "same_event"
    assert correct("a", "c") == "already_corrected"
    assert correct("b", "a") == "already_corrected"
    assert correct("b", "c") == "ok"
    assert {e.hash: e.corrected_by for e in chain.ask("list_events")} == {
        "a": "b", "b": "c", "c": None, "s": None
    }  # fmt: skip


def test_a_clone_is_found_by_its_second_scan_and_an_honest_piece_is_not() -> None:
    chain = Chain()
    chain.told("dairy", commission(part(serial(1)), part(lot("A")), location=place("dairy")))
    scan = {"serial": serial(1), "place": "Aldmoor"}
    assert chain.attempt("shop", "record_scan", serial=lot("A"), place="x") == "not_commissioned"
    assert chain.attempt("shop", "record_scan", serial=serial(9), place="x") == "not_commissioned"
    chain.do("shop", "record_scan", **scan)
    chain.do("shop", "record_scan", **scan)
    assert chain.ask("list_findings") == []
    chain.do("shop", "record_scan", **scan | {"place": "Brackwater"})
    assert [(f.rule, f.thing) for f in chain.ask("list_findings")] == [
        ("clone_suspected", serial(1))
    ]


def test_a_piece_at_two_places_within_twenty_minutes_is_found() -> None:
    chain = Chain()
    chain.told("dairy", commission(part(serial(1)), part(lot("A"), 2_000)))
    chain.bench.pass_time(days=1)
    for minutes, where in ((0, "dairy"), (20, "shop"), (39, "dairy")):
        when = START_MS + minutes * 60_000
        both = [part(serial(1)), part(lot("A"))]
        chain.told("shop", observe(*both, location=place(where), time_ms=when))
        rules = [(f.rule, f.thing) for f in chain.ask("list_findings")]
        assert rules == ([("impossible_travel", serial(1))] if minutes == 39 else [])


def test_what_is_under_way_is_listed_until_it_is_received() -> None:
    chain = Chain()
    chain.told("dairy", commission(part(lot("A"), 3_000)))
    chain.bench.pass_time(hours=2)
    chain.told("dairy", ship("shop", part(lot("A"), 1_000), time_ms=START_MS + HOUR_MS))
    chain.told("dairy", ship("shop", part(lot("A"), 1_000), time_ms=START_MS + 2 * HOUR_MS))
    sentence = [f"{lot('A')} to shop"]
    assert chain.ask("unreceived", before_ms=START_MS + HOUR_MS) == []
    assert chain.ask("unreceived", before_ms=START_MS + HOUR_MS + 1) == sentence
    chain.told("shop", receive(part(lot("A"), 1_500)))
    assert chain.tell("shop", receive(part(lot("A"), 501))) == "not_holder"
    chain.told("shop", receive(part(lot("A"), 500)))
    assert chain.ask("unreceived", before_ms=START_MS + 9 * HOUR_MS) == []
    chain.check_books()


# -- recalls --------------------------------------------------------------------------------------


def test_a_recall_goes_its_way_and_no_other() -> None:
    chain = Chain()
    chain.told("dairy", commission(part(lot("A"), 2_000)), ship("shop", part(lot("A"), 1_000)))
    recall = {"recall_id": "R"}

    def opened(who: str, root: str = lot("A")) -> str:
        return chain.attempt(who, "open_recall", recall_id="R", root=root, reason="r")

    def answered(who: str, action: str) -> str:
        return chain.attempt(who, action, **recall)

    assert opened("shop") == "not_authorised"
    assert opened("farm", lot("none")) == "not_found"
    assert opened("farm") == "not_authorised_for_item"
    assert answered("shop", "acknowledge") == answered("dairy", "close_recall") == "not_found"
    assert opened("dairy") == "ok"
    assert opened("farm") == "not_authorised_for_item"
    assert opened("authority") == "already_exists"
    assert answered("stranger", "confirm_quarantine") == "not_a_holder"
    assert answered("authority", "close_recall") == "wrong_organisation"
    assert answered("dairy", "close_recall") == "holders_open"
    assert answered("shop", "acknowledge") == "ok"
    assert answered("shop", "acknowledge") == "wrong_state"
    for who in ("shop", "dairy"):
        assert answered(who, "confirm_quarantine") == "ok"
        assert answered(who, "confirm_quarantine") == "wrong_state"
        assert answered(who, "acknowledge") == "wrong_state"
    assert answered("authority", "close_recall") == "wrong_organisation"
    assert answered("dairy", "close_recall") == "ok"
    assert answered("dairy", "close_recall") == "wrong_state"
    assert [r.closed for r in chain.ask("list_recalls")] == [True]


def test_registering_takes_a_right_check_digit_and_a_free_key() -> None:
    chain = Chain()
    item = {"name": "n", "unit": "KGM", "gain_max_ppm": 0}
    for bad in ("", MILK[:-1], "\u0660" * 14, MILK[:-1] + str((int(MILK[-1]) + 1) % 10)):
        assert chain.attempt("dairy", "register_item", gtin=bad, **item) == "bad_check_digit"
        spot = {"gln": bad[:13], "name": "n", "kind": "k"}
        assert chain.attempt("dairy", "register_location", **spot) == "bad_check_digit"
    assert chain.attempt("dairy", "register_item", gtin=MILK, **item) == "already_exists"
    again = {"gln": place("shop")[-13:], "name": "n", "kind": "k"}
    assert chain.attempt("dairy", "register_location", **again) == "already_exists"


# -- the books always add up ----------------------------------------------------------------------

_things = st.one_of(
    st.sampled_from([lot("A"), lot("B"), lot("R", RAW)]),
    st.sampled_from([serial(1), serial(2), box(1), box(2), box(3)]),
)
_parts = st.builds(
    lambda thing, amount: part(thing, amount if "/10/" in thing else 1_000),
    _things,
    st.sampled_from([1_000, 1_000, 500, 1, 2_000, 0]),
)
_some = st.lists(_parts, min_size=1, max_size=3)
_parent = st.sampled_from([box(1), box(2), box(3)])
_targets = st.sampled_from(["farm", "dairy", "shop"])
_events = st.one_of(
    _some.map(lambda ps: commission(*ps)),
    _some.map(lambda ps: remove(*ps)),
    st.tuples(_targets, _some).map(lambda x: ship(x[0], *x[1])),
    _some.map(lambda ps: receive(*ps)),
    _some.map(lambda ps: observe(*ps)),
    st.tuples(_parent, _some).map(lambda x: pack(x[0], *x[1])),
    st.tuples(_parent, st.lists(_parts, max_size=2)).map(lambda x: unpack(x[0], *x[1])),
    st.tuples(_some, _some).map(lambda x: make(*x)),
)
_tellers = st.sampled_from(["dairy", "dairy", "farm", "shop"])


@settings(max_examples=200)
@given(st.lists(st.tuples(_tellers, _events), min_size=5, max_size=40))
def test_whatever_is_told_nothing_appears_or_vanishes(
    story: list[tuple[str, dict[str, Any]]],
) -> None:
    chain = Chain()
    allowed = {"ok", *chain.bench.loaded.entries["capture"].rejects}
    for number, (who, event) in enumerate(story):
        assert chain.tell(who, event | {"hash": f"e{number}"}) in allowed
    chain.check_books()
    for name in chain.entries("things"):
        assert chain.ask("trace_forward", thing=name).complete
        assert chain.ask("trace_back", thing=name).complete


def test_the_hash_that_is_voted_on_covers_the_patterns() -> None:
    assert any("def is_balanced" in text for text in package_files(Trace).values())
