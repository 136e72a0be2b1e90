# SPDX-License-Identifier: Apache-2.0
"""The files of the repository, as the tidy tests see them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = (
    "src",
    "packages",
    "tests",
    "tools",
    "bench",
    "docs",
    "spec",
    "vectors",
    "examples",
    ".ci",
)
GENERATED = {"__pycache__", ".mypy_cache", ".hypothesis", ".pytest_cache", "node_modules"}
NOT_OURS = {".DS_Store", ".git"}  # the latter is a file in a worktree
PURE_ROOMS = ("errors", "codec", "crypto", "merkle", "identity", "contracts", "kernel")
IMPURE_FILES = {"crypto/keyfiles.py", "crypto/sealing.py", "crypto/signers.py"}


@cache
def list_files() -> tuple[Path, ...]:
    """Return every file that belongs to the project, in order."""
    # in a worktree of git, .git is a file, which names the machine
    apart = {".DS_Store", ".git"}
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name not in apart]
    for folder in FOLDERS:
        found += [
            path
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and not GENERATED.intersection(path.parts) and path.suffix != ".pyc"
        ]
    return tuple(sorted(found))


def list_suffix(*suffixes: str) -> list[Path]:
    """Return the project's files with one of these suffixes."""
    return [path for path in list_files() if path.suffix in suffixes]


def name_of(path: Path) -> str:
    """Return the path as the repository knows it."""
    return path.relative_to(ROOT).as_posix()


@cache
def read(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text(encoding="utf-8")


@cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a Python file."""
    return ast.parse(read(path), name_of(path))


def list_pure() -> list[Path]:
    """Return the files of the pure rooms."""
    base = ROOT / "src" / "hanse"
    return [
        path
        for path in list_suffix(".py")
        if path.is_relative_to(base)
        and path.relative_to(base).parts[0] in PURE_ROOMS
        and path.relative_to(base).as_posix() not in IMPURE_FILES
    ]


def walk_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a module, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
