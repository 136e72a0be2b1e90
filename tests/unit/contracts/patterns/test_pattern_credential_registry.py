# SPDX-License-Identifier: Apache-2.0
"""Credential registry: issued under a live chain to a root, each place once, versions that grow."""

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

from hanse.contracts import OrganisationId, TimeMs, Written, replace
from hanse.contracts.patterns.credential_registry import (
    LIST_SIZE_MIN,
    Accreditation,
    Issuing,
    StatusList,
    is_accreditation,
    is_list,
)
from hanse.testing.bench import START_MS, Actor, Bench
from hanse.testing.patterns.credential_registry import Diplomas

DAY = 86_400_000
D = Diplomas


def accreditation(name: str, parent: str, issuer: str, **changes: Any) -> Accreditation:
    parts: dict[str, Any] = {
        "id": name,
        "parent": parent,
        "authority": OrganisationId("x"),
        "issuer": OrganisationId(issuer),
        "types": ["diploma", "badge"],
        "from_ms": TimeMs(START_MS),
        "until_ms": TimeMs(START_MS + 100 * DAY),
        "may_accredit": False,
        **changes,
    }
    return Accreditation(**parts)


def batch(*places: int, **changes: Any) -> Issuing:
    parts: dict[str, Any] = {
        "accreditation": "school",
        "type": "diploma",
        "schema_id": "s",
        "schema_version": 1,
        "status_list": "l",
        "places": list(places),
        "salted_root": digest("root"),
        **changes,
    }
    return Issuing(**parts)


def world() -> tuple[Bench[Diplomas], dict[str, Actor]]:
    """Return ministry, region and school, one above the other; SUS suspended, GONE withdrawn."""
    bench = Bench(Diplomas)
    roles = ("governor", "authority", "issuer")
    names = ("ministry", "region", "school", "closed", "thief")
    who = {name: bench.actor(name, *roles) for name in names}
    who["ministry"](D.found_root, accreditation("root", "", "ministry"))
    who["ministry"](D.accredit, accreditation("region", "root", "region", may_accredit=True))
    who["region"](D.accredit, accreditation("school", "region", "school"))
    who["region"](D.accredit, accreditation("SUS", "region", "school", types=["diploma"]))
    who["region"](D.accredit, accreditation("GONE", "region", "school"))
    who["region"](D.accredit, accreditation("closed", "region", "closed"))
    who["region"](D.suspend, "SUS")
    who["region"](D.withdraw, "GONE")
    who["school"](D.publish_schema, "s", 1, digest("schema"))
    for name in ("school", "closed"):
        who[name](D.open_list, "l" if name == "school" else "c", "revocation", LIST_SIZE_MIN)
    who["closed"](D.close_issuer, "school")
    who["school"](D.issue, batch(1, 2))
    return bench, who


def changing(name: str) -> list[Case]:
    """Return the lines that every change of an accreditation's state shares."""
    method = getattr(D, name)
    return [
        ("not_found", "", "thief", method, {"accreditation": "no"}),
        ("wrong_organisation", "wrong_state", "school", method, {"accreditation": "GONE"}),
        ("wrong_state", "", "region", method, {"accreditation": "GONE"}),
    ]


