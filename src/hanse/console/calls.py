# SPDX-License-Identifier: Apache-2.0
"""The exact call of a form as Python, curl and command line, to be copied and run."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hanse.console.display import canonical


@dataclass(frozen=True, slots=True)
class Call:
    """One way to make a call: the name of its tab and its text."""

    name: str
    text: str


def action_calls(
    url: str, contract: str, action: str, args: Mapping[str, Any], member: str
) -> list[Call]:
    """Return how to send an action: Python and command line sign and send, curl checks."""
    key_file = f"{member}.key"
    python = (
        "from pathlib import Path\n\n"
        "from hanse import Client\n"
        "from hanse.crypto import keyfiles\n\n"
        f"signer = keyfiles.load(Path({_quoted(key_file)}), passphrase=None)\n"
        f"client = Client({_quoted(url)}, member={_quoted(member)}, signer=signer)\n"
        f"receipt = client.submit({_quoted(contract)}, {_quoted(action)}, {_literal(args)})\n"
        "receipt.require_ok()"
    )
    address = f"{url}/v1/contracts/{contract}/actions/{action}/check"
    curl = _post(address, {"args": args, "signer": member})
    words = ["tx", "submit", contract, action, "--args", canonical(dict(args))]
    cli = _cli([*words, "--as", member, "--key", key_file, "--url", url])
    return [Call("Python", python), Call("curl", curl), Call("CLI", cli)]


def query_calls(url: str, contract: str, query: str, args: Mapping[str, Any]) -> list[Call]:
    """Return how to ask a query."""
    python = (
        "from hanse import Client\n\n"
        f"client = Client({_quoted(url)})\n"
        f"answer = client.query({_quoted(contract)}, {_quoted(query)}, {_literal(args)})"
    )
    curl = _post(f"{url}/v1/contracts/{contract}/queries/{query}", {"args": args})
    cli = _cli(["query", contract, query, "--args", canonical(dict(args)), "--url", url])
    return [Call("Python", python), Call("curl", curl), Call("CLI", cli)]


def transaction_calls(url: str, tx: str, signed: Any) -> list[Call]:
    """Return how to look a transaction up, and how to send the very same bytes again."""
    python = (
        f"from hanse import Client\n\nclient = Client({_quoted(url)})\n"
        f"evidence = client.evidence({_quoted(tx)})"
    )
    curl = f"curl -s {shlex.quote(f'{url}/v1/transactions/{tx}')}"
    if signed is not None:
        curl += "\n\n" + _post(f"{url}/v1/transactions", signed)
    cli = "\n".join(_cli(["tx", verb, tx, "--url", url]) for verb in ("show", "why"))
    return [Call("Python", python), Call("curl", curl), Call("CLI", cli)]


def _post(address: str, document: Any) -> str:
    body = shlex.quote(canonical(document))
    kind = "-H 'Content-Type: application/json'"
    return f"curl -s {shlex.quote(address)} \\\n  {kind} \\\n  -d {body}"


def _cli(words: list[str]) -> str:
    return shlex.join(["hanse", *words])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _literal(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return _quoted(value) if isinstance(value, str) else repr(value)
