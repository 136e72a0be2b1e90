# SPDX-License-Identifier: Apache-2.0
"""Records and events: frozen typed values with one canonical encoding; the codec of any type."""

import re
import types
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Final,
    Generic,
    Literal,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.canonical import decode_as
from hanse.codec.limits import (
    INTEGER_MAX,
    ITEMS_MAX,
    JSON_DEPTH_MAX,
    NESTING_MAX,
    TEXT_CHARS_MAX,
    VALUE_BYTES_MAX,
)
from hanse.contracts.refusals import Fault, ReaderFailed
from hanse.contracts.types import BigInt, Bytes, Date, decode_hook, encode_hook
from hanse.errors import Corrupt

if TYPE_CHECKING:  # mypy checks the field names of dataclasses.replace, so it is that one for mypy
    from dataclasses import replace
else:
    from msgspec.structs import replace

__all__ = [
    "Codec",
    "Record",
    "StoredValueDamaged",
    "codec_of",
    "declare",
    "encode_loose",
    "event",
    "is_event",
    "is_field_name",
    "is_record",
    "record",
    "replace",
]

T = TypeVar("T")
Coerce = Callable[[Any], Any]

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII).fullmatch

_encoder = msgspec.json.Encoder(enc_hook=encode_hook, order="sorted")
_INT = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]


