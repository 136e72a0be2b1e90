# SPDX-License-Identifier: Apache-2.0
"""Keys, members, roles, recoveries and withdrawals, each from its height on."""

from typing import Any

import pytest
from tests.unit.kernel.small_ledger import SUITE, SmallLedger, codes, public_key

from hanse.codec.base64url import to_text
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.contracts.keys import encode_key
from hanse.contracts.records import Codec
from hanse.kernel.registry import Key, Role, Withdrawal

A, ANNA, BOB, CAROL, CARL = "alice@acme", "anna@acme", "bob@bolt", "carol@cargo", "carl@cargo"
TX = "t" * 43


@pytest.fixture
def ledger() -> SmallLedger:
    return SmallLedger()


def new_key(key_id: str) -> dict[str, Any]:
    return {"key_id": key_id, "public_key": to_text(public_key(key_id)), "suite": SUITE}


def stored(ledger: SmallLedger, name: str, key: object, kind: Any) -> Any:
    data = ledger.state.get("registry", name.encode() + b"\x00" + encode_key(key))
    return None if data is None else Codec(kind).decode_stored(data)


def note(ledger: SmallLedger, signer: str, key: str = "k1") -> Any:
    return ledger.tx(signer, "notes", "put", {"key": "n", "text": ""}, key=key)


def test_a_key_rotates_with_an_overlap(ledger: SmallLedger) -> None:
    args = {**new_key("k2"), "old_key_id": "k1", "overlap_blocks": 2}
    assert ledger.do(A, "registry.rotate_key", **args) == "ok"
    assert ledger.code(note(ledger, A, "k2")) == "ok"
    assert ledger.code(note(ledger, A, "k1")) == "ok"
    assert ledger.state.height == 3
    assert ledger.code(note(ledger, A, "k1")) == "key_not_valid"
    assert ledger.code(note(ledger, A, "k2")) == "ok"


def test_a_new_key_is_valid_from_the_next_block_and_not_in_its_own(ledger: SmallLedger) -> None:
    rotate = ledger.tx(A, "registry", "rotate_key", {**new_key("k2"), "old_key_id": "k1"})
    result = ledger.block([rotate, note(ledger, A, "k2"), note(ledger, A, "k1")])
    assert codes(result) == ["ok", "ok", "key_not_valid"]
    assert ledger.code(note(ledger, A, "k2")) == "ok"
    assert ledger.code(note(ledger, A, "k1")) == "key_not_valid"


def test_a_revoked_key_signs_in_its_block_and_not_in_the_next(ledger: SmallLedger) -> None:
    revoke = ledger.tx(A, "registry", "revoke_key", {"member": ANNA, "key_id": "k1"})
    assert codes(ledger.block([revoke, note(ledger, ANNA)])) == ["ok", "ok"]
    assert ledger.code(note(ledger, ANNA)) == "key_not_valid"


def test_a_retired_member_signs_in_its_block_and_not_in_the_next(ledger: SmallLedger) -> None:
    retire = ledger.tx(A, "registry", "retire_member", {"member": ANNA})
    assert codes(ledger.block([retire, note(ledger, ANNA)])) == ["ok", "ok"]
    assert ledger.code(note(ledger, ANNA)) == "member_not_valid"


def test_a_member_of_today_signs_tomorrow(ledger: SmallLedger) -> None:
    args = {**new_key("k1"), "member": "adam@acme", "roles": ["writer"]}
    add = ledger.tx(A, "registry", "add_member", args)
    result = ledger.block([add, note(ledger, "adam@acme")])
    assert codes(result) == ["ok", "key_not_valid"]
    assert ledger.do("adam@acme", "notes.put_as_writer", key="w") == "ok"


def test_roles_are_held_by_height(ledger: SmallLedger) -> None:
    write = {"key": "w"}
    grant = ledger.tx(A, "registry", "grant_role", {"member": ANNA, "role": "writer"})
    result = ledger.block([grant, ledger.tx(ANNA, "notes", "put_as_writer", write)])
    assert codes(result) == ["ok", "not_authorised"]
    assert ledger.do(ANNA, "notes.put_as_writer", key="w") == "ok"
    revoke = ledger.tx(A, "registry", "revoke_role", {"member": ANNA, "role": "writer"})
    result = ledger.block([revoke, ledger.tx(ANNA, "notes", "put_as_writer", write)])
    assert codes(result) == ["ok", "ok"]
    assert ledger.do(ANNA, "notes.put_as_writer", key="w") == "not_authorised"
    assert ledger.do(A, "registry.grant_role", member=ANNA, role="writer") == "ok"
    assert ledger.do(ANNA, "notes.put_as_writer", key="w") == "ok"


def test_a_role_revoked_and_granted_in_one_block_goes_on(ledger: SmallLedger) -> None:
    before = stored(ledger, "roles", (A, "writer"), Role)
    args = {"member": A, "role": "writer"}
    acts = ("revoke_role", "grant_role")
    txs = [ledger.tx(ANNA, "registry", act, args) for act in acts]
    write = ledger.tx(A, "notes", "put_as_writer", {"key": "w"})
    assert codes(ledger.block([*txs, write])) == ["ok", "ok", "ok"]
    assert stored(ledger, "roles", (A, "writer"), Role) == before


