# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies from declared types: the values that an action may be given."""

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from hanse.codec.limits import BIG_INTEGER_BITS_MAX, INTEGER_MAX
from hanse.contracts.contract import Contract
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


def values_of(
    hint: Any, preferred: Mapping[Any, Sequence[Any]] | None = None
) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a declared type.

    Args:
        hint: the type: plain, a record, a list, a literal …
        preferred: values by type that come up as often as all the others together: so that one
            call finds what another has left.

    Raises:
        TypeError: the type is not one of the contract language.
    """
    often = [values for kind, values in (preferred or {}).items() if kind is hint and values]
    plain = _values_of(hint, preferred)
    return st.one_of(st.sampled_from(often[0]), plain) if often else plain


def _values_of(hint: Any, preferred: Mapping[Any, Sequence[Any]] | None) -> st.SearchStrategy[Any]:
    if hasattr(hint, "__supertype__"):
        return values_of(hint.__supertype__, preferred)
    if is_record(hint):
        fields = {name: values_of(kind, preferred) for name, kind in hint.__hanse_hints__.items()}
        return st.builds(hint, **fields)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, types.UnionType):
        return st.one_of([values_of(a, preferred) for a in args])
    if origin is list:
        return st.lists(values_of(args[0], preferred), max_size=5)
    if origin is tuple:
        if args[-1] is ...:
            return st.lists(values_of(args[0], preferred), max_size=5).map(tuple)
        return st.tuples(*[values_of(a, preferred) for a in args])
    if hint not in _PLAIN:
        raise TypeError(f"{hint} is not a type of the contract language")
    return _PLAIN[hint]


def arguments_of(
    method: Callable[..., Any], preferred: Mapping[Any, Sequence[Any]] | None = None
) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for the keyword arguments of an action or query."""
    hints = get_type_hints(method)
    names = list(inspect.signature(method).parameters)[2:]  # after self and the context
    return st.fixed_dictionaries({name: values_of(hints[name], preferred) for name in names})


def keys_of(
    contract: type[Contract], collection: str, preferred: Mapping[Any, Sequence[Any]] | None = None
) -> st.SearchStrategy[Any]:
    """Return a strategy for the keys of a declared map.

    Raises:
        TypeError: the contract declares no such map.
    """
    args = get_args(get_type_hints(contract).get(collection))
    if len(args) != 2:
        raise TypeError(f"{contract.__name__} has no map {collection}")
    return values_of(args[0], preferred)
