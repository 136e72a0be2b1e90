# SPDX-License-Identifier: Apache-2.0
"""Ed25519 under the ZIP-215 rule, the one that says yes or no to every byte string.

Rule: A and R may be any encodings that lead to a point, also with y >= p and also "minus zero"; s
< L; ``[8][s]B = [8]R + [8][k]A`` with k over the bytes as received. Libraries disagree on
signatures at these edges, but whatever one of them accepts, ZIP-215 accepts too: so a library's
yes is final, and its no is decided again here, in Python (about 2 ms, paid for invalid or odd
signatures only).

Source: https://zips.z.cash/zip-0215 and RFC 8032 section 5.1; formulas for extended coordinates
on a = -1 curves from Hisil, Wong, Carter and Dawson (2008), as RFC 8032 section 5.1.4 gives them.
"""

from collections.abc import Callable, Sequence
from hashlib import sha512
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Check: TypeAlias = tuple[bytes, bytes, bytes]  # public key, message, signature
Point: TypeAlias = tuple[int, int, int, int]  # extended: x = X/Z, y = Y/Z, T = XY/Z

P: Final = 2**255 - 19
L: Final = 2**252 + 27742317777372353535851937790883648493
D: Final = -121665 * pow(121666, -1, P) % P
_ROOT: Final = pow(2, (P - 1) // 4, P)  # a square root of -1
_NEUTRAL: Final[Point] = (0, 1, 1, 0)


def is_key_valid(public_key: bytes) -> bool:
    """Say whether 32 bytes may be registered: they decode, and not to one of the eight weak points.

    Under a point of small order anybody's signature holds for any message. Verification does not
    ask this (ZIP-215 does not); registration must.
    """
    point = decode_point(public_key)
    return point is not None and not _is_small(point)


def is_valid(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether ZIP-215 accepts 64 bytes of signature under 32 bytes of key."""
    return fast_accepts(public_key, message, signature) or is_valid_in_python(
        public_key, message, signature
    )


def is_valid_in_python(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say what ZIP-215 says, with no library involved."""
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    key, commitment = decode_point(public_key), decode_point(signature[:32])
    if key is None or commitment is None:
        return False
    k = int.from_bytes(sha512(signature[:32] + public_key + message).digest(), "little") % L
    # [s]B - [k]A - R must vanish once multiplied by the cofactor
    difference = add(_sum_of_two(s, _base(), k, _negate(key)), _negate(commitment))
    return _is_small(difference)


def accepts_by_cryptography(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether OpenSSL accepts: sufficient under ZIP-215, not necessary."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _choose_fast() -> Callable[[bytes, bytes, bytes], bool]:
    try:
        from ed25519_zebra import ed_verify  # noqa: PLC0415 - absent on some platforms
    except ImportError:
        return accepts_by_cryptography

    def accepts_by_zebra(public_key: bytes, message: bytes, signature: bytes) -> bool:
        return bool(ed_verify(signature, message, public_key))

    return accepts_by_zebra


fast_accepts: Final = _choose_fast()  # 36 µs by zebra, 105 µs by OpenSSL, key parsing included


def _choose_fast_batch() -> Callable[[list[Check]], bytes] | None:
    try:
        from hanse_native import verify_all  # noqa: PLC0415  # optional: ``make native`` builds it
    except ImportError:
        return None
    batch: Callable[[list[Check]], bytes] = verify_all
    return batch


fast_batch: Final = _choose_fast_batch()  # 14 µs each in batches of 200


def are_valid(checks: Sequence[Check]) -> bytes:
    """Return one byte for each key, message and signature: 1 where ZIP-215 accepts it, else 0."""
    if fast_batch is None:
        return bytes([is_valid(*check) for check in checks])
    verdicts = fast_batch(list(checks))
    if 0 not in verdicts:
        return verdicts
    return bytes([v or is_valid(*check) for v, check in zip(verdicts, checks, strict=True)])


def decode_point(data: bytes) -> Point | None:
    """Return the point that 32 bytes lead to, by the lenient decoding of ZIP-215, or None."""
    sign = data[31] >> 7
    y = (int.from_bytes(data, "little") & (2**255 - 1)) % P
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * _ROOT % P
        if v * x * x % P != u:
            return None
    if x & 1 != sign:
        x = -x % P  # of zero this is zero: "minus zero" is accepted
    return (x, y, 1, x * y % P)


def add(one: Point, two: Point) -> Point:
    """Return the sum; complete, so also for equal, opposite and neutral points."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = two
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * D * t1 * t2 % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _double(point: Point) -> Point:
    x, y, z, _ = point
    a, b, c = x * x % P, y * y % P, 2 * z * z % P
    h = a + b
    e = h - (x + y) * (x + y) % P
    g = a - b
    f = c + g
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _negate(point: Point) -> Point:
    x, y, z, t = point
    return (P - x, y, z, P - t)


def _is_small(point: Point) -> bool:
    """Say whether [8]point is neutral."""
    x, y, z, _ = _double(_double(_double(point)))
    return x % P == 0 and (y - z) % P == 0


def _base() -> Point:
    point = decode_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    assert point is not None
    return point


def _sum_of_two(m: int, one: Point, n: int, two: Point) -> Point:
    """Return [m]one + [n]two by one run of doublings (Straus). Both scalars are public."""
    choices = (_NEUTRAL, one, two, add(one, two))
    total = _NEUTRAL
    for i in reversed(range(max(m.bit_length(), n.bit_length()))):
        total = _double(total)
        choice = (m >> i & 1) | (n >> i & 1) << 1
        if choice:
            total = add(total, choices[choice])
    return total
