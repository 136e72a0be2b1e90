# SPDX-License-Identifier: Apache-2.0
"""A suite: one signature scheme, one hash and one pinned rule, under one name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, final

from hanse.crypto import _ed25519, _p256, _sm2
from hanse.crypto._hashing import SHA256, SM3, Hash
from hanse.errors import UnknownSuite


@final
@dataclass(frozen=True, slots=True, eq=False)
class Suite:
    """What a key of this suite looks like, and when a signature holds; one value per name.

    Both checks return a bool and never raise, whatever the bytes. The rules:

    - ``ed25519-sha256``: RFC 8032 signatures under the ZIP-215 rule (:mod:`hanse.crypto._ed25519`).
    - ``p256-sha256``: ECDSA, compressed key, r and s as 64 bytes, low s only
      (:mod:`hanse.crypto._p256`).
    - ``sm2-sm3``: GB/T 32918.2 with the default identity, compressed key, r and s as 64 bytes
      (:mod:`hanse.crypto._sm2`).
    """

    name: str
    hash: Hash = field(repr=False)
    public_key_bytes: int = field(repr=False)
    signature_bytes: int = field(repr=False)
    _key_rule: Callable[[bytes], bool] = field(repr=False)
    _signature_rule: Callable[[bytes, bytes, bytes], bool] = field(repr=False)
    _batch_rule: Callable[[Sequence[tuple[bytes, bytes, bytes]]], bytes] | None = field(
        default=None, repr=False
    )

    def is_public_key_valid(self, public_key: bytes) -> bool:
        """Say whether a key may be registered: a point, in its one length, not of small order."""
        return len(public_key) == self.public_key_bytes and self._key_rule(public_key)

    def is_signature_valid(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Say whether the suite's one rule accepts ``signature`` over ``message``."""
        return (
            len(public_key) == self.public_key_bytes
            and len(signature) == self.signature_bytes
            and self._signature_rule(public_key, message, signature)
        )

    def are_signatures_valid(self, checks: Sequence[tuple[bytes, bytes, bytes]]) -> bytes:
        """Return a byte for each key, message and signature: 1 where :meth:`is_signature_valid`."""
        sized = self.public_key_bytes, self.signature_bytes
        if self._batch_rule is not None and all((len(k), len(s)) == sized for k, _, s in checks):
            return self._batch_rule(checks)
        return bytes([self.is_signature_valid(*check) for check in checks])

    def __reduce__(self) -> tuple[Callable[[str], "Suite"], tuple[str]]:
        return suite_named, (self.name,)


_BY_NAME: Final = {
    suite.name: suite
    for suite in (
        Suite(
            "ed25519-sha256",
            SHA256,
            32,
            64,
            _ed25519.is_key_valid,
            _ed25519.is_valid,
            _ed25519.are_valid,
        ),
        Suite("p256-sha256", SHA256, 33, 64, _p256.is_key_valid, _p256.is_valid),
        Suite("sm2-sm3", SM3, 33, 64, _sm2.is_key_valid, _sm2.is_valid),
    )
}
SUITES: Final[tuple[str, ...]] = tuple(_BY_NAME)


def suite_named(name: str) -> Suite:
    """Return the suite of that name.

    Raises:
        UnknownSuite: no such suite.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise UnknownSuite(name=name) from None
