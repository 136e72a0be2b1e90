# SPDX-License-Identifier: Apache-2.0
"""SM2: the rule at its edges, and our arithmetic against two others (GmSSL, the small verifier)."""

from itertools import pairwise

import gmssl_pyx
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

import hanse_verify.sm2
from hanse.crypto import _sm2, suite_named
from hanse.crypto.signers import from_private, generate, sm2_sign_in_python
from hanse_verify.sm2 import verify_sm2

SUITE = suite_named("sm2-sm3")


def signed_in_python(signer, message):
    public = _sm2.decode_point(signer.public_key)
    return sm2_sign_in_python(int.from_bytes(signer.private_bytes), public)(message)


def accepted_by_gmssl(public_key, message, signature):
    der = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
    x, y = _sm2.decode_point(public_key)
    return gmssl_pyx.sm2_verify(x.to_bytes(32) + y.to_bytes(32), message, der)


# small and extreme scalars make equal and opposite points meet inside the sums
@pytest.mark.parametrize("d", [1, 2, 3, 4, 2**43, 2**215, _sm2.N - 2, _sm2.N - 3])
def test_keys_whose_points_are_special_sign_and_verify(d):
    signer = from_private("sm2-sm3", d.to_bytes(32))
    signature = signed_in_python(signer, b"m")
    assert SUITE.is_signature_valid(signer.public_key, b"m", signature)
    assert verify_sm2(signer.public_key, b"m", signature)
    assert accepted_by_gmssl(signer.public_key, b"m", signature)
    assert not SUITE.is_signature_valid(signer.public_key, b"n", signature)


def test_the_two_makers_and_three_checkers_of_signatures_agree(capfd):
    for i in range(10):
        signer, message = generate("sm2-sm3"), bytes([i]) * 40 * i
        for signature in (signer.sign(message), signed_in_python(signer, message)):
            for text in (message, message + b"!"):
                verdicts = {
                    SUITE.is_signature_valid(signer.public_key, text, signature),
                    verify_sm2(signer.public_key, text, signature),
                    accepted_by_gmssl(signer.public_key, text, signature),
                }
                assert verdicts == {text == message}
    assert "sm2" in capfd.readouterr().err  # GmSSL's complaints, the reason why nodes do not ask it


def test_checking_a_bad_signature_writes_nothing_to_stderr(capfd):
    signer = generate("sm2-sm3")
    assert not SUITE.is_signature_valid(signer.public_key, b"x", signer.sign(b"m"))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("value", [0, _sm2.N, _sm2.N + 1, 2**256 - 1])
def test_r_and_s_out_of_range_are_refused(value):
    signer = generate("sm2-sm3")
    signature = signer.sign(b"m")
    wrong = value.to_bytes(32)
    for bad in (wrong + signature[32:], signature[:32] + wrong):
        assert not SUITE.is_signature_valid(signer.public_key, b"m", bad)
        assert not verify_sm2(signer.public_key, b"m", bad)


@pytest.fixture
def digest_is(monkeypatch):
    """Make every digest a chosen number, so that the equation can be solved for anything."""

    def choose(number):
        monkeypatch.setattr(_sm2, "SM3", lambda _: number.to_bytes(32))
        monkeypatch.setattr(hanse_verify.sm2, "sm3", lambda _: number.to_bytes(32))

    _sm2._prepare.cache_clear()
    yield choose
    _sm2._prepare.cache_clear()


def test_s_raised_by_the_order_is_refused_although_the_equation_holds(digest_is):
    e, nonce, s = 1234, 77, 5
    digest_is(e)
    r = (e + _sm2.multiply_base(nonce)[0]) % _sm2.N
    d = (nonce - s) * pow(s + r, -1, _sm2.N) % _sm2.N
    key = _sm2.encode_point(_sm2.multiply_base(d))
    for verify in (SUITE.is_signature_valid, verify_sm2):
        assert verify(key, b"m", r.to_bytes(32) + s.to_bytes(32))
        assert not verify(key, b"m", r.to_bytes(32) + (s + _sm2.N).to_bytes(32))


