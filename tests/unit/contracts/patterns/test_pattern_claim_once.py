# SPDX-License-Identifier: Apache-2.0
"""Claim once: never beyond capacity, through any registrar, in any epoch; tags tell nothing."""

import hashlib
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

from hanse.client.tags import claim_tag
from hanse.codec.base64url import to_text
from hanse.contracts import OrganisationId, TimeMs, Written
from hanse.contracts.digests import digest_of
from hanse.contracts.patterns.claim_once import (
    CLAIMANT_TAG,
    Asked,
    Claim,
    ClaimDomain,
    Claiming,
    Right,
    is_within_capacity,
)
from hanse.crypto import SHA256
from hanse.testing.bench import Actor, Bench
from hanse.testing.patterns.claim_once import Pledges

TAX, CUSTOMS = OrganisationId("tax"), OrganisationId("customs")
KEYS = {n: hashlib.sha256(f"registrars' secret {n}".encode()).digest() for n in (1, 2, 3)}
P = Pledges


def domain(**changes: Any) -> ClaimDomain:
    parts: dict[str, Any] = {
        "domain": "invoices",
        "registrars": [TAX, CUSTOMS],
        "normaliser": "nfkc-upper/1",
        "unit": "CNY/100",
        "retention_days": 3_650,
        "checks_max": 2,
        "window_ms": 3_600_000,
        **changes,
    }
    return ClaimDomain(**parts)


def tag(number: str, epoch: int = 1) -> str:
    return claim_tag(SHA256, KEYS[epoch], "invoices", epoch, number)


def ask(number: str, epoch: int = 1, *, rotating: bool = False, name: str = "invoices") -> Asked:
    old = tag(number, epoch - 1) if rotating else ""
    return Asked(domain=name, epoch=epoch, tag=tag(number, epoch), old_tag=old)


def new(name: str, number: str, units: int = 100, capacity: int = 100, **changes: Any) -> Claiming:
    parts: dict[str, Any] = {
        "id": name,
        "capacity": capacity,
        "units": units,
        "purpose": "financing",
        "claimant": digest_of(SHA256.tagged, CLAIMANT_TAG, f"salt of {name}", "bank-a"),
        "evidence": digest("document", number),
        **changes,
    }
    return Claiming(**parts)


def world() -> tuple[Bench[Pledges], dict[str, Actor]]:
    """Return a tax office and customs that keep one register; INV-1 is claimed whole."""
    bench = Bench(Pledges)
    who = {
        name: bench.actor(name, "registrar", "authority") for name in ("tax", "customs", "thief")
    }
    who["tax"](P.open, domain())
    who["tax"](P.claim, ask("INV-1"), new("C1", "INV-1"))
    who["tax"](P.claim, ask("INV-2"), new("C2", "INV-2", 40))
    who["tax"](P.release, "invoices", "C2")
    return bench, who


NO, OLD, ONE, TWO = ask("INV-1", name="no"), ask("INV-1", 2), ask("INV-1"), ask("INV-2")
PLAIN = Asked(domain="invoices", epoch=1, tag="INV-1")
BOTH = ask("INV-1", 2, rotating=True)
BAD = new("C1", "INV-1", evidence="a document")


def closing(name: str, more: dict[str, Any]) -> list[Case]:
    """Return the lines that every change of a claim shares."""
    method, of = getattr(P, name), {"domain": "invoices"}
    return [
        ("not_found", "", "thief", method, {**of, "claim": "no", **more}),
        (
            "not_found",
            "wrong_organisation",
            "thief",
            method,
            {"domain": "no", "claim": "C2", **more},
        ),
        ("wrong_organisation", "wrong_state", "thief", method, {**of, "claim": "C2", **more}),
        (
            "wrong_state",
            "bad_evidence" if more else "",
            "tax",
            method,
            {**of, "claim": "C2", **more},
        ),
    ]


