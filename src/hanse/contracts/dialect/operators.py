# SPDX-License-Identifier: Apache-2.0
"""Operators and entries as lowered text calls them: types, bounds and charges first."""

from typing import Any

from hanse.codec.limits import BIG_INTEGER_BITS_MAX
from hanse.contracts.dialect.values import (
    BYTES,
    ITERABLE,
    NUMBERS,
    SCALARS,
    SEQUENCES,
    TEXTS,
    charge_built,
    check_index,
    check_int,
    check_key,
    check_small,
    equal,
    equal_scalars,
    wrong,
)
from hanse.contracts.meter import COSTS, Meter
from hanse.contracts.records import Record
from hanse.contracts.refusals import Fault
from hanse.contracts.state import Map
from hanse.contracts.types import Date


def check_sum(meter: Meter, result: Any) -> Any:
    """Return the result of ``+`` or ``-`` that was no integer of usual size."""
    kind = type(result)
    if kind is int:
        return check_int(result)
    if kind not in SEQUENCES:
        wrong("+ adds numbers, texts, lists or tuples")
    charge_built(meter, kind, len(result))
    return result


def add(meter: Meter, one: Any, other: Any) -> Any:
    """Return the sum."""
    return check_sum(meter, one + other)


def subtract(meter: Meter, one: Any, other: Any) -> Any:
    """Return the difference."""
    return check_sum(meter, one - other)


def add_in_place(meter: Meter, one: Any, other: Any) -> Any:
    """Return the sum; a list is added to, and stays the same list."""
    if type(one) is not list:
        return check_sum(meter, one + other)
    if type(other) not in (list, tuple):
        wrong("to a list one adds a list or a tuple")
    charge_built(meter, list, len(one) + len(other))
    one += other
    return one


def multiply(meter: Meter, one: Any, other: Any) -> Any:
    """Return the product of numbers, or a text or list several times."""
    if isinstance(one, int) and isinstance(other, int):
        return check_int(one * other)
    if isinstance(one, int):
        one, other = other, one
    if type(one) not in SEQUENCES or not isinstance(other, int):
        wrong("* takes numbers, or a number and a text, list or tuple")
    charge_built(meter, _plain(type(one)), len(one) * max(other, 0))
    return one * other


def _plain(kind: type) -> type:
    return str if kind in TEXTS else bytes if kind in BYTES else kind


def multiply_in_place(meter: Meter, one: Any, other: Any) -> Any:
    """Return the product; a list stays the same list."""
    if type(one) is not list:
        return multiply(meter, one, other)
    one[:] = multiply(meter, one, other)
    return one


def modulo(_: Meter, one: Any, other: Any) -> int:
    """Return the remainder, which has the sign of the divisor."""
    if type(one) not in NUMBERS or type(other) not in NUMBERS:
        wrong("% takes integers")
    result: int = one % other
    return result


def power(_: Meter, one: Any, other: Any) -> int:
    """Return a power whose exponent is not below zero."""
    if type(one) not in NUMBERS or type(other) not in NUMBERS or other < 0:
        wrong("** takes integers, and an exponent not below zero")
    if abs(one) > 1 and (one.bit_length() - 1) * other > BIG_INTEGER_BITS_MAX:
        check_int(1 << BIG_INTEGER_BITS_MAX)
    return check_int(int(one) ** int(other))


def shift_left(_: Meter, one: Any, other: Any) -> int:
    """Return a number shifted by 0 to 256 bits."""
    if type(one) not in NUMBERS or type(other) not in NUMBERS:
        wrong("<< takes integers")
    if not 0 <= other <= BIG_INTEGER_BITS_MAX:
        wrong("<< shifts by 0 to 256 bits")
    return check_int(one << other)


def shift_right(_: Meter, one: Any, other: Any) -> int:
    """Return a number shifted to the right."""
    if type(one) not in NUMBERS or type(other) not in NUMBERS or other < 0:
        wrong(">> takes integers, and shifts by no less than 0 bits")
    result: int = one >> other
    return result


def bit_and(_: Meter, one: Any, other: Any) -> int:
    """Return the bits that both have."""
    if type(one) not in NUMBERS or type(other) not in NUMBERS:
        wrong("& takes integers")
    return check_int(one & other)


def bit_or(_: Meter, one: Any, other: Any) -> int:
    """Return the bits that one of both has."""
    if type(one) not in NUMBERS or type(other) not in NUMBERS:
        wrong("| takes integers")
    return check_int(one | other)


def bit_xor(_: Meter, one: Any, other: Any) -> int:
    """Return the bits in which both differ."""
    if type(one) not in NUMBERS or type(other) not in NUMBERS:
        wrong("^ takes integers")
    return check_int(one ^ other)


def invert(_: Meter, one: Any) -> int:
    """Return the complement."""
    if not isinstance(one, int) or isinstance(one, bool):
        wrong("~ takes an integer")
    return check_int(~one)


def not_equal(meter: Meter, one: Any, other: Any) -> bool:
    """Whether two values differ."""
    return not equal(meter, one, other)


def _order(meter: Meter, one: Any, other: Any) -> None:
    """Let pass what has an order that is bounded work to find."""
    if isinstance(one, int) and isinstance(other, int):
        meter.charge(1)
    elif (isinstance(one, str) and isinstance(other, str)) or (
        isinstance(one, bytes) and isinstance(other, bytes)
    ):
        meter.charge(1, min(len(one), len(other)))
    elif type(one) is type(other) and type(one) in (list, tuple):
        check_flat(meter, one)
        check_flat(meter, other)
    else:
        wrong("these values have no order")


def check_flat(meter: Meter, values: Any) -> None:
    """Charge for comparing lists or tuples, which hold no others."""
    meter.charge(1 + len(values))
    for value in values:
        if type(value) not in SCALARS:
            wrong("lists in lists have no order")
        if isinstance(value, str | bytes):
            meter.charge(0, len(value))


