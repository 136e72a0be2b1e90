# SPDX-License-Identifier: Apache-2.0
"""A project that is being written: its files, and its contracts loaded from them once or again.

What is loaded is one state of the files: each text is read once, compiled from memory, and the
approved text of a contract is the very one that was compiled, whatever is saved meanwhile.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Final

import click

from hanse.cli.checking import CONTRACT_FILE, findings_of, module_name, python_below
from hanse.contracts.app import App
from hanse.contracts.contract import Contract
from hanse.contracts.dialect.finding import Finding
from hanse.errors import Rejected

NETWORK_FILE: Final = "network.toml"
PUT_BACK: Final = "put it back, or start again with the path of another contract"
MEND: Final = "mend the module; it fails when it is imported"
_MODEL_FILE: Final = "model.py"

Stamp = tuple[tuple[str, int, int], ...]
"""Path, time of change and size of every file that matters."""


@dataclass(frozen=True, slots=True)
class Project:
    """Where a project's contracts stand."""

    root: Path
    contracts: tuple[Path, ...]
    is_folder: bool = True

    @property
    def network(self) -> Path:
        """The description of the network; it may be missing."""
        return self.root / NETWORK_FILE

    def sources(self) -> list[Path]:
        """Return the Python files that make up the contracts and their apps, as they are now."""
        found: dict[Path, None] = {}
        for contract in self.contracts:
            package = _package_of(contract)
            if package is None:
                beside = (contract, contract.parent / _MODEL_FILE)
                found.update(dict.fromkeys(path for path in beside if path.is_file()))
            else:
                found.update(dict.fromkeys(python_below(package)))
        return list(found)

    def stamp(self) -> Stamp:
        """Return what tells one state of the files from another."""
        rows = []
        for path in [*self.contracts, *self.sources(), self.network]:
            try:
                status = path.stat()
            except OSError:
                continue  # deleted, or not there yet
            rows.append((str(path), status.st_mtime_ns, status.st_size))
        return tuple(dict.fromkeys(rows))


def find_project(path: Path) -> Project:
    """Return the project at ``path``: a contract's file, or a folder with ``contract.py`` below it.

    Raises:
        BadParameter: there is no contract.
    """
    path = path.resolve()
    if path.is_file():
        return Project(path.parent, (path,), is_folder=False)
    found = tuple(p for p in python_below(path) if p.name == CONTRACT_FILE)
    if not found:
        raise click.BadParameter(f"there is no {CONTRACT_FILE} below it", param_hint="PATH")
    return Project(path, found)


def _package_of(contract: Path) -> Path | None:
    """Return the package folder of a contract; ``None`` for a module alone."""
    return contract.parent if (contract.parent / "__init__.py").exists() else None


def _import_root(contract: Path) -> Path:
    """Return the folder from which a contract's module is imported."""
    folder = contract.parent
    while (folder / "__init__.py").exists():
        folder = folder.parent
    return folder


@dataclass(frozen=True, slots=True)
class Loaded:
    """The apps of one state of the files."""

    apps: tuple[App, ...]
    texts: dict[str, str]
    _names: frozenset[str] = field(repr=False)
    _modules: dict[str, ModuleType] = field(repr=False)

    @property
    def contracts(self) -> list[type[Contract]]:
        """The contract classes of all apps."""
        return [contract for app in self.apps for contract in app.contracts]

    def activate(self) -> None:
        """Let these modules, with these texts, be what Python knows by their names."""
        _replace(self._names, self._modules)
        for path, text in self.texts.items():
            # without a time of change an entry is never compared with the disk
            linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A place in the project's files that keeps them from being loaded."""

    file: str
    line: int
    column: int
    rule: str
    message: str
    remedy: str


@dataclass(eq=False)
class NotLoaded(Rejected):
    """The files of a project, as they are now, make no app."""

    findings: list[Trouble]
    code: ClassVar[str] = "not_loaded"
    hint: ClassVar[str] = "Mend what the findings name; `hanse contract check` lists all of them."


