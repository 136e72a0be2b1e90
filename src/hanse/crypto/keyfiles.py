# SPDX-License-Identifier: Apache-2.0
"""Key files: one private key in one JSON document, readable by its owner only (``spec/suites.md``).

The private key is sealed under a key that scrypt (RFC 7914) makes from a passphrase; every other
field is authenticated with it, so that nobody can swap the suite or the public key. For
development the key may lie open, and the document then says so: ``"protection":"none"``.
"""

import os
import secrets
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal

import msgspec
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.canonical import decode, decode_as, encode
from hanse.crypto import Suite, suite_named
from hanse.crypto.sealing import SealBroken, key_bytes, open_symmetric, seal_symmetric
from hanse.crypto.signers import PrivateKeyInvalid, Signer, from_private
from hanse.errors import Corrupt, Misconfigured, Rejected

KEY_FILE_BYTES_MAX: Final = 4096  # bytes; a real one has about 400
SCRYPT_LOG_N: Final = 17  # 128 MiB and 0.3 s a guess, the OWASP figure of 2023
SCRYPT_LOG_N_MIN: Final = 14  # below it guessing is cheap
SCRYPT_LOG_N_MAX: Final = 20  # 1 GiB; above it a hostile file would exhaust the memory
SALT_BYTES: Final = 16
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(eq=False)
class KeyFileMissing(Misconfigured):
    """There is no key file at the path, or it cannot be opened."""

    path: str
    code: ClassVar[str] = "key_file_missing"
    hint: ClassVar[str] = "Check the path and its owner, or make a key with `hanse key new`."


@dataclass(eq=False)
class KeyFileExists(Misconfigured):
    """A file is there already; a key is never overwritten."""

    path: str
    code: ClassVar[str] = "key_file_exists"
    hint: ClassVar[str] = (
        "Choose another path, or move the old file away; keep it until it is retired."
    )


@dataclass(eq=False)
class KeyFileExposed(Misconfigured):
    """Others than the owner may read or change the key file."""

    path: str
    mode: str
    code: ClassVar[str] = "key_file_exposed"
    hint: ClassVar[str] = "Run `chmod 600` on the file; if others used the machine, rotate the key."


@dataclass(eq=False)
class PassphraseWrong(Misconfigured):
    """The passphrase does not open the key file, or none was given, or the file was changed."""

    path: str
    given: bool
    code: ClassVar[str] = "passphrase_wrong"
    hint: ClassVar[str] = (
        "Give the passphrase of this file; after that, restore the file from a backup."
    )


@dataclass(eq=False)
class PassphraseEmpty(Misconfigured):
    """An empty passphrase protects nothing."""

    code: ClassVar[str] = "passphrase_empty"
    hint: ClassVar[str] = "Choose a passphrase, or say openly that the key lies unprotected."


@dataclass(eq=False)
class KeyFileInvalid(Corrupt):
    """The file is not a key file, or its parts do not belong together."""

    path: str
    reason: str
    code: ClassVar[str] = "key_file_invalid"
    hint: ClassVar[str] = "Restore the file from a backup; spec/suites.md shows its form."


