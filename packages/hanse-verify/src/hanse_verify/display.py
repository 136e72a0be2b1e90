# SPDX-License-Identifier: Apache-2.0
"""What people read beside the verdict: the claim, keys in plain words, a text safe to show.

Nothing here decides anything.
"""

import json
import re
from typing import Any

from hanse_verify.canonical import INTEGER_MAX, b64, unb64

_text = re.compile(rb"((?:[^\0]|\0\xff)*)\0(?!\xff)", re.DOTALL).match


def read_claim(file: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return the height that a file is about, and who did what there or what the state held."""
    if file["kind"] == "state":
        proof = file["state"]
        map_, key = read_key(unb64(proof["key"]))
        claim = {"contract": proof["contract"], "key": key, "map": map_}
        claim |= {"present": proof["present"], "value": proof["value"]}
        return file["header"]["height"], claim
    receipt, body = file["record"]["receipt"], file["record"]["transaction"]["body"]
    claim = {name: body[name] for name in ("action", "contract", "signer")}
    claim |= {name: receipt[name] for name in ("code", "status", "tx") if name in receipt}
    return receipt["height"], claim


def read_key(key: bytes) -> tuple[str, Any]:
    """Return map and key of a state key: a list of parts, or base64url when it cannot be read."""
    name, _, rest = key.partition(b"\0")
    try:
        parts, rest = _parts(rest)
        readable = parts if not rest else b64(key)
    except (ValueError, IndexError):
        readable = b64(key)
    return name.decode("ascii", "replace"), readable


def _parts(data: bytes) -> tuple[Any, bytes]:
    parts: list[Any] = []
    while data and data[0]:  # a zero byte ends a tuple in a tuple
        tag, data = data[0], data[1:]
        if tag in (0x10, 0x11):
            parts.append(tag == 0x11)
        elif tag == 0x20:
            size = data[0] - 0x80 if data[0] >= 0x80 else 0x7F - data[0]
            number = int.from_bytes(data[1 : 1 + size], "big")
            number -= 0 if data[0] >= 0x80 else 256**size - 1
            parts.append(number if abs(number) <= INTEGER_MAX else str(number))
            data = data[1 + size :]
        elif tag in (0x30, 0x40) and (found := _text(data)):
            text = found[1].replace(b"\0\xff", b"\0")
            parts.append(text.decode() if tag == 0x30 else b64(text))
            data = data[found.end() :]
        elif tag == 0x50:
            inner, data = _parts(data)
            parts.append(inner)
            data = data[1:]
        else:
            raise ValueError
    return parts, data


def describe(document: dict[str, Any]) -> str:
    """Return a result for people, with nothing in it that could command a terminal."""
    lines = [_SENTENCES[document["verdict"]]]
    for step in document["steps"]:
        lines += [f"  {'ok' if step['passed'] else 'NO'}  {step['step']}: {step['detail']}"]
    if document["verdict"] != "not_valid":  # what is not proved is not shown
        lines += [f"  {name} = {json.dumps(value)}" for name, value in document["claim"].items()]
    safe = ("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in lines)
    return "\n".join(safe)


_SENTENCES = {
    "valid": "VALID",
    "withdrawn": "WITHDRAWN: true then, and taken back since",
    "unknown_issuer": "UNKNOWN ISSUER: all fits, but no trust anchor says whose ledger it is",
    "not_valid": "NOT VALID: altered, damaged, or made without power",
}