def load(project: Project) -> Loaded:
    """Return the apps of the project as its files are now; they are active afterwards.

    Raises:
        NotLoaded: a contract is outside the dialect, or a module fails when it is imported.
    """
    missing = [path for path in project.contracts if not path.is_file()]
    if missing:
        said = "the file is gone"
        raise NotLoaded([Trouble(str(p), 1, 1, "missing", said, PUT_BACK) for p in missing])
    found = dict.fromkeys(finding for path in project.contracts for finding in findings_of(path))
    if found:
        raise NotLoaded([_trouble(finding) for finding in found])
    finder = _Finder(project)
    names = frozenset(finder.files)
    known = _modules_of(names)
    _replace(names, {})
    for root in {str(_import_root(path)) for path in project.contracts} - set(sys.path):
        sys.path.insert(0, root)
    sys.meta_path.insert(0, finder)
    try:
        apps = tuple(_app_of(module_name(path)) for path in project.contracts)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever the files raise
        _replace(names, known)
        raise NotLoaded([_finding_of(error, finder)]) from None
    finally:
        sys.meta_path.remove(finder)
    loaded = Loaded(
        tuple({app.name: app for app in apps}.values()),
        {str(path): data.decode(errors="replace") for path, data in finder.texts.items()},
        names,
        _modules_of(names),
    )
    loaded.activate()
    return loaded


def _modules_of(names: frozenset[str]) -> dict[str, ModuleType]:
    """Return those of the modules that Python has loaded."""
    return {name: sys.modules[name] for name in names if name in sys.modules}


def _replace(names: frozenset[str], modules: Mapping[str, ModuleType]) -> None:
    """Let ``modules`` be all that Python knows by ``names``."""
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(modules)
    for name, module in modules.items():
        holder, _, last = name.rpartition(".")
        if holder in sys.modules:
            setattr(sys.modules[holder], last, module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the project's modules in texts that were read once."""

    def __init__(self, project: Project) -> None:
        self.texts = {path: path.read_bytes() for path in project.sources()}
        self.files = {module_name(path).removesuffix(".__init__"): path for path in self.texts}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        file = self.files.get(fullname)
        if file is None:
            return None
        below = [str(file.parent)] if file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname,
            file,
            loader=_Loader(file, self.texts[file]),
            submodule_search_locations=below,
        )


class _Loader(importlib.abc.SourceLoader):
    """Compiles a text from memory; no compiled file is read or written."""

    def __init__(self, file: Path, data: bytes) -> None:
        self._file = str(file)
        self._data = data

    def get_filename(self, fullname: str) -> str:
        del fullname
        return self._file

    def get_data(self, path: str) -> bytes:
        del path
        return self._data


def _app_of(module: str) -> App:
    """Return the app of a contract's module: that of its package, its own, or one made for it."""
    contract = importlib.import_module(module)
    package = sys.modules.get(module.rpartition(".")[0])
    for holder in (package, contract):
        app = getattr(holder, "APP", None)
        if isinstance(app, App):
            return app
    classes = [kind for kind in vars(contract).values() if _is_contract(kind, module)]
    if not classes:
        raise TypeError(f"{module} holds no contract")
    name = classes[0].name or classes[0].__name__.lower()
    return App(name=name, title=classes[0].__name__, contracts=tuple(classes))


def _is_contract(kind: Any, module: str) -> bool:
    return isinstance(kind, type) and issubclass(kind, Contract) and kind.__module__ == module


def _trouble(finding: Finding) -> Trouble:
    place = (finding.file, finding.line, finding.column)
    return Trouble(*place, finding.rule, finding.message, finding.remedy)


def _finding_of(error: BaseException, finder: _Finder) -> Trouble:
    """Return where in the project's files an import failed, and with what."""
    files = {str(path) for path in finder.texts}
    file, line, column = next(iter(files)), 1, 1
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename in files:
            file, line = frame.filename, frame.lineno or 1
    if isinstance(error, SyntaxError) and error.filename in files:
        file, line, column = error.filename, error.lineno or 1, error.offset or 1
    said = str(error).partition("\n")[0]
    return Trouble(file, line, column, "import", f"{type(error).__name__}: {said}", MEND)
