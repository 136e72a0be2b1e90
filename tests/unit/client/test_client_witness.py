# SPDX-License-Identifier: Apache-2.0
"""A witness signs what extends all that it signed before, and nothing else."""

import os
from pathlib import Path

import pytest
from client_fakes import START_MS, FakeGateway, FakeLedger, build_genesis, edited, signer_of

from hanse.client import Client, ForkSeen, NotCosigned, Witness, open_witness
from hanse.client.note import (
    Note,
    encode_note,
    parse_note,
    verify_operator,
    verify_witnesses,
    with_lines,
)
from hanse.client.witness import WitnessState, WitnessStateUnusable
from hanse.codec.base64url import to_bytes
from hanse.codec.limits import CLOCK_SKEW_MS_MAX
from hanse.errors import HanseError, Malformed, ProofInvalid

NAME = "w-east"


class Saved(list[WitnessState]):
    """What was made durable, in order."""

    def save(self, state: WitnessState) -> None:
        self.append(state)


def grow(ledger: FakeLedger, blocks: int) -> None:
    for n in range(blocks):
        ledger.put("book", "lots", f"{len(ledger.blocks)}.{n}", n)
        ledger.close_block([])


def open_one(ledger: FakeLedger, state: WitnessState | None = None) -> tuple[Witness, Saved]:
    saved = Saved()
    return Witness(ledger.genesis, NAME, signer_of(NAME), state, saved.save), saved


def ask(witness: Witness, ledger: FakeLedger, height: int, skew_ms: int = 0):
    block = ledger.blocks[height]
    size = block.note.checkpoint.size
    path: list[bytes] = []
    if 0 < witness.size < size:
        path = [to_bytes(h) for h in ledger.consistency(witness.size, size)["path"]]
    now_ms = START_MS + 500 * height + skew_ms
    return witness.cosign(encode_note(block.note), block.header, block.header_path, path, now_ms)


@pytest.fixture
def ledger() -> FakeLedger:
    ledger = FakeLedger(build_genesis(quorum=1))
    grow(ledger, 5)
    return ledger


def test_a_cosignature_holds_for_every_verifier(ledger: FakeLedger) -> None:
    witness, saved = open_one(ledger)
    line = ask(witness, ledger, 2)
    note = with_lines(ledger.blocks[2].note, [line])
    assert verify_witnesses(note, ledger.genesis) == (NAME,)
    assert [state.size for state in saved] == [note.checkpoint.size] == [witness.size]


def test_the_state_is_durable_before_the_signature_leaves(ledger: FakeLedger) -> None:
    def fail(state: WitnessState) -> None:
        raise OSError(28, "no space")

    witness = Witness(ledger.genesis, NAME, signer_of(NAME), None, fail)
    with pytest.raises(OSError, match="no space"):
        ask(witness, ledger, 1)
    assert witness.size == 0


def test_the_log_may_grow_and_the_same_size_may_be_signed_again(ledger: FakeLedger) -> None:
    witness, saved = open_one(ledger)
    for height in (1, 1, 3, 5):
        ask(witness, ledger, height)
    assert len(saved) == 3


def test_a_smaller_size_is_refused(ledger: FakeLedger) -> None:
    witness, saved = open_one(ledger)
    ask(witness, ledger, 4)
    with pytest.raises(NotCosigned, match="size"):
        ask(witness, ledger, 3)
    assert len(saved) == 1


@pytest.mark.parametrize("shared", [0, 1, 2])
def test_a_fork_is_refused_and_nothing_is_signed(ledger: FakeLedger, shared: int) -> None:
    witness, saved = open_one(ledger)
    ask(witness, ledger, 3)
    other = FakeLedger(ledger.genesis.raw)
    grow(other, shared)
    other.put("book", "lots", "forged", 1)
    grow(other, 7 - shared)
    for height in range(3, len(other.blocks)):
        with pytest.raises(ForkSeen):
            ask(witness, other, height)
    assert len(saved) == 1
    ask(witness, ledger, 5)


def test_a_wrong_or_missing_consistency_path_is_refused(ledger: FakeLedger) -> None:
    witness, _ = open_one(ledger)
    ask(witness, ledger, 1)
    block = ledger.blocks[4]
    good = [to_bytes(h) for h in ledger.consistency(2, 5)["path"]]
    text, now_ms = encode_note(block.note), START_MS + 2_000
    for path in ([], good[:-1], good[::-1], [*good, good[0]], [b"\0" * 32] * len(good)):
        with pytest.raises(ForkSeen):
            witness.cosign(text, block.header, block.header_path, path, now_ms)
    with pytest.raises(NotCosigned, match="too long"):
        witness.cosign(text, block.header, block.header_path, good * 99, now_ms)
    witness.cosign(text, block.header, block.header_path, good, now_ms)


