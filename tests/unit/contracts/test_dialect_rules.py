# SPDX-License-Identifier: Apache-2.0
"""Each rule of the dialect accepts its accepted example, and refuses its refused one by name."""

import re

import pytest
from tests.unit.contracts.dialect_run import HEAD, check, files_of

from hanse.contracts import Change, Context, Map, Value, Written
from hanse.contracts.dialect import names
from hanse.contracts.dialect.check import check_files, resolver
from hanse.contracts.dialect.finding import Finding
from hanse.contracts.dialect.rules import RULES
from hanse.contracts.types import BigInt, Bytes, Date

IDS = list(RULES)


def findings_on(text: str) -> list[Finding]:
    """Return the findings on an example; one that imports the model is the model itself."""
    if "from .model" in text:
        return check("from .model import x\n", text)
    return check(text)


@pytest.mark.parametrize("rule", IDS)
def test_what_a_rule_accepts_is_accepted(rule: str) -> None:
    row = RULES[rule]
    assert findings_on(row.text_of(row.accepted)) == []


@pytest.mark.parametrize("rule", IDS)
def test_what_a_rule_refuses_is_refused_by_that_rule_and_no_other(rule: str) -> None:
    row = RULES[rule]
    found = findings_on(row.text_of(row.refused))
    assert {one.rule for one in found} == {rule}
    assert all(one.line >= 1 and one.column >= 1 and one.message for one in found)
    assert all(one.remedy == row.remedy for one in found)


def test_every_rule_is_complete_and_numbered_in_order() -> None:
    assert sorted(IDS) == IDS
    assert len(IDS) > 40
    for row in RULES.values():
        assert re.fullmatch(r"D[1-6][0-9]{2}", row.id)
        assert row.title.endswith(".")
        assert row.reason.endswith(".")
        assert row.remedy.endswith(".")
        assert row.accepted != row.refused


def test_a_finding_is_written_as_compilers_write_it() -> None:
    found = check("import os\n\nx = [\n")
    assert [str(one) for one in found] == [
        "contract:3:5 D101 The file is Python that every supported version reads."
    ]
    shown = check("# ünïcode\nx = ('é', 1.5)\n")
    assert [(one.line, one.column, one.rule) for one in shown] == [(2, 11, "D108")]


def test_findings_come_by_place_and_one_fault_is_told_once() -> None:
    text = HEAD + "import random\n\n\ndef f() -> int:\n    return random.random() + random.seed\n"
    assert [one.rule for one in check(text)] == ["D203", "D604", "D603"]


@pytest.mark.parametrize("count", [5_000])
def test_a_chain_of_thousands_of_functions_does_not_trouble_the_checker(count: int) -> None:
    parts = ["def f0() -> int:\n    return 1\n"]
    parts += [f"def f{n}() -> int:\n    return f{n - 1}()\n" for n in range(1, count // 4)]
    found = check("\n\n".join(parts))
    assert {one.rule for one in found} == {"D609"}


def test_a_circle_of_thousands_of_functions_is_seen() -> None:
    count = 1_000
    parts = [f"def f{n}() -> int:\n    return f{(n + 1) % count}()\n" for n in range(count)]
    assert {one.rule for one in check("\n\n".join(parts))} == {"D608"}


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "-" * 200_000 + "1",
        "x = " + "not " * 60_000 + "1",
        "x = " + "(" * 100_000,
        "x = " + "[" * 90 + "]" * 90,
        "x = a" + ".b" * 100_000,
        "x = a" + "()" * 100_000,
        "x = 1" + " + 1" * 50_000,
        "x = " + "a if b else " * 20_000 + "c",
        "x = " + "lambda: " * 30_000 + "1",
        "x = " + "f'{" * 20_000,
        "if a:\n    pass\n" + "elif a:\n    pass\n" * 14_000,
        "".join(" " * n + "if a:\n" for n in range(95)) + " " * 95 + "pass\n",
        "x = " + "**".join("a" * 40_000),
        "class A" + "(A" * 80_000,
        "@a\n" * 80_000 + "def f(): pass",
    ],
    ids=range(15),
)
def test_no_nesting_troubles_the_checker(text: str) -> None:
    assert {one.rule for one in check(text)} <= {"D101", "D103", "D104", "D106", "D110", "D201"}
    assert check(text)


def test_files_import_one_another_in_any_order_but_no_circle() -> None:
    model = "from hanse.contracts import record\n\n\n@record\nclass A:\n    x: int\n"
    assert check("from .model import A\n", model) == []
    assert check("from made.model import A\n", model) == []
    assert [one.rule for one in check("from other.model import A\n", model)] == ["D203"]
    files = {"contract": "from .model import A\nB = 1\n", "model": "from .contract import B\n"}
    found = check_files(files, resolver("made.contract", files)).findings
    assert {one.rule for one in found} <= {"D203", "D204", "D205"}
    assert found


def test_patterns_of_the_house_keep_to_the_dialect() -> None:
    text = "from hanse.contracts.patterns.lineage import Thing\n"
    assert check(text) == []
    assert set(files_of(text)) == {"contract", "pattern_gs1", "pattern_lineage"}


def test_every_attribute_of_every_value_is_guarded_or_data() -> None:
    kinds = (str, bytes, int, bool, list, dict, tuple, range, type(None), BigInt, Bytes, Date)
    host = (Map, Value, Context, Change, Written)
    reachable = {n for kind in (*kinds, *host) for n in dir(kind) if not n.startswith("_")}
    allowed = {*names.GUARDED_ATTRIBUTES, *names.HARMLESS_ATTRIBUTES, *names.API_ATTRIBUTES}
    assert reachable - allowed == set()
