# SPDX-License-Identifier: Apache-2.0
"""The hashes and the signature rules: one pinned rule for each suite (``spec/suites.md``)."""

import hashlib
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from hanse_verify.canonical import EvidenceError
from hanse_verify.ed25519 import verify_ed25519
from hanse_verify.sm2 import sm3, verify_sm2

Hash = Callable[[bytes], bytes]
_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # order of P-256
_Q: Final = 2**255 - 19  # the field of Ed25519
_Y8: Final = (
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7  # of a point of order 8
)


def sha256(data: bytes) -> bytes:
    """Return SHA-256 of ``data``."""
    return hashlib.sha256(data).digest()


HASHES: Final[dict[str, Hash]] = {"sha256": sha256, "sm3": sm3}


def check_signature(suite: str, public_key: bytes, message: bytes, signature: bytes) -> None:
    """Establish that the key signed the message under the rule of the suite."""
    rule = _RULES.get(suite)
    if rule is None:
        raise EvidenceError(f"unknown suite {suite}")
    if not rule(public_key, message, signature):
        raise EvidenceError(f"no valid {suite} signature")


def _verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> bool:
    y = int.from_bytes(public_key, "little") % 2**255 % _Q
    if y in (0, 1, _Q - 1, _Y8, _Q - _Y8):  # of small order: it "signs" every message
        return False
    return verify_ed25519(public_key, message, signature)


def _verify_p256(public_key: bytes, message: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(public_key) != 33 or len(signature) != 64 or not 0 < r < _N or not 0 < s <= _N // 2:
        return False  # of s and n - s only the lower counts, so that a signature has one spelling
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        return False
    return True


_RULES: Final[dict[str, Callable[[bytes, bytes, bytes], bool]]] = {
    "ed25519-sha256": _verify_ed25519,
    "p256-sha256": _verify_p256,
    "sm2-sm3": verify_sm2,
}
