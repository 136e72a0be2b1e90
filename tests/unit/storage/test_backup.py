# SPDX-License-Identifier: Apache-2.0
"""A backup is whole and verified, or it is refused and nothing is put in place."""

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from tests.unit.storage.test_store import apply, key

from hanse.codec.base64url import to_text
from hanse.crypto import SHA256
from hanse.storage import BlockLog, Store
from hanse.storage.backup import Manifest, backup, restore
from hanse.storage.errors import BackupDamaged, FolderInUse, StorageUnknown
from hanse.vault.documents import Documents

DOCUMENT = b"<xml/>"


def make_node(folder: Path, *, checkpoint: int, blocks: int) -> tuple[Store, BlockLog]:
    store = Store.open(folder / "state", SHA256)
    log = BlockLog.open(folder / "log", create=True)
    for height in range(blocks):
        log.append([(height, SHA256(b"%d" % height), b"payload %d" % height)])
        if height <= checkpoint:
            apply(store, {"bank": {key(height): b"%d" % height}})
    store.checkpoint()
    (folder / "genesis.json").write_bytes(b"{}")
    Documents(folder / "documents").put(DOCUMENT)
    (folder / "documents" / "unfinished.part").write_bytes(b"<x")
    (folder / "keys").mkdir()
    (folder / "keys" / "node.json").write_bytes(b"secret")
    return store, log


def take(folder: Path, target: Path) -> Manifest:
    store, log = make_node(folder, checkpoint=3, blocks=6)
    manifest = backup(folder, target, SHA256, store=store)
    store.close()
    log.close()
    return manifest


