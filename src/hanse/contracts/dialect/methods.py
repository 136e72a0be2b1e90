# SPDX-License-Identifier: Apache-2.0
"""The methods of lists, dicts, texts and bytes, each for its types, bounded and charged."""

from collections.abc import Callable
from typing import Any, Final

from hanse.codec.limits import TEXT_CHARS_MAX
from hanse.contracts.contract import Change, Context
from hanse.contracts.dialect.builtin import items_of
from hanse.contracts.dialect.operators import add_in_place, compact, place_of, search_cost
from hanse.contracts.dialect.values import (
    BYTES,
    NUMBERS,
    TEXTS,
    charge_built,
    check_index,
    check_key,
    check_size,
    check_small,
    equal,
    wrong,
)
from hanse.contracts.meter import COSTS, Meter
from hanse.contracts.refusals import Fault
from hanse.contracts.state import Map, Ordered, Value
from hanse.contracts.types import Date

Method = Callable[..., Any]
"""Takes the meter, the value, and the arguments."""


def _list(value: Any) -> None:
    if type(value) is not list:
        wrong("this method is one of lists")


def append(_: Meter, value: Any, item: Any) -> None:
    """Put an item at the end of a list."""
    _list(value)
    check_size(list, len(value) + 1)
    value.append(item)


def extend(meter: Meter, value: Any, more: Any) -> None:
    """Put all items of another value at the end of a list."""
    _list(value)
    add_in_place(meter, value, items_of(meter, more))


def insert(meter: Meter, value: Any, place: Any, item: Any) -> None:
    """Put an item before a place of a list."""
    _list(value)
    check_size(list, len(value) + 1)
    meter.charge(1 + (len(value) >> 4))
    value.insert(check_index(place), item)


def pop(meter: Meter, value: Any, *args: Any) -> Any:
    """Remove and return an item of a list, by default the last, or a dict's entry."""
    if type(value) is not dict:
        _list(value)
        if args:
            check_index(args[0])
        meter.charge(1 + (len(value) >> 4))
    elif not 1 <= len(args) <= 2:
        wrong("pop of a dict takes a key and a default")
    else:
        check_key(args[0])
    try:
        found = value.pop(*args)
    except LookupError:
        raise Fault("a dict or list has no such entry") from None
    if type(value) is dict:
        compact(meter, value)
    return found


def remove(meter: Meter, value: Any, item: Any) -> None:
    """Remove the first equal item of a list."""
    _list(value)
    del value[_found(meter, value, item)]


def _found(meter: Meter, value: Any, item: Any) -> int:
    place = place_of(meter, item, value)
    if place is None:
        raise Fault("there is no such item")
    return place


def index(meter: Meter, value: Any, item: Any) -> int:
    """Return the place of the first equal item of a list or tuple."""
    if type(value) is not tuple:
        _list(value)
    return _found(meter, value, item)


def count(meter: Meter, value: Any, item: Any) -> int:
    """Return how often an item is in a list or tuple, or a text in a text."""
    if type(value) in TEXTS:
        _texts(item)
        meter.charge(search_cost(len(value), len(item)))
        return int(str.count(value, item))
    if type(value) is not tuple:
        _list(value)
    meter.charge(1 + len(value))
    return sum([equal(meter, one, item) for one in value])


def reverse(meter: Meter, value: Any) -> None:
    """Turn a list round."""
    _list(value)
    meter.charge(1 + (len(value) >> 4))
    value.reverse()


def clear(_: Meter, value: Any) -> None:
    """Empty a list or dict."""
    if type(value) is not dict:
        _list(value)
    value.clear()


def copy(meter: Meter, value: Any) -> Any:
    """Return a list or dict of the same items."""
    if type(value) is not dict:
        _list(value)
    charge_built(meter, list, len(value))
    return value.copy()


def _dict(value: Any) -> None:
    if type(value) is not dict:
        wrong("this method is one of dicts")


def get(_: Meter, value: Any, *args: Any) -> Any:
    """Return an entry of a dict or map, or the value of a cell; a default where there is none."""
    if type(value) is dict:
        if not 1 <= len(args) <= 2:
            wrong("get of a dict takes a key and a default")
        return value.get(check_key(args[0]), *args[1:])
    if not isinstance(value, Map | Value):
        wrong("this method is one of dicts, maps and values")
    return value.get(*args)


