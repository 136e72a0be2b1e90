# SPDX-License-Identifier: Apache-2.0
"""``also_signed_by``: an action runs only when all whom its argument names have signed, too."""

import pytest
from tests.unit.contracts.dialect_run import HEAD, check, program
from tests.unit.contracts.joint_contract import Deals

from hanse.contracts import MemberId, OrganisationId, Refused
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.schema import describe
from hanse.testing.bench import Bench

BO, CY = OrganisationId("bo"), OrganisationId("cy")


@pytest.fixture
def bench() -> Bench[Deals]:
    return Bench(Deals)


def test_an_action_runs_when_the_named_organisation_signed_too(bench: Bench[Deals]) -> None:
    ann, bo = bench.actor("ax", "trader"), bench.actor("bo", "trader")
    assert ann.jointly(bo)(Deals.agree, "D1", BO) == "ax"


def test_one_signature_is_not_enough(bench: Bench[Deals]) -> None:
    ann = bench.actor("ax", "trader")
    root = bench.root
    with pytest.raises(Refused, match="not_also_signed") as caught:
        ann(Deals.agree, "D1", BO)
    assert caught.value.facts == {"missing": ["bo"], "role": "trader"}
    assert bench.root == root


@pytest.mark.parametrize(
    ("organisation", "roles"), [("bo", ()), ("bo", ("clerk",)), ("cy", ("trader",))]
)
def test_a_signature_without_the_role_or_of_another_counts_for_nothing(
    bench: Bench[Deals], organisation: str, roles: tuple[str, ...]
) -> None:
    ann, other = bench.actor("ax", "trader"), bench.actor(organisation, *roles)
    with pytest.raises(Refused, match="not_also_signed"):
        ann.jointly(other)(Deals.agree, "D1", BO)


def test_who_names_its_own_organisation_has_signed_for_it(bench: Bench[Deals]) -> None:
    bo = bench.actor("bo", "trader")
    assert bo(Deals.agree, "D1", BO) == "bo"


def test_each_of_a_list_must_sign_and_an_empty_one_names_nobody(bench: Bench[Deals]) -> None:
    ann = bench.actor("ax", "trader")
    bo, cy = bench.actor("bo", "trader"), bench.actor("cy", "trader")
    assert ann.jointly(cy, bo)(Deals.agree_all, "D1", [BO, CY, BO]) is None
    assert ann(Deals.agree_all, "D2", []) is None
    with pytest.raises(Refused) as caught:
        ann.jointly(bo)(Deals.agree_all, "D3", [BO, CY])
    assert caught.value.facts["missing"] == ["cy"]


def test_a_named_member_signs_in_person_and_only_when_one_is_named(bench: Bench[Deals]) -> None:
    ann = bench.actor("ax", "trader")
    bo, other = bench.actor("bo", name="bo"), bench.actor("bo", name="other")
    member = MemberId("bo@bo")
    assert ann.jointly(bo)(Deals.witness, "D1", member) is None
    assert ann(Deals.witness, "D2", None) is None
    with pytest.raises(Refused, match="not_also_signed"):
        ann.jointly(other)(Deals.witness, "D3", member)


def test_an_argument_of_a_wrong_type_is_said_before_a_missing_signature(
    bench: Bench[Deals],
) -> None:
    ann = bench.actor("ax", "trader")
    assert ann.attempt("agree", {"deal": 1, "other": "bo"}).code == "bad_argument"
    assert ann.attempt("agree", {"deal": "D", "other": "bo"}).code == "not_also_signed"
    clerk = bench.actor("ax", "clerk")
    assert clerk.attempt("agree", {"deal": "D", "other": "bo"}).code == "not_authorised"


def test_the_description_says_who_else_must_sign(bench: Bench[Deals]) -> None:
    found = {a["name"]: a["also_signed_by"] for a in describe(bench.loaded, "", "")["actions"]}
    assert found == {"agree": "other", "agree_all": "others", "witness": "who", "note": None}


ACTION = """
class Made(Contract):
    ints: Map[str, int]

    @action(role=None, also_signed_by="{name}")
    def act(self, ctx: Context, who: {kind}) -> None:
        pass
"""


def test_a_name_that_is_no_argument_is_refused_by_the_checker() -> None:
    text = HEAD + ACTION.format(name="nobody", kind="OrganisationId")
    assert [finding.rule for finding in check(text)] == ["D208"]


@pytest.mark.parametrize("kind", ["str", "int", "list[str]", "OrganisationId | MemberId"])
def test_an_argument_that_names_no_organisations_or_members_is_refused(kind: str) -> None:
    made = program(HEAD + ACTION.format(name="who", kind=kind))
    with pytest.raises(TypeError, match="names no argument"):
        LoadedContract.of_program(made)


@pytest.mark.parametrize(
    "kind", ["OrganisationId", "MemberId | None", "list[MemberId]", "list[OrganisationId] | None"]
)
def test_an_argument_that_names_them_is_taken(kind: str) -> None:
    made = LoadedContract.of_program(program(HEAD + ACTION.format(name="who", kind=kind)))
    assert made.entries["act"].joint is not None
