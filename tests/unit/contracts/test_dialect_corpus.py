# SPDX-License-Identifier: Apache-2.0
"""Hostile and ordinary contracts come to the end that is written down, to the unit and the byte."""

import json
import sys
import time
from types import ModuleType
from typing import Any

import pytest
from tools._dialect_cases import Case, read_cases
from tools.dialect_corpus import RESULTS, Rows, end_of, run

from hanse.contracts.runtime import LoadedContract

HOSTILE = read_cases("hostile")
BENIGN = read_cases("benign")
KEPT: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
CPU_S_MAX = 3.0  # of one case, checked and run; a budget of 200,000 units is a tenth of it


def said(end: dict[str, Any]) -> str:
    """Return the rules that were broken, or the code."""
    return " ".join(end["rules"]) if "rules" in end else str(end["code"])


@pytest.mark.parametrize("case", [*HOSTILE, *BENIGN], ids=lambda case: case.name)
def test_a_contract_ends_as_it_is_written_down(case: Case) -> None:
    start = time.process_time()
    end = end_of(case)
    assert time.process_time() - start < CPU_S_MAX
    assert said(end) == case.expect
    assert end == KEPT[case.name]


@pytest.mark.parametrize("case", [c for c in BENIGN if c.value], ids=lambda case: case.name)
def test_an_ordinary_contract_gives_the_value_that_a_person_wrote_down(case: Case) -> None:
    assert json.loads(end_of(case)["result"]) == json.loads(case.value)


PLAIN = [case for case in BENIGN if case.frame != "files"]


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.name)
def test_an_ordinary_contract_does_what_plain_python_does(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("plain_contract")
    monkeypatch.setitem(sys.modules, "plain_contract", module)
    text = case.files["contract"]
    exec(compile(text, "plain_contract.py", "exec"), vars(module))
    plain = LoadedContract(module.Made, built_in=True)
    rows = Rows()
    ends = [run(plain, rows, number) for number in range(case.calls)]
    outcome = ends[-1]
    kept = KEPT[case.name]
    assert (outcome.code or "ok") == kept["code"]
    shown = None if outcome.result is None else outcome.result.decode()[:200]
    assert shown == kept["result"]
    assert outcome.cost <= kept["cost"]  # its own steps cost nothing


def test_the_corpus_is_as_large_as_it_was_and_each_case_has_a_name() -> None:
    names = [case.name for case in (*HOSTILE, *BENIGN)]
    assert len(set(names)) == len(names)
    assert sorted(names) == sorted(KEPT)
    assert len(HOSTILE) >= 380
    assert len(BENIGN) >= 80
