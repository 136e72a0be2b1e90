# SPDX-License-Identifier: Apache-2.0
"""Every code that anything answers with has a page that says what to do."""

import json

import pytest
from click.testing import CliRunner

from hanse.apps import discover
from hanse.cli import main
from hanse.cli.explain import FAMILIES, meanings
from hanse.codec.limits import LIMITS
from hanse.contracts.runtime import LoadedContract
from hanse.gateway.problems import error_classes
from hanse.kernel import KERNEL_CODES

MEANINGS = meanings()
CODES = {meaning.code for meaning in MEANINGS}


def _explain(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["explain", *arguments])
    return result.exit_code, result.output


def test_every_error_class_is_explained() -> None:
    classes = {code for code, kind in error_classes().items() if kind not in FAMILIES}
    assert len(classes) > 50
    assert classes - CODES == {"not_admitted"}  # it shows the kernel's codes, never its own


def test_every_code_of_the_kernel_is_explained() -> None:
    assert {entry.code for entry in KERNEL_CODES} <= CODES


def test_every_refusal_of_an_installed_app_is_explained() -> None:
    for app in discover():
        for contract in app.contracts:
            for name, entry in LoadedContract(contract).entries.items():
                assert set(entry.rejects) <= CODES, f"{app.name}.{name}"


def test_every_page_says_cause_clause_and_remedy() -> None:
    for meaning in MEANINGS:
        assert meaning.cause, meaning
        assert meaning.clause, meaning
        assert meaning.remedy, meaning


def test_the_failures_of_our_own_commands_belong_to_a_family() -> None:
    for code in ("story_failed", "bench_failed", "demo_failed", "optimised_python"):
        assert any(m.code == code and "unknown" not in m.clause for m in MEANINGS), code


def test_a_page_names_the_check_and_the_remedy() -> None:
    code, shown = _explain("bad_signature")
    assert code == 0
    assert "stage signature" in shown
    assert "remedy" in shown


def test_a_code_with_two_meanings_shows_both() -> None:
    found = json.loads(_explain("not_found", "--json")[1])
    assert {m["given_by"] for m in found["meanings"]} >= {"kernel", "node"}


def test_too_large_lists_every_limit() -> None:
    found = json.loads(_explain("too_large", "--json")[1])
    assert found["limits"] == LIMITS
    assert "BLOCK_TXS_MAX" in _explain("too_large")[1]


def test_an_unknown_code_is_refused_with_the_nearest_ones() -> None:
    code, shown = _explain("bad_signatur", "--json")
    assert code == 1
    assert "bad_signature" in json.loads(shown)["near"]


def test_the_list_is_one_document_with_every_code() -> None:
    code, shown = _explain("--list", "--json")
    assert code == 0
    assert {row["code"] for row in json.loads(shown)} == CODES


@pytest.mark.parametrize("arguments", [[], ["bad_signature", "--list"]])
def test_a_code_or_the_list_is_asked_for(arguments: list[str]) -> None:
    assert _explain(*arguments)[0] == 2
