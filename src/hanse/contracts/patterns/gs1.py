# SPDX-License-Identifier: Apache-2.0
"""GS1 keys as contracts meet them: check digits, and what a Digital Link URI names.

Source: GS1 General Specifications section 7.9 (check digits); GS1 Digital Link 1.3.
"""

from hanse.contracts.patterns.lineage import ThingKind


def is_checked(digits: str, length: int) -> bool:
    """Whether ``digits`` is a GS1 key of that length with a right check digit."""
    if len(digits) != length or any(d not in "0123456789" for d in digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits[:-1])):
        total += int(digit) * (3 if place % 2 == 0 else 1)
    return (10 - total % 10) % 10 == int(digits[-1])


def gtin_of(thing: str) -> str:
    """Return the GTIN in a Digital Link, empty where there is none."""
    return _element(thing, "/01/")


def gln_of(place: str) -> str:
    """Return the GLN in a Digital Link of a place or party, empty where there is none."""
    return _element(place, "/414/") or _element(place, "/417/")


def kind_of(thing: str) -> ThingKind:
    """Return whether a Digital Link names a single piece, a lot, or a package."""
    if "/21/" in thing or "/235/" in thing or "/8011/" in thing:
        return "serial"
    return "lot" if "/01/" in thing else "package"


def label_of(thing: str) -> str:
    """Return the shortest name that a person knows a thing by."""
    for mark, word in (("/21/", "serial "), ("/10/", "lot "), ("/00/", "SSCC ")):
        found = _element(thing, mark)
        if found != "":
            return word + found
    return thing


def _element(link: str, mark: str) -> str:
    if mark not in link:
        return ""
    rest = link.split(mark)[1]
    return rest.split("/")[0].split("?")[0]
