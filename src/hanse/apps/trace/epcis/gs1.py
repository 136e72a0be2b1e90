# SPDX-License-Identifier: Apache-2.0
"""GS1 keys: check digits, EPC URIs, and GS1 Digital Link URIs brought to one form.

One object has many names: ``urn:epc:id:sgtin:9521141.012345.7`` and any web URI that ends in
``/01/09521141123454/21/7`` are the same item. The form used here is the canonical GS1 Digital Link
at the finest level (serial before lot before class), without consumer variant and query string.

Source: GS1 Tag Data Standard 2.0 sections 6 and 7; GS1 Digital Link 1.3; GS1 General
Specifications section 7.9 (check digit).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

from hanse.errors import Rejected

CANONICAL_ROOT: Final = "https://id.gs1.org"


@dataclass(eq=False)
class BadIdentifier(Rejected):
    """The URI names a GS1 key scheme but does not have that scheme's form."""

    identifier: str
    reason: str
    code: ClassVar[str] = "bad_identifier"
    hint: ClassVar[str] = "Compare the identifier with its scheme in the GS1 Tag Data Standard."


@dataclass(frozen=True, slots=True)
class Gs1Id:
    """A GS1 key in its normal form.

    ``ai`` is the application identifier of the primary key (``01`` GTIN, ``00`` SSCC …); ``key``
    its value with check digit; ``level`` one of ``class``, ``lot`` or ``instance``.
    """

    uri: str
    ai: str
    key: str
    level: str
    check_digit_ok: bool
    lot: str | None = None
    serial: str | None = None


# A character of a serial part in an EPC URI: either itself or percent-escaped.
_CHAR: Final = (
    r"(?:%2[125-9A-Fa-f]|%3[0-9A-Fa-f]|%4[1-9A-Fa-f]|%5[0-9AaFf]|%6[1-9A-Fa-f]"
    r"|%7[0-9Aa]|[!'()*+,.0-9:;=A-Za-z_-])"
)
_CPI_CHAR: Final = r"(?:%2[3dfDF]|%3[0-9]|%4[1-9A-Fa-f]|%5[0-9Aa]|[0-9A-Z-])"

# scheme -> (AI, digits of prefix plus reference, parts after them as (pattern, AI or "" or "+"))
# "" drops into the key itself; "+" likewise but percent-encoded for the web.
_URN_SCHEMES: Final[dict[str, tuple[str, int, str]]] = {
    "id:sgtin": ("01", 13, rf"\.(?P<serial>{_CHAR}{{1,20}})"),
    "id:sscc": ("00", 17, ""),
    "id:sgln": ("414", 12, rf"\.(?P<serial>{_CHAR}{{1,20}})"),
    "id:grai": ("8003", 12, rf"\.(?P<serial>{_CHAR}{{1,16}})"),
    "id:gsrn": ("8018", 17, ""),
    "id:gsrnp": ("8017", 17, ""),
    "id:gdti": ("253", 12, rf"\.(?P<serial>{_CHAR}{{1,17}})"),
    "id:sgcn": ("255", 12, r"\.(?P<serial>[0-9]{1,12})"),
    "id:gsin": ("402", 16, ""),
    "id:itip": (
        "8006",
        13,
        rf"\.(?P<piece>[0-9][0-9])\.(?P<total>[0-9][0-9])\.(?P<serial>{_CHAR}{{1,20}})",
    ),
    "id:upui": ("01", 13, rf"\.(?P<serial>{_CHAR}{{1,28}})"),
    "id:pgln": ("417", 12, ""),
    "class:lgtin": ("01", 13, rf"\.(?P<serial>{_CHAR}{{1,20}})"),
    "idpat:sgtin": ("01", 13, r"\.\*"),
    "idpat:grai": ("8003", 12, r"\.\*"),
    "idpat:gdti": ("253", 12, r"\.\*"),
    "idpat:sgcn": ("255", 12, r"\.\*"),
    "idpat:itip": ("8006", 13, r"\.(?P<piece>[0-9][0-9])\.(?P<total>[0-9][0-9])\.\*"),
    "idpat:upui": ("01", 13, r"\.\*"),
}
# Schemes whose reference is not numeric: company prefix, then text; 30 characters in all.
_TEXT_SCHEMES: Final[dict[str, tuple[str, str]]] = {
    "id:giai": ("8004", rf"(?P<ref>{_CHAR}{{1,24}})"),
    "id:ginc": ("401", rf"(?P<ref>{_CHAR}{{1,24}})"),
    "id:cpi": ("8010", rf"(?P<ref>{_CPI_CHAR}{{1,24}})\.(?P<serial>[0-9]{{1,12}})"),
    "idpat:cpi": ("8010", rf"(?P<ref>{_CPI_CHAR}{{1,24}})\.\*"),
    "idpat:giai": ("8004", r"(?P<ref>\*)"),
}
# Schemes of the Tag Data Standard that carry no GS1 key: only their outline is looked at.
_OTHER_SCHEMES: Final[dict[str, str]] = {
    "id:gid": r"[0-9]+\.[0-9]+\.[0-9]+",
    "id:usdod": rf"[A-HJ-NP-Z0-9]{{5,6}}\.{_CHAR}+",
    "id:adi": rf"[A-HJ-NP-Z0-9]{{5,6}}\.(?:%23|{_CHAR})*\.(?:%23|{_CHAR})+",
    "id:bic": r"[A-Z]{3}[JUZ][0-9]{7}",
    "id:imovn": r"[0-9]{7}",
}

