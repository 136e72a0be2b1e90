# SPDX-License-Identifier: Apache-2.0
"""The way from the validators of the genesis to those who vote: each step, and each wrong one.

Whole files are judged, by both verifiers. What is wrong is signed by whoever has the keys, so that
nothing but the rule in question refuses it.
"""

import copy
from collections.abc import Callable

import pytest
from tests.verifier import engine
from tests.verifier.build import Ledger, b64, canon, text_key
from tests.verifier.judge import verify

from hanse.client.evidence import verify as verify_by_ledger

LEDGER = Ledger(changes=engine.CHANGES)
FIRST, SECOND, THIRD = (LEDGER.engine.sets[start] for start in (1, 3, 6))
Change = Callable[[dict], None]


def evidence(height: int = 3, ledger: Ledger = LEDGER) -> dict:
    return ledger.value("book", text_key("lots", "L7"), height)


def judge(file: dict, ledger: Ledger = LEDGER) -> tuple[str, str, str]:
    """Return verdict, last step and its detail; both verifiers agree on the first two."""
    data = ledger.seal(file)
    ours, theirs = verify_by_ledger(data, ledger.id), verify(data, ledger.id)
    assert (ours.verdict, ours.steps[-1].step) == (theirs.verdict, theirs.steps[-1].step)
    return theirs.verdict, theirs.steps[-1].step, theirs.steps[-1].detail


def sign(height: int, powers: engine.Powers, following: engine.Powers, **more: str) -> dict:
    """Return a step signed by those who have ``powers``."""
    made = engine.commit(
        "a", height, bytes(32), more.get("votes", ""), chain=more.get("chain", LEDGER.id),
        powers=powers, following=following,
    )  # fmt: skip
    return made | {"next": engine.weights("a", following)}


@pytest.mark.parametrize(
    ("height", "steps", "named"),
    [(0, [], "acme"), (1, [2], "dorf"), (2, [2], "dorf"), (3, [2, 5], "dorf")],
)
def test_a_file_leads_from_the_genesis_to_those_who_vote(
    height: int, steps: list[int], named: str
) -> None:
    file = evidence(height)
    assert judge(file)[0] == "valid"
    heights = [step["header"][2] for step in file["certificate"]["steps"]]
    assert heights == [b64(engine.proto((1, "i", at))) for at in steps]
    listed = file["certificate"].get("validators", LEDGER.genesis["engine_validators"])
    assert named in {one["organisation"] for one in listed}
    assert ("validators" in file["certificate"]) == bool(steps)


def test_a_ledger_whose_validators_come_back_needs_no_list_but_all_steps() -> None:
    ledger = Ledger(changes={3: SECOND, 5: FIRST})
    file = evidence(3, ledger)
    assert len(file["certificate"]["steps"]) == 2
    assert "validators" not in file["certificate"]
    assert judge(file, ledger)[0] == "valid"


def test_a_node_may_take_over_a_key_without_any_step() -> None:
    """The engine knows no nodes: only the header's own list tells whose key it is."""
    file = evidence(0)
    moved = copy.deepcopy(LEDGER.genesis["engine_validators"])
    moved[1]["node"] = "node2"
    file["header"]["validators"] = b64(LEDGER.tag("validators", moved))
    made = LEDGER.engine.certificate(1, LEDGER.tag("header", file["header"]))
    file["certificate"] = made | {"validators": moved, "steps": []}
    assert judge(file)[0] == "valid"
    file["certificate"]["validators"][1]["node"] = "node3"
    assert judge(file)[1] == "finality"


def no_first(certificate: dict) -> None:
    del certificate["steps"][0]


def no_last(certificate: dict) -> None:
    del certificate["steps"][1]


def none(certificate: dict) -> None:
    certificate["steps"].clear()


def exchanged(certificate: dict) -> None:
    certificate["steps"].reverse()


def twice(certificate: dict) -> None:
    certificate["steps"].append(certificate["steps"][1])


def no_change(certificate: dict) -> None:
    certificate["steps"].insert(1, sign(4, SECOND, SECOND))