def less(meter: Meter, one: Any, other: Any) -> bool:
    """Whether one comes before the other."""
    _order(meter, one, other)
    return bool(one < other)


def less_or_equal(meter: Meter, one: Any, other: Any) -> bool:
    """Whether one does not come after the other."""
    _order(meter, one, other)
    return bool(one <= other)


def greater(meter: Meter, one: Any, other: Any) -> bool:
    """Whether one comes after the other."""
    _order(meter, one, other)
    return bool(one > other)


def greater_or_equal(meter: Meter, one: Any, other: Any) -> bool:
    """Whether one does not come before the other."""
    _order(meter, one, other)
    return bool(one >= other)


def search_cost(size: int, part: int) -> int:
    """Return the units of looking for a part in a text; short texts are searched naively."""
    tries = min(part, size) if size < 2_500 else min(part, 100)
    return 1 + (size >> 4) + (size * tries >> 10)


def contains(meter: Meter, one: Any, other: Any) -> bool:
    """Whether ``one`` is in ``other``: a dict's key, a part of a text, an item, a map's key."""
    kind = type(other)
    if kind is dict:
        meter.charge(1)
        return check_key(one) in other
    if isinstance(other, Map):
        return one in other
    if kind in TEXTS or kind in BYTES:
        if not isinstance(one, str if kind in TEXTS else bytes):
            wrong("only a text is part of a text")
        meter.charge(search_cost(len(other), len(one)))
        return bool(one in other)
    if kind is range:
        meter.charge(1)
        return isinstance(one, int) and int(one) in other  # of other types it tries each
    if kind not in (list, tuple):
        wrong("in looks into lists, tuples, dicts, texts and maps")
    return place_of(meter, one, other) is not None


def place_of(meter: Meter, one: Any, items: Any) -> int | None:
    """Return where an equal value is first in a list or tuple, each item charged."""
    meter.charge(1 + len(items))
    scalar = type(one) in SCALARS
    for place, item in enumerate(items):
        if equal_scalars(meter, one, item) if scalar else equal(meter, one, item):
            return place
    return None


def not_contains(meter: Meter, one: Any, other: Any) -> bool:
    """Whether ``one`` is not in ``other``."""
    return not contains(meter, one, other)


def get_entry(_: Meter, base: Any, key: Any) -> Any:
    """Return an entry of a dict, sequence or map."""
    kind = type(base)
    if kind is dict:
        check_key(key)
    elif kind in SEQUENCES or kind is range:
        check_index(key)
    elif not isinstance(base, Map):
        wrong("this value has no entries")
    try:
        return base[key]
    except LookupError:
        raise Fault("a dict or list has no such entry") from None


def set_entry(_: Meter, value: Any, base: Any, key: Any) -> None:
    """Put a value at a key of a dict or map, or at a place of a list."""
    kind = type(base)
    if kind is dict:
        base[check_key(key)] = value
        check_small(base)
    elif kind is list:
        check_index(key)
        try:
            base[key] = value
        except IndexError:
            raise Fault("a dict or list has no such entry") from None
    elif isinstance(base, Map):
        base[key] = value
    else:
        wrong("this value has no entries that change")


def compact(meter: Meter, held: dict[Any, Any]) -> None:
    """Let a dict shrink after an entry was removed: going over it must not find its old places."""
    size = len(held)
    if size & (size - 1) == 0:
        meter.charge(size >> 3)
        kept = list(held.items())
        held.clear()
        held.update(kept)


def delete_entry(meter: Meter, base: Any, key: Any) -> None:
    """Remove an entry of a dict, list or map."""
    kind = type(base)
    if kind is dict:
        get_entry(meter, base, key)
        del base[key]
        compact(meter, base)
        return
    if kind is list:
        check_index(key)
        meter.charge(1 + (len(base) >> 4))
    elif not isinstance(base, Map):
        wrong("this value has no entries that change")
    try:
        del base[key]
    except IndexError:
        raise Fault("a dict or list has no such entry") from None


def get_slice(meter: Meter, base: Any, start: Any, stop: Any, step: Any) -> Any:
    """Return a part of a text, list or tuple."""
    kind = type(base)
    if kind not in SEQUENCES:
        wrong("this value has no parts")
    for end in (start, stop, step):
        if end is not None:
            check_index(end)
    if step == 0:
        wrong("a step is not 0")
    found = base[start:stop:step]
    charge_built(meter, _plain(kind), len(found))
    return found


def snapshot(meter: Meter, values: Any, weight: int) -> Any:
    """Return what a loop goes over, all its rounds charged."""
    kind = type(values)
    if kind not in ITERABLE:
        wrong("a loop goes over lists, tuples, dicts, texts, ranges, or rows of a map")
    meter.left -= 1 + len(values) * weight
    if meter.left < 0:
        meter.charge(0)
    return tuple(values) if kind is list or kind is dict else values


def rounds(meter: Meter, values: Any) -> Any:
    """Return what a loop goes over that may end early; each round charges itself."""
    kind = type(values)
    if kind not in ITERABLE:
        wrong("a loop goes over lists, tuples, dicts, texts, ranges, or rows of a map")
    if kind is list or kind is dict:
        meter.charge(1 + (len(values) >> 3))
        return tuple(values)
    meter.charge(1)
    return values


def get_attribute(meter: Meter, base: Any, name: str) -> Any:
    """Return a field whose name means something else on other values."""
    if isinstance(base, Record):
        return getattr(base, name)
    if name == "ordinal" and isinstance(base, Date):
        meter.charge(COSTS["date"])
        return base.ordinal
    return wrong("this value has no such field")
