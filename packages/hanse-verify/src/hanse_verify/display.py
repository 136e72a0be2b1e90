# SPDX-License-Identifier: Apache-2.0
"""What people read beside the verdict: the facts in a file. Nothing here decides anything."""

import re
from typing import Any

from hanse_verify.documents import INTEGER_MAX, Document, b64, unb64
from hanse_verify.range import bounds_of, read_page

_FACTS = ("digest", "ledger", "kind", "height", "as_of_height", "as_of_time_ms")
NO_FACTS: Document = {**dict.fromkeys(_FACTS), "claim": {}}
_text = re.compile(rb"((?:[^\0]|\0\xff)*)\0(?!\xff)", re.DOTALL).match


def read_facts(file: Document, ledger: str, digest: str) -> Document:
    """Return what a file is about, and who did what there or what the state held."""
    header, kind, height = file["header"], file["kind"], file["header"]["height"]
    if kind == "range":
        claim = read_range(file)
    elif kind == "state":
        (map_, key), entry = read_key(unb64(file["key"])), file["state"]["entries"][0]
        claim = {"contract": file["contract"], "key": key, "map": map_}
        claim |= {"present": "value" in entry, "value": entry.get("value")}
    else:
        said = file["record"]["transaction"]["body"] | file["record"]["receipt"]
        names = ("action", "contract", "signer", "code", "status", "tx")
        claim, height = {name: said[name] for name in names if name in said}, said["height"]
    facts = (digest, ledger, kind, height, header["height"], header["time_ms"])
    return {**dict(zip(_FACTS, facts, strict=True)), "claim": claim}


def read_range(file: Document) -> Document:
    """Return the rows that the file shows: their keys are those of its pages."""
    (low, high), part, keys = bounds_of(file), file["range"], []
    for page in map(unb64, part["pages"]):
        try:
            digits, inside = read_page(page)
        except ValueError:
            continue
        keys += [key for key, _ in inside if low <= key < high] if digits is None else []
    ends = {"first": file["first"], "last": file["last"], "next": part["next"]}
    texts = {**ends, "previous": part.get("previous")}
    shown = {n: t if t is None else read_parts(unb64(t), unb64(t)) for n, t in texts.items()}
    rows = zip((read_parts(key, key) for key in keys), part["values"], strict=False)
    claim = {"contract": file["contract"], "map": file["map"], **shown}
    return {**claim, "rows": [{"key": key, "value": value} for key, value in rows]}


def read_key(key: bytes) -> tuple[str, Any]:
    """Return map and key of a state key: a list of parts, or base64url when it cannot be read."""
    name, _, rest = key.partition(b"\0")
    return name.decode("ascii", "replace"), read_parts(rest, key)


def read_parts(data: bytes, whole: bytes) -> Any:
    """Return the parts that ``data`` spells, or ``whole`` as base64url when it spells none."""
    try:
        parts, rest = _parts(data)
    except (ValueError, IndexError):
        rest = b"unread"
    return b64(whole) if rest else parts


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
