# SPDX-License-Identifier: Apache-2.0
"""Signers: keys come and go as 32 bytes, and never show."""

import pytest

from hanse.crypto import SUITES, _p256, _sm2, signers, suite_named
from hanse.crypto.signers import PrivateKeyInvalid, from_private, generate
from hanse.errors import UnknownSuite


@pytest.mark.parametrize("name", SUITES)
def test_a_signer_comes_back_from_its_private_bytes(name):
    signer = generate(name)
    again = from_private(name, signer.private_bytes)
    assert again.public_key == signer.public_key
    assert again.suite is suite_named(name)
    assert len(signer.public_key) == signer.suite.public_key_bytes
    assert signer.suite.is_signature_valid(signer.public_key, b"m", again.sign(b"m"))


@pytest.mark.parametrize("name", SUITES)
def test_two_generated_keys_differ(name):
    assert generate(name).private_bytes != generate(name).private_bytes


@pytest.mark.parametrize("name", SUITES)
def test_the_private_key_does_not_show(name):
    signer = generate(name)
    for text in (repr(signer), str(signer), f"{signer}"):
        assert signer.public_key.hex() in text
        assert signer.private_bytes.hex() not in text
        assert repr(signer.private_bytes)[2:12] not in text


@pytest.mark.parametrize("name", SUITES)
def test_a_private_key_of_the_wrong_length_is_refused(name):
    for size in (0, 31, 33, 64):
        with pytest.raises(PrivateKeyInvalid) as caught:
            from_private(name, b"\x01" * size)
        assert caught.value.facts() == {"suite": name}


@pytest.mark.parametrize(
    ("name", "largest"), [("p256-sha256", _p256.N - 1), ("sm2-sm3", _sm2.N - 2)]
)
def test_scalars_are_taken_up_to_the_largest_and_no_further(name, largest):
    for scalar in (1, largest):
        signer = from_private(name, scalar.to_bytes(32))
        assert signer.suite.is_signature_valid(signer.public_key, b"m", signer.sign(b"m"))
    for scalar in (0, largest + 1, 2**256 - 1):
        with pytest.raises(PrivateKeyInvalid):
            from_private(name, scalar.to_bytes(32))


def test_an_unknown_suite_has_no_signers():
    with pytest.raises(UnknownSuite):
        generate("rsa")
    with pytest.raises(UnknownSuite):
        from_private("rsa", bytes(32))


def test_generation_tries_again_when_the_scalar_is_out_of_range(monkeypatch):
    drawn = iter([bytes(32), b"\xff" * 32, b"\x01" * 32])
    monkeypatch.setattr(signers.secrets, "token_bytes", lambda _: next(drawn))
    assert generate("sm2-sm3").private_bytes == b"\x01" * 32


def test_p256_signatures_are_always_low(monkeypatch):
    signer = from_private("p256-sha256", b"\x02" * 32)
    for i in range(50):
        assert int.from_bytes(signer.sign(bytes([i]))[32:]) <= _p256.S_MAX


def test_without_gmssl_sm2_signs_in_python(monkeypatch):
    monkeypatch.setattr(signers, "_native_sm2_sign", None)
    signer = generate("sm2-sm3")
    assert signer.suite.is_signature_valid(signer.public_key, b"m", signer.sign(b"m"))


def test_sm2_draws_another_nonce_when_the_first_gives_no_signature(monkeypatch):
    signer = from_private("sm2-sm3", (5).to_bytes(32))
    pairs = iter([None, (3, 4)])
    monkeypatch.setattr(_sm2, "sign_digest", lambda *_: next(pairs))
    sign = signers.sm2_sign_in_python(5, _sm2.decode_point(signer.public_key))
    assert sign(b"m") == (3).to_bytes(32) + (4).to_bytes(32)