_URN: Final = re.compile(r"urn:epc:(id|class|idpat|raw|tag|pat):(?:([a-z0-9-]+):)?(.*)", re.DOTALL)
_NUMERIC: Final = {
    scheme: re.compile(rf"(?P<prefix>[0-9]{{6,12}})\.(?P<ref>[0-9]*\.?){tail}")
    for scheme, (_, _, tail) in _URN_SCHEMES.items()
}
_TEXT: Final = {
    scheme: re.compile(rf"(?P<prefix>[0-9]{{6,12}})\.{tail}")
    for scheme, (_, tail) in _TEXT_SCHEMES.items()
}
_OTHER: Final = {scheme: re.compile(tail) for scheme, tail in _OTHER_SCHEMES.items()}

# The characters that the web form needs escaped and the EPC URI does not (Digital Link, table 7-1).
_WEB_ESCAPES: Final = str.maketrans(
    {"!": "%21", "(": "%28", ")": "%29", "*": "%2A", "+": "%2B", ",": "%2C", ":": "%3A"}
)


def check_digit(digits: str) -> str:
    """Return the check digit of ``digits``, a GS1 key without its own.

    Source: GS1 General Specifications section 7.9.1: weights 3 and 1 from the right.
    """
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return str(-total % 10)


def has_check_digit(digits: str) -> bool:
    """Tell whether the last of ``digits`` is the check digit of the others."""
    return digits.isascii() and digits.isdigit() and check_digit(digits[:-1]) == digits[-1]


def find_gs1_id(uri: str) -> Gs1Id | None:
    """Return the GS1 key in ``uri``, or None where the URI does not claim to carry one.

    Raises:
        BadIdentifier: an EPC URI whose scheme is unknown or whose form is wrong.
    """
    if uri.startswith("urn:epc:"):
        return _of_urn(uri)
    if uri.startswith(("http://", "https://")):
        return _of_link(uri)
    return None


def normalise_id(uri: str) -> str:
    """Return the one name of the object that ``uri`` names; other URIs are returned as they are.

    Raises:
        BadIdentifier: as :func:`find_gs1_id`.
    """
    found = find_gs1_id(uri)
    return uri if found is None else found.uri


@lru_cache(maxsize=65_536)
def _of_urn(uri: str) -> Gs1Id | None:
    match = _URN.fullmatch(uri)
    if match is None:
        raise BadIdentifier(uri, "not an EPC URI")
    kind, scheme, rest = match.groups()
    name = f"{kind}:{scheme}"
    if name in _NUMERIC:
        return _numeric(uri, name, rest)
    if name in _TEXT:
        return _textual(uri, name, rest)
    if name in _OTHER:
        if _OTHER[name].fullmatch(rest) is None:
            raise BadIdentifier(uri, f"not of the form of {name}")
        return None
    if kind in {"raw", "tag", "pat"} or (kind == "idpat" and rest.endswith("*")):
        return None  # tag encodings and open patterns name no object
    raise BadIdentifier(uri, f"unknown EPC scheme {name}")


