# SPDX-License-Identifier: Apache-2.0
"""Calls of a contract's own functions are counted before they run; roles are those of ``Role``."""

import pytest
from tests.unit.contracts.dialect_run import HEAD, check

MODEL = """\
from typing import Literal
from hanse.contracts import event, record, require

Role = Literal["packer", "clerk"]


@record
class Lot:
    kg: int
    note: str = ""
    tags: list[str] = []


def weigh(kg: int, *, per: int = 1, unit: str) -> int:
    return kg // per
"""
MAIN = """\
from .model import Lot, Role, weigh


def add(a: int, b: int = 1, c: int = 2) -> int:
    return a + b + c


class Shelf(Contract):
    lots: Map[str, Lot]

    @action(role="packer")
    def put(self, ctx: Context, lot: str, kg: int) -> None:
        self._keep(lot, Lot(kg=kg))

    def _keep(self, lot: str, value: Lot, *, twice: bool = False) -> int:
        self.lots[lot] = value
        return add(1)

    @query
    def other(self, ctx: Context, lot: str, kg: int) -> None:
        {line}
"""


def found(line: str) -> list[str]:
    """Return what is found where a method holds this line."""
    return [str(one) for one in check(HEAD + MAIN.replace("{line}", line), MODEL)]


@pytest.mark.parametrize(
    "line",
    [
        "x = add(1)",
        "x = add(1, 2, 3)",
        "x = add(1, c=3)",
        "x = add(c=3, a=1)",
        "x = weigh(1, unit='g')",
        "x = weigh(kg=1, unit='g', per=2)",
        "x = self._keep(lot, Lot(kg=1), twice=True)",
        "self.put(ctx, lot, kg=kg)",
        "y = Lot(kg=1, tags=[])",
    ],
)
def test_a_call_that_fits_is_accepted(line: str) -> None:
    assert found(line) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x = add()", "add needs a"),
        ("x = add(1, 2, 3, 4)", "add takes 3 values by place, 4 are given"),
        ("x = add(1, a=2)", "add is given a twice"),
        ("x = add(1, d=2)", "add has no parameter d"),
        ("x = add(b=2)", "add needs a"),
        ("x = weigh(1)", "weigh needs unit"),
        ("x = weigh(1, 'g')", "weigh takes 1 values by place, 2 are given"),
        ("x = self._keep(lot)", "_keep needs value"),
        ("x = self._keep(lot, Lot(kg=1), True)", "_keep takes 2 values by place, 3 are given"),
        ("self.put(lot, kg)", "put needs kg"),
        ("self.put(ctx, lot, kg, 1)", "put takes 3 values by place, 4 are given"),
        ("y = Lot(note='a')", "Lot needs kg"),
        ("y = Lot()", "Lot needs kg"),
        ("x = max(1, weigh(1), 2)", "weigh needs unit"),
        ("x = [add() for a in [1]]", "add needs a"),
    ],
)
def test_a_call_that_does_not_fit_is_found_where_it_stands(line: str, message: str) -> None:
    (one,) = found(line)
    assert one.startswith("contract:25:")
    assert one.endswith(f" D612 {message}")


def test_what_is_refused_for_its_form_is_not_counted_as_well() -> None:
    for line in ("x = add(*[1])", "x = add(**{})", "x = self._keep(*[lot])"):
        assert [one.split()[1] for one in found(line)] == ["D504"]


@pytest.mark.parametrize("word", ["in", "not in"])
def test_a_role_that_is_looked_for_among_the_signers_is_one_of_those_listed(word: str) -> None:
    assert found(f"x = 'clerk' {word} ctx.roles") == []
    (one,) = found(f"x = 'clark' {word} ctx.roles")
    assert one.endswith(" D308 'clark' is no Role")
    text = HEAD + MAIN.replace("{line}", f"x = 'clark' {word} ctx.roles")
    assert check(text.replace("Lot, Role, weigh", "Lot, weigh"), MODEL) == []


def test_a_role_is_one_of_those_that_the_module_or_its_model_lists() -> None:
    assert found("pass") == []
    text = HEAD + MAIN.replace("{line}", "pass").replace('role="packer"', 'role="paker"')
    assert [str(one) for one in check(text, MODEL)] == ["contract:15:18 D308 'paker' is no Role"]
    for other in (
        text.replace("Lot, Role, weigh", "Lot, weigh"),  # nothing is listed: nothing to compare
        text.replace('role="paker"', "role=None"),
        text.replace("Lot, Role, weigh", "Lot, weigh").replace(
            "class Shelf", "Role = str\n\n\nclass Shelf"
        ),
    ):
        assert check(other, MODEL) == []
