# SPDX-License-Identifier: Apache-2.0
"""What CometBFT says: answers become typed values, last words become verdicts, builds are read."""

import json
from pathlib import Path
from typing import Any

import pytest

from hanse.engines.cometbft.answers import (
    parse_members,
    parse_signed_header,
    parse_submissions,
    parse_time,
)
from hanse.engines.cometbft.binary import (
    SUM,
    VARIABLE,
    VERSION,
    Build,
    find_binary,
    read_build,
    verify_build,
)
from hanse.engines.cometbft.errors import (
    EngineMissing,
    EngineRefused,
    EngineVersionRefused,
    StateDiverged,
)
from hanse.engines.cometbft.parts import BlockIdFlag, Timestamp
from hanse.engines.cometbft.verdicts import judge_line
from hanse.engines.cometbft.wire import encode_varint

AB, CD = "AB" * 32, "CD" * 32
COMMIT: dict[str, Any] = {
    "signed_header": {
        "header": {
            "version": {"block": "11"},
            "chain_id": "ledger",
            "height": "2",
            "time": "2025-11-30T13:40:00.5Z",
            "last_block_id": {"hash": AB, "parts": {"total": 1, "hash": CD}},
            **dict.fromkeys(
                [
                    *("last_commit_hash", "data_hash", "validators_hash"),
                    *("next_validators_hash", "consensus_hash", "app_hash"),
                    *("last_results_hash", "evidence_hash"),
                ],
                AB,
            ),
            "proposer_address": "01" * 20,
        },
        "commit": {
            "height": "2",
            "round": 0,
            "block_id": {"hash": CD, "parts": {"total": 1, "hash": AB}},
            "signatures": [
                {
                    "block_id_flag": 2,
                    "validator_address": "01" * 20,
                    "timestamp": "2025-11-30T13:40:01.000000009Z",
                    "signature": "AAEC",
                },
                {
                    "block_id_flag": 1,
                    "validator_address": "",
                    "timestamp": "0001-01-01T00:00:00Z",
                    "signature": None,
                },
            ],
        },
    },
    "canonical": True,
}


def test_a_signed_header_becomes_typed() -> None:
    found = parse_signed_header(COMMIT)
    assert found.header.height == 2
    assert found.header.time == Timestamp(1_764_510_000, 500_000_000)
    assert found.block_id.parts.hash == b"\xab" * 32
    assert found.votes[0].signature == b"\x00\x01\x02"
    assert found.votes[0].time.nanos == 9
    assert found.votes[1].flag is BlockIdFlag.ABSENT
    assert found.votes[1].signature == b""
    assert found.canonical


def test_the_leaves_of_a_header_are_its_encoded_fields() -> None:
    leaves = parse_signed_header(COMMIT).header.leaves()
    assert len(leaves) == 14
    assert leaves[0].hex() == "080b"
    assert leaves[1] == b"\x0a\x06ledger"
    assert leaves[2].hex() == "0802"
    assert leaves[3].hex() == "08" + encode_varint(1_764_510_000).hex() + "10" + "80cab5ee01"
    assert leaves[4].hex() == "0a20" + "ab" * 32 + "1224" + "0801" + "1220" + "cd" * 32
    assert leaves[10].hex() == "0a20" + "ab" * 32
    assert leaves[13].hex() == "0a14" + "01" * 20


def test_a_commit_of_another_height_is_refused() -> None:
    other = json.loads(json.dumps(COMMIT))
    other["signed_header"]["commit"]["height"] = "3"
    with pytest.raises(ValueError, match="commit of height 3"):
        parse_signed_header(other)


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0, 0),
        ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
        ("2025-11-30T13:40:00.123456789Z", 1_764_510_000, 123_456_789),
        ("2025-11-30T13:40:00.1Z", 1_764_510_000, 100_000_000),
    ],
)
def test_times_are_read_to_the_nanosecond(text: str, seconds: int, nanos: int) -> None:
    assert parse_time(text) == Timestamp(seconds, nanos)


@pytest.mark.parametrize(
    "text",
    [
        "2025-11-30T13:40:00",
        "2025-11-30T13:40:00+01:00",
        "2025-11-30Z",
        "2025-11-30T13:40:00.1234567890Z",
        "2025-11-30T13:40:00.x1Z",
        "2025-13-30T13:40:00Z",
        "",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


def test_members_and_submissions_are_read() -> None:
    member = {
        "address": "01" * 20,
        "pub_key": {"type": "tendermint/PubKeyEd25519", "value": "AQI="},
        "voting_power": "10",
    }
    total, [found] = parse_members({"validators": [member], "total": "5"})
    assert (total, found.public_key, found.power) == (5, b"\x01\x02", 10)
    assert parse_submissions({"block": {"data": {"txs": ["YQ==", ""]}}}) == (b"a", b"")
    assert parse_submissions({"block": {"data": {"txs": None}}}) == ()


def error(message: str, **more: str) -> str:
    """Return a line of the engine's log."""
    return json.dumps(
        {"_msg": message, "level": "error", "module": "consensus", **more}, separators=(",", ":")
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            error("CONSENSUS FAILURE!!!", err="failed to write: no space left on device"),
            "disk_full",
        ),
        (error("CONSENSUS FAILURE!!!", err="something new"), "consensus_failed"),
        (
            error("found conflicting vote from ourselves; did you unsafe_reset a validator?"),
            "signed_twice",
        ),
        (
            "panic: Failed to start consensus state: found signature from the same key",
            "signed_recently",
        ),
        ("ERROR: app block height (9) is higher than core (7)", "engine_behind"),
        ("ERROR: app block height (1) is too far below block store base (5)", "engine_pruned"),
        ("ERROR: listen tcp 127.0.0.1:1: bind: address already in use", "address_taken"),
        ("ERROR: resource temporarily unavailable", "home_in_use"),
        ("ERROR: error in config file: mempool.type", "configuration_refused"),
    ],
)
def test_last_words_become_a_refusal_with_a_remedy(line: str, reason: str) -> None:
    verdict = judge_line(line)
    assert isinstance(verdict, EngineRefused)
    assert verdict.reason == reason
    assert len(verdict.remedy) > 20