def _numeric(uri: str, name: str, rest: str) -> Gs1Id:
    """Read a scheme of company prefix and reference with a fixed number of digits."""
    ai, length, _ = _URN_SCHEMES[name]
    match = _NUMERIC[name].fullmatch(rest)
    if match is None:
        raise BadIdentifier(uri, f"not of the form of {name}")
    prefix, reference = match["prefix"], match["ref"].rstrip(".")
    if len(prefix) + len(reference) != length:
        raise BadIdentifier(uri, f"company prefix and reference have not {length} digits together")
    part = match.groupdict()
    serial = part.get("serial")
    digits = prefix + reference
    if ai in {"01", "00", "8006"}:  # indicator or extension digit goes first
        digits = reference[:1] + prefix + reference[1:]
    if ai == "8003":
        digits = "0" + digits
    key = digits + check_digit(digits)
    if ai == "8006":
        key += f"{part['piece']}{part['total']}"
    return _built(name, ai, key, serial)


def _built(name: str, ai: str, key: str, serial: str | None) -> Gs1Id:
    """Assemble the normal form from key and serial part of an EPC URI."""
    root = f"{CANONICAL_ROOT}/{ai}/{key}"
    web = None if serial is None else serial.translate(_WEB_ESCAPES)
    if name.startswith("idpat:"):
        return Gs1Id(root, ai, key, "class", check_digit_ok=True)
    if web is None:
        return Gs1Id(root, ai, key, "instance", check_digit_ok=True)
    if name == "class:lgtin":
        return Gs1Id(f"{root}/10/{web}", ai, key, "lot", check_digit_ok=True, lot=web)
    if name == "id:sgln" and web == "0":
        return Gs1Id(root, ai, key, "instance", check_digit_ok=True)
    step = {"01": "/21/", "8006": "/21/", "414": "/254/"}.get(ai, "")
    if name == "id:upui":
        step = "/235/"
    return Gs1Id(f"{root}{step}{web}", ai, key, "instance", check_digit_ok=True, serial=web)


def _textual(uri: str, name: str, rest: str) -> Gs1Id | None:
    """Read a scheme whose reference is text."""
    ai, _ = _TEXT_SCHEMES[name]
    match = _TEXT[name].fullmatch(rest)
    if match is None or len(re.sub("%..", "_", match["prefix"] + match["ref"])) > 30:
        raise BadIdentifier(uri, f"not of the form of {name}")
    if match["ref"] == "*":
        return None
    key = match["prefix"] + match["ref"].translate(_WEB_ESCAPES)
    root = f"{CANONICAL_ROOT}/{ai}/{key}"
    if ai != "8010":
        return Gs1Id(root, ai, key, "instance", check_digit_ok=True)
    if name == "idpat:cpi":
        return Gs1Id(root, ai, key, "class", check_digit_ok=True)
    serial = match["serial"]
    uri = f"{root}/8011/{serial}"
    return Gs1Id(uri, ai, key, "instance", check_digit_ok=True, serial=serial)


