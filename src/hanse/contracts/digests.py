# SPDX-License-Identifier: Apache-2.0
"""Digests as contracts and their callers make them: one text for a tag and typed parts."""

from collections.abc import Sequence
from typing import Final

from hanse.codec.base64url import to_text
from hanse.codec.documents import Tagged
from hanse.contracts.keys import encode_key

TAG_DIGEST: Final = "hanse/digest/1"


def encode_parts(tag: str, parts: Sequence[object]) -> bytes:
    """Return the bytes that stand for a tag and its parts: no two lists of parts share them.

    Raises:
        Fault: a part is neither text, integer, boolean, bytes, nor a tuple of them.
    """
    return encode_key((tag, *parts))


def digest_of(tagged: Tagged, tag: str, *parts: object) -> str:
    """Return what ``ctx.digest(tag, ...)`` gives on a network whose tagged hash is ``tagged``."""
    return to_text(tagged(TAG_DIGEST, encode_parts(tag, parts)))
