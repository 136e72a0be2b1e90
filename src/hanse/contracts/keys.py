# SPDX-License-Identifier: Apache-2.0
"""State keys: an encoding whose byte order is the order of the values (``spec/state-key.md``).

Numbers sort as numbers, tuples element by element, and no two different keys share an encoding.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from hanse.codec.limits import KEY_DEPTH_MAX
from hanse.contracts.refusals import Fault
from hanse.contracts.types import BigInt, Bytes, Date

KeyPart = bool | int | str | bytes
"""What a key, or one element of a tuple key, may be."""


def encode_part(part: object, depth: int = 0) -> bytes:
    """Return the ordered encoding of one key part.

    Raises:
        Fault: the part is of no key type, an integer of more than 256 bits, or nested too deep.
    """
    if isinstance(part, str):
        try:
            return b"\x30" + part.encode().replace(b"\x00", b"\x00\xff") + b"\x00"
        except UnicodeEncodeError:
            raise Fault("a string key is not made of Unicode scalar values") from None
    if part is True:
        return b"\x11"
    if part is False:
        return b"\x10"
    if isinstance(part, int):
        return _encode_int(part)
    if isinstance(part, bytes):
        return b"\x40" + part.replace(b"\x00", b"\x00\xff") + b"\x00"
    if isinstance(part, tuple):
        if depth >= KEY_DEPTH_MAX:
            raise Fault("a key is nested too deep")
        return b"\x50" + b"".join([encode_part(p, depth + 1) for p in part]) + b"\x00"
    raise Fault(f"{type(part).__name__} cannot be part of a state key")


def _encode_int(number: int) -> bytes:
    size = (abs(number).bit_length() + 7) // 8
    if size > 32:
        raise Fault("an integer key has at most 256 bits")
    if number >= 0:
        return bytes((0x20, 0x80 + size)) + number.to_bytes(size, "big")
    flipped = (1 << (8 * size)) - 1 - abs(number)
    return bytes((0x20, 0x7F - size)) + flipped.to_bytes(size, "big")


def key_encoder(kind: Any, prefix: bytes) -> Callable[[object], bytes]:
    """Return what puts a key of declared type ``kind`` into bytes, ``prefix`` before them."""
    shape = key_shape(kind)

    def encode(key: object) -> bytes:
        return prefix + encode_key(shape(key))

    if _plain(kind) is not str:
        return encode
    head = prefix + b"\x30"

    def encode_text(key: object) -> bytes:
        if type(key) is str and key.isascii() and "\x00" not in key:  # as most are
            return head + key.encode() + b"\x00"
        return encode(key)

    return encode_text


def encode_key(key: object) -> bytes:
    """Return the ordered encoding of a key: one part, or a tuple of parts."""
    if isinstance(key, tuple):
        return b"".join([encode_part(part) for part in key])
    return encode_part(key)


def decode_key(data: bytes) -> list[object]:
    """Return the parts that ``encode_key`` wrote, bytes as ``Bytes``.

    Raises:
        ValueError: not the one encoding of key parts.
    """
    levels: list[list[object]] = [[]]  # of tuples not yet ended; no recursion over input
    while data:
        tag = data[0]
        if tag == 0x00 and len(levels) > 1:
            inner = tuple(levels.pop())
            levels[-1].append(inner)
            data = data[1:]
        elif tag == 0x50:
            levels.append([])
            data = data[1:]
        else:
            part, data = _decode_part(tag, data)
            levels[-1].append(part)
    if len(levels) > 1:
        raise ValueError("a nested tuple does not end")
    return levels[0]


def _decode_part(tag: int, data: bytes) -> tuple[object, bytes]:
    if tag in (0x10, 0x11):
        return tag == 0x11, data[1:]
    if tag == 0x20:
        return _decode_int(data)
    if tag in (0x30, 0x40):
        text, rest = _decode_text(data[1:])
        return (_text(text) if tag == 0x30 else Bytes(text)), rest
    raise ValueError("unknown tag in a key")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError("a string of a key is not UTF-8") from None


def _decode_int(data: bytes) -> tuple[int, bytes]:
    if len(data) < 2:
        raise ValueError("an integer is cut short")
    size = data[1] - 0x80 if data[1] >= 0x80 else 0x7F - data[1]
    body, rest = data[2 : 2 + size], data[2 + size :]
    if size > 32 or len(body) != size:
        raise ValueError("an integer is cut short")
    number = int.from_bytes(body, "big")
    if data[1] < 0x80:
        number -= (1 << (8 * size)) - 1
    if _encode_int(number) != data[: 2 + size]:
        raise ValueError("an integer is not written in its fewest bytes")
    return number, rest


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


Shape = Callable[[object], object]
"""Returns a key in the types that its map declares; ``Fault`` when it has others."""


def key_shape(kind: Any) -> Shape:
    """Return what puts a key, or one element of it, into its declared type ``kind``.

    The shape takes typed keys and decoded ones: a day may come as its plain string.

    Raises:
        TypeError: ``kind`` is no key type.
    """
    plain = _plain(kind)
    origin, args = get_origin(plain), get_args(plain)
    if origin is tuple and args and ... not in args:
        return _tuple_shape(tuple(key_shape(a) for a in args))
    if origin is Literal:
        return _literal_shape(args)
    shape = _SHAPES.get(plain)
    if shape is None:
        raise TypeError(f"{kind} is not a key type")
    return shape


def prefix_shape(kind: Any) -> Shape:
    """Return what puts the first parts of a key of declared type ``kind`` into their types."""
    plain = _plain(kind)
    kinds = get_args(plain) if get_origin(plain) is tuple else (plain,)
    shapes = tuple(key_shape(one) for one in kinds)

    def shape(prefix: object) -> object:
        if not isinstance(prefix, tuple) or len(prefix) > len(shapes):
            raise Fault(f"a prefix has at most the {len(shapes)} parts of a key")
        return tuple([one(part) for one, part in zip(shapes, prefix, strict=False)])

    return shape


def _plain(kind: Any) -> Any:
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    return kind


def _tuple_shape(shapes: tuple[Shape, ...]) -> Shape:
    def shape(key: object) -> object:
        if not isinstance(key, tuple) or len(key) != len(shapes):
            raise Fault(f"a key of this map has {len(shapes)} parts")
        return tuple([one(part) for one, part in zip(shapes, key, strict=True)])

    return shape


def _literal_shape(allowed: tuple[object, ...]) -> Shape:
    def shape(key: object) -> object:
        if not any(type(key) is type(one) and key == one for one in allowed):
            raise Fault("a key of this map is one of a few declared values")
        return key

    return shape


def _shape_of(kind: type, name: str) -> Shape:
    def shape(key: object) -> object:
        if isinstance(key, kind) and type(key) is not bool:
            return key
        raise Fault(f"a key of this map is {name}")

    return shape


def _bool_shape(key: object) -> object:
    if type(key) is not bool:
        raise Fault("a key of this map is true or false")
    return key


def _date_shape(key: object) -> object:
    if isinstance(key, Date):
        return key
    try:
        return Date(str(key))
    except ValueError:
        raise Fault("a key of this map is a day") from None


def _bytes_shape(key: object) -> object:
    if not isinstance(key, bytes):
        raise Fault("a key of this map is bytes")
    return Bytes(key)


def _big_shape(key: object) -> object:
    if not isinstance(key, int) or isinstance(key, bool):
        raise Fault("a key of this map is an integer")
    try:
        return BigInt(key)
    except ValueError:
        raise Fault("an integer key has at most 256 bits") from None


_SHAPES: dict[Any, Shape] = {
    str: _shape_of(str, "a string"),
    int: _shape_of(int, "an integer"),
    bool: _bool_shape,
    bytes: _bytes_shape,
    Bytes: _bytes_shape,
    BigInt: _big_shape,
    Date: _date_shape,
}


def key_from_json(kind: Any, value: object) -> object:
    """Return the key of declared type ``kind`` that the JSON ``value`` stands for.

    Raises:
        ValueError: the value does not fit the type.
    """
    plain = _plain(kind)
    origin, args = get_origin(plain), get_args(plain)
    if origin is tuple:
        if not isinstance(value, list) or len(value) != len(args):
            raise ValueError(f"the key is an array of {len(args)}")
        return tuple(key_from_json(a, v) for a, v in zip(args, value, strict=True))
    if origin is Literal:
        if not any(type(value) is type(one) and value == one for one in args):
            raise ValueError(f"one of {', '.join(map(str, args))}")
        return value
    if plain in _FROM_JSON:
        return _FROM_JSON[plain](value)
    raise ValueError(f"{kind} is not a key type")


def _exactly(kind: type) -> Callable[[object], object]:
    def check(value: object) -> object:
        if type(value) is not kind:
            raise ValueError(f"the key is a {kind.__name__}")
        return value

    return check


def _date_from_json(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("the key is a day")  # noqa: TRY004  # callers turn ValueError into a path
    return Date(value)


_FROM_JSON: dict[Any, Callable[[object], object]] = {
    str: _exactly(str),
    int: _exactly(int),
    bool: _exactly(bool),
    bytes: Bytes.parse,
    Bytes: Bytes.parse,
    BigInt: BigInt.parse,
    Date: _date_from_json,
}
