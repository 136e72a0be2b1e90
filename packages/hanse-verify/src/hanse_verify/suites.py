# SPDX-License-Identifier: Apache-2.0
"""The hashes and the signature rules: one pinned rule for each suite (``spec/suites.md``).

Ed25519 is written apart from the ledger's code, in affine coordinates kept as fractions, so that a
slip in one of the two shows as a different verdict. Source: https://zips.z.cash/zip-0215.
"""

import hashlib
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from hanse_verify.sm2 import sm3, verify_sm2

Hash = Callable[[bytes], bytes]
_Fraction = tuple[int, int, int]  # x/z, y/z
HASHES: dict[str, Hash] = {"sha256": lambda data: hashlib.sha256(data).digest(), "sm3": sm3}
sha256: Final = HASHES["sha256"]
_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # order of P-256
_Q: Final = 2**255 - 19  # the field of Ed25519
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493  # of its base point
_D: Final = 37095705934669439343138083508754565189542113879843219016388785533085940283555
_Y8: Final = int("7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7", 16)
_SMALL: Final = (0, 1, _Q - 1, _Y8, _Q - _Y8)  # y of the points whose order divides 8


def check_signature(suite: str, public_key: bytes, message: bytes, signature: bytes) -> None:
    """Establish that the key signed the message under the rule of the suite."""
    try:
        if suite == "ed25519-sha256":  # a key of small order "signs" every message
            small = int.from_bytes(public_key, "little") % 2**255 % _Q in _SMALL
            holds = not small and verify_ed25519(public_key, message, signature)
        elif suite == "p256-sha256":  # of s and n - s only the lower: a signature has one spelling
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
            key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
            holds = len(public_key) == 33 and len(signature) == 64 and s <= _N // 2
        else:
            holds = suite == "sm2-sm3" and verify_sm2(public_key, message, signature)
    except (ValueError, InvalidSignature):
        holds = False
    if not holds:
        raise ValueError(f"no valid signature of suite {suite}")


def verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether ZIP-215 accepts the signature: what OpenSSL accepts, and odd cases besides."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        base, a, r = map(_point, (b"\x58" + b"\x66" * 31, public_key, signature[:32]))
        scalar = int.from_bytes(signature[32:], "little")
        if base is None or a is None or r is None or len(signature) != 64 or scalar >= _ORDER:
            return False
        digest = hashlib.sha512(signature[:32] + public_key + message).digest()
        k = int.from_bytes(digest, "little") % _ORDER
        left, right = _times(8 * scalar, base), _times(8, _plus(r, _times(k, a)))
        return not any((left[i] * right[2] - right[i] * left[2]) % _Q for i in (0, 1))
    return True


def _point(data: bytes) -> _Fraction | None:
    """Return the point of 32 bytes; y may exceed the field, and zero may carry a sign."""
    sign, y = divmod(int.from_bytes(data, "little"), 2**255)
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _Q) % _Q
    root = pow(square, (_Q + 3) // 8, _Q)
    for x in (root, root * pow(2, (_Q - 1) // 4, _Q) % _Q):
        if x * x % _Q == square and len(data) == 32:
            return (x if x % 2 == sign else -x % _Q, y % _Q, 1)
    return None


def _plus(one: _Fraction, two: _Fraction) -> _Fraction:
    """Return the sum by the complete addition law of RFC 8032 section 5.1.4, on fractions."""
    (x1, y1, z1), (x2, y2, z2) = one, two
    z, xx, yy = z1 * z2 % _Q, x1 * x2 % _Q, y1 * y2 % _Q
    less, more = (z * z - _D * xx * yy) % _Q, (z * z + _D * xx * yy) % _Q
    return z * less * (x1 * y2 + y1 * x2) % _Q, z * more * (yy + xx) % _Q, less * more % _Q


def _times(factor: int, point: _Fraction) -> _Fraction:
    if factor == 0:
        return (0, 1, 1)
    even = _times(factor >> 1, _plus(point, point))
    return _plus(even, point) if factor & 1 else even
