# SPDX-License-Identifier: Apache-2.0
"""Bytes as text: base64url without padding, one spelling each (RFC 4648 section 5)."""

from binascii import a2b_base64, b2a_base64
from typing import Final

from hanse.errors import Malformed

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")


def to_text(data: bytes) -> str:
    """Return ``data`` as base64url without padding."""
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


def to_bytes(text: str, at: str = "$") -> bytes:
    """Return the bytes that ``text`` stands for.

    Raises:
        Malformed: not base64url, padded, or with spare bits that are not zero.
    """
    try:
        spelled = text.encode("ascii") + b"=" * (-len(text) % 4)
        data = a2b_base64(spelled.translate(_FROM_URL))
    except (ValueError, UnicodeError):
        raise Malformed(reason="not base64url", at=at) from None
    if to_text(data) != text:
        raise Malformed(reason="not the one base64url spelling of its bytes", at=at)
    return data


def to_hash(text: str, at: str = "$") -> bytes:
    """Return the 32 bytes that ``text`` stands for.

    Raises:
        Malformed: not base64url of exactly 32 bytes.
    """
    data = to_bytes(text, at)
    if len(data) != 32:
        raise Malformed(reason=f"{len(data)} bytes where a hash has 32", at=at)
    return data
