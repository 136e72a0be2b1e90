# SPDX-License-Identifier: Apache-2.0
"""Key files: whole or absent, the owner's alone, and unchangeable without the passphrase."""

import json
import os
import stat

import pytest

from hanse.crypto import SUITES, keyfiles
from hanse.crypto.keyfiles import (
    KeyFileExists,
    KeyFileExposed,
    KeyFileInvalid,
    KeyFileMissing,
    PassphraseEmpty,
    PassphraseWrong,
    load,
)
from hanse.crypto.signers import generate

LOG_N = keyfiles.SCRYPT_LOG_N_MIN  # 20 ms a guess is enough for a test


def save(path, signer, passphrase):
    keyfiles.save(path, signer, passphrase=passphrase, log_n=LOG_N)


def rewrite(path, **fields):
    document = json.loads(path.read_bytes()) | fields
    kept = {name: value for name, value in document.items() if value is not None}
    path.write_text(json.dumps(kept, sort_keys=True, separators=(",", ":")))


@pytest.mark.parametrize("name", SUITES)
@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_a_saved_key_can_be_loaded(tmp_path, name, passphrase):
    signer, path = generate(name), tmp_path / "alice.key"
    save(path, signer, passphrase)
    loaded = load(path, passphrase=passphrase)
    assert loaded.private_bytes == signer.private_bytes
    assert loaded.public_key == signer.public_key
    assert loaded.suite is signer.suite


@pytest.mark.parametrize(
    ("name", "protection"),
    [
        ("ed25519-sha256", "scrypt-aes256gcm"),
        ("p256-sha256", "scrypt-aes256gcm"),
        ("sm2-sm3", "scrypt-sm4gcm"),
    ],
)
def test_a_sealed_file_says_how_and_hides_the_key(tmp_path, name, protection):
    signer, path = generate(name), tmp_path / "k"
    save(path, signer, "pw")
    document = json.loads(path.read_bytes())
    assert document["protection"] == protection
    assert document["suite"] == name
    open_path = tmp_path / "open"
    save(open_path, signer, None)
    plain = json.loads(open_path.read_bytes())
    assert plain["protection"] == "none"
    assert "scrypt" not in plain
    assert plain["private_key"] not in path.read_text()


def test_the_default_cost_is_the_published_one(tmp_path):
    path = tmp_path / "k"
    keyfiles.save(path, generate("ed25519-sha256"), passphrase="pw")
    assert json.loads(path.read_bytes())["scrypt"]["log_n"] == 17
    load(path, passphrase="pw")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_file_is_the_owners_alone_whatever_the_umask(tmp_path, umask):
    old = os.umask(umask)
    try:
        save(tmp_path / "k", generate("p256-sha256"), None)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644])
def test_a_file_that_others_may_touch_is_refused(tmp_path, mode):
    path = tmp_path / "k"
    save(path, generate("ed25519-sha256"), None)
    path.chmod(mode)
    with pytest.raises(KeyFileExposed) as caught:
        load(path, passphrase=None)
    assert caught.value.facts() == {"path": str(path), "mode": f"{mode:04o}"}
    assert "chmod 600" in caught.value.hint


def test_a_file_that_only_the_owner_reads_is_taken(tmp_path):
    path = tmp_path / "k"
    save(path, generate("ed25519-sha256"), None)
    path.chmod(0o400)
    load(path, passphrase=None)


@pytest.mark.parametrize("passphrase", [None, "", "Correct horse"])
def test_another_passphrase_or_none_does_not_open_the_file(tmp_path, passphrase):
    path = tmp_path / "k"
    save(path, generate("ed25519-sha256"), "correct horse")
    with pytest.raises(PassphraseWrong) as caught:
        load(path, passphrase=passphrase)
    assert caught.value.given is bool(passphrase)
    assert "horse" not in str(caught.value)


def test_a_passphrase_is_the_same_however_its_accents_are_typed(tmp_path):
    path = tmp_path / "k"
    save(path, generate("ed25519-sha256"), "L\u00fcbeck")
    load(path, passphrase="Lu\u0308beck")


def test_an_empty_passphrase_is_refused(tmp_path):
    with pytest.raises(PassphraseEmpty):
        save(tmp_path / "k", generate("ed25519-sha256"), "")
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_never_overwritten(tmp_path):
    path = tmp_path / "k"
    first = generate("ed25519-sha256")
    save(path, first, None)
    with pytest.raises(KeyFileExists):
        save(path, generate("ed25519-sha256"), None)
    assert load(path, passphrase=None).public_key == first.public_key
    assert [p.name for p in tmp_path.iterdir()] == ["k"]


@pytest.mark.parametrize("broken", ["fsync", "link"])
def test_a_failed_save_leaves_nothing_behind(tmp_path, monkeypatch, broken):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(OSError, match="No space"):
        save(tmp_path / "k", generate("ed25519-sha256"), None)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(KeyFileMissing) as caught:
        load(tmp_path / "nowhere", passphrase=None)
    assert caught.value.path.endswith("nowhere")


