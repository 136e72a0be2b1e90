# SPDX-License-Identifier: Apache-2.0
"""``hanse contract``, ``hanse query``, ``hanse state``: what contracts offer, and their state."""

from pathlib import Path
from typing import Any

import click
import msgspec

from hanse.cli.checking import check
from hanse.cli.lifecycle import COMMANDS
from hanse.cli.options import Node, ValueCommand, on_node
from hanse.cli.output import as_args, common, emit
from hanse.cli.packaging import diff_command, package_command
from hanse.cli.trying import test_command
from hanse.client.ranges import ROWS, json_key
from hanse.client.reading import Key


@click.group()
def contract() -> None:
    """Check contracts, show them, decide what becomes of them."""


for _command in (check, package_command, diff_command, test_command, *COMMANDS):
    contract.add_command(_command)


@contract.command("list")
@on_node
@common
def list_(*, node: Node, as_json: bool) -> None:
    """List the contracts with their version and status.

    Examples:
      hanse contract list
      hanse contract list --json
    """
    with node.client() as client:
        rows: list[dict[str, Any]] = client.get("/v1/contracts")
    lines = [f"{r['name']:<16} {r['version']:<8} {r['status']:<8} {r['title']}" for r in rows]
    emit(rows, as_json=as_json, text="\n".join(lines))


@contract.command()
@click.argument("name")
@click.option("--source", is_flag=True, help="Show the contract's source instead.")
@on_node
@common
def show(*, name: str, source: bool, node: Node, as_json: bool) -> None:
    """Show actions, queries, maps and events of a contract, with types, roles and refusals.

    Examples:
      hanse contract show registry
      hanse contract show trace --source
    """
    with node.client() as client:
        found: dict[str, Any] = client.describe(name)
    text = found["source"] if source else _described(found)
    emit(found, as_json=as_json, text=text)


def _described(found: dict[str, Any]) -> str:
    lines = [f"{found['name']} {found['version']}  {found['hash']}"]
    if found.get("lowered"):
        lines.append(f"lowered {found['lowered']}")
    lines.append(found["doc"])
    for kind in ("actions", "queries"):
        lines += ["", kind.upper()]
        for entry in found[kind]:
            arguments = ", ".join(_arguments(entry["args"]))
            role = f"  [role {entry['role']}]" if entry.get("role") else ""
            if entry.get("also_signed_by"):
                role += f"  [also signed by {entry['also_signed_by']}]"
            lines.append(f"  {entry['name']}({arguments}) → {_kind(entry['result'])}{role}")
            lines.append(f"      {entry['doc'].partition(chr(10))[0].partition('Rejects:')[0]}")
            if entry.get("rejects"):
                lines.append(f"      refuses with: {', '.join(entry['rejects'])}")
    lines += ["", "MAPS"]
    for row in found["maps"]:
        key = "one value" if row["key"] is None else _kind(row["key"])
        lines.append(f"  {row['name']}: {key} → {_kind(row['value'])}")
    lines += ["", "EVENTS"]
    lines += [f"  {e['name']}: {e['sentence'].partition(chr(10))[0]}" for e in found["events"]]
    return "\n".join(lines)


def _arguments(schema: dict[str, Any]) -> list[str]:
    required = set(schema["required"])
    return [
        f"{name}{'' if name in required else '?'}: {_kind(kind)}"
        for name, kind in schema["properties"].items()
    ]


def _kind(schema: dict[str, Any]) -> str:
    """Return a type in a word or two."""
    if "anyOf" in schema:
        return " | ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "prefixItems" in schema:
        return f"({', '.join(_kind(one) for one in schema['prefixItems'])})"
    if "items" in schema:
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("title") or schema.get("format") or schema.get("type", "anything"))


@click.command()
@click.argument("contract_name", metavar="CONTRACT")
@click.argument("query_name", metavar="QUERY")
@click.option("--args", "arguments", default="{}", help="JSON object, or @file that holds one.")
@click.option("--as", "member", help="Ask as this member; queries need no signature.")
@on_node
@common
def query(
    *,
    contract_name: str,
    query_name: str,
    arguments: str,
    member: str | None,
    node: Node,
    as_json: bool,
) -> None:
    """Ask a query of a contract.

    The answer is the node's word at the height it names; ``hanse state`` proves single values.

    Examples:
      hanse query trace list_things --args '{"limit":10}'
      hanse query trace trace_back --args @question.json --json
    """
    with node.client() as client:
        answer = client.query(contract_name, query_name, as_args(arguments), signer=member)
    document = {
        "height": answer.height,
        "result": answer.result,
        "state_root": answer.state_root,
    }
    shown = msgspec.json.format(msgspec.json.encode(answer.result), indent=2).decode()
    emit(document, as_json=as_json, text=f"{shown}\nthe node's word at height {answer.height}")


