# SPDX-License-Identifier: Apache-2.0
"""Values while a contract runs: their kinds, their bounds, what a look at them costs."""

from typing import Any, Final, NoReturn

from hanse.codec.limits import (
    BIG_INTEGER_BITS_MAX,
    DICT_KEY_BITS_MAX,
    ITEMS_MAX,
    NESTING_MAX,
    TEXT_CHARS_MAX,
)
from hanse.contracts.meter import Meter
from hanse.contracts.records import Record
from hanse.contracts.refusals import Fault
from hanse.contracts.types import BigInt, Bytes, Date

BOUND: Final = 1 << BIG_INTEGER_BITS_MAX
_KEY_BOUND: Final = 1 << DICT_KEY_BITS_MAX

NUMBERS: Final = frozenset({int, bool, BigInt})
TEXTS: Final = frozenset({str, Date})
BYTES: Final = frozenset({bytes, Bytes})
SCALARS: Final = frozenset({*NUMBERS, *TEXTS, *BYTES, type(None)})
SEQUENCES: Final = frozenset({list, tuple, *TEXTS, *BYTES})
ITERABLE: Final = frozenset({*SEQUENCES, dict, range})


def wrong(what: str) -> NoReturn:
    """End the call: the contract used a value in a way that its type does not allow."""
    raise Fault(what)


def check_int(number: int) -> int:
    """Return an integer that is within its bound."""
    if -BOUND < number < BOUND:
        return number
    raise Fault(f"an integer has more than {BIG_INTEGER_BITS_MAX} bits")


def check_size(kind: type, size: int) -> None:
    """Fail where a text, list, tuple or dict would be larger than its bound."""
    if size > (ITEMS_MAX if kind in (list, tuple, dict) else TEXT_CHARS_MAX):
        raise Fault("a value is too large")


def check_small(value: Any) -> Any:
    """Return a list, tuple or dict that is within its bound; its items have been charged."""
    if len(value) > ITEMS_MAX:
        raise Fault("a value is too large")
    return value


def charge_built(meter: Meter, kind: type, size: int) -> None:
    """Charge for a text or sequence of this size, which is within its bound."""
    check_size(kind, size)
    if kind in (list, tuple, dict):
        meter.charge(1 + size)
    else:
        meter.charge(1, size)


def charge_held(meter: Meter, value: Any) -> None:
    """Charge for the items of lists in lists, which a record converts to their types."""
    if type(value) not in (list, tuple):
        return
    waiting = [value]
    while waiting:
        part = waiting.pop()
        meter.charge(len(part))
        waiting += [one for one in part if type(one) in (list, tuple)]


def check_key(key: Any) -> Any:
    """Return a key that a dict may have: text, bytes, or an integer of at most 60 bits."""
    kind = type(key)
    if kind is str or kind is Date or kind in BYTES:
        return key
    if kind in (int, BigInt) and -_KEY_BOUND < key < _KEY_BOUND:
        return key
    raise Fault("a dict's key is text, bytes or an integer of at most 60 bits")


def check_index(index: object) -> int:
    """Return a position in a sequence."""
    if not isinstance(index, int):
        raise Fault("a position is an integer")
    return index


def equal_scalars(meter: Meter, one: Any, other: Any) -> bool:
    """Whether two values are equal of which one at least is no list, dict or record."""
    if isinstance(one, str):
        if not isinstance(other, str):
            return False
    elif isinstance(one, bytes):
        if not isinstance(other, bytes):
            return False
    else:  # numbers and None; what is no scalar differs from them
        return type(one) in SCALARS and type(other) in SCALARS and bool(one == other)
    if len(one) != len(other):
        return False
    meter.charge(0, len(one))
    return bool(one == other)


def equal(meter: Meter, one: Any, other: Any) -> bool:
    """Whether two values are equal, each visited item charged; depth is bounded."""
    if type(one) is str and type(other) is str:  # by far the most frequent
        meter.charge(1, len(one) if len(one) == len(other) else 0)
        return bool(one == other)
    if type(one) in SCALARS or type(other) in SCALARS:
        meter.charge(1)
        return equal_scalars(meter, one, other)
    waiting = [(one, other, 0)]
    while waiting:
        a, b, depth = waiting.pop()
        if type(a) in SCALARS or type(b) in SCALARS:
            if not equal_scalars(meter, a, b):
                return False
            continue
        if depth >= NESTING_MAX:
            wrong("values that are compared are nested too deep")
        pairs = _pairs(meter, a, b)
        if pairs is None:
            return False
        waiting += [(x, y, depth + 1) for x, y in pairs]
    return True


def _pairs(meter: Meter, a: Any, b: Any) -> list[tuple[Any, Any]] | None:
    """Return what must be equal for two lists, dicts or records to be; ``None``: they are not."""
    kind = type(a)
    if kind is not type(b):
        for one in (kind, type(b)):
            if one not in (list, tuple, dict, range) and not issubclass(one, Record):
                wrong("these values cannot be compared")
        meter.charge(1)
        return None
    if kind in (list, tuple):
        meter.charge(1 + len(a))
        return list(zip(a, b, strict=True)) if len(a) == len(b) else None
    if kind is dict:
        meter.charge(1 + len(a))
        if len(a) != len(b) or any(key not in b for key in a):
            return None
        return [(value, b[key]) for key, value in a.items()]
    if issubclass(kind, Record):
        fields = kind.__struct_fields__
        meter.charge(1 + len(fields))
        return [(getattr(a, name), getattr(b, name)) for name in fields]
    return wrong("these values cannot be compared")
