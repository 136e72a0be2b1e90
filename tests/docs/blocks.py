# SPDX-License-Identifier: Apache-2.0
"""The code blocks of a Markdown page, and how each kind is run.

Blocks of one page share a fresh directory and the variables that its commands export, and its
Python blocks share one module, so that a page may tell a story. In ``console`` blocks a line after
``$ `` is a command; the lines up to the next one are what it must print, ``...`` standing for
anything. A command that ends in ``&`` runs beside the others until the page ends. ``http`` blocks
are exchanges with the node (``transcript.py``). A comment on the line above a block says how it
differs:

    <!-- not run: reason -->   it is shown, not run
    <!-- file: NAME -->        it is a file that the reader writes, whatever its kind
    <!-- beside: demo -->      it starts what the tests share, see ``demo_node.py``
    <!-- beside: says -->      what the newest command beside the page says next, within a minute

A page may change its folder by ``cd``; what follows, whatever its kind, stands in that folder.
"""

import doctest
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import chdir, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tests.docs.transcript import run_exchanges

from hanse.cli.hosting import free_port

RUN = {"python", "console", "http"}
COMMAND_TIMEOUT_S = 120
START_TIMEOUT_S = 60
OPENING = re.compile(r"^(?P<indent> *)```(?P<kind>[A-Za-z]*)\s*$")
NOT_RUN = re.compile(r"^<!-- not run: (?P<reason>\S.{7,}) -->$")
FILE = re.compile(r"^<!-- file: (?P<name>[\w./-]+) -->$")
BESIDE = "<!-- beside: demo -->"
SAYS = "<!-- beside: says -->"
PORT = re.compile(r"(?<=127\.0\.0\.1:)84\d\d\b|(?<=--port )84\d\d\b")
PROGRESS = re.compile(r"^[^:\n]+: \d+ of \d+\n", re.MULTILINE)  # every ten seconds of long work


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: where its first line stands, its kind, its text, how it is run."""

    line: int
    kind: str
    text: str
    not_run: str
    file: str = ""
    beside: bool = False
    says: bool = False

    @property
    def is_run(self) -> bool:
        """Whether a test does anything with it."""
        return bool(self.file) or self.says or (self.kind in RUN and not self.not_run)


def find_blocks(page: str) -> list[Block]:
    """Return every fenced block of a page, in order."""
    blocks: list[Block] = []
    lines = page.splitlines()
    start: int | None = None
    kind = indent = above = ""
    for number, line in enumerate(lines):
        if start is None:
            if opening := OPENING.match(line):
                start, kind, indent = number + 1, opening["kind"], opening["indent"]
                above = lines[number - 1].strip() if number else ""
        elif line.strip() == "```":
            text = "".join(f"{inner.removeprefix(indent)}\n" for inner in lines[start:number])
            reason, file = NOT_RUN.match(above), FILE.match(above)
            blocks.append(
                Block(
                    line=start + 1,
                    kind=kind,
                    text=text,
                    not_run=reason["reason"] if reason else "",
                    file=file["name"] if file else "",
                    beside=above == BESIDE,
                    says=above == SAYS,
                )
            )
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

    def __init__(self, name: str, home: Path, ports: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.home = home
        stem = re.sub(r"\W", "_", name)
        self.source = home / f"{stem}.py"
        self.module = ModuleType(f"page_{stem}")
        self.module.__file__ = str(self.source)
        self.shown: list[str] = []
        self.ports = dict(ports or {})
        self.beside: list[subprocess.Popen[bytes]] = []
        self.folder = home  # where the reader is
        self.heard = 0  # of what the newest command beside the page has said

    def run(self, block: Block) -> None:
        """Run one block; an assertion names the page and line where it stands."""
        text = self._with_ports(block.text)
        if block.file:
            (self.folder / block.file).write_text(text, encoding="utf-8")
        elif block.says:
            self._hear(block, text)
        elif block.kind == "python":
            self._run_python(block, text)
        elif block.kind == "http":
            run_exchanges(text, self.ports["8420"], f"{self.name}:{block.line}")
        else:
            for command, output in split_commands(text):
                if command.endswith("&"):
                    self._start(block, command.removesuffix("&").rstrip())
                else:
                    self._run_command(block, command, output)

    def close(self) -> None:
        """End what the page has started."""
        for process in self.beside:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(START_TIMEOUT_S)

    def _with_ports(self, text: str) -> str:
        """Return the text with each port of ours as one that is free here."""

        def free(found: re.Match[str]) -> str:
            return self.ports.setdefault(found[0], str(free_port()))

        return PORT.sub(free, text)

    def _run_python(self, block: Block, text: str) -> None:
        # lines keep their numbers, so that a traceback names the line of the page
        self.shown += [""] * (block.line - 1 - len(self.shown)) + text.splitlines()
        self.source.write_text("\n".join(self.shown) + "\n", encoding="utf-8")
        sys.modules[self.module.__name__] = self.module
        text = "\n" * (block.line - 1) + text
        with chdir(self.folder):
            exec(compile(text, str(self.source), "exec"), self.module.__dict__)

    def _hear(self, block: Block, text: str) -> None:
        """Wait until the newest command beside the page has said what stands in the block."""
        said = self.home / f".beside-{len(self.beside) - 1}"
        checker, flags = doctest.OutputChecker(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        wanted, deadline = f"...{text.strip()}...\n", time.monotonic() + START_TIMEOUT_S
        where = f"{self.name}:{block.line}"
        while True:
            printed = said.read_text(encoding="utf-8", errors="replace")
            if checker.check_output(wanted, f"\n{printed[self.heard :]}\n", flags):
                self.heard = len(printed)
                return
            assert time.monotonic() < deadline, f"{where}\n{printed[self.heard :]}\nis not\n{text}"
            assert self.beside[-1].poll() is None, f"{where}\nended:\n{printed}"
            time.sleep(0.05)

    def _known(self) -> str:
        kept = shlex.quote(str(self.home / ".exported"))
        return f"[ -f {kept} ] && source {kept}\n"

    def _environment(self) -> dict[str, str]:
        bin_ = str(Path(sys.executable).parent)
        path = os.pathsep.join([bin_, os.environ.get("PATH", "")])
        own = {k: v for k, v in os.environ.items() if not k.startswith("HANSE_")}
        if "8420" in self.ports:  # where commands look by default
            own["HANSE_URL"] = f"http://127.0.0.1:{self.ports['8420']}"
        return {**own, "PATH": path, "NO_COLOR": "1", "COLUMNS": "100"}

    def _run_command(self, block: Block, command: str, output: str) -> None:
        kept = shlex.quote(str(self.home))
        saved = f"s=$?; pwd > {kept}/.folder; declare -px > {kept}/.exported 2>/dev/null; exit $s"
        done = subprocess.run(
            ["bash", "-c", f"{self._known()}{command}\n{saved}"],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
        if (self.home / ".folder").exists():
            self.folder = Path((self.home / ".folder").read_text(encoding="utf-8").strip())
        where = f"{self.name}:{block.line}: $ {command}"
        printed = PROGRESS.sub("", done.stdout)
        if output:
            for shown, used in self.ports.items():
                output = output.replace(f":{shown}", f":{used}")
            checker, flags = (
                doctest.OutputChecker(),
                doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
            )
            example = doctest.Example(command, output)
            assert checker.check_output(output, printed, flags), (
                where + "\n" + checker.output_difference(example, printed, flags)
            )
        else:
            assert done.returncode == 0, f"{where}\nexit {done.returncode}\n{done.stdout}"

    def _start(self, block: Block, command: str) -> None:
        """Start a command beside the page and wait for its first line."""
        said = self.home / f".beside-{len(self.beside)}"
        with said.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"{self._known()}{command}"],
                cwd=self.folder,
                env={**self._environment(), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.beside.append(process)
        self.heard = 0
        # the log may speak first; a node's own line comes once it takes transactions
        text = "  ledger " if "hanse node run" in command else "\n"
        wait_for(process, said, text, f"{self.name}:{block.line}: $ {command} &")


def wait_for(process: subprocess.Popen[bytes], said: Path, text: str, where: str) -> str:
    """Return what a process has printed, as soon as ``text`` is in it."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while text not in (printed := said.read_text(encoding="utf-8", errors="replace")):
        assert time.monotonic() < deadline, f"{where}\n{printed}\nno {text!r} in time"
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            raise AssertionError(f"{where}\nended:\n{said.read_text(encoding='utf-8')}")
    return printed
