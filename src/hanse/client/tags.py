# SPDX-License-Identifier: Apache-2.0
"""Claim tags: what a registrar computes off the ledger, under a key that never reaches it.

A tag is an HMAC (RFC 2104) under the network's hash of a normalised identifier. Numbers of
invoices and people can be listed, so a plain hash of one is found by trying them all; under a key
that only the registrars of a domain hold, there is nothing to try. The registrar answers by its
signature for the tag being the right one: no ledger can see that.
"""

import unicodedata
from typing import Final

from hanse.codec.base64url import to_text
from hanse.contracts.digests import encode_parts
from hanse.crypto import Hash

NORMALISER: Final = "nfkc-upper/1"
KEY_BYTES_MIN: Final = 32
_BLOCK_BYTES: Final = 64  # of SHA-256 and of SM3 alike
_SEPARATORS: Final = " -./_\t\u00a0\u2010\u2011\u2012\u2013\u2014\u2212\u200b"


def normalise(identifier: str) -> str:
    """Return the one form of an identifier, by the normaliser ``nfkc-upper/1``.

    NFKC, separators taken out, upper case. What is left is ASCII letters and digits.

    Raises:
        ValueError: nothing is left, or something else: a look-alike that NFKC does not resolve.
    """
    bare = "".join(char for char in identifier if char not in _SEPARATORS)
    text = unicodedata.normalize("NFKC", bare).upper()
    text = "".join(char for char in text if char not in _SEPARATORS)
    if not text or not (text.isascii() and text.isalnum()):
        raise ValueError("an identifier is made of letters A to Z, digits and separators")
    return text


def keyed_digest(hasher: Hash, key: bytes, data: bytes) -> bytes:
    """Return the HMAC of ``data`` under ``key``.

    Source: RFC 2104; with SM3 as in GB/T 15852.2.
    """
    if len(key) > _BLOCK_BYTES:
        key = hasher(key)
    block = key.ljust(_BLOCK_BYTES, b"\0")
    inner = hasher(bytes(byte ^ 0x36 for byte in block) + data)
    return hasher(bytes(byte ^ 0x5C for byte in block) + inner)


def claim_tag(hasher: Hash, key: bytes, domain: str, epoch: int, identifier: str) -> str:
    """Return the tag of an identifier in a claim domain, for one epoch of its key.

    Check digits are the caller's to verify before: they differ by kind of number.

    Raises:
        ValueError: the key has fewer than ``KEY_BYTES_MIN`` bytes, or see :func:`normalise`.
    """
    if len(key) < KEY_BYTES_MIN:
        raise ValueError(f"a registrar's key has at least {KEY_BYTES_MIN} random bytes")
    message = encode_parts("claim_once/tag/1", (domain, epoch, normalise(identifier)))
    return to_text(keyed_digest(hasher, key, message))
