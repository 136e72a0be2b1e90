# SPDX-License-Identifier: Apache-2.0
"""Backup of a running node into one file, and its restore: nothing is put in place unverified.

A backup is a gzipped tar, perhaps sealed: the segments of the block log up to the last durable
block, ``state/data.mdb`` (compacted, so without what was deleted), stored documents, the texts of
genesis contracts, the named extra files, ``manifest.json`` with the SHA-256 of each part, and last
the node's signature of it. It holds no lock, no key and nothing of an engine (``spec/backup.md``).
"""

import gzip
import hashlib
import io
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Final, Protocol

import msgspec

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.canonical import decode_as, encode
from hanse.crypto import Hash, suite_named
from hanse.crypto.sealing import SealBroken
from hanse.crypto.signers import Signer
from hanse.crypto.streams import MAGIC, SealedReader, SealedWriter
from hanse.errors import Rejected
from hanse.storage._files import sync_folder
from hanse.storage._tables import Tables
from hanse.storage.blocklog import BlockLog
from hanse.storage.errors import BackupDamaged, FolderInUse, StorageFailed, StorageUnknown

FORMAT: Final = 2  # version of the backup's layout; 1 had no ledger, node and signature
SIGNED_AS: Final = b"hanse/backup/1\x00"  # what precedes the manifest when it is signed
LOG, STATE, DATA = "log", "state", "data.mdb"
DOCUMENTS, PACKAGES = "documents", "packages"
_MANIFEST: Final = "manifest.json"
_SIGNATURE: Final = "signature.json"
_MARKER: Final = "node.json"  # makes a folder a node's: put in place last
_PIECE: Final = 1 << 20  # bytes copied at once
_PART: Final = re.compile(
    r"log/\d{12}\.blk|state/data\.mdb|documents/[0-9a-f]{2}/[0-9a-f]{64}"
    r"|packages/[A-Za-z0-9_-]{43}\.json|[a-z0-9_-]+\.json",
    re.ASCII,
).fullmatch

NOTHING: Final[Mapping[str, bytes]] = MappingProxyType({})