class ScryptCost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a sealing key is made from a passphrase (RFC 7914, r = 8, p = 1)."""

    log_n: int
    salt: str


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    protection: Literal["none", "scrypt-aes256gcm", "scrypt-sm4gcm"]
    public_key: str
    suite: str
    v: Literal[1]
    private_key: str = ""
    scrypt: ScryptCost | None = None

    def __repr__(self) -> str:
        return f"<key file {self.suite} {self.public_key}>"


_decoder = msgspec.json.Decoder(_KeyFile)


def save(path: Path, signer: Signer, *, passphrase: str | None, log_n: int = SCRYPT_LOG_N) -> None:
    """Make ``path`` hold the signer's key, whole or not at all, for the owner's eyes only.

    Args:
        path: must not exist; its folder must.
        signer: whose key it is.
        passphrase: seals the private key; None leaves it open, which is for development.
        log_n: scrypt's cost, as the power of two.

    Raises:
        PassphraseEmpty: the passphrase is the empty string.
        KeyFileExists: a file is there; it is left as it was.
    """
    if passphrase is not None and not passphrase:
        raise PassphraseEmpty
    suite = signer.suite
    outside = _KeyFile(
        protection="none" if passphrase is None else _protection(suite),
        public_key=to_text(signer.public_key),
        suite=suite.name,
        v=1,
        scrypt=None if passphrase is None else ScryptCost(log_n, to_text(_new_salt())),
    )
    private = signer.private_bytes
    if passphrase is not None and outside.scrypt is not None:
        key = stretch(passphrase, outside.scrypt, suite)
        private = seal_symmetric(key, private, encode(outside), suite)
    document = msgspec.structs.replace(outside, private_key=to_text(private))
    _write_new(path, encode(document) + b"\n")


def load(path: Path, *, passphrase: str | None) -> Signer:
    """Return the signer whose key lies at ``path``; an open key needs no passphrase.

    Raises:
        KeyFileMissing: nothing there that can be opened.
        KeyFileExposed: group or world have any access to it.
        PassphraseWrong: it is sealed, and the passphrase is absent or another one.
        KeyFileInvalid: not a key file, or its public key is not that of its private key.
    """
    data = _read_private(path)
    try:
        decode(data)
        document = decode_as(data, _decoder)
        private = _open(path, document, passphrase)
        signer = from_private(document.suite, private)
        matches = signer.public_key == to_bytes(document.public_key)
    except (Rejected, PrivateKeyInvalid) as error:
        raise KeyFileInvalid(path=str(path), reason=str(error)) from None
    if not matches:
        raise KeyFileInvalid(path=str(path), reason="the public key belongs to another private key")
    return signer


def reseal(path: Path, *, before: str | None, after: str | None, log_n: int = SCRYPT_LOG_N) -> None:
    """Let ``path`` hold the same key under another passphrase, whole or as it was.

    What lay there before may survive in free blocks of the disk: a key that lay open on a disk
    which others may get is better rotated.

    Raises:
        HanseError: as :func:`load` with ``before``, and :func:`save` with ``after``.
    """
    signer = load(path, passphrase=before)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    save(beside, signer, passphrase=after, log_n=log_n)
    try:
        beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _open(path: Path, document: _KeyFile, passphrase: str | None) -> bytes:
    """Return the private key's bytes out of the document."""
    private = to_bytes(document.private_key)
    suite = suite_named(document.suite)
    scrypt = document.scrypt
    if document.protection == "none" and scrypt is None:
        return private
    if document.protection != _protection(suite) or scrypt is None:
        raise KeyFileInvalid(path=str(path), reason="the protection does not fit the suite")
    if not SCRYPT_LOG_N_MIN <= scrypt.log_n <= SCRYPT_LOG_N_MAX:
        raise KeyFileInvalid(path=str(path), reason=f"scrypt log_n is {scrypt.log_n}")
    if not passphrase:
        raise PassphraseWrong(path=str(path), given=False)
    outside = encode(msgspec.structs.replace(document, private_key=""))
    try:
        return open_symmetric(stretch(passphrase, scrypt, suite), private, outside, suite)
    except SealBroken:
        raise PassphraseWrong(path=str(path), given=True) from None


def _protection(suite: Suite) -> Literal["scrypt-aes256gcm", "scrypt-sm4gcm"]:
    return "scrypt-sm4gcm" if suite.name == "sm2-sm3" else "scrypt-aes256gcm"


def _new_salt() -> bytes:
    return secrets.token_bytes(SALT_BYTES)


def stretch(passphrase: str, scrypt: ScryptCost, suite: Suite) -> bytes:
    """Return the sealing key; the passphrase in NFC, so that every keyboard spells it alike."""
    salt = to_bytes(scrypt.salt, "$.scrypt.salt")
    kdf = Scrypt(salt=salt, length=key_bytes(suite), n=2**scrypt.log_n, r=8, p=1)
    return kdf.derive(unicodedata.normalize("NFC", passphrase).encode())


def _read_private(path: Path) -> bytes:
    """Return the file's bytes after checking, on the open file, that it is the owner's alone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        raise KeyFileMissing(path=str(path)) from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise KeyFileInvalid(path=str(path), reason="not a regular file")
        if mode & _OTHERS:
            raise KeyFileExposed(path=str(path), mode=f"{stat.S_IMODE(mode):04o}")
        data = os.read(descriptor, KEY_FILE_BYTES_MAX + 1)  # one call: regular files read whole
    finally:
        os.close(descriptor)
    if len(data) > KEY_FILE_BYTES_MAX:
        raise KeyFileInvalid(path=str(path), reason=f"more than {KEY_FILE_BYTES_MAX} bytes")
    return data.removesuffix(b"\n")


def _write_new(path: Path, data: bytes) -> None:
    """Make ``path`` hold ``data``: written beside it, synced, then linked under its name."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with open(os.open(beside, flags, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)  # unlike rename, this fails where a file is
    except FileExistsError:
        raise KeyFileExists(path=str(path)) from None
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
