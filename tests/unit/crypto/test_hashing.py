# SPDX-License-Identifier: Apache-2.0
"""The two hashes: known answers, tags, and the second source of SM3."""

import hashlib
import pickle

import pytest

from hanse.crypto import SHA256, SM3, hash_named
from hanse.crypto._hashing import _TAGS_MAX, Hash, Sm3State
from hanse.errors import UnknownSuite


def test_sm3_gives_both_examples_of_gbt_32905_2016():
    # annex A.1 and A.2
    assert SM3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert (
        SM3(b"abcd" * 16).hex()
        == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    )


def test_sha256_gives_the_example_of_fips_180_4():
    assert (
        SHA256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


@pytest.mark.parametrize("hasher", [SHA256, SM3])
def test_a_tagged_hash_is_the_hash_of_tag_zero_byte_and_data(hasher):
    for data in (b"", b"x", b"y" * 5000):
        for _ in range(2):  # the second call starts from the held state
            assert hasher.tagged("hanse/tx/1", data) == hasher(b"hanse/tx/1\x00" + data)


def test_equal_bytes_under_two_tags_have_two_hashes():
    assert SHA256.tagged("hanse/tx/1", b"same") != SHA256.tagged("hanse/header/1", b"same")


def test_a_tag_with_a_zero_byte_is_a_bug():
    with pytest.raises(AssertionError):
        SHA256.tagged("hanse\0tx", b"")


def test_states_are_held_for_a_bounded_number_of_tags():
    hasher = Hash("sha256", hashlib.sha256)
    for i in range(_TAGS_MAX + 1):
        assert hasher.tagged(f"t{i}", b"x") == hasher(f"t{i}".encode() + b"\x00x")
    assert len(hasher._states) == _TAGS_MAX


def test_the_empty_hash_is_held():
    assert SHA256.empty == hashlib.sha256().digest()
    assert SM3.empty == SM3(b"")


def test_the_second_source_of_sm3_agrees_with_the_first():
    second = Hash("sm3", Sm3State)
    for size in (0, 1, 55, 56, 64, 65, 1000):
        data = bytes(range(256)) * 4
        assert second(data[:size]) == SM3(data[:size])
        assert second.tagged("t", data[:size]) == SM3.tagged("t", data[:size])


def test_a_hash_is_found_by_name_and_survives_pickling():
    assert hash_named("sha256") is SHA256
    assert hash_named("sm3") is SM3
    assert pickle.loads(pickle.dumps(SM3)) is SM3
    assert repr(SM3) == "<Hash sm3>"


def test_an_unknown_hash_is_refused():
    with pytest.raises(UnknownSuite):
        hash_named("md5")
