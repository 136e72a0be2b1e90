# SPDX-License-Identifier: Apache-2.0
"""What people read beside the verdict: the facts in a file. Nothing here decides anything."""

import re
from typing import Any

from hanse_verify.documents import INTEGER_MAX, Document, b64, unb64

_FACTS = ("digest", "ledger", "kind", "height", "as_of_height", "as_of_time_ms")
NO_FACTS: Document = {**dict.fromkeys(_FACTS), "claim": {}}
_text = re.compile(rb"((?:[^\0]|\0\xff)*)\0(?!\xff)", re.DOTALL).match


def read_facts(file: Document, ledger: str, digest: str) -> Document:
    """Return what a file is about, and who did what there or what the state held."""
    header, kind, height = file["header"], file["kind"], file["header"]["height"]
    if kind == "state":
        (map_, key), entry = read_key(unb64(file["key"])), file["state"]["entries"][0]
        claim = {"contract": file["contract"], "key": key, "map": map_}
        claim |= {"present": "value" in entry, "value": entry.get("value")}
    else:
        said = file["record"]["transaction"]["body"] | file["record"]["receipt"]
        names = ("action", "contract", "signer", "code", "status", "tx")
        claim, height = {name: said[name] for name in names if name in said}, said["height"]
    facts = (digest, ledger, kind, height, header["height"], header["time_ms"])
    return {**dict(zip(_FACTS, facts, strict=True)), "claim": claim}


def read_key(key: bytes) -> tuple[str, Any]:
    """Return map and key of a state key: a list of parts, or base64url when it cannot be read."""
    name, _, rest = key.partition(b"\0")
    try:
        parts, rest = _parts(rest)
    except (ValueError, IndexError):
        rest = b"unread"
    return name.decode("ascii", "replace"), b64(key) if rest else parts


def _parts(data: bytes) -> tuple[Any, bytes]:
    parts: list[Any] = []
    while data and data[0]:  # a zero byte ends a tuple in a tuple
        tag, data = data[0], data[1:]
        if tag in (0x10, 0x11):
            parts.append(tag == 0x11)
        elif tag == 0x20:
            below, size = data[0] < 0x80, max(data[0] - 0x80, 0x7F - data[0])  # below zero?
            digits, data = data[1 : 1 + size], data[1 + size :]
            number = int.from_bytes(digits, "big") - below * (256**size - 1)
            fewest = (abs(number).bit_length() + 7) // 8  # another spelling is another key
            if below != (number < 0) or not fewest == len(digits) == size <= 32:
                raise ValueError
            parts.append(number if abs(number) <= INTEGER_MAX else str(number))
        elif tag in (0x30, 0x40) and (found := _text(data)):
            text, data = found[1].replace(b"\0\xff", b"\0"), data[found.end() :]
            parts.append(text.decode() if tag == 0x30 else b64(text))
        elif tag == 0x50:
            inner, data = _parts(data)
            parts.append(inner)
            _end, data = data[0], data[1:]
        else:
            raise ValueError
    return parts, data