def test_a_running_node_is_backed_up_and_restored_elsewhere(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    manifest = take(tmp_path / "a", tmp_path / "b.tar.gz")
    assert (manifest.checkpoint_height, manifest.log_height) == (3, 5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b.tar.gz"]
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o077 == 0
    again = restore(tmp_path / "b.tar.gz", tmp_path / "c", progress=lambda *p: told.append(p))
    assert again == manifest
    assert ("genesis.json", 2) in told
    log = BlockLog.open(tmp_path / "c" / "log", acknowledged_height=3)
    assert [p for _, _, p in log.blocks(0, 5)] == [b"payload %d" % h for h in range(6)]
    store = Store.open(tmp_path / "c" / "state", SHA256)
    assert store.height == 3
    assert store.get("bank", key(2)) == b"2"
    assert (tmp_path / "c" / "genesis.json").read_bytes() == b"{}"
    names = sorted(p.name for p in (tmp_path / "c").iterdir())
    assert names == ["documents", "genesis.json", "log", "state"]  # no key, nothing left beside
    kept = Documents(tmp_path / "c" / "documents")
    assert kept.find(to_text(hashlib.sha256(DOCUMENT).digest())) == DOCUMENT
    assert not list((tmp_path / "c").rglob("*.part"))
    store.close()
    log.close()


def test_a_stopped_node_is_backed_up_from_its_folder(tmp_path: Path) -> None:
    take(tmp_path / "a", tmp_path / "b.tar.gz")
    manifest = backup(tmp_path / "a", tmp_path / "again.tar.gz", SHA256)
    assert (manifest.checkpoint_height, manifest.log_height) == (3, 5)
    assert not (tmp_path / "again.tar.gz.part").exists()
    assert not (tmp_path / "again.tar.gz.state").exists()


def test_a_block_that_was_never_durable_is_not_backed_up(tmp_path: Path) -> None:
    store, log = make_node(tmp_path / "a", checkpoint=3, blocks=6)
    log.append([(6, SHA256(b"6"), b"payload 6")], sync=False)
    assert backup(tmp_path / "a", tmp_path / "b", SHA256, store=store).log_height == 5
    store.close()
    log.close()


def test_a_node_is_never_overwritten(tmp_path: Path) -> None:
    take(tmp_path / "a", tmp_path / "b")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FolderInUse):
        restore(tmp_path / "b", tmp_path / "a")
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(StorageUnknown):
        restore(tmp_path / "none", tmp_path / "d")
    with pytest.raises(StorageUnknown):
        backup(tmp_path / "none", tmp_path / "d", SHA256)


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def test_a_cut_or_flipped_backup_puts_nothing_in_place(tmp_path: Path) -> None:
    take(tmp_path / "a", tmp_path / "b")
    whole = (tmp_path / "b").read_bytes()
    target = tmp_path / "c"
    for cut in (0, 10, len(whole) // 2, len(whole) - 9):
        (tmp_path / "bad").write_bytes(whole[:cut])
        with pytest.raises(BackupDamaged):
            restore(tmp_path / "bad", target)
        assert is_empty(target)
    for at in range(10, len(whole) - 8, max(1, len(whole) // 60)):
        bad = bytearray(whole)
        bad[at] ^= 1
        (tmp_path / "bad").write_bytes(bad)
        try:
            restore(tmp_path / "bad", target)
        except BackupDamaged:
            assert is_empty(target)
        else:  # the bit was padding of the container: then every part still had its digest
            assert BlockLog.open(target / "log", readonly=True).last_height == 5
            target = tmp_path / f"c{at}"


def repack(source: Path, target: Path, changes: dict[str, bytes | None]) -> None:
    """Write the same parts again, some replaced, removed (None) or added."""
    with tarfile.open(source) as old:
        parts = {info.name: old.extractfile(info).read() for info in old}
    manifest = parts.pop("manifest.json")
    parts |= {"manifest.json": manifest}
    for name, data in changes.items():
        if data is None:
            parts.pop(name)
        else:
            parts = {name: data} | parts if name not in parts else parts | {name: data}
    with gzip.open(target, "wb") as packed, tarfile.open(fileobj=packed, mode="w") as new:
        for name, data in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            new.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize(
    "changes",
    [
        {"log/000000000000.blk": b"other"},
        {"log/000000000000.blk": None},
        {"state/data.mdb": None},
        {"manifest.json": None},
        {"manifest.json": b"{}"},
        {"manifest.json": b"not json"},
        {"genesis.json": b"{ }"},
        {"more.json": b"{}"},
        {"../escaped.json": b"{}"},
        {"/tmp/escaped.json": b"{}"},
        {"log/../../x.blk": b"{}"},
        {"state/lock.mdb": b""},
    ],
    ids="-".join,
)
def test_a_forged_part_is_refused(tmp_path: Path, changes: dict[str, bytes | None]) -> None:
    take(tmp_path / "a", tmp_path / "b")
    repack(tmp_path / "b", tmp_path / "bad", changes)
    with pytest.raises(BackupDamaged):
        restore(tmp_path / "bad", tmp_path / "c")
    assert is_empty(tmp_path / "c")
    assert not (tmp_path / "escaped.json").exists()


def test_the_unchanged_parts_packed_again_are_accepted(tmp_path: Path) -> None:
    take(tmp_path / "a", tmp_path / "b")
    repack(tmp_path / "b", tmp_path / "same", {})
    assert restore(tmp_path / "same", tmp_path / "c").log_height == 5


def test_a_link_in_a_backup_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bad", "w:gz") as tar:
        info = tarfile.TarInfo("log/000000000000.blk")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(BackupDamaged):
        restore(tmp_path / "bad", tmp_path / "c")


def test_what_was_deleted_is_not_in_a_backup(tmp_path: Path) -> None:
    canary = b"canary-" + os.urandom(16).hex().encode()
    store, log = make_node(tmp_path / "a", checkpoint=3, blocks=6)
    apply(store, {"bank": {key(50): canary}})
    store.checkpoint()
    apply(store, {"bank": {key(50): None}})
    store.checkpoint()
    backup(tmp_path / "a", tmp_path / "b", SHA256, store=store)
    with tarfile.open(tmp_path / "b") as tar:
        parts = [tar.extractfile(info).read() for info in tar]
    assert not any(canary in part for part in parts)
    assert (
        canary in (tmp_path / "a" / "state" / "data.mdb").read_bytes()
    )  # or the test sees nothing
    store.close()
    log.close()
