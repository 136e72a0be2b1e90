# SPDX-License-Identifier: Apache-2.0
"""Every code of the kernel is reached, and with two faults the earlier one is said."""

from typing import Any

import msgspec
import pytest
from tests.unit.kernel.imposters import Imposter, Window
from tests.unit.kernel.small_ledger import SmallLedger, build_genesis, codes, receipts

from hanse.codec.canonical import decode, encode
from hanse.codec.documents import Transaction
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.errors import Misconfigured
from hanse.identity import Rules
from hanse.kernel import KERNEL_CODES, BlockOverBudget, ContractNameTaken, Kernel
from hanse.node.admission import NotAdmitted, check_rest
from hanse.testing.smallbank import SmallBank

A = "alice@acme"
# faults that one transaction can have, each as a change to a good one
FAULTS: dict[str, dict[str, Any]] = {
    "wrong_ledger": {"ledger": "another"},
    "unknown_member": {"signer": "nobody@acme"},
    "unknown_key": {"key": "k9"},
    "key_not_valid": {"key": "s1"},
    "expired": {"expires_ms": 1},
    "expires_too_late": {"expires_ms": 2**53 - 1},
    "cost_max_too_large": {"cost_max": 200_001},
    "unknown_contract": {"contract": "nothing"},
    "unknown_action": {"action": "nothing"},
    "not_authorised": {"signer": "bob@bolt", "action": "put_as_writer"},
    "bad_argument": {"args": {"key": 1}},
    "not_also_signed": {"action": "together", "args": {"other": "bolt"}},
    "call_not_declared": {"action": "call_undeclared", "args": {}},
    "call_reentered": {"action": "call_itself", "args": {}},
    "cost_exceeded": {"cost_max": 100, "action": "fill", "args": {"count": 9, "size": 1}},
    "already_exists": {"action": "add", "args": {"key": "there"}},
    "not_found": {"action": "take", "args": {"key": "nowhere"}},
    "wrong_organisation": {"action": "only_for", "args": {"organisation": "bolt"}},
    "contract_fault": {"action": "fail", "args": {}},
    "invariant_broken": {"action": "break_rule", "args": {}},
}
ELSEWHERE = {
    *("nonce_reused", "bad_signature", "member_not_valid", "block_full", "call_too_deep"),
    *("contract_frozen", "contract_retired"),  # test_kernel_lifecycle.py
    "organisation_suspended",  # test_kernel_network.py
    "contract_migrating",  # test_kernel_migrations.py
}


def send(ledger: SmallLedger, /, **changes: Any) -> str:
    parts: dict[str, Any] = {
        "signer": A,
        "contract": "notes",
        "action": "put",
        "args": {"key": "k", "text": "t"},
        **changes,
    }
    signer, contract = parts.pop("signer"), parts.pop("contract")
    return ledger.code(ledger.tx(signer, contract, parts.pop("action"), parts.pop("args"), **parts))


@pytest.fixture
def ledger() -> SmallLedger:
    made = SmallLedger()
    assert made.do(A, "notes.add", key="there") == "ok"
    return made


@pytest.mark.parametrize("code", FAULTS)
def test_each_fault_has_its_code_and_leaves_the_state_as_it_was(
    ledger: SmallLedger, code: str
) -> None:
    root = ledger.state.tries.root_of("notes")
    assert send(ledger, **FAULTS[code]) == code
    assert ledger.state.tries.root_of("notes") == root


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_is_recorded_exactly_where_the_table_says_so(
    ledger: SmallLedger, code: str
) -> None:
    send(ledger, **FAULTS[code])
    recorded = {row.code: row.recorded for row in KERNEL_CODES}
    assert bool(ledger.result.records) == recorded[code]
    assert bool(ledger.result.dropped) != recorded[code]
    assert (ledger.result.header is None) != recorded[code]


def test_every_code_of_the_table_is_reached_by_some_test() -> None:
    assert {row.code for row in KERNEL_CODES} == {*FAULTS, *ELSEWHERE}


IN_ORDER = [row.code for row in KERNEL_CODES if row.code in FAULTS]
COMBINED = [
    (first, second)
    for at, first in enumerate(IN_ORDER)
    for second in IN_ORDER[at + 1 :]
    if not FAULTS[first].keys() & FAULTS[second].keys()
]


@pytest.mark.parametrize(("first", "second"), COMBINED)
def test_of_two_faults_the_earlier_is_said(ledger: SmallLedger, first: str, second: str) -> None:
    assert send(ledger, **FAULTS[second], **FAULTS[first]) == first


def test_the_order_is_tried_on_most_neighbours() -> None:
    firsts = {first for first, _ in COMBINED}
    assert {
        "wrong_ledger",
        "unknown_member",
        "unknown_key",
        "expired",
        "unknown_contract",
    } <= firsts


def test_a_role_is_looked_at_before_the_arguments(ledger: SmallLedger) -> None:
    assert (
        send(ledger, signer="bob@bolt", action="put_as_writer", args={"x": 1}) == "not_authorised"
    )
    assert send(ledger, action="put_as_writer", args={"x": 1}) == "bad_argument"


