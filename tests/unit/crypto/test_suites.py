# SPDX-License-Identifier: Apache-2.0
"""What all suites have in common."""

import pickle

import pytest

import hanse.crypto
from hanse.crypto import SUITES, suite_named
from hanse.crypto.signers import generate
from hanse.errors import UnknownSuite


def test_the_suites_are_these_three():
    assert SUITES == ("ed25519-sha256", "p256-sha256", "sm2-sm3")
    assert [suite_named(name).hash.name for name in SUITES] == ["sha256", "sha256", "sm3"]


def test_the_pure_half_exports_nothing_that_signs():
    assert hanse.crypto.__all__ == [
        "SHA256",
        "SM3",
        "SUITES",
        "Hash",
        "Suite",
        "hash_named",
        "suite_named",
    ]


def test_an_unknown_suite_is_refused():
    with pytest.raises(UnknownSuite):
        suite_named("rsa-md5")


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_survives_pickling_as_itself(name):
    suite = suite_named(name)
    assert pickle.loads(pickle.dumps(suite)) is suite
    assert repr(suite) == f"Suite(name='{name}')"


@pytest.mark.parametrize("name", SUITES)
def test_a_signature_holds_for_its_key_and_message_only(name):
    one, other = generate(name), generate(name)
    suite = one.suite
    signature = one.sign(b"pay 5")
    assert suite.is_public_key_valid(one.public_key)
    assert suite.is_signature_valid(one.public_key, b"pay 5", signature)
    assert not suite.is_signature_valid(one.public_key, b"pay 6", signature)
    assert not suite.is_signature_valid(other.public_key, b"pay 5", signature)
    assert suite.is_signature_valid(one.public_key, b"", one.sign(b""))


@pytest.mark.parametrize("name", SUITES)
def test_every_flipped_bit_of_a_signature_breaks_it(name):
    signer = generate(name)
    signature = signer.sign(b"m")
    for bit in range(0, 512, 7):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not signer.suite.is_signature_valid(signer.public_key, b"m", bytes(flipped))


@pytest.mark.parametrize("name", SUITES)
def test_bytes_of_any_wrong_length_are_refused_without_an_exception(name):
    signer = generate(name)
    suite, key, signature = signer.suite, signer.public_key, signer.sign(b"m")
    for bad in (b"", key[:-1], key + b"\0", bytes(65)):
        assert not suite.is_public_key_valid(bad)
        assert not suite.is_signature_valid(bad, b"m", signature)
    for bad in (b"", signature[:-1], signature + b"\0", bytes(72)):
        assert not suite.is_signature_valid(key, b"m", bad)


@pytest.mark.parametrize("name", SUITES)
def test_constant_bytes_are_refused_without_an_exception(name):
    suite = suite_named(name)
    for filler in (0, 1, 0x7F, 0xFF):
        key = bytes([filler]) * suite.public_key_bytes
        signature = bytes([0xFF]) * suite.signature_bytes
        assert not suite.is_signature_valid(key, b"m", signature)
