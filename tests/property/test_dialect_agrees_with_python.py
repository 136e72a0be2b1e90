# SPDX-License-Identifier: Apache-2.0
"""Programs drawn by chance: the lowered text gives what plain Python gives, or both fail."""

import warnings
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.contracts.dialect.check import check_files, resolver
from hanse.contracts.dialect.program import build_program
from hanse.contracts.meter import Meter
from hanse.contracts.refusals import CostExceeded

NUMBERS = st.sampled_from(["n", "m", "0", "1", "(-3)", "7", "len(text)", "xs[0]", "(1 << 70)"])
TEXTS = st.sampled_from(["text", "'ab'", "''", "text[1:]", "str(n)", "f'{n:>3}'", "'x' * 3"])
LISTS = st.sampled_from(["xs", "[]", "[n, m]", "xs[::-1]", "[x * 2 for x in xs]", "sorted(xs)"])
LOGIC = st.sampled_from(
    ["True", "(n > m)", "(text == 'ab')", "(n in xs)", "(xs == [])", "(not text)"]
)
OTHER = st.sampled_from(["None", "d", "(n, text)", "{'a': n}", "b'ab'"])
LEAVES = st.one_of(NUMBERS, NUMBERS, TEXTS, LISTS, LOGIC, OTHER).map("({})".format)

BINARY = ["+", "-", "*", "//", "%", "&", "|", "^", "<", "<=", ">", ">=", "==", "!=", "in", "not in"]
CALLS = ["abs", "len", "bool", "str", "list", "sum", "min", "max", "sorted", "any", "all", "int"]
SPLIT = ["and", "or"]


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return expressions made of smaller ones."""
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(pair, st.sampled_from(BINARY)).map(lambda t: f"({t[0][0]} {t[1]} {t[0][1]})"),
        st.tuples(pair, st.sampled_from(SPLIT)).map(lambda t: f"({t[0][0]} {t[1]} {t[0][1]})"),
        st.tuples(st.sampled_from(CALLS), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} < {t[1]} <= {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"[{t[0]}, {t[1]}]"),
        st.tuples(inner, inner).map(lambda t: f"[x for x in {t[0]} if {t[1]}]"),
        st.tuples(inner, NUMBERS).map(lambda t: f"{t[0]}[{t[1]}]"),
        st.tuples(inner, NUMBERS).map(lambda t: f"{t[0]}[{t[1]}:]"),
        st.tuples(inner, TEXTS).map(lambda t: f"{t[0]}.split({t[1]})"),
        inner.map(lambda t: f"(not {t})"),
        inner.map(lambda t: f"(-{t})"),
    )


EXPRESSIONS = st.recursive(LEAVES, larger, max_leaves=8)
LINES = st.one_of(
    st.tuples(st.sampled_from(["n", "m", "text", "xs"]), EXPRESSIONS).map(" = ".join),
    st.tuples(st.sampled_from(["n", "m", "text", "xs"]), EXPRESSIONS).map(" += ".join),
    st.tuples(st.sampled_from(["n", "xs"]), EXPRESSIONS).map(" *= ".join),
    st.tuples(EXPRESSIONS, EXPRESSIONS).map(lambda t: f"d[{t[0]}] = {t[1]}"),
    st.tuples(EXPRESSIONS, EXPRESSIONS).map(lambda t: f"xs[{t[0]}] = {t[1]}"),
    EXPRESSIONS.map(lambda t: f"xs.append({t})"),
    st.tuples(EXPRESSIONS, EXPRESSIONS).map(lambda t: f"if {t[0]}:\n        m = {t[1]}"),
    st.tuples(EXPRESSIONS, EXPRESSIONS).map(lambda t: f"for x in {t[0]}:\n        xs = {t[1]}"),
)
SMALL = 1 << 200  # beyond it, and beyond these sizes, the dialect has bounds that Python has not
SIZE = 5_000


def is_within(value: Any, depth: int = 0) -> bool:
    """Whether a value is one that the dialect can hold."""
    if isinstance(value, int):
        return -SMALL < value < SMALL
    if isinstance(value, str | bytes):
        return len(value) < SIZE
    if isinstance(value, list | tuple):
        return len(value) < SIZE and depth < 12 and all(is_within(one, depth + 1) for one in value)
    if isinstance(value, dict):
        return all(is_within(one, depth + 1) for one in value.values())
    return value is None


def end_of(function: Any) -> tuple[str, Any]:
    """Return what came of a run: a value, or that it failed."""
    try:
        return "value", function(3, -8, "abc", [2, 0, 5], {"k": 1})
    except CostExceeded:
        return "spent", None
    except Exception:
        return "failed", None


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES, max_size=5), EXPRESSIONS)
def test_a_program_gives_what_plain_python_gives(lines: list[str], result: str) -> None:
    body = "".join(f"    {line}\n" for line in [*lines, f"return {result}"])
    head = "def f(n: int, m: int, text: str, xs: list[int], d: dict[str, int]) -> int:\n"
    plain: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python sees some of the faults beforehand
        exec(compile(head + body, "drawn", "exec"), plain)
    kind, wanted = end_of(plain["f"])
    files = {"contract": head + body}
    refused = {one.rule for one in check_files(files, resolver("drawn.contract", files)).findings}
    if refused:
        assert refused == {"D509"}
        return
    lowered = build_program("drawn.contract", files).load(Meter(200_000))
    found_kind, found = end_of(lowered["contract"]["f"])
    if kind == "failed":
        assert found_kind in ("failed", "spent")
    elif found_kind == "value":
        assert repr(found) == repr(wanted)  # a list may hold itself
    else:  # the dialect refuses more than Python does, for reasons that are few
        assert found_kind == "spent" or refuses_more(head + body) or not is_within(wanted)


def refuses_more(text: str) -> bool:
    """Whether a program uses what only Python allows: order of booleans, texts that are formatted.

    Kept short on purpose: what is not named here must agree.
    """
    return any(
        word in text
        for word in ("%", " in ", "<", ">", "d[", "|", "min", "max", "sorted", "str(", "int(")
    )
