# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies from declared types: the values that an action may be given."""

import inspect
import types
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from hanse.codec.limits import BIG_INTEGER_BITS_MAX, INTEGER_MAX
from hanse.contracts.records import is_record
from hanse.contracts.types import BigInt, Bytes, Date

_DAYS_MAX = 3_652_059  # the last day of the year 9999
_BIG = (1 << BIG_INTEGER_BITS_MAX) - 1

texts = st.text(st.characters(exclude_categories=["Cs"]))
"""Any text that canonical JSON can carry."""

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(-INTEGER_MAX, INTEGER_MAX),
    bool: st.booleans(),
    bytes: st.binary(max_size=64),
    Bytes: st.binary(max_size=64).map(Bytes),
    BigInt: st.integers(-_BIG, _BIG).map(BigInt),
    Date: st.integers(1, _DAYS_MAX).map(Date.from_ordinal),
    type(None): st.none(),
    None: st.none(),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a declared type.

    Raises:
        TypeError: the type is not one of the contract language.
    """
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    if is_record(hint):
        fields = {name: values_of(kind) for name, kind in hint.__hanse_hints__.items()}
        return st.builds(hint, **fields)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, types.UnionType):
        return st.one_of([values_of(a) for a in args])
    if origin is list:
        return st.lists(values_of(args[0]), max_size=5)
    if origin is tuple:
        if args[-1] is ...:
            return st.lists(values_of(args[0]), max_size=5).map(tuple)
        return st.tuples(*[values_of(a) for a in args])
    if hint not in _PLAIN:
        raise TypeError(f"{hint} is not a type of the contract language")
    return _PLAIN[hint]


def arguments_of(method: Callable[..., Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for the keyword arguments of an action or query."""
    hints = get_type_hints(method)
    names = list(inspect.signature(method).parameters)[2:]  # after self and the context
    return st.fixed_dictionaries({name: values_of(hints[name]) for name in names})
