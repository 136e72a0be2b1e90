# SPDX-License-Identifier: Apache-2.0
"""SM2 signatures and the SM3 hash, from the text of the standards, with the standard library only.

Sources: GB/T 32918.2-2016 section 7 (verification), GB/T 32918.5-2017 (curve), GB/T 32905-2016
(SM3). Rule: compressed key of 33 bytes, r and s of 32 bytes each, identity ``1234567812345678``.
"""

import hashlib

_P = 2**256 - 2**224 - 2**96 + 2**64 - 1
_A = _P - 3
_B = int("28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93", 16)
_N = int("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123", 16)
_GX = int("32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7", 16)
_GY = int("BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0", 16)
_ID = b"1234567812345678"

_Point = tuple[int, int, int]  # homogeneous: x = X/Z, y = Y/Z; (0, 1, 0) is infinity


def verify_sm2(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether the signature holds; false for any malformed input."""
    if len(public_key) != 33 or len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    y = _decompress(public_key)
    if y is None or not 0 < r < _N or not 0 < s < _N or (r + s) % _N == 0:
        return False
    x = int.from_bytes(public_key[1:], "big")
    parameters = b"".join(n.to_bytes(32, "big") for n in (_A, _B, _GX, _GY, x, y))
    z = sm3(bytes([0, 128]) + _ID + parameters)
    e = int.from_bytes(sm3(z + message), "big")
    point = _plus(_times(s, (_GX, _GY, 1)), _times((r + s) % _N, (x, y, 1)))
    if point[2] == 0:
        return False
    return (e + point[0] * pow(point[2], -1, _P) % _P) % _N == r


def _decompress(public_key: bytes) -> int | None:
    x = int.from_bytes(public_key[1:], "big")
    if public_key[0] not in (2, 3) or x >= _P:
        return None
    y = pow(x**3 + _A * x + _B, (_P + 1) // 4, _P)
    if (y * y - x**3 - _A * x - _B) % _P:
        return None
    return y if y % 2 == public_key[0] % 2 else _P - y


def _plus(one: _Point, two: _Point) -> _Point:
    """Return the sum by chord or tangent, each as a fraction, so that no inverse is needed."""
    x1, y1, z1 = one
    x2, y2, z2 = two
    if z1 == 0:
        return two
    if z2 == 0:
        return one
    rise, run = (y2 * z1 - y1 * z2) % _P, (x2 * z1 - x1 * z2) % _P
    if run == 0:
        if rise or y1 == 0:
            return (0, 1, 0)
        rise, run = (3 * x1 * x1 + _A * z1 * z1) % _P, 2 * y1 * z1 % _P
    # slope m = rise / run; x3 = m^2 - x1/z1 - x2/z2; y3 = m (x1/z1 - x3) - y1/z1
    run2 = run * run % _P
    z12 = z1 * z2 % _P
    x_top = (rise * rise * z12 - run2 * (x1 * z2 + x2 * z1)) % _P  # over run^2 z1 z2
    y_top = (rise * (x1 * z2 * run2 - x_top) - y1 * z2 * run2 * run) % _P  # over run^3 z1 z2
    return (x_top * run % _P, y_top, run2 * run * z12 % _P)


def _times(factor: int, point: _Point) -> _Point:
    total = (0, 1, 0)
    for bit in format(factor, "b"):
        total = _plus(total, total)
        if bit == "1":
            total = _plus(total, point)
    return total


def sm3(data: bytes) -> bytes:
    """Return the SM3 hash: by OpenSSL where it has it, else by :func:`sm3_in_python`."""
    if "sm3" in hashlib.algorithms_available:
        return hashlib.new("sm3", data).digest()
    return sm3_in_python(data)


def sm3_in_python(data: bytes) -> bytes:
    """Return the SM3 hash, step by step as section 5 of the standard has it."""
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + (8 * len(data)).to_bytes(8, "big")
    initial = "7380166f4914b2b9172442d7da8a0600a96f30bc163138aae38dee4db0fb0e4e"
    state = [int(initial[i : i + 8], 16) for i in range(0, 64, 8)]
    for start in range(0, len(padded), 64):
        words = _expand(padded[start : start + 64])
        state = [old ^ new for old, new in zip(state, _compress(state, words), strict=True)]
    return b"".join(word.to_bytes(4, "big") for word in state)


def _rotate(word: int, by: int) -> int:
    return (word << by % 32 | word >> 32 - by % 32) & 0xFFFFFFFF


def _expand(block: bytes) -> list[int]:
    words = [int.from_bytes(block[i : i + 4], "big") for i in range(0, 64, 4)]
    for j in range(16, 68):
        mixed = words[j - 16] ^ words[j - 9] ^ _rotate(words[j - 3], 15)
        mixed ^= _rotate(mixed, 15) ^ _rotate(mixed, 23)
        words.append(mixed ^ _rotate(words[j - 13], 7) ^ words[j - 6])
    return words


def _compress(state: list[int], words: list[int]) -> list[int]:
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        constant = 0x79CC4519 if j < 16 else 0x7A879D8A
        first = _rotate(_rotate(a, 12) + e + _rotate(constant, j) & 0xFFFFFFFF, 7)
        second = first ^ _rotate(a, 12)
        ff = a ^ b ^ c if j < 16 else (a & b) | (a & c) | (b & c)
        gg = e ^ f ^ g if j < 16 else (e & f) | (~e & g)
        tt1 = ff + d + second + (words[j] ^ words[j + 4]) & 0xFFFFFFFF
        tt2 = gg + h + first + words[j] & 0xFFFFFFFF
        mixed = tt2 ^ _rotate(tt2, 9) ^ _rotate(tt2, 17)
        a, b, c, d, e, f, g, h = tt1, a, _rotate(b, 9), c, mixed, e, _rotate(f, 19), g
    return [a, b, c, d, e, f, g, h]
