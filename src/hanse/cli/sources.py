# SPDX-License-Identifier: Apache-2.0
"""Where a contract is found: a file, a folder, a package, an installed app, a running node."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from hanse.apps import discover
from hanse.cli.checking import CONTRACT_FILE, read_source
from hanse.cli.options import Node
from hanse.client.descriptions import check_description
from hanse.codec.limits import PACKAGE_BYTES_MAX
from hanse.contracts.package import package_files
from hanse.contracts.package_file import Package, build_package, read_package
from hanse.crypto import SHA256, Hash
from hanse.errors import TooLarge

AT_NODE: Final = "node:"
SOURCES: Final = (
    "a contract's file, a folder with a contract.py, a package, the name of an installed contract, "
    "or node:NAME for one of the node at --url"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A contract, described; its texts by file, or as one text where a node gave it."""

    description: Mapping[str, Any]
    texts: Mapping[str, str]
    package: Package | None


def find_contract(text: str, node: Node, hasher: Hash = SHA256) -> Found:
    """Return the contract that ``text`` names, nothing of a file on disk imported.

    Raises:
        BadParameter: it names none.
        Rejected: it is outside the dialect, or a package that is refused.
        DescriptionInvalid: a node says of it what can be no description.
    """
    if text.startswith(AT_NODE):
        name = text.removeprefix(AT_NODE)
        with node.client() as client:
            described = check_description(client.describe(name), name)
        return Found(described, {"source": described["source"]}, None)
    package = find_package(text, hasher)
    return Found(package.description, package.files, package)


def find_package(text: str, hasher: Hash = SHA256) -> Package:
    """Return the package of a contract on disk or of an installed one; see `find_contract`."""
    path = Path(text)
    if path.is_dir() and (path / CONTRACT_FILE).is_file():
        path /= CONTRACT_FILE
    if path.is_file():
        return _of_file(path, hasher)
    for app in discover():
        for cls in app.contracts:
            if text == (cls.name or cls.__name__.lower()):
                files = package_files(cls)
                return build_package(next(iter(files)), files, hasher)
    raise click.BadParameter(f"{text} is none of: {SOURCES}")


def _of_file(path: Path, hasher: Hash) -> Package:
    if path.suffix == ".py":
        source = read_source(path)
        return build_package(next(iter(source.texts)), source.texts, hasher)
    size = path.stat().st_size
    if size > PACKAGE_BYTES_MAX:
        raise TooLarge("package", PACKAGE_BYTES_MAX, size)
    return read_package(path.read_bytes())
