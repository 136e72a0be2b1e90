# SPDX-License-Identifier: Apache-2.0
"""Texts with values in them."""

from typing import Any

from hanse.contracts.dialect.values import NUMBERS, TEXTS, charge_built
from hanse.contracts.meter import Meter
from hanse.contracts.refusals import Fault


def format_value(meter: Meter, value: Any, form: str) -> str:
    """Return a value as an f-string shows it, in one of the dialect's formats."""
    kind = type(value)
    if kind in TEXTS:
        shown: Any = str.__str__(value)
        meter.charge(0, len(shown))
    elif kind is bool:
        shown = "True" if value else "False"
    elif kind in NUMBERS:
        shown = int(value)
    else:
        raise Fault("an f-string shows numbers, booleans and texts")
    try:
        return format(shown, form)
    except ValueError:
        raise Fault("this format is for another type") from None


def make_text(meter: Meter, *parts: str) -> str:
    """Return the parts as one text."""
    charge_built(meter, str, sum([len(part) for part in parts]))
    return "".join(parts)
