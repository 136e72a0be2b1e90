# SPDX-License-Identifier: Apache-2.0
"""SM2 signatures with SM3 (GB/T 32918.2-2016) on the recommended curve (GB/T 32918.5-2017).

Rule: the key is a compressed point of 33 bytes with x < p, on the curve; the signature is r and
s, 32 bytes each, big-endian, with 1 <= r < n, 1 <= s < n and r + s not a multiple of n; the
signer's identity is ``1234567812345678``, the default of GM/T 0009-2012 and of certificates.

No common Python library offers SM2 quietly: OpenSSL's is not reachable through ``cryptography``,
and GmSSL's writes two lines to the process's stderr for each bad signature. So checking is done
here; a table of 63 points per key, kept for the keys seen last, makes it as fast as GmSSL's (0.5
ms; 1.8 ms for a new key). Times vary with the scalars, which are public when checking; see
:mod:`hanse.crypto.signers` for signing.
"""

from functools import lru_cache
from typing import Final, TypeAlias

from hanse.crypto._hashing import SM3

Affine: TypeAlias = tuple[int, int]
Jacobian: TypeAlias = tuple[int, int, int]  # x = X/Z^2, y = Y/Z^3; Z = 0 is the point at infinity
Table: TypeAlias = list[Affine]

P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A: Final = P - 3
B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G: Final = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
IDENTITY: Final = b"1234567812345678"
_TEETH: Final = 6  # rows of the comb: 2^6 - 1 points a table
_COLUMNS: Final = 43  # 6 rows of 43 bits hold a scalar of 256
_KEYS_HELD: Final = 1024  # tables kept, about 12 KB each
_INFINITY: Final[Jacobian] = (1, 1, 0)


def is_key_valid(public_key: bytes) -> bool:
    """Say whether 33 bytes are a compressed point of the curve, whose order is prime."""
    return decode_point(public_key) is not None


def is_valid(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether 64 bytes are a signature of ``message`` under a valid key.

    Source: GB/T 32918.2-2016 section 7.1, steps B1 to B7.
    """
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    if not (1 <= r < N and 1 <= s < N):  # B1, B2
        return False
    t = (r + s) % N  # B5
    prepared = _prepare(public_key)
    if t == 0 or prepared is None:
        return False
    prefix, table = prepared
    e = int.from_bytes(SM3(prefix + message))  # B3, B4
    point = _comb([(s, _base_table()), (t, table)])  # B6
    return point is not None and (e + point[0]) % N == r  # B7


def sign_digest(private: int, digest: int, nonce: int) -> tuple[int, int] | None:
    """Return r and s for a nonce in 1..n-1, or None if the standard asks for another nonce.

    Source: GB/T 32918.2-2016 section 6.1, steps A4 to A6.
    """
    point = multiply_base(nonce)
    r = (digest + point[0]) % N
    if r == 0 or r + nonce == N:
        return None
    s = pow(1 + private, -1, N) * (nonce - r * private) % N
    return (r, s) if s else None


def digest_of(public: Affine, message: bytes) -> int:
    """Return e, the hash of identity, curve, key and message that is signed."""
    return int.from_bytes(SM3(_prefix(public) + message))


def multiply_base(scalar: int) -> Affine:
    """Return [scalar]G for a scalar in 1..n-1."""
    assert 1 <= scalar < N
    point = _comb([(scalar, _base_table())])
    assert point is not None
    return point


def decode_point(data: bytes) -> Affine | None:
    """Return the point that 33 bytes stand for, or None."""
    x = int.from_bytes(data[1:])
    if data[0] not in (2, 3) or x >= P:
        return None
    square = (x * x * x + A * x + B) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        return None
    return (x, y if y & 1 == data[0] & 1 else P - y)


def encode_point(point: Affine) -> bytes:
    """Return the 33 bytes of a point."""
    return bytes([2 | point[1] & 1]) + point[0].to_bytes(32)


def _prefix(public: Affine) -> bytes:
    """Return Z of the standard: identity, curve and key in one hash (section 5.5)."""
    numbers = (A, B, *G, *public)
    return SM3(
        (len(IDENTITY) * 8).to_bytes(2) + IDENTITY + b"".join(v.to_bytes(32) for v in numbers)
    )


@lru_cache(maxsize=_KEYS_HELD)
def _prepare(public_key: bytes) -> tuple[bytes, Table] | None:
    point = decode_point(public_key)
    return None if point is None else (_prefix(point), _build_table(point))


@lru_cache(maxsize=1)
def _base_table() -> Table:
    return _build_table(G)


def _comb(terms: list[tuple[int, Table]]) -> Affine | None:
    """Return the sum of [scalar]point over the terms, or None for infinity (Lim and Lee, 1994)."""
    columns = [_columns(scalar) for scalar, _ in terms]
    total = _INFINITY
    for i in range(_COLUMNS):
        total = _double(total)
        for (_, table), column in zip(terms, columns, strict=True):
            if column[i]:
                total = _add_affine(total, table[column[i]])
    x, y, z = total
    if z == 0:
        return None
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return (x * square % P, y * square * inverse % P)


def _columns(scalar: int) -> list[int]:
    """Return the comb's columns, highest first: bit j of column i stands for 2^(43 j + i)."""
    bits = format(scalar, f"0{_TEETH * _COLUMNS}b")
    rows = [bits[i : i + _COLUMNS] for i in range(0, len(bits), _COLUMNS)]
    return [int("".join(column), 2) for column in zip(*rows, strict=True)]


def _build_table(point: Affine) -> Table:
    """Return all sums of the points 2^(43 j) point, by the bits of the index; entry 0 is unused."""
    tooth: Jacobian = (*point, 1)
    sums: list[Jacobian] = [_INFINITY]
    for row in range(_TEETH):
        if row:
            for _ in range(_COLUMNS):
                tooth = _double(tooth)
        x, y = _to_affine([tooth])[0]
        sums += [_add_affine(each, (x, y)) for each in sums]
        tooth = (x, y, 1)
    return [G, *_to_affine(sums[1:])]


def _to_affine(points: list[Jacobian]) -> Table:
    """Return finite points with Z = 1, at the price of one inversion (Montgomery's trick)."""
    products = [1]
    for _, _, z in points:
        products.append(products[-1] * z % P)
    inverse = pow(products[-1], -1, P)
    table: Table = []
    for (x, y, z), before in zip(reversed(points), reversed(products[:-1]), strict=True):
        own = inverse * before % P
        inverse = inverse * z % P
        square = own * own % P
        table.append((x * square % P, y * square * own % P))
    table.reverse()
    return table


def _double(point: Jacobian) -> Jacobian:
    x, y, z = point
    zz, yy = z * z % P, y * y % P
    beta = x * yy % P
    alpha = 3 * (x - zz) * (x + zz) % P  # a = -3
    out = (alpha * alpha - 8 * beta) % P
    return (out, (alpha * (4 * beta - out) - 8 * yy * yy) % P, 2 * y * z % P)


def _add_affine(one: Jacobian, two: Affine) -> Jacobian:
    """Return the sum, also for equal and opposite points: an attacker may choose the key."""
    x1, y1, z1 = one
    if z1 == 0:
        return (*two, 1)
    zz = z1 * z1 % P
    h = (two[0] * zz - x1) % P
    slope = (two[1] * zz * z1 - y1) % P
    if h == 0:
        return _INFINITY if slope else _double(one)
    hh = h * h % P
    hhh, v = h * hh % P, x1 * hh % P
    x3 = (slope * slope - hhh - 2 * v) % P
    return (x3, (slope * (v - x3) - y1 * hhh) % P, z1 * h % P)
