# SPDX-License-Identifier: Apache-2.0
"""Protocol buffers, as far as ABCI needs them: bytes and frozen dataclasses, by their annotations.

A field's annotation says its number, ``Annotated[int, At(5)]``; that is the one place where it
stands. The rules are those of proto3: a default is left out, a repeated number is packed, an
unknown field is skipped, of a field given twice the last counts. A message that may not be absent
is always written, as CometBFT's own code does; one that may be is ``None``.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar, get_args, get_origin
from typing import get_type_hints as hints_of

from hanse.codec.limits import ENGINE_DEPTH_MAX
from hanse.errors import Corrupt

Kind = Literal["int32", "int64", "uint32", "uint64"]
Message = TypeVar("Message")
Buffer = bytes | memoryview

VARINT: Final = 0
FIXED64: Final = 1
SIZED: Final = 2
FIXED32: Final = 5
VARINT_BYTES_MAX: Final = 10  # of 64 bits in groups of seven

RANGES: Final[dict[Kind, tuple[int, int]]] = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}


class At(NamedTuple):
    """Where a field stands in its message, and how a number is bounded."""

    number: int
    kind: Kind = "int64"


@dataclass(eq=False)
class EngineWireInvalid(Corrupt):
    """What came over the engine's socket is no message of ABCI 2.0."""

    reason: str
    code = "engine_wire_invalid"
    status = 502
    hint = "Is it CometBFT 0.40? `hanse doctor` looks; `make cometbft` builds the right one."


class _Field(NamedTuple):
    """One field, as encoding and decoding need it."""

    name: str
    number: int
    wire: int
    repeated: bool
    default: Any
    write: Callable[[Any], bytes]  # a value, without its tag; a sized one with its length
    read: Callable[[Any, int], Any]  # the raw number or bytes at a depth


def encode(message: object) -> bytes:
    """Return the message's bytes."""
    parts: list[bytes] = []
    shape: Any = type(message)
    for field in _fields_of(shape):
        value = getattr(message, field.name)
        tag = encode_varint(field.number << 3 | (SIZED if field.repeated else field.wire))
        if not field.repeated:
            if value is not None and (value != field.default or is_dataclass(value)):
                parts += (tag, field.write(value))
        elif field.wire == VARINT and value:
            packed = b"".join(field.write(item) for item in value)
            parts += (tag, encode_varint(len(packed)), packed)
        else:
            for item in value:
                parts += (tag, field.write(item))
    return b"".join(parts)


def decode(kind: type[Message], data: Buffer, depth: int = 0) -> Message:
    """Return the message of this kind that ``data`` holds.

    Raises:
        EngineWireInvalid: it is cut short, a number or length is out of its bounds, a field has
            another wire type, text is no UTF-8, or messages stand too deep in one another.
    """
    if depth > ENGINE_DEPTH_MAX:
        raise EngineWireInvalid(f"more than {ENGINE_DEPTH_MAX} messages within one another")
    shape: Any = kind
    known = _fields_by_number(shape)
    values: dict[str, Any] = {}
    view, at, end = memoryview(data), 0, len(data)
    while at < end:
        tag, at = decode_varint(view, at)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 2**29:
            raise EngineWireInvalid(f"field number {number}")
        raw, at = _raw(view, at, wire)
        field = known.get(number)
        if field is None:
            continue
        if field.repeated:
            items = values.setdefault(field.name, [])
            items.extend(_items(field, wire, raw, depth))
        elif wire == field.wire:
            values[field.name] = field.read(raw, depth)
        else:
            raise EngineWireInvalid(f"field {number} of {kind.__name__} has wire type {wire}")
    for name, value in values.items():
        if type(value) is list:
            values[name] = tuple(value)
    return kind(**values)


def encode_varint(number: int) -> bytes:
    """Return a number below 2^64 in groups of seven bits, the lowest first."""
    if number < 0x80:
        return number.to_bytes(1, "big")
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def decode_varint(data: Buffer | bytearray, at: int) -> tuple[int, int]:
    """Return the number at this place, and the place behind it.

    Raises:
        EngineWireInvalid: it is cut short or exceeds 64 bits.
    """
    number = shift = 0
    for place in range(at, min(at + VARINT_BYTES_MAX, len(data))):
        group = data[place]
        number |= (group & 0x7F) << shift
        if group < 0x80:
            if number >= 2**64:
                break
            return number, place + 1
        shift += 7
    raise EngineWireInvalid("a number is cut short or exceeds 64 bits")


