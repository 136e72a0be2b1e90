# SPDX-License-Identifier: Apache-2.0
"""ECDSA on P-256 with SHA-256 (FIPS 186-5), one spelling for each key and each signature.

Rule: the key is a compressed SEC 1 point of 33 bytes with x < p, on the curve; the signature is r
and s, 32 bytes each, big-endian, with 1 <= r < n and 1 <= s <= (n - 1) / 2. The other s of the
pair, n - s, would make a second valid signature out of the first without the key; it is refused.
"""

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
S_MAX: Final = N // 2
_KEYS_HELD: Final = 4096  # parsed keys, about 1 KB each; parsing costs 20 µs, a third of a check
_ALGORITHM: Final = ECDSA(SHA256())


def is_key_valid(public_key: bytes) -> bool:
    """Say whether 33 bytes are a compressed point of the curve."""
    return _parse(public_key) is not None


def is_valid(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether 64 bytes are the low-s signature of ``message`` under a valid key."""
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    if not (1 <= r < N and 1 <= s <= S_MAX):
        return False
    key = _parse(public_key)
    if key is None:
        return False
    try:
        key.verify(encode_dss_signature(r, s), message, _ALGORITHM)
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=_KEYS_HELD)
def _parse(public_key: bytes) -> EllipticCurvePublicKey | None:
    if public_key[0] not in (2, 3) or int.from_bytes(public_key[1:]) >= P:
        return None
    try:
        return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public_key)
    except ValueError:
        return None
