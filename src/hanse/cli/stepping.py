# SPDX-License-Identifier: Apache-2.0
"""A debugger for contracts: it stops in the author's lines only, and leaves the meter alone.

What runs is the lowered text, whose lines are those of the author; the debugger shows the author's.
"""

import builtins
import linecache
import pdb  # noqa: T100  # a debugger is what this is
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, ClassVar

import click

from hanse.cli.checking import Source
from hanse.contracts.meter import Meter
from hanse.contracts.runtime import LoadedContract, Outcome

HELP = "n: next line, s: into a function, p NAME: a value, b LINE: stop there, c: on, q: leave"


class Left(click.ClickException):
    """The developer has left the debugger before the transaction was executed to its end."""

    exit_code: ClassVar[int] = 0

    def show(self, file: Any = None) -> None:
        """Say so."""
        del file
        click.echo("left; the transaction was not executed to its end", err=True)


class Stepper(pdb.Pdb):
    """Steps one call of a contract."""

    def __init__(self, files: Mapping[str, Path], meter: Meter) -> None:
        """Stop in ``files`` alone: the names that the code has, with the author's paths."""
        super().__init__(nosigint=True)
        self._names = frozenset(files)
        self._meter = meter
        self.has_left = False
        self.prompt = "(contract) "
        for name, path in files.items():
            self.fncache[name] = str(path)  # what bdb shows, and compares breakpoints with

    def stop_here(self, frame: FrameType) -> bool:
        """Stop in lines of the author only."""
        return frame.f_code.co_filename in self._names and bool(super().stop_here(frame))

    def get_stack(
        self, f: FrameType | None, t: TracebackType | None
    ) -> tuple[list[tuple[FrameType, int]], int]:
        """Return the author's frames; where there is none, all of them."""
        stack, at = super().get_stack(f, t)
        own = [one for one in stack if one[0].f_code.co_filename in self._names]
        return (own, len(own) - 1) if own else (stack, at)

    def setup(self, f: FrameType | None, tb: TracebackType | None) -> None:
        """Let the prompt use Python's built-in functions, which contracts have not."""
        super().setup(f, tb)
        assert self.curframe is not None
        self.curframe.f_globals["__builtins__"] = builtins  # functions keep those they began with

    def onecmd(self, line: str) -> bool:
        """Do one command; what is looked up at the prompt costs the transaction nothing."""
        left = self._meter.left
        try:
            return bool(super().onecmd(line))
        finally:
            self._meter.left = left

    def set_quit(self) -> None:
        """Remember that the rest was not wanted."""
        self.has_left = True
        super().set_quit()


def step(
    loaded: LoadedContract, run: Callable[[], Outcome], source: Source | None = None
) -> Outcome:
    """Return the outcome of ``run``, a call of ``loaded``, stepped by the developer.

    Args:
        loaded: the contract.
        run: calls it.
        source: where its text stands; that of the installed module, by default.

    Raises:
        Left: the developer had seen enough.
    """
    program = loaded.program
    if program is None:
        raise click.UsageError(f"{loaded.name} is part of the ledger: it has no text to step in")
    texts = loaded.texts if source is None else source.texts
    files: dict[str, Path] = {}
    for file, text in texts.items():
        name = f"{program.module}/{file}.py"
        lines = text.splitlines(keepends=True)
        linecache.cache[name] = (len(text), None, lines, name)
        if source is not None:
            files[name] = source.paths[file].resolve()
        else:
            files[name] = Path(sys.modules[program.name_of(file)].__file__ or name)
    stepper = Stepper(files, loaded.meter)
    click.echo(HELP)
    outcome = stepper.runcall(run)
    if stepper.has_left or outcome is None:
        raise Left("left")
    return outcome