def test_a_key_that_does_not_exist_comes_before_one_that_is_not_valid(ledger: SmallLedger) -> None:
    tx = ledger.tx(A, "notes", "add", {"key": "n"}, key="s1", also=[("bob@bolt", "k9")])
    assert ledger.code(tx) == "unknown_key"


def test_a_sealing_key_cannot_sign(ledger: SmallLedger) -> None:
    assert send(ledger, key="s1") == "key_not_valid"


def test_a_query_is_no_action(ledger: SmallLedger) -> None:
    assert send(ledger, action="read", args={"key": "k"}) == "unknown_action"


def test_a_reused_nonce_is_said_before_the_key_status(ledger: SmallLedger) -> None:
    good = ledger.tx(A, "notes", "put", {"key": "k", "text": "t"})
    assert ledger.code(good) == "ok"
    other = ledger.tx(
        A, "notes", "put", {"key": "k2", "text": "t"}, nonce=good.body.nonce, key="k9"
    )
    assert ledger.code(other) == "nonce_reused"


def test_a_transaction_repeated_in_its_window_makes_no_second_record(ledger: SmallLedger) -> None:
    tx = ledger.tx(A, "notes", "put", {"key": "k", "text": "t"})
    assert codes(ledger.block([tx, tx])) == ["ok", "repeated"]
    block_id = ledger.state.block_id
    assert ledger.code(tx) == "repeated"
    assert ledger.result.header is None
    assert ledger.state.block_id == block_id


def test_a_nonce_may_be_used_once_in_a_block(ledger: SmallLedger) -> None:
    first = ledger.tx(A, "notes", "put", {"key": "k", "text": "t"})
    second = ledger.tx(A, "notes", "put", {"key": "l", "text": "t"}, nonce=first.body.nonce)
    assert codes(ledger.block([first, second])) == ["ok", "nonce_reused"]


def test_two_members_may_draw_one_nonce(ledger: SmallLedger) -> None:
    first = ledger.tx(A, "notes", "put", {"key": "k", "text": "t"})
    second = ledger.tx(
        "bob@bolt", "notes", "put", {"key": "l", "text": "t"}, nonce=first.body.nonce
    )
    assert codes(ledger.block([first, second])) == ["ok", "ok"]


def test_after_its_window_a_repeat_has_expired(ledger: SmallLedger) -> None:
    tx = ledger.tx(A, "notes", "put", {"key": "k", "text": "t"})
    assert ledger.code(tx) == "ok"
    late = ledger.tx(A, "notes", "put", {"key": "later", "text": "t"}, expires_ms=2_000_000_000_000)
    assert ledger.code(late, after_ms=120_000) == "expires_too_late"
    late = ledger.tx(A, "notes", "put", {"key": "later", "text": "t"}, expires_ms=1_800_000_300_000)
    assert ledger.code(late, after_ms=120_000) == "ok"
    assert ledger.code(tx) == "expired"


def test_an_expiry_counts_to_its_last_millisecond(ledger: SmallLedger) -> None:
    def at(expires_ms: int) -> str:
        return send(ledger, expires_ms=expires_ms)

    now = ledger.state.time_ms + 1_000
    assert at(now) == "ok"
    now = ledger.state.time_ms + 1_000
    assert at(now - 1) == "expired"
    most = ledger.kernel.rules.expiry_ms_max
    assert at(ledger.state.time_ms + 1_000 + most + 1) == "expires_too_late"
    assert at(ledger.state.time_ms + 1_000 + most) == "ok"


def test_a_refused_transaction_uses_its_nonce_and_moves_the_root_of_the_window_only(
    ledger: SmallLedger,
) -> None:
    tries = ledger.state.tries
    before = tries.root, tries.root_of("notes"), tries.root_of("registry"), tries.root_of("replay")
    tx = ledger.tx(A, "notes", "fail", {})
    assert ledger.code(tx) == "contract_fault"
    after = tries.root, tries.root_of("notes"), tries.root_of("registry"), tries.root_of("replay")
    assert (before[0] != after[0], before[1:3] == after[1:3]) == (True, True)
    assert before[3] != after[3]
    assert ledger.code(tx) == "repeated"


def test_a_receipt_is_canonical_and_says_nothing_of_python(ledger: SmallLedger) -> None:
    for changes in FAULTS.values():
        send(ledger, **changes)
        for _, data in ledger.result.records:
            assert encode(decode(data)) == data
            for word in (
                b"ZeroDivision",
                b"text of an exception",
                b"Expected",
                b"Error",
                b"msgspec",
            ):
                assert word not in data


def test_a_good_receipt_has_cost_events_and_result(ledger: SmallLedger) -> None:
    assert ledger.do(A, "notes.put", key="k", text="t") == "ok"
    (receipt,) = receipts(ledger.result)
    assert (receipt.height, receipt.index, receipt.code) == (2, 0, None)
    assert receipt.result == msgspec.Raw(b"0")
    assert [(e.contract, e.event, bytes(e.fields)) for e in receipt.events] == [
        ("notes", "Noted", b'{"key":"k"}')
    ]
    assert receipt.cost > 50