Progress = Callable[[str, int], None]
"""Told the part and the bytes of it that are done."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a backup."""

    name: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup holds, and at which height."""

    checkpoint_height: int
    format: int
    hash: str
    log_height: int
    parts: list[Part]
    ledger: str = ""
    node: str = ""


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose word a manifest is."""

    public_key: str
    signature: str
    suite: str

    def verify(self, manifest: bytes) -> None:
        """Establish that the key has signed ``manifest``.

        Raises:
            BackupDamaged: it has not.
        """
        suite = suite_named(self.suite)
        key, signed = to_bytes(self.public_key), to_bytes(self.signature)
        if not suite.is_signature_valid(key, SIGNED_AS + manifest, signed):
            raise BackupDamaged(part=_SIGNATURE, reason="it is no signature of the manifest")


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A backup whose parts have shown their digests, not yet in place."""

    manifest: Manifest
    signature: Signature | None  # verified, but whose key it is, somebody else must know
    folder: Path


@dataclass(frozen=True, slots=True)
class About:
    """Whose backup it becomes, who signs it, and what seals it."""

    ledger: str = ""
    node: str = ""
    signer: Signer | None = None
    passphrase: str | None = None
    suite: str = "ed25519-sha256"  # of the sealing


NOBODYS: Final = About()


class Copyable(Protocol):
    """A store of this process: LMDB must not be opened twice in one process."""

    def copy_to(self, folder: Path) -> None:
        """Copy the last checkpoint, compacted, into ``folder``."""
        ...


_manifest_decoder = msgspec.json.Decoder(Manifest)
_signature_decoder = msgspec.json.Decoder(Signature)


def backup(  # noqa: PLR0913 - all but the first three are options
    node_folder: Path,
    target: Path,
    hasher: Hash,
    *,
    progress: Progress | None = None,
    store: Copyable | None = None,
    about: About = NOBODYS,
    extra: Sequence[str] = ("genesis.json", "node.json", "cosigned.json"),
) -> Manifest:
    """Write a backup of the node in ``node_folder`` to ``target``, while the node runs or not.

    Args:
        node_folder: holds ``log`` and ``state``.
        target: the file to write; it appears whole, or not at all.
        hasher: the hash of the network.
        progress: told how far each part is.
        store: the open store, when the node runs in this very process.
        about: whose it is, who signs it, what seals it.
        extra: further files of the folder to take along where they exist.

    Raises:
        Misconfigured: there is no node.
        Corrupt: its block log is damaged.
    """
    tell = progress or (lambda _part, _done: None)
    beside = target.with_name(target.name + ".part")
    scratch = target.with_name(target.name + ".state")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    try:
        if store is None:
            tables = Tables(node_folder / STATE, hasher, readonly=True)
            try:
                tables.env.copy(str(scratch), compact=True)
            finally:
                tables.close()
        else:
            store.copy_to(scratch)
        copied = Tables(scratch, hasher, readonly=True)
        view = copied.view()
        checkpoint_height = view.head.height
        view.close()
        copied.close()
        # the log is written before the state, so whatever the copy holds is in the log by now
        log = BlockLog.open(node_folder / LOG, readonly=True, acknowledged_height=checkpoint_height)
        try:
            parts = [(f"{LOG}/{path.name}", path, size) for path, size in log.segments()]
            log_height = -1 if log.last_height is None else log.last_height
            data = scratch / DATA
            parts.append((f"{STATE}/{DATA}", data, data.stat().st_size))
            kept = [sorted((node_folder / name).rglob("*")) for name in (DOCUMENTS, PACKAGES)]
            for path in [*kept[0], *kept[1], *(node_folder / name for name in extra)]:
                name = path.relative_to(node_folder).as_posix()
                if _PART(name) and path.is_file():
                    parts.append((name, path, path.stat().st_size))
            manifest = Manifest(
                checkpoint_height, FORMAT, hasher.name, log_height, [], about.ledger, about.node
            )
            digests = _write(beside, parts, tell, manifest, about)
        finally:
            log.close()
        beside.rename(target)
        sync_folder(target.parent)
        return digests
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        beside.unlink(missing_ok=True)


def _write(
    path: Path, parts: Sequence[tuple[str, Path, int]], tell: Progress, base: Manifest, about: About
) -> Manifest:
    """Write the file, sealed where ``about`` says so; return the manifest with its parts."""
    with path.open("wb") as raw:
        os.fchmod(raw.fileno(), 0o600)
        if about.passphrase is None:
            manifest = _write_tar(raw, parts, tell, base, about.signer)
        else:
            sealed = SealedWriter(raw, about.passphrase, suite_named(about.suite))
            manifest = _write_tar(sealed, parts, tell, base, about.signer)
            sealed.close()
        raw.flush()
        os.fsync(raw.fileno())
    return manifest


def _write_tar(
    target: Any,
    parts: Sequence[tuple[str, Path, int]],
    tell: Progress,
    base: Manifest,
    signer: Signer | None,
) -> Manifest:
    digests: dict[str, str] = {}
    with (
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=target, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name, source, size in parts:
            with source.open("rb") as file:
                reader = _Digesting(file, size, partial(tell, name))
                tar.addfile(_info(name, size), reader)  # type: ignore[arg-type]  # reads only
            digests[name] = reader.hexdigest()
        listed = [Part(name, digest) for name, digest in sorted(digests.items())]
        manifest = msgspec.structs.replace(base, parts=listed)
        last = {_MANIFEST: encode(manifest)}
        if signer is not None:
            signed = to_text(signer.sign(SIGNED_AS + last[_MANIFEST]))
            key = to_text(signer.public_key)
            last[_SIGNATURE] = encode(Signature(key, signed, signer.suite.name))
        for name, data in last.items():
            tar.addfile(_info(name, len(data)), io.BytesIO(data))
    return manifest


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


class _Digesting:
    """The first ``size`` bytes of a file, hashed while they are read."""

    def __init__(self, file: Any, size: int, done: Callable[[int], None]) -> None:
        self._file, self._left, self._size, self._done = file, size, size, done
        self._hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        data: bytes = self._file.read(min(size, self._left))
        self._left -= len(data)
        self._hash.update(data)
        self._done(self._size - self._left)
        return data

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def restore(  # noqa: PLR0913 - all but the first two are options
    source: Path,
    node_folder: Path,
    *,
    progress: Progress | None = None,
    passphrase: str | None = None,
    judge: Callable[[Unpacked], None] | None = None,
    to_height: int | None = None,
    beside_it: Mapping[str, bytes] = NOTHING,
) -> Manifest:
    """Put the node of a backup into ``node_folder``, after every part has shown its digest.

    Killed before the end, the folder is not a node's: what makes it one is put in place last.

    Args:
        source: the backup.
        node_folder: empty, or not there.
        progress: told how far each part is.
        passphrase: opens a sealed backup.
        judge: looks at what was unpacked, and raises what it does not accept.
        to_height: blocks above it are left out, and the state if it is beyond.
        beside_it: further files of the new folder.

    Raises:
        BackupDamaged: a part is missing, unknown or damaged; nothing was put in place.
        BlockNotHeld: the backup does not reach ``to_height``.
        FolderInUse: there is anything in the folder.
        PassphraseWrong: the backup is sealed with another passphrase.
    """
    tell = progress or (lambda _part, _done: None)
    if not source.is_file():
        raise StorageUnknown(path=str(source), reason="there is no backup")
    if node_folder.exists() and any(node_folder.iterdir()):
        raise FolderInUse(path=str(node_folder))
    node_folder.mkdir(parents=True, exist_ok=True)
    beside = node_folder / ".restore"
    beside.mkdir(mode=0o700)
    try:
        manifest, signature = _unpack(source, beside, tell, passphrase)
        (beside / LOG).mkdir(exist_ok=True)
        if judge is not None:
            judge(Unpacked(manifest, signature, beside))
        if to_height is not None:
            _cut(beside, manifest, to_height)
        for name, data in beside_it.items():
            (beside / name).write_bytes(data)
            _sync_file(beside / name)
        for folder in (path for path in beside.rglob("*") if path.is_dir()):
            sync_folder(folder)
        names = {path.name for path in beside.iterdir()} - {LOG, STATE, _MARKER}
        order = [*sorted(names), LOG, STATE, _MARKER]  # without the state, the log is enough
        for name in order:
            if (beside / name).exists():
                (beside / name).rename(node_folder / name)
                sync_folder(node_folder)
        return manifest
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _cut(folder: Path, manifest: Manifest, height: int) -> None:
    """Leave out the blocks above ``height``, and what belongs to them."""
    log = BlockLog.open(folder / LOG, readonly=True)
    try:
        last, end = log.end_of(height)
        beyond = [path for path, _ in log.segments() if path.name > last.name]
    finally:
        log.close()
    for path in beyond:
        path.unlink()
    os.truncate(last, end)
    _sync_file(last)
    if manifest.checkpoint_height > height:
        shutil.rmtree(folder / STATE)
    (folder / "cosigned.json").unlink(missing_ok=True)  # witnesses sign again


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _unpack(
    source: Path, folder: Path, tell: Progress, passphrase: str | None
) -> tuple[Manifest, Signature | None]:
    digests: dict[str, str] = {}
    manifest_bytes: bytes | None = None
    signature: Signature | None = None
    try:
        with (
            source.open("rb") as raw,
            gzip.GzipFile(fileobj=_opened(raw, source, passphrase)) as packed,
            tarfile.open(fileobj=packed, mode="r:") as tar,
        ):
            for info in tar:
                late = manifest_bytes is not None and info.name != _SIGNATURE
                if not info.isfile() or late or signature is not None:
                    raise BackupDamaged(part=info.name, reason="it is no part of a backup")
                file = tar.extractfile(info)
                assert file is not None
                if info.name == _MANIFEST:
                    manifest_bytes = file.read()
                elif info.name == _SIGNATURE and manifest_bytes is not None:
                    signature = decode_as(file.read(), _signature_decoder)
                    signature.verify(manifest_bytes)
                elif _PART(info.name) and info.name not in digests:
                    digests[info.name] = _copy_out(file, folder / info.name, info.name, tell)
                else:
                    raise BackupDamaged(part=info.name, reason="it is no part of a backup")
            while packed.read(_PIECE):  # to the container's own sum, so that no cut goes unnoticed
                pass
    except (
        tarfile.TarError,
        gzip.BadGzipFile,
        zlib.error,
        EOFError,
        Rejected,
        SealBroken,
    ) as error:
        raise BackupDamaged(part=source.name, reason=str(error)) from error
    except OSError as error:
        raise StorageFailed(what="unpacking the backup", reason=str(error)) from error
    return _checked(manifest_bytes, digests), signature


def _opened(raw: BinaryIO, source: Path, passphrase: str | None) -> Any:
    """Return what gives the bytes of the tar, whether they are sealed or not."""
    begins = raw.read(len(MAGIC))
    raw.seek(0)
    return SealedReader(raw, str(source), passphrase) if begins == MAGIC else raw


def _checked(data: bytes | None, digests: dict[str, str]) -> Manifest:
    """Return the manifest, once every part has been found to be as it says."""
    if data is None:
        raise BackupDamaged(part=_MANIFEST, reason="it is missing: the backup is cut short")
    try:
        manifest = decode_as(data, _manifest_decoder)
    except Rejected as error:
        raise BackupDamaged(part=_MANIFEST, reason=str(error)) from None
    if not 1 <= manifest.format <= FORMAT:
        raise BackupDamaged(part=_MANIFEST, reason=f"its format is {manifest.format}")
    listed = {part.name: part.sha256 for part in manifest.parts}
    for name in sorted({*listed, *digests, f"{STATE}/{DATA}"}):
        if listed.get(name) is None or listed[name] != digests.get(name):
            raise BackupDamaged(part=name, reason="it does not have the digest of the manifest")
    return manifest


def _copy_out(file: Any, path: Path, name: str, tell: Progress) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, done = hashlib.sha256(), 0
    with path.open("xb") as out:
        os.fchmod(out.fileno(), 0o600)
        while piece := file.read(_PIECE):
            digest.update(piece)
            out.write(piece)
            done += len(piece)
            tell(name, done)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()
