# SPDX-License-Identifier: Apache-2.0
"""The command ``hanse-verify``: exit codes, both outputs, and what it refuses to do."""

import json
from pathlib import Path

import pytest
from tests.verifier.build import Ledger

from hanse_verify.__main__ import main

OURS = Ledger()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, data in OURS.genuine().items():
        (tmp_path / f"{name}.json").write_bytes(data + b"\n")
    (tmp_path / "checkpoint").write_text(OURS.note(3), "utf-8")
    return tmp_path


def test_the_exit_code_tells_the_verdict(files: Path) -> None:
    assert main(["--trust", OURS.id, f"{files}/record.json"]) == 0
    assert main(["--trust", f"{files}/checkpoint", f"{files}/record.json"]) == 0
    assert main(["--trust", OURS.id, f"{files}/withdrawn record.json"]) == 1
    assert main(["--trust", Ledger(seed="b").id, f"{files}/record.json"]) == 1
    assert main([f"{files}/record.json"]) == 5


def test_an_anchor_may_begin_with_a_dash(files: Path) -> None:
    ids = (Ledger(seed=f"dash {number}") for number in range(1_000))
    dashed = next(ledger for ledger in ids if ledger.id.startswith("-"))
    (files / "dashed.json").write_bytes(dashed.genuine()["record"])
    assert main(["--trust", dashed.id, f"{files}/dashed.json"]) == 0
    assert main([f"{files}/dashed.json", "--json", "--trust", dashed.id]) == 0
    assert main([f"--trust={dashed.id}", f"{files}/record.json"]) == 1


@pytest.mark.parametrize(
    "arguments", [[], ["absent.json"], ["--trust", "no-such-file", "record.json"], ["a", "b"]]
)
def test_wrong_usage_ends_with_2(
    files: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_a_file_that_is_no_checkpoint_is_no_anchor(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--trust", f"{files}/record.json", f"{files}/record.json"])
    assert ended.value.code == 2
    assert "the trust anchor" in capsys.readouterr().err


def test_json_output_is_one_document_with_steps_and_claim(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--json", "--trust", OURS.id, f"{files}/record.json"])
    found = json.loads(capsys.readouterr().out)
    assert sorted(found) == [
        "as_of_height", "as_of_time_ms", "claim", "digest", "height", "kind", "ledger", "steps",
        "verdict",
    ]  # fmt: skip
    assert found["verdict"] == "valid"
    assert {frozenset(step) for step in found["steps"]} == {frozenset(("step", "passed", "detail"))}
    assert found["claim"]["signer"] == "alice@acme"


def test_people_read_the_verdict_first_and_why(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--trust", OURS.id, f"{files}/withdrawn record.json"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("WITHDRAWN")
    assert any("wrong lot" in line for line in lines)


def test_nothing_in_a_file_commands_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = OURS.record((1, 0), 3)
    file["\x1b[2J\u202e"] = 1
    (tmp_path / "bad.json").write_bytes(OURS.seal(file))
    main([f"{tmp_path}/bad.json"])
    file = OURS.record((1, 0), 3)
    file["record"]["transaction"]["signatures"][0]["signer"] = "\x1b[31m\u009b@\u202eevil"
    file["record"]["transaction"]["body"]["signer"] = "\x1b[31m\u009b@\u202eevil"
    (tmp_path / "bad.json").write_bytes(OURS.seal(file))
    main([f"{tmp_path}/bad.json"])
    shown = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in shown)


def test_standard_input_is_read_for_a_dash(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (files / "record.json").open("rb") as stream:
        monkeypatch.setattr("sys.stdin", type("Input", (), {"buffer": stream}))
        assert main(["--trust", OURS.id, "-"]) == 0
    assert capsys.readouterr().out.startswith("VALID")
