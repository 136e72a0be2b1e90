# SPDX-License-Identifier: Apache-2.0
"""A machine of calls finds the faults that single calls miss, and passes what has none."""

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.unit.testing.leaky_contract import Leaky, Lossy

from hanse.contracts import OrganisationId
from hanse.contracts.types import Date
from hanse.testing.machine import build_machine
from hanse.testing.smallbank import SmallBank
from hanse.testing.strategies import arguments_of, keys_of, values_of

KEEPER = {"kim@mill": ("keeper",)}

TestSmallBank = build_machine(SmallBank, {"ann@bank": ()}, examples=10).TestCase


def _run(machine: type) -> None:
    """Run it until something is found; the shortest way there is for people."""
    quick = settings(machine.TestCase.settings, phases=(Phase.generate,))
    run_state_machine_as_test(machine, settings=quick)


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        (Leaky, "silent ended with two_is_bad|divide ended with contract_fault"),
        (Lossy, "put ended with invariant_broken"),
    ],
)
def test_a_fault_is_found_and_named_with_its_line(contract, said) -> None:
    machine = build_machine(contract, KEEPER, examples=2_000)
    with pytest.raises((AssertionError, ExceptionGroup)) as failed:
        _run(machine)
    error = failed.value
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    assert str(error).partition(" (")[0] in said.split("|")


def test_a_member_without_the_role_is_refused_and_that_is_no_fault() -> None:
    machine = build_machine(Lossy, {"eve@mill": ()}, examples=5)
    _run(machine)


def test_somebody_has_to_call() -> None:
    with pytest.raises(AssertionError, match="somebody"):
        build_machine(Lossy, {})


def test_preferred_values_come_up_beside_all_others() -> None:
    often = {OrganisationId: ["mill"], str: ["A"]}
    names = values_of(str, often)
    assert find(names, lambda text: text == "A") == "A"
    assert find(names, lambda text: text != "A") != "A"
    assert find(values_of(list[OrganisationId], often), lambda v: "mill" in v) == ["mill"]
    arguments = find(arguments_of(Leaky.put, often), lambda a: a["name"] == "A")
    assert arguments == {"name": "A", "amount": 0}


@given(keys_of(Leaky, "by_day", {OrganisationId: ["mill"]}))
def test_keys_are_of_the_declared_type(key) -> None:
    organisation, day = key
    assert isinstance(organisation, str)
    assert isinstance(day, Date)


def test_keys_of_what_is_no_map_are_refused() -> None:
    with pytest.raises(TypeError, match="no map nothing"):
        keys_of(Leaky, "nothing")
