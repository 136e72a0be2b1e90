# SPDX-License-Identifier: Apache-2.0
"""State keys: an encoding whose byte order is the order of the values (``spec/state-key.md``).

Numbers sort as numbers, tuples element by element, and no two different keys share an encoding.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from hanse.contracts.refusals import Fault
from hanse.contracts.types import BigInt, Bytes, Date

KeyPart = bool | int | str | bytes
"""What a key, or one element of a tuple key, may be."""


def encode_part(part: object) -> bytes:
    """Return the ordered encoding of one key part.

    Raises:
        Fault: the part is of no key type, or an integer of more than 256 bits.
    """
    if isinstance(part, str):
        return b"\x30" + part.encode().replace(b"\x00", b"\x00\xff") + b"\x00"
    if part is True:
        return b"\x11"
    if part is False:
        return b"\x10"
    if isinstance(part, int):
        return _encode_int(part)
    if isinstance(part, bytes):
        return b"\x40" + part.replace(b"\x00", b"\x00\xff") + b"\x00"
    if isinstance(part, tuple):
        return b"\x50" + b"".join(encode_part(p) for p in part) + b"\x00"
    raise Fault(f"{type(part).__name__} cannot be part of a state key")


def _encode_int(number: int) -> bytes:
    size = (abs(number).bit_length() + 7) // 8
    if size > 32:
        raise Fault("an integer key has at most 256 bits")
    if number >= 0:
        return bytes((0x20, 0x80 + size)) + number.to_bytes(size, "big")
    flipped = (1 << (8 * size)) - 1 - abs(number)
    return bytes((0x20, 0x7F - size)) + flipped.to_bytes(size, "big")


def encode_key(key: object) -> bytes:
    """Return the ordered encoding of a key: one part, or a tuple of parts."""
    if type(key) is str:
        return b"\x30" + key.encode().replace(b"\x00", b"\x00\xff") + b"\x00"
    if isinstance(key, tuple):
        return b"".join([encode_part(part) for part in key])
    return encode_part(key)


def decode_key(data: bytes) -> list[object]:
    """Return the parts that ``encode_key`` wrote, bytes as ``Bytes``.

    Raises:
        ValueError: not an encoding of key parts.
    """
    parts, rest = _decode_parts(data, nested=False)
    if rest:
        raise ValueError("trailing bytes after the key")
    return parts


def _decode_parts(data: bytes, *, nested: bool) -> tuple[list[object], bytes]:
    parts: list[object] = []
    while data:
        tag = data[0]
        if tag == 0x00 and nested:
            return parts, data[1:]
        if tag in (0x10, 0x11):
            parts.append(tag == 0x11)
            data = data[1:]
        elif tag == 0x20:
            number, data = _decode_int(data)
            parts.append(number)
        elif tag in (0x30, 0x40):
            text, data = _decode_text(data[1:])
            parts.append(text.decode() if tag == 0x30 else Bytes(text))
        elif tag == 0x50:
            inner, data = _decode_parts(data[1:], nested=True)
            parts.append(tuple(inner))
        else:
            raise ValueError("unknown tag in a key")
    if nested:
        raise ValueError("a nested tuple does not end")
    return parts, b""


def _decode_int(data: bytes) -> tuple[int, bytes]:
    if len(data) < 2:
        raise ValueError("an integer is cut short")
    size = data[1] - 0x80 if data[1] >= 0x80 else 0x7F - data[1]
    body, rest = data[2 : 2 + size], data[2 + size :]
    if size > 32 or len(body) != size:
        raise ValueError("an integer is cut short")
    number = int.from_bytes(body, "big")
    return (number if data[1] >= 0x80 else number - (1 << (8 * size)) + 1), rest


def _decode_text(data: bytes) -> tuple[bytes, bytes]:
    start = 0
    while True:
        end = data.find(b"\x00", start)
        if end < 0:
            raise ValueError("a string does not end")
        if data[end + 1 : end + 2] == b"\xff":
            start = end + 2
            continue
        return data[:end].replace(b"\x00\xff", b"\x00"), data[end + 1 :]


def key_from_json(kind: Any, value: object) -> object:
    """Return the key of declared type ``kind`` that the JSON ``value`` stands for.

    Raises:
        ValueError: the value does not fit the type.
    """
    origin, args = get_origin(kind), get_args(kind)
    if origin is tuple:
        if not isinstance(value, list) or len(value) != len(args):
            raise ValueError(f"the key is an array of {len(args)}")
        return tuple(key_from_json(a, v) for a, v in zip(args, value, strict=True))
    if origin is Literal:
        if value not in args:
            raise ValueError(f"one of {', '.join(map(str, args))}")
        return value
    plain = getattr(kind, "__supertype__", kind)
    if plain in _FROM_JSON:
        return _FROM_JSON[plain](value)
    raise ValueError(f"{kind} is not a key type")


def _exactly(kind: type) -> Callable[[object], object]:
    def check(value: object) -> object:
        if type(value) is not kind:
            raise ValueError(f"the key is a {kind.__name__}")
        return value

    return check


_FROM_JSON: dict[Any, Callable[[object], object]] = {
    str: _exactly(str),
    int: _exactly(int),
    bool: _exactly(bool),
    bytes: Bytes.parse,
    BigInt: BigInt.parse,
    Date: lambda value: Date(str(value)),
}
