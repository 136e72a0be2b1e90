# SPDX-License-Identifier: Apache-2.0
"""Ranges before both verifiers: genuine ones, every change of every field, forged answers."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.client.test_range_proofs import FORGERIES
from tests.verifier.build import b64, canon
from tests.verifier.judge import verify
from tests.verifier.mutate import byte_changes, mutants, respellings, sealed, splices
from tests.verifier.ranges import RangeLedger, bare, range_files

from hanse.client.evidence import verify as verify_by_ledger

OURS = RangeLedger()
FILES = range_files(OURS)
GENUINE = {name: canon(file) for name, file in FILES.items()}
STEPS = ["format", "signature", "inclusion", "finality", "key status", "withdrawal"]


def plain(result: Any) -> dict[str, object]:
    """Return a result's document without the wording, which is each implementation's own."""
    document = dict(result.to_document())
    document["steps"] = [(step["step"], step["passed"]) for step in document["steps"]]
    return document


def same(data: bytes, trust: str | None = OURS.id) -> str:
    """Return the verdict on ``data``, on which both agree: in all but words, where it is good."""
    alone, other = verify(data, trust), verify_by_ledger(data, trust)
    assert alone.verdict == other.verdict
    assert alone.verdict == "not_valid" or plain(alone) == plain(other)
    return alone.verdict


@pytest.mark.parametrize("suite", ["ed25519-sha256", "p256-sha256", "sm2-sm3"])
def test_genuine_ranges_are_valid_in_six_named_steps(suite: str) -> None:
    ledger = RangeLedger(suite)
    for name, file in range_files(ledger).items():
        assert same(canon(file), ledger.id) == "valid", name
        assert [step.step for step in verify(canon(file), ledger.id).steps] == STEPS
        assert same(canon(file), None) == "unknown_issuer"
        assert same(canon(file), "A" * 43) == "not_valid"
        assert ledger.states_a_truth(canon(file))


def test_the_claim_has_the_rows_in_the_order_of_their_keys_and_where_they_stop() -> None:
    claim = verify(GENUINE["limit reached in reverse"], OURS.id).claim
    assert claim["previous"] == ["nut", "13"]
    assert [row["key"][1] for row in claim["rows"]] == ["15", "16", "17", "18", "19"]
    assert (claim["first"], claim["last"], claim["next"]) == ([], ["nut"], None)
    claim = verify(GENUINE["limit reached"], OURS.id).claim
    assert claim["rows"][0] == {"key": ["nut", "01"], "value": 1}
    assert (claim["next"], claim["previous"]) == (["nut", "06"], None)


@pytest.mark.parametrize("name", FILES)
def test_no_change_is_accepted_but_for_a_file_that_states_another_truth(name: str) -> None:
    """``first`` and ``last`` are the question: moved where no row lies between, all holds."""
    data, wrong, count = GENUINE[name], [], 0
    step = 3 if name in ("one row", "limit reached in reverse", "contract without state") else 7
    for what, made in mutants(data, step, len(name)):
        for tried in (made, sealed(made)):
            if tried is None or tried == data:
                continue
            count += 1
            verdict = same(tried) if count % 5 == 0 else verify(tried, OURS.id).verdict
            if verdict == "valid" and not (tried != made and OURS.states_a_truth(tried)):
                wrong.append(what)
    assert wrong == []
    assert count > 150


def test_no_splice_other_spelling_or_changed_byte_is_accepted() -> None:
    pairs = [(a, b) for a in GENUINE.values() for b in GENUINE.values() if a != b]
    made = [m for a, b in pairs for m in splices(a, b)][::3]
    made += [m for data in GENUINE.values() for m in respellings(data)]
    made += list(byte_changes(GENUINE["limit reached"], 37))
    wrong = []
    for what, changed in made:
        for tried in (changed, sealed(changed)):
            if tried is None or tried in GENUINE.values():
                continue
            if verify(tried, OURS.id).verdict == "valid" and not (
                tried != changed and OURS.states_a_truth(tried)
            ):
                wrong.append(what)
    assert wrong == []
    assert len(made) > 1_000


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("judge", [verify, verify_by_ledger])
def test_a_forged_answer_is_refused_as_a_file(judge: Callable, forge: Callable) -> None:
    file = OURS.range("ranks", bare("nut", "03"), bare("nut", "19"))
    assert judge(canon(file), OURS.id).verdict == "valid"
    forge(file["range"])
    result = judge(OURS.seal(file), OURS.id)
    assert (result.verdict, result.steps[-1].step) == ("not_valid", "inclusion")


def test_rows_that_stop_at_both_ends_or_at_none_of_the_range_are_refused() -> None:
    file = FILES["limit reached"]
    part = file["range"]
    for change in (
        {"previous": b64(bare("nut", "00"))},
        {"next": b64(bare("zzz"))},
        {"next": b64(bare("apple"))},
        {"next": None},
        {"next": None, "previous": part["next"]},
        {"previous": None},
        {"entry": part["entry"] | {"value": 1}},
    ):
        assert same(OURS.seal(file | {"range": part | change})) == "not_valid", change


def test_a_map_without_a_tree_cannot_be_shown_empty() -> None:
    file = OURS.range("none")
    for name, contract in (("plain", "shelf"), ("lots", "book"), ("keys", "registry")):
        entries = OURS._entries(3, contract)
        bucket, siblings = OURS._path(entries, OURS.raw_tag("ordered-map", name.encode()))
        made = copy.deepcopy(file) | {"contract": contract, "map": name}
        kh = OURS.raw_tag("contract", contract.encode())
        top, top_siblings = OURS._path(OURS._top(3), kh)
        made["range"] |= {"bucket": top, "siblings": top_siblings}
        made["range"]["entry"] = {"bucket": bucket, "siblings": siblings}
        assert same(OURS.seal(made)) == "not_valid"


# generated: any rows, any range, any limit, either end; and a forgery of it

PART = st.text("ab0\u00e9", max_size=2)
BOUND = st.tuples(PART, PART) | st.tuples(PART) | st.just(())
ROWS = st.dictionaries(st.tuples(PART, PART), st.integers(0, 3), max_size=60)


@given(ROWS, BOUND, BOUND, st.integers(1, 30), st.booleans(), st.data())
@settings(max_examples=120, deadline=None)
def test_both_verifiers_agree_on_generated_ranges_and_on_forgeries_of_them(
    rows: dict, first: tuple, last: tuple, limit: int, reverse: bool, data: st.DataObject
) -> None:
    ledger = RangeLedger(rows=rows)
    file = ledger.range("ranks", bare(*first), bare(*last), limit, reverse=reverse)
    assert same(canon(file), ledger.id) == "valid"
    part = file["range"]
    kind = data.draw(st.sampled_from(["value", "pages", "end", "bound", "byte"]))
    forged = copy.deepcopy(file)
    if kind == "value":
        forged["range"]["values"] = data.draw(st.permutations([*part["values"], 9]))
    elif kind == "pages":
        forged["range"]["pages"] = data.draw(st.permutations([*part["pages"], *part["pages"][:1]]))
    elif kind == "end":
        forged["range"][data.draw(st.sampled_from(["next", "previous"]))] = b64(bare(*last))
    elif kind == "bound":
        forged[data.draw(st.sampled_from(["first", "last"]))] = b64(bare(*data.draw(BOUND)))
    elif part["pages"]:
        at = data.draw(st.integers(0, len(part["pages"]) - 1))
        page = bytearray(json.loads(canon(part["pages"][at])).encode())
        page[data.draw(st.integers(0, len(page) - 1))] ^= 1
        forged["range"]["pages"][at] = page.decode("latin-1")
    made = ledger.seal(forged)
    verdict = same(made, ledger.id)
    assert verdict == "not_valid" or made == canon(file) or ledger.states_a_truth(made)
