# SPDX-License-Identifier: Apache-2.0
"""State keys: the name of a map, and its key in bytes that sort as keys do (``spec/state-key.md``)."""

import re
from typing import Any

from hanse_verify.canonical import INTEGER_MAX, b64

KEY_BYTES_MAX = 480
_text = re.compile(rb"((?:[^\0]|\0\xff)*)\0(?!\xff)", re.DOTALL).match


def encode_key(map_: str, *parts: str) -> bytes:
    """Return the state key of ``map_`` at a string, or at a tuple of strings."""
    texts = (part.encode().replace(b"\0", b"\0\xff") for part in parts)
    return map_.encode() + b"\0" + b"".join(b"\x30" + text + b"\0" for text in texts)


def read_key(key: bytes) -> tuple[str, Any]:
    """Return map and key for people: a list of parts, or base64url when it cannot be read."""
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