@pytest.mark.parametrize(
    ("signer", "action", "args", "code"),
    [
        (A, "add_member", {"member": "acme", "roles": []}, "bad_name"),
        (A, "add_member", {"member": "x@acme", "roles": ["No"]}, "bad_name"),
        (A, "add_member", {"member": "x@bolt", "roles": []}, "wrong_organisation"),
        (A, "add_member", {"member": "x@acme", "roles": ["r"] * 101}, "too_many_roles"),
        (A, "add_member", {"member": ANNA, "roles": []}, "already_exists"),
        (CARL, "add_member", {"member": "x@cargo", "roles": []}, "not_authorised"),
    ],
)
def test_a_member_is_refused(
    ledger: SmallLedger, signer: str, action: str, args: dict[str, Any], code: str
) -> None:
    assert ledger.do(signer, f"registry.{action}", **new_key("k1"), **args) == code


@pytest.mark.parametrize(
    ("signer", "action", "args", "code"),
    [
        (A, "retire_member", {"member": "x@acme"}, "not_found"),
        (A, "retire_member", {"member": BOB}, "wrong_organisation"),
        (A, "retire_member", {"member": A}, "own_membership"),
        (A, "grant_role", {"member": "x@acme", "role": "r"}, "not_found"),
        (A, "grant_role", {"member": BOB, "role": "r"}, "wrong_organisation"),
        (A, "grant_role", {"member": ANNA, "role": "R"}, "bad_name"),
        (A, "grant_role", {"member": ANNA, "role": "admin"}, "already_exists"),
        (A, "revoke_role", {"member": ANNA, "role": "r"}, "not_found"),
        (A, "revoke_role", {"member": BOB, "role": "admin"}, "wrong_organisation"),
        (A, "revoke_key", {"member": ANNA, "key_id": "k9"}, "not_found"),
        (A, "revoke_key", {"member": BOB, "key_id": "k1"}, "not_authorised"),
        (CARL, "revoke_key", {"member": CAROL, "key_id": "k1"}, "not_authorised"),
        (A, "approve_recovery", {"member": ANNA}, "not_found"),
        (A, "complete_recovery", {"member": ANNA}, "not_found"),
        (A, "cancel_recovery", {"member": ANNA}, "not_found"),
        (A, "withdraw", {"tx": "short", "reason": "r"}, "bad_tx"),
        (A, "withdraw", {"tx": TX, "reason": "r", "replacement": "short"}, "bad_tx"),
        (A, "withdraw", {"tx": TX, "reason": ""}, "bad_reason"),
        (A, "withdraw", {"tx": TX, "reason": "r" * 401}, "bad_reason"),
    ],
)
def test_the_registry_refuses(
    ledger: SmallLedger, signer: str, action: str, args: dict[str, Any], code: str
) -> None:
    root = ledger.state.tries.root_of("registry")
    assert ledger.do(signer, f"registry.{action}", **args) == code
    assert ledger.state.tries.root_of("registry") == root


@pytest.mark.parametrize(
    "bad",
    [
        {"suite": "rsa"},
        {"key_id": "K"},
        {"public_key": to_text(bytes(31))},
        {"public_key": to_text(bytes(32))},
        {"suite": "p256-sha256"},
    ],
)
def test_a_bad_key_is_not_registered(ledger: SmallLedger, bad: dict[str, str]) -> None:
    args = {**new_key("k2"), **bad, "old_key_id": "k1"}
    assert ledger.do(A, "registry.rotate_key", **args) == "bad_key"


def test_a_member_has_at_most_64_keys_over_time(ledger: SmallLedger) -> None:
    for number in range(62):  # two are there
        old = "k1" if number == 0 else f"n{number - 1}"
        tx = ledger.tx(
            A, "registry", "rotate_key", {**new_key(f"n{number}"), "old_key_id": old}, key=old
        )
        assert ledger.code(tx) == "ok"
    args = {**new_key("last"), "old_key_id": "n61"}
    assert ledger.code(ledger.tx(A, "registry", "rotate_key", args, key="n61")) == "too_many_keys"


def test_a_lost_member_comes_back_with_two_organisations_and_after_the_delay(
    ledger: SmallLedger,
) -> None:
    rotate = {**new_key("k2"), "old_key_id": "k1", "overlap_blocks": 1_000}
    assert ledger.do(ANNA, "registry.rotate_key", **rotate) == "ok"
    asked = {**new_key("k3"), "member": ANNA}
    assert ledger.do(A, "registry.request_recovery", **asked) == "ok"
    assert ledger.do(BOB, "registry.request_recovery", **asked) == "already_exists"
    assert ledger.do(A, "registry.complete_recovery", member=ANNA) == "too_early"
    assert ledger.do(A, "registry.approve_recovery", member=ANNA) == "already_approved"
    assert ledger.do(A, "registry.complete_recovery", member=ANNA) == "policy_not_met"
    assert ledger.do(BOB, "registry.approve_recovery", member=ANNA) == "ok"
    assert ledger.do(A, "registry.complete_recovery", member=ANNA) == "ok"
    # the key in overlap ends with the others
    assert [ledger.code(note(ledger, ANNA, k)) for k in ("k1", "k2", "k3")] == [
        *["key_not_valid"] * 2,
        "ok",
    ]


