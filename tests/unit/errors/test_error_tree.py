# SPDX-License-Identifier: Apache-2.0
"""Every error of every room: one family, a stable code, a hint, a status of its family."""

import importlib
import pkgutil
from dataclasses import fields, is_dataclass

import pytest

import hanse
from hanse.errors import Corrupt, HanseError, Malformed, Misconfigured, Refusal, Rejected, TooLarge

FAMILIES = (Rejected, Corrupt, Misconfigured)
ROOMS = (
    "errors",
    "codec",
    "crypto",
    "merkle",
    "identity",
    "contracts",
    "kernel",
    "storage",
    "vault",
)


def load() -> list[type[HanseError]]:
    for room in ROOMS:
        package = importlib.import_module(f"hanse.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found: list[type[HanseError]] = []
    waiting: list[type[HanseError]] = [HanseError]
    for kind in waiting:
        found += [k for k in kind.__subclasses__() if k not in found]
        waiting += kind.__subclasses__()
    inside = tuple(f"{hanse.__name__}.{room}" for room in ROOMS)
    return [k for k in found if k not in FAMILIES and k.__module__.startswith(inside)]


LEAVES = load()


@pytest.mark.parametrize("kind", LEAVES, ids=lambda k: k.__name__)
def test_an_error_has_a_family_a_code_a_hint_and_a_status(kind: type[HanseError]) -> None:
    assert len([family for family in FAMILIES if issubclass(kind, family)]) == 1
    assert "code" in vars(kind)
    assert kind.code.replace("_", "").isalnum()
    assert kind.code.islower()
    assert kind.hint.endswith((".", "?"))
    assert is_dataclass(kind)
    assert kind.__hash__ is not None
    assert kind.__doc__
    floor = 400 if issubclass(kind, Rejected) else 500
    assert floor <= kind.status < floor + 100


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in LEAVES]
    assert len(codes) == len(set(codes)) > 8


def test_an_error_says_its_code_and_its_facts() -> None:
    error = TooLarge(what="bytes", limit=1, actual=2)
    assert str(error) == "too_large: what=bytes, limit=1, actual=2"
    assert error.facts() == {"what": "bytes", "limit": 1, "actual": 2}
    assert [f.name for f in fields(error)] == ["what", "limit", "actual"]
    assert str(HanseError()) == "error"
    assert str(Refusal("not_found")).startswith("refusal: refusal=not_found")
    assert Malformed(reason="r").at == "$"


def test_whose_fault_it_is_decides_the_exit_code() -> None:
    assert [family.exit_code for family in FAMILIES] == [1, 3, 4]
