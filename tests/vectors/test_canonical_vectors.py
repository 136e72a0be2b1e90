# SPDX-License-Identifier: Apache-2.0
"""The published pairs of RFC 8785: the ledger's stricter codec refuses each."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hanse.codec import canonical
from hanse.errors import NotCanonical, Rejected

pytestmark = pytest.mark.vectors

# why the ledger's codec refuses each published form
REASONS = {
    "arrays": "ASCII identifier",  # keys such as "1"
    "french": "ASCII identifier",  # keys in French
    "structures": "ASCII identifier",  # an empty key
    "unicode": "ASCII identifier",  # a key with a space
    "values": "not an integer",  # floats
    "weird": "ASCII identifier",  # keys such as a line feed
}


@pytest.fixture
def folder(vectors: Path) -> Path:
    return vectors / "jcs-rfc8785" / "testdata"


def strings_of(value: Any) -> Iterator[str]:
    """Yield every string of a JSON value, keys included."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from strings_of(item)
    elif isinstance(value, str):
        yield value


def test_all_published_pairs_are_judged(folder: Path) -> None:
    assert sorted(path.stem for path in (folder / "output").glob("*.json")) == sorted(REASONS)


@pytest.mark.parametrize("name", REASONS)
def test_each_published_form_is_refused_for_its_reason(name: str, folder: Path) -> None:
    published = (folder / "output" / f"{name}.json").read_bytes()
    hexadecimal = (folder / "outhex" / f"{name}.txt").read_text(encoding="ascii")
    assert published == bytes.fromhex(hexadecimal)
    with pytest.raises(NotCanonical, match=REASONS[name]):
        canonical.decode(published)


@pytest.mark.parametrize("name", REASONS)
def test_each_published_string_has_the_published_spelling(name: str, folder: Path) -> None:
    published = (folder / "output" / f"{name}.json").read_bytes()
    strings = list(strings_of(json.loads(published)))
    assert strings
    for text in strings:
        written = canonical.encode(text)
        assert written in published
        assert canonical.decode(written) == text


@pytest.mark.parametrize("name", REASONS)
def test_each_published_input_is_refused_as_it_stands(name: str, folder: Path) -> None:
    with pytest.raises(Rejected):
        canonical.decode((folder / "input" / f"{name}.json").read_bytes())


def test_published_input_with_another_key_is_written_as_published(folder: Path) -> None:
    key, other = b"Unnormalized Unicode", b"a"
    given = (folder / "input" / "unicode.json").read_bytes().replace(key, other)
    published = (folder / "output" / "unicode.json").read_bytes().replace(key, other)
    assert canonical.encode(canonical.parse(given)) == published
