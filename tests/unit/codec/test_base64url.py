# SPDX-License-Identifier: Apache-2.0
"""Bytes as text have one spelling each."""

import pytest

from hanse.codec.base64url import to_bytes, to_hash, to_text
from hanse.errors import Malformed

# RFC 4648 section 10, without padding
KNOWN = [(b"", ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"foob", "Zm9vYg")]


@pytest.mark.parametrize(("data", "text"), [*KNOWN, (b"\xfb\xff\xfe", "-__-")])
def test_the_published_examples_hold(data: bytes, text: str) -> None:
    assert to_text(data) == text
    assert to_bytes(text) == data


@pytest.mark.parametrize(
    "text",
    [
        *("Zg==", "Zm8=", "Zg=", "=", "Z", "Zm9vY", "Zh", "Zm9", "+/+/", "Zg\n", " Zg", "Zm 9v"),
        *("Zm9v!", "Zm9v\x00", "Zé", "\u0396m9v", "Zm9v====", "-_-_-"),
    ],
)
def test_every_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        to_bytes(text, "$.x")
    assert refused.value.at == "$.x"


@pytest.mark.parametrize("size", [31, 33, 0])
def test_a_hash_has_32_bytes(size: int) -> None:
    assert to_hash(to_text(bytes(32))) == bytes(32)
    with pytest.raises(Malformed):
        to_hash(to_text(bytes(size)))
