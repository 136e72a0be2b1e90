# SPDX-License-Identifier: Apache-2.0
"""Amounts in integers: one product and one quotient, rounded as it is said."""

from typing import Literal

Rounding = Literal["down", "up", "half_up", "half_even"]


def mul_div(a: int, b: int, c: int, *, rounding: Rounding = "down") -> int:
    """Return ``a * b / c`` as an integer, ``c`` above zero.

    ``down`` rounds towards minus infinity, ``up`` towards plus infinity, ``half_up`` to the nearest
    and from the middle up, ``half_even`` from the middle to the even one.
    """
    if c <= 0:
        raise ValueError("the divisor is above zero")
    quotient, rest = divmod(a * b, c)
    if rounding == "down":
        return quotient
    if rounding == "up":
        return quotient + (rest > 0)
    if rounding == "half_up":
        return quotient + (2 * rest >= c)
    if rounding == "half_even":
        return quotient + (2 * rest > c or (2 * rest == c and quotient % 2 == 1))
    raise ValueError("rounding is down, up, half_up or half_even")
