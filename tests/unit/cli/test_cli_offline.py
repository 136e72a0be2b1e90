# SPDX-License-Identifier: Apache-2.0
"""Commands that need no node: keys, versions, completion, conformance, doctor."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hanse import __version__
from hanse.cli import main
from hanse.crypto import SUITES, keyfiles
from hanse.node import containment, doctor
from hanse.node.doctor import Finding


def _run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), env=env)


@pytest.mark.parametrize("suite", SUITES)
def test_a_new_key_is_the_owners_alone_and_never_shown(tmp_path: Path, suite: str) -> None:
    path = tmp_path / "ada.key"
    made = _run("key", "new", str(path), "--suite", suite, "--json")
    assert made.exit_code == 0
    shown = json.loads(made.stdout)
    assert shown["suite"] == suite
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    signer = keyfiles.load(path, passphrase=None)
    assert signer.private_bytes.hex() not in made.stdout
    assert json.loads(_run("key", "show", str(path), "--json").stdout) == shown


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "ada.key"
    _run("key", "new", str(path))
    before = path.read_bytes()
    again = _run("key", "new", str(path))
    assert again.exit_code == 4
    assert "key_file_exists" in again.stderr
    assert path.read_bytes() == before


def test_a_sealed_key_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    path = str(tmp_path / "ada.key")
    made = _run("key", "new", path, "--passphrase-env", "PASS", env={"PASS": "correct horse"})
    assert made.exit_code == 0
    assert "passphrase" in made.stdout
    assert _run("key", "show", path).exit_code == 4
    good = _run("key", "show", path, env={"HANSE_PASSPHRASE": "correct horse"})
    assert good.exit_code == 0
    assert _run("key", "show", path, env={"HANSE_PASSPHRASE": "wrong"}).exit_code == 4
    assert _run("key", "new", path + "2", "--passphrase-env", "ABSENT").exit_code == 2


def test_a_missing_key_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    shown = _run("key", "show", str(tmp_path / "absent"))
    assert shown.exit_code == 4
    assert "hanse key new" in shown.stderr


def test_a_damaged_key_file_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "bad.key"
    path.write_text("{}", "utf-8")
    path.chmod(0o600)
    assert _run("key", "show", str(path)).exit_code == 3


def test_a_file_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    shown = _run("key", "new", str(tmp_path / "absent" / "a.key"))
    assert shown.exit_code == 2


def test_the_version_names_all_that_has_one() -> None:
    shown = json.loads(_run("version", "--json").stdout)
    assert shown["hanse"] == __version__
    assert {"block_format", "contract_language", "http_api", "store_layout"} <= set(shown)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_its_completion(shell: str) -> None:
    shown = _run("completion", shell)
    assert shown.exit_code == 0
    assert "_HANSE_COMPLETE" in shown.stdout
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=shown.stdout, text=True, check=True)


def test_completion_offers_commands_and_options() -> None:
    def offered(words: str, at: int) -> set[str]:
        env = {"_HANSE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)}
        shown = CliRunner().invoke(main, [], prog_name="hanse", env=env)
        return {line.partition(",")[2] for line in shown.stdout.splitlines()}

    assert offered("hanse co", 1) == {"config", "contract", "conformance", "completion"}
    assert "submit" in offered("hanse tx ", 2)
    assert "--dry-run" in offered("hanse tx submit --d", 3)


def test_conformance_without_the_data_is_undecided_and_says_so(tmp_path: Path) -> None:
    shown = _run("conformance", "--json", env={"HANSE_VECTORS": str(tmp_path)})
    assert shown.exit_code == 5
    found = json.loads(shown.stdout)
    assert found["total"] == 0
    assert all(line["not_run"] for line in found["judges"])
    assert _run("conformance", "no-such-app").exit_code == 2


@pytest.mark.vectors
def test_conformance_with_the_data_passes_every_judge(vectors: Path) -> None:
    shown = _run("conformance", "trace", "--json", env={"HANSE_VECTORS": str(vectors)})
    found = json.loads(shown.stdout)
    assert found["passed"] == found["total"] > 100, found["judges"]
    assert shown.exit_code == 0


# doctor


def _findings(*arguments: str) -> tuple[int, dict[str, Finding]]:
    shown = _run("doctor", "--json", *arguments)
    rows = json.loads(shown.stdout)["findings"]
    return shown.exit_code, {row["name"]: Finding(**row) for row in rows}


def test_the_doctor_looks_at_the_machine_and_says_where_contracts_run() -> None:
    code, found = _findings()
    assert code == 0
    locked = containment.is_available()
    assert ("locked by" in found["containment"].detail) == locked
    assert found["containment"].level == ("ok" if locked else "note")
    assert found["httptools"].level == "ok"
    assert "p99" in found["disk"].detail
    assert all(f.fix for f in found.values() if f.level != "ok")


def test_the_doctor_fails_where_there_is_no_node(tmp_path: Path) -> None:
    code, found = _findings("--dir", str(tmp_path))
    assert code == 4
    assert found["folder"].level == "fail"


def test_a_network_mount_is_recognised(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    lines = [
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw",
        "23 22 0:40 / /srv/far rw shared:1 - nfs4 server:/x rw",
        "24 23 0:41 / /srv/far/near rw - tmpfs tmpfs rw",
    ]
    mounts.write_text("\n".join(lines), "utf-8")
    assert doctor.file_system_of(Path("/srv"), mounts) == "ext4"
    assert doctor.file_system_of(Path("/srv/far/x"), mounts) == "nfs4"
    assert doctor.file_system_of(Path("/srv/far/near"), mounts) == "tmpfs"
    assert doctor.file_system_of(Path("/"), tmp_path / "absent") is None


@pytest.mark.parametrize(("kind", "level"), [("nfs4", "fail"), ("tmpfs", "note"), ("xfs", "ok")])
def test_what_a_file_system_means(
    kind: str, level: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor, "file_system_of", lambda _: kind)
    found = [f for f in doctor.examine(tmp_path, (), port=0) if f.name == "file system"]
    assert [f.level for f in found] == [level]


def test_a_port_in_use_and_a_slow_disk_are_noted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import socket

    monkeypatch.setattr(doctor, "_sync_times_ms", lambda _: [80.0] * 10)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = {f.name: f for f in doctor.examine(None, (), port=port)}
    assert found["port"].level == "note"
    assert found["disk"].level == "note"


def test_the_clock_of_a_fresh_board_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "wall_clock_ms", lambda: 0)
    found = {f.name: f for f in doctor.examine(None, (), port=0)}
    assert found["clock"].level == "fail"


def test_a_folder_that_cannot_be_written_is_a_finding(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        place = Path("/proc")
    else:
        tmp_path.chmod(0o500)
        place = tmp_path
    found = list(doctor._disk(place))
    assert [f.level for f in found] == ["fail"]
