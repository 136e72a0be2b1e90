# SPDX-License-Identifier: Apache-2.0
"""``hanse gen``: what others derive from a contract's types, as files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from hanse import __version__
from hanse.cli.options import Node, on_node
from hanse.cli.output import common, emit
from hanse.cli.sources import find_contract
from hanse.client.generating import python_client
from hanse.contracts.json_schema import json_schema
from hanse.gateway.openapi import build_document


@click.group()
def gen() -> None:
    """Generate clients and schemas from a contract's types."""


def _source(function: Any) -> Any:
    """Give a command what all three take: a contract, a file to write, a node."""
    output = click.Path(dir_okay=False, path_type=Path)
    function = on_node(common(function))
    function = click.option("-o", "--output", type=output, help="Write it into this file.")(
        function
    )
    return click.argument("contract")(function)


@gen.command()
@_source
def python(*, contract: str, output: Path | None, node: Node, as_json: bool) -> None:
    """Write a typed client: one method for each action and query, sync and async.

    CONTRACT is a contract's file, a folder with a contract.py, a package, the name of an installed
    contract, or node:NAME for one of the node at --url. The module needs Hanse and nothing of the
    contract's code. The same contract gives the same bytes.

    Examples:
      hanse gen python shelf.py -o shelf_client.py
      hanse gen python node:trace --url http://127.0.0.1:8420
    """
    found = find_contract(contract, node).description
    _emit("python", found, python_client(found), output, as_json=as_json)


@gen.command()
@_source
def openapi(*, contract: str, output: Path | None, node: Node, as_json: bool) -> None:
    """Write the OpenAPI document of a node that runs this contract alone.

    CONTRACT is named as for ``hanse gen python``.

    Examples:
      hanse gen openapi shelf.py -o openapi.json
      hanse gen openapi trace --json
    """
    found = find_contract(contract, node).description
    _emit(
        "openapi",
        found,
        _pretty(build_document([dict(found)], __version__)),
        output,
        as_json=as_json,
    )


@gen.command()
@_source
def jsonschema(*, contract: str, output: Path | None, node: Node, as_json: bool) -> None:
    """Write the JSON Schemas of arguments, results, events and state.

    CONTRACT is named as for ``hanse gen python``.

    Examples:
      hanse gen jsonschema shelf.py -o shelf.schema.json
      hanse gen jsonschema shelf-1.package.json --json
    """
    found = find_contract(contract, node).description
    _emit("jsonschema", found, _pretty(json_schema(found)), output, as_json=as_json)


def _pretty(document: object) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _emit(
    kind: str, found: Mapping[str, Any], text: str, output: Path | None, *, as_json: bool
) -> None:
    document = {
        "contract": found["name"],
        "hash": found["hash"],
        "kind": kind,
        "version": found["version"],
    }
    if output is None:
        emit({**document, "text": text}, as_json=as_json, text=text.removesuffix("\n"))
        return
    output.write_text(text, encoding="utf-8", newline="\n")
    said = f"{output}: {found['name']} {found['version']}, {len(text.encode())} bytes"
    emit({**document, "file": str(output)}, as_json=as_json, text=said)
