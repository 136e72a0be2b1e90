# SPDX-License-Identifier: Apache-2.0
"""``make cometbft`` installs only what its pinned checksums vouch for."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from tools import cometbft

NAME = f"v0.0.1-go{cometbft.GO_VERSION}.linux-amd64"


def archive(path: Path, content: bytes = b"#!/bin/sh\necho go version go1.26.8 x/y\n") -> Path:
    """Write a toolchain of two files."""
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr(f"golang.org/toolchain@{NAME}/bin/go", content)
        zipped.writestr(f"golang.org/toolchain@{NAME}/VERSION", b"go1.26.8\n")
    return path


def test_the_checksum_is_that_of_go(tmp_path: Path) -> None:
    # sha256sum of each file by name, then of those lines: golang.org/x/mod/sumdb/dirhash, Hash1
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("m@v1/b", b"xyz")
        zipped.writestr("m@v1/a", b"abc")
    assert cometbft.module_sum(path) == "h1:wpQe6nzChOelBvPTUGHA76EixohwzWbUZHIQVy3cz4Q="


@pytest.mark.parametrize("honest", [True, False])
def test_a_toolchain_is_installed_only_with_the_pinned_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, honest: bool
) -> None:
    made = archive(tmp_path / "made.zip")
    sums = {"linux-amd64": cometbft.module_sum(made)}
    data = made.read_bytes() if honest else archive(tmp_path / "bad.zip", b"evil").read_bytes()
    monkeypatch.setattr(cometbft, "HOME", tmp_path / "home")
    monkeypatch.setattr(cometbft, "GO_SUMS", sums)
    monkeypatch.setattr(cometbft.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(cometbft.urllib.request, "urlopen", lambda *_, **__: io.BytesIO(data))
    monkeypatch.setattr(cometbft.sys, "platform", "linux")
    if honest:
        go = cometbft.fetch_go()
        assert os.access(go, os.X_OK)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert cometbft.find_go() == go
    else:
        with pytest.raises(cometbft.Failed, match="pinned checksum"):
            cometbft.fetch_go()
        assert list((tmp_path / "home").iterdir()) == []


def test_a_machine_without_a_pinned_toolchain_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cometbft.platform, "machine", lambda: "riscv64")
    with pytest.raises(cometbft.Failed, match=r"install Go 1\.25 or newer"):
        cometbft.fetch_go()


def test_a_build_of_another_version_is_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    go = tmp_path / "go"
    go.write_text(
        '#!/bin/sh\n[ "$1" = version ] && echo go version go1.30.0 && exit\n'
        'echo "$CGO_ENABLED $*" > "$GOBIN/cometbft"\n'
    )
    go.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(cometbft, "HOME", tmp_path)
    monkeypatch.setattr(cometbft, "BINARY", tmp_path / "cometbft")
    assert cometbft.main() == 1
    assert "what was built is not v0.40.0" in capsys.readouterr().err
    assert not (tmp_path / "cometbft").exists()