@pytest.mark.parametrize("skew_ms", [-CLOCK_SKEW_MS_MAX, 0, CLOCK_SKEW_MS_MAX])
def test_a_header_within_a_minute_of_the_clock_is_signed(ledger, skew_ms: int) -> None:
    ask(open_one(ledger)[0], ledger, 2, skew_ms)


@pytest.mark.parametrize("skew_ms", [-CLOCK_SKEW_MS_MAX - 1, CLOCK_SKEW_MS_MAX + 1, 10**10])
def test_a_header_more_than_a_minute_off_is_refused(ledger, skew_ms: int) -> None:
    witness, saved = open_one(ledger)
    with pytest.raises(NotCosigned, match="clock"):
        ask(witness, ledger, 2, skew_ms)
    assert not saved


def test_block_time_never_runs_backwards(ledger: FakeLedger) -> None:
    state = WitnessState(
        ledger=ledger.genesis.ledger,
        root=_root_text(ledger.blocks[1].note),
        size=2,
        time_ms=START_MS + 10_000,
    )
    witness, _ = open_one(ledger, state)
    with pytest.raises(NotCosigned, match="backwards"):
        ask(witness, ledger, 3)


def _root_text(note: Note) -> str:
    from hanse.codec.base64url import to_text

    return to_text(note.checkpoint.root)


def test_a_header_that_is_not_in_the_note_is_refused(ledger: FakeLedger) -> None:
    witness, _ = open_one(ledger)
    one, two = ledger.blocks[1], ledger.blocks[2]
    with pytest.raises(ProofInvalid):
        witness.cosign(encode_note(two.note), one.header, one.header_path, [], START_MS)
    with pytest.raises(ProofInvalid):
        witness.cosign(encode_note(one.note), one.header, two.header_path, [], START_MS)


def test_another_operators_note_is_refused(ledger: FakeLedger) -> None:
    forged = FakeLedger(ledger.genesis.raw, operator="thief")
    with pytest.raises(ProofInvalid, match="operator"):
        ask(open_one(ledger)[0], forged, 0)


def test_a_witness_signs_only_with_its_own_key(ledger: FakeLedger) -> None:
    for name, key in ((NAME, "thief"), ("nobody", NAME)):
        with pytest.raises(WitnessStateUnusable):
            Witness(ledger.genesis, name, signer_of(key), None, Saved().save)


def test_the_state_of_another_ledger_is_refused(ledger: FakeLedger) -> None:
    state = WitnessState(ledger="A" * 43, root="A" * 43, size=3, time_ms=0)
    with pytest.raises(WitnessStateUnusable, match="another ledger"):
        open_one(ledger, state)


def test_a_witness_remembers_over_a_restart(ledger: FakeLedger, tmp_path: Path) -> None:
    path = tmp_path / "witness.json"
    first = open_witness(ledger.genesis, NAME, signer_of(NAME), path)
    ask(first, ledger, 4)
    again = open_witness(ledger.genesis, NAME, signer_of(NAME), path)
    assert again.size == first.size == 5
    with pytest.raises(NotCosigned):
        ask(again, ledger, 3)
    assert path.stat().st_mode & 0o077 == 0
    assert [p.name for p in tmp_path.iterdir()] == ["witness.json"]


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b'{"ledger":"x"}', b"\xff"])
def test_a_damaged_state_is_not_taken_for_a_first_start(ledger, tmp_path: Path, data) -> None:
    path = tmp_path / "witness.json"
    path.write_bytes(data)
    with pytest.raises(WitnessStateUnusable):
        open_witness(ledger.genesis, NAME, signer_of(NAME), path)


def test_every_torn_state_is_refused(ledger: FakeLedger, tmp_path: Path) -> None:
    path = tmp_path / "witness.json"
    ask(open_witness(ledger.genesis, NAME, signer_of(NAME), path), ledger, 4)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(WitnessStateUnusable):
            open_witness(ledger.genesis, NAME, signer_of(NAME), path)


