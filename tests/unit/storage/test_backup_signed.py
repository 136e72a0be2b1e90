# SPDX-License-Identifier: Apache-2.0
"""Whose a backup is: signed, sealed, cut at a height; and what a killed restore leaves behind."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.storage.test_backup import make_node, repack

from hanse.codec.base64url import to_text
from hanse.crypto import SHA256, signers
from hanse.crypto.keyfiles import PassphraseWrong
from hanse.crypto.signers import Signer
from hanse.node import restored
from hanse.node.errors import NotTheDirectory
from hanse.node.folder import Folder, make_folder, open_folder
from hanse.node.founding import Founder, Operator, found
from hanse.storage import BlockLog, Store
from hanse.storage.backup import About, backup, restore
from hanse.storage.errors import BackupDamaged, BackupNotSigned, BlockNotHeld, FolderInUse

WORD = "a word for the backup"
ENGINE = {
    "engine/config/priv_validator_key.json": b"voting-key-canary",
    "engine/data/priv_validator_state.json": b"sign-state-canary",
    "keys/extra.json": b"key-canary",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, Signer]:
    """A node's folder with six blocks, a checkpoint at 3, and an engine's home."""
    signer = signers.generate("ed25519-sha256")
    document = found(
        network="n",
        time_ms=1,
        organisations={"port": "Port"},
        members={"ana@port": Founder(["admin"], signers.generate("ed25519-sha256"))},
        operator=Operator("node1", "port", signer),
        contracts=[],
    )
    path = tmp_path_factory.mktemp("node") / "a"
    store, log = make_node(path, checkpoint=3, blocks=6)
    store.close()
    log.close()
    (path / "genesis.json").unlink()
    folder = make_folder(path, document, "node1", signer)
    for name, data in ENGINE.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return folder, signer


def about(folder: Folder, signer: Signer | None, word: str | None = None) -> About:
    node = f"{folder.node}@{folder.organisation}"
    return About(ledger=folder.ledger, node=node, signer=signer, passphrase=word)


def take(made: tuple[Folder, Signer], target: Path, *, word: str | None = None) -> Path:
    folder, signer = made
    backup(folder.path, target, SHA256, about=about(folder, signer, word))
    return target


def test_a_signed_backup_of_the_node_is_accepted(
    made: tuple[Folder, Signer], tmp_path: Path
) -> None:
    file = take(made, tmp_path / "b")
    judge = restored.judge(made[0].ledger, None)
    restore(file, tmp_path / "c", judge=judge, beside_it=restored.MARKS)
    again = open_folder(tmp_path / "c")
    assert again.ledger == made[0].ledger
    assert restored.is_fresh_restore(again.path)
    restored.clear(again.path)
    restored.clear(again.path)
    assert not restored.is_fresh_restore(again.path)


def test_no_key_and_nothing_of_an_engine_is_in_a_backup(
    made: tuple[Folder, Signer], tmp_path: Path
) -> None:
    restore(take(made, tmp_path / "b"), tmp_path / "c")
    names = {p.name for p in (tmp_path / "c").iterdir()}
    assert names == {"documents", "genesis.json", "log", "node.json", "state"}
    everything = b"".join(p.read_bytes() for p in (tmp_path / "c").rglob("*") if p.is_file())
    assert b"-canary" not in everything
    assert to_text(made[1].private_bytes).encode() not in everything


def refused(file: Path, target: Path, *judged: str | None) -> str:
    with pytest.raises(BackupNotSigned) as caught:
        restore(file, target, judge=restored.judge(*judged))
    assert not any(target.iterdir())
    return caught.value.reason


def test_a_backup_that_nobody_known_vouches_for_is_refused(
    made: tuple[Folder, Signer], tmp_path: Path
) -> None:
    folder, _ = made
    stranger = signers.generate("ed25519-sha256")
    backup(folder.path, tmp_path / "bare", SHA256, about=about(folder, None))
    backup(folder.path, tmp_path / "strange", SHA256, about=about(folder, stranger))
    assert "no signature" in refused(tmp_path / "bare", tmp_path / "c", None, None)
    strange = refused(tmp_path / "strange", tmp_path / "c", None, None)
    assert to_text(stranger.public_key) in strange
    own = take(made, tmp_path / "own")
    assert "not of" in refused(own, tmp_path / "c", "A" * 43, None)
    assert "not of" in refused(tmp_path / "bare", tmp_path / "c", "A" * 43, "nobody")
    refused(own, tmp_path / "c", None, to_text(stranger.public_key))
    restore(
        tmp_path / "strange",
        tmp_path / "c",
        judge=restored.judge(None, to_text(stranger.public_key)),
    )
    restore(tmp_path / "bare", tmp_path / "d", judge=restored.judge(folder.ledger, "nobody"))


def test_a_manifest_changed_after_it_was_signed_is_damaged(
    made: tuple[Folder, Signer], tmp_path: Path
) -> None:
    file = take(made, tmp_path / "b")
    restore(file, tmp_path / "c")
    import tarfile

    with tarfile.open(file) as tar:
        manifest = tar.extractfile("manifest.json").read()
    forged = manifest.replace(b'"log_height":5', b'"log_height":4')
    assert forged != manifest
    signature = None
    with tarfile.open(file) as tar:
        signature = tar.extractfile("signature.json").read()
    repack(file, tmp_path / "bad", {"manifest.json": forged, "signature.json": signature})
    with pytest.raises(BackupDamaged):
        restore(tmp_path / "bad", tmp_path / "d")


def test_a_sealed_backup_opens_with_its_word_only(
    made: tuple[Folder, Signer], tmp_path: Path
) -> None:
    file = take(made, tmp_path / "b", word=WORD)
    data = file.read_bytes()
    assert b"manifest.json" not in data
    for word in (None, "another"):
        with pytest.raises(PassphraseWrong):
            restore(file, tmp_path / "c", passphrase=word)
        assert not any((tmp_path / "c").iterdir())
    for cut in (len(data) - 1, len(data) // 2):
        (tmp_path / "bad").write_bytes(data[:cut])
        with pytest.raises((BackupDamaged, PassphraseWrong)):
            restore(tmp_path / "bad", tmp_path / "c", passphrase=WORD)
    restore(file, tmp_path / "c", passphrase=WORD, judge=restored.judge(None, None))
    assert BlockLog.open(tmp_path / "c" / "log", readonly=True).last_height == 5


@pytest.mark.parametrize("height", [0, 2, 3, 4, 5])
def test_a_restore_goes_to_the_height_that_is_asked_for(
    made: tuple[Folder, Signer], tmp_path: Path, height: int
) -> None:
    target = tmp_path / "c"
    restore(take(made, tmp_path / "b"), target, to_height=height)
    log = BlockLog.open(target / "log")
    assert [h for h, _, _ in log.blocks(0, height)] == list(range(height + 1))
    assert log.last_height == height
    log.append([(height + 1, SHA256(b"x"), b"goes on")])
    log.close()
    assert (target / "state").is_dir() == (height >= 3)
    if height >= 3:
        store = Store.open(target / "state", SHA256)
        assert store.height == 3
        store.close()


def test_a_height_that_the_backup_does_not_reach_is_refused(
    made: tuple[Folder, Signer], tmp_path: Path
) -> None:
    with pytest.raises(BlockNotHeld):
        restore(take(made, tmp_path / "b"), tmp_path / "c", to_height=6)
    assert not any((tmp_path / "c").iterdir())


def test_only_an_empty_folder_takes_a_node(made: tuple[Folder, Signer], tmp_path: Path) -> None:
    file = take(made, tmp_path / "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "anything").touch()
    with pytest.raises(FolderInUse):
        restore(file, tmp_path / "c")
    assert [p.name for p in (tmp_path / "c").iterdir()] == ["anything"]


KILLED = """
import os, signal, sys
from pathlib import Path
from hanse.node import restored
from hanse.storage.backup import restore

left, real = int(sys.argv[3]), Path.rename

def rename(self, target):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return real(self, target)

Path.rename = rename
restore(Path(sys.argv[1]), Path(sys.argv[2]), beside_it=restored.MARKS)
"""


def test_a_restore_that_is_killed_leaves_nothing_that_starts(
    made: tuple[Folder, Signer], tmp_path: Path
) -> None:
    file = take(made, tmp_path / "b")
    killed = 0
    for after in range(20):
        target = tmp_path / "c"
        command = [sys.executable, "-c", KILLED, str(file), str(target), str(after)]
        code = subprocess.run(command, check=False).returncode
        if code == 0:
            assert open_folder(target).ledger == made[0].ledger
            assert restored.is_fresh_restore(target)
            break
        killed += 1
        with pytest.raises(NotTheDirectory):
            open_folder(target)
        with pytest.raises(FolderInUse):
            restore(file, target)
        shutil.rmtree(target)
    assert killed == 6  # one for each thing that is put in place