def setdefault(_: Meter, value: Any, key: Any, default: Any = None) -> Any:
    """Return an entry of a dict, made where there is none."""
    _dict(value)
    found = value.setdefault(check_key(key), default)
    check_small(value)
    return found


def update(meter: Meter, value: Any, more: Any) -> None:
    """Put the entries of another dict into a dict."""
    _dict(value)
    _dict(more)
    charge_built(meter, dict, len(more))
    value.update(more)
    check_small(value)


def _rows(name: str) -> Method:
    def rows(meter: Meter, value: Any, *args: Any, **options: Any) -> list[Any]:
        if isinstance(value, Map):
            return list(getattr(value, name)(*args, **options))
        _dict(value)
        if args or options:
            wrong("this method of a dict takes nothing")
        charge_built(meter, list, len(value))
        return list(getattr(value, name)())

    return rows


def between(_: Meter, value: Any, first: Any, last: Any, **options: Any) -> list[Any]:
    """Return the rows of a range of an ordered map."""
    if not isinstance(value, Ordered):
        wrong("this method is one of ordered maps")
    return list(value.between(first, last, **options))


def _texts(*values: Any) -> None:
    for value in values:
        if type(value) not in TEXTS:
            wrong("this method is one of texts")


def _ascii(value: Any) -> None:
    if not value.isascii():
        wrong("this method works on ASCII: what it does to other letters changes with Unicode")


def _shown(name: str) -> Method:
    """Return a method of ASCII texts that takes nothing."""
    of_text = getattr(str, name)

    def method(meter: Meter, value: Any) -> Any:
        _texts(value)
        _ascii(value)
        meter.charge(1, len(value))
        return of_text(value)

    return method


def _stripped(name: str) -> Method:
    """Return a method that takes letters, or blanks, off the ends of a text."""
    of_text = getattr(str, name)

    def method(meter: Meter, value: Any, letters: Any = None) -> Any:
        _texts(value)
        if letters is None:
            _ascii(value)
            letters = " \t\n\r\f\v"
        _texts(letters)
        if len(letters) > 64:
            wrong("at most 64 letters are taken off")
        meter.charge(1 + (len(value) >> 4) * (1 + (len(letters) >> 2)))
        return of_text(value, letters)

    return method


def _compared(name: str) -> Method:
    """Return a method of texts or bytes that looks at one of its ends."""

    def method(meter: Meter, value: Any, part: Any) -> Any:
        kinds = BYTES if type(value) in BYTES else TEXTS
        parts = part if type(part) is tuple else (part,)
        meter.charge(1 + len(parts))
        for one in (value, *parts):
            if type(one) not in kinds:
                wrong("this method is one of texts, or of bytes")
            meter.charge(0, len(one))
        return getattr(value, name)(part)

    return method


def find(meter: Meter, value: Any, part: Any, start: Any = 0) -> int:
    """Return where a text first has another, -1 where it has not."""
    _texts(value, part)
    meter.charge(search_cost(len(value), len(part)))
    return int(str.find(value, part, check_index(start)))


def join(meter: Meter, value: Any, parts: Any) -> str:
    """Return texts with another between them."""
    _texts(value)
    items = items_of(meter, parts)
    _texts(*items)
    size = sum([len(item) for item in items]) + len(value) * len(items)
    charge_built(meter, str, size)
    return str.join(value, items)


def split(meter: Meter, value: Any, part: Any = None, most: Any = -1) -> list[str]:
    """Return the parts of a text between another text, or between blanks."""
    _texts(value)
    if part is None:
        _ascii(value)
    else:
        _texts(part)
        if part == "":
            wrong("a text is split at something")
        meter.charge(search_cost(len(value), len(part)))
    parts = str.split(value, part, check_index(most))
    charge_built(meter, list, len(parts))
    meter.charge(1, len(value))
    return parts


def replace(meter: Meter, value: Any, old: Any, new: Any, most: Any = -1) -> str:
    """Return a text with each part replaced."""
    _texts(value, old, new)
    meter.charge(search_cost(len(value), len(old)))
    times = len(value) + 1 if old == "" else str.count(value, old)
    if check_index(most) >= 0:
        times = min(times, most)
    charge_built(meter, str, len(value) + times * max(0, len(new) - len(old)))
    return str.replace(value, old, new, most)


