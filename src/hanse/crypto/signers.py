# SPDX-License-Identifier: Apache-2.0
"""Signers: private keys that sign. Randomness lives here, so the pure rooms may not import it.

Measured per signature of 250 bytes on one core: Ed25519 33 µs (``cryptography`` with the key
held; the zebra binding takes 35 µs, as it expands the secret each time), P-256 24 µs, SM2 2.7 ms
with GmSSL and 0.3 ms in Python.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, final

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hanse.crypto import Suite, _p256, _sm2, suite_named
from hanse.errors import Misconfigured

Sign = Callable[[bytes], bytes]

try:
    from gmssl_pyx import sm2_sign as _native_sm2_sign
except ImportError:
    _native_sm2_sign = None

PRIVATE_KEY_BYTES: Final = 32  # of every suite


@dataclass(eq=False)
class PrivateKeyInvalid(Misconfigured):
    """The bytes are no private key of the suite."""

    suite: str
    code: ClassVar[str] = "private_key_invalid"
    hint: ClassVar[str] = "A private key has 32 bytes; make a new one, or restore the key file."


@final
class Signer:
    """A private key with its suite; made by :func:`generate` or :func:`from_private`."""

    __slots__ = ("_private", "_sign", "public_key", "suite")

    def __init__(self, suite: Suite, public_key: bytes, private: bytes, sign: Sign) -> None:
        self.suite: Final = suite
        self.public_key: Final = public_key
        self._private: Final = private
        self._sign: Final = sign

    @property
    def private_bytes(self) -> bytes:
        """The 32 bytes that :func:`from_private` takes: RFC 8032 seed or big-endian scalar."""
        return self._private

    def sign(self, message: bytes) -> bytes:
        """Return a signature of ``message`` that the suite's rule accepts."""
        return self._sign(message)

    def __repr__(self) -> str:
        """Name suite and public key; the private key never appears."""
        return f"<Signer {self.suite.name} {self.public_key.hex()}>"


def generate(suite_name: str) -> Signer:
    """Return a signer with a new random key.

    Raises:
        UnknownSuite: no such suite.
    """
    suite_named(suite_name)
    while True:
        try:
            return from_private(suite_name, secrets.token_bytes(PRIVATE_KEY_BYTES))
        except PrivateKeyInvalid:
            continue  # a scalar out of range, once in 2^32 tries at most


def from_private(suite_name: str, private: bytes) -> Signer:
    """Return the signer whose private key has these 32 bytes.

    Raises:
        UnknownSuite: no such suite.
        PrivateKeyInvalid: wrong length, or a scalar out of the suite's range.
    """
    suite = suite_named(suite_name)
    if len(private) != PRIVATE_KEY_BYTES:
        raise PrivateKeyInvalid(suite=suite_name)
    public_key, sign = _MAKERS[suite_name](bytes(private))
    return Signer(suite, public_key, bytes(private), sign)


def _ed25519(private: bytes) -> tuple[bytes, Sign]:
    key = Ed25519PrivateKey.from_private_bytes(private)
    return key.public_key().public_bytes_raw(), key.sign


def _p256_signer(private: bytes) -> tuple[bytes, Sign]:
    scalar = int.from_bytes(private)
    if not 1 <= scalar < _p256.N:
        raise PrivateKeyInvalid(suite="p256-sha256")
    key = derive_private_key(scalar, SECP256R1())
    # RFC 6979: a broken random source cannot reveal the key (needs OpenSSL 3.2, in all wheels)
    algorithm = ECDSA(SHA256(), deterministic_signing=True)

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, algorithm))
        return r.to_bytes(32) + min(s, _p256.N - s).to_bytes(32)

    return key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint), sign


def _sm2_signer(private: bytes) -> tuple[bytes, Sign]:
    scalar = int.from_bytes(private)
    if not 1 <= scalar < _sm2.N - 1:  # n - 1 has no inverse of 1 + d
        raise PrivateKeyInvalid(suite="sm2-sm3")
    public = _sm2.multiply_base(scalar)
    sign = sm2_sign_in_python(scalar, public)
    if _native_sm2_sign is not None:
        sign = _sm2_sign_by_gmssl(private, public)
    return _sm2.encode_point(public), sign


def _sm2_sign_by_gmssl(private: bytes, public: _sm2.Affine) -> Sign:
    point = public[0].to_bytes(32) + public[1].to_bytes(32)

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(_native_sm2_sign(private, point, message))
        return r.to_bytes(32) + s.to_bytes(32)

    return sign


def sm2_sign_in_python(private: int, public: _sm2.Affine) -> Sign:
    """Return the signing function used where GmSSL is not installed.

    Its time depends on the secret scalars: whoever can measure many signatures closely may learn
    the key. Prefer ``hanse[sm]`` where strangers share the machine; whether GmSSL's own time is
    even was not measured.
    """

    def sign(message: bytes) -> bytes:
        digest = _sm2.digest_of(public, message)
        while True:
            pair = _sm2.sign_digest(private, digest, 1 + secrets.randbelow(_sm2.N - 1))
            if pair is not None:
                return pair[0].to_bytes(32) + pair[1].to_bytes(32)

    return sign


_MAKERS: Final[dict[str, Callable[[bytes], tuple[bytes, Sign]]]] = {
    "ed25519-sha256": _ed25519,
    "p256-sha256": _p256_signer,
    "sm2-sm3": _sm2_signer,
}