def _raw(view: memoryview, at: int, wire: int) -> tuple[Any, int]:
    """Return what stands at this place, a number or bytes, and the place behind it."""
    if wire == VARINT:
        return decode_varint(view, at)
    if wire == SIZED:
        size, at = decode_varint(view, at)
    elif wire in {FIXED64, FIXED32}:
        size = 8 if wire == FIXED64 else 4
    else:
        raise EngineWireInvalid(f"wire type {wire}")
    if size > len(view) - at:
        raise EngineWireInvalid(f"{size} bytes announced, {len(view) - at} are there")
    return view[at : at + size], at + size


def _items(field: _Field, wire: int, raw: Any, depth: int) -> list[Any]:
    """Return what one occurrence adds to a repeated field; numbers come packed or singly."""
    if wire == field.wire:
        return [field.read(raw, depth)]
    if field.wire != VARINT or wire != SIZED:
        raise EngineWireInvalid(f"repeated field {field.number} has wire type {wire}")
    items, at = [], 0
    while at < len(raw):
        number, at = decode_varint(raw, at)
        items.append(field.read(number, depth))
    return items


@cache
def _fields_of(kind: type) -> tuple[_Field, ...]:
    """Return the fields of a message in the order of their numbers."""
    hints = hints_of(kind, include_extras=True)
    found = [_field(f.name, hints[f.name], f.default) for f in fields(kind)]
    assert len({field.number for field in found}) == len(found), kind
    return tuple(sorted(found, key=lambda field: field.number))


@cache
def _fields_by_number(kind: type) -> dict[int, _Field]:
    return {field.number: field for field in _fields_of(kind)}


def _field(name: str, hint: Any, default: Any) -> _Field:
    """Return the field that an annotation describes."""
    assert get_origin(hint) is Annotated, name
    kind, place = get_args(hint)
    assert isinstance(place, At), name
    repeated = get_origin(kind) is tuple
    if repeated:
        kind = get_args(kind)[0]
    elif isinstance(kind, UnionType):  # a message or None
        (kind,) = [part for part in get_args(kind) if part is not type(None)]
    wire, write, read = _codec(kind, place.kind)
    return _Field(name, place.number, wire, repeated, default, write, read)


def _codec(kind: Any, bounds: Kind) -> tuple[int, Callable[[Any], bytes], Callable[..., Any]]:
    """Return wire type, writer and reader of a type."""
    if kind is bytes:
        return SIZED, _sized, lambda raw, _: bytes(raw)
    if kind is str:
        return SIZED, lambda text: _sized(text.encode()), _read_text
    if kind is bool:
        return VARINT, lambda value: b"\x01" if value else b"\x00", lambda raw, _: raw != 0
    if kind is int:
        return VARINT, _number_writer(bounds), _number_reader(bounds)
    if issubclass(kind, IntEnum):
        return VARINT, _number_writer("int32"), lambda raw, _: _read_choice(kind, raw)
    return (
        SIZED,
        lambda message: _sized(encode(message)),
        lambda raw, depth: decode(kind, raw, depth + 1),
    )


def _sized(data: bytes) -> bytes:
    return encode_varint(len(data)) + data


def _read_text(raw: memoryview, _depth: int) -> str:
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError as error:
        raise EngineWireInvalid(f"text is no UTF-8: {error.reason}") from None


def _read_choice(kind: type[IntEnum], raw: int) -> IntEnum:
    try:
        return kind(raw)
    except ValueError:
        raise EngineWireInvalid(f"{kind.__name__} has no value {raw}") from None


def _number_writer(bounds: Kind) -> Callable[[int], bytes]:
    low, high = RANGES[bounds]

    def write(number: int) -> bytes:
        assert low <= number <= high, number
        return encode_varint(number & (2**64 - 1))

    return write


def _number_reader(bounds: Kind) -> Callable[[int, int], int]:
    low, high = RANGES[bounds]

    def read(raw: int, _depth: int) -> int:
        number = raw - 2**64 if low < 0 and raw >= 2**63 else raw
        if not low <= number <= high:
            raise EngineWireInvalid(f"{number} exceeds {bounds}")
        return number

    return read
