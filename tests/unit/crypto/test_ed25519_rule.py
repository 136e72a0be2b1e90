# SPDX-License-Identifier: Apache-2.0
"""The ZIP-215 rule at the edges where libraries disagree."""

import sys
from hashlib import sha512

import pytest

from hanse.crypto import _ed25519 as rule
from hanse.crypto import suite_named
from hanse.crypto.signers import generate
from hanse_verify.suites import verify_ed25519

SUITE = suite_named("ed25519-sha256")
# the eight points of small order and their six other spellings, by the CCTV README
SMALL_ORDER = [
    "00" * 32,
    "ed" + "ff" * 30 + "7f",
    "00" * 31 + "80",
    "ed" + "ff" * 31,
    "01" + "00" * 31,
    "01" + "00" * 30 + "80",
    "ee" + "ff" * 30 + "7f",
    "ee" + "ff" * 31,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ec" + "ff" * 30 + "7f",
    "ec" + "ff" * 31,
]


def multiply(scalar, point):
    total = (0, 1, 1, 0)
    for bit in format(scalar, "b"):
        total = rule.add(total, total)
        if bit == "1":
            total = rule.add(total, point)
    return total


def encode(point):
    x, y, z, _ = point
    inverse = pow(z, -1, rule.P)
    x, y = x * inverse % rule.P, y * inverse % rule.P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def mixed_order(flags):
    """Return key, message and signature whose key (1) or commitment (2) has a part of order 8."""
    torsion = rule.decode_point(bytes.fromhex(SMALL_ORDER[8]))
    base = rule.decode_point(bytes.fromhex("58" + "66" * 31))
    a, r = 0x1234567 << 200, 0x7654321 << 190
    key, commitment = multiply(a, base), multiply(r, base)
    if flags & 1:
        key = rule.add(key, torsion)
    if flags & 2:
        commitment = rule.add(commitment, torsion)
    key, commitment = encode(key), encode(commitment)
    k = int.from_bytes(sha512(commitment + key + b"m").digest(), "little")
    return key, b"m", commitment + ((r + k * a) % rule.L).to_bytes(32, "little")


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_cannot_be_registered(key):
    assert not SUITE.is_public_key_valid(bytes.fromhex(key))


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_zip_215_accepts_every_pair_of_small_order_with_a_zero_scalar(key):
    public = bytes.fromhex(key)
    for commitment in SMALL_ORDER:
        signature = bytes.fromhex(commitment) + bytes(32)
        assert SUITE.is_signature_valid(public, b"edge", signature)
        assert verify_ed25519(public, b"edge", signature)


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
def test_zip_215_accepts_points_of_mixed_order(flags):
    key, message, signature = mixed_order(flags)
    assert SUITE.is_signature_valid(key, message, signature)
    assert rule.is_valid_in_python(key, message, signature)
    assert verify_ed25519(key, message, signature)
    assert not SUITE.is_signature_valid(key, b"n", signature)
    assert not verify_ed25519(key, b"n", signature)


def test_a_key_of_mixed_order_may_be_registered():
    assert SUITE.is_public_key_valid(mixed_order(1)[0])


def test_a_scalar_of_l_or_more_is_refused():
    signer = generate("ed25519-sha256")
    signature = signer.sign(b"m")
    s = int.from_bytes(signature[32:], "little")
    raised = signature[:32] + (s + rule.L).to_bytes(32, "little")
    assert not SUITE.is_signature_valid(signer.public_key, b"m", raised)
    assert not verify_ed25519(signer.public_key, b"m", raised)
    small = bytes.fromhex(SMALL_ORDER[0])
    at_l = small + rule.L.to_bytes(32, "little")  # [L]B is neutral: only the range check refuses
    assert not SUITE.is_signature_valid(small, b"m", at_l)
    assert not verify_ed25519(small, b"m", at_l)


def test_a_y_that_leads_to_no_point_is_refused_as_key_and_as_commitment():
    nowhere = bytes([2]) + bytes(31)
    small = bytes.fromhex(SMALL_ORDER[0])
    assert rule.decode_point(nowhere) is None
    assert not SUITE.is_public_key_valid(nowhere)
    for verify in (SUITE.is_signature_valid, verify_ed25519):
        assert not verify(nowhere, b"m", small + bytes(32))
        assert not verify(small, b"m", nowhere + bytes(32))


@pytest.mark.parametrize("fast", [rule.fast_accepts, rule.accepts_by_cryptography])
def test_what_a_library_accepts_the_rule_accepts(fast):
    accepted = 0
    for key in map(bytes.fromhex, SMALL_ORDER):
        for commitment in map(bytes.fromhex, SMALL_ORDER):
            if fast(key, b"edge", commitment + bytes(32)):
                accepted += 1
                assert rule.is_valid_in_python(key, b"edge", commitment + bytes(32))
    assert accepted > 10


def test_without_the_zebra_binding_the_verdicts_stay(monkeypatch):
    monkeypatch.setitem(sys.modules, "ed25519_zebra", None)
    fast = rule._choose_fast()
    assert fast is rule.accepts_by_cryptography
    monkeypatch.setattr(rule, "fast_accepts", fast)
    for flags in range(4):
        assert rule.is_valid(*mixed_order(flags))
    small = bytes.fromhex(SMALL_ORDER[3])
    assert rule.is_valid(small, b"m", small + bytes(32))