def test_a_refused_receipt_has_no_events_and_no_result(ledger: SmallLedger) -> None:
    assert ledger.do(A, "notes.take", key="nowhere") == "not_found"
    (receipt,) = receipts(ledger.result)
    assert (receipt.events, receipt.status) == ([], "rejected")
    assert b'"result"' not in ledger.result.records[0][1]
    assert receipt.facts == msgspec.Raw(b'{"key":"nowhere"}')


def test_headers_chain_and_count_the_log(ledger: SmallLedger) -> None:
    previous = ledger.result
    assert ledger.do(A, "notes.put", key="k", text="t") == "ok"
    header, before = ledger.result.header, previous.header
    assert header is not None
    assert before is not None
    assert ledger.kernel.hash.tagged("hanse/header/1", previous.header_bytes) == previous.block_id
    assert header.previous != before.previous
    assert header.height == before.height + 1
    # the record before, and the header before
    assert header.log_size == before.log_size + 1 + 1
    assert (header.rules, header.validators) == (before.rules, before.validators)


def test_submissions_are_ordered_by_hash_and_not_by_arrival() -> None:
    orders = []
    for turned in (False, True):
        ledger = SmallLedger()
        submissions = [
            OrderedSubmission(bytes([n]) * 32, (ledger.tx(A, "notes", "add", {"key": f"k{n}"}),))
            for n in range(8)
        ]
        if turned:
            submissions.reverse()
        time_ms = ledger.state.time_ms + 1
        result = ledger.kernel.apply_block(
            ledger.state, OrderedBlock(1, time_ms, tuple(submissions))
        )
        orders.append([tx.id for tx, _ in result.records])
    assert orders[0] == orders[1]


def with_rules(**rules: int) -> SmallLedger:
    return SmallLedger(build_genesis(rules=Rules(**rules)))


@pytest.mark.parametrize(("count", "over"), [(3, False), (4, True)])
def test_a_block_of_too_many_transactions_is_refused_whole(count: int, over: bool) -> None:
    ledger = with_rules(block_txs_max=3)
    txs = [ledger.tx(A, "notes", "add", {"key": f"k{n}"}) for n in range(count)]
    if over:
        with pytest.raises(BlockOverBudget, match="transactions"):
            ledger.block(txs)
    else:
        assert codes(ledger.block(txs)) == ["ok"] * count


@pytest.mark.parametrize(("cost", "over"), [(500, False), (501, True)])
def test_a_block_of_too_much_cost_is_refused_whole(cost: int, over: bool) -> None:
    ledger = with_rules(block_cost_max=1_000, cost_max=1_000)
    txs = [
        ledger.tx(A, "notes", "add", {"key": f"k{n}"}, cost_max=c)
        for n, c in enumerate((500, cost))
    ]
    if over:
        with pytest.raises(BlockOverBudget, match="cost"):
            ledger.block(txs)
    else:
        assert codes(ledger.block(txs)) == ["ok", "ok"]


def test_a_block_of_too_many_bytes_is_refused_whole() -> None:
    def sent(ledger: SmallLedger, more: int) -> list[Transaction]:
        texts = ("x" * 150_000, "y" * (150_000 + more))
        return [ledger.tx(A, "notes", "put", {"key": "k", "text": t}) for t in texts]

    size = sum(len(tx.raw) for tx in sent(SmallLedger(), 0))
    ledger = with_rules(block_bytes_max=size)
    assert codes(ledger.block(sent(ledger, 0))) == ["bad_argument"] * 2  # texts too large
    with pytest.raises(BlockOverBudget, match="bytes"):
        ledger.block(sent(ledger, 1))


def test_what_writes_beyond_the_blocks_budget_waits_for_the_next_block() -> None:
    ledger = with_rules(block_write_bytes_max=3_000)
    args = {"count": 2, "size": 600}
    txs = [ledger.tx(A, "notes", "fill", args) for _ in range(3)]
    assert codes(ledger.block(txs)) == ["ok", "ok", "block_full"]
    (waiting,) = [dropped.transaction for dropped in ledger.result.dropped]
    assert ledger.code(waiting) == "ok"


def test_a_second_contract_of_one_name_is_refused() -> None:
    for bad in ([Imposter], [Window], [SmallBank, SmallBank]):
        with pytest.raises(ContractNameTaken):
            Kernel(build_genesis(), "ledger", bad)
    assert issubclass(ContractNameTaken, Misconfigured)


def test_a_bad_signature_is_refused_before_ordering() -> None:
    ledger = SmallLedger()
    tx = ledger.tx(A, "notes", "add", {"key": "k"})
    with pytest.raises(NotAdmitted, match="bad_signature"):
        check_rest(ledger.kernel.rules, tx, b"\x00", ledger.state.time_ms)