NOBODY = accreditation("", "no", "x")
EARLY = accreditation("N", "region", "school", from_ms=TimeMs(9), until_ms=TimeMs(8))
DOCTOR = ["doctor"]
ALL_WRONG = batch(1, 1, accreditation="no", type="doctor", schema_id="no", salted_root="x")
WIDER = accreditation("school", "region", "x", types=DOCTOR)
CASES: list[Case] = [
    (
        "bad_accreditation",
        "already_exists",
        "thief",
        D.found_root,
        {"new": accreditation("root", "", "")},
    ),
    ("already_exists", "", "thief", D.found_root, {"new": accreditation("root", "", "thief")}),
    ("bad_accreditation", "no_accreditation", "thief", D.accredit, {"new": NOBODY}),
    ("bad_accreditation", "", "region", D.accredit, {"new": EARLY}),
    ("no_accreditation", "type_not_in_scope", "thief", D.accredit, {"new": WIDER}),
    (
        "no_accreditation",
        "too_many",
        "school",
        D.accredit,
        {"new": accreditation("N", "GONE", "x")},
    ),
    ("type_not_in_scope", "already_exists", "region", D.accredit, {"new": WIDER}),
    (
        "type_not_in_scope",
        "accreditation_suspended",
        "school",
        D.accredit,
        {"new": replace(WIDER, parent="SUS")},
    ),
    (
        "accreditation_suspended",
        "too_many",
        "school",
        D.accredit,
        {"new": accreditation("N", "SUS", "x", types=["diploma"])},
    ),
    (
        "too_many",
        "already_exists",
        "school",
        D.accredit,
        {"new": accreditation("root", "school", "x")},
    ),
    ("already_exists", "", "region", D.accredit, {"new": accreditation("root", "region", "x")}),
    *changing("suspend"),
    *changing("resume"),
    *changing("withdraw"),
    ("wrong_state", "", "region", D.suspend, {"accreditation": "SUS"}),
    ("wrong_state", "", "region", D.resume, {"accreditation": "school"}),
    (
        "wrong_organisation",
        "bad_digest",
        "thief",
        D.publish_schema,
        {"schema": "s", "version": 2, "digest": "x"},
    ),
    (
        "wrong_state",
        "bad_digest",
        "school",
        D.publish_schema,
        {"schema": "s", "version": 3, "digest": "x"},
    ),
    (
        "wrong_state",
        "bad_digest",
        "thief",
        D.publish_schema,
        {"schema": "s", "version": 1, "digest": "x"},
    ),
    ("bad_digest", "", "school", D.publish_schema, {"schema": "s", "version": 2, "digest": "x"}),
    (
        "bad_list",
        "already_exists",
        "school",
        D.open_list,
        {"name": "l", "purpose": "revocation", "size": LIST_SIZE_MIN - 1},
    ),
    (
        "already_exists",
        "",
        "thief",
        D.open_list,
        {"name": "l", "purpose": "revocation", "size": LIST_SIZE_MIN},
    ),
    (
        "not_found",
        "wrong_state",
        "thief",
        D.set_status,
        {"name": "no", "version": 9, "digest": "x"},
    ),
    (
        "wrong_organisation",
        "wrong_state",
        "thief",
        D.set_status,
        {"name": "l", "version": 9, "digest": "x"},
    ),
    (
        "wrong_state",
        "bad_digest",
        "school",
        D.set_status,
        {"name": "l", "version": 2, "digest": "x"},
    ),
    ("bad_digest", "", "school", D.set_status, {"name": "l", "version": 1, "digest": "x"}),
    (
        "not_found",
        "no_accreditation",
        "thief",
        D.issue,
        {"new": replace(ALL_WRONG, status_list="no")},
    ),
    ("wrong_organisation", "no_accreditation", "thief", D.issue, {"new": ALL_WRONG}),
    (
        "wrong_state",
        "no_accreditation",
        "closed",
        D.issue,
        {"new": replace(ALL_WRONG, status_list="c")},
    ),
    ("no_accreditation", "type_not_in_scope", "school", D.issue, {"new": ALL_WRONG}),
    (
        "no_accreditation",
        "type_not_in_scope",
        "school",
        D.issue,
        {"new": replace(ALL_WRONG, accreditation="region")},
    ),
    (
        "type_not_in_scope",
        "accreditation_suspended",
        "school",
        D.issue,
        {"new": replace(ALL_WRONG, accreditation="SUS")},
    ),
    (
        "accreditation_suspended",
        "schema_unknown",
        "school",
        D.issue,
        {"new": replace(ALL_WRONG, accreditation="SUS", type="diploma")},
    ),
    (
        "schema_unknown",
        "index_used",
        "school",
        D.issue,
        {"new": batch(1, 1, schema_version=2, salted_root="x")},
    ),
    ("index_used", "too_many", "school", D.issue, {"new": batch(*range(500, 700), 1)}),
    ("index_used", "", "school", D.issue, {"new": batch(3, 3)}),
    (
        "too_many",
        "bad_digest",
        "school",
        D.issue,
        {"new": batch(*range(500, 701), salted_root="x")},
    ),
    ("too_many", "", "school", D.issue, {"new": batch()}),
    ("too_many", "", "school", D.issue, {"new": batch(LIST_SIZE_MIN)}),
    ("too_many", "", "school", D.issue, {"new": batch(-1)}),
    ("bad_digest", "", "school", D.issue, {"new": batch(3, salted_root="x")}),
    ("wrong_state", "", "closed", D.close_issuer, {"successor": "school"}),
    ("wrong_state", "", "school", D.close_issuer, {"successor": "school"}),
    ("not_found", "", "thief", D.version_at, {"name": "no", "at_ms": TimeMs(0)}),
]


@pytest.mark.parametrize("case", CASES)
def test_what_the_registry_of_credentials_refuses(case: Case) -> None:
    check_case(*world(), case)


def test_every_documented_refusal_of_diplomas_is_in_the_table() -> None:
    assert unlisted(Bench(D), CASES) == []


STEPS = st.tuples(
    st.sampled_from(["suspend", "resume", "withdraw", "issue", "issue", "accredit", "set_status"]),
    st.sampled_from(["ministry", "region", "school", "thief"]),
    st.sampled_from(["root", "region", "school", "SUS", "N"]),
    st.integers(0, 9),
    st.integers(0, 30),
)