_WEB_CHAR: Final = r"(?:%[0-9A-Fa-f]{2}|[!-$&-.0-9:;<=>A-Z_a-z~])"
# AI -> (form of the key's value, its qualifiers in order, number of leading digits checked)
_LINK_KEYS: Final[dict[str, tuple[re.Pattern[str], tuple[str, ...], int]]] = {
    "00": (re.compile(r"[0-9]{18}"), (), 18),
    "01": (re.compile(r"[0-9]{8}|[0-9]{12,14}"), ("22", "10", "21", "235"), 14),
    "253": (re.compile(rf"[0-9]{{13}}{_WEB_CHAR}{{0,17}}"), (), 13),
    "255": (re.compile(r"[0-9]{13}[0-9]{0,12}"), (), 13),
    "401": (re.compile(rf"[0-9]{{4}}{_WEB_CHAR}{{0,26}}"), (), 0),
    "402": (re.compile(r"[0-9]{17}"), (), 17),
    "414": (re.compile(r"[0-9]{13}"), ("254",), 13),
    "417": (re.compile(r"[0-9]{13}"), ("7040",), 13),
    "8003": (re.compile(rf"[0-9]{{14}}{_WEB_CHAR}{{0,16}}"), (), 14),
    "8004": (re.compile(rf"[0-9]{{4}}{_WEB_CHAR}{{0,26}}"), ("7040",), 0),
    "8006": (re.compile(r"[0-9]{18}"), ("22", "10", "21"), 14),
    "8010": (re.compile(rf"[0-9]{{4}}{_WEB_CHAR}{{0,26}}"), ("8011",), 0),
    "8017": (re.compile(r"[0-9]{18}"), ("8019",), 18),
    "8018": (re.compile(r"[0-9]{18}"), ("8019",), 18),
}
_SHORT_NAMES: Final = {
    "gtin": "01", "itip": "8006", "cpid": "8010", "gln": "414", "party": "417", "gsrnp": "8017",
    "gsrn": "8018", "gcn": "255", "sscc": "00", "gdti": "253", "ginc": "401", "gsin": "402",
    "grai": "8003", "giai": "8004", "cpv": "22", "lot": "10", "ser": "21",
}  # fmt: skip
_QUALIFIER: Final = re.compile(rf"{_WEB_CHAR}{{1,28}}")
_LINK: Final = re.compile(r"https?://[^/?#]+((?:/[^/?#]*)+)(?:\?[^#]*)?(?:#.*)?")


@lru_cache(maxsize=65_536)
def _of_link(uri: str) -> Gs1Id | None:
    match = _LINK.fullmatch(uri)
    if match is None:
        return None
    segments = match[1].strip("/").split("/")
    for start in range(len(segments) - 1):
        ai = _SHORT_NAMES.get(segments[start], segments[start])
        if ai in _LINK_KEYS and len(segments[start:]) % 2 == 0:
            found = _read_link(ai, segments[start + 1 :])
            if found is not None:
                return found
    return None


def _read_link(ai: str, parts: list[str]) -> Gs1Id | None:
    """Read key value and qualifiers; None where they do not fit the key."""
    form, allowed, checked = _LINK_KEYS[ai]
    value = parts[0]
    if form.fullmatch(value) is None:
        return None
    qualifiers: dict[str, str] = {}
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        qualifier = _SHORT_NAMES.get(name, name)
        if qualifier not in allowed or _QUALIFIER.fullmatch(text) is None:
            return None
        qualifiers[qualifier] = text
    if ai == "01":
        value = value.zfill(14)
    right = checked == 0 or has_check_digit(value[:checked])
    root = f"{CANONICAL_ROOT}/{ai}/{value}"
    lot, serial = qualifiers.get("10"), None
    for qualifier in ("235", "21", "8011", "254"):
        if qualifier in qualifiers:
            serial = qualifiers[qualifier]
            path = f"{root}/{qualifier}/{serial}"
            return Gs1Id(path, ai, value, "instance", check_digit_ok=right, lot=lot, serial=serial)
    if lot is not None:
        return Gs1Id(f"{root}/10/{lot}", ai, value, "lot", check_digit_ok=right, lot=lot)
    classes = ai in {"01", "8006", "8010"} or (ai in {"253", "255"} and len(value) == 13)
    level = "class" if classes or (ai == "8003" and len(value) == 14) else "instance"
    return Gs1Id(root, ai, value, level, check_digit_ok=right)


def scheme_table() -> dict[str, list[str]]:
    """Return all schemes and keys with their forms, for the digest of the rules."""
    table = {name: [ai, str(length), tail] for name, (ai, length, tail) in _URN_SCHEMES.items()}
    table |= {name: [ai, tail] for name, (ai, tail) in _TEXT_SCHEMES.items()}
    table |= {name: [tail] for name, tail in _OTHER_SCHEMES.items()}
    keys = _LINK_KEYS.items()
    return table | {ai: [form.pattern, *more, str(checked)] for ai, (form, more, checked) in keys}