def test_what_is_not_a_regular_file_is_refused(tmp_path):
    with pytest.raises(KeyFileInvalid):
        load(tmp_path, passphrase=None)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(KeyFileInvalid):  # and does not wait for a writer
        load(tmp_path / "pipe", passphrase=None)


@pytest.mark.parametrize("data", [b"", b"{}", b"not json", b"[1]", b"\xff" * 50])
def test_a_file_of_another_kind_is_refused(tmp_path, data):
    path = tmp_path / "k"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(KeyFileInvalid):
        load(path, passphrase=None)


def test_a_file_longer_than_the_limit_is_refused_at_the_limit(tmp_path):
    path = tmp_path / "k"
    save(path, generate("ed25519-sha256"), None)
    with path.open("ab") as file:
        file.write(b" " * (keyfiles.KEY_FILE_BYTES_MAX + 1))
    with pytest.raises(KeyFileInvalid) as caught:
        load(path, passphrase=None)
    assert "more than 4096 bytes" in caught.value.reason


@pytest.mark.parametrize(
    "change",
    [
        {"suite": "p256-sha256"},
        {"suite": "nonsense"},
        {"suite": "sm2-sm3"},
        {"v": 2},
        {"extra": 1},
        {"protection": "rot13"},
        {"protection": "scrypt-aes256gcm"},
        {"scrypt": {"log_n": 14, "salt": ""}},
        {"public_key": "AAAA"},
        {"public_key": "!"},
        {"private_key": "AAAA"},
        {"private_key": None},
    ],
)
def test_an_open_file_whose_parts_do_not_fit_is_refused(tmp_path, change):
    path = tmp_path / "k"
    save(path, generate("ed25519-sha256"), None)
    rewrite(path, **change)
    with pytest.raises(KeyFileInvalid) as caught:
        load(path, passphrase="pw")
    assert caught.value.reason


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"suite": "p256-sha256"}, PassphraseWrong),
        ({"suite": "sm2-sm3"}, KeyFileInvalid),
        ({"suite": "sm2-sm3", "protection": "scrypt-sm4gcm"}, PassphraseWrong),
        ({"public_key": "AAAA"}, PassphraseWrong),
        ({"private_key": "AAAA"}, PassphraseWrong),
        ({"private_key": "!"}, KeyFileInvalid),
        ({"protection": "none"}, KeyFileInvalid),
        ({"scrypt": None}, KeyFileInvalid),
        ({"protection": "none", "scrypt": None}, KeyFileInvalid),
        ({"scrypt": {"log_n": 14, "salt": "AAAA"}}, PassphraseWrong),
        ({"scrypt": {"log_n": 14, "salt": "!"}}, KeyFileInvalid),
        ({"scrypt": {"log_n": keyfiles.SCRYPT_LOG_N_MIN - 1, "salt": "AAAA"}}, KeyFileInvalid),
        ({"scrypt": {"log_n": keyfiles.SCRYPT_LOG_N_MAX + 1, "salt": "AAAA"}}, KeyFileInvalid),
        ({"scrypt": {"log_n": -1, "salt": "AAAA"}}, KeyFileInvalid),
    ],
)
def test_a_sealed_file_that_was_changed_is_refused(tmp_path, change, error):
    path = tmp_path / "k"
    save(path, generate("ed25519-sha256"), "pw")
    rewrite(path, **change)
    with pytest.raises(error):
        load(path, passphrase="pw")


def test_nothing_secret_shows_in_an_error(tmp_path):
    path = tmp_path / "k"
    save(path, generate("ed25519-sha256"), None)
    secret = json.loads(path.read_bytes())["private_key"]
    rewrite(path, public_key="AAAA")
    with pytest.raises(KeyFileInvalid) as caught:
        load(path, passphrase=None)
    assert secret not in str(caught.value)
    document = keyfiles._decoder.decode(path.read_bytes())
    assert secret not in repr(document)


def test_a_key_is_sealed_anew_and_stays_the_same(tmp_path):
    path, signer = tmp_path / "k.key", generate("ed25519-sha256")
    keyfiles.save(path, signer, passphrase=None)
    keyfiles.reseal(path, before=None, after="one", log_n=14)
    with pytest.raises(keyfiles.PassphraseWrong):
        keyfiles.load(path, passphrase=None)
    with pytest.raises(keyfiles.PassphraseWrong):
        keyfiles.reseal(path, before="two", after="three", log_n=14)
    with pytest.raises(keyfiles.PassphraseEmpty):
        keyfiles.reseal(path, before="one", after="", log_n=14)
    keyfiles.reseal(path, before="one", after="two", log_n=14)
    assert keyfiles.load(path, passphrase="two").private_bytes == signer.private_bytes
    assert path.stat().st_mode & 0o077 == 0
    assert [p.name for p in tmp_path.iterdir()] == ["k.key"]
