# SPDX-License-Identifier: Apache-2.0
"""The lowered text: what is charged where, what keeps its line, where a call stops."""

import json
from typing import Any

import pytest
from tests.unit.contracts.dialect_run import (
    HEAD,
    Rows,
    body_of,
    call,
    check,
    files_of,
    program,
    run,
    value,
)

from hanse.apps.trace.contract import Trace
from hanse.codec.limits import (
    CALL_CHAIN_MAX,
    DICT_KEY_BITS_MAX,
    ITEMS_MAX,
    KEY_DEPTH_MAX,
    LOOP_DEPTH_MAX,
    NESTING_MAX,
    SOURCE_BYTES_MAX,
    SOURCE_DEPTH_MAX,
    SOURCE_NODES_MAX,
    TEXT_CHARS_MAX,
)
from hanse.contracts.dialect.lower import BRANCH_NODES
from hanse.contracts.dialect.program import build_program
from hanse.contracts.meter import COSTS, Meter
from hanse.contracts.package import lowered_hash, package_files
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.schema import describe
from hanse.crypto import SHA256
from hanse.errors import Rejected
from hanse.testing.smallbank import SmallBank


def lowered(function: str) -> str:
    """Return the lowered text of a module with this function."""
    return build_program("m.contract", {"contract": function}).texts["contract"]


def test_a_function_is_charged_where_it_begins() -> None:
    assert lowered("def f(n: int) -> int:\n    return n\n") == (
        "def f(n):\n _M.left -= 1\n if _M.left < 0: _Stop()\n return n\n"
    )


def test_a_loop_that_cannot_end_early_is_charged_at_once() -> None:
    text = lowered("def f(xs: list[int]) -> None:\n    for x in xs:\n        abs(x)\n")
    assert " for x in _It(_M, xs, 1):\n  _B_abs(x)\n" in text
    for end in ("break", "return None"):
        text = lowered(f"def f(xs: list[int]) -> None:\n    for x in xs:\n        {end}\n")
        assert " for x in _Rounds(_M, xs):\n  _M.left -= 1\n  if _M.left < 0: _Stop()\n" in text
    inner = "def f(xs: list[int]) -> None:\n    for x in xs:\n        for y in xs:\n"
    text = lowered(f"{inner}            break\n")
    assert "for x in _It(" in text
    assert "for y in _Rounds(" in text


def test_a_small_branch_is_charged_with_what_is_around_it_and_a_large_one_by_itself() -> None:
    def branch(count: int) -> str:
        body = "".join(f"        a{n} = n\n" for n in range(count))
        return lowered(f"def f(n: int) -> None:\n    if n > 5:\n{body}")

    few, many = (BRANCH_NODES - 1) // 2, BRANCH_NODES // 2
    assert branch(few).count("_M.left -= ") == 1
    assert branch(many).count("_M.left -= ") == 2


def test_integers_are_looked_at_after_the_operation_and_constants_not_at_all() -> None:
    text = lowered("N = 5\n\n\ndef f(a: int, b: int) -> int:\n    return a + b\n")
    assert "(_R if _T(_R := a + b) is _I and _N < _R < _P else _Sum(_M, _R))" in text
    for plain in ("a < 5", "a == N", "a is None", "a != 'x'", "a // b", "len(b) >= a"):
        text = lowered(f"N = 5\n\n\ndef f(a: int, b: int) -> bool:\n    return {plain}\n")
        assert "_T(" not in text, plain


def test_the_lowered_text_is_ascii_whatever_the_author_wrote() -> None:
    text = program(body_of("self.ints['鐵路'] = 1  # naïve\nreturn 1", more='X = "größe"\n'))
    assert text.texts["contract"].isascii()
    assert "X = 'gr\\xf6\\xdfe'" in text.texts["contract"]


def test_comments_blanks_and_quotes_do_not_change_what_runs() -> None:
    one = lowered('def f(n: int) -> str:\n    return "a" if n > 1 else "b"\n')
    other = lowered(
        "# a comment\n\n\ndef f(\n    n: int,\n) -> str:\n"
        '    """Say it."""\n    return (\'a\' if (n) > 0x1 else \'b\')  # so\n'
    )
    assert one == other