@given(st.lists(STEPS, max_size=25))
def test_whatever_is_issued_stood_under_a_live_chain_then(steps: list[tuple[Any, ...]]) -> None:
    bench, who = world()
    for name, actor, which, number, days in steps:
        bench.pass_time(days=days if name == "issue" else 0)
        before, used = rows(bench, "accreditations"), rows(bench, "places")
        lists = rows(bench, "lists")
        new = accreditation("N", which, "school", may_accredit=number > 4)
        args: dict[str, Any] = {
            "issue": {"new": batch(number, accreditation=which)},
            "accredit": {"new": new},
            "set_status": {"name": "l", "version": number % 4, "digest": digest(number)},
        }.get(name, {"accreditation": which})
        code = attempt(who[actor], getattr(D, name), **args)
        if name == "issue" and code == "ok":
            at = which
            assert before[which].issuer == actor
            while at:
                assert before[at].state == "live"
                assert "diploma" in before[at].types
                assert before[at].from_ms <= bench.now <= before[at].until_ms
                at = before[at].parent
            assert ("l", number) not in used
        if name == "set_status" and code == "ok":
            assert rows(bench, "lists")["l"].version == lists["l"].version + 1
        for key, old in before.items():
            new_state = rows(bench, "accreditations")[key]
            assert new_state == replace(old, state=new_state.state)
            assert old.state != "withdrawn" or new_state.state == "withdrawn"
        taken = rows(bench, "places")
        assert {key: taken[key] for key in used} == used
        counts = [b.count for b in rows(bench, "batches").values()]
        assert sum(counts) == len(taken)


ROOT = accreditation("root", "", "ministry")
LIST = StatusList(
    id="l", issuer=OrganisationId("s"), purpose="revocation", size=9, version=1, since_ms=TimeMs(0)
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ROOT, None),
        (ROOT, replace(ROOT, types=DOCTOR)),
        (ROOT, replace(ROOT, issuer=OrganisationId("thief"))),
        (ROOT, replace(ROOT, until_ms=TimeMs(START_MS + 999 * DAY))),
        (replace(ROOT, state="withdrawn"), ROOT),
        (None, accreditation("N", "gone", "x")),
        (None, accreditation("N", "root", "x", types=DOCTOR, authority=OrganisationId("ministry"))),
        (None, accreditation("N", "root", "x", authority=OrganisationId("thief"))),
    ],
)
def test_the_invariant_sees_scope_that_grew(before: Any, after: Any) -> None:
    held: Any = {"root": ROOT}
    assert not is_accreditation(held, Written("root", before, after))


def test_the_invariant_sees_a_status_list_that_went_back() -> None:
    assert is_list(LIST, replace(LIST, version=2))
    for after in (None, replace(LIST, version=0), LIST, replace(LIST, version=2, size=8)):
        assert not is_list(LIST, after)
    assert not is_list(None, LIST)


def test_a_backdated_issue_after_suspension_is_refused() -> None:
    bench, who = world()
    bench.pass_time(days=2)
    who["region"](D.suspend, "school")
    assert attempt(who["school"], D.issue, new=batch(3)) == "accreditation_suspended"
    assert not [f for f in Issuing.__annotations__ if "ms" in f or "date" in f]
    who["region"](D.resume, "school")
    late = who["school"](D.issue, batch(3))
    assert (late.at_ms, late.height) == (bench.now, bench.height)


def test_a_suspension_above_reaches_everybody_below() -> None:
    _, who = world()
    who["ministry"](D.suspend, "region")
    assert attempt(who["school"], D.issue, new=batch(3)) == "accreditation_suspended"
    who["ministry"](D.withdraw, "region")
    assert attempt(who["school"], D.issue, new=batch(3)) == "no_accreditation"


def test_an_old_status_list_is_not_the_one_in_force() -> None:
    bench, who = world()
    times = []
    for version in (1, 2):
        bench.pass_time(days=1)
        times.append(bench.now)
        who["school"](D.set_status, "l", version, digest("bits", version))
    assert attempt(who["school"], D.set_status, name="l", version=1, digest=digest("old")) == (
        "wrong_state"
    )
    found = [who["thief"](D.version_at, "l", TimeMs(t)) for t in (START_MS, times[0], times[1])]
    assert found == [0, 1, 2]
    assert rows(bench, "versions")["l", 1].digest == digest("bits", 1)


def test_an_index_collision_between_batches_is_refused() -> None:
    _, who = world()
    assert attempt(who["school"], D.issue, new=batch(7, 2)) == "index_used"
    assert attempt(who["school"], D.issue, new=batch(7)) == "ok"


def test_a_closed_school_issues_no_more_and_its_heir_keeps_the_list() -> None:
    _, who = world()
    assert attempt(who["closed"], D.issue, new=batch(1, status_list="c")) == "wrong_state"
    args = {"name": "c", "version": 1, "digest": digest("bits")}
    assert attempt(who["thief"], D.set_status, **args) == "wrong_organisation"
    assert attempt(who["school"], D.set_status, **args) == "ok"
