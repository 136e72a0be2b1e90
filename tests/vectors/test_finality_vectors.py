# SPDX-License-Identifier: Apache-2.0
"""The vectors of finality on CometBFT, judged by both verifiers."""

import json
from pathlib import Path

import pytest
from tests.verifier.build import canon

import hanse_verify
from hanse.client.evidence import verify

FILE = Path(__file__).parents[2] / "vectors/finality-cometbft/finality_cometbft.json"
CASES = json.loads(FILE.read_bytes())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_both_verifiers_say_what_the_vector_says(case: dict) -> None:
    data = canon(case["file"])
    ours, alone = (
        verify(data, case["trust"]).to_document(),
        hanse_verify.verify(data, case["trust"]),
    )
    for result in (ours, alone):
        assert (result["verdict"], result["steps"][-1]["step"]) == (case["verdict"], case["step"])


def test_half_of_the_cases_and_more_are_forgeries() -> None:
    bad = [case for case in CASES if case["verdict"] == "not_valid"]
    assert len(bad) > len(CASES) / 2
    assert len({case["name"] for case in CASES}) == len(CASES)