def test_the_approval_of_a_retired_member_does_not_count(ledger: SmallLedger) -> None:
    assert ledger.do(A, "registry.request_recovery", member=CARL, **new_key("k2")) == "ok"
    assert ledger.do(BOB, "registry.approve_recovery", member=CARL) == "ok"
    assert ledger.do(ANNA, "registry.retire_member", member=A) == "ok"
    ledger_passes = [ledger.code(note(ledger, BOB)) for _ in range(3)]
    assert ledger_passes == ["ok"] * 3
    assert ledger.do(BOB, "registry.complete_recovery", member=CARL) == "policy_not_met"


def test_a_recovery_is_stopped_by_those_concerned_only(ledger: SmallLedger) -> None:
    for who, code in ((CAROL, "ok"), (CARL, "ok"), (A, "ok"), (BOB, "not_authorised")):
        assert ledger.do(A, "registry.request_recovery", member=CARL, **new_key("k2")) == "ok"
        assert ledger.do(who, "registry.cancel_recovery", member=CARL) == code
    assert ledger.do(A, "registry.cancel_recovery", member=CARL) == "ok"


def test_a_withdrawal_stands_under_the_transaction_and_the_organisation(
    ledger: SmallLedger,
) -> None:
    tx = note(ledger, A)
    assert ledger.code(tx) == "ok"
    name = to_text(tx.id)
    args = {"tx": name, "reason": "wrong lot", "replacement": TX}
    assert ledger.do(ANNA, "registry.withdraw", **args) == "ok"
    assert ledger.do(A, "registry.withdraw", **args) == "already_exists"
    entry = stored(ledger, "withdrawals", (name, "acme"), Withdrawal)
    assert entry == Withdrawal(by=ANNA, height=2, reason="wrong lot", replacement=TX)
    assert ledger.do(BOB, "registry.withdraw", **args) == "ok"
    assert stored(ledger, "withdrawals", (name, "acme"), Withdrawal) == entry


def test_a_key_entry_is_never_rewritten_but_for_its_end(ledger: SmallLedger) -> None:
    before = stored(ledger, "keys", (A, "k1"), Key)
    assert ledger.do(A, "registry.rotate_key", **new_key("k1"), old_key_id="k1") == "already_exists"
    rotate = {**new_key("k2"), "old_key_id": "k1", "overlap_blocks": 5}
    assert ledger.do(A, "registry.rotate_key", **rotate) == "ok"
    after = stored(ledger, "keys", (A, "k1"), Key)
    assert (after.public_key, after.from_height) == (before.public_key, before.from_height)
    assert after.to_height == 2 + 1 + 5


@pytest.mark.parametrize(
    ("overlap", "code"), [(100_000, "ok"), (100_001, "bad_overlap"), (-1, "bad_overlap")]
)
def test_an_overlap_has_its_limit(ledger: SmallLedger, overlap: int, code: str) -> None:
    args = {**new_key("k2"), "old_key_id": "k1", "overlap_blocks": overlap}
    assert ledger.do(A, "registry.rotate_key", **args) == code


def test_what_was_read_beside_a_block_does_not_decide_in_the_next(ledger: SmallLedger) -> None:
    kernel, state = ledger.kernel, ledger.state
    args = {**new_key("k1"), "member": "adam@acme", "roles": []}
    add = ledger.tx(A, "registry", "add_member", args)
    order = OrderedBlock(1, state.time_ms + 1, (OrderedSubmission(b"", (add,)),))
    result = kernel.apply_block(state, order)
    # admission asks while the block is on its way to the disk: the state is still the old one
    assert kernel.directory.key(state, "adam@acme", "k1") is None
    dry = kernel.run(state, ledger.tx("adam@acme", "notes", "put_as_writer", {"key": "k"}), 1, 0)
    assert dry.code == "not_authorised"
    state.apply(result)
    assert kernel.directory.key(state, "adam@acme", "k1") is not None
    assert ledger.code(note(ledger, "adam@acme")) == "ok"


def test_one_kernel_serves_two_states_apart(ledger: SmallLedger) -> None:
    other = ledger.state.copy()
    assert ledger.do(A, "registry.revoke_key", member=A, key_id="k1") == "ok"
    assert ledger.code(note(ledger, A)) == "key_not_valid"
    ledger.state = other
    assert ledger.code(note(ledger, A)) == "ok"


def test_a_dry_run_writes_nothing(ledger: SmallLedger) -> None:
    root = ledger.state.tries.root
    outcome = ledger.kernel.run(ledger.state, note(ledger, A), 1, ledger.state.time_ms)
    assert (outcome.code, len(outcome.writes["notes"])) == (None, 1)
    assert ledger.state.get("notes", next(iter(outcome.writes["notes"]))) is None
    assert ledger.state.tries.root == root
