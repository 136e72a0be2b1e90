# SPDX-License-Identifier: Apache-2.0
"""What lowered text can name: the helpers, and nothing of Python's own."""

from typing import Any, Final, NoReturn

from hanse.contracts.contract import Change, Context, Contract, action, invariant, migrate, query
from hanse.contracts.dialect import builtin, operators, values
from hanse.contracts.dialect.methods import METHOD_HELPERS
from hanse.contracts.dialect.text import format_value, make_text
from hanse.contracts.meter import COSTS, Meter
from hanse.contracts.money import mul_div
from hanse.contracts.records import Record, replace
from hanse.contracts.refusals import CostExceeded, Fault, Refused, must, require
from hanse.contracts.state import Map, Ordered, Value, Written
from hanse.contracts.types import BigInt, Date, MemberId, OrganisationId, TimeMs


def stop() -> NoReturn:
    """End the call: its units are used up."""
    raise CostExceeded


def check_assertion(holds: Any) -> None:
    """Fail where an assertion does not hold."""
    if not holds:
        raise Fault("an assertion does not hold")


def of_types(kind: Any, *args: Any) -> Any:
    """Return ``Map[K, V]``, ``Value[T]`` or ``Written[T]``."""
    return kind[args if len(args) > 1 else args[0]]


def same(value: Any) -> Any:
    """Return the value: a new name for a type changes nothing when it runs."""
    return value


def make_record(meter: Meter, kind: Any, /, **fields: Any) -> Any:
    """Return a record with fields that hold lists; what they hold is charged."""
    for value in fields.values():
        values.charge_held(meter, value)
    return kind(**fields)


def replace_fields(meter: Meter, value: Any, /, **fields: Any) -> Any:
    """Return a record with other values in some fields."""
    if not isinstance(value, Record):
        raise Fault("only a record has fields to replace")
    for name in value.__struct_fields__:
        values.charge_held(meter, fields.get(name, getattr(value, name)))
    return replace(value, **fields)


def big_integer(_: Meter, value: Any) -> BigInt:
    """Return an integer that may be larger than 2^53."""
    return BigInt(value)


def day(meter: Meter, value: Any) -> Date:
    """Return the day that a text names."""
    meter.charge(COSTS["date"])
    if type(value) is not str or len(value) != 10:
        raise Fault("a day is YYYY-MM-DD")
    return Date(value)


def day_of_time(meter: Meter, value: Any) -> Date:
    """Return the day of a block time."""
    meter.charge(COSTS["date"])
    return Date.from_time(TimeMs(values.check_index(value)))


def day_of_ordinal(meter: Meter, value: Any) -> Date:
    """Return the day of this number."""
    meter.charge(COSTS["date"])
    return Date.from_ordinal(values.check_index(value))


def parse_big_integer(_: Meter, value: Any) -> BigInt:
    """Return the integer that a minimal decimal text stands for."""
    return BigInt.parse(value)


def muldiv(meter: Meter, *args: Any, rounding: Any = "down") -> int:
    """Return ``a * b / c``, rounded."""
    meter.charge(1)
    for number in args:
        values.check_index(number)
    return values.check_int(mul_div(*args, rounding=rounding))


API: Final[dict[str, Any]] = {
    "BigInt": BigInt,
    "Change": Change,
    "Context": Context,
    "Contract": Contract,
    "Date": Date,
    "Map": Map,
    "MemberId": MemberId,
    "Ordered": Ordered,
    "OrganisationId": OrganisationId,
    "Refused": Refused,
    "TimeMs": TimeMs,
    "Value": Value,
    "Written": Written,
    "action": action,
    "invariant": invariant,
    "migrate": migrate,
    "must": must,
    "query": query,
    "require": require,
}
UNNAMED: Final = ("App", "Format", "Panel", "event", "mul_div", "record", "replace")
"""Names of the API that lowered text does without."""

TYPES: Final[dict[str, Any]] = {
    "bool": bool,
    "bytes": bytes,
    "dict": dict,
    "int": int,
    "list": list,
    "str": str,
    "tuple": tuple,
}

HELPERS: Final[dict[str, Any]] = {
    **TYPES,
    "_Add": operators.add,
    "_And": operators.bit_and,
    "_Assert": check_assertion,
    "_Attr": operators.get_attribute,
    "_B_abs": abs,
    "_B_all": builtin.is_all,
    "_B_any": builtin.is_any,
    "_B_bool": bool,
    "_B_bytes": builtin.make_bytes,
    "_B_dict": builtin.make_dict,
    "_B_divmod": divmod,
    "_B_enumerate": builtin.make_enumerate,
    "_B_int": builtin.make_int,
    "_B_isinstance": isinstance,
    "_B_len": len,
    "_B_list": builtin.make_list,
    "_B_max": builtin.greatest,
    "_B_min": builtin.least,
    "_B_range": builtin.make_range,
    "_B_reversed": builtin.make_reversed,
    "_B_sorted": builtin.make_sorted,
    "_B_str": builtin.make_str,
    "_B_sum": builtin.total,
    "_B_tuple": builtin.make_tuple,
    "_B_zip": builtin.make_zip,
    "_BigInt_parse": parse_big_integer,
    "_BigInt": big_integer,
    "_Date": day,
    "_Date_from_ordinal": day_of_ordinal,
    "_Date_from_time": day_of_time,
    "_Del": operators.delete_entry,
    "_Eq": values.equal,
    "_Fmt": format_value,
    "_Ge": operators.greater_or_equal,
    "_Gt": operators.greater,
    "_I": int,
    "_Iadd": operators.add_in_place,
    "_Imul": operators.multiply_in_place,
    "_In": operators.contains,
    "_Inv": operators.invert,
    "_It": operators.snapshot,
    "_Item": operators.get_entry,
    "_Key": values.check_key,
    "_Le": operators.less_or_equal,
    "_Lt": operators.less,
    "_Mod": operators.modulo,
    "_Mul": operators.multiply,
    "_MulDiv": muldiv,
    "_N": -values.BOUND,
    "_Ne": operators.not_equal,
    "_New": make_record,
    "_Nin": operators.not_contains,
    "_Of": of_types,
    "_Or": operators.bit_or,
    "_P": values.BOUND,
    "_Pow": operators.power,
    "_Replace": replace_fields,
    "_Rounds": operators.rounds,
    "_Rows": list,
    "_Same": same,
    "_Set": operators.set_entry,
    "_Shl": operators.shift_left,
    "_Shr": operators.shift_right,
    "_Slice": operators.get_slice,
    "_Small": values.check_small,
    "_Stop": stop,
    "_Sub": operators.subtract,
    "_Sum": operators.check_sum,
    "_T": type,
    "_Text": make_text,
    "_Xor": operators.bit_xor,
    **{f"_Do_{name}": helper for name, helper in METHOD_HELPERS.items()},
}
