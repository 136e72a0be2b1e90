# SPDX-License-Identifier: Apache-2.0
"""The builtin functions as lowered text calls them."""

import re
from collections.abc import Callable
from typing import Any, Final

from hanse.contracts.dialect.operators import check_flat
from hanse.contracts.dialect.values import (
    BYTES,
    ITERABLE,
    NUMBERS,
    TEXTS,
    charge_built,
    check_index,
    check_int,
    check_key,
    wrong,
)
from hanse.contracts.meter import Meter
from hanse.contracts.refusals import Fault

Key = Callable[[Any], Any]

_RANGE_BOUND: Final = 1 << 60
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,78}", re.ASCII).fullmatch
_NOTHING: Final = object()


def make_range(_: Meter, *ends: Any) -> range:
    """Return a range; going over it is what costs."""
    for end in ends:
        if not -_RANGE_BOUND < check_index(end) < _RANGE_BOUND:
            wrong("a range ends below 2^60")
    if len(ends) == 3 and ends[2] == 0:
        wrong("a step is not 0")
    return range(*ends)


def charge_items(meter: Meter, values: Any) -> None:
    """Charge for the items of a value, which may be looked at then."""
    if type(values) not in ITERABLE:
        wrong("this value has no items")
    charge_built(meter, list, len(values))


def items_of(meter: Meter, values: Any) -> list[Any]:
    """Return the items of a value in a new list, each charged."""
    charge_items(meter, values)
    return list(values)


def make_list(meter: Meter, values: Any = ()) -> list[Any]:
    """Return a new list of a value's items."""
    return items_of(meter, values)


def make_tuple(meter: Meter, values: Any = ()) -> tuple[Any, ...]:
    """Return a tuple of a value's items."""
    return tuple(items_of(meter, values))


def make_dict(meter: Meter, values: Any = ()) -> dict[Any, Any]:
    """Return a new dict: a copy of one, or made of pairs."""
    if type(values) is dict:
        charge_built(meter, dict, len(values))
        return dict(values)
    made: dict[Any, Any] = {}
    for pair in items_of(meter, values):
        if type(pair) not in (list, tuple) or len(pair) != 2:
            wrong("a dict is made of pairs")
        made[check_key(pair[0])] = pair[1]
    return made


def make_int(_: Meter, value: Any = 0) -> int:
    """Return an integer of a number, or of at most 78 ASCII digits with a sign."""
    if type(value) in NUMBERS:
        return int(value)
    if type(value) in TEXTS and _NUMBER(value):
        return check_int(int(value))
    raise Fault("an integer is made of a number or of digits")


def make_str(meter: Meter, value: Any = "") -> str:
    """Return the text of a number, boolean or text."""
    kind = type(value)
    if kind in TEXTS:
        return str.__str__(value)
    if kind is bool:
        return "True" if value else "False"
    if kind in NUMBERS:
        meter.charge(1)
        return int.__str__(value)
    raise Fault("a text is made of a number, a boolean or a text")


def make_bytes(meter: Meter, value: Any = b"") -> bytes:
    """Return the bytes of bytes, or of a list of numbers below 256."""
    if type(value) in BYTES:
        return bytes(value)
    if type(value) not in (list, tuple):
        wrong("bytes are made of a list of numbers")
    numbers = items_of(meter, value)
    if not all(isinstance(n, int) and 0 <= n < 256 for n in numbers):
        wrong("bytes are made of a list of numbers")
    return bytes(numbers)


def total(meter: Meter, values: Any, start: Any = 0) -> int:
    """Return the sum of integers."""
    charge_items(meter, values)
    if type(start) not in NUMBERS or type(values) in TEXTS:
        wrong("sum adds integers")
    try:
        return check_int(sum(values, int(start)))  # what is no integer fails: to none it adds
    except TypeError:
        raise Fault("sum adds integers") from None


def is_any(meter: Meter, values: Any) -> bool:
    """Whether one of the values is true."""
    charge_items(meter, values)
    return any(values)


