# SPDX-License-Identifier: Apache-2.0
"""The package of a contract: the text of its modules, and the hash that organisations vote on."""

import ast
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_LOWERED, TAG_PACKAGE, Tagged
from hanse.contracts.contract import Contract
from hanse.contracts.dialect.names import DIALECT_VERSION
from hanse.contracts.dialect.program import Program
from hanse.contracts.meter import COST_VERSION

PATTERNS = "hanse.contracts.patterns"


def package_files(cls: type[Contract]) -> dict[str, str]:
    """Return the source texts of a contract, by name.

    They are its own module, the ``model`` beside it where it imports that, and each pattern that
    one of these imports: an upgrade of the software never changes a running contract unseen.
    """
    return collect_files(cls.__module__, lambda module: inspect.getsource(sys.modules[module]))


def collect_files(module: str, read: Callable[[str], str]) -> dict[str, str]:
    """Return the texts of a contract that stands in ``module``, each under its file's name.

    Args:
        module: the contract's module; its own text comes first.
        read: returns the text of a module.
    """
    model = module.rpartition(".")[0] + ".model"
    files: dict[str, str] = {}
    waiting = [module]
    for name in waiting:
        text = read(name)
        files[_file_name(name)] = text
        waiting += [
            found
            for found in _imports(text, model)
            if (found == model or found.startswith(f"{PATTERNS}.")) and found not in waiting
        ]
    return files


def package_hash(cls: type[Contract], tagged: Tagged) -> str:
    """Return the tagged hash of a contract's name, version and texts, as text."""
    return texts_hash(package_files(cls), cls.name or cls.__name__.lower(), cls.version, tagged)


def texts_hash(files: Mapping[str, str], name: str, version: str, tagged: Tagged) -> str:
    """Return the package hash of these texts under a contract's name and version."""
    return to_text(tagged(TAG_PACKAGE, texts_document(files, name, version)))


def texts_document(files: Mapping[str, str], name: str, version: str) -> bytes:
    """Return the bytes of which a package hash is the hash: all texts, in one document."""
    return encode({"files": dict(files), "name": name, "v": 1, "version": version})


def module_of(main: str, text: str) -> str:
    """Return the module that a contract's file is, known by its text alone.

    Where a package was made does not matter; only a text that imports its model by a full name
    says in which package both stand.
    """
    for name in _imports(text, ""):
        prefix, _, last = name.rpartition(".")
        if last == "model" and prefix and prefix != PATTERNS:
            return f"{prefix}.{main}"
    return main


def lowered_hash(program: Program, cls: type[Contract], tagged: Tagged) -> str:
    """Return the tagged hash of what is executed: the lowered texts, with versions, as text."""
    document = {
        "cost": COST_VERSION,
        "dialect": DIALECT_VERSION,
        "files": program.texts,
        "name": cls.name or cls.__name__.lower(),
        "v": 1,
        "version": cls.version,
    }
    return to_text(tagged(TAG_LOWERED, encode(document)))


@lru_cache(maxsize=64)
def _imports(text: str, model: str) -> list[str]:
    """Return the modules that a text imports, in order, each once; none of what is no Python."""
    found: dict[str, None] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # the checker says what is wrong
    for node in tree.body:  # the dialect refuses an import that stands deeper
        if isinstance(node, ast.Import):
            found.update(dict.fromkeys(alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module == PATTERNS:
            found.update(dict.fromkeys(f"{PATTERNS}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found[node.module] = None
        elif isinstance(node, ast.ImportFrom) and node.module == "model" and node.level == 1:
            found[model] = None
    return list(found)


def _file_name(module: str) -> str:
    last = module.rpartition(".")[2]
    return f"pattern_{last}" if module.startswith(f"{PATTERNS}.") else last
