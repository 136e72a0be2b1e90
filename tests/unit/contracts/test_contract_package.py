# SPDX-License-Identifier: Apache-2.0
"""The package hash stands for every text that a contract runs."""

import sys
from types import ModuleType

import pytest

from hanse.contracts import Contract
from hanse.contracts import package as packages
from hanse.contracts.package import package_files, package_hash
from hanse.crypto import SHA256
from hanse.testing.smallbank import SmallBank

TEXTS = {
    "made.up.contract": "from made.up.model import x\nfrom hanse.contracts.patterns import one\n",
    "made.up.model": "import hanse.contracts.patterns.two\nfrom hanse.contracts import record\n",
    "made.up.other": "",
    "hanse.contracts.patterns.one": "from hanse.contracts.patterns.two import y\n",
    "hanse.contracts.patterns.two": "y = 1\n",
}


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> type[Contract]:
    for name in TEXTS:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(packages.inspect, "getsource", lambda module: TEXTS[module.__name__])
    return type("Made", (Contract,), {"__module__": "made.up.contract"})


def test_model_and_patterns_belong_to_the_package_and_nothing_else(made_up: type[Contract]) -> None:
    assert list(package_files(made_up)) == ["contract", "model", "pattern_one", "pattern_two"]


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_change_in_any_text_changes_the_hash(
    made_up: type[Contract], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = package_hash(made_up, SHA256.tagged)
    monkeypatch.setitem(TEXTS, name, TEXTS[name] + "# changed\n")
    assert (package_hash(made_up, SHA256.tagged) != before) == (name != "made.up.other")


def test_name_and_version_are_part_of_the_hash() -> None:
    class Renamed(SmallBank):
        name = "bank"

    class Upgraded(SmallBank):
        version = "2"

    for cls in (Renamed, Upgraded):
        cls.__module__ = SmallBank.__module__
        assert package_hash(cls, SHA256.tagged) != package_hash(SmallBank, SHA256.tagged)
    assert list(package_files(SmallBank)) == ["smallbank"]
