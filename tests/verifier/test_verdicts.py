# SPDX-License-Identifier: Apache-2.0
"""What the stand-alone verifier says of genuine evidence, and of whole ledgers that are forged."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.verifier.build import Ledger, b64, canon, text_key
from tests.verifier.judge import Result, verify

from hanse.client.evidence import verify as verify_by_ledger

SUITES = ("ed25519-sha256", "p256-sha256", "sm2-sm3")
STEPS = ["format", "signature", "inclusion", "finality", "key status", "withdrawal"]
OURS = Ledger()
JOINT = OURS.record((1, 2), 3)


def failed(result: Result) -> str:
    assert result.verdict == "not_valid"
    assert [step.step for step in result.steps] == STEPS[: len(result.steps)]
    assert all(step.passed for step in result.steps[:-1])
    assert not result.steps[-1].passed
    return result.steps[-1].step


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("cometbft", [False, True])
def test_genuine_evidence_is_valid_in_six_named_steps(suite: str, cometbft: bool) -> None:
    ledger = Ledger(suite, cometbft=cometbft)
    for name, data in ledger.genuine().items():
        result = verify(data, ledger.id)
        assert [step.step for step in result.steps] == STEPS
        withdrawn = name == "withdrawn record"
        assert result.verdict == ("withdrawn" if withdrawn else "valid"), (name, result.steps)
        assert [step.passed for step in result.steps] == [True] * 5 + [not withdrawn]
        assert verify(data + b"\n", ledger.id) != verify(data + b"\n\n", ledger.id)
        assert verify(data, None).verdict == "unknown_issuer"


def test_the_claim_tells_who_did_what_and_what_came_of_it() -> None:
    result = verify(OURS.genuine()["refusal"], OURS.id).to_document()
    tx = OURS.records[1, 1][2]["tx"]
    assert result["claim"] == {
        "action": "move", "code": "not_holder", "contract": "book", "signer": "bob@beta",
        "status": "rejected", "tx": tx,
    }  # fmt: skip
    assert (result["kind"], result["height"], result["as_of_height"]) == ("record", 1, 3)
    assert (result["ledger"], result["as_of_time_ms"]) == (OURS.id, 1_790_000_001_500)
    result = verify(OURS.genuine()["absent key"], OURS.id).to_document()
    assert result["claim"] == {
        "contract": "book", "key": ["L99"], "map": "lots", "present": False, "value": None
    }  # fmt: skip


def test_a_withdrawal_is_shown_with_who_when_and_why() -> None:
    step = verify(OURS.genuine()["withdrawn record"], OURS.id).steps[-1]
    for part in ("carol@acme", "height 3", "wrong lot", "1790000001500"):
        assert part in step.detail


@pytest.mark.parametrize("suite", SUITES)
def test_a_forged_ledger_with_the_same_names_is_another_ledger(suite: str) -> None:
    ours, forged = Ledger(suite), Ledger(suite, seed="mallory")
    assert [m["id"] for m in ours.genesis["members"]] == [
        m["id"] for m in forged.genesis["members"]
    ]
    for data in forged.genuine().values():
        assert failed(verify(data, ours.id)) == "finality"
        assert "another ledger" in verify(data, ours.id).steps[-1].detail
        assert verify(data, None).verdict == "unknown_issuer"


def test_a_forged_history_under_the_genuine_genesis_is_not_final() -> None:
    for kind in ({}, {"cometbft": True}):
        ours = Ledger(**kind)
        forged = Ledger(seed="mallory", genesis=ours.genesis, **kind)
        assert forged.id == ours.id
        for data in forged.genuine().values():
            assert failed(verify(data, ours.id)) == "finality"


def test_no_mix_of_genuine_and_forged_parts_is_accepted() -> None:
    ours, forged = Ledger(), Ledger(seed="mallory", genesis=OURS.genesis)
    for name in ("record", "joint record", "absent key"):
        true, false = json.loads(ours.genuine()[name]), json.loads(forged.genuine()[name])
        for mask in range(1, 2 ** len(true) - 1):
            parts = {
                key: (true if mask >> at & 1 else false)[key] for at, key in enumerate(sorted(true))
            }
            for data in (canon(parts), ours.seal(parts)):
                if data not in (canon(true), canon(false)):
                    assert verify(data, ours.id).verdict == "not_valid", (name, mask)


# the trust anchor


def test_a_checkpoint_is_a_trust_anchor_for_exactly_its_size_and_root() -> None:
    files = OURS.genuine()
    assert verify(files["record"], OURS.note(3)).verdict == "valid"
    assert verify(files["record"], OURS.note(3, witnesses=())).verdict == "valid"
    assert failed(verify(files["record"], OURS.note(2))) == "finality"
    assert failed(verify(files["joint record, older header"], OURS.note(3))) == "finality"
    assert failed(verify(files["record"], Ledger(seed="b").note(3))) == "finality"


def test_a_checkpoint_cannot_anchor_a_file_that_carries_none() -> None:
    ledger = Ledger(cometbft=True)
    assert failed(verify(ledger.genuine()["record"], ledger.note(3))) == "finality"


@pytest.mark.parametrize("anchor", ["", "x", "hanse/", OURS.id + "\n", OURS.id[:-1], "\u20ac" * 43])
def test_what_is_no_anchor_makes_nothing_valid(anchor: str) -> None:
    assert failed(verify(OURS.genuine()["record"], anchor)) == "finality"


# the checkpoint in the file


@pytest.mark.parametrize(
    ("quorum", "witnesses"),
    [
        (2, ()),
        (2, ("w-east",)),
        (2, ("w-east", "w-north", "w-south")),
        (2, ("w-south", "w-east")),
        (2, ("w-east", "w-east")),
        (2, ("w-east", "w-west")),
        (0, ("w-east",)),
        (3, ("w-east", "w-north")),
    ],
)
def test_exactly_a_quorum_of_different_witnesses_is_needed(
    quorum: int, witnesses: tuple[str, ...]
) -> None:
    ledger = Ledger(quorum=quorum)
    file = ledger.record((1, 0), 3)
    file["certificate"]["note"] = ledger.note(3, witnesses)
    assert failed(verify(ledger.seal(file), ledger.id)) == "finality"


@pytest.mark.parametrize("quorum", [0, 1, 2, 3])
def test_any_quorum_that_genesis_names_is_enough(quorum: int) -> None:
    ledger = Ledger(quorum=quorum)
    file = ledger.record((1, 0), 3)
    file["certificate"]["note"] = ledger.note(3, ("w-east", "w-north", "w-south")[:quorum])
    assert verify(ledger.seal(file), ledger.id).verdict == "valid"


def test_a_checkpoint_of_another_height_does_not_make_a_header_final() -> None:
    file = OURS.record((1, 0), 2)
    file["certificate"] = OURS.certificate(3)
    assert failed(verify(OURS.seal(file), OURS.id)) == "finality"
    file["certificate"] = OURS.certificate(2)
    assert verify(OURS.seal(file), OURS.id).verdict == "valid"


def test_one_validator_of_a_cometbft_ledger_cannot_speak_for_all() -> None:
    ledger = Ledger(cometbft=True, quorum=0)
    file = ledger.record((1, 0), 3)
    file["certificate"] = ledger.certificate(3, embedded=True)
    file["certificate"]["note"] = ledger.note(3, ())
    assert failed(verify(ledger.seal(file), ledger.id)) == "format"


def test_a_cometbft_certificate_is_no_use_on_an_embedded_ledger() -> None:
    file, ledger = OURS.record((1, 0), 3), Ledger(cometbft=True)
    file["certificate"] = ledger.certificate(3)
    assert failed(verify(OURS.seal(file), OURS.id)) == "format"


# keys, members and contracts at a height


def registry_edit(map_: str, key: tuple[str, ...], **fields: object) -> Callable[[dict], None]:
    def edit(registry: dict) -> None:
        registry[text_key(map_, *key)] |= fields

    return edit


@pytest.mark.parametrize(
    ("map_", "key", "fields"),
    [
        ("keys", ("alice@acme", "k1"), {"from_height": 2}),
        ("keys", ("alice@acme", "k1"), {"to_height": 1}),
        ("keys", ("alice@acme", "k1"), {"to_height": 0}),
        ("keys", ("alice@acme", "k1"), {"purpose": "sealing"}),
        ("members", ("alice@acme",), {"from_height": 2}),
        ("members", ("alice@acme",), {"to_height": 1}),
        ("members", ("alice@acme",), {"organisation": "beta"}),
        ("contracts", ("book",), {"versions": []}),
        (
            "contracts",
            ("book",),
            {"versions": [{"from_height": 2, "hash": b64(bytes(32)), "version": "2"}]},
        ),
    ],
)
def test_what_was_not_valid_at_the_height_of_the_receipt_signs_nothing(
    map_: str, key: tuple[str, ...], fields: dict
) -> None:
    ledger = Ledger(edit=registry_edit(map_, key, **fields))
    assert failed(verify(ledger.seal(ledger.record((1, 0), 3)), ledger.id)) == "key status"


def test_a_key_that_ended_later_had_signed_rightly() -> None:
    ledger = Ledger(edit=registry_edit("keys", ("alice@acme", "k1"), to_height=2, from_height=1))
    assert verify(ledger.seal(ledger.record((1, 0), 3)), ledger.id).verdict == "valid"
    assert failed(verify(ledger.seal(ledger.record((2, 0), 3)), ledger.id)) == "key status"


def test_the_second_signer_of_a_joint_record_is_looked_at_as_closely() -> None:
    ledger = Ledger(edit=registry_edit("members", ("alice@acme",), to_height=1))
    assert failed(verify(ledger.seal(ledger.record((1, 2), 3)), ledger.id)) == "key status"


@pytest.mark.parametrize(
    ("place", "map_", "key"),
    [
        (2, "keys", ("carol@acme", "k1")),
        (3, "members", ("carol@acme",)),
        (1, "withdrawals", (OURS.records[2, 1][2]["tx"], "beta")),
        (1, "withdrawals", (OURS.records[2, 1][2]["tx"], "acme")),
        (1, "withdrawals", (OURS.records[1, 2][2]["tx"], "beta")),
        (1, "withdrawals", (OURS.records[1, 0][2]["tx"], "beta")),
        (1, "withdrawals", (OURS.records[1, 0][2]["tx"],)),
        (0, "contracts", ("registry",)),
        (0, "members", ("carol@acme",)),
    ],
)
def test_a_genuine_proof_of_another_entry_does_not_serve(
    place: int, map_: str, key: tuple[str, ...]
) -> None:
    def edit(registry: dict) -> None:
        other = {"versions": [{"from_height": 0, "hash": b64(bytes(32)), "version": "9"}]}
        registry[text_key("contracts", "registry")] = other

    ledger = Ledger(edit=edit)
    file = ledger.record((1, 0), 3)
    assert verify(ledger.seal(file), ledger.id).verdict == "valid"
    (other,) = ledger.proof(3, "registry", text_key(map_, *key))["entries"]
    genuine = file["state"]["entries"][place]  # absences in one bucket are proved by the same bytes
    assert other != genuine or map_ == "withdrawals"
    file["state"]["entries"][place] = other if other != genuine else genuine | {"value": None}
    assert verify(ledger.seal(file), ledger.id).verdict == "not_valid"


def test_the_same_entry_in_another_contract_does_not_serve() -> None:
    def edit(registry: dict) -> None:
        registry[text_key("contracts", "book")] = {"versions": []}

    ledger = Ledger(edit=edit)
    good = {"versions": [{"from_height": 0, "hash": b64(bytes(32)), "version": "1"}]}
    for state in ledger.states:  # the contract itself writes what the registry would
        state["book"] |= state["registry"] | {text_key("contracts", "book"): good}
    ledger = _rebuilt(ledger)
    file = ledger.record((1, 0), 3)
    assert failed(verify(ledger.seal(file), ledger.id)) == "key status"
    tx = file["record"]["receipt"]["tx"]
    places = [("contracts", "book"), ("withdrawals", tx, "acme")]
    places += [("keys", "alice@acme", "k1"), ("members", "alice@acme")]
    file["state"] = ledger.proof(3, "book", *(text_key(*place) for place in places))
    assert failed(verify(ledger.seal(file), ledger.id)) == "inclusion"


def _rebuilt(ledger: Ledger) -> Ledger:
    """Return the ledger with a newest header that states what its states now hold."""
    header = ledger.headers[3] | {"state_root": b64(ledger.state_root(3))}
    ledger.headers[3] = header
    ledger.leaves[-1] = ledger.tag("header", header)
    return ledger


def test_a_key_of_small_order_signs_nothing() -> None:
    weak = b64(b"\1" + bytes(31))  # the neutral element: R = it, s = 0 fits every message
    ledger = Ledger(edit=registry_edit("keys", ("alice@acme", "k1"), public_key=weak))
    transaction = ledger.records[1, 0][1]
    transaction["signatures"][0]["signature"] = b64(b"\1" + bytes(63))
    assert failed(verify(ledger.seal(ledger.record((1, 0), 3)), ledger.id)) == "signature"


@pytest.mark.parametrize("suite", ["none", "", "ED25519-SHA256", "p256-sha256"])
def test_another_suite_than_the_key_was_made_for_verifies_nothing(suite: str) -> None:
    ledger = Ledger(edit=registry_edit("keys", ("alice@acme", "k1"), suite=suite))
    assert failed(verify(ledger.seal(ledger.record((1, 0), 3)), ledger.id)) == "signature"


# an operator and witnesses who sign what does not fit together: nothing but the rule refuses it


def amended(what: str, **fields: object) -> Ledger:
    def amend(found: str, document: dict) -> None:
        if found == what:
            document |= fields

    return Ledger(amend=amend)


@pytest.mark.parametrize(
    ("what", "fields", "step"),
    [
        ("body", {"ledger": b64(bytes(32))}, "inclusion"),
        ("receipt", {"tx": b64(bytes(32))}, "inclusion"),
        ("receipt", {"height": 4}, "inclusion"),
        ("receipt", {"code": "not_holder"}, "format"),
        ("receipt", {"v": 2}, "format"),
        ("header", {"ledger": b64(bytes(32))}, "inclusion"),
        ("header", {"log_root": b64(bytes(32))}, "inclusion"),
        ("header", {"state_root": b64(bytes(32))}, "inclusion"),
        ("header", {"rules": b64(bytes(32))}, "finality"),
        ("header", {"validators": b64(bytes(32))}, "finality"),
        ("header", {"v": 2}, "format"),
    ],
)
def test_documents_that_do_not_belong_together_prove_nothing(
    what: str, fields: dict, step: str
) -> None:
    ledger = amended(what, **fields)
    assert failed(verify(ledger.seal(ledger.record((1, 0), 3)), ledger.id)) == step


@pytest.mark.parametrize("count", [0, 2, 9])
def test_signatures_are_one_to_eight_and_never_the_same_twice(count: int) -> None:
    def amend(found: str, document: dict) -> None:
        if found == "signatures":
            document["list"][:] = document["list"][:1] * count

    ledger = Ledger(amend=amend)
    assert failed(verify(ledger.seal(ledger.record((1, 0), 3)), ledger.id)) == "format"


def registered(registry: dict, name: str) -> None:
    """Give another member the key of Alice."""
    alice = registry[text_key("keys", "alice@acme", "k1")]
    registry[text_key("keys", name, "k1")] = alice
    member = registry[text_key("members", "alice@acme")]
    registry[text_key("members", name)] = member | {"organisation": name.partition("@")[2]}


@pytest.mark.parametrize(("count", "verdict"), [(8, "valid"), (9, "not_valid")])
@pytest.mark.parametrize("judge", [verify, verify_by_ledger])
def test_eight_different_signers_are_the_most(count: int, verdict: str, judge: Callable) -> None:
    names = [f"m{n}@acme" for n in range(count - 1)]

    def edit(registry: dict) -> None:
        for name in names:
            registered(registry, name)

    def amend(found: str, document: dict) -> None:
        if found == "signatures":
            first = document["list"][0]
            document["list"] += [first | {"signer": name} for name in names]

    ledger = Ledger(edit=edit, amend=amend)
    result = judge(ledger.seal(ledger.record((1, 0), 3)), ledger.id)
    assert (result.verdict, len(result.steps)) == (verdict, 6 if verdict == "valid" else 1)


@pytest.mark.parametrize("name", ["alice", "alice@", "@acme", "alice@acme@beta", "", "m@acme"])
@pytest.mark.parametrize("judge", [verify, verify_by_ledger])
def test_a_member_is_named_with_its_organisation_and_no_other_way(
    name: str, judge: Callable
) -> None:
    def amend(found: str, document: dict) -> None:
        if found == "body":
            document["signer"] = name
        if found == "signatures":
            document["list"][0]["signer"] = name

    ledger = Ledger(edit=lambda registry: registered(registry, name), amend=amend)
    for judged in (ledger.record((1, 0), 3), ledger.record((2, 0), 2)):
        result = judge(ledger.seal(judged), ledger.id)
        if name == "m@acme":
            assert result.verdict == "valid"
        else:
            assert (result.verdict, len(result.steps)) == ("not_valid", 1)


def test_the_first_signature_is_the_signers() -> None:
    def amend(found: str, document: dict) -> None:
        if found == "signatures":
            document["list"].reverse()

    ledger = Ledger(amend=amend)
    assert failed(verify(ledger.seal(ledger.record((1, 2), 3)), ledger.id)) == "format"


WITNESS = OURS.genesis["witnesses"][0]


@pytest.mark.parametrize(
    "change",
    [
        {"validators": []},
        {"witnesses": [*OURS.genesis["witnesses"], WITNESS]},
        {"witnesses": [WITNESS | {"name": f"w{n}"} for n in range(33)]},
        {"witness_quorum": 4},
        {"witness_quorum": True},
        {"hash": "md5"},
        {"v": 2},
        {"engine_validators": []},
    ],
)
def test_a_genesis_document_that_no_ledger_has_is_refused(change: dict) -> None:
    ledger = Ledger(genesis=OURS.genesis | change)
    file = ledger.value("book", text_key("lots", "L7"), 3) if change.get("validators") != [] else (
        json.loads(OURS.genuine()["state value"]) | {"genesis": ledger.genesis}
    )  # fmt: skip
    assert failed(verify(ledger.seal(file), ledger.id)) == "format"


@pytest.mark.parametrize("size", [0, 481])
def test_a_state_key_has_1_to_480_bytes(size: int) -> None:
    file = OURS.value("book", b"a" * size, 3)
    assert failed(verify(OURS.seal(file), OURS.id)) == "format"
    assert verify(OURS.seal(OURS.value("book", b"a" * 480, 3)), OURS.id).verdict == "valid"


def test_only_the_next_engine_header_speaks_for_a_block() -> None:
    ledger = Ledger(cometbft=True)
    header = ledger.headers[3]
    block_id = ledger.tag("header", header)
    file = ledger.record((1, 0), 3)
    for later in (0, 2, 3):
        height = header["engine_height"] + later
        file["certificate"] = ledger.engine.certificate(height, block_id) | {"steps": []}
        assert failed(verify(ledger.seal(file), ledger.id)) == "finality"


def test_a_file_has_at_most_4_mib() -> None:
    data = OURS.genuine()["record"]
    step = verify(data + b" " * (4 * 1024 * 1024), OURS.id).steps[0]
    assert "more than" in step.detail


# anything at all


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_random_bytes_are_not_valid_and_never_raise(data: bytes) -> None:
    assert failed(verify(data, None)) == "format"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(JSON, st.sampled_from(sorted(JOINT)))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_random_json_in_any_place_is_not_valid_and_never_raises(value: object, name: str) -> None:
    for data in (canon(JOINT | {name: value}), OURS.seal(JOINT | {name: value})):
        assert (verify(data, OURS.id).verdict == "not_valid") == (data != canon(JOINT))


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 33 + b"]" * 33,
        b"9" * 100_000,
        b'"' + b"a" * 5_000_000 + b'"',
        b'"\\ud800"',
        b'"\xed\xa0\x80"',
        b'{"kind":["record"]}',
        b'{"kind":{}}',
        b"null",
    ],
)
def test_bombs_and_odd_documents_are_refused_at_the_first_step(data: bytes) -> None:
    assert failed(verify(data, OURS.id)) == "format"
