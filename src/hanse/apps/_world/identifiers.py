# SPDX-License-Identifier: Apache-2.0
"""Identifiers with right check digits that cannot be real: GS1's demonstration prefix 952."""

DEMONSTRATION_PREFIX = "952"


def check_digit(digits: str) -> str:
    """Return the GS1 check digit of ``digits`` (GS1 General Specifications, section 7.9)."""
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return str(-total % 10)


def gtin(company: str, item: int) -> str:
    """Return the GTIN-14 of item number ``item`` of a seven-digit company prefix."""
    body = f"0{company}{item:05d}"
    return body + check_digit(body)


def gln(company: str, place: int) -> str:
    """Return the GLN of place number ``place`` of a seven-digit company prefix."""
    body = f"{company}{place:05d}"
    return body + check_digit(body)


def sscc(company: str, serial: int) -> str:
    """Return the SSCC of a package."""
    body = f"0{company}{serial:09d}"
    return body + check_digit(body)
