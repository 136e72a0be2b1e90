# SPDX-License-Identifier: Apache-2.0
"""The code blocks of a Markdown page, and how each kind is run.

Blocks of one page share a fresh directory, and its Python blocks one module, so that a page may
tell a story. In ``console`` blocks a line after ``$ `` is a command; the lines up to the next one
are what it must print, ``...`` standing for anything. Below ``<!-- not run: reason -->`` a block
is shown and not run.
"""

import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

RUN = {"python", "console"}
COMMAND_TIMEOUT_S = 120
OPENING = re.compile(r"^(?P<indent> *)```(?P<kind>[A-Za-z]*)\s*$")
NOT_RUN = re.compile(r"^<!-- not run: (?P<reason>\S.{7,}) -->$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: where its first line stands, its kind, its text, why it is not run."""

    line: int
    kind: str
    text: str
    not_run: str


def find_blocks(page: str) -> list[Block]:
    """Return every fenced block of a page, in order."""
    blocks: list[Block] = []
    lines = page.splitlines()
    start: int | None = None
    kind = indent = reason = ""
    for number, line in enumerate(lines):
        if start is None:
            if opening := OPENING.match(line):
                start, kind, indent = number + 1, opening["kind"], opening["indent"]
                above = NOT_RUN.match(lines[number - 1].strip()) if number else None
                reason = above["reason"] if above else ""
        elif line.strip() == "```":
            text = "".join(f"{inner.removeprefix(indent)}\n" for inner in lines[start:number])
            blocks.append(Block(start + 1, kind, text, reason))
            start = None
    assert start is None, f"the block that opens above line {start} is not closed"
    return blocks


def split_commands(text: str) -> list[tuple[str, str]]:
    """Return each command of a console block with what it must print."""
    commands: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append((line[2:], ""))
        elif commands and commands[-1][0].endswith("\\") and not commands[-1][1]:
            commands[-1] = (f"{commands[-1][0][:-1]}{line.strip()}", "")
        elif line.strip():
            assert commands, f"a console block begins with a command after '$ ', not with {line!r}"
            command, output = commands[-1]
            commands[-1] = (command, f"{output}{line}\n")
    return commands


class Page:
    """One page being run in a directory of its own."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self.home = home
        stem = re.sub(r"\W", "_", name)
        self.source = home / f"{stem}.py"
        self.module = ModuleType(f"page_{stem}")
        self.module.__file__ = str(self.source)
        self.shown: list[str] = []

    def run(self, block: Block) -> None:
        """Run one block; an assertion names the page and line where it stands."""
        if block.kind == "python":
            self._run_python(block)
        else:
            for command, output in split_commands(block.text):
                self._run_command(block, command, output)

    def _run_python(self, block: Block) -> None:
        # lines keep their numbers, so that a traceback names the line of the page
        self.shown += [""] * (block.line - 1 - len(self.shown)) + block.text.splitlines()
        self.source.write_text("\n".join(self.shown) + "\n", encoding="utf-8")
        sys.modules[self.module.__name__] = self.module
        text = "\n" * (block.line - 1) + block.text
        exec(compile(text, str(self.source), "exec"), self.module.__dict__)

    def _run_command(self, block: Block, command: str, output: str) -> None:
        bin_ = str(Path(sys.executable).parent)
        path = os.pathsep.join([bin_, os.environ.get("PATH", "")])
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.home,
            env={**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
        where = f"{self.name}:{block.line}: $ {command}"
        if output:
            checker, flags = (
                doctest.OutputChecker(),
                doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
            )
            example = doctest.Example(command, output)
            assert checker.check_output(output, done.stdout, flags), (
                where + "\n" + checker.output_difference(example, done.stdout, flags)
            )
        else:
            assert done.returncode == 0, f"{where}\nexit {done.returncode}\n{done.stdout}"
