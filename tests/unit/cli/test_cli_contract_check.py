# SPDX-License-Identifier: Apache-2.0
"""``hanse contract check`` names every place that is outside the dialect, and what to write."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hanse.cli import main
from hanse.contracts.dialect.rules import RULES

BAD = '''\
"""Bad."""

import random
from hanse.contracts import Contract, Context, Map, action


class Bad(Contract):
    things: Map[str, int]

    @action(role=None)
    def go(self, ctx: Context, n: int) -> None:
        """Go."""
        self.things["a"] = n / 2
'''
GOOD = BAD.replace("import random\n", "").replace("n / 2", "n // 2")


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["contract", "check", *args])
    return result.exit_code, result.output


def test_a_file_in_the_dialect_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "good.py"
    path.write_text(GOOD)
    assert run(str(path)) == (0, f"{path}: in the dialect ✓\n")
    code, shown = run(str(path), "--json")
    assert code == 0
    assert json.loads(shown) == {"checked": [str(path)], "findings": [], "ok": True}


def test_findings_have_place_rule_and_remedy_and_end_with_one(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text(BAD)
    code, shown = run(str(path))
    assert code == 1
    assert f"{path}:3:1 D203 random is not for contracts\n    {RULES['D203'].remedy}\n" in shown
    assert f"{path}:13:28 D501 " in shown
    assert "2 findings; `hanse explain D203` says more" in shown
    code, shown = run(str(path), "--json")
    assert code == 1
    found = json.loads(shown)
    assert not found["ok"]
    assert [(f["rule"], f["line"], f["column"]) for f in found["findings"]] == [
        ("D203", 3, 1),
        ("D501", 13, 28),
    ]
    assert all(f["remedy"] == RULES[f["rule"]].remedy for f in found["findings"])


def test_a_folder_is_every_contract_below_it_with_its_model(tmp_path: Path) -> None:
    for name, model in (("one", "x = 1\n"), ("two", "x = 1.5\n")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "contract.py").write_text("from .model import x\n" + GOOD)
        (folder / "model.py").write_text(model)
    code, shown = run(str(tmp_path))
    assert code == 1
    assert shown.startswith(f"{tmp_path / 'two' / 'model.py'}:1:5 D108 ")
    assert "1 finding;" in shown


def test_a_type_that_no_ledger_stores_is_found_when_it_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    path.write_text(GOOD.replace("Map[str, int]", "Map[list[int], int]"))
    code, shown = run(str(path))
    assert code == 1
    assert "D210" in shown


def test_what_cannot_be_checked_is_a_wrong_call(tmp_path: Path) -> None:
    assert run(str(tmp_path))[0] == 2
    assert run(str(tmp_path / "absent.py"))[0] == 2


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"x = 1\x00", "größe = 1".encode()])
def test_any_bytes_are_answered(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "any.py"
    path.write_bytes(content)
    code, shown = run(str(path))
    assert code == (1 if content else 0), shown


def test_every_rule_is_explained_offline() -> None:
    for rule in RULES.values():
        result = CliRunner().invoke(main, ["explain", rule.id])
        assert result.exit_code == 0, rule.id
        assert rule.remedy in result.output
        assert rule.refused.splitlines()[0] in result.output
