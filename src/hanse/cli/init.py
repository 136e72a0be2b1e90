# SPDX-License-Identifier: Apache-2.0
"""``hanse init``: a new project, small and real: a contract, its tests, its network."""

import importlib.util
import keyword
import re
import sys
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import ClassVar, Final

import click

from hanse.cli.output import common, emit
from hanse.codec.limits import NAME_CHARS_MAX
from hanse.errors import Rejected

TEMPLATES: Final = files("hanse.cli") / "templates"
COMMON: Final = "common"
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", re.ASCII).fullmatch
_TAKEN: Final = {"registry", "replay", "test", "tests"}


@dataclass(eq=False)
class FileThere(Rejected):
    """A file that would be written is there already; none was written."""

    path: str
    code: ClassVar[str] = "file_there"
    hint: ClassVar[str] = "Choose another name, or move the file away; nothing is overwritten."


@dataclass(eq=False)
class NameUnusable(Rejected):
    """A project of this name would make no package, or one that hides another module."""

    name: str
    reason: str
    code: ClassVar[str] = "name_unusable"
    hint: ClassVar[str] = "Choose lower-case words and digits, with - or _ between: cold-chain."


def list_templates() -> list[str]:
    """Return the names that ``--template`` knows, the usual one first."""
    return sorted(place.name for place in TEMPLATES.iterdir() if (place / "about.txt").is_file())


@click.command()
@click.argument("name", required=False)
@click.option(
    "--template",
    type=click.Choice(list_templates()),
    default="lots",
    show_default=True,
    help="What the first contract is about.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@common
def init(*, name: str | None, template: str, dry_run: bool, as_json: bool) -> None:
    """Write a new project: a contract, its tests, its network.

    Nothing is overwritten. NAME is the project's folder, made when it is not there; without it,
    the present folder.

    Examples:
      hanse init coldchain
      hanse init receivables --template notes
      hanse init --dry-run --json
    """
    folder = Path.cwd() if name is None else Path(name)
    project = folder.resolve().name
    texts = build_project(project, template)
    there = [path for path in texts if (folder / path).exists()]
    if there:
        raise FileThere(str(folder / there[0]))
    if not dry_run:
        for path, text in texts.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("x", encoding="utf-8") as file:
                file.write(text)
    document = {"dry_run": dry_run, "files": sorted(texts), "folder": str(folder), "name": project}
    steps = [*([] if name is None else [f"cd {name}"]), "pytest", "hanse dev"]
    lines = [f"  {path}" for path in texts]
    text = "\n".join([f"{folder}:", *lines, f"next: {' && '.join(steps)}"])
    emit(document, as_json=as_json, text=text)


def build_project(name: str, template: str) -> dict[str, str]:
    """Return the files of a new project, text by path.

    Raises:
        NameUnusable: a package of this name could not be imported, or would hide another.
    """
    package = name.replace("-", "_")
    if not _NAME(name) or len(package) > NAME_CHARS_MAX or keyword.iskeyword(package):
        raise NameUnusable(name, "it is not of the form of a package name")
    if package in _TAKEN or package in sys.stdlib_module_names or _is_installed(package):
        raise NameUnusable(name, f"there is a module {package} already")
    words = package.split("_")
    values = {
        "about": (TEMPLATES / template / "about.txt").read_text(encoding="utf-8").strip(),
        "class": "".join(word.capitalize() for word in words),
        "name": name,
        "package": package,
        "title": " ".join(words).capitalize(),
    }
    texts: dict[str, str] = {}
    for source in (COMMON, template):
        for path, place in _walk(TEMPLATES / source, ""):
            text = place.read_text(encoding="utf-8")
            for key, value in values.items():
                text = text.replace(f"@@{key}@@", value)
            texts[_target(path, package)] = text
    return dict(sorted(texts.items()))


def _is_installed(package: str) -> bool:
    found = importlib.util.find_spec(package)
    return found is not None and found.origin is not None  # a folder beside is no module


def _walk(place: Traversable, path: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for one in place.iterdir():
        if one.is_dir():
            found += _walk(one, f"{path}{one.name}/")
        elif one.name.endswith(".in"):
            found.append((path + one.name.removesuffix(".in"), one))
    return found


def _target(path: str, package: str) -> str:
    if path == "gitignore":
        return ".gitignore"
    return f"{package}/{path.removeprefix('package/')}" if path.startswith("package/") else path
