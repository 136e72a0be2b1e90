# SPDX-License-Identifier: Apache-2.0
"""The sizes of files, functions, lines and pages stay readable in one sitting."""

import ast
from pathlib import Path

from tests.tidy.tree import ROOT, list_files, list_suffix, name_of, parse, read, walk_functions

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
PARAMETERS_MAX = 5
LINE_CHARS_MAX = {".py": 100, ".md": 120}
SPEC_LINES_MAX = 200
CONTRACT_LINES_MAX = 300
TOOL_LINES_MAX = 200
FILE_BYTES_MAX = 200_000
LOCK_FILES = {"uv.lock"}  # written by a tool, read by a tool

# Starts empty and may only shrink; an entry that is no longer needed fails, too.
ALLOWED: dict[str, str] = {}


def report(found: dict[str, str]) -> None:
    """Fail unless what is too large is exactly what is allowed to be."""
    new = {name: about for name, about in found.items() if name not in ALLOWED}
    assert not new, "too large:\n" + "\n".join(f"  {n}: {a}" for n, a in sorted(new.items()))


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    assert node.end_lineno is not None
    lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is not None:
        doc = node.body[0]
        assert doc.end_lineno is not None
        lines -= doc.end_lineno - doc.lineno + 1
    return lines


def test_no_python_file_is_longer_than_500_lines() -> None:
    lines = {name_of(path): len(read(path).splitlines()) for path in list_suffix(".py")}
    report({name: f"{count} lines" for name, count in lines.items() if count > FILE_LINES_MAX})


def test_no_function_is_longer_than_60_lines() -> None:
    report(
        {
            f"{name_of(path)}:{node.lineno} {node.name}": f"{function_lines(node)} lines"
            for path in list_suffix(".py")
            for node in walk_functions(parse(path))
            if function_lines(node) > FUNCTION_LINES_MAX
        }
    )


def test_no_function_takes_more_than_five_positional_parameters() -> None:
    found = {}
    for path in list_suffix(".py"):
        if "tests" in path.parts:
            continue
        for node in walk_functions(parse(path)):
            names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
            count = len(names) - (bool(names) and names[0] in {"self", "cls"})
            if "noqa: PLR0913" in read(path).splitlines()[node.lineno - 1]:
                continue  # the reason stands there
            decorators = {ast.unparse(d).split("(")[0].split(".")[0] for d in node.decorator_list}
            # a command's and an action's parameters are its options and arguments, given by name
            if count > PARAMETERS_MAX and not decorators & {"click", "cli", "action", "query"}:
                found[f"{name_of(path)}:{node.lineno} {node.name}"] = f"{count} parameters"
    report(found)


def test_no_line_is_longer_than_a_screen() -> None:
    found = {}
    for path in list_suffix(*LINE_CHARS_MAX):
        fenced = False
        for number, line in enumerate(read(path).splitlines(), 1):
            fenced ^= line.lstrip().startswith("```")
            # an example, a table row and a bare address cannot be folded
            free = path.suffix == ".md" and (
                fenced or line.lstrip().startswith(("|", "```", "[", "<"))
            )
            if len(line) > LINE_CHARS_MAX[path.suffix] and not free:
                found[f"{name_of(path)}:{number}"] = f"{len(line)} characters"
    report(found)


def lines_over(paths: list[Path], limit: int) -> dict[str, str]:
    """Return which of these files exceed the limit."""
    counts = {name_of(path): len(read(path).splitlines()) for path in paths}
    return {name: f"{count} lines" for name, count in counts.items() if count > limit}


def test_each_page_of_the_specification_is_read_in_one_sitting() -> None:
    report(lines_over([p for p in list_suffix(".md") if p.parent == ROOT / "spec"], SPEC_LINES_MAX))


def test_each_contract_is_read_in_one_sitting() -> None:
    contracts = [path for path in list_suffix(".py") if path.name == "contract.py"]
    apps = [path for path in contracts if "apps" in path.parts and "tests" not in path.parts]
    report(lines_over(apps, CONTRACT_LINES_MAX))


def test_each_tool_is_read_in_one_sitting() -> None:
    tools = [path for path in list_suffix(".py") if path.parent == ROOT / "tools"]
    report(lines_over(tools, TOOL_LINES_MAX))


def test_no_file_is_larger_than_200_kilobytes() -> None:
    sizes = {name_of(path): path.stat().st_size for path in list_files()}
    found = {n: f"{s} bytes" for n, s in sizes.items() if s > FILE_BYTES_MAX}
    report({name: size for name, size in found.items() if name not in LOCK_FILES})


def test_the_list_of_exceptions_is_empty() -> None:
    assert ALLOWED == {}