CASES: list[Case] = [
    ("bad_domain", "already_exists", "tax", P.open, {"domain": domain(registrars=[])}),
    ("bad_domain", "", "tax", P.open, {"domain": domain(registrars=[TAX, TAX])}),
    ("bad_domain", "", "tax", P.open, {"domain": domain(checks_max=0)}),
    ("bad_domain", "", "tax", P.open, {"domain": domain(unit="")}),
    ("already_exists", "", "thief", P.open, {"domain": domain()}),
    ("not_found", "wrong_organisation", "thief", P.check, {"asked": NO, "asker": "a"}),
    ("wrong_organisation", "wrong_epoch", "thief", P.check, {"asked": OLD, "asker": "a"}),
    ("wrong_epoch", "bad_evidence", "tax", P.check, {"asked": OLD, "asker": ""}),
    ("bad_evidence", "", "tax", P.check, {"asked": ONE, "asker": ""}),
    ("not_found", "wrong_organisation", "thief", P.claim, {"asked": NO, "new": BAD}),
    ("wrong_organisation", "wrong_epoch", "thief", P.claim, {"asked": OLD, "new": BAD}),
    ("wrong_epoch", "bad_evidence", "tax", P.claim, {"asked": OLD, "new": BAD}),
    ("wrong_epoch", "bad_evidence", "tax", P.claim, {"asked": PLAIN, "new": BAD}),
    ("wrong_epoch", "bad_evidence", "tax", P.claim, {"asked": BOTH, "new": BAD}),
    (
        "bad_evidence",
        "capacity_mismatch",
        "tax",
        P.claim,
        {"asked": ONE, "new": new("C1", "INV-1", capacity=99, evidence="x")},
    ),
    ("bad_evidence", "taken", "tax", P.claim, {"asked": ONE, "new": new("C9", "INV-2")}),
    ("bad_evidence", "taken", "tax", P.claim, {"asked": ONE, "new": new("", "INV-1")}),
    (
        "bad_evidence",
        "taken",
        "tax",
        P.claim,
        {"asked": ONE, "new": new("C9", "INV-1", claimant="bank-a")},
    ),
    (
        "capacity_mismatch",
        "taken",
        "tax",
        P.claim,
        {"asked": ONE, "new": new("C9", "INV-1", 100, 101)},
    ),
    ("capacity_mismatch", "", "tax", P.claim, {"asked": TWO, "new": new("C9", "INV-2", 0)}),
    ("capacity_mismatch", "", "tax", P.claim, {"asked": TWO, "new": new("C9", "INV-2", 101)}),
    ("taken", "already_exists", "customs", P.claim, {"asked": ONE, "new": new("C1", "INV-1")}),
    ("already_exists", "", "customs", P.claim, {"asked": TWO, "new": new("C1", "INV-2")}),
    *closing("transfer", {"claimant": "x"}),
    ("bad_evidence", "", "tax", P.transfer, {"domain": "invoices", "claim": "C1", "claimant": "x"}),
    *closing("consume", {}),
    *closing("release", {}),
    ("not_found", "wrong_organisation", "thief", P.rotate_epoch, {"domain": "no"}),
    ("wrong_organisation", "", "thief", P.rotate_epoch, {"domain": "invoices"}),
    ("not_found", "wrong_organisation", "thief", P.carry, {"asked": NO}),
    ("wrong_organisation", "wrong_epoch", "thief", P.carry, {"asked": OLD}),
    ("wrong_epoch", "", "tax", P.carry, {"asked": ONE}),
]


@pytest.mark.parametrize("case", CASES)
def test_what_a_register_refuses(case: Case) -> None:
    check_case(*world(), case)


def test_a_rotation_that_is_open_is_not_started_again() -> None:
    bench, who = world()
    who["tax"](P.rotate_epoch, "invoices")
    case: Case = ("wrong_state", "", "tax", P.rotate_epoch, {"domain": "invoices"})
    check_case(bench, who, case)
    other = ("wrong_organisation", "wrong_state", "thief", P.rotate_epoch, case[4])
    check_case(bench, who, other)
    assert unlisted(bench, [*CASES, case, ("not_found", "", "", P.made_by, {})]) == []


