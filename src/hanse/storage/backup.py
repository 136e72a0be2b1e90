# SPDX-License-Identifier: Apache-2.0
"""Backup of a running node into one file, and its restore: nothing is put in place unverified.

A backup is a gzipped tar: the segments of the block log up to the last durable block,
``state/data.mdb`` (compacted, so without what was deleted), stored documents, the texts of genesis
contracts, the named extra files, and last ``manifest.json`` with the SHA-256 of each part. It holds
no lock and no key.
"""

import gzip
import hashlib
import io
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from hanse.codec.canonical import decode_as, encode
from hanse.crypto import Hash
from hanse.errors import Rejected
from hanse.storage._files import sync_folder
from hanse.storage._tables import Tables
from hanse.storage.blocklog import BlockLog
from hanse.storage.errors import BackupDamaged, FolderInUse, StorageFailed, StorageUnknown

FORMAT: Final = 1  # version of the backup's layout
LOG, STATE, DATA = "log", "state", "data.mdb"
DOCUMENTS, PACKAGES = "documents", "packages"
_MANIFEST: Final = "manifest.json"
_PIECE: Final = 1 << 20  # bytes copied at once
_PART: Final = re.compile(
    r"log/\d{12}\.blk|state/data\.mdb|documents/[0-9a-f]{2}/[0-9a-f]{64}"
    r"|packages/[A-Za-z0-9_-]{43}\.json|[a-z0-9_-]+\.json",
    re.ASCII,
).fullmatch

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


class Copyable(Protocol):
    """A store of this process: LMDB must not be opened twice in one process."""

    def copy_to(self, folder: Path) -> None:
        """Copy the last checkpoint, compacted, into ``folder``."""
        ...


_manifest_decoder = msgspec.json.Decoder(Manifest)


def backup(  # noqa: PLR0913 - all but the first three are options
    node_folder: Path,
    target: Path,
    hasher: Hash,
    *,
    progress: Progress | None = None,
    store: Copyable | None = None,
    extra: Sequence[str] = ("genesis.json", "node.json", "cosigned.json"),
) -> Manifest:
    """Write a backup of the node in ``node_folder`` to ``target``, while the node runs or not.

    Args:
        node_folder: holds ``log`` and ``state``.
        target: the file to write; it appears whole, or not at all.
        hasher: the hash of the network.
        progress: told how far each part is.
        store: the open store, when the node runs in this very process.
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
            digests = _write_tar(beside, parts, tell, (checkpoint_height, log_height, hasher))
        finally:
            log.close()
        beside.rename(target)
        sync_folder(target.parent)
        return digests
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        beside.unlink(missing_ok=True)


def _write_tar(
    path: Path,
    parts: Sequence[tuple[str, Path, int]],
    tell: Progress,
    about: tuple[int, int, Hash],
) -> Manifest:
    checkpoint_height, log_height, hasher = about
    digests: dict[str, str] = {}
    with path.open("wb") as raw:
        os.fchmod(raw.fileno(), 0o600)
        with (
            gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as tar,
        ):
            for name, source, size in parts:
                with source.open("rb") as file:
                    reader = _Digesting(file, size, partial(tell, name))
                    tar.addfile(_info(name, size), reader)  # type: ignore[arg-type]  # reads only
                digests[name] = reader.hexdigest()
            listed = [Part(name, digest) for name, digest in sorted(digests.items())]
            manifest = Manifest(checkpoint_height, FORMAT, hasher.name, log_height, listed)
            data = encode(manifest)
            tar.addfile(_info(_MANIFEST, len(data)), io.BytesIO(data))
        raw.flush()
        os.fsync(raw.fileno())
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


def restore(source: Path, node_folder: Path, *, progress: Progress | None = None) -> Manifest:
    """Put the node of a backup into ``node_folder``, after every part has shown its digest.

    Raises:
        BackupDamaged: a part is missing, unknown or damaged; nothing was put in place.
        FolderInUse: there is a node already.
    """
    tell = progress or (lambda _part, _done: None)
    if not source.is_file():
        raise StorageUnknown(path=str(source), reason="there is no backup")
    if any((node_folder / name).exists() for name in (LOG, STATE, DOCUMENTS)):
        raise FolderInUse(path=str(node_folder))
    node_folder.mkdir(parents=True, exist_ok=True)
    beside = node_folder / ".restore"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o700)
    try:
        manifest = _unpack(source, beside, tell)
        (beside / LOG).mkdir(exist_ok=True)
        for folder in (path for path in beside.rglob("*") if path.is_dir()):
            sync_folder(folder)
        names = {path.name for path in beside.iterdir()} - {LOG, STATE}
        for name in (*sorted(names), LOG, STATE):  # without the state, the log is enough
            (beside / name).rename(node_folder / name)
        sync_folder(node_folder)
        return manifest
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _unpack(source: Path, folder: Path, tell: Progress) -> Manifest:
    digests: dict[str, str] = {}
    manifest: Manifest | None = None
    try:
        with gzip.open(source) as packed, tarfile.open(fileobj=packed, mode="r:") as tar:
            for info in tar:
                if not info.isfile() or manifest is not None:
                    raise BackupDamaged(part=info.name, reason="it is no part of a backup")
                file = tar.extractfile(info)
                assert file is not None
                if info.name == _MANIFEST:
                    manifest = decode_as(file.read(), _manifest_decoder)
                elif _PART(info.name) and info.name not in digests:
                    digests[info.name] = _copy_out(file, folder / info.name, info.name, tell)
                else:
                    raise BackupDamaged(part=info.name, reason="it is no part of a backup")
            while packed.read(_PIECE):  # to the container's own sum, so that no cut goes unnoticed
                pass
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, Rejected) as error:
        raise BackupDamaged(part=source.name, reason=str(error)) from error
    except OSError as error:
        raise StorageFailed(what="unpacking the backup", reason=str(error)) from error
    return _checked(manifest, digests)


def _checked(manifest: Manifest | None, digests: dict[str, str]) -> Manifest:
    """Return the manifest, once every part has been found to be as it says."""
    if manifest is None:
        raise BackupDamaged(part=_MANIFEST, reason="it is missing: the backup is cut short")
    if manifest.format != FORMAT:
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