@pytest.mark.parametrize(
    "line",
    [
        error("CONSENSUS FAILURE!!!", err="+2/3 committed an invalid block: wrong Block.Header"),
        "panic: state.AppHash does not match AppHash after replay. Got",
        "panic: block.AppHash does not match AppHash after replay. Got 1, expected 2.",
    ],
)
def test_another_state_than_the_others_have_is_told_apart(line: str) -> None:
    assert isinstance(judge_line(line), StateDiverged)


@pytest.mark.parametrize(
    "line",
    [
        # a proposal of one node that nobody took, and what a peer says of itself
        error("prevote step: consensus deems this block invalid", err="wrong Block.Header.AppHash"),
        error("Connection failed", peer="CONSENSUS FAILURE!!! panic: no space left on device"),
        error('x","_msg":"CONSENSUS FAILURE!!!', err="+2/3 committed an invalid block"),
        '{"_msg":"CONSENSUS FAILURE!!!","level":"info"}',
        error("CONSENSUS FAILURE!!!", err="failed to apply block; error read message: EOF"),
        '{"level":"error" and no JSON',
        "panic: something that a restart may mend",
        "goroutine 1 [running]: no space left on device",
        "",
    ],
)
def test_words_that_prove_nothing_end_nothing(line: str) -> None:
    assert judge_line(line) is None


def go_binary(path: Path, text: str, *, go: str = "go1.26.8", flags: int = 2) -> Path:
    """Write a file that looks like one built by Go, as far as its build information."""
    modules = b"\x00" * 16 + text.encode() + b"\x00" * 16
    head = b"\xff Go buildinf:\x08" + bytes([flags]) + bytes(16)
    body = encode_varint(len(go)) + go.encode() + encode_varint(len(modules)) + modules
    path.write_bytes(b"\x7fELF" + bytes(4096) + head + body + bytes(100))
    path.chmod(0o700)
    return path


GOOD = f"path\tx\nmod\tgithub.com/cometbft/cometbft\t{VERSION}\t{SUM}\ndep\ty\tv1\th1:z\n"


def test_a_build_is_read_without_running_it(tmp_path: Path) -> None:
    path = go_binary(tmp_path / "b", GOOD)
    wanted = Build("go1.26.8", "github.com/cometbft/cometbft", VERSION, SUM)
    assert read_build(path) == verify_build(path) == wanted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (GOOD.replace(VERSION, "v1.0.1"), "GHSA-c32p-wcqj-j677"),
        (GOOD.replace(VERSION, "v0.38.26"), "v0.40.x"),
        (GOOD.replace(VERSION, "(devel)"), "v0.40.x"),
        (GOOD.replace(SUM, "h1:other"), "its source is not"),
        (GOOD.replace("cometbft/cometbft", "other/thing"), "it is not CometBFT"),
        ("path\tx\n", "it is not CometBFT"),
    ],
)
def test_another_build_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(EngineVersionRefused, match=why.replace("(", r"\(")):
        verify_build(go_binary(tmp_path / "b", text))


def test_a_later_release_of_the_line_is_taken(tmp_path: Path) -> None:
    later = GOOD.replace(VERSION, "v0.40.1").replace(SUM, "h1:unknown")
    assert verify_build(go_binary(tmp_path / "b", later)).version == "v0.40.1"


@pytest.mark.parametrize(
    "data", [b"", b"#!/bin/sh\n", b"\xff Go buildinf:", b"\xff Go buildinf:\x08\x02"]
)
def test_what_is_no_go_binary_says_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b").write_bytes(data)
    assert read_build(tmp_path / "b") is None
    assert read_build(tmp_path / "absent") is None


def test_a_named_binary_is_the_only_candidate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = go_binary(tmp_path / "b", GOOD)
    monkeypatch.setenv(VARIABLE, str(path))
    assert find_binary() == path
    monkeypatch.setenv(VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(EngineMissing, match="absent"):
        find_binary()


def test_a_binary_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = go_binary(tmp_path / "cometbft", GOOD)
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.prefix", str(tmp_path / "none" / ".venv"))
    monkeypatch.chdir(tmp_path)
    assert find_binary() == path
