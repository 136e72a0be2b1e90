# SPDX-License-Identifier: Apache-2.0
"""Commands of an operator: make and run a node, back it up, restore it, look at it."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.cli_site import BANK, WITNESS, Site, document, make_node, run


def _restored(backup: Path, folder: Path, *options: str) -> tuple[int, dict[str, object]]:
    result = run("restore", backup, folder, *options, "--json")
    return result.exit_code, document(result)


def test_a_running_node_is_backed_up_restored_and_executed_again(
    site: Site, tmp_path: Path
) -> None:
    site.open_account("kept")
    height = site.json("ledger")["height"]
    file, folder = tmp_path / "node.backup", tmp_path / "again"
    made = site.json("backup", site.folder, file)
    assert made["ledger"] == site.ledger
    assert made["log_height"] >= height
    code, found = _restored(file, folder, "--verify", "--app", BANK)
    assert code == 0
    assert found["verified"] is True
    assert found["audit"]["height"] == made["log_height"]
    assert not (folder / "keys").exists()
    # the same backup, once more into the same folder, and over itself
    assert _restored(file, folder)[1]["code"] == "folder_in_use"
    assert site.run("backup", site.folder, file).exit_code == 2


def test_a_restored_node_runs_once_its_key_is_back(site: Site, tmp_path: Path) -> None:
    site.open_account("revived")
    file, folder = tmp_path / "node.backup", tmp_path / "again"
    site.json("backup", site.folder, file)
    assert _restored(file, folder)[0] == 0
    shutil.copytree(site.folder / "keys", folder / "keys")
    command = [sys.executable, "-m", "hanse", "node", "run", str(folder), "--port", "0"]
    with subprocess.Popen(
        [*command, "--app", BANK, "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        try:
            assert ready["ledger"] == site.ledger
            options = ("--url", ready["url"], "--trust", site.ledger, "--json")
            found = document(run("state", "smallbank", "accounts", "revived", *options))
            assert found["present"] is True
        finally:
            process.terminate()
            assert process.wait(60) == 0


def test_a_sealed_backup_is_restored_to_a_height_and_starts_anew(
    site: Site, tmp_path: Path
) -> None:
    site.open_account("early")
    height = site.json("ledger")["height"]
    site.open_account("late")
    file, folder = tmp_path / "node.backup", tmp_path / "again"
    assert site.run("backup", site.folder, file, "--seal").exit_code == 2  # no passphrase
    word = {"HANSE_BACKUP_PASSPHRASE": "five words"}
    made = document(run("backup", site.folder, file, "--seal", "--json", env=word))
    assert (made["sealed"], made["signed"]) == (True, True)
    code, found = _restored(file, folder)
    assert (code, found["code"]) == (4, "passphrase_wrong")
    asked = ("restore", file, folder, "--to-height", height, "--verify", "--app", BANK, "--json")
    other = document(run(*asked, "--trust", "A" * 43, env=word))
    assert other["code"] == "backup_not_signed"
    found = document(run(*asked, "--trust", site.ledger, env=word))
    assert found["log_height"] == found["audit"]["height"] == height
    shutil.copytree(site.folder / "keys", folder / "keys")
    command = [sys.executable, "-m", "hanse", "node", "run", str(folder), "--port", "0"]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [*command, "--app", BANK, "--json"], stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        options = ("--url", ready["url"], "--trust", site.ledger, "--json")
        try:
            shown = [
                document(run("state", "smallbank", "accounts", name, *options))["present"]
                for name in ("early", "late")
            ]
        finally:
            process.terminate()
            assert process.wait(60) == 0
    assert shown == [True, False]
    assert "node_restored" in (tmp_path / "log").read_text("utf-8")
    assert not (folder / "restored.json").exists()


def test_a_damaged_backup_puts_nothing_in_place(site: Site, tmp_path: Path) -> None:
    file, folder = tmp_path / "node.backup", tmp_path / "again"
    site.json("backup", site.folder, file)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    code, found = _restored(file, folder)
    assert (code, found["code"]) == (3, "backup_damaged")
    assert not (folder / "log").exists()
    assert not (folder / "state").exists()


def test_a_backup_of_no_node_is_misconfigured(tmp_path: Path) -> None:
    result = run("backup", tmp_path, tmp_path / "x.backup", "--json")
    assert result.exit_code == 4
    assert document(result)["code"] == "not_a_node_directory"


def test_the_doctor_finds_a_healthy_node_and_an_exposed_key(tmp_path: Path) -> None:
    make_node(tmp_path)
    folder = tmp_path / "node"
    shown = run("doctor", "--dir", folder, "--app", BANK, "--json")
    assert shown.exit_code == 0, shown.output
    names = {row["name"]: row for row in document(shown)["findings"]}
    assert names["folder"]["level"] == names["key files"]["level"] == "ok"
    (folder / "keys" / "node.key").chmod(0o644)
    shown = run("doctor", "--dir", folder, "--app", BANK)
    assert shown.exit_code == 4
    assert "chmod 600" in shown.stdout
    (folder / "keys" / "node.key").unlink()
    assert run("doctor", "--dir", folder, "--app", BANK).exit_code == 4


def test_the_doctor_looks_at_a_running_node(site: Site) -> None:
    shown = site.json("doctor", "--dir", site.folder, "--app", BANK)
    names = {row["name"]: row for row in shown["findings"]}
    assert names["log"]["level"] == names["store"]["level"] == names["block time"]["level"] == "ok"


def test_a_node_is_made_once_and_needs_its_parts(tmp_path: Path) -> None:
    make_node(tmp_path)
    again = run(
        "node", "init", "--genesis", tmp_path / "genesis.toml", "--dir", tmp_path / "node", "--json"
    )
    assert again.exit_code == 4
    assert document(again)["code"] == "not_a_node_directory"


@pytest.mark.parametrize("text", ["", "network = 1", "[[members]]\nname = 1", "=", "node = 'n'"])
def test_a_genesis_description_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.toml").write_text(text, "utf-8")
    command = ("node", "init", "--genesis", tmp_path / "bad.toml", "--dir", tmp_path / "node")
    result = run(*command, "--json")
    assert result.exit_code == 1, result.output
    assert document(result)["code"] == "malformed"
    assert not (tmp_path / "node").exists()


def test_a_node_in_use_is_not_started_twice(site: Site) -> None:
    result = run("node", "run", site.folder, "--port", "0", "--app", BANK, "--json")
    assert result.exit_code == 4
    assert document(result)["code"] == "storage_in_use"


def test_a_witness_goes_on_until_it_is_told_to_stop(site: Site, tmp_path: Path) -> None:
    key = site.folder / "members" / f"witness-{WITNESS}.key"
    command = [sys.executable, "-m", "hanse", "witness", "--url", site.url, "--name", WITNESS]
    options = ["--key", str(key), "--state", str(site.folder.parent / "witness.json")]
    site.open_account("watched1")
    with subprocess.Popen(
        [*command, *options, "--trust", site.ledger, "--every", "0.05", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        site.open_account("watched2")
        second = json.loads(process.stdout.readline())
        assert second["log_size"] > first["log_size"]
        file = tmp_path / "evidence.json"
        tx = site.open_account("watched3")
        assert site.json("proof", "export", tx, "-o", file)["verdict"] == "valid"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
