# SPDX-License-Identifier: Apache-2.0
"""The catalogue is complete, its slots agree, and colours can be read."""

import re
from importlib import resources

import pytest

from hanse.console.catalogue import LANGUAGES, choose_language, grouped, load_catalogue
from hanse.console.display import money, short, utc

ROOM = resources.files("hanse.console")
CATALOGUE = load_catalogue()
KEYS = CATALOGUE.keys("en")


def _sources() -> str:
    folders = (ROOM, ROOM / "pages", ROOM / "templates")
    files = [file for folder in folders for file in folder.iterdir()]
    return "\n".join(f.read_text() for f in files if f.name.endswith((".py", ".html")))


def test_every_language_has_every_key_and_no_other() -> None:
    for language in LANGUAGES:
        assert CATALOGUE.keys(language) == KEYS, language


def test_every_key_that_a_page_names_exists() -> None:
    source = _sources()
    named = set(re.findall(r'(?:\bt|say)\("([a-z_]+(?:\.[a-z_0-9]+)+)"', source))
    assert len(named) > 200
    assert named - KEYS == set()
    for prefix in set(re.findall(r'\bt\("([a-z_.]+\.)" ~', source)):
        assert any(key.startswith(prefix) for key in KEYS), prefix


def test_every_key_is_used_by_some_page() -> None:
    source = _sources()
    built = tuple(set(re.findall(r'"([a-z_.]+\.)" ~', source)))
    built += ("form.error.", "verdict.", "proof.", "value.", "step.", "documents.verdict.")
    unused = [key for key in KEYS if f'"{key}"' not in source and not key.startswith(built)]
    assert unused == []


def _slots(entry: object) -> set[str]:
    texts = entry.values() if isinstance(entry, dict) else [entry]
    return {slot for text in texts for slot in re.findall(r"\{([a-z_]+)\}", str(text))}


def test_translations_have_the_slots_of_the_english_text() -> None:
    for key in KEYS:
        wanted = _slots(CATALOGUE.raw("en", key))
        for language in LANGUAGES:
            assert _slots(CATALOGUE.raw(language, key)) == wanted, (language, key)


def test_translations_are_translated() -> None:
    same = [k for k in KEYS if CATALOGUE.raw("zh-Hans", k) == CATALOGUE.raw("en", k)]
    assert same == []
    alike = [k for k in KEYS if CATALOGUE.raw("es", k) == CATALOGUE.raw("en", k)]
    assert len(alike) <= 12, alike  # "No.", "Suite", "Error" and their like


@pytest.mark.parametrize(
    ("address", "cookie", "accept", "language"),
    [
        (None, None, None, "en"),
        (None, None, "fr-FR, es;q=0.8, en;q=0.3", "es"),
        (None, None, "zh-Hans-CN", "zh-Hans"),
        (None, None, "zh-TW", "zh-Hans"),
        (None, None, "zh-Hant", "en"),
        (None, "es", "en", "es"),
        ("zh", "es", "en", "zh-Hans"),
        ("xx", None, "en;q=abc, es", "es"),
    ],
)
def test_the_language_is_chosen_by_address_then_cookie_then_browser(
    address: str | None, cookie: str | None, accept: str | None, language: str
) -> None:
    assert choose_language(address, cookie, accept) == language


def test_plurals_and_groups_follow_the_language() -> None:
    assert CATALOGUE.text("en", "feed.count", {"n": 1}) == "1 transaction"
    assert CATALOGUE.text("en", "feed.count", {"n": 2000}) == "2,000 transactions"
    assert CATALOGUE.text("zh-Hans", "feed.count", {"n": 1}) == "1 笔交易"
    assert grouped(1_234_567, "es") == "1\u202f234\u202f567"


@pytest.mark.parametrize(
    ("minor", "asset", "text"),
    [(5, "EUR", "0.05 EUR"), (-123_456, "USD", "\u22121,234.56 USD"), (1000, "JPY", "1,000 JPY")],
)
def test_amounts_are_never_rounded(minor: int, asset: str, text: str) -> None:
    assert money(minor, asset, "en") == text


def test_times_and_hashes_are_shortened_without_losing_their_ends() -> None:
    assert utc(1_790_000_000_123) == "2026-09-21 14:13:20 UTC"
    assert utc(-1) == utc(None) == utc(10**18) == ""
    assert short("0123456789" * 4) == "01234567…456789"


def _luminance(colour: str) -> float:
    def line(part: str) -> float:
        value = int(part, 16) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (line(colour[i : i + 2]) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(a: str, b: str) -> float:
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_has_a_contrast_of_5_9_on_both_grounds_in_both_themes() -> None:
    css = (ROOM / "static" / "console.css").read_text()
    found = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css)
    tokens = {name: (light, dark) for name, light, dark in found}
    text = ("text", "muted", "accent", "ok", "warn", "bad", "private")
    for name in text:
        for theme in (0, 1):
            for ground in ("bg", "surface"):
                ratio = _contrast(tokens[name][theme], tokens[ground][theme])
                assert ratio >= 5.9, (name, theme, ground, ratio)
    for theme in (0, 1):
        assert _contrast(tokens["line"][theme], tokens["bg"][theme]) >= 3
        assert _contrast(tokens["on-accent"][theme], tokens["accent"][theme]) >= 5.9
