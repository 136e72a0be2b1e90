# SPDX-License-Identifier: Apache-2.0
"""The words of the console in three languages, as data: one JSON file a language in ``locale/``.

A text is found by its key. A value with plural forms is an object ``{"one": …, "other": …}``
chosen by ``n``. Codes, identifiers and names of actions are never translated.
"""

import json
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Final

from hanse.contracts.app import App

LANGUAGES: Final = ("en", "zh-Hans", "es")
LANGUAGE_NAMES: Final = {"en": "English", "zh-Hans": "简体中文", "es": "Español"}
_SLOT = re.compile(r"\{([a-z_]+)\}")
_GROUP: Final = {"en": ",", "zh-Hans": ",", "es": "\N{NARROW NO-BREAK SPACE}"}
_PREFERENCE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q=([0-9.]{1,5}))?\s*")

Text = str | dict[str, str]


class Catalogue:
    """Every text of the console, by language and key; English fills the gaps of a language."""

    def __init__(self, tables: Mapping[str, Mapping[str, Text]]) -> None:
        self._tables = {language: dict(table) for language, table in tables.items()}

    def keys(self, language: str) -> frozenset[str]:
        """Return the keys that ``language`` has."""
        return frozenset(self._tables.get(language, {}))

    def raw(self, language: str, key: str) -> Text | None:
        """Return the entry of ``key`` as it stands in the file of ``language``, or ``None``."""
        return self._tables.get(language, {}).get(key)

    def text(self, language: str, key: str, values: Mapping[str, object]) -> str:
        """Return the text of ``key`` in ``language`` with its slots filled from ``values``."""
        entry = self.raw(language, key)
        if entry is None:
            entry = self.raw("en", key)
        if entry is None:
            return key
        if isinstance(entry, dict):
            one = language != "zh-Hans" and values.get("n") == 1
            entry = entry["one"] if one and "one" in entry else entry["other"]

        def fill(match: re.Match[str]) -> str:
            value = values.get(match[1], match[0])
            return grouped(value, language) if type(value) is int else str(value)

        return _SLOT.sub(fill, entry)


def load_catalogue(extra: Mapping[str, Mapping[str, Text]] | None = None) -> Catalogue:
    """Return the console's own catalogue, with the sentences of apps merged over it."""
    folder = resources.files("hanse.console") / "locale"
    tables: dict[str, dict[str, Text]] = {}
    for language in LANGUAGES:
        table = json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))
        tables[language] = {**table, **(extra or {}).get(language, {})}
    return Catalogue(tables)


def app_sentences(apps: Iterable[App]) -> dict[str, dict[str, Text]]:
    """Return the translations that apps bring in ``locale/<language>.json`` beside their contracts.

    A key is ``sentence.<contract>.<event>``; others are left aside, so that no app can change the
    console's own words.
    """
    found: dict[str, dict[str, Text]] = {}
    for app in apps:
        for package in sorted({cls.__module__.rpartition(".")[0] for cls in app.contracts}):
            for language in LANGUAGES:
                file = resources.files(package) / "locale" / f"{language}.json" if package else None
                if file is None or not file.is_file():
                    continue
                table = json.loads(file.read_text(encoding="utf-8"))
                mine = {key: text for key, text in table.items() if key.startswith("sentence.")}
                found.setdefault(language, {}).update(mine)
    return found


def grouped(number: int, language: str) -> str:
    """Return ``number`` with its thousands grouped as ``language`` does."""
    return f"{number:,}".replace(",", _GROUP.get(language, ","))


def find_language(tag: str) -> str | None:
    """Return the language of the console that the tag ``zh-CN``, ``es-MX``, … asks for, if any."""
    first = tag.strip().lower().split("-")
    if first[0] == "zh":
        return None if "hant" in first[1:] else "zh-Hans"
    return first[0] if first[0] in {"en", "es"} else None


def choose_language(address: str | None, cookie: str | None, accept: str | None) -> str:
    """Return the language of a reader: the address decides, then the cookie, then the browser."""
    for asked in (address, cookie):
        found = find_language(asked) if asked else None
        if found:
            return found
    best: tuple[float, str] = (0.0, "en")
    for part in (accept or "").split(",")[:20]:
        match = _PREFERENCE.fullmatch(part)
        found = find_language(match[1]) if match else None
        if match is None or found is None:
            continue
        try:
            quality = float(match[2] or "1")
        except ValueError:
            continue
        if quality > best[0]:
            best = (quality, found)
    return best[1]