def is_all(meter: Meter, values: Any) -> bool:
    """Whether all of the values are true."""
    charge_items(meter, values)
    return all(values)


def _keys(meter: Meter, values: list[Any], key: Key | None, weight: int) -> list[Any]:
    """Return what decides the order of values, all of one kind that has an order."""
    keys = values
    if key is not None:
        meter.charge(len(values) * weight)
        keys = [key(value) for value in values]
    numbers = texts = size = others = 0
    for one in keys:
        if isinstance(one, int):
            numbers += 1
        elif isinstance(one, str):
            texts += 1
            size += len(one)
        elif isinstance(one, bytes):
            others += 1
            size += len(one)
        elif type(one) is tuple:
            check_flat(meter, one)
        else:
            wrong("these values have no order")
    counts = (numbers, texts, others, len(keys) - numbers - texts - others)
    if sum(count > 0 for count in counts) > 1:
        wrong("values of different types have no order")
    meter.charge(0, size)
    return keys


def make_sorted(
    meter: Meter, values: Any, *, key: Key | None = None, weight: int = 0, reverse: Any = False
) -> list[Any]:
    """Return the items in order, n log n charged; equal ones keep their places."""
    items = items_of(meter, values)
    keys = _keys(meter, items, key, weight)
    rounds = len(items).bit_length()
    sizes = [_size(one) for one in keys]
    meter.charge(rounds * len(items), rounds * sum(sizes))
    places = sorted(range(len(items)), key=keys.__getitem__, reverse=bool(reverse))
    return [items[place] for place in places]


def _size(key: Any) -> int:
    if isinstance(key, str | bytes):
        return len(key)
    if type(key) is tuple:
        return sum([16 + (len(part) if isinstance(part, str | bytes) else 0) for part in key])
    return 0


def _extreme(
    meter: Meter, values: tuple[Any, ...], best: Callable[..., Any], options: dict[str, Any]
) -> Any:
    key, weight, default = (
        options.get("key"),
        options.get("weight", 0),
        options.get("default", _NOTHING),
    )
    items = items_of(meter, values[0] if len(values) == 1 else values)
    if not items:
        if default is _NOTHING:
            wrong("there is no least and no greatest of nothing")
        return default
    if len(values) > 1 and default is not _NOTHING:
        wrong("a default is for a list")
    keys = _keys(meter, items, key, weight)
    return items[best(range(len(items)), key=keys.__getitem__)]


def least(meter: Meter, *values: Any, **options: Any) -> Any:
    """Return the first of the least values."""
    if len(values) == 2 and not options:
        one, other = values
        if type(one) is int and type(other) is int:
            return min(one, other)
    return _extreme(meter, values, min, options)


def greatest(meter: Meter, *values: Any, **options: Any) -> Any:
    """Return the first of the greatest values."""
    if len(values) == 2 and not options:
        one, other = values
        if type(one) is int and type(other) is int:
            return max(one, other)
    return _extreme(meter, values, max, options)


def make_reversed(meter: Meter, values: Any) -> list[Any]:
    """Return the items from the last to the first."""
    return items_of(meter, values)[::-1]


def make_enumerate(meter: Meter, values: Any, start: Any = 0) -> list[tuple[int, Any]]:
    """Return the items with their numbers."""
    first = check_int(check_index(start))
    return list(enumerate(items_of(meter, values), first))


def make_zip(meter: Meter, *values: Any, strict: Any = False) -> list[tuple[Any, ...]]:
    """Return the first items together, then the second ones; up to the end of the shortest."""
    lists = [items_of(meter, value) for value in values]
    if strict and any(len(one) != len(lists[0]) for one in lists):
        wrong("lists that are zipped strictly have one length")
    return list(zip(*lists, strict=False))


def is_a(value: Any, kinds: Any) -> bool:
    """Whether a value is of one of these types."""
    return isinstance(value, kinds)
