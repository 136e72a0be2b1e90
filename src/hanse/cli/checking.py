# SPDX-License-Identifier: Apache-2.0
"""``hanse contract check``: whether contracts are written in the dialect, offline."""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hanse.cli.output import common, emit
from hanse.contracts.dialect.check import check_files, resolver
from hanse.contracts.dialect.finding import Finding
from hanse.contracts.dialect.program import build_program
from hanse.contracts.meter import Meter
from hanse.contracts.package import PATTERNS, collect_files
from hanse.contracts.runtime import LoadedContract

CONTRACT_FILE = "contract.py"
_NOT_CODE = {"build", "dist", "node_modules", "__pycache__"}


@dataclass(frozen=True, slots=True)
class Source:
    """A contract on disk: its module's name, its texts, and where each stands."""

    module: str
    texts: dict[str, str]
    paths: dict[str, Path]


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@common
def check(*, path: Path, as_json: bool) -> None:
    """Check that contracts are written in the dialect; it needs no node.

    PATH is a contract's file, or a folder: then every ``contract.py`` below it. The model and the
    patterns that a contract imports are checked with it. Exit code 1 when anything is found.

    Examples:
      hanse contract check shelf.py
      hanse contract check src/hanse/apps --json
    """
    places = list(contracts_below(path))
    if not places:
        raise click.BadParameter(f"there is no {CONTRACT_FILE} below it", param_hint="PATH")
    found: list[Finding] = []
    for place in places:
        found += [one for one in findings_of(place) if one not in found]
    document: dict[str, Any] = {
        "checked": [str(place) for place in places],
        "findings": [finding_document(one) for one in found],
        "ok": not found,
    }
    emit(document, as_json=as_json, text=findings_text(places, found))
    if found:
        sys.exit(1)


def finding_document(one: Finding) -> dict[str, Any]:
    """Return a finding as ``--json`` shows it."""
    return {
        "column": one.column,
        "file": one.file,
        "line": one.line,
        "message": one.message,
        "remedy": one.remedy,
        "rule": one.rule,
    }


def findings_text(places: list[Path], found: list[Finding]) -> str:
    """Return what people read of a check."""
    if not found:
        return "\n".join(f"{place}: in the dialect ✓" for place in places)
    lines = [f"{one}\n    {one.remedy}" for one in found]
    count = f"{len(found)} finding{'' if len(found) == 1 else 's'}"
    return "\n".join([*lines, f"{count}; `hanse explain {found[0].rule}` says more"])


def contracts_below(path: Path) -> Iterator[Path]:
    """Yield the contract's file that ``path`` is, or every ``contract.py`` below it."""
    if path.is_file():
        yield path
        return
    yield from (place for place in python_below(path) if place.name == CONTRACT_FILE)


def python_below(folder: Path) -> Iterator[Path]:
    """Yield the Python files of a folder; hidden folders and virtual environments are not its."""
    for place in sorted(folder.iterdir()):
        if place.name.startswith(".") or place.name in _NOT_CODE:
            continue
        if place.is_dir() and not (place / "pyvenv.cfg").exists():
            yield from python_below(place)
        elif place.suffix == ".py" and place.is_file():
            yield place


def findings_of(path: Path) -> list[Finding]:
    """Return what the checker finds in a contract's files, and what loading it finds."""
    source = read_source(path)
    checked = check_files(source.texts, resolver(source.module, source.texts))
    found = checked.findings
    if not found:
        try:
            program = build_program(source.module, source.texts)
            main = checked.outlines[program.main]
            if main.contracts:
                LoadedContract.of_program(program)
            else:
                program.load(Meter(0))
        except TypeError as error:
            found = [Finding(next(iter(source.texts)), 1, 1, "D210", str(error))]
    return [
        Finding(str(source.paths[one.file]), one.line, one.column, one.rule, one.message)
        for one in found
    ]


def read_source(path: Path) -> Source:
    """Return the contract in a file, with the model beside it and the patterns it imports."""
    paths: dict[str, Path] = {}
    module = module_name(path)

    def read(name: str) -> str:
        place = path
        if name.startswith(f"{PATTERNS}."):
            spec = importlib.util.find_spec(name)
            place = Path(spec.origin) if spec is not None and spec.origin else path.parent / name
        elif name != module:
            place = path.parent / "model.py"
        key = f"pattern_{name.rpartition('.')[2]}" if name.startswith(PATTERNS) else name
        paths[key.rpartition(".")[2]] = place
        if not place.is_file():
            return ""
        text = place.read_text(encoding="utf-8", errors="surrogateescape")
        # as the import system gives the text of a module, so that both have one hash
        return text + "\n" if text and not text.endswith("\n") else text

    return Source(module, collect_files(module, read), paths)


def module_name(path: Path) -> str:
    """Return the dotted name of the module that a file is."""
    parts = [path.stem]
    folder = path.resolve().parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)