def zfill(meter: Meter, value: Any, width: Any) -> str:
    """Return a text with zeros before it."""
    _texts(value)
    if check_index(width) > TEXT_CHARS_MAX:
        wrong("a value is too large")
    meter.charge(1, max(len(value), width))
    return str.zfill(value, width)


def encode(meter: Meter, value: Any) -> bytes:
    """Return the UTF-8 bytes of a text."""
    _texts(value)
    meter.charge(1, len(value))
    data = str.encode(value)
    check_size(bytes, len(data))
    return data


def decode(meter: Meter, value: Any) -> str:
    """Return the text of UTF-8 bytes."""
    if type(value) not in BYTES:
        wrong("this method is one of bytes")
    meter.charge(1, len(value))
    return bytes.decode(value)


def to_hex(meter: Meter, value: Any) -> str:
    """Return bytes as hexadecimal digits."""
    if type(value) not in BYTES:
        wrong("this method is one of bytes")
    charge_built(meter, str, 2 * len(value))
    return bytes.hex(value)


def bit_length(_: Meter, value: Any) -> int:
    """Return the bits of an integer's magnitude."""
    if type(value) not in NUMBERS:
        wrong("this method is one of integers")
    return int.bit_length(value)


def _of_state(name: str) -> Method:
    def method(_: Meter, value: Any, *args: Any) -> Any:
        if not isinstance(value, Map if name == "add" else Value):
            wrong("this method is one of maps and values")
        return getattr(value, name)(*args)

    return method


def _of_context(name: str) -> Method:
    def method(_: Meter, value: Any, *args: Any) -> Any:
        if not isinstance(value, Context):
            wrong("this method is one of the context")
        return getattr(value, name)(*args)

    return method


def call(_: Meter, value: Any, kind: Any, contract: Any, entry: Any, /, **args: Any) -> Any:
    """Return what an action or query of another contract answers."""
    if not isinstance(value, Context):
        wrong("this method is one of the context")
    return value.call(kind, contract, entry, **args)


def digest(meter: Meter, value: Any, tag: Any, *parts: Any) -> str:
    """Return a digest of texts, bytes, integers and booleans under the network's hash.

    They are charged by size here, before they are put together, and again as they are hashed.
    """
    if not isinstance(value, Context):
        wrong("this method is one of the context")
    if type(tag) not in TEXTS:
        wrong("the tag of a digest is a text")
    size = len(tag)
    for part in parts:
        kind = type(part)
        if kind in TEXTS or kind in BYTES:
            size += len(part)
        elif kind not in NUMBERS:
            wrong("a digest is made of texts, bytes, integers and booleans")
    meter.charge(1 + len(parts), size)
    return value.digest(tag, *parts)


def of(_: Meter, value: Any, collection: Any) -> list[Any]:
    """Return what was written to a map or value."""
    if not isinstance(value, Change):
        wrong("this method is one of a change")
    return value.of(collection)


def _of_day(name: str) -> Method:
    def method(meter: Meter, value: Any, other: Any) -> Any:
        if not isinstance(value, Date):
            wrong("this method is one of days")
        meter.charge(COSTS["date"])
        return getattr(value, name)(other)

    return method


METHOD_HELPERS: Final[dict[str, Method]] = {
    "acts_for": _of_context("acts_for"),
    "add": _of_state("add"),
    "add_days": _of_day("add_days"),
    "append": append,
    "between": between,
    "bit_length": bit_length,
    "call": call,
    "clear": clear,
    "copy": copy,
    "count": count,
    "days_until": _of_day("days_until"),
    "decode": decode,
    "digest": digest,
    "emit": _of_context("emit"),
    "encode": encode,
    "endswith": _compared("endswith"),
    "extend": extend,
    "find": find,
    "get": get,
    "hex": to_hex,
    "index": index,
    "insert": insert,
    "items": _rows("items"),
    "join": join,
    "keys": _rows("keys"),
    "of": of,
    "pop": pop,
    "remove": remove,
    "replace": replace,
    "reverse": reverse,
    "set": _of_state("set"),
    "setdefault": setdefault,
    "split": split,
    "startswith": _compared("startswith"),
    "update": update,
    "values": _rows("values"),
    "zfill": zfill,
    **{name: _shown(name) for name in ("isalnum", "isalpha", "isdigit", "lower", "upper")},
    **{name: _stripped(name) for name in ("lstrip", "rstrip", "strip")},
    **{name: _compared(name) for name in ("removeprefix", "removesuffix")},
}
