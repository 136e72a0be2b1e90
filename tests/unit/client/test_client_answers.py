# SPDX-License-Identifier: Apache-2.0
"""An honest node: what the client hands out, and what it asks for on the way."""

import json
from pathlib import Path

import msgspec
import pytest
from client_fakes import START_MS, FakeGateway, FakeLedger, build_genesis, signer_of

from hanse.client import Client, SignerMissing, VerifiedReceipt
from hanse.client._http import AnswerInvalid
from hanse.client.bulk import Drafter, batches, encode_args
from hanse.client.session import AnotherLedger
from hanse.codec.documents import Body, decode_transaction, encode_transaction
from hanse.codec.limits import BATCH_TXS_MAX, BODY_BYTES_MAX, TX_BYTES_MAX
from hanse.errors import HanseError, Refusal, TooLarge


def open_client(gateway: FakeGateway, **options: object) -> Client:
    options = {"member": "alice@acme", "signer": signer_of("alice")} | options
    options = {"trust": gateway.ledger.genesis.ledger, "now_ms": lambda: START_MS} | options
    return Client(transport=gateway, **options)


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway(FakeLedger())


@pytest.fixture
def client(gateway: FakeGateway) -> Client:
    return open_client(gateway)


def test_a_receipt_is_proved_and_decoded(client: Client) -> None:
    receipt = client.submit("book", "put", {"key": "L1", "value": 500})
    assert receipt.verified
    assert receipt.ok
    assert (receipt.height, receipt.index, receipt.cost) == (1, 0, 40)
    assert receipt.result == {"key": "L1", "value": 500}
    assert receipt.events[0].fields == {"key": "L1"}
    assert receipt.require_ok() is receipt


def test_a_refusal_by_the_contract_is_a_proved_answer(client: Client) -> None:
    receipt = client.submit("book", "refuse", {})
    assert (receipt.status, receipt.code, receipt.reason) == ("rejected", "not_holder", "no")
    assert receipt.facts == {"holder": "acme"}
    assert receipt.result is None
    with pytest.raises(Refusal, match="not_holder"):
        receipt.require_ok()


def test_a_refusal_at_admission_is_raised_with_its_code(gateway: FakeGateway) -> None:
    other = FakeLedger(build_genesis("Elsewhere"))
    made = open_client(FakeGateway(other)).draft("book", "put", {"key": "a", "value": 1})
    with pytest.raises(Refusal) as caught:
        open_client(gateway).submit_draft(made)
    assert caught.value.refusal == "wrong_ledger"
    assert caught.value.tx is None or caught.value.tx == made.tx


def test_the_cost_limit_comes_from_a_dry_run_and_then_from_experience(
    client: Client, gateway: FakeGateway
) -> None:
    client.submit("book", "put", {"key": "a", "value": 1})
    client.submit("book", "put", {"key": "b", "value": 2})
    assert gateway.count("/v1/contracts/book/actions/put/check") == 1
    raw = gateway.ledger.blocks[2].records[0][0]
    assert decode_transaction(raw, gateway.ledger.hash.tagged).body.cost_max == 2 * 40 + 2_000


def test_the_same_draft_sent_twice_gives_the_same_receipt(client: Client) -> None:
    made = client.draft("book", "put", {"key": "a", "value": 1})
    first, second = client.submit_drafts([made]), client.submit_drafts([made])
    assert first[0].raw == second[0].raw
    assert len(client.block(1)) == 1


def test_a_batch_answers_each_line_in_order(client: Client, gateway: FakeGateway) -> None:
    calls = [
        ("book", "put" if n % 3 else "refuse", {"key": f"L{n}", "value": n}) for n in range(50)
    ]
    outcomes = client.submit_many(calls)
    assert [o.index for o in outcomes] == list(range(50))
    assert [o.ok for o in outcomes] == [n % 3 > 0 for n in range(50)]
    assert gateway.count("/v1/blocks/1/leaves") == 1
    assert gateway.count("/v1/consistency") == 0


def test_a_line_that_is_not_admitted_is_a_value_among_the_receipts(gateway: FakeGateway) -> None:
    client = open_client(gateway)
    other = open_client(FakeGateway(FakeLedger(build_genesis("Elsewhere"))))
    drafts = [c.draft("book", "put", {"key": "a", "value": 1}) for c in (client, other, client)]
    outcomes = client.submit_drafts(drafts)
    assert isinstance(outcomes[1], Refusal)
    assert outcomes[1].refusal == "wrong_ledger"
    assert [isinstance(o, VerifiedReceipt) for o in outcomes] == [True, False, True]


def test_state_is_proved_present_and_absent(client: Client) -> None:
    client.submit("book", "put", {"key": "L1", "value": {"kg": 7}})
    found = client.state("book", "lots", "L1")
    assert (found.present, found.value, found.verified) == (True, {"kg": 7}, True)
    assert not client.state("book", "lots", "L2").present
    assert not client.state("toll", "lots", "L1").present


@pytest.mark.parametrize("key", ["a b/ü?&", 7, -3, True, ("a", 1), ()])
def test_every_kind_of_key_reaches_the_node(client: Client, gateway: FakeGateway, key) -> None:
    gateway.ledger.put("book", "lots", key, "there")
    gateway.ledger.close_block([])
    assert client.state("book", "lots", key).value == "there"


@pytest.mark.parametrize(("key", "read"), [(b"\x00\xff", "AP8"), (("a", 1, b"x"), ("a", 1, "eA"))])
def test_a_node_that_reads_a_key_otherwise_proves_nothing_about_it(
    client: Client, gateway: FakeGateway, key, read
) -> None:
    """The fake takes the text of bytes, which did reach it, for text."""
    gateway.ledger.put("book", "lots", read, "there")
    gateway.ledger.close_block([])
    assert client.state("book", "lots", read).value == "there"
    with pytest.raises(HanseError, match="present and absent are confused"):
        client.state("book", "lots", key)


