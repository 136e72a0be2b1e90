# SPDX-License-Identifier: Apache-2.0
"""The examples of four pages of the specification are true, told by a second reading."""

import hashlib
import json
import re
from typing import Any

import hypothesis.strategies as st
from hypothesis import given
from tests.docs.blocks import find_blocks
from tools.spec_border_examples import KEYS, PAGES, build_examples, shown
from tools.spec_examples import PLACE, fill

from hanse.codec.base64url import to_text
from hanse.contracts.keys import encode_key
from hanse.contracts.package_file import read_package

GENESIS, STATE_KEY, FORMATS, PACKAGE = (path.read_text(encoding="utf-8") for path in PAGES)


def example(name: str) -> str:
    """Return the text of an example as it stands in its page."""
    found = {
        m[2]: m[4] for page in (GENESIS, STATE_KEY, FORMATS, PACKAGE) for m in PLACE.finditer(page)
    }
    return found[name]


def encode_by_the_page(part: Any) -> bytes:
    """Return the bytes of one part, written from ``spec/state-key.md`` and nothing else."""
    if part is False or part is True:
        return bytes([0x11 if part else 0x10])
    if isinstance(part, int):
        digits = f"{abs(part):x}" if part else ""
        magnitude = bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
        if part >= 0:
            return bytes([0x20, 0x80 + len(magnitude)]) + magnitude
        return bytes([0x20, 0x7F - len(magnitude)]) + bytes(0xFF ^ byte for byte in magnitude)
    if isinstance(part, tuple):
        return b"\x50" + b"".join(map(encode_by_the_page, part)) + b"\x00"
    first, data = (b"\x30", part.encode()) if isinstance(part, str) else (b"\x40", part)
    return first + data.replace(b"\x00", b"\x00\xff") + b"\x00"


def encode_whole(key: Any) -> bytes:
    """Return the bytes of a key: its parts one after another."""
    return b"".join(map(encode_by_the_page, key if isinstance(key, tuple) else (key,)))


def test_the_border_pages_show_what_the_code_makes() -> None:
    examples = build_examples()
    for page in (GENESIS, STATE_KEY, FORMATS, PACKAGE):
        assert fill(page, examples) == page, "run `make docs`"


def test_the_ledger_id_is_the_tagged_hash_of_the_shown_document() -> None:
    document = json.loads(example("genesis"))
    raw = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    said = dict(line.split() for line in example("genesis-values").splitlines())
    assert said["bytes"] == str(len(raw))
    assert said["ledger"] == to_text(hashlib.sha256(b"hanse/genesis/1\x00" + raw).digest())


def test_the_table_of_state_keys_follows_the_rules_of_its_page() -> None:
    rows = [line.rsplit("  ", 1) for line in example("state-keys").splitlines()]
    assert [(name.strip(), bytes.fromhex(text)) for name, text in rows] == [
        (shown(key), encode_whole(key)) for key in KEYS
    ]


PART = st.one_of(
    st.booleans(),
    st.integers(-(2**256) + 1, 2**256 - 1),
    st.text(max_size=6),
    st.binary(max_size=6),
)


@given(st.one_of(PART, st.lists(st.one_of(PART, st.tuples(PART, PART)), min_size=1).map(tuple)))
def test_every_key_is_encoded_as_the_page_says(key: Any) -> None:
    assert encode_key(key) == encode_whole(key)


def test_the_report_shows_the_digest_of_the_shown_document() -> None:
    document = next(b.text for b in find_blocks(FORMATS) if b.kind == "json")
    report = json.loads(example("report"))
    assert report["document_digest"] == to_text(hashlib.sha256(document.encode()).digest())
    assert report["drafts"][0]["args"]["captured"]["things"][0]["amount_milli"] == 12_500


def test_every_field_of_the_report_is_explained() -> None:
    fields = set(json.loads(example("report")))
    table = FORMATS.partition("## Fields")[2].partition("\n\n#")[0]
    rows = (line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    assert fields == {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_package_hash_is_that_of_the_shown_texts() -> None:
    shown_package = json.loads(example("package"))
    document = {name: shown_package[name] for name in ("files", "name", "v", "version")}
    raw = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    found = to_text(hashlib.sha256(b"hanse/package/1\x00" + raw).digest())
    assert shown_package["package_hash"] == found
    whole = json.dumps(shown_package, sort_keys=True, separators=(",", ":")).encode()
    assert read_package(whole).data == whole
