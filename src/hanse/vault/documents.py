# SPDX-License-Identifier: Apache-2.0
"""Documents kept byte for byte, found by their SHA-256; durable before ``put`` returns."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hanse.codec.base64url import to_hash, to_text
from hanse.codec.limits import DOCUMENT_BYTES_MAX
from hanse.errors import Corrupt, Malformed, TooLarge


@dataclass(eq=False)
class DocumentDamaged(Corrupt):
    """A stored document no longer has the bytes that its name promises."""

    digest: str
    code = "document_damaged"
    hint = "Restore the file from a backup, or fetch it from a party that holds it."


class Documents:
    """A folder of documents, one file each, two hexadecimal digits a sub-folder."""

    def __init__(self, path: Path) -> None:
        """Use ``path``; it is made when the first document comes."""
        self._path = path

    def put(self, data: bytes) -> str:
        """Keep ``data`` and return its digest as base64url; the same bytes are kept once.

        Raises:
            TooLarge: more than ``DOCUMENT_BYTES_MAX`` bytes.
        """
        if len(data) > DOCUMENT_BYTES_MAX:
            raise TooLarge("document bytes", DOCUMENT_BYTES_MAX, len(data))
        digest = hashlib.sha256(data).digest()
        target = self._file(digest)
        if not target.exists():
            if not target.parent.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
                _sync_folder(self._path)
            # a name of its own: two threads may keep the same document at one moment
            number, beside = tempfile.mkstemp(".new", f"{target.name}.", target.parent)
            with os.fdopen(number, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(beside).replace(target)
            _sync_folder(target.parent)
        return to_text(digest)

    def find(self, digest: str) -> bytes | None:
        """Return the bytes whose digest this is, ``None`` where they are not kept here.

        Raises:
            DocumentDamaged: the file is there but its bytes have changed.
        """
        try:
            raw = to_hash(digest)
        except Malformed:
            return None
        target = self._file(raw)
        if not target.exists():
            return None
        data = target.read_bytes()
        if hashlib.sha256(data).digest() != raw:
            raise DocumentDamaged(digest)
        return data

    def _file(self, digest: bytes) -> Path:
        name = digest.hex()
        return self._path / name[:2] / name


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
