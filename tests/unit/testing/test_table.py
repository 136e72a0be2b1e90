# SPDX-License-Identifier: Apache-2.0
"""Tables read as they are written, run on a bench, and say which line went wrong."""

import pytest

from hanse.kernel import load_contract
from hanse.testing.bench import Bench
from hanse.testing.smallbank import SmallBank
from hanse.testing.table import Row, arguments, build_vectors, parse_table, run_table

TABLE = """
# who       action            input                                           expect
ann@bank    create_account    account=ann checking=100 savings=0              ok
ann@bank    create_account    account=ann checking=100 savings=0              already_exists
ann@bank    create_account    account="ben the baker" checking=0 savings=0    ok

bob@mill    send_payment      source=ann target="ben the baker" amount_minor=30   ok
bob@mill    send_payment      source=ann target=ann amount_minor=30           same_account
bob@mill    send_payment      source=ann target=ben amount_minor="30"         bad_argument
"""


def test_a_table_runs_line_by_line(bench: Bench[SmallBank]) -> None:
    run_table(bench, TABLE, {})
    assert bench.actor("bank")(SmallBank.balance, "ann") == 70


def test_a_step_that_ends_otherwise_is_named_with_its_line(bench: Bench[SmallBank]) -> None:
    wrong = TABLE.replace("already_exists", "ok")
    with pytest.raises(AssertionError, match=r"line 4: .*expected ok, got already_exists"):
        run_table(bench, wrong, {})


def test_an_action_that_is_not_there_is_named(bench: Bench[SmallBank]) -> None:
    with pytest.raises(AssertionError, match="line 1: there is no action steal"):
        run_table(bench, "bob@mill  steal  ok", {})


def test_rows_are_portable_values() -> None:
    first = build_vectors(SmallBank, TABLE)[0]
    assert first == {
        "action": "create_account",
        "args": {"account": "ann", "checking": 100, "savings": 0},
        "expect": "ok",
        "who": "ann@bank",
    }


def test_an_input_may_be_left_out() -> None:
    assert parse_table("a@b  run  ok") == [Row(1, "a@b", "run", "", "ok")]


@pytest.mark.parametrize("line", ["a@b run ok", "a@b  run", "a@b  run  x=1  ok  more"])
def test_a_line_with_other_columns_is_refused(line) -> None:
    with pytest.raises(ValueError, match="line 1"):
        parse_table(line)


@pytest.mark.parametrize("text", ["account", "=3", "account=ann,", "account=a b"])
def test_an_input_that_is_no_list_of_names_and_values_is_refused(text) -> None:
    entry = load_contract(SmallBank).entries["create_account"]
    if text == "account=ann,":  # a comma is part of a text
        assert arguments(Row(1, "", "", text, ""), entry) == {"account": "ann,"}
        return
    with pytest.raises(ValueError, match="line 1"):
        arguments(Row(1, "", "", text, ""), entry)


def test_values_are_json_where_they_are_no_text() -> None:
    entry = load_contract(SmallBank).entries["create_account"]
    row = Row(1, "", "", 'checking=-5 savings=[1,{"a": [2]}] account=7', "")
    assert arguments(row, entry) == {"checking": -5, "savings": [1, {"a": [2]}], "account": "7"}