def test_records_blocks_and_headers_are_proved(client: Client) -> None:
    receipt = client.submit("book", "put", {"key": "L1", "value": 1})
    record = client.transaction(receipt.tx)
    assert record.receipt.raw == receipt.raw
    assert record.body.signer == "alice@acme"
    assert record.sentence == "alice put a lot"
    assert [r.receipt.tx for r in client.block(1)] == [receipt.tx]
    assert client.header(1).header.height == 1
    with pytest.raises(Refusal) as caught:
        client.transaction("nowhere")
    assert caught.value.refusal == "not_found"


def test_a_reader_cannot_sign(gateway: FakeGateway) -> None:
    reader = open_client(gateway, member=None, signer=None)
    assert reader.header(0).header.height == 0
    with pytest.raises(SignerMissing):
        reader.submit("book", "put", {"key": "a", "value": 1})
    with pytest.raises(SignerMissing):
        open_client(gateway, signer=None)


def test_trust_on_first_use_is_kept_and_said(gateway: FakeGateway, tmp_path: Path) -> None:
    with open_client(gateway, trust=None, state_dir=tmp_path) as client:
        client.header(0)
        assert client.trusted_on_first_use
    forged = FakeGateway(FakeLedger(build_genesis("Harbour", operator="thief"), "thief"))
    again = open_client(forged, trust=None, state_dir=tmp_path)
    with pytest.raises(AnotherLedger):
        again.header(0)


def test_documents_and_imports(client: Client) -> None:
    digest = client.put_document(b"a document")
    assert client.get_document(digest) == b"a document"
    outcomes = client.import_document("epcis", b"<good/>", "application/xml")
    assert outcomes[0].result == {"key": "L9", "value": 9}
    with pytest.raises(Refusal) as caught:
        client.import_document("epcis", b"<bad/>")
    assert caught.value.refusal == "document_refused"


def test_a_query_says_of_which_height_it_speaks(client: Client) -> None:
    answer = client.query("book", "mine", {"limit": 3})
    assert answer.height == 1
    assert answer.result["asked"] == {"args": {"limit": 3}, "signer": "alice@acme"}


def test_the_template_gives_the_bytes_of_the_codec(gateway: FakeGateway) -> None:
    genesis, signer = gateway.ledger.genesis, signer_of("alice")
    member = 'al"ice\u00e9@acme'
    drafter = Drafter(genesis, member, "k1", signer)
    args = {"z": [1, None, True], "a": 'caf\u00e9 "\u65e5" \u0001'}
    made = drafter.draft(("book", "put"), encode_args(args), 700, START_MS)
    found = decode_transaction(made.raw, genesis.hash.tagged)
    body = Body(
        action="put", args=msgspec.Raw(encode_args(args)), contract="book", cost_max=700,
        expires_ms=START_MS, key="k1", ledger=genesis.ledger, nonce=found.body.nonce,
        signer=member, v=1,
    )  # fmt: skip
    assert made.raw == encode_transaction(body, signer.sign)
    assert made.id == found.id
    assert json.loads(made.raw)["body"]["args"] == args


def test_nonces_do_not_repeat(gateway: FakeGateway) -> None:
    drafter = Drafter(gateway.ledger.genesis, "alice@acme", "k1", signer_of("alice"))
    made = [drafter.draft(("book", "put"), b"{}", 1, START_MS).id for _ in range(300)]
    assert len(set(made)) == 300


@pytest.mark.parametrize("args", [[], "x", {"a": 1.5}, {"a b": 1}, {"a": {"\u00e9": 1}}])
def test_arguments_that_no_ledger_takes_are_refused_before_signing(client: Client, args) -> None:
    with pytest.raises(HanseError):
        client.draft("book", "put", args)


def test_a_transaction_is_at_most_as_large_as_the_limit(gateway: FakeGateway) -> None:
    drafter = Drafter(gateway.ledger.genesis, "alice@acme", "k1", signer_of("alice"))
    small = drafter.draft(("book", "put"), encode_args({"a": ""}), 1, START_MS)
    room = TX_BYTES_MAX - len(small.raw)
    fits = drafter.draft(("book", "put"), encode_args({"a": "x" * room}), 1, START_MS)
    assert len(fits.raw) == TX_BYTES_MAX
    with pytest.raises(TooLarge):
        drafter.draft(("book", "put"), encode_args({"a": "x" * (room + 1)}), 1, START_MS)


@pytest.mark.parametrize(
    ("count", "size"), [(0, 0), (1, 9), (2 * BATCH_TXS_MAX + 1, 9), (9, 200_000)]
)
def test_batches_keep_order_and_limits(gateway: FakeGateway, count: int, size: int) -> None:
    drafter = Drafter(gateway.ledger.genesis, "alice@acme", "k1", signer_of("alice"))
    made = drafter.draft(("book", "put"), encode_args({"a": "x" * size}), 1, START_MS)
    drafts = [made] * count
    parts = list(batches(drafts))
    assert sum(len(part) for part in parts) == count
    for part in parts:
        assert 1 <= len(part) <= BATCH_TXS_MAX
        assert sum(len(d.raw) + 1 for d in part) <= BODY_BYTES_MAX


def test_an_answer_with_other_lines_than_asked_is_refused(gateway: FakeGateway) -> None:
    def lie(request, response):
        if request.path.endswith("batch"):
            return type(response)(200, "", response.body + response.body)
        return response

    gateway.lie = lie
    with pytest.raises(AnswerInvalid, match="2 lines answer 1"):
        open_client(gateway).submit_many([("book", "put", {"key": "a", "value": 1})])
