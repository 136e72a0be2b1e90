# SPDX-License-Identifier: Apache-2.0
"""Sealing under a shared key."""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import ECB

from hanse.crypto import SUITES, suite_named
from hanse.crypto.sealing import SealBroken, key_bytes, open_symmetric, seal_symmetric


@pytest.mark.parametrize("name", SUITES)
@pytest.mark.parametrize("plaintext", [b"", b"x", b"long" * 1000])
def test_what_is_sealed_can_be_opened(name, plaintext):
    suite = suite_named(name)
    key = b"k" * key_bytes(suite)
    sealed = seal_symmetric(key, plaintext, b"context", suite)
    assert open_symmetric(key, sealed, b"context", suite) == plaintext
    assert len(sealed) == len(plaintext) + 28


@pytest.mark.parametrize("name", SUITES)
def test_any_change_of_bytes_key_or_context_breaks_the_seal(name):
    suite = suite_named(name)
    key = b"k" * key_bytes(suite)
    sealed = seal_symmetric(key, b"secret", b"context", suite)
    for i in range(len(sealed)):
        bad = sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :]
        with pytest.raises(SealBroken):
            open_symmetric(key, bad, b"context", suite)
    for size in range(len(sealed)):
        with pytest.raises(SealBroken):
            open_symmetric(key, sealed[:size], b"context", suite)
    with pytest.raises(SealBroken):
        open_symmetric(b"j" * len(key), sealed, b"context", suite)
    with pytest.raises(SealBroken):
        open_symmetric(key, sealed, b"", suite)


@pytest.mark.parametrize("name", SUITES)
def test_equal_plaintexts_seal_differently(name):
    suite = suite_named(name)
    key = b"k" * key_bytes(suite)
    assert seal_symmetric(key, b"a", b"", suite) != seal_symmetric(key, b"a", b"", suite)


def test_a_key_of_the_wrong_length_is_a_bug():
    with pytest.raises(AssertionError):
        seal_symmetric(b"k" * 16, b"a", b"", suite_named("p256-sha256"))
    with pytest.raises(AssertionError):
        seal_symmetric(b"k" * 32, b"a", b"", suite_named("sm2-sm3"))


def test_sm4_gives_both_examples_of_gbt_32907_2016():
    key = block = bytes.fromhex("0123456789abcdeffedcba9876543210")
    encrypt = Cipher(SM4(key), ECB()).encryptor().update
    block = encrypt(block)
    assert block.hex() == "681edf34d206965e86b3e94f536e4246"
    for _ in range(999_999):
        block = encrypt(block)
    assert block.hex() == "595298c7c6fd271f0402f804c33d3f66"


def test_sm4_gcm_opens_the_example_of_rfc_8998():
    # appendix A.1
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed = bytes.fromhex(
        "00001234567800000000abcd"
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    plaintext = b"".join(bytes([b]) * 8 for b in b"\xaa\xbb\xcc\xdd\xee\xff\xee\xaa")
    assert open_symmetric(key, sealed, aad, suite_named("sm2-sm3")) == plaintext


def test_aes_256_gcm_opens_case_15_of_its_authors():
    # McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test case 15
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    sealed = bytes.fromhex(
        "cafebabefacedbaddecaf888"
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
        "b094dac5d93471bdec1a502270e3cc6c"
    )
    plaintext = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
    )
    assert open_symmetric(key, sealed, b"", suite_named("ed25519-sha256")) == plaintext