def test_a_claim_opens_to_its_claimant_alone() -> None:
    _, who = world()
    assert who["thief"](P.made_by, "invoices", "C1", "salt of C1", OrganisationId("bank-a"))
    assert not who["thief"](P.made_by, "invoices", "C1", "salt of C1", OrganisationId("bank-b"))
    assert not who["thief"](P.made_by, "invoices", "C1", "salt", OrganisationId("bank-a"))


NUMBERS = ["INV-1", "INV-2", "INV-3"]
STEPS = st.tuples(
    st.sampled_from(["claim", "claim", "claim", "release", "consume", "rotate", "carry"]),
    st.sampled_from(["tax", "customs"]),
    st.sampled_from(NUMBERS),
    st.integers(1, 100),
    st.integers(0, 9),
)


@given(st.lists(STEPS, max_size=30))
def test_a_right_is_never_used_beyond_its_capacity_in_any_epoch(
    steps: list[tuple[str, str, str, int, int]],
) -> None:
    bench, who = world()
    number_of = {"C1": "INV-1", "C2": "INV-2"}
    for name, actor, number, units, which in steps:
        (found,) = rows(bench, "domains").values()
        asked = ask(number, found.epoch, rotating=found.old_left > 0)
        claims = list(rows(bench, "claims").values())
        if name == "claim":
            fresh = f"N{len(claims)}"
            if attempt(who[actor], P.claim, asked=asked, new=new(fresh, number, units)) == "ok":
                number_of[fresh] = number
        elif name == "rotate" and found.epoch < 3:
            attempt(who[actor], P.rotate_epoch, domain="invoices")
        elif name == "carry":
            attempt(who[actor], P.carry, asked=asked)
        elif name in ("release", "consume"):
            claim = claims[which % len(claims)].id
            attempt(who[actor], getattr(P, name), domain="invoices", claim=claim)
        used = dict.fromkeys(NUMBERS, 0)
        for claim in rows(bench, "claims").values():
            used[number_of[claim.id]] += claim.units * (claim.state != "released")
        assert max(used.values()) <= 100
        (found,) = rows(bench, "domains").values()
        tags = rows(bench, "tags").values()
        assert found.tags == len(tags) == len({t.right for t in tags})
        assert found.old_left == sum(t.epoch < found.epoch for t in tags)


FULL = Right(capacity=10, live=6, consumed=4, since_height=1)
LIVE = Claim(
    id="C",
    domain="d",
    right="r",
    units=6,
    purpose="",
    claimant="",
    evidence="",
    state="live",
    since_ms=TimeMs(0),
)


@pytest.mark.parametrize(
    ("rights", "claims"),
    [
        ([(FULL, Right(capacity=11, live=6, consumed=4, since_height=1))], []),
        ([(FULL, Right(capacity=10, live=7, consumed=4, since_height=1))], []),
        ([(FULL, Right(capacity=10, live=7, consumed=3, since_height=1))], []),
        ([(FULL, Right(capacity=10, live=0, consumed=4, since_height=1))], []),
        ([(FULL, None)], []),
        ([], [(None, LIVE)]),
        ([], [(LIVE, None)]),
        ([], [(LIVE, Claim(**{n: getattr(LIVE, n) for n in LIVE.__annotations__} | {"units": 5}))]),
    ],
)
def test_the_invariant_sees_what_does_not_add_up(rights: Any, claims: Any) -> None:
    made = [Written(("d", "r"), before, after) for before, after in rights]
    assert not is_within_capacity(made, [Written(("d", "C"), b, a) for b, a in claims])


def test_a_double_claim_through_two_organisations_is_refused_and_learns_a_height_only() -> None:
    bench, who = world()
    first = rows(bench, "rights")["invoices", tag("INV-1")].since_height
    root = bench.root
    outcome = who["customs"].attempt(
        "claim", {"asked": jsonable(ask("inv 1")), "new": jsonable(new("C9", "INV-1"))}
    )
    assert outcome.code == "taken"
    assert outcome.facts == f'{{"height":{first}}}'.encode()
    assert bench.root == root


