# SPDX-License-Identifier: Apache-2.0
"""The second verifier: the verdicts of the first, on the same files and on forgeries of them."""

from functools import cache
from itertools import islice

import pytest
from tests.verifier import engine, mutate
from tests.verifier.build import Ledger
from tests.verifier.judge import verify as verify_alone

from hanse.client.evidence import STEPS, verify
from hanse.codec.limits import EVIDENCE_BYTES_MAX

SUITES = ("ed25519-sha256", "p256-sha256", "sm2-sm3")


@cache
def ledger_of(suite: str) -> Ledger:
    return Ledger(suite)


@cache
def files_of(suite: str) -> dict[str, bytes]:
    return ledger_of(suite).genuine()


def plain(result) -> dict[str, object]:
    """Return a result's document without the wording, which is each implementation's own."""
    document = dict(result.to_document())
    document["verdict"] = str(document["verdict"])
    document["steps"] = [(step["step"], step["passed"]) for step in document["steps"]]
    return document


@pytest.mark.parametrize("suite", SUITES)
def test_both_verifiers_say_the_same_of_genuine_files(suite: str) -> None:
    ledger = ledger_of(suite)
    anchors = (ledger.id, None, "", "A" * 43, ledger.note(3), ledger.note(1), ledger.note(3)[:-1])
    for name, data in files_of(suite).items():
        for trust in anchors:
            assert plain(verify(data, trust)) == plain(verify_alone(data, trust)), (name, trust)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("record", "valid"),
        ("refusal", "valid"),
        ("joint record", "valid"),
        ("withdrawn record", "withdrawn"),
        ("record before its withdrawal", "valid"),
        ("state value", "valid"),
        ("absent key", "valid"),
        ("absent contract", "valid"),
    ],
)
def test_genuine_files_have_their_verdict_with_and_without_anchor(name: str, verdict: str) -> None:
    data = files_of("ed25519-sha256")[name]
    result = verify(data + b"\n", ledger_of("ed25519-sha256").id)
    assert result.verdict == verdict
    assert [step.step for step in result.steps] == list(STEPS)
    assert result.exit_code == (0 if verdict == "valid" else 1)
    alone = verify(data, None)
    assert (alone.verdict, alone.exit_code) == ("unknown_issuer", 5)


def test_a_forged_ledger_of_the_same_names_is_not_valid() -> None:
    forged = Ledger("ed25519-sha256", seed="thief")
    for data in forged.genuine().values():
        result = verify(data, ledger_of("ed25519-sha256").id)
        assert (result.verdict, result.steps[-1].step) == ("not_valid", "finality")


@pytest.mark.parametrize("name", ["joint record", "withdrawn record", "absent key"])
def test_no_mutant_is_accepted_and_both_verifiers_agree(name: str) -> None:
    ledger, data = ledger_of("ed25519-sha256"), files_of("ed25519-sha256")[name]
    sample = islice(mutate.mutants(data), None, None, 7)
    for what, mutant in sample:
        for made in (mutant, mutate.sealed(mutant) or mutant):
            mine, other = verify(made, ledger.id), verify_alone(made, ledger.id)
            assert mine.verdict == str(other.verdict), what
            if mine.verdict != "not_valid" and made.removesuffix(b"\n") != data:
                assert made is not mutant, what
                assert mutate.is_other_absence(made, [data]), what


def test_no_other_spelling_of_a_file_is_accepted() -> None:
    ledger, data = ledger_of("ed25519-sha256"), files_of("ed25519-sha256")["record"]
    for what, other in mutate.respellings(data):
        if other != data:
            assert verify(other, ledger.id).verdict == "not_valid", what


@cache
def cometbft(*, changed: bool = False) -> tuple[Ledger, dict[str, bytes]]:
    changes = engine.CHANGES if changed else None
    ledger = Ledger("ed25519-sha256", seed="engine", cometbft=True, changes=changes)
    return ledger, ledger.genuine()


@pytest.mark.parametrize("changed", [False, True])
def test_commits_of_the_engine_have_the_same_verdicts(*, changed: bool) -> None:
    ledger, files = cometbft(changed=changed)
    for name, data in files.items():
        for trust in (ledger.id, None, "A" * 43, ledger.note(3)):
            assert plain(verify(data, trust)) == plain(verify_alone(data, trust)), (name, trust)
    assert verify(files["record"], ledger.id).verdict == "valid"


@pytest.mark.parametrize(("changed", "step"), [(False, 1), (True, 5)])
def test_no_forged_commit_is_accepted_and_both_verifiers_agree(*, changed: bool, step: int) -> None:
    ledger, files = cometbft(changed=changed)
    count = 0
    for what, mutant in mutate.mutants(files["absent contract"], step):
        if "/certificate" not in what and "engine" not in what:
            continue
        count += 1
        for made in (mutant, mutate.sealed(mutant) or mutant):
            mine, other = verify(made, ledger.id), verify_alone(made, ledger.id)
            assert mine.verdict == str(other.verdict) == "not_valid", what
    assert count > 500


@pytest.mark.parametrize("votes", ["2222", "2221", "2211", "2333", "1222", "3322", "2122", "1111"])
def test_more_than_two_thirds_of_the_power_must_have_voted(votes: str) -> None:
    ledger, _ = cometbft()
    file = ledger.value("book", b"lots\x000L7\x00", 3)
    header = ledger.headers[3]
    block_id = ledger.tag("header", header)
    height = header["engine_height"] + 1
    made = engine.commit("engine", height, block_id, votes, chain=ledger.id)
    file["certificate"] = {"engine": "cometbft", "steps": [], **made}
    data = ledger.seal(file)
    powers = sorted(engine.POWERS.values(), reverse=True)
    signed = sum(p for p, vote in zip(powers, votes, strict=True) if vote == "2")
    expected = "valid" if 3 * signed > 2 * sum(powers) else "not_valid"
    assert verify(data, ledger.id).verdict == expected
    assert str(verify_alone(data, ledger.id).verdict) == expected


def test_the_operator_alone_does_not_speak_for_the_validators() -> None:
    ledger, _ = cometbft()
    file = ledger.value("book", b"lots\x000L7\x00", 3)
    file["certificate"] = ledger.certificate(3, embedded=True)
    assert verify(ledger.seal(file), ledger.id).verdict == "not_valid"


@pytest.mark.parametrize("data", [b"", b"\n", b"null", b"[]", b"{}", b"\xff", b"[" * 10_000])
def test_rubbish_is_not_valid_and_never_raises(data: bytes) -> None:
    result = verify(data, "A" * 43)
    assert (result.verdict, [s.step for s in result.steps]) == ("not_valid", ["format"])


def test_a_file_beyond_the_limit_is_refused_unread() -> None:
    result = verify(b" " * (EVIDENCE_BYTES_MAX + 1), None)
    assert "too_large" in result.steps[0].detail