@dataclass(eq=False)
class StoredValueDamaged(Corrupt):
    """A value of the state is not of the type that its contract declares."""

    kind: str
    code: ClassVar[str] = "stored_value_damaged"
    hint: ClassVar[str] = "Rebuild the state from a snapshot and the block log: `hanse doctor`."


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every record at run time."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen, keyword-only value with a canonical encoding.

    Unknown fields are refused on decoding; a field may have a literal as default.
    """
    return _build(cls, "record")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event(cls: type[T]) -> type[T]:
    """Make ``cls`` a record that actions emit; its docstring is its sentence in the console."""
    return _build(cls, "event")


def is_record(kind: object) -> bool:
    """Whether ``kind`` is a class made by :func:`record` or :func:`event`."""
    return isinstance(kind, type) and issubclass(kind, Record)


def is_event(kind: object) -> bool:
    """Whether ``kind`` is a class made by :func:`event`."""
    return is_record(kind) and getattr(kind, "__hanse_kind__", "") == "event"


def is_field_name(name: str) -> bool:
    """Whether ``name`` may be a key of canonical JSON."""
    return _FIELD(name) is not None


def _build(cls: type[T], kind: str) -> type[T]:
    if cls.__bases__ != (object,):
        raise TypeError(f"{cls.__name__}: a record has no base class")
    hints = get_type_hints(cls, include_extras=True)
    hints = {name: hints[name] for name in cls.__annotations__}
    skip = {"__dict__", "__weakref__", "__annotations__", "__slots__", *cls.__annotations__}
    namespace = {k: v for k, v in cls.__dict__.items() if k not in skip}
    defaults = {name: cls.__dict__[name] for name in hints if name in cls.__dict__}
    made: type[T] = declare(kind, cls.__name__, hints, defaults, namespace)
    return made


def declare(
    kind: str,
    name: str,
    hints: dict[str, Any],
    defaults: dict[str, Any],
    namespace: dict[str, Any],
) -> Any:
    """Return the class of a record or event with these fields.

    Args:
        kind: ``record`` or ``event``.
        name: of the class.
        hints: the declared type of each field, in order.
        defaults: of the fields that have one.
        namespace: what else the class holds: its docstring, its module.

    Raises:
        TypeError: a field or its type is not of the contract language.
    """
    fields: list[Any] = []
    coerce: dict[str, Coerce] = {}
    for field, hint in hints.items():
        if not is_field_name(field):
            raise TypeError(f"{name}.{field}: a field is named in ASCII")
        step = coercion(hint)
        if step is not None:
            coerce[field] = step
        known = (field, runtime_type(hint))
        fields.append((*known, defaults[field]) if field in defaults else known)
    made = {**namespace, "__hanse_kind__": kind, "__hanse_hints__": hints}
    if coerce:
        made["__post_init__"] = _post_init(coerce)
    return msgspec.defstruct(
        name,
        fields,
        bases=(Record,),
        module=namespace.get("__module__"),
        namespace=made,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


def _post_init(coerce: dict[str, Coerce]) -> Callable[[Any], None]:
    def __post_init__(self: Any) -> None:  # noqa: N807  # msgspec calls it by this name
        for name, step in coerce.items():
            msgspec.structs.force_setattr(self, name, step(getattr(self, name)))

    return __post_init__


def runtime_type(hint: Any) -> Any:
    """Return the msgspec type that stands for a declared type.

    Raises:
        TypeError: the type is not one of the contract language.
    """
    plain = getattr(hint, "__supertype__", hint)
    if plain is not hint:
        return runtime_type(plain)
    if hint is int:
        return _INT
    if hint is bytes:
        return Bytes
    if hint in (str, bool, BigInt, Date, Bytes, type(None), None) or is_record(hint):
        return hint
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return hint
    if origin in (Union, types.UnionType):
        return Union[tuple(runtime_type(a) for a in args)]  # noqa: UP007  # built at run time
    if origin is list:
        return list[runtime_type(args[0])]  # type: ignore[misc]  # built at run time
    if origin is tuple:
        kinds = tuple(runtime_type(a) if a is not ... else ... for a in args)
        return tuple[kinds]  # type: ignore[valid-type]  # the same
    raise TypeError(f"{hint} is not a type of the contract language")


def coercion(hint: Any) -> Coerce | None:
    """Return what turns a plain value into its declared value type; ``None`` for nothing to do.

    A value that is of another type altogether stays as it is, for the codec to refuse.
    """
    plain = getattr(hint, "__supertype__", hint)
    if plain is not hint:
        return coercion(plain)
    if plain is bytes:
        return lambda value: Bytes(value) if isinstance(value, bytes) else value
    if plain is BigInt:
        return lambda value: BigInt(value) if type(value) is int else value
    origin, args = get_origin(plain), get_args(plain)
    if origin is list or (origin is tuple and args[-1:] == (...,)):
        step = coercion(args[0])
        return None if step is None else _for_each(origin, step)
    if origin is tuple:
        return _for_parts([coercion(a) for a in args])
    if origin in (Union, types.UnionType):
        steps = [s for s in (coercion(a) for a in args) if s]
        return steps[0] if steps else None
    return None


def _for_each(origin: Any, step: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        return origin([step(item) for item in value]) if type(value) is origin else value

    return coerce


def _for_parts(steps: list[Coerce | None]) -> Coerce | None:
    if not any(steps):
        return None

    def coerce(value: Any) -> Any:
        if not isinstance(value, tuple) or len(value) != len(steps):
            return value
        return tuple(
            part if step is None else step(part) for step, part in zip(steps, value, strict=True)
        )

    return coerce


_KNOWN_MAX: Final = 64  # values that a codec remembers
_KNOWN_BYTES: Final = 512  # bytes of each, at most


class Codec(Generic[T]):
    """The one way between values of a declared type and their canonical bytes."""

    __slots__ = ("_bytes_max", "_coerce", "_decoder", "_known", "_name", "hint")

    def __init__(self, hint: Any, bytes_max: int = VALUE_BYTES_MAX) -> None:
        """Prepare for the declared type ``hint``, with at most ``bytes_max`` bytes a value."""
        self.hint = hint
        self._bytes_max = bytes_max
        self._name = getattr(hint, "__name__", "its declared type")
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(
            runtime_type(hint), dec_hook=decode_hook
        )
        self._coerce = coercion(hint)
        self._known: dict[bytes, T] = {}  # flat records, which nobody can change, by their bytes

    def encode(self, value: T) -> bytes:
        """Return the canonical bytes of ``value``, checked against the declared type.

        Raises:
            Fault: the value is not of the declared type, or too large.
        """
        try:
            flat = is_flat(value)
            if not flat:
                check_bounded(value, self._bytes_max)
            if self._coerce is not None:
                value = self._coerce(value)
            data = _encoder.encode(value)
            checked = self._decoder.decode(data)
            if flat:
                self._keep(data, checked)
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError):
            # in our own words: a library's may differ between its versions
            raise Fault(f"a value is not of the declared type {self._name}") from None
        if len(data) > self._bytes_max:
            raise Fault(f"a value has {len(data)} bytes; the limit is {self._bytes_max}")
        return data

    def decode(self, data: bytes) -> T:
        """Return the value of ``data``, strictly of the declared type.

        Raises:
            Malformed: with the path of what does not fit.
        """
        return decode_as(data, self._decoder)

    def decode_stored(self, data: bytes) -> T:
        """Return the value of bytes that this ledger wrote itself.

        Raises:
            StoredValueDamaged: they are not what was written.
        """
        try:
            return self._decoder.decode(data)
        except (msgspec.MsgspecError, ValueError):
            raise StoredValueDamaged(self._name) from None

    def decode_state(self, data: bytes) -> T:
        """Return the value of stored bytes while a contract runs, which cannot catch a failure."""
        known = self._known.get(data)
        if known is not None:
            return known
        try:
            value = self._decoder.decode(data)
        except (msgspec.MsgspecError, ValueError):
            raise ReaderFailed from StoredValueDamaged(self._name)
        if is_flat(value):
            self._keep(data, value)
        return value

    def _keep(self, data: bytes, value: T) -> None:
        """Remember what ``data`` decodes to: an action reads and writes the same few values."""
        if len(data) > _KNOWN_BYTES or not isinstance(value, Record):
            return
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[data] = value


_HOLDERS: Final = frozenset({list, tuple, dict})
_PLAIN: Final = frozenset({bool, bytes, int, str, type(None)})
_NUMBERS: Final = frozenset({int, bool, BigInt, type(None)})


def is_flat(value: object) -> bool:
    """Whether a value holds no lists and no records, so that its size is that of its texts."""
    if isinstance(value, Record):
        if _PLAIN.issuperset(map(type, msgspec.structs.astuple(value))):
            return True
        for part in msgspec.structs.astuple(value):
            kind = type(part)
            if kind in _HOLDERS or issubclass(kind, Record):
                return False
        return True
    return type(value) not in _HOLDERS


def check_bounded(value: object, bytes_max: int) -> None:
    """Fail where a value is nested too deep, or holds more than ``bytes_max`` bytes can.

    A list may hold one list many times, or itself: what is written of it may then be far larger
    than it is, and the encoder would find out too late.
    """
    waiting: list[tuple[object, int]] = [(value, 0)]
    size = 0
    while waiting:
        part, depth = waiting.pop()
        parts: Collection[object] = ()
        if isinstance(part, list | tuple):
            parts = part
        elif isinstance(part, dict):
            parts = (*part.keys(), *part.values())
        elif isinstance(part, Record):
            parts = msgspec.structs.astuple(part)
        size += len(part) if isinstance(part, str | bytes) else len(parts)
        if size > bytes_max:
            raise Fault(f"a value has more bytes than the limit of {bytes_max}")
        if parts and depth >= NESTING_MAX:
            raise Fault("a value is nested too deep")
        waiting += [(one, depth + 1) for one in _sized(parts)]


def are_bounded(values: Iterable[object]) -> bool:
    """Whether no text, bytes or list in freshly decoded values is larger than a contract makes."""
    waiting = list(values)
    while waiting:
        part = waiting.pop()
        if isinstance(part, str | bytes):
            if len(part) > TEXT_CHARS_MAX:
                return False
        elif isinstance(part, list | tuple):
            if len(part) > ITEMS_MAX:
                return False
            waiting += _sized(part)
        elif isinstance(part, Record):
            waiting += _sized(msgspec.structs.astuple(part))
    return True


def _sized(parts: Collection[object]) -> Collection[object]:
    """Return those of the parts that have a size of their own: no numbers, booleans or None."""
    if _NUMBERS.issuperset(map(type, parts)):
        return ()
    return [part for part in parts if type(part) not in _NUMBERS]


_codecs: dict[type, Codec[Any]] = {}  # of events; one entry for each class in the code


def codec_of(kind: type[T]) -> Codec[T]:
    """Return the codec of a record, made once."""
    known = _codecs.get(kind)
    if known is None:
        known = _codecs[kind] = Codec(kind)
    return known


def encode_loose(value: object, bytes_max: int = VALUE_BYTES_MAX) -> bytes:
    """Return canonical bytes of facts or other plain values, in the JSON form of their types.

    Raises:
        Fault: not values of the contract language, nested too deep, or surely too many.
    """
    check_bounded(value, bytes_max)
    return _encoder.encode(_plain(value, 0))


def _plain(value: object, depth: int) -> object:
    """Return ``value`` as canonical JSON has it; bounded by depth, so no recursion over input."""
    if value is None or type(value) is bool:
        return value
    if isinstance(value, str):
        _check_text(value)
        return str.__str__(value)
    if isinstance(value, bytes):
        return to_text(value)
    if isinstance(value, int):
        small = type(value) is int and -INTEGER_MAX <= value <= INTEGER_MAX
        return value if small else int.__str__(_big(value))
    if depth >= JSON_DEPTH_MAX:
        raise Fault("a value is nested too deep")
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(name, str) and is_field_name(name) for name in value):
            raise Fault("a name in a value is no ASCII identifier")
        return {name: _plain(item, depth + 1) for name, item in value.items()}
    if is_record(type(value)):
        fields = type(value).__struct_fields__  # type: ignore[attr-defined]  # every record has
        return {name: _plain(getattr(value, name), depth + 1) for name in fields}
    raise Fault("a value is none of the contract language")


def _big(value: int) -> BigInt:
    try:
        return BigInt(value)
    except ValueError:
        raise Fault("an integer has at most 256 bits") from None


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Fault("a text is not made of Unicode scalar values") from None
