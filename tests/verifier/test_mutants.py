# SPDX-License-Identifier: Apache-2.0
"""No forgery of genuine evidence passes: thousands of single changes, splices and respellings."""

import json
from collections.abc import Callable
from itertools import islice, permutations
from multiprocessing import get_context

import pytest
from tests.verifier import engine
from tests.verifier.build import Ledger, b64, canon, text_key
from tests.verifier.judge import verify
from tests.verifier.mutate import accepted, byte_changes, mutants, respellings, sealed, splices

from hanse.client.evidence import verify as verify_by_ledger

# a stride is prime, so that it does not fall into step with the mutator's own rhythm
FULL, SPARSE, RARE = 1, 31, 211
NETWORKS = {
    "ed25519": (Ledger(), FULL),
    "p256": (Ledger("p256-sha256"), SPARSE),
    "sm2": (Ledger("sm2-sm3"), RARE),  # pure Python, and slow
    "cometbft": (Ledger(cometbft=True), SPARSE),
    "cometbft, changed twice": (Ledger(changes=engine.CHANGES), SPARSE),
}


def judge(ledger: Ledger) -> Callable[[bytes], str]:
    return lambda data: verify(data, ledger.id).verdict


def changed_fields(network: str, name: str) -> tuple[int, list[str]]:
    """Judge a file with each of its fields changed; what files before it have, too, less often."""
    ledger, stride = NETWORKS[network]
    files = ledger.genuine()
    others = list(files.values())[: list(files).index(name)]
    made = mutants(files[name], 7 if stride == RARE else 1, 7, others)
    return accepted(made, judge(ledger), files.values())


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_no_changed_field_of_any_file_is_accepted(network: str) -> None:
    ledger, stride = NETWORKS[network]
    names = list(ledger.genuine())
    with get_context("fork").Pool() as pool:  # two files at a time, where there are two cores
        found = pool.starmap(changed_fields, [(network, name) for name in names], chunksize=1)
    for name, (count, wrong) in zip(names, found, strict=True):
        assert count > (40 if stride == RARE else 400), name
        assert wrong == [], name
    assert sum(count for count, _ in found) > (2_000 if stride == RARE else 20_000)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_no_splice_of_two_genuine_files_is_accepted(network: str) -> None:
    ledger, stride = NETWORKS[network]
    files = ledger.genuine()
    made = (m for a, b in permutations(files.values(), 2) for m in splices(a, b))
    count, wrong = accepted(islice(made, 0, None, stride), judge(ledger), files.values())
    assert wrong == []
    assert count > {FULL: 3_000, SPARSE: 90, RARE: 10}[stride]


@pytest.mark.slow
def test_no_splice_of_files_of_two_ledgers_is_accepted() -> None:
    ours, theirs = Ledger(), Ledger(seed="b")
    files = [*ours.genuine().values(), *theirs.genuine().values()]
    for ledger in (ours, theirs):
        pairs = zip(ours.genuine().values(), theirs.genuine().values(), strict=True)
        made = (m for a, b in pairs for m in (*splices(a, b), *splices(b, a)))
        count, wrong = accepted(made, judge(ledger), files)
        assert wrong == []
        assert count > 1_000


@pytest.mark.parametrize("network", NETWORKS)
def test_no_second_spelling_of_a_genuine_file_is_accepted(network: str) -> None:
    ledger, _ = NETWORKS[network]
    files = ledger.genuine()
    for name, data in files.items():
        count, wrong = accepted(respellings(data), judge(ledger), files.values())
        assert count > 20
        assert wrong == [], name


def test_no_changed_byte_is_accepted() -> None:
    ledger = NETWORKS["ed25519"][0]
    files = ledger.genuine()
    for name, step in (("record", 11), ("state value", 5)):
        made = byte_changes(files[name], step)
        count, wrong = accepted(made, judge(ledger), files.values())
        assert wrong == [], name
        assert count > 3_000


def test_a_key_that_the_state_holds_cannot_be_called_absent() -> None:
    ledger = NETWORKS["ed25519"][0]
    for contract in ("registry", "book"):
        held = ledger.states[3][contract]
        for key in held:
            file = ledger.value(contract, text_key("lots", "L99"), 3)
            assert verify(canon(file), ledger.id).verdict == "valid"
            file["key"] = b64(key)
            assert verify(ledger.seal(file), ledger.id).verdict == "not_valid"
            file["state"] = ledger.proof(3, contract, key)
            del file["state"]["entries"][0]["value"]
            assert verify(ledger.seal(file), ledger.id).verdict == "not_valid"


@pytest.mark.parametrize("judge", [verify, verify_by_ledger])
def test_the_key_of_an_absence_cannot_be_exchanged_in_a_file(judge: Callable) -> None:
    """Who makes the digest anew has another file, which states another truth: see the digests."""
    ledger = NETWORKS["ed25519"][0]
    genuine = ledger.genuine()["absent key"]
    file = json.loads(genuine)
    other = next(
        key
        for key in (text_key("lots", f"Z{n}") for n in range(10_000))
        if ledger.proof(3, "book", key) == file["state"]
    )
    changed = canon(file | {"key": b64(other)})
    result = judge(changed, ledger.id)
    assert (result.verdict, result.steps[-1].step) == ("not_valid", "format")
    assert "digest" in result.steps[-1].detail
    again = judge(ledger.seal(file | {"key": b64(other)}), ledger.id)
    assert again.verdict == "valid"
    shown = again.to_document()
    assert shown["claim"]["key"] == [other[6:-1].decode()]
    assert shown["digest"] != judge(genuine, ledger.id).to_document()["digest"] == file["digest"]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_digest_alone_refuses_each_change(network: str) -> None:
    ledger, _ = NETWORKS[network]
    file = ledger.record((1, 0), 3)
    for digest in ("", b64(bytes(32)), file["digest"][:-1], file["digest"] + "A", None, 1):
        result = verify(canon(file | {"digest": digest}), ledger.id)
        assert (result.verdict, len(result.steps)) == ("not_valid", 1)
    del file["digest"]
    assert verify(canon(file), ledger.id).verdict == "not_valid"


def test_without_a_trust_anchor_a_changed_file_is_not_valid_either() -> None:
    ledger = NETWORKS["ed25519"][0]
    data = ledger.genuine()["record"]
    for name, made in mutants(data, SPARSE):
        for tried in (made, sealed(made) or made):
            assert verify(tried, None).verdict == "not_valid" or tried == data, name
