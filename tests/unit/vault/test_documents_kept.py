# SPDX-License-Identifier: Apache-2.0
"""Documents come back byte for byte, or damage is said."""

import hashlib
import threading
from pathlib import Path

import pytest

from hanse.codec.base64url import to_text
from hanse.codec.limits import DOCUMENT_BYTES_MAX
from hanse.errors import TooLarge
from hanse.vault.documents import DocumentDamaged, Documents


def test_a_document_comes_back_by_the_digest_of_its_bytes(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "documents")
    digest = documents.put(b"bytes")
    assert digest == to_text(hashlib.sha256(b"bytes").digest())
    assert documents.put(b"bytes") == digest
    assert Documents(tmp_path / "documents").find(digest) == b"bytes"
    assert len(list((tmp_path / "documents").rglob("*"))) == 2


@pytest.mark.parametrize(
    "digest", ["", "x", "../../etc/passwd", to_text(bytes(32)), to_text(bytes(31))]
)
def test_what_is_not_kept_is_not_found(tmp_path: Path, digest: str) -> None:
    assert Documents(tmp_path).find(digest) is None


def test_a_changed_file_is_damage(tmp_path: Path) -> None:
    documents = Documents(tmp_path)
    digest = documents.put(b"bytes")
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    file.write_bytes(b"other")
    with pytest.raises(DocumentDamaged, match=digest):
        documents.find(digest)


def test_a_document_has_a_limit(tmp_path: Path) -> None:
    documents = Documents(tmp_path)
    assert documents.find(documents.put(bytes(DOCUMENT_BYTES_MAX))) is not None
    with pytest.raises(TooLarge):
        documents.put(bytes(DOCUMENT_BYTES_MAX + 1))


def test_threads_may_keep_one_document_at_one_moment(tmp_path: Path) -> None:
    documents = Documents(tmp_path)
    data = bytes(100_000)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(documents.put(data))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert documents.find(found[0]) == data
    assert not list(tmp_path.rglob("*.new"))
