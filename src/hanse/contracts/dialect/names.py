# SPDX-License-Identifier: Apache-2.0
"""The names that a contract may use, and nothing else: the allow-lists of the checker."""

import ast
import re
from typing import Final, TypeGuard

DIALECT_VERSION: Final = 1

API_MODULE: Final = "hanse.contracts"
PATTERN_MODULE: Final = "hanse.contracts.patterns"
TYPING_MODULE: Final = "typing"

PUBLIC_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII).fullmatch
PRIVATE_NAME: Final = re.compile(r"_[a-z][a-z0-9_]{0,62}", re.ASCII).fullmatch  # helpers: _Upper

BUILTIN_TYPES: Final = ("bool", "bytes", "dict", "int", "list", "str", "tuple")

# builtin → least and most positional arguments, and the keywords that it takes
BUILTINS: Final[dict[str, tuple[int, int, tuple[str, ...]]]] = {
    "abs": (1, 1, ()),
    "all": (1, 1, ()),
    "any": (1, 1, ()),
    "bool": (0, 1, ()),
    "bytes": (0, 1, ()),
    "dict": (0, 1, ()),
    "divmod": (2, 2, ()),
    "enumerate": (1, 2, ("start",)),
    "int": (0, 1, ()),
    "isinstance": (2, 2, ()),
    "len": (1, 1, ()),
    "list": (0, 1, ()),
    "max": (1, 255, ("key", "default")),
    "min": (1, 255, ("key", "default")),
    "range": (1, 3, ()),
    "reversed": (1, 1, ()),
    "sorted": (1, 1, ("key", "reverse")),
    "str": (0, 1, ()),
    "sum": (1, 2, ("start",)),
    "tuple": (0, 1, ()),
    "zip": (1, 8, ("strict",)),
}
KEYED: Final = ("max", "min", "sorted")  # these take ``key=lambda``

# what a contract imports from ``hanse.contracts``, by what it may be used for
API_TYPES: Final = (
    *("BigInt", "Change", "Context", "Date", "Map", "MemberId", "Ordered"),
    "OrganisationId",
    *("TimeMs", "Value", "Written"),
)
API_NEW_TYPES: Final = ("MemberId", "OrganisationId", "TimeMs")  # called, they change nothing
API_CALLS: Final = ("BigInt", "Date", "mul_div", "must", "replace", "require")
API_DECORATORS: Final = ("action", "event", "invariant", "migrate", "query", "record")
API_OTHER: Final = ("App", "Contract", "Format", "Panel", "Refused")
API_NAMES: Final = tuple(sorted({*API_TYPES, *API_CALLS, *API_DECORATORS, *API_OTHER}))
TYPING_NAMES: Final = ("Literal", "NewType")
APP_CALLS: Final = ("App", "Format", "Panel")  # in ``APP = App(…)``, which no ledger runs
CHECKED_TYPES: Final = ("BigInt", "Date")  # what ``isinstance`` takes beside the builtin types
CLASS_CALLS: Final = {("BigInt", "parse"), ("Date", "from_ordinal"), ("Date", "from_time")}

STATE_CALLS: Final[dict[str, tuple[str, ...]]] = {
    "Map": ("add", "get", "items", "keys", "values"),
    "Ordered": ("add", "between", "get", "items", "keys", "values"),
    "Value": ("get", "set"),
}

# method → the keywords that it takes; on which type it works is looked at when it runs
METHODS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("append", "clear", "copy", "count", "extend", "index", "insert"), ()),
    **dict.fromkeys(("pop", "remove", "reverse", "setdefault", "update", "bit_length"), ()),
    **dict.fromkeys(("decode", "encode", "endswith", "find", "hex", "isalnum", "isalpha"), ()),
    **dict.fromkeys(("isdigit", "join", "lower", "lstrip", "removeprefix", "removesuffix"), ()),
    **dict.fromkeys(("replace", "rstrip", "split", "startswith", "strip", "upper", "zfill"), ()),
    **dict.fromkeys(("acts_for", "add", "add_days", "days_until", "digest", "emit", "of"), ()),
    "call": (),  # and the arguments of what is called, by their names
    "between": ("limit",),
    "get": (),
    "set": (),
    "items": ("limit", "start"),
    "keys": ("limit", "start"),
    "values": ("limit", "start"),
}

API_ATTRIBUTES: Final = (
    *("after", "before", "caller", "height", "key", "member", "now", "ordinal", "organisation"),
    *("roles", "tx"),
)
CLASS_LITERALS: Final = ("name", "uses", "version")

# Attributes that some value has and that are no data of the contract's: where a record has a field
# of such a name, it is read by a helper that looks at the type first. A test compares this list
# with every type of every supported Python.
GUARDED_ATTRIBUTES: Final = frozenset(
    (
        *(
            "acts_for",
            "add",
            "add_days",
            "append",
            "as_integer_ratio",
            "between",
            "bit_count",
            "bit_length",
            "bound",
        ),
        *("call", "capitalize", "casefold", "center", "clear", "conjugate", "copy", "count"),
        *("days_until", "decode", "denominator", "digest", "emit", "encode", "endswith", "events"),
        *("expandtabs", "extend", "find", "format", "format_map", "from_bytes", "from_ordinal"),
        *("from_time", "fromhex", "fromkeys", "get", "hex", "imag", "index", "insert"),
        *("is_integer", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier"),
        *("islower", "isnumeric", "isprintable", "isspace", "istitle", "isupper", "items"),
        *(
            "join",
            "key_of",
            "keys",
            "ljust",
            "lower",
            "lstrip",
            "maketrans",
            "numerator",
            "of",
            "ordinal",
        ),
        *("parse", "partition", "pop", "popitem", "real", "remove", "removeprefix"),
        *("removesuffix", "replace", "reverse", "rfind", "rindex", "rjust", "rpartition"),
        *("rsplit", "rstrip", "set", "setdefault", "sort", "split", "splitlines", "startswith"),
        *(
            "state_key",
            "strip",
            "swapcase",
            "tagged",
            "title",
            "to_bytes",
            "translate",
            "update",
            "upper",
        ),
        *("values", "written", "zfill"),
    )
)
HARMLESS_ATTRIBUTES: Final = frozenset({"name", "start", "step", "stop"})  # a text and numbers

MAPS: Final = ("Map", "Ordered")

FORMAT: Final = re.compile(r"(?:[<>^]?[1-9][0-9]?|0[1-9][0-9]?)?[,_]?[dxXs]?", re.ASCII).fullmatch


def is_class_call(base: ast.expr, name: str) -> TypeGuard[ast.Name]:
    """Whether ``base.name`` is a function of one of the API's types, if that is what it means."""
    return isinstance(base, ast.Name) and (base.id, name) in CLASS_CALLS
