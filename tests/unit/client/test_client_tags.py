# SPDX-License-Identifier: Apache-2.0
"""Claim tags are HMACs of one form of an identifier; batches have one root."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.client.batches import batch_path, batch_root, reading_leaf
from hanse.client.tags import claim_tag, keyed_digest, normalise
from hanse.crypto import SHA256, SM3

KEY = bytes(range(32))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_the_keyed_digest_is_the_standard_librarys_hmac(key: bytes, data: bytes) -> None:
    assert keyed_digest(SHA256, key, data) == hmac.digest(key, data, "sha256")


@pytest.mark.skipif("sm3" not in hashlib.algorithms_available, reason="this OpenSSL has no SM3")
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_the_keyed_digest_under_sm3_is_the_standard_librarys(key: bytes, data: bytes) -> None:
    assert keyed_digest(SM3, key, data) == hmac.new(key, data, "sm3").digest()


def test_the_keyed_digest_gives_the_known_answer() -> None:
    # RFC 4231 section 4.2
    found = keyed_digest(SHA256, b"\x0b" * 20, b"Hi There")
    assert found.hex() == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"


@pytest.mark.parametrize(
    "alike",
    ["AB-120/7", "ab1207", "AB 1207", "\uff21\uff22\uff11\uff12\uff10\uff17", "ab\u20131207"],
)
def test_look_alikes_give_one_tag(alike: str) -> None:
    assert claim_tag(SHA256, KEY, "invoices", 1, alike) == claim_tag(
        SHA256, KEY, "invoices", 1, "AB1207"
    )


@pytest.mark.parametrize("bad", ["", " - ", "A\u0412", "12\u0663", "1\n2", "\u00e9"])
def test_what_cannot_be_brought_to_one_form_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="letters A to Z"):
        normalise(bad)


def test_domain_epoch_and_key_each_change_the_tag() -> None:
    tags = [
        claim_tag(SHA256, KEY, "a", 1, "X1"),
        claim_tag(SHA256, KEY, "b", 1, "X1"),
        claim_tag(SHA256, KEY, "a", 2, "X1"),
        claim_tag(SHA256, KEY[::-1], "a", 1, "X1"),
        claim_tag(SM3, KEY, "a", 1, "X1"),
    ]
    assert len(set(tags)) == len(tags)
    assert {len(tag) for tag in tags} == {43}
    with pytest.raises(ValueError, match="random bytes"):
        claim_tag(SHA256, KEY[:31], "a", 1, "X1")


@given(st.integers(1, 20), st.data())
def test_each_reading_of_a_batch_has_a_path_of_few_digests(count: int, data: st.DataObject) -> None:
    leaves = [reading_leaf(SHA256.tagged, "d", n, n, n) for n in range(count)]
    index = data.draw(st.integers(0, count - 1))
    path = batch_path(SHA256.tagged, leaves, index)
    assert len(path) <= (count - 1).bit_length()
    assert (path == []) == (count == 1)
    assert len(batch_root(SHA256.tagged, leaves)) == 43
