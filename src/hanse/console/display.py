# SPDX-License-Identifier: Apache-2.0
"""How values look: hashes, times, amounts, names; ledger data is hostile until it was here.

``visible`` is the template environment's last step for every string, so a control or bidirectional
character in ledger data is always shown as an escape, never obeyed.
"""

import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from markupsafe import Markup, escape

from hanse.codec.canonical import encode
from hanse.console.catalogue import grouped
from hanse.errors import HanseError

# Cc except tab and line feed, Cf (bidirectional marks, zero width), Zl and Zp, lone fillers
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
_MINOR_DIGITS: Final = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "KWD": 3, "BHD": 3, "TND": 3}
_SCRIPTS: Final = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
TIME_MS_MAX: Final = 253_402_300_799_000  # the last second of the year 9999


def visible(text: str) -> str:
    """Return ``text`` with every character that could deceive the eye shown as its escape."""
    return _UNSAFE.sub(lambda match: f"\\u{{{ord(match[0]):04X}}}", text)


def finalize(value: object) -> object:
    """Return what a template writes for ``value``: strings made visible, own markup untouched."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return visible(value)
    return "" if value is None else value


def is_mixed_script(name: str) -> bool:
    """Whether ``name`` mixes alphabets whose letters look alike, as a forged name would."""
    seen = set()
    for character in name:
        if character.isalpha():
            word = unicodedata.name(character, "").split(" ", 1)[0]
            if word in _SCRIPTS:
                seen.add(word)
    return len(seen) > 1


def short(text: str) -> str:
    """Return the first 8 and last 6 characters of a long identifier."""
    return text if len(text) <= 18 else f"{text[:8]}…{text[-6:]}"


def utc(time_ms: object) -> str:
    """Return a time in UTC as people read it, or an empty string when there is none."""
    if type(time_ms) is not int or not 0 <= time_ms <= TIME_MS_MAX:
        return ""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def when(time_ms: object) -> Markup:
    """Return a ``time`` element in UTC; the script sets the reader's own zone beside it."""
    text = utc(time_ms)
    if not text:
        return Markup("&ndash;")
    machine = text[:-4].replace(" ", "T") + "Z"
    return Markup('<time datetime="{}">{}</time>').format(machine, text)


def money(amount_minor: int, asset: str, language: str) -> str:
    """Return an amount of minor units with its currency code, never rounded."""
    digits = _MINOR_DIGITS.get(asset, 2)
    whole, part = divmod(abs(amount_minor), 10**digits)
    mark = "," if language == "es" else "."
    fraction = f"{mark}{part:0{digits}}" if digits else ""
    sign = "\N{MINUS SIGN}" if amount_minor < 0 else ""
    return f"{sign}{grouped(whole, language)}{fraction} {asset}".strip()


def web_link(text: object) -> str | None:
    """Return ``text`` if it is an http or https address that may be a link, else ``None``."""
    if not isinstance(text, str) or visible(text) != text or len(text) > 2048:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in {"http", "https"} and parts.netloc else None


def path(*parts: object) -> str:
    """Return an address of the console whose segments are escaped one by one."""
    return "/" + "/".join(quote(str(part), safe="@:,+") for part in parts)


def canonical(value: Any) -> str:
    """Return the canonical JSON of ``value`` as text; what the ledger hashes and signs."""
    try:
        return encode(value).decode("utf-8")
    except HanseError:
        return repr(value)


def pretty(value: Any) -> str:
    """Return JSON laid out for reading: the canonical order, indented."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def attributes(**values: object) -> Markup:
    """Return HTML attributes for the values that are not ``None`` or false."""
    parts = []
    for name, value in values.items():
        if value is None or value is False:
            continue
        key = name.rstrip("_").replace("_", "-")
        parts.append(Markup(" {}").format(key) if value is True else _attribute(key, value))
    return Markup("").join(parts)


def _attribute(key: str, value: object) -> Markup:
    return Markup(' {}="{}"').format(key, escape(visible(str(value))))
