# SPDX-License-Identifier: Apache-2.0
"""Records and events: frozen typed values with one canonical encoding, and the codec of any declared type."""

import types
from collections.abc import Callable
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
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

from hanse.codec.canonical import decode_as
from hanse.codec.limits import INTEGER_MAX, VALUE_BYTES_MAX
from hanse.contracts.refusals import Fault
from hanse.contracts.types import BigInt, Bytes, Date, decode_hook, encode_hook
from hanse.errors import HanseError

if TYPE_CHECKING:  # mypy checks the field names of dataclasses.replace, so it is that one for mypy
    from dataclasses import replace as replace
else:
    from msgspec.structs import replace

__all__ = ["Codec", "event", "is_record", "record", "replace"]

T = TypeVar("T")
Coerce = Callable[[Any], Any]

_encoder = msgspec.json.Encoder(enc_hook=encode_hook, order="sorted")
_INT = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]


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


def _build(cls: type[T], kind: str) -> type[T]:
    hints = get_type_hints(cls, include_extras=True)
    fields: list[Any] = []
    coerce: dict[str, Coerce] = {}
    for name in cls.__annotations__:
        hint = hints[name]
        step = coercion(hint)
        if step is not None:
            coerce[name] = step
        field = (name, runtime_type(hint))
        fields.append((*field, cls.__dict__[name]) if name in cls.__dict__ else field)
    skip = {"__dict__", "__weakref__", "__annotations__", "__slots__", *cls.__annotations__}
    namespace = {k: v for k, v in cls.__dict__.items() if k not in skip}
    namespace["__hanse_kind__"] = kind
    namespace["__hanse_hints__"] = hints
    if coerce:
        namespace["__post_init__"] = _post_init(coerce)
    made = msgspec.defstruct(
        cls.__name__,
        fields,
        bases=(Record,),
        module=cls.__module__,
        namespace=namespace,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )
    return made  # type: ignore[return-value]  # the same fields under the same name


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
        return tuple[tuple(runtime_type(a) if a is not ... else ... for a in args)]  # type: ignore[misc]  # the same
    if origin is dict and args[0] is str:
        return dict[str, runtime_type(args[1])]  # type: ignore[misc]  # the same
    raise TypeError(f"{hint} is not a type of the contract language")


def coercion(hint: Any) -> Coerce | None:
    """Return what turns a plain value into its declared value type, ``None`` where nothing is to do."""
    plain = getattr(hint, "__supertype__", hint)
    if plain is bytes:
        return Bytes
    if plain is BigInt:
        return BigInt
    origin, args = get_origin(plain), get_args(plain)
    if origin is list or (origin is tuple and args[-1] is ...):
        step = coercion(args[0])
        return None if step is None else lambda value: origin(step(v) for v in value)
    if origin in (Union, types.UnionType):
        steps = [s for s in (coercion(a) for a in args) if s]
        return None if not steps else lambda value: None if value is None else steps[0](value)
    return None


class Codec(Generic[T]):
    """The one way between values of a declared type and their canonical bytes."""

    __slots__ = ("_coerce", "_decoder", "hint")

    def __init__(self, hint: Any) -> None:
        """Prepare for the declared type ``hint``."""
        self.hint = hint
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(
            runtime_type(hint), dec_hook=decode_hook
        )
        self._coerce = coercion(hint)

    def encode(self, value: T, bytes_max: int = VALUE_BYTES_MAX) -> bytes:
        """Return the canonical bytes of ``value``, checked against the declared type.

        Raises:
            Fault: the value is not of the declared type, or larger than ``bytes_max``.
        """
        try:
            if self._coerce is not None:
                value = self._coerce(value)
            data = _encoder.encode(value)
            self._decoder.decode(data)
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
            raise Fault(f"a value is not of its declared type: {error}") from None
        if len(data) > bytes_max:
            raise Fault(f"a value has {len(data)} bytes; the limit is {bytes_max}")
        return data

    def decode(self, data: bytes) -> T:
        """Return the value of ``data``, strictly of the declared type.

        Raises:
            Malformed: with the path of what does not fit.
        """
        return decode_as(data, self._decoder)

    def decode_stored(self, data: bytes) -> T:
        """Return the value of bytes that this ledger wrote itself."""
        return self._decoder.decode(data)


def encode_loose(value: object) -> bytes:
    """Return canonical bytes of facts or other plain values, in the JSON form of their types."""
    try:
        return _encoder.encode(value)
    except (msgspec.MsgspecError, TypeError, ValueError, HanseError) as error:
        raise Fault(f"not a value of the contract language: {error}") from None