def test_the_file_is_synced_before_it_counts(ledger, tmp_path: Path, monkeypatch) -> None:
    calls: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        calls.append("fsync")
        real_sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        calls.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    ask(open_witness(ledger.genesis, NAME, signer_of(NAME), tmp_path / "w.json"), ledger, 1)
    assert calls == ["fsync", "rename", "fsync"]


def test_a_client_carries_the_cosignature_to_the_node(ledger: FakeLedger) -> None:
    gateway = FakeGateway(ledger)
    now_ms = [START_MS + 2_500]
    client = Client(transport=gateway, trust=ledger.genesis.ledger, now_ms=lambda: now_ms[0])
    witness, _ = open_one(ledger)
    size = client.cosign(witness)
    grow(ledger, 4)
    assert client.cosign(witness) == size + 4
    report = client.checkpoint_update()
    assert report.witnesses == (NAME,)
    assert report.witnessed == ledger.blocks[-1].note.checkpoint
    gateway.lie = edited("/v1/consistency", lambda d: d.update(path=[]))
    grow(ledger, 1)
    with pytest.raises(HanseError):
        client.cosign(witness)


def test_a_client_cosigns_the_checkpoint_that_the_node_waits_for(ledger: FakeLedger) -> None:
    gateway = FakeGateway(ledger)
    client = Client(transport=gateway, trust=ledger.genesis.ledger, now_ms=lambda: START_MS)
    witness, _ = open_one(ledger)
    gateway.wanted = 2
    assert client.cosign(witness) == ledger.blocks[2].note.checkpoint.size
    assert list(ledger.cosigned) == [2]
    forged = FakeLedger(ledger.genesis.raw)
    forged.put("book", "lots", "forged", 1)
    grow(forged, 5)
    gateway.lie = lambda q, r: (
        type(r)(200, "", encode_note(forged.note(3)).encode()) if q.path == "/v1/checkpoint" else r
    )
    with pytest.raises(ProofInvalid, match="no recent header"):
        client.cosign(witness)


# ---- the text of notes


def good_note(ledger: FakeLedger) -> str:
    ledger.cosign(3, "w-east", "w-west")
    return encode_note(ledger.note(3))


def test_a_note_has_exactly_one_text(ledger: FakeLedger) -> None:
    text = good_note(ledger)
    assert encode_note(parse_note(text)) == text
    body, lines = text.split("\n\n")
    origin, size, root = body.split("\n")
    operator, east, west = lines.removesuffix("\n").split("\n")
    for other in (
        text + "\n", text.removesuffix("\n"), text.replace("\n", "\r\n"), "\n" + text,
        text.replace(f"\n{size}\n", f"\n0{size}\n"), text.replace(f"\n{size}\n", f"\n+{size}\n"),
        text.replace(f"\n{size}\n", "\n0\n"), text.replace(f"\n{size}\n", f"\n{2**53}\n"),
        text.replace(f"\n{size}\n", "\n\u0664\n"), text.replace(root, root.rstrip("=")),
        text.replace(root, root[:-2] + "B="), text.replace("hanse/", "Hanse/"),
        text.replace("\u2014 w-east", "- w-east"), text.replace("\u2014 w-east", "\u2014  w-east"),
        f"{body}\nextra\n\n{lines}", f"{body}\n\n{operator}\n{west}\n{east}\n",
        f"{body}\n\n{operator}\n{east}\n{east}\n", f"{body}\n\n", body, "", origin,
        text.replace("w-east", "w+east"), text.replace(east[-8:], east[-8:] + " "),
    ):  # fmt: skip
        with pytest.raises(Malformed):
            parse_note(other)


def test_a_note_signed_by_another_or_over_another_size_is_refused(ledger: FakeLedger) -> None:
    note = parse_note(good_note(ledger))
    verify_operator(note, ledger.genesis)
    checkpoint = note.checkpoint
    for other in (
        type(checkpoint)(checkpoint.ledger, checkpoint.size + 1, checkpoint.root),
        type(checkpoint)(checkpoint.ledger, checkpoint.size, bytes(32)),
        type(checkpoint)("A" * 43, checkpoint.size, checkpoint.root),
    ):
        with pytest.raises(ProofInvalid):
            verify_operator(Note(other, note.lines), ledger.genesis)
        with pytest.raises(ProofInvalid):
            verify_witnesses(Note(other, note.lines), ledger.genesis)
    with pytest.raises(ProofInvalid):
        verify_operator(Note(checkpoint, note.lines[1:]), ledger.genesis)
