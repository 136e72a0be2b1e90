# SPDX-License-Identifier: Apache-2.0
"""A file of any length sealed with a passphrase, written and read piece by piece.

One line says how the key is made; then pieces, each a length (four bytes, big-endian) and a sealed
value bound to that line, to its number and to whether it is the last: none can be changed, moved,
left out or added, and a file that was cut does not open to its end.
"""

import secrets
from typing import BinaryIO, Final, Literal

import msgspec

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.canonical import decode_as, encode
from hanse.crypto import Suite, suite_named
from hanse.crypto.keyfiles import (
    SALT_BYTES,
    SCRYPT_LOG_N,
    SCRYPT_LOG_N_MAX,
    SCRYPT_LOG_N_MIN,
    PassphraseEmpty,
    PassphraseWrong,
    ScryptCost,
    stretch,
)
from hanse.crypto.sealing import NONCE_BYTES, TAG_BYTES, SealBroken, open_symmetric, seal_symmetric
from hanse.errors import Rejected

MAGIC: Final = b"hanse/sealed/1 "
PIECE: Final = 1 << 20  # bytes of a piece but the last; 2^32 of them are 4 PiB
_LINE_MAX: Final = 1_024  # bytes of the first line


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scrypt: ScryptCost
    suite: str
    v: Literal[1]


_decoder = msgspec.json.Decoder(_Head)


class SealedWriter:
    """Seals what is written to ``target``; :meth:`close` ends it and leaves ``target`` open."""

    def __init__(
        self, target: BinaryIO, passphrase: str, suite: Suite, *, log_n: int = SCRYPT_LOG_N
    ) -> None:
        """Write the first line.

        Raises:
            PassphraseEmpty: an empty passphrase protects nothing.
        """
        if not passphrase:
            raise PassphraseEmpty
        cost = ScryptCost(log_n, to_text(secrets.token_bytes(SALT_BYTES)))
        self._line = MAGIC + encode(_Head(cost, suite.name, 1)) + b"\n"
        self._key = stretch(passphrase, cost, suite)
        self._suite, self._target = suite, target
        self._number, self._held = 0, bytearray()
        target.write(self._line)

    def write(self, data: bytes) -> int:
        """Seal ``data``, now or with what comes after it."""
        self._held += data
        while len(self._held) > PIECE:
            self._piece(bytes(self._held[:PIECE]), last=False)
            del self._held[:PIECE]
        return len(data)

    def flush(self) -> None:
        """Change nothing: a piece is written when it is full."""

    def close(self) -> None:
        """Write the last piece."""
        self._piece(bytes(self._held), last=True)
        self._held.clear()

    def _piece(self, data: bytes, *, last: bool) -> None:
        bound = _bound(self._line, self._number, last=last)
        sealed = seal_symmetric(self._key, data, bound, self._suite)
        self._target.write(len(sealed).to_bytes(4) + sealed)
        self._number += 1


class SealedReader:
    """What was written into a sealed file; a read raises before it gives a changed byte."""

    def __init__(self, source: BinaryIO, path: str, passphrase: str | None) -> None:
        """Read the first line and the first piece.

        Raises:
            PassphraseWrong: it is absent, or another one.
            SealBroken: not a sealed file.
        """
        self._source, self._number, self._held, self._ended = source, 0, b"", False
        self._line = source.readline(_LINE_MAX)
        try:
            body = self._line.removeprefix(MAGIC).removesuffix(b"\n")
            head = decode_as(body, _decoder)
            self._suite = suite_named(head.suite)
            to_bytes(head.scrypt.salt)
        except Rejected:
            raise SealBroken from None
        if not SCRYPT_LOG_N_MIN <= head.scrypt.log_n <= SCRYPT_LOG_N_MAX:
            raise SealBroken
        if not passphrase:
            raise PassphraseWrong(path=path, given=False)
        self._key = stretch(passphrase, head.scrypt, self._suite)
        try:
            self._next()
        except SealBroken:
            raise PassphraseWrong(path=path, given=True) from None

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, none only at the end.

        Raises:
            SealBroken: a piece was changed, moved or cut.
        """
        while not self._held and not self._ended:
            self._next()
        taken = self._held if size < 0 else self._held[:size]
        self._held = self._held[len(taken) :]
        return taken

    def _next(self) -> None:
        length = int.from_bytes(self._source.read(4))
        if not NONCE_BYTES + TAG_BYTES <= length <= NONCE_BYTES + PIECE + TAG_BYTES:
            raise SealBroken
        sealed = self._source.read(length)
        if len(sealed) != length:
            raise SealBroken
        try:
            self._held = self._open(sealed, last=False)
        except SealBroken:
            self._held = self._open(sealed, last=True)
            self._ended = True
            if self._source.read(1):
                raise SealBroken from None
        self._number += 1

    def _open(self, sealed: bytes, *, last: bool) -> bytes:
        return open_symmetric(
            self._key, sealed, _bound(self._line, self._number, last=last), self._suite
        )


def _bound(line: bytes, number: int, *, last: bool) -> bytes:
    return line + number.to_bytes(8) + bytes([last])
