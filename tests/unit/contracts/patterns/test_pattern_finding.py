# SPDX-License-Identifier: Apache-2.0
"""Finding: it touches its own case alone; people judge; a freeze stands under a live order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.patterns.pattern_bench import (
    Case as Line,
)
from tests.unit.contracts.patterns.pattern_bench import (
    attempt,
    check_case,
    digest,
    rows,
    unlisted,
)

from hanse.contracts import MemberId, OrganisationId, TimeMs, Written, replace
from hanse.contracts.patterns.finding import (
    MOVES,
    Case,
    Filing,
    Frozen,
    Model,
    Order,
    are_kept,
    is_live,
    is_move,
    touches_its_case_only,
)
from hanse.testing.bench import START_MS, Actor, Bench
from hanse.testing.patterns.finding import Desk

D = Desk
DAY = 86_400_000
DAIRY, OFFICE, COURT = (OrganisationId(n) for n in ("dairy", "office", "court"))
END = TimeMs(START_MS + 30 * DAY)


def model(**changes: Any) -> Model:
    parts: dict[str, Any] = {
        "kind": "model",
        "digest": digest("code"),
        "data_digest": digest("data"),
        "threshold": 700,
        "owner": OFFICE,
        **changes,
    }
    return Model(**parts)


def filing(name: str, **changes: Any) -> Filing:
    parts: dict[str, Any] = {
        "id": name,
        "by": "ring",
        "version": 1,
        "about": DAIRY,
        "thing": f"lot-{name}",
        "inputs": [digest("invoice")],
        "score": 900,
        "explanation": "goods went in a circle",
        "desk": OFFICE,
        "appeal_body": COURT,
        "days": 5,
        **changes,
    }
    return Filing(**parts)


def order(name: str, finding: str = "CONF", **changes: Any) -> Order:
    parts: dict[str, Any] = {
        "id": name,
        "finding": finding,
        "authority": OFFICE,
        "basis": "Food Act, article 5",
        "scope": ["lot-CONF"],
        "powers": ["freeze"],
        "expires_ms": END,
        **changes,
    }
    return Order(**parts)


def world() -> tuple[Bench[Desk], dict[str, Actor]]:
    """Return an office with cases in each state, and orders: LIVE, HALF signed, OVER, DEAD.

    ``robot`` signs for the model; ``twin`` is a second key of the office.
    """
    bench = Bench(Desk)
    roles = ("analyst", "officer")
    who = {
        name: bench.actor(name, *roles) for name in ("office", "dairy", "court", "thief", "police")
    }
    who["robot"] = bench.actor("office", *roles, name="robot")
    who["twin"] = bench.actor("office", *roles, name="twin")
    office, robot = who["office"], who["robot"]
    office(D.register_model, "ring", 1, model())
    for name in ("OPEN", "TAKEN", "CONF", "DISM", "APP", "UP", "CLOSED"):
        robot(D.propose, filing(name))
        if name != "OPEN":
            office(D.take_up, name)
    for name in ("DISM", "CLOSED"):
        office(D.dismiss, name, "a mistake")
    office(D.close, "CLOSED", "filed")
    for name in ("CONF", "APP", "UP"):
        office(D.confirm, name, "it is so")
    for name, changes in (
        ("LIVE", {}),
        ("HALF", {}),
        ("OVER", {"expires_ms": TimeMs(START_MS + 1)}),
    ):
        office(D.request_order, order(name, **changes))
        if name != "HALF":
            who["court"](D.sign_order, name)
    office(D.request_order, order("DEAD", expires_ms=TimeMs(START_MS + 1)))
    office(D.request_order, order("ONAPP", "APP", scope=["lot-APP"]))
    who["court"](D.sign_order, "ONAPP")
    for name in ("APP", "UP"):
        who["dairy"](D.appeal, name, "it is not so")
    who["court"](D.decide, "UP", True, "it is so")
    office(D.freeze, "LIVE", "lot-CONF")
    bench.pass_time(ms=1)
    return bench, who


def judging(name: str, state: str, wrong: str, more: dict[str, Any]) -> list[Line]:
    """Return the lines that every step of a desk shares."""
    method = getattr(D, name)
    after = "reason_missing" if "reason_missing" in Bench(D).entry_of(method).rejects else ""
    return [
        ("not_found", "wrong_organisation", "thief", method, {"finding": "no", **more}),
        (
            "wrong_organisation",
            "wrong_state",
            "dairy" if name != "appeal" else "office",
            method,
            {"finding": wrong, **more},
        ),
        ("wrong_state", after, state, method, {"finding": wrong, **more}),
    ]


NO = {"reason": ""}
CASES: list[Line] = [
    (
        "wrong_organisation",
        "wrong_state",
        "thief",
        D.register_model,
        {"name": "ring", "version": 2, "model": model(digest="x")},
    ),
    (
        "wrong_state",
        "bad_model",
        "office",
        D.register_model,
        {"name": "ring", "version": 1, "model": model(digest="x")},
    ),
    (
        "wrong_state",
        "bad_model",
        "office",
        D.register_model,
        {"name": "new", "version": 2, "model": model(digest="x")},
    ),
    (
        "bad_model",
        "",
        "office",
        D.register_model,
        {"name": "ring", "version": 2, "model": model(data_digest="")},
    ),
    (
        "wrong_organisation",
        "inputs_missing",
        "dairy",
        D.propose,
        {"told": filing("N", desk=DAIRY, inputs=[])},
    ),
    (
        "wrong_organisation",
        "inputs_missing",
        "robot",
        D.propose,
        {"told": filing("N", appeal_body=OFFICE, inputs=[])},
    ),
    (
        "inputs_missing",
        "model_not_registered",
        "robot",
        D.propose,
        {"told": filing("OPEN", inputs=[], version=2)},
    ),
    ("inputs_missing", "", "robot", D.propose, {"told": filing("N", explanation="")}),
    ("inputs_missing", "", "robot", D.propose, {"told": filing("N", inputs=["a text"])}),
    (
        "model_not_registered",
        "already_exists",
        "robot",
        D.propose,
        {"told": filing("OPEN", version=2)},
    ),
    ("already_exists", "bad_calendar", "robot", D.propose, {"told": filing("OPEN", days=0)}),
    ("bad_calendar", "", "robot", D.propose, {"told": filing("N", days=0)}),
    *judging("take_up", "office", "TAKEN", {}),
    *judging("ask", "office", "CLOSED", {"digest": ""}),
    ("reason_missing", "", "office", D.ask, {"finding": "TAKEN", "digest": ""}),
    ("not_found", "wrong_organisation", "thief", D.reply, {"finding": "no", "digest": ""}),
    ("wrong_organisation", "wrong_state", "office", D.reply, {"finding": "CLOSED", "digest": ""}),
    ("wrong_state", "reason_missing", "dairy", D.reply, {"finding": "CLOSED", "digest": ""}),
    ("reason_missing", "", "dairy", D.reply, {"finding": "OPEN", "digest": ""}),
    *judging("dismiss", "office", "CONF", NO),
    ("reason_missing", "same_signer", "robot", D.dismiss, {"finding": "TAKEN", **NO}),
    ("same_signer", "", "robot", D.dismiss, {"finding": "TAKEN", "reason": "r"}),
    *judging("confirm", "office", "DISM", NO),
    ("reason_missing", "same_signer", "robot", D.confirm, {"finding": "TAKEN", **NO}),
    ("same_signer", "", "robot", D.confirm, {"finding": "TAKEN", "reason": "r"}),
    *judging("appeal", "dairy", "UP", NO),
    ("reason_missing", "", "dairy", D.appeal, {"finding": "CONF", **NO}),
    *judging("decide", "court", "UP", {"upheld": True, **NO}),
    ("reason_missing", "", "court", D.decide, {"finding": "APP", "upheld": True, **NO}),
    *judging("close", "office", "TAKEN", NO),
    ("too_early", "reason_missing", "office", D.close, {"finding": "CONF", **NO}),
    ("reason_missing", "appeal_open", "office", D.close, {"finding": "APP", **NO}),
    ("appeal_open", "", "office", D.close, {"finding": "APP", "reason": "r"}),
    ("not_found", "wrong_organisation", "thief", D.request_order, {"order": order("LIVE", "no")}),
    (
        "wrong_organisation",
        "wrong_state",
        "thief",
        D.request_order,
        {"order": order("LIVE", "TAKEN")},
    ),
    (
        "wrong_state",
        "too_late",
        "office",
        D.request_order,
        {"order": order("LIVE", "TAKEN", expires_ms=TimeMs(0))},
    ),
    (
        "too_late",
        "reason_missing",
        "office",
        D.request_order,
        {"order": order("LIVE", basis="", expires_ms=TimeMs(0))},
    ),
    (
        "reason_missing",
        "already_exists",
        "office",
        D.request_order,
        {"order": order("LIVE", basis="")},
    ),
    ("reason_missing", "", "office", D.request_order, {"order": order("N", powers=["erase"])}),
    ("reason_missing", "", "office", D.request_order, {"order": order("N", scope=[])}),
    ("already_exists", "", "office", D.request_order, {"order": order("LIVE")}),
    ("not_found", "same_signer", "office", D.sign_order, {"order": "no"}),
    ("wrong_state", "too_late", "office", D.sign_order, {"order": "OVER"}),
    ("too_late", "same_signer", "office", D.sign_order, {"order": "DEAD"}),
    ("same_signer", "", "office", D.sign_order, {"order": "HALF"}),
    ("same_signer", "", "dairy", D.sign_order, {"order": "HALF"}),
    ("not_found", "wrong_organisation", "thief", D.freeze, {"order": "no", "thing": "lot-CONF"}),
    (
        "wrong_organisation",
        "order_not_live",
        "thief",
        D.freeze,
        {"order": "HALF", "thing": "lot-CONF"},
    ),
    ("order_not_live", "", "office", D.freeze, {"order": "HALF", "thing": "lot-CONF"}),
    ("order_not_live", "appeal_open", "office", D.freeze, {"order": "ONAPP", "thing": "lot-CONF"}),
    ("appeal_open", "", "office", D.freeze, {"order": "ONAPP", "thing": "lot-APP"}),
    ("not_found", "wrong_organisation", "thief", D.release, {"thing": "no"}),
    ("wrong_organisation", "", "dairy", D.release, {"thing": "lot-CONF"}),
]


@pytest.mark.parametrize("case", CASES)
def test_what_the_desk_refuses(case: Line) -> None:
    check_case(*world(), case)


def test_an_appeal_comes_in_time() -> None:
    bench, who = world()
    bench.pass_time(days=20)
    late: Line = ("too_late", "reason_missing", "dairy", D.appeal, {"finding": "CONF", **NO})
    check_case(bench, who, late)
    gone = {"finding": "DISM", **NO}
    check_case(bench, who, ("wrong_state", "too_late", "dairy", D.appeal, gone))
    assert unlisted(bench, [*CASES, late]) == []
    assert attempt(who["office"], D.close, finding="CONF", reason="done") == "ok"


STEPS = st.tuples(
    st.sampled_from(
        [
            *("take_up", "ask", "reply", "dismiss", "confirm", "appeal", "decide", "close"),
            *("request_order", "sign_order", "freeze", "release"),
        ]
    ),
    st.sampled_from(["office", "robot", "dairy", "court", "thief"]),
    st.sampled_from(["OPEN", "TAKEN", "CONF", "APP"]),
    st.sampled_from(["", "because"]),
    st.integers(0, 6),
)


@given(st.lists(STEPS, max_size=25))
def test_a_finding_changes_its_case_alone_and_freezes_have_live_orders(
    steps: list[tuple[str, str, str, str, int]],
) -> None:
    bench, who = world()
    for name, actor, which, reason, days in steps:
        bench.pass_time(days=days)
        before = {part: rows(bench, part) for part in ("findings", "cases", "notes", "frozen")}
        made = order(f"O-{which}", which, scope=[f"lot-{which}"])
        args: dict[str, Any] = {
            "take_up": {},
            "ask": {"digest": digest("q")},
            "reply": {"digest": digest("a")},
            "decide": {"upheld": days % 2 == 0, "reason": reason},
            "request_order": {"order": made},
            "sign_order": {"order": made.id},
            "freeze": {"order": made.id, "thing": f"lot-{which}"},
            "release": {"thing": f"lot-{which}"},
        }.get(name, {"reason": reason})
        if "order" not in args and "thing" not in args:
            args["finding"] = which
        code = attempt(who[actor], getattr(D, name), **args)
        assert rows(bench, "findings") == before["findings"]
        cases = rows(bench, "cases")
        changed = {key for key, case in before["cases"].items() if cases[key] != case}
        assert changed <= {which}
        for key, old in before["cases"].items():
            assert cases[key].state == old.state or (old.state, cases[key].state) in MOVES
            assert cases[key].reason or cases[key].state in ("open", "taken")
        assert before["notes"].items() <= rows(bench, "notes").items()
        frozen = rows(bench, "frozen")
        for thing in set(frozen) - set(before["frozen"]):
            live = rows(bench, "orders")[frozen[thing].order]
            assert thing in live.scope
            assert bench.now < live.expires_ms
            assert {live.first.split("@")[1], live.second.split("@")[1]} == {
                "office",
                live.second_of,
            }
            assert live.second_of not in ("office", "dairy")
        if name == "confirm" and code == "ok":
            assert f"{actor}@" not in before["findings"][which].reporter


def test_the_supervised_can_always_reply_and_cannot_suppress_a_finding() -> None:
    bench, who = world()
    for name in ("OPEN", "TAKEN", "CONF", "DISM", "APP", "UP"):
        assert attempt(who["dairy"], D.reply, finding=name, digest=digest("a")) == "ok"
        for method in (D.dismiss, D.close):
            assert attempt(who["dairy"], method, finding=name, reason="no") == "wrong_organisation"
    assert attempt(who["dairy"], D.take_up, finding="OPEN") == "wrong_organisation"
    own = filing("N", desk=DAIRY)
    assert attempt(who["dairy"], D.propose, told=own) == "wrong_organisation"
    bench.pass_time(days=30)
    assert who["thief"](D.overdue, TimeMs(bench.now)) == ["OPEN", "TAKEN"]


def test_one_person_with_two_keys_of_one_organisation_signs_once() -> None:
    _, who = world()
    for name in ("office", "twin", "robot"):
        assert attempt(who[name], D.sign_order, order="HALF") == "same_signer"
    assert attempt(who["police"], D.sign_order, order="HALF") == "ok"


def test_an_order_used_beyond_its_scope_or_after_its_expiry_freezes_nothing() -> None:
    bench, who = world()
    assert attempt(who["office"], D.freeze, order="LIVE", thing="lot-OPEN") == "order_not_live"
    who["office"](D.request_order, order("LOOK", powers=["see"]))
    who["court"](D.sign_order, "LOOK")
    assert attempt(who["office"], D.freeze, order="LOOK", thing="lot-CONF") == "order_not_live"
    assert who["thief"](D.is_frozen, "lot-CONF")
    bench.pass_time(days=30)
    assert attempt(who["office"], D.freeze, order="LIVE", thing="lot-CONF") == "order_not_live"
    assert not who["thief"](D.is_frozen, "lot-CONF")


def test_a_model_signing_its_own_confirmation_is_refused() -> None:
    _, who = world()
    assert attempt(who["robot"], D.confirm, finding="TAKEN", reason="sure") == "same_signer"
    assert attempt(who["twin"], D.confirm, finding="TAKEN", reason="checked") == "ok"


def test_a_threshold_changed_in_silence_is_another_version() -> None:
    bench, who = world()
    low = model(threshold=1)
    args: dict[str, Any] = {"name": "ring", "version": 1, "model": low}
    assert attempt(who["office"], D.register_model, **args) == "wrong_state"
    assert attempt(who["office"], D.register_model, **{**args, "version": 2}) == "ok"
    who["robot"](D.propose, filing("OLD"))
    who["robot"](D.propose, filing("NEW", version=2))
    found = rows(bench, "findings")
    assert (found["OLD"].threshold, found["NEW"].threshold) == (700, 1)


def test_a_release_ends_a_freeze() -> None:
    _, who = world()
    who["office"](D.release, "lot-CONF")
    assert not who["thief"](D.is_frozen, "lot-CONF")


CASE = Case(desk=OFFICE, appeal_body=COURT, due_ms=TimeMs(1), state="taken")
LIVE = replace(order("L"), first="a@office", second="b@court", second_of="court")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CASE, None),
        (None, CASE),
        (CASE, replace(CASE, state="closed", reason="r")),
        (CASE, replace(CASE, state="confirmed")),
        (CASE, replace(CASE, state="confirmed", reason="r", desk=DAIRY)),
        (CASE, replace(CASE, notes=-1)),
        (CASE, replace(CASE, due_ms=TimeMs(2))),
        (replace(CASE, state="closed", reason="r"), CASE),
    ],
)
def test_the_invariant_sees_a_case_that_jumps(before: Any, after: Any) -> None:
    assert not is_move(before, after)
    assert is_move(CASE, replace(CASE, state="confirmed", reason="r"))


@pytest.mark.parametrize(
    "changes",
    [
        {"second": ""},
        {"second_of": "office"},
        {"scope": ["other"]},
        {"powers": ["see"]},
        {"expires_ms": TimeMs(START_MS)},
    ],
)
def test_the_invariant_sees_a_freeze_without_a_live_order(changes: dict[str, Any]) -> None:
    assert is_live(LIVE, TimeMs(START_MS), "lot-CONF")
    assert not is_live(replace(LIVE, **changes), TimeMs(START_MS), "lot-CONF")
    bench, who = world()
    held = Frozen(order="L", until_ms=END, by=MemberId("a@office"))
    books: Any = ({}, {}, {}, {}, {"L": replace(LIVE, **changes)}, {})
    now: Any = bench
    written = [Written("lot-CONF", None, held)]
    assert not touches_its_case_only(books, now, [], [], written)
    books[4]["L"] = LIVE
    assert touches_its_case_only(books, now, [], [], written)
    assert not touches_its_case_only(
        books, now, [], [], [Written("lot-CONF", None, replace(held, order="no"))]
    )
    kept: Any = Written(("ring", 1), model(), model())
    assert not are_kept([kept], [])
    assert not are_kept([], [kept])
    assert who
