# SPDX-License-Identifier: Apache-2.0
"""Every file says its licence and purpose, keeps the glossary and leaves nothing unfinished."""

import ast
import re

import pytest
from tests.tidy.tree import list_files, list_suffix, name_of, parse, read

SPDX = "# SPDX-License-Identifier: Apache-2.0"
PRINTERS = (
    "tests/e2e/",  # helper processes that say when they are ready
    "tests/faults/",  # the same
    "src/hanse/cli/",
    "packages/hanse-verify/src/hanse_verify/__main__.py",
    "tools/",
    "bench/",
)
TODO = re.compile(r"\b(?:TODO|FIXME|XXX)\b(?! #\d)")
SILENCED = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma: no cover)(.*)$")
CODE = re.compile(r"(?:: [A-Z]+\d+(, ?[A-Z]+\d+)*|\[[a-z-]+(, ?[a-z-]+)*\])")
CODE_AND_REASON = re.compile(CODE.pattern + r"\s+#? ?\S")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:root|work|home/[a-z]+)/\w")
THIS_FILE = "tests/tidy/test_text.py"

# words of the glossary's "do not say" column that have no other honest use, and American spellings
BANNED = {
    "chaincode": "contract",
    "blacklist": "freeze, or a refusal",
    "whitelist": "allow-list",
    "takedown": "mask",
    "world state": "state",
    "subnet": "network",
    "merkle path": "inclusion proof (always name which proof)",
    "nft": "transferable record",
    "behavior": "behaviour",
    "honor": "honour",
    "favor": "favour",
}
# words that an outside standard imposes stay where that standard is read and written
IMPOSED = re.compile(r"/(?:standards\.py|epcis/|vectors/|tests/)")


def test_every_python_file_begins_with_its_licence() -> None:
    bad = [
        name_of(path)
        for path in list_suffix(".py")
        if read(path) and read(path).splitlines()[0] != SPDX
    ]
    assert not bad


def test_every_module_says_what_it_is_for() -> None:
    bad = [
        name_of(path)
        for path in list_suffix(".py")
        if not (ast.get_docstring(parse(path)) or "").strip()
    ]
    assert not bad


def test_only_the_command_line_prints() -> None:
    bad = [
        f"{name_of(path)}:{node.lineno}"
        for path in list_suffix(".py")
        if not name_of(path).startswith(PRINTERS)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"print", "breakpoint"}
    ]
    assert not bad


@pytest.mark.parametrize("suffix", [".py", ".md", ".html", ".js", ".css", ".toml"])
def test_unfinished_work_names_its_issue(suffix: str) -> None:
    bad = [
        f"{name_of(path)}:{number}: {line.strip()[:80]}"
        for path in list_suffix(suffix)
        if name_of(path) != THIS_FILE
        for number, line in enumerate(read(path).splitlines(), 1)
        if TODO.search(line)
    ]
    assert not bad


def test_what_silences_a_check_names_the_code_and_the_reason() -> None:
    bad = []
    for path in list_suffix(".py"):
        if name_of(path) == THIS_FILE:
            continue
        lines = read(path).splitlines()
        for number, line in enumerate(lines, 1):
            found = SILENCED.search(line)
            # the reason may stand on the line above, where it has room
            above = number > 1 and lines[number - 2].lstrip().startswith("# ")
            if found and not (CODE if above else CODE_AND_REASON).match(found[1]):
                bad.append(f"{name_of(path)}:{number}: {line.strip()[-80:]}")
    assert not bad, "\n".join(bad)


def test_no_file_names_the_machine_it_was_written_on() -> None:
    bad = [
        f"{name_of(path)}: {found[0]}"
        for path in list_files()
        if path.suffix in {".py", ".md", ".toml", ".html", ".js", ".json", ".lock", ""}
        and name_of(path) != THIS_FILE
        and (found := MACHINE_PATHS.search(read(path)))
    ]
    assert not bad


@pytest.mark.parametrize("word", sorted(BANNED))
def test_the_glossary_is_kept(word: str) -> None:
    pattern = re.compile(rf"\b{re.escape(word)}s?\b", re.IGNORECASE)
    bad = [
        f"{name_of(path)}:{number}: say {BANNED[word]}"
        for path in list_suffix(".py", ".md", ".html")
        if not IMPOSED.search(name_of(path)) and not name_of(path).startswith("tests/")
        for number, line in enumerate(read(path).splitlines(), 1)
        if pattern.search(line)
    ]
    assert not bad


def test_the_names_of_files_are_nouns_that_say_something() -> None:
    vague = {"utils.py", "util.py", "misc.py", "common.py", "manager.py", "helpers.py"}
    assert not [name_of(path) for path in list_suffix(".py") if path.name in vague]