def test_r_and_s_that_cancel_out_are_refused_although_the_equation_holds(digest_is):
    s = 5  # with t = 0 the key would not matter: [s]G is the point
    digest_is((-s - _sm2.multiply_base(s)[0]) % _sm2.N)
    key = generate("sm2-sm3").public_key
    bad = (_sm2.N - s).to_bytes(32) + s.to_bytes(32)
    for verify in (SUITE.is_signature_valid, verify_sm2):
        assert not verify(key, b"m", bad)


def test_a_sum_at_infinity_is_refused():
    # key d: [s]G + [t]P = [s + t d]G; d = -s / t makes it vanish
    r, s = 11, 13
    d = -s * pow(r + s, -1, _sm2.N) % _sm2.N
    key = from_private("sm2-sm3", d.to_bytes(32)).public_key
    bad = r.to_bytes(32) + s.to_bytes(32)
    assert not SUITE.is_signature_valid(key, b"m", bad)
    assert not verify_sm2(key, b"m", bad)


def test_an_x_beyond_the_field_or_off_the_curve_is_refused():
    xs = [x for x in range(99) if _sm2.decode_point(b"\x02" + x.to_bytes(32))]
    off = next(x for x in range(99) if x not in xs)
    assert SUITE.is_public_key_valid(b"\x02" + xs[0].to_bytes(32))
    for key in (b"\x02" + (_sm2.P + xs[0]).to_bytes(32), b"\x03" + off.to_bytes(32), bytes(33)):
        assert not SUITE.is_public_key_valid(key)
        assert not SUITE.is_signature_valid(key, b"m", b"\x01" * 64)
        assert not verify_sm2(key, b"m", b"\x01" * 64)


@pytest.mark.parametrize("first", [0, 1, 4, 6, 7])
def test_a_key_that_does_not_start_with_2_or_3_is_refused(first):
    signer = generate("sm2-sm3")
    key = bytes([first]) + signer.public_key[1:]
    assert not SUITE.is_public_key_valid(key)
    assert not verify_sm2(key, b"m", signer.sign(b"m"))


def test_the_base_multiples_step_by_the_base():
    points = [_sm2.multiply_base(k) for k in range(1, 70)]
    total = (*_sm2.G, 1)
    for before, point in pairwise(points):
        total = _sm2._add_affine((*before, 1), _sm2.G)
        assert _sm2._to_affine([total]) == [point]


def test_a_nonce_that_gives_no_signature_is_sent_back():
    point = _sm2.multiply_base(9)
    assert _sm2.sign_digest(5, -point[0] % _sm2.N, 9) is None  # r = 0
    assert _sm2.sign_digest(5, (-9 - point[0]) % _sm2.N, 9) is None  # r + k = n
    r = 9 * pow(5, -1, _sm2.N) % _sm2.N
    assert _sm2.sign_digest(5, (r - point[0]) % _sm2.N, 9) is None  # s = 0


def test_points_survive_encoding():
    for k in (1, 2, 3, 4):
        point = _sm2.multiply_base(k)
        assert _sm2.decode_point(_sm2.encode_point(point)) == point


def test_a_second_spelling_of_a_key_is_refused_although_the_equation_holds(digest_is):
    x = next(x for x in range(99) if _sm2.decode_point(b"\x02" + x.to_bytes(32)))
    point = _sm2.decode_point(b"\x02" + x.to_bytes(32))
    r, s = 11, 13
    terms = [(s, _sm2._base_table()), (r + s, _sm2._build_table(point))]
    digest_is((r - _sm2._comb(terms)[0]) % _sm2.N)
    signature = r.to_bytes(32) + s.to_bytes(32)
    for verify in (SUITE.is_signature_valid, verify_sm2):
        assert verify(b"\x02" + x.to_bytes(32), b"m", signature)
        assert not verify(b"\x02" + (x + _sm2.P).to_bytes(32), b"m", signature)