def test_tracebacks_and_outcomes_name_the_authors_lines() -> None:
    lines = "n = 1\n\nxs = [n]\nreturn helper(\n    xs\n)"
    more = "\n\ndef helper(xs: list[int]) -> int:\n    # look\n    return xs[\n        5 - 2]\n"
    outcome = run(lines, more=more)
    text = body_of(lines, more=more)
    wanted = text.splitlines().index("    return xs[") + 1
    assert outcome.code == "contract_fault"
    assert outcome.at == f"contract.py:{wanted} helper"
    refused = run('require(1 > 2, "no", "why")\nreturn 1')
    assert refused.at.startswith("contract.py:")
    assert refused.at.endswith(" act")
    assert run("return 1").at == ""


def test_docs_and_refusals_of_actions_survive_the_lowering() -> None:
    made = LoadedContract(SmallBank)
    plain = LoadedContract(SmallBank, built_in=True)
    for name, entry in plain.entries.items():
        assert made.entries[name].doc == entry.doc
        assert made.entries[name].rejects == entry.rejects
        assert made.entries[name].parameters == entry.parameters
    trace, raw = LoadedContract(Trace), LoadedContract(Trace, built_in=True)
    described = describe(trace, "h", "s")
    assert described == describe(raw, "h", "s") | {"events": described["events"]}
    assert set(raw.events) < set(trace.events)  # that of a program knows its model's events, too


def test_the_hash_of_the_lowered_text_stands_for_what_runs() -> None:
    files = package_files(SmallBank)
    ((name, text),) = files.items()

    def digest(changed: str) -> str:
        made = build_program("m.contract", {name: changed})
        return lowered_hash(made, SmallBank, SHA256.tagged)

    assert digest(text) == digest(text + "# a comment\n")
    assert digest(text) != digest(text.replace("PENALTY_MINOR = 1", "PENALTY_MINOR = 2"))


def test_every_load_has_a_meter_and_functions_of_its_own() -> None:
    made = program(body_of("return 1"))
    one, other = Meter(100), Meter(100)
    first, second = made.load(one)["contract"], made.load(other)["contract"]
    assert first["Made"] is not second["Made"]
    assert first["__builtins__"].keys() == {"__build_class__"}
    first["Made"].act(None, None)
    assert (one.used, other.used) == (1, 0)


def test_a_contract_is_known_by_its_text_and_must_be_one() -> None:
    with pytest.raises(TypeError, match="0 contracts"):
        LoadedContract.of_program(program(HEAD))
    two = "\n\nclass A(Contract):\n    pass\n\n\nclass B(Contract):\n    pass\n"
    with pytest.raises(TypeError, match="2 contracts"):
        LoadedContract.of_program(program(HEAD + two))
    with pytest.raises(Rejected, match="D203"):
        program("import os\n")


# -- the last unit ---------------------------------------------------------------------------------

STEPS = """\
n = 0
while n < 50:
    n += 1
    self.ints[f"k{n % 3}"] = n
    if n > 30:
        a, b, c, d, e, f = n, n + 1, n + 2, n + 3, n + 4, n + 5
        n = a + b + c + d + e + f - 5 * n - 15
return sorted([n, 1])[0]"""


def test_a_call_ends_at_each_possible_unit_in_the_same_way() -> None:
    loaded = LoadedContract.of_program(program(body_of(STEPS)))
    full = call(loaded, "act")
    assert full.code is None
    for cost_max in range(0, full.cost, 7):
        outcome = call(loaded, "act", cost_max=cost_max)
        assert (outcome.code, outcome.cost, outcome.writes) == ("cost_exceeded", cost_max, {})
        assert outcome.reason == f"more than {cost_max} units are needed"
    assert call(loaded, "act", cost_max=full.cost) == full


def test_what_fails_after_the_last_unit_is_the_last_units_fault() -> None:
    big = "x0" + "".join(f"; x{n} = {n}" for n in range(1, 60))
    for last in ('require(False, "no_way", "hint")', "y = 1 // (x1 - x1)", "y = [1][5 - x1]"):
        lines = f"if ctx.height > 1:\n    {big.replace('x0', 'x0 = 0', 1)}\n    {last}\nreturn 1"
        loaded = LoadedContract.of_program(program(body_of(lines)))
        code = call(loaded, "act").code
        assert code in ("no_way", "contract_fault")
        spent = call(loaded, "act", cost_max=COSTS["action"] + 5)
        assert (spent.code, spent.cost) == ("cost_exceeded", COSTS["action"] + 5)


