# SPDX-License-Identifier: Apache-2.0
"""Sealing under a shared key: AES-256-GCM (NIST SP 800-38D), or SM4-GCM (RFC 8998) for ``sm2-sm3``.

A sealed value is nonce (12 bytes), ciphertext, tag (16 bytes). The nonce is random: seal at most
2^32 values under one key.
"""

import secrets
from dataclasses import dataclass
from typing import ClassVar, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256, SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

from hanse.crypto import Suite
from hanse.errors import Corrupt

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16


@dataclass(eq=False)
class SealBroken(Corrupt):
    """The sealed bytes were not made with this key and context, or were changed since."""

    code: ClassVar[str] = "seal_broken"
    hint: ClassVar[str] = (
        "Check the key and the context; if both are right, restore the sealed bytes."
    )


def key_bytes(suite: Suite) -> int:
    """Return the length in bytes of the suite's sealing key."""
    return 16 if suite.name == "sm2-sm3" else 32


def seal_symmetric(key: bytes, plaintext: bytes, aad: bytes, suite: Suite) -> bytes:
    """Return ``plaintext`` sealed: unreadable without ``key``, unchangeable, bound to ``aad``."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    encryptor = _cipher(key, GCM(nonce), suite).encryptor()
    encryptor.authenticate_additional_data(aad)
    return nonce + encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag


def open_symmetric(key: bytes, sealed: bytes, aad: bytes, suite: Suite) -> bytes:
    """Return the plaintext that was sealed with the same key, context and suite.

    Raises:
        SealBroken: another key or context, or not one byte string that ``seal_symmetric`` made.
    """
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise SealBroken
    nonce, tag = sealed[:NONCE_BYTES], sealed[-TAG_BYTES:]
    decryptor = _cipher(key, GCM(nonce, tag), suite).decryptor()
    decryptor.authenticate_additional_data(aad)
    plaintext = decryptor.update(sealed[NONCE_BYTES:-TAG_BYTES])
    try:
        return plaintext + decryptor.finalize()
    except InvalidTag:
        raise SealBroken from None


def _cipher(key: bytes, mode: GCM, suite: Suite) -> Cipher[GCM]:
    assert len(key) == key_bytes(suite), "a sealing key has the length that its suite says"
    return Cipher(SM4(key) if suite.name == "sm2-sm3" else AES256(key), mode)
