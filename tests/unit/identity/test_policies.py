# SPDX-License-Identifier: Apache-2.0
"""Who may decide: the arithmetic of policies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.errors import Malformed
from hanse.identity import Ballot, Policy, decide, is_satisfied, is_valid_at, needed
from hanse.kernel.registry import Role

ORGANISATIONS = [f"o{n}" for n in range(7)]


@pytest.mark.parametrize(
    ("rule", "counts"),
    [
        ("ALL", [None, 1, 2, 3, 4, 5, 6, 7]),
        ("ANY", [None, 1, 1, 1, 1, 1, 1, 1]),
        ("SELF", [None, 1, 1, 1, 1, 1, 1, 1]),
        ("MAJORITY", [None, 1, 2, 2, 3, 3, 4, 4]),
        ("2/3", [None, 1, 2, 2, 3, 4, 4, 5]),
        ("1/2", [None, 1, 1, 2, 2, 3, 3, 4]),
        ("1/1", [None, 1, 2, 3, 4, 5, 6, 7]),
        ("3", [None, None, None, 3, 3, 3, 3, 3]),
        ("FORBIDDEN", [None] * 8),
    ],
)
def test_a_rule_needs_so_many_of_so_many(rule: str, counts: list[int | None]) -> None:
    assert [needed(Policy(rule), ORGANISATIONS[:n]) for n in range(8)] == counts


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "WEIGHT:",
        "WEIGHT:3",
        "WEIGHT:3/2",
        "weight:1/2",
        "0",
        "01",
        "-1",
        "all",
        "3/2",
        "0/2",
        "1/0",
        "1/2/3",
        "10000",
        "٢",
        "2\n",
        " ALL",
    ],
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(Malformed):
        Policy(rule)


def ballot(organisation: str, *roles: str, member: str = "m") -> Ballot:
    return Ballot(f"{member}@{organisation}", organisation, roles)


def test_an_organisation_counts_once_however_many_sign() -> None:
    twice = [ballot("o0", member="a"), ballot("o0", member="b")]
    assert not is_satisfied(Policy("2"), twice, ORGANISATIONS)
    assert is_satisfied(Policy("2"), [*twice, ballot("o1")], ORGANISATIONS)


def test_only_those_named_and_active_count() -> None:
    policy = Policy("1", ("o0", "gone"))
    assert not is_satisfied(policy, [ballot("o1"), ballot("gone")], ORGANISATIONS)
    assert is_satisfied(policy, [ballot("o0")], ORGANISATIONS)
    assert not is_satisfied(policy, [ballot("o0")], ["o1"])


def test_a_ballot_needs_one_of_the_roles() -> None:
    policy = Policy("ANY", (), ("admin", "auditor"))
    assert not is_satisfied(policy, [ballot("o0"), ballot("o1", "maker")], ORGANISATIONS)
    assert is_satisfied(policy, [ballot("o0", "maker", "auditor")], ORGANISATIONS)


def test_self_is_the_organisation_concerned_alone() -> None:
    policy = Policy("SELF")
    assert is_satisfied(policy, [ballot("o0")], ORGANISATIONS, "o0")
    assert not is_satisfied(policy, [ballot("o1")], ORGANISATIONS, "o0")
    assert not is_satisfied(policy, [ballot("o0")], ORGANISATIONS)


def test_forbidden_stays_forbidden() -> None:
    everybody = [ballot(o) for o in ORGANISATIONS]
    assert not is_satisfied(Policy("FORBIDDEN"), everybody, ORGANISATIONS)
    assert is_satisfied(Policy("ALL"), everybody, ORGANISATIONS)


@given(st.integers(1, 9_999), st.integers(1, 9_999), st.integers(1, 50))
def test_a_fraction_is_rounded_up_and_never_needs_more_than_all(a: int, b: int, n: int) -> None:
    a, b = min(a, b), max(a, b)
    count = needed(Policy(f"{a}/{b}"), [f"o{i}" for i in range(n)])
    assert count is not None
    assert 1 <= count <= n
    assert (count - 1) * b < n * a <= count * b


def test_validity_begins_at_its_first_height_and_ends_before_its_last() -> None:
    role = Role(from_height=3, to_height=5)
    assert [is_valid_at(role, h) for h in range(2, 7)] == [False, True, True, False, False]
    assert is_valid_at(Role(from_height=3), 10**9)
    assert not is_valid_at(Role(from_height=3, to_height=3), 3)


HEAVY = {"o0": 5, "o1": 2}


def test_weights_count_under_their_rule_only() -> None:
    half = Policy("WEIGHT:1/2")
    assert needed(half, ORGANISATIONS[:4], HEAVY) == 5  # of 5 + 2 + 1 + 1
    assert is_satisfied(half, [ballot("o0")], ORGANISATIONS[:4], weights=HEAVY)
    assert not is_satisfied(half, [ballot("o1"), ballot("o2")], ORGANISATIONS[:4], weights=HEAVY)
    assert needed(Policy("1/2"), ORGANISATIONS[:4], HEAVY) == 2
    assert needed(half, ORGANISATIONS[:4]) == 2


def test_a_decision_is_open_while_it_can_still_be_made() -> None:
    half, four = Policy("WEIGHT:1/2"), ORGANISATIONS[:4]
    assert decide(half, [], [ballot("o1")], four, weights=HEAVY) == "open"
    assert decide(half, [], [ballot("o0")], four, weights=HEAVY) == "rejected"
    assert decide(half, [ballot("o0")], [ballot("o1")], four, weights=HEAVY) == "approved"
    assert decide(Policy("SELF"), [], [ballot("o1")], four, "o1") == "rejected"
    assert decide(Policy("SELF"), [ballot("o0")], [], four, "o1") == "open"


@given(
    st.sampled_from(["ALL", "ANY", "MAJORITY", "2/3", "2", "WEIGHT:2/3", "SELF", "FORBIDDEN"]),
    st.lists(st.sampled_from(["yes", "no", ""]), min_size=5, max_size=5),
    st.lists(st.integers(1, 9), min_size=5, max_size=5),
)
def test_no_further_ballot_changes_what_is_decided(
    rule: str, votes: list[str], weights: list[int]
) -> None:
    five = ORGANISATIONS[:5]
    heavy = dict(zip(five, weights, strict=True))
    cast = {o: [ballot(o)] for o in five}
    yes = [b for o, v in zip(five, votes, strict=True) if v == "yes" for b in cast[o]]
    against = [b for o, v in zip(five, votes, strict=True) if v == "no" for b in cast[o]]
    silent = [b for o, v in zip(five, votes, strict=True) if v == "" for b in cast[o]]
    found = decide(Policy(rule), yes, against, five, "o0", heavy)
    all_for = decide(Policy(rule), [*yes, *silent], against, five, "o0", heavy)
    all_against = decide(Policy(rule), yes, [*against, *silent], five, "o0", heavy)
    if found == "open":
        assert (all_for, all_against) == ("approved", "rejected")
    else:
        assert all_for == all_against == found
