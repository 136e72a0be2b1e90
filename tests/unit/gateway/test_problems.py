# SPDX-License-Identifier: Apache-2.0
"""One shape for every error class of the code base, and a page for each."""

import importlib
import pkgutil
from dataclasses import Field, fields, is_dataclass
from inspect import signature

import pytest
from gateway_fakes import FakeNode, ask

import hanse
from hanse.codec.canonical import decode
from hanse.codec.problems import RESERVED, build_problem, problem_bytes, title_of
from hanse.errors import Corrupt, HanseError, Misconfigured, Refusal, Rejected, TooLarge
from hanse.gateway import build_app
from hanse.gateway.problems import error_classes


def _classes() -> list[type[HanseError]]:
    for module in pkgutil.walk_packages(hanse.__path__, "hanse."):
        parts = module.name.split(".")
        if "tests" not in parts and parts[-1] != "__main__":
            importlib.import_module(module.name)
    return list(error_classes().values())


def _instance(kind: type[HanseError]) -> HanseError:
    if kind.code == "not_admitted":  # its code, status and hint are the kernel's
        # the class takes the rest from a table
        return kind(refusal="bad_signature", tx="T")  # type: ignore[call-arg]
    if is_dataclass(kind):
        return kind(**{f.name: _value(f) for f in fields(kind)})
    return kind(*["text"] * (len(signature(kind).parameters) if "__init__" in vars(kind) else 0))


def _value(field: Field) -> object:
    text = str(getattr(field.type, "__name__", field.type))
    starts = {"int": 7, "bytes": b"\x01", "list": ["a"], "tuple": ("a",), "dict": {"a": 1}}
    return next((value for start, value in starts.items() if text.startswith(start)), "text")


def test_every_error_class_has_the_pinned_shape() -> None:
    classes = _classes()
    assert len(classes) >= 20
    for kind in classes:
        error = _instance(kind)
        problem = decode(problem_bytes(error))
        assert isinstance(problem, dict), kind
        if error.relayed() is None:  # what another party said keeps its own code
            assert problem["code"] == error.code
            facts = set(error.facts())
            assert set(problem) >= {"type", "title", "status", "code", "hint"}
            assert set(problem) - {"type", "title", "status", "code", "hint"} <= facts | {
                f"fact_{name}" for name in facts & RESERVED
            }, kind
        assert problem["type"] == f"/problems/{problem['code']}"
        assert problem["status"] == error.status
        assert problem["title"] == title_of(kind)
        assert problem["title"], kind
        assert problem["hint"], kind


def test_every_error_class_has_a_page_and_a_family_with_a_fitting_status() -> None:
    app = build_app(FakeNode())
    for kind in _classes():
        assert ask(app, "GET", f"/problems/{kind.code}").status == 200, kind
        assert issubclass(kind, Rejected | Corrupt | Misconfigured), kind
        if issubclass(kind, Rejected):
            assert 400 <= kind.status < 500, kind
        else:
            assert 500 <= kind.status < 600, kind


def test_a_code_belongs_to_one_class() -> None:
    _classes()
    waiting, seen = [HanseError], {}
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if "code" in vars(kind) and kind is not HanseError:
            assert seen.setdefault(kind.code, kind) is kind, kind


def test_a_refusal_carries_the_ledgers_own_code() -> None:
    error = Refusal(
        refusal="nonce_reused", reason="other bytes", detail={"status": 1, "n": 2}, tx="T"
    )
    problem = build_problem(error)
    assert problem["type"] == "/problems/nonce_reused"
    assert problem["code"] == "nonce_reused"
    assert problem["detail"] == "other bytes"
    assert (problem["fact_status"], problem["n"], problem["tx"]) == (1, 2, "T")
    assert problem["status"] == 400


@pytest.mark.parametrize(
    ("fact", "shown"),
    [
        (2**60, str(2**60)),
        (b"\x00\xff", "AP8"),
        ("\ud800", "?"),
        ({"b", "a"}, ["a", "b"]),
        ("x" * 5_000, "x" * 1_000),
        ([1.5], ["1.5"]),
    ],
)
def test_a_fact_is_shown_as_json_of_bounded_size(fact: object, shown: object) -> None:
    # any fact may be shown
    error = TooLarge(what=fact, limit=1, actual=2)  # type: ignore[arg-type]
    assert build_problem(error)["what"] == shown
    assert decode(problem_bytes(error))
