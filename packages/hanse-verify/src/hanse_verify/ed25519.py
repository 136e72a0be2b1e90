# SPDX-License-Identifier: Apache-2.0
"""Ed25519 by the rule of ZIP-215: what OpenSSL accepts, and the odd cases that it refuses.

Source: https://zips.z.cash/zip-0215. Written apart from the ledger's code, in affine coordinates
kept as fractions, so that a slip in one of the two shows as a different verdict.
"""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_Q = (1 << 255) - 19  # the field
_ORDER = (1 << 252) + 27742317777372353535851937790883648493  # of the base point
_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555

_Fraction = tuple[int, int, int]  # x/z, y/z


def verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether ZIP-215 accepts the signature; false for any malformed input."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return _verify_slowly(public_key, message, signature)
    return True


def _verify_slowly(public_key: bytes, message: bytes, signature: bytes) -> bool:
    scalar = int.from_bytes(signature[32:], "little")
    a, r = _point(public_key), _point(signature[:32])
    if scalar >= _ORDER or a is None or r is None:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(digest, "little") % _ORDER
    base = _point(bytes([0x58]) + bytes([0x66]) * 31)
    if base is None:
        raise AssertionError
    left = _times(8, _times(scalar, base))
    right = _times(8, _plus(r, _times(k, a)))
    return not any((left[i] * right[2] - right[i] * left[2]) % _Q for i in (0, 1))


def _point(data: bytes) -> _Fraction | None:
    """Return the point of 32 bytes; y may exceed the field, and zero may carry a sign."""
    number = int.from_bytes(data, "little")
    y = number % (1 << 255) % _Q
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _Q) % _Q
    x = pow(square, (_Q + 3) // 8, _Q)
    if x * x % _Q != square:
        x = x * pow(2, (_Q - 1) // 4, _Q) % _Q
    if x * x % _Q != square:
        return None
    return (x if x % 2 == number >> 255 else -x % _Q, y, 1)


def _plus(one: _Fraction, two: _Fraction) -> _Fraction:
    """Return the sum by the complete addition law of RFC 8032 section 5.1.4, on fractions."""
    x1, y1, z1 = one
    x2, y2, z2 = two
    z = z1 * z2 % _Q
    zz, xx, yy = z * z % _Q, x1 * x2 % _Q, y1 * y2 % _Q
    cross = _D * xx * yy % _Q
    x = z * (zz - cross) * (x1 * y2 + y1 * x2)
    y = z * (zz + cross) * (yy + xx)
    return (x % _Q, y % _Q, (zz - cross) * (zz + cross) % _Q)


def _times(factor: int, point: _Fraction) -> _Fraction:
    total = (0, 1, 1)
    for bit in format(factor, "b"):
        total = _plus(total, total)
        if bit == "1":
            total = _plus(total, point)
    return total
