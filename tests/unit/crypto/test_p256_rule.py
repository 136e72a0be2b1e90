# SPDX-License-Identifier: Apache-2.0
"""P-256: one spelling of key and signature, whatever else OpenSSL would take."""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hanse.crypto import suite_named
from hanse.crypto._p256 import S_MAX, N, P
from hanse.crypto.signers import from_private, generate

SUITE = suite_named("p256-sha256")
MESSAGE = b"m"
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def signature(r, s):
    return r.to_bytes(32) + s.to_bytes(32)


def key_for(s, nonce=7):
    """Return a key and r under which the equation holds for this s: found by solving it for d."""
    r = derive_private_key(nonce, SECP256R1()).public_key().public_numbers().x % N
    digest = int.from_bytes(sha256(MESSAGE).digest())
    d = (s * nonce - digest) * pow(r, -1, N) % N
    return from_private("p256-sha256", d.to_bytes(32)).public_key, r


def is_x_of_a_point(x):
    return pow(x**3 - 3 * x + B, (P - 1) // 2, P) == 1


def test_s_up_to_half_the_order_is_accepted_and_one_more_is_refused():
    key, r = key_for(S_MAX)
    assert SUITE.is_signature_valid(key, MESSAGE, signature(r, S_MAX))
    assert not SUITE.is_signature_valid(key, MESSAGE, signature(r, N - S_MAX))
    key, r = key_for(S_MAX + 1)
    assert not SUITE.is_signature_valid(key, MESSAGE, signature(r, S_MAX + 1))
    assert SUITE.is_signature_valid(key, MESSAGE, signature(r, N - S_MAX - 1))


def test_s_of_one_is_accepted():
    key, r = key_for(1)
    assert SUITE.is_signature_valid(key, MESSAGE, signature(r, 1))


@pytest.mark.parametrize("r", [0, N, N + 1, P, 2**256 - 1])
def test_r_out_of_range_is_refused(r):
    key, _ = key_for(5)
    assert not SUITE.is_signature_valid(key, MESSAGE, signature(r, 5))


@pytest.mark.parametrize("s", [0, N, N + 5, 2**256 - 1])
def test_s_out_of_range_is_refused(s):
    key, r = key_for(5)
    assert not SUITE.is_signature_valid(key, MESSAGE, signature(r, s))


def test_r_raised_by_the_order_is_refused():
    nonce = next(k for k in range(1, 9) if key_for(5, k)[1] + N >= 2**256)
    key, r = key_for(5, nonce)
    assert SUITE.is_signature_valid(key, MESSAGE, signature(r, 5))
    assert not SUITE.is_signature_valid(key, MESSAGE, signature(r % (2**256 - N), 5))


@pytest.mark.parametrize("first", [0, 1, 4, 5, 6, 7, 0x82])
def test_a_key_that_does_not_start_with_2_or_3_is_refused(first):
    key = generate("p256-sha256").public_key
    assert not SUITE.is_public_key_valid(bytes([first]) + key[1:])


def test_other_spellings_of_the_same_point_are_refused():
    signer = generate("p256-sha256")
    public = derive_private_key(int.from_bytes(signer.private_bytes), SECP256R1()).public_key()
    long = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    hybrid = bytes([6 | long[-1] & 1]) + long[1:]
    signed = signer.sign(MESSAGE)
    for spelling in (long, hybrid, long[1:]):
        assert not SUITE.is_public_key_valid(spelling)
        assert not SUITE.is_signature_valid(spelling, MESSAGE, signed)


def test_the_point_at_infinity_is_refused():
    for infinity in (b"\x00", bytes(33), b"\x02" + bytes(31)):
        assert not SUITE.is_public_key_valid(infinity)


def test_an_x_beyond_the_field_is_refused():
    x = next(x for x in range(1, 99) if is_x_of_a_point(x))
    assert SUITE.is_public_key_valid(b"\x02" + x.to_bytes(32))
    assert not SUITE.is_public_key_valid(b"\x02" + (P + x).to_bytes(32))


def test_an_x_of_the_twist_is_refused():
    x = next(x for x in range(1, 99) if not is_x_of_a_point(x))
    key = b"\x03" + x.to_bytes(32)
    assert not SUITE.is_public_key_valid(key)
    assert not SUITE.is_signature_valid(key, MESSAGE, signature(5, 5))


def test_a_der_signature_is_refused():
    signer = generate("p256-sha256")
    r, s = signer.sign(MESSAGE)[:32], signer.sign(MESSAGE)[32:]
    der = b"\x30\x44\x02\x20" + r + b"\x02\x20" + s
    assert not SUITE.is_signature_valid(signer.public_key, MESSAGE, der)