# -- each bound, at its last value and beyond ------------------------------------------------------


@pytest.mark.parametrize(
    ("at_most", "beyond"),
    [
        (f'x = "x" * {TEXT_CHARS_MAX}', f'x = "x" * {TEXT_CHARS_MAX + 1}'),
        (f'x = "x" * {TEXT_CHARS_MAX - 1} + "y"', f'x = "x" * {TEXT_CHARS_MAX} + "y"'),
        (f'x = b"x" * {TEXT_CHARS_MAX}', f'x = b"x" * {TEXT_CHARS_MAX + 1}'),
        (f"x = [0] * {ITEMS_MAX}", f"x = [0] * {ITEMS_MAX + 1}"),
        (f"x = list(range({ITEMS_MAX}))", f"x = list(range({ITEMS_MAX + 1}))"),
        (f"x = [n for n in range({ITEMS_MAX})]", f"x = [n for n in range({ITEMS_MAX + 1})]"),
        (
            f"x = {{n: 1 for n in range({ITEMS_MAX})}}",
            f"x = {{n: 1 for n in range({ITEMS_MAX + 1})}}",
        ),
        ("x = 2 ** 255 - 1 + 2 ** 255", "x = 2 ** 255 + 2 ** 255"),
        ("x = -(2 ** 255) - (2 ** 255 - 1)", "x = -(2 ** 255) - 2 ** 255"),
        (f"x = {{2 ** {DICT_KEY_BITS_MAX} - 1: 1}}", f"x = {{2 ** {DICT_KEY_BITS_MAX}: 1}}"),
        ('x = "0".zfill(65536)', 'x = "0".zfill(65537)'),
        ("x = 1 << 255", "x = 1 << 256"),
    ],
    ids=range(12),
)
def test_a_value_reaches_its_bound_and_no_further(at_most: str, beyond: str) -> None:
    assert run(f"{at_most}\nreturn 1").code is None
    assert run(f"{beyond}\nreturn 1").code == "contract_fault"


def test_a_list_grows_to_its_bound_and_no_further() -> None:
    for grow in ("xs.append(0)", "xs.insert(0, 0)", "xs += [0]", "xs.extend([0])"):
        full = f"xs = [0] * {ITEMS_MAX - 1}\n{grow}\n"
        assert run(f"{full}return len(xs)").result == str(ITEMS_MAX).encode()
        assert run(f"{full}{grow}\nreturn 1").code == "contract_fault"


def test_values_nest_to_their_bound_where_they_are_compared() -> None:
    def nest(levels: int) -> str:
        lines = f"a = [1]\nb = [1]\nfor _ in range({levels - 1}):\n    a = [a]\n    b = [b]\n"
        return f"{lines}return 1 if a == b else 0"

    assert value(nest(NESTING_MAX)) == 1
    assert run(nest(NESTING_MAX + 1)).code == "contract_fault"


def test_a_key_nests_to_its_bound() -> None:
    def prefix(levels: int) -> str:
        lines = f"t = 'x'\nfor _ in range({levels}):\n    t = (t,)\n"
        return f"{lines}return len(list(self.pairs.keys(t)))"

    assert value(prefix(1)) == 0
    assert run(prefix(KEY_DEPTH_MAX + 2)).code == "contract_fault"


def test_a_chain_of_calls_reaches_its_bound() -> None:
    def chain(count: int) -> str:
        first = "def f0() -> int:\n    return 1\n"
        rest = (f"\n\ndef f{n}() -> int:\n    return f{n - 1}() + 1\n" for n in range(1, count))
        return first + "".join(rest)

    assert check(chain(CALL_CHAIN_MAX)) == []
    assert {one.rule for one in check(chain(CALL_CHAIN_MAX + 1))} == {"D609"}
    top = value(f"return f{CALL_CHAIN_MAX - 2}()", more="\n\n" + chain(CALL_CHAIN_MAX - 1))
    assert top == CALL_CHAIN_MAX - 1