def there_and_back(certificate: dict) -> None:
    certificate["steps"] += [sign(6, THIRD, FIRST), sign(6, FIRST, THIRD)]


def beyond_the_header(certificate: dict) -> None:
    certificate["steps"][1] = sign(7, SECOND, THIRD)


def at_no_height(certificate: dict) -> None:
    certificate["steps"][0] = sign(0, FIRST, SECOND)


def height_in_another_encoding(certificate: dict) -> None:
    header = certificate["steps"][0]["header"]
    header[2] = b64(b"\x08\x82\x00")


def signed_by_the_next(certificate: dict) -> None:
    certificate["steps"][0] = sign(2, SECOND, SECOND) | {"next": engine.weights("a", SECOND)}


def too_few_votes(certificate: dict) -> None:
    certificate["steps"][0] = sign(2, FIRST, SECOND, votes="2111")


def of_another_chain(certificate: dict) -> None:
    certificate["steps"][0] = sign(2, FIRST, SECOND, chain=Ledger(seed="b").id)


def another_next(certificate: dict) -> None:
    certificate["steps"][0]["next"] = engine.weights("a", THIRD)


def next_by_name(certificate: dict) -> None:
    certificate["steps"][0]["next"].sort(key=lambda one: one["public_key"])


def more_power_than_agreed(certificate: dict) -> None:
    certificate["steps"][1]["next"][0]["power"] += 1


def nobody(certificate: dict) -> None:
    certificate["steps"][0]["next"].clear()


def no_power(certificate: dict) -> None:
    certificate["steps"][0]["next"][3]["power"] = 0


def one_twice(certificate: dict) -> None:
    named = certificate["steps"][0]["next"]
    named[3] = named[2]


def no_list(certificate: dict) -> None:
    del certificate["validators"]


def another_list(certificate: dict) -> None:
    certificate["validators"] = engine.validators("a", SECOND)


def list_in_another_order(certificate: dict) -> None:
    certificate["validators"].reverse()


def other_organisations(certificate: dict) -> None:
    certificate["validators"][0]["organisation"] = "acme"


def no_steps_at_all(certificate: dict) -> None:
    del certificate["steps"]


@pytest.mark.parametrize(
    "change",
    [
        no_first, no_last, none, exchanged, twice, no_change, there_and_back, beyond_the_header,
        at_no_height, height_in_another_encoding, signed_by_the_next, too_few_votes,
        of_another_chain, another_next, next_by_name, more_power_than_agreed, no_power, one_twice,
        no_list, another_list, list_in_another_order, other_organisations,
    ],
)  # fmt: skip
def test_a_wrong_step_is_refused_whoever_signed_it(change: Change) -> None:
    file = evidence()
    change(file["certificate"])
    verdict, step, _ = judge(file)
    assert (verdict, step) == ("not_valid", "finality")


@pytest.mark.parametrize("change", [nobody, no_steps_at_all])
def test_a_file_without_its_steps_has_not_the_form(change: Change) -> None:
    file = evidence()
    change(file["certificate"])
    assert judge(file)[:2] == ("not_valid", "format")


def test_the_list_of_the_genesis_is_not_said_again() -> None:
    file = evidence(0)
    file["certificate"]["validators"] = LEDGER.genesis["engine_validators"]
    verdict, step, detail = judge(file)
    assert (verdict, step) == ("not_valid", "finality")
    assert "repeats" in detail


def test_former_validators_do_not_make_a_header_final() -> None:
    """They have left, and have their keys still: a header of their own has no step to them."""
    file = evidence(3)
    file["header"]["time_ms"] += 1
    file["header"]["validators"] = b64(LEDGER.tag("validators", engine.validators("a")))
    block_id = LEDGER.tag("header", file["header"])
    made = engine.commit("a", 7, block_id, chain=LEDGER.id)
    file["certificate"] = {"engine": "cometbft", **made, "steps": file["certificate"]["steps"]}
    assert judge(file)[:2] == ("not_valid", "finality")


def test_the_genuine_file_is_judged_by_these_tests_too() -> None:
    assert canon(evidence()) == LEDGER.genuine()["state value"]
    assert judge(evidence())[0] == "valid"