@click.command(cls=ValueCommand)
@click.argument("contract_name", metavar="CONTRACT")
@click.argument("map_name", metavar="MAP")
@click.argument("key", required=False)
@on_node
@common
def state(*, contract_name: str, map_name: str, key: str | None, node: Node, as_json: bool) -> None:
    """Show a value of a contract's state, proved present or absent.

    KEY is JSON: ``'"L-1"'``, ``7``, ``'["a",1]'``; what is no JSON is taken as text. A single value
    has no key.

    Examples:
      hanse state registry members ada@greenacre
      hanse state registry keys '["ada@greenacre","k1"]' --json
    """
    with node.client() as client:
        found = client.state(contract_name, map_name, as_key(key))
    document = {
        "contract": contract_name,
        "height": found.height,
        "key": found.key,
        "map": map_name,
        "present": found.present,
        "value": found.value,
        "verified": found.verified,
        "witnesses": list(found.witnesses),
    }
    shown = msgspec.json.format(msgspec.json.encode(found.value), indent=2).decode()
    said = shown if found.present else "absent"
    emit(document, as_json=as_json, text=f"{said}\nproved at height {found.height} ✓")


@click.command("range", cls=ValueCommand)
@click.argument("contract_name", metavar="CONTRACT")
@click.argument("map_name", metavar="MAP")
@click.option("--from", "first", metavar="KEY", help="First key, or its first parts; JSON or text.")
@click.option("--to", "last", metavar="KEY", help="Last key, itself included, or first parts.")
@click.option("--reverse", is_flag=True, help="The last rows instead of the first, last first.")
@click.option("--rows", default=ROWS, show_default=True, help="Most rows; 1 to 1,000.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write an evidence file of it, too, for `hanse verify`.",
)
@on_node
@common
def range_command(  # options, all by name
    *,
    contract_name: str,
    map_name: str,
    first: str | None,
    last: str | None,
    reverse: bool,
    rows: int,
    output: Path | None,
    node: Node,
    as_json: bool,
) -> None:
    """Show rows of an ordered map, proved to be all of them.

    ``--from '["mill"]' --to '["mill"]'`` are all keys that begin with ``mill``.

    Examples:
      hanse range prices by_day --from 2026-01-01 --to 2026-01-31
      hanse range prices by_day --reverse --rows 20
      hanse range stock of_owner --from '["mill"]' --to '["mill"]' --json
      hanse range stock of_owner --from '["mill"]' --to '["mill"]' -o all_of_mill.json
    """
    with node.client() as client:
        bounds = (as_key(first), as_key(last))
        of = (contract_name, map_name, *bounds)
        found = client.between(*of, limit=rows, reverse=reverse)
        if output is not None:
            data = client.evidence_of_range(*of, limit=rows, reverse=reverse)
            output.write_bytes(data)
    document = {
        "contract": contract_name,
        "height": found.height,
        "map": map_name,
        "next": None if found.next is None else json_key(found.next),
        "previous": None if found.previous is None else json_key(found.previous),
        "rows": [{"key": json_key(row.key), "value": row.value} for row in found.rows],
        "verified": found.verified,
        "witnesses": list(found.witnesses),
    }
    lines = [f"{_line(json_key(row.key))}  {_line(row.value)}" for row in found.rows]
    until = "" if found.next is None else f" before {_line(json_key(found.next))}"
    until = until if found.previous is None else f" after {_line(json_key(found.previous))}"
    said = f"{len(found.rows)} rows and no other{until}, proved at height {found.height} ✓"
    emit(document, as_json=as_json, text="\n".join([*lines, said]))


def _line(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def as_key(text: str | None) -> Key:
    """Return the state key that ``text`` means: JSON where it is some, else the text itself."""
    if text is None:
        return ()
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return _key(value)


def _key(value: object) -> Key:
    if isinstance(value, list):
        return tuple(_key(part) for part in value)
    if isinstance(value, str | int):
        return value
    raise click.BadParameter("a key is text, a whole number, true, false, or a list of those")