def test_a_file_reaches_its_bounds() -> None:
    assert check("#" * SOURCE_BYTES_MAX) == []
    assert [one.rule for one in check("#" * (SOURCE_BYTES_MAX + 1))] == ["D102"]
    frame = 5  # module, assignment, name, tuple, and the first of them counted from one
    assert check(f"x = ({'1, ' * (SOURCE_NODES_MAX - frame)})") == []
    assert [one.rule for one in check(f"x = ({'1, ' * SOURCE_NODES_MAX})")] == ["D103"]
    for count, rules in ((LOOP_DEPTH_MAX, []), (LOOP_DEPTH_MAX + 1, ["D104"])):
        loops = "".join(f"{'    ' * n}for a{n} in (1,):\n" for n in range(1, count + 1))
        text = f"def f() -> None:\n{loops}{'    ' * (count + 1)}pass\n"
        assert [one.rule for one in check(text)] == rules


NESTS = {
    "sums": ("n", "({} + n)"),
    "differences": ("n", "(n - {})"),
    "products": ("n", "({} * n)"),
    "bits": ("n", "(n ^ {})"),
    "comparisons": ("n", "({} < n)"),
    "chains": ("n", "(0 < {} < abs(n))"),
    "conditions": ("n", "({} if n else n)"),
    "negations": ("n", "(not {})"),
    "minus": ("n", "(-{})"),
    "lists": ("n", "[{}]"),
    "tuples": ("n", "({},)"),
    "dicts": ("n", "{{'a': {}}}"),
    "calls": ("n", "abs({})"),
    "maxima": ("n", "max({}, n)"),
    "texts": ("text", "(text + {})"),
    "entries": ("xs", "xs[{}]"),
    "parts": ("text", "text[{}:]"),
    "methods": ("text", "text.replace('a', {})"),
    "comprehensions": ("xs", "[x for x in {}]"),
    "results": ("n", "[{} for x in xs]"),
    "keys": ("n", "sorted(xs, key=lambda x: {})"),
}


@pytest.mark.parametrize("nest", NESTS)
def test_whatever_the_checker_lets_nest_can_be_compiled(nest: str) -> None:
    inner, around = NESTS[nest]
    deepest = 0
    for levels in range(1, SOURCE_DEPTH_MAX + 1):
        text = inner
        for _ in range(levels):
            text = around.format(text)
        module = f"def f(n: int, text: str, xs: list[int]) -> None:\n    y = {text}\n"
        if check(module):
            break
        deepest = levels
        build_program("m.contract", files_of(module))
    assert deepest >= 12


def test_statements_nest_as_deep_as_the_checker_lets_them() -> None:
    for kind in ("if n", "if n > 1 and n < 5"):
        for levels in range(40, SOURCE_DEPTH_MAX):
            lines = "".join(f"{' ' * d}{kind}:\n" for d in range(1, levels))
            module = f"def f(n: int) -> None:\n{lines}{' ' * levels}pass\n"
            if check(module):
                break
            build_program("m.contract", files_of(module))
    chain = "if n == 0:\n        pass\n" + "".join(
        f"    elif n == {n}:\n        pass\n" for n in range(1, 50)
    )
    assert check(f"def f(n: int) -> None:\n    {chain}") == []
    build_program("m.contract", {"contract": f"def f(n: int) -> None:\n    {chain}"})


def test_arguments_are_bounded_as_values_are() -> None:
    loaded = LoadedContract.of_program(
        program(body_of("return len(a) + len(b)", args=", a: str, b: list[int]"))
    )

    def given(text: int, items: int) -> Any:
        outcome = call(loaded, "act", {"a": "x" * text, "b": [1] * items})
        return outcome.code or json.loads(outcome.result or b"")

    assert given(TEXT_CHARS_MAX, ITEMS_MAX) == TEXT_CHARS_MAX + ITEMS_MAX
    assert given(TEXT_CHARS_MAX + 1, 0) == "bad_argument"
    assert given(0, ITEMS_MAX + 1) == "bad_argument"


def test_rows_of_the_state_are_seen_as_they_were_kept() -> None:
    rows = Rows()
    rows.held[b"ints\x00\x30a\x00"] = b"5"
    loaded = LoadedContract.of_program(program(body_of('return self.ints["a"]')))
    assert call(loaded, "act", rows=rows).result == b"5"