def jsonable(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def test_one_document_does_not_prove_two_rights() -> None:
    # registrars whose normalisers differ make two tags of one invoice; its document gives them away
    _, who = world()
    twice = new("C9", "INV-1")
    assert attempt(who["customs"], P.claim, asked=ask("INV-0001"), new=twice) == "bad_evidence"


def test_a_dictionary_of_all_numbers_recovers_plain_hashes_and_no_tag() -> None:
    _, who = world()
    numbers = [f"{n:05}" for n in range(10_000)]
    who["tax"](P.open, domain(domain="people"))
    secret = KEYS[1]
    tags = [claim_tag(SHA256, secret, "people", 1, number) for number in numbers]
    for place in range(0, 10_000, 1_000):  # some of them on the ledger
        asked = Asked(domain="people", epoch=1, tag=tags[place])
        who["tax"](P.claim, asked, new(f"C{place}", numbers[place], 1, 1))
    plain = [to_text(hashlib.sha256(number.encode()).digest()) for number in numbers]
    # all that an attacker has: the ledger, the list, the public code; every key it can think of
    known_tag = claim_tag(SHA256, bytes(32), "people", 1, "0")
    guesses = {}
    for number in numbers:
        guesses[to_text(hashlib.sha256(number.encode()).digest())] = number
        guesses[digest_of(SHA256.tagged, "claim_once/tag/1", "people", 1, number)] = number
        guesses[claim_tag(SHA256, bytes(32), "people", 1, number)] = number
        guesses[claim_tag(SHA256, known_tag.encode(), "people", 1, number)] = number
    assert sum(entry in guesses for entry in plain) == 10_000
    assert sum(entry in guesses for entry in tags) == 0
    assert len(set(tags)) == 10_000


def test_guessing_by_check_is_stopped_and_leaves_a_trace() -> None:
    bench, who = world()
    told = [
        who["tax"](P.check, ask(number), "bank-x").outcome for number in ["INV-1", "INV-2", "INV-1"]
    ]
    assert told == ["taken", "free", "withheld"]
    assert who["customs"](P.check, ask("INV-1"), "bank-x").outcome == "withheld"
    assert who["tax"](P.check, ask("INV-1"), "bank-y").outcome == "taken"
    assert rows(bench, "askers")["invoices", "bank-x"].withheld == 2
    bench.pass_time(hours=1)
    assert who["tax"](P.check, ask("INV-1"), "bank-x").outcome == "taken"
    assert rows(bench, "askers")["invoices", "bank-x"].withheld == 2


def test_a_claim_made_during_key_rotation_stays_unique() -> None:
    bench, who = world()
    who["tax"](P.rotate_epoch, "invoices")
    again = new("C9", "INV-1")
    # the new tag alone would look free
    assert attempt(who["customs"], P.claim, asked=ask("INV-1", 2), new=again) == "wrong_epoch"
    assert attempt(who["customs"], P.claim, asked=ask("INV-1", 1), new=again) == "wrong_epoch"
    both = ask("INV-1", 2, rotating=True)
    assert attempt(who["customs"], P.claim, asked=both, new=again) == "taken"
    swapped = Asked(domain="invoices", epoch=2, tag=tag("INV-1"), old_tag=tag("INV-1", 2))
    assert attempt(who["customs"], P.claim, asked=swapped, new=again) == "wrong_epoch"
    assert attempt(who["tax"], P.carry, asked=both) == "ok"
    assert attempt(who["tax"], P.carry, asked=both) == "wrong_epoch"
    assert attempt(who["tax"], P.carry, asked=ask("INV-2", 2, rotating=True)) == "ok"
    assert rows(bench, "domains")["invoices"].old_left == 0
    assert attempt(who["customs"], P.claim, asked=ask("INV-1", 2), new=again) == "taken"
