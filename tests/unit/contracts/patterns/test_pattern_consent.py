# SPDX-License-Identifier: Apache-2.0
"""Consent: every access under a live grant or under review; nothing is ever widened."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.patterns.pattern_bench import (
    Case,
    attempt,
    check_case,
    digest,
    rows,
    unlisted,
)

from hanse.contracts import MemberId, OrganisationId, TimeMs, Written, replace
from hanse.contracts.patterns.consent import (
    Access,
    Grant,
    Terms,
    is_grant_kept,
    is_never_wider,
)
from hanse.testing.bench import START_MS, Actor, Bench
from hanse.testing.patterns.consent import Consents

PATIENT = MemberId("p7@people")
CLINIC, LAB, FIRM, CITY = (OrganisationId(n) for n in ("clinic", "lab", "firm", "city"))
DAY = 86_400_000
C = Consents
TWO = ["blood", "x-ray"]


def terms(**changes: Any) -> Terms:
    parts: dict[str, Any] = {
        "fields": TWO,
        "purposes": ["treatment", "billing"],
        "from_ms": TimeMs(START_MS),
        "until_ms": TimeMs(START_MS + 10 * DAY),
        "uses_left": 5,
        **changes,
    }
    return Terms(**parts)


def grant(name: str = "G", to: OrganisationId = CLINIC, **changes: Any) -> Grant:
    parts: dict[str, Any] = {
        "id": name,
        "subject": PATIENT,
        "holder": CITY,
        "recipient": to,
        "terms": terms(),
        "policy_digest": digest("policy"),
        "depth_left": 2,
        **changes,
    }
    return Grant(**parts)


LESS = terms(fields=["blood"], uses_left=2)


def world() -> tuple[Bench[Consents], dict[str, Actor]]:
    """Return a patient with grants: G delegated to a lab as L; W withdrawn; S spent; O over."""
    bench = Bench(Consents)
    roles = ("doctor", "emergency", "reviewer")
    who = {name: bench.actor(name, *roles) for name in ("clinic", "lab", "firm", "city")}
    who["patient"] = bench.actor("people", name="p7")
    who["relative"] = bench.actor("people", name="q1")
    who["patient"](C.give, grant("O", terms=terms(until_ms=TimeMs(START_MS))))
    bench.pass_time(hours=1)
    later = terms(from_ms=TimeMs(START_MS + DAY))
    for one in (grant(), grant("W"), grant("S", terms=terms(uses_left=0)), grant("F", terms=later)):
        who["patient"](C.give, one)
    who["clinic"](C.delegate, "W", grant("WL", LAB, terms=LESS))
    who["patient"](C.withdraw, "W")
    who["clinic"](C.delegate, "G", grant("L", LAB, terms=LESS))
    who["patient"](C.give, grant("N", depth_left=0))
    for one in (grant("SW", terms=terms(uses_left=0)), grant("NW", depth_left=0)):
        who["patient"](C.give, one)
        who["patient"](C.withdraw, one.id)
    return bench, who


BAD, WIDE = terms(fields=[]), terms(fields=[*TWO, "genome"])
REST = {"purpose": "treatment", "fields": ["blood"]}
ODD = {"purpose": "research", "fields": ["genome"]}
NAMELESS = grant("", FIRM)
CASES: list[Case] = [
    ("bad_terms", "not_subject", "clinic", C.give, {"grant": grant(terms=BAD)}),
    ("bad_terms", "not_subject", "clinic", C.give, {"grant": grant(policy_digest="p")}),
    ("bad_terms", "", "patient", C.give, {"grant": grant(depth_left=4)}),
    ("bad_terms", "", "patient", C.give, {"grant": grant(terms=terms(uses_left=-1))}),
    ("bad_terms", "", "patient", C.give, {"grant": grant(terms=terms(until_ms=TimeMs(0)))}),
    ("not_subject", "already_exists", "relative", C.give, {"grant": grant()}),
    ("already_exists", "", "patient", C.give, {"grant": grant()}),
    ("not_found", "bad_terms", "patient", C.narrow, {"grant": "no", "terms": BAD}),
    ("bad_terms", "not_subject", "clinic", C.narrow, {"grant": "G", "terms": BAD}),
    ("not_subject", "widened", "clinic", C.narrow, {"grant": "G", "terms": WIDE}),
    ("widened", "withdrawn", "patient", C.narrow, {"grant": "W", "terms": WIDE}),
    ("withdrawn", "", "patient", C.narrow, {"grant": "W", "terms": LESS}),
    ("not_found", "not_subject", "clinic", C.withdraw, {"grant": "no"}),
    ("not_subject", "withdrawn", "clinic", C.withdraw, {"grant": "W"}),
    ("withdrawn", "", "patient", C.withdraw, {"grant": "W"}),
    ("not_found", "bad_terms", "firm", C.delegate, {"grant": "no", "new": NAMELESS}),
    ("too_late", "bad_terms", "firm", C.delegate, {"grant": "O", "new": NAMELESS}),
    ("bad_terms", "wrong_recipient", "firm", C.delegate, {"grant": "G", "new": NAMELESS}),
    (
        "wrong_recipient",
        "widened",
        "firm",
        C.delegate,
        {"grant": "G", "new": grant("X", FIRM, terms=WIDE)},
    ),
    (
        "widened",
        "not_delegable",
        "clinic",
        C.delegate,
        {"grant": "N", "new": grant("X", FIRM, terms=WIDE)},
    ),
    (
        "not_delegable",
        "already_exists",
        "clinic",
        C.delegate,
        {"grant": "N", "new": grant("G", FIRM)},
    ),
    ("withdrawn", "already_exists", "clinic", C.delegate, {"grant": "W", "new": grant("G", FIRM)}),
    ("already_exists", "", "clinic", C.delegate, {"grant": "G", "new": grant("L", FIRM)}),
    ("too_early", "wrong_recipient", "firm", C.access, {"grant": "F", **ODD}),
    ("too_late", "wrong_recipient", "firm", C.access, {"grant": "O", **ODD}),
    ("no_grant", "wrong_recipient", "firm", C.access, {"grant": "no", **ODD}),
    ("wrong_recipient", "wrong_purpose", "firm", C.access, {"grant": "G", **ODD}),
    ("wrong_purpose", "fields_exceeded", "clinic", C.access, {"grant": "G", **ODD}),
    (
        "fields_exceeded",
        "uses_spent",
        "clinic",
        C.access,
        {"grant": "S", **REST, "fields": ["genome"]},
    ),
    ("fields_exceeded", "", "clinic", C.access, {"grant": "G", **REST, "fields": []}),
    (
        "fields_exceeded",
        "",
        "clinic",
        C.access,
        {"grant": "G", **REST, "fields": ["blood", "blood"]},
    ),
    ("uses_spent", "", "clinic", C.access, {"grant": "S", **REST}),
    ("uses_spent", "withdrawn", "clinic", C.access, {"grant": "SW", **REST}),
    ("not_delegable", "withdrawn", "clinic", C.delegate, {"grant": "NW", "new": grant("X", FIRM)}),
    ("withdrawn", "", "clinic", C.access, {"grant": "W", **REST}),
    ("withdrawn", "", "lab", C.access, {"grant": "WL", **REST}),
    ("not_found", "", "city", C.review, {"access": "no", "outcome": "justified"}),
]


@pytest.mark.parametrize("case", CASES)
def test_what_consent_refuses(case: Case) -> None:
    check_case(*world(), case)


def test_breaking_glass_is_never_refused_and_is_reviewed_by_another() -> None:
    bench, who = world()
    who["clinic"](C.break_glass, PATIENT, "unconscious")
    ((access, _),) = rows(bench, "reviews").items()
    own: Case = (
        *("wrong_organisation", "wrong_state", "clinic", C.review),
        {"access": access, "outcome": "justified"},
    )
    assert who["city"](C.overdue) == []
    bench.pass_time(days=11)
    assert who["city"](C.overdue) == [access]
    check_case(bench, who, own)
    who["city"](C.review, access, "not_justified")
    check_case(bench, who, own)
    again: Case = ("wrong_state", "", "city", C.review, own[4])
    check_case(bench, who, again)
    assert who["city"](C.overdue) == []
    assert unlisted(bench, [*CASES, own, again]) == []
    with_no_role = bench.actor("clinic", "doctor").attempt("break_glass", {})
    assert with_no_role.code == "not_authorised"


NAMES = st.sampled_from(["G", "L", "N", "W", "K"])
SOME = st.lists(st.sampled_from([*TWO, "genome"]), min_size=1, max_size=2, unique=True)
STEPS = st.tuples(
    st.sampled_from(["give", "narrow", "withdraw", "delegate", "access", "access", "access"]),
    st.sampled_from(["patient", "clinic", "lab", "firm"]),
    NAMES,
    SOME,
    st.integers(0, 3),
    st.integers(0, 40),
)


@given(st.lists(STEPS, max_size=25))
def test_each_access_stands_under_a_grant_that_permits_it_then(
    steps: list[tuple[Any, ...]],
) -> None:
    bench, who = world()
    for name, actor, which, fields, uses, hours in steps:
        bench.pass_time(hours=hours)
        said = terms(fields=fields, uses_left=uses)
        before, looked = rows(bench, "grants"), rows(bench, "accesses")
        args: dict[str, Any] = {
            "give": {"grant": grant(which, FIRM, terms=said)},
            "narrow": {"grant": which, "terms": said},
            "withdraw": {"grant": which},
            "delegate": {"grant": which, "new": grant("K", FIRM, terms=said)},
            "access": {"grant": which, "purpose": "treatment", "fields": fields},
        }[name]
        code = attempt(who[actor], getattr(C, name), **args)
        after, seen = rows(bench, "grants"), rows(bench, "accesses")
        assert len(seen) - len(looked) == (name == "access" and code == "ok")
        for key, old in before.items():
            new = after[key]
            assert set(new.terms.fields) <= set(old.terms.fields)
            assert new.terms.uses_left <= old.terms.uses_left
            assert new.terms.until_ms <= old.terms.until_ms
            assert new.withdrawn or not old.withdrawn
        if name == "access" and code == "ok":
            at: str = which
            while at:  # the grant and all above it, as they were
                assert set(fields) <= set(before[at].terms.fields)
                assert before[at].terms.from_ms <= bench.now <= before[at].terms.until_ms
                assert not before[at].withdrawn
                assert before[at].terms.uses_left == after[at].terms.uses_left + 1
                at = before[at].parent


def test_consent_widened_after_the_fact_is_refused() -> None:
    bench, who = world()
    who["patient"](C.narrow, "G", LESS)
    for wide in (
        terms(uses_left=2),
        terms(fields=["blood"]),
        replace(LESS, until_ms=TimeMs(START_MS + 11 * DAY)),
        replace(LESS, from_ms=TimeMs(START_MS - 1)),
        replace(LESS, purposes=["treatment", "billing", "research"]),
    ):
        assert attempt(who["patient"], C.narrow, grant="G", terms=wide) == "widened"
    assert rows(bench, "grants")["G"].terms == LESS


G = grant()
LOOK = Access(
    grant="G", who=PATIENT, purpose="treatment", fields=["blood"], height=1, at_ms=TimeMs(1)
)


@pytest.mark.parametrize(
    "after",
    [
        replace(G, terms=WIDE),
        replace(G, recipient=FIRM),
        replace(G, subject=MemberId("q1@people")),
        replace(G, depth_left=3),
        replace(G, parent="X"),
        replace(G, policy_digest=digest("other")),
    ],
)
def test_the_invariant_sees_a_grant_that_grew(after: Grant) -> None:
    assert not is_grant_kept(G, after)
    assert not is_grant_kept(None, replace(G, withdrawn=True))
    assert not is_grant_kept(replace(G, withdrawn=True), G)
    assert is_grant_kept(G, replace(G, terms=LESS, withdrawn=True))


@pytest.mark.parametrize(
    "access",
    [
        LOOK,
        replace(LOOK, grant="no"),
        replace(LOOK, grant="G", purpose="research"),
        replace(LOOK, grant="G", fields=["genome"]),
        replace(LOOK, grant="G", at_ms=TimeMs(START_MS + 11 * DAY)),
        replace(LOOK, grant="W"),
    ],
)
def test_the_invariant_sees_an_access_that_no_grant_permits(access: Access) -> None:
    held = {"G": G, "W": replace(grant("W"), withdrawn=True)}
    good = access is LOOK
    # no context is needed
    assert is_never_wider(held, [], [Written("t", None, access)]) is good  # type: ignore[arg-type]
    # no context is needed
    assert not is_never_wider(held, [], [Written("t", access, access)])  # type: ignore[arg-type]


def test_withdrawal_and_access_in_one_block_go_by_their_order() -> None:
    for first, second, codes in (
        ("withdraw", "access", ["ok", "withdrawn"]),
        ("access", "withdraw", ["ok", "ok"]),
    ):
        _, who = world()
        calls: dict[str, Any] = {
            "withdraw": lambda who=who: attempt(who["patient"], C.withdraw, grant="G"),
            "access": lambda who=who: attempt(who["clinic"], C.access, grant="G", **REST),
        }
        assert [calls[first](), calls[second]()] == codes


def test_laundering_a_purpose_by_delegation_is_refused() -> None:
    _, who = world()
    research = terms(purposes=["research"])
    new = grant("X", FIRM, terms=research)
    assert attempt(who["clinic"], C.delegate, grant="G", new=new) == "widened"
    assert attempt(who["lab"], C.access, grant="L", purpose="research", fields=["blood"]) == (
        "wrong_purpose"
    )
    # what the subject narrows afterwards binds the delegate as well
    who["patient"](C.narrow, "G", terms(purposes=["billing"]))
    assert attempt(who["lab"], C.access, grant="L", **REST) == "wrong_purpose"


def test_fishing_by_many_narrow_requests_ends_with_the_uses() -> None:
    bench, who = world()
    codes = [attempt(who["clinic"], C.access, grant="G", **REST) for _ in range(3)]
    codes += [attempt(who["lab"], C.access, grant="L", **REST) for _ in range(4)]
    assert codes == ["ok"] * 5 + ["uses_spent"] * 2
    assert len(rows(bench, "accesses")) == 5
