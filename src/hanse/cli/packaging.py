# SPDX-License-Identifier: Apache-2.0
"""``hanse contract package`` and ``diff``: a contract as one file, and what an upgrade changes."""

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from hanse.cli.options import Node, on_node
from hanse.cli.output import common, emit
from hanse.cli.sources import SOURCES, Found, find_contract, find_package
from hanse.contracts.compatibility import Finding, compare, verdict_of
from hanse.crypto import hash_named

_IN_A_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII).fullmatch
_SAID: Final = {
    "compatible": "compatible: what is stored stays readable and means the same",
    "needs_migration": "needs a migration: some of what is stored would not be read as meant",
    "breaking": "breaking: some of what is stored would be out of reach",
}


@click.command("package")
@click.argument("path")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="By default NAME-VERSION.package.json here.",
)
@click.option(
    "--hash",
    "hash_name",
    type=click.Choice(["sha256", "sm3"]),
    default="sha256",
    show_default=True,
    help="The hash of the network that it is for.",
)
@common
def package_command(*, path: str, output: Path | None, hash_name: str, as_json: bool) -> None:
    """Write a contract into one file: its texts, its schema, its hashes.

    The bytes are the same on every machine. PATH is a contract's file, a folder with a contract.py,
    or the name of an installed contract; a package that is given is checked and written again.

    Examples:
      hanse contract package shelf.py
      hanse contract package trace -o trace.package.json --json
    """
    made = find_package(path, hash_named(hash_name))
    stated = made.document
    if output is None:
        version = f"-{stated.version}" if _IN_A_FILE_NAME(stated.version) else ""
        output = Path(f"{stated.name}{version}.package.json")
    data = made.data
    output.write_bytes(data)
    document = {
        "bytes": len(data),
        "file": str(output),
        "files": list(made.files),
        "lowered_hash": stated.lowered_hash,
        "name": stated.name,
        "package_hash": stated.package_hash,
        "version": stated.version,
    }
    text = f"{output}: {stated.name} {stated.version}, {', '.join(made.files)}, {len(data)} bytes\n"
    text += f"package  {stated.package_hash}\nlowered  {stated.lowered_hash}"
    emit(document, as_json=as_json, text=text)


@click.command("diff")
@click.argument("old")
@click.argument("new")
@click.option(
    "--earlier",
    multiple=True,
    help="A version before OLD whose values may still be stored; may be given several times.",
)
@on_node
@common
def diff_command(
    *, old: str, new: str, earlier: tuple[str, ...], node: Node, as_json: bool
) -> None:
    """Show what an upgrade changes: for what is stored, for callers, line by line.

    OLD and NEW are each a contract's file, a folder with a contract.py, a package, the name of an
    installed contract, or node:NAME for one of the node at --url. Exit code 1 unless what is stored
    stays readable with the same meaning.

    Examples:
      hanse contract diff node:shelf shelf.py
      hanse contract diff shelf-1.package.json shelf-2.package.json --json
    """
    before, after = find_contract(old, node), find_contract(new, node)
    past = [find_contract(one, node).description for one in earlier]
    found = compare(before.description, after.description, past)
    verdict = verdict_of(found)
    code = list(_code(before, after))
    document = {
        "code": code,
        "findings": [
            {
                "code": one.code,
                "message": one.message,
                "path": one.path,
                "remedy": one.remedy,
                "verdict": one.verdict,
            }
            for one in found
        ],
        "new": _named(after.description),
        "old": _named(before.description),
        "verdict": verdict,
    }
    emit(document, as_json=as_json, text="\n".join(_text(document, found, verdict)))
    if verdict != "compatible":
        sys.exit(1)


def _named(description: Mapping[str, Any]) -> dict[str, Any]:
    return {name: description[name] for name in ("hash", "name", "version")}


def _text(document: Mapping[str, Any], found: list[Finding], verdict: str) -> Iterator[str]:
    for side in ("old", "new"):
        one = document[side]
        yield f"{side}  {one['name']} {one['version']}  {one['hash']}"
    yield _SAID[verdict]
    old, new = document["old"], document["new"]
    if old["version"] == new["version"] and old["hash"] != new["hash"]:
        yield f"both say version {new['version']}: a new text has a new one"
    for title, of_api in (("WHAT IS STORED", False), ("FOR CALLERS", True)):
        rows = [one for one in found if one.is_api == of_api]
        if rows:
            yield f"\n{title}"
        for one in rows:
            grave = "" if one.verdict == "compatible" else f"  {one.verdict.replace('_', ' ')}"
            yield f"  {one}{grave}"
            yield f"      {one.remedy}"
    for row in document["code"]:
        yield f"\n{row['file']}: {row['added']} lines added, {row['removed']} removed"
        yield from (f"  {line}" for line in row["lines"])


def _by_file(side: Found) -> Mapping[str, str]:
    """Return the texts; the contract's own is called so, whatever its file is called."""
    if side.package is None:
        return side.texts
    main = side.package.document.main
    return {"contract" if name == main else name: text for name, text in side.texts.items()}


def _code(before: Found, after: Found) -> Iterator[dict[str, Any]]:
    """Yield the changed lines of each file; of one joined text where a node gave one side."""
    old, new = _by_file(before), _by_file(after)
    if before.package is None or after.package is None:
        old, new = ({"source": side.description["source"]} for side in (before, after))
    for file in [*new, *(name for name in old if name not in new)]:
        was, now = (side.get(file, "").splitlines() for side in (old, new))
        lines = list(difflib.unified_diff(was, now, n=1, lineterm=""))[2:]
        if lines:
            yield {
                "added": sum(line.startswith("+") for line in lines),
                "file": file,
                "lines": lines,
                "removed": sum(line.startswith("-") for line in lines),
            }


__all__ = ["SOURCES", "diff_command", "package_command"]
