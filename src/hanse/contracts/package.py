# SPDX-License-Identifier: Apache-2.0
"""The package of a contract: the text of its modules, and the hash that organisations vote on."""

import ast
import inspect
import sys

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_PACKAGE, Tagged
from hanse.contracts.contract import Contract

PATTERNS = "hanse.contracts.patterns"


def package_files(cls: type[Contract]) -> dict[str, str]:
    """Return the source texts of a contract, by name.

    They are its own module, the ``model`` beside it where it imports that, and each pattern that
    one of these imports: an upgrade of the software never changes a running contract unseen.
    """
    return {_file_name(name): text for name, text in package_modules(cls).items()}


def package_modules(cls: type[Contract]) -> dict[str, str]:
    """Return the modules of :func:`package_files` by their full names, the contract's own first."""
    model = cls.__module__.rpartition(".")[0] + ".model"
    texts: dict[str, str] = {}
    waiting = [cls.__module__]
    for module in waiting:
        text = texts[module] = inspect.getsource(sys.modules[module])
        waiting += [
            name
            for name in _imports(text)
            if (name == model or name.startswith(f"{PATTERNS}.")) and name not in waiting
        ]
    return texts


def package_hash(cls: type[Contract], tagged: Tagged) -> str:
    """Return the tagged hash of a contract's name, version and texts, as text."""
    name = cls.name or cls.__name__.lower()
    document = {"files": package_files(cls), "name": name, "v": 1, "version": cls.version}
    return to_text(tagged(TAG_PACKAGE, encode(document)))


def _imports(text: str) -> list[str]:
    """Return the modules that a text imports, in order, each once."""
    found: dict[str, None] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(dict.fromkeys(alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module == PATTERNS:
            found.update(dict.fromkeys(f"{PATTERNS}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module:
            found[node.module] = None
    return list(found)


def _file_name(module: str) -> str:
    last = module.rpartition(".")[2]
    return f"pattern_{last}" if module.startswith(f"{PATTERNS}.") else last
