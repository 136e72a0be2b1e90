# SPDX-License-Identifier: Apache-2.0
"""Human sentences: the docstring of a contract event with its values filled in, each value a link.

A transaction without such an event gets a plain sentence built from names, never from hashes.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from hanse.console.catalogue import Catalogue, grouped
from hanse.console.display import money, path, short, utc
from hanse.console.ledger import Directory

_SLOT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([a-z_]+))?\}")
_LONG = re.compile(r"[A-Za-z0-9_-]{43}|[0-9a-f]{40,128}")


DIGITAL_LINK: Final = "https://id.gs1.org/"
_KEYS: Final = {  # GS1 application identifiers that name things and places
    "00": "SSCC",
    "01": "GTIN",
    "10": "value.lot",
    "21": "value.serial",
    "254": "value.extension",
    "414": "GLN",
    "417": "GLN",
    "8003": "GRAI",
    "8004": "GIAI",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a sentence: text, and what it links to when it stands for something."""

    text: str
    href: str | None = None
    title: str | None = None
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """What sentences are made with: the catalogue, a language, the names that the ledger knows."""

    catalogue: Catalogue
    language: str
    directory: Directory

    def say(self, key: str, **values: object) -> str:
        """Return a text of the catalogue."""
        return self.catalogue.text(self.language, key, values)

    def part(self, value: Any, spec: str = "", fields: Mapping[str, Any] | None = None) -> Part:
        """Return one value as it reads in a sentence, with its link."""
        if isinstance(value, bool):
            return Part(self.say("value.yes" if value else "value.no"))
        if isinstance(value, int):
            return self._number(value, spec, fields or {})
        if isinstance(value, list):
            return Part(", ".join(self.part(one, spec, fields).text for one in value[:20]))
        if value is None or value == "":
            return Part("-")
        if not isinstance(value, str):
            return Part(str(value))
        return self._text(value)

    def _number(self, value: int, spec: str, fields: Mapping[str, Any]) -> Part:
        if spec == "money":
            asset = fields.get("asset", "")
            return Part(money(value, asset if isinstance(asset, str) else "", self.language))
        if spec in {"time", "time_ms"}:
            return Part(utc(value))
        return Part(grouped(value, self.language))

    def _text(self, value: str) -> Part:
        member, at, organisation = value.partition("@")
        if at and self.directory.has_member(value):
            href = path("organisations", organisation) + f"#{member}"
            return Part(value, href, self.directory.name_of(organisation))
        if value.startswith(DIGITAL_LINK):
            spoken = self._spoken(value)
            if spoken:
                return Part(spoken, f"/search?q={quote(value, safe='')}", value)
        name = self.directory.name_of(value)
        if name is not None:
            return Part(name, path("organisations", value), value)
        return Part(short(value), None, value) if _LONG.fullmatch(value) else Part(value)

    def _spoken(self, link: str) -> str | None:
        """Return a GS1 Digital Link as people say it: GTIN, lot, serial number, place."""
        keys = link[len(DIGITAL_LINK) :].partition("?")[0].split("/")
        pairs = list(zip(keys[::2], keys[1::2], strict=False))
        if len(keys) % 2 or not pairs or any(key not in _KEYS for key, _ in pairs):
            return None
        names = [_KEYS[key] for key, _ in pairs]
        words = [self.say(name) if "." in name else name for name in names]
        return " ".join(
            f"{word} {unquote(pair[1])}" for word, pair in zip(words, pairs, strict=True)
        )

    def fill(self, template: str, fields: Mapping[str, Any], lang: str | None = None) -> list[Part]:
        """Return ``template``, whose own words are in ``lang``, with its slots filled."""
        parts: list[Part] = []
        at = 0
        for match in _SLOT.finditer(template):
            parts.append(Part(template[at : match.start()], lang=lang))
            known = match[1] in fields
            parts.append(
                self.part(fields[match[1]], match[2] or "", fields) if known else Part("…")
            )
            at = match.end()
        parts.append(Part(template[at:], lang=lang))
        return [part for part in parts if part.text]


Describe = Callable[[str], Mapping[str, Any]]


def template_of(words: Words, description: Mapping[str, Any], event: str) -> tuple[str, str | None]:
    """Return the sentence of a contract event, and its language where not the reader's."""
    for entry in description.get("events", ()):
        if entry.get("name") == event and entry.get("sentence"):
            key = f"sentence.{description.get('name')}.{event}"
            translated = words.catalogue.raw(words.language, key)
            if isinstance(translated, str):
                return translated, None
            return str(entry["sentence"]), None if words.language == "en" else "en"
    return "", None


def sentences_of(
    words: Words, receipt: Mapping[str, Any], body: Mapping[str, Any], describe: Describe
) -> list[list[Part]]:
    """Return the sentences of a record: one for each contract event, or one plain one."""
    signer, contract = words.part(body.get("signer", "")), str(body.get("contract", ""))
    action = str(body.get("action", ""))
    links = {
        "signer": signer,
        "action": Part(action, path("contracts", contract, "actions", action)),
        "contract": Part(contract, path("contracts", contract)),
        "code": Part(str(receipt.get("code", ""))),
    }
    if receipt.get("status") == "rejected":
        return [_plain(words.say("sentence.refused"), links)]
    found: list[list[Part]] = []
    for event in receipt.get("events", ())[:20]:
        described = describe(str(event.get("contract")))
        template, lang = template_of(words, described, str(event.get("event")))
        if template:
            fields = event.get("fields", {})
            facts = fields if isinstance(fields, Mapping) else {}
            found.append(words.fill(template, facts, lang))
    return found or [_plain(words.say("sentence.plain"), links)]


def _plain(template: str, links: Mapping[str, Part]) -> list[Part]:
    parts: list[Part] = []
    at = 0
    for match in _SLOT.finditer(template):
        parts += [Part(template[at : match.start()]), links.get(match[1], Part("…"))]
        at = match.end()
    return [part for part in [*parts, Part(template[at:])] if part.text]


def as_text(sentences: Sequence[Sequence[Part]]) -> str:
    """Return sentences without their links."""
    return " ".join("".join(part.text for part in sentence) for sentence in sentences)
