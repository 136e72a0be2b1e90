# SPDX-License-Identifier: Apache-2.0
"""A lying node: every lie is caught, and named for what it is."""

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from client_fakes import START_MS, FakeGateway, FakeLedger, build_genesis, edited, signer_of

from hanse.client import Client
from hanse.client._http import AnswerInvalid, Request, Response
from hanse.client._memory import MemoryUnusable
from hanse.client.session import AnotherLedger, AnswerStale, HistoryRewritten
from hanse.codec.base64url import to_text
from hanse.errors import Corrupt, HanseError, ProofInvalid

HASH = to_text(b"\x07" * 32)
SUBMISSIONS = ("/v1/transactions", "/v1/transactions/batch")


def open_client(gateway: FakeGateway, **options: object) -> Client:
    options = {"trust": gateway.ledger.genesis.ledger} | options
    return Client(
        transport=gateway,
        member="alice@acme",
        signer=signer_of("alice"),
        now_ms=lambda: START_MS,
        **options,
    )


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway(FakeLedger())


def put(client: Client, key: str = "L1", value: int = 1) -> object:
    return client.submit("book", "put", {"key": key, "value": value}, cost_max=100)


def put_batch(client: Client) -> object:
    calls = [("book", "put", {"key": f"L{n}", "value": n}) for n in range(5)]
    return client.submit_many(calls, cost_max=100)


def receipt_lie(change: Callable[[dict], object]) -> Callable[[Request, Response], Response]:
    """Change the first receipt of any answer to a submission."""

    def lie(request: Request, response: Response) -> Response:
        if request.path not in SUBMISSIONS:
            return response
        first, *rest = response.body.removesuffix(b"\n").split(b"\n")
        document = json.loads(first)
        change(document)
        text = json.dumps(document, separators=(",", ":"), sort_keys=True)
        return Response(200, "", b"\n".join([text.encode(), *rest]))

    return lie


RECEIPT_LIES = {
    "other status": lambda r: r.update(status="rejected", code="not_holder"),
    "other result": lambda r: r.update(result={"key": "L1", "value": 2}),
    "result dropped": lambda r: r.pop("result"),
    "other event": lambda r: r["events"][0]["fields"].update(key="L2"),
    "events dropped": lambda r: r.update(events=[]),
    "other cost": lambda r: r.update(cost=1),
    "other place": lambda r: r.update(index=1),
    "place beyond the block": lambda r: r.update(index=10**6),
    "older height": lambda r: r.update(height=0),
    "other transaction": lambda r: r.update(tx=HASH),
    "code without refusal": lambda r: r.update(code="not_holder"),
    "negative place": lambda r: r.update(index=-1),
    "unknown field": lambda r: r.update(extra=1),
}


@pytest.mark.parametrize("name", RECEIPT_LIES)
@pytest.mark.parametrize("act", [put, put_batch])
def test_a_receipt_that_the_log_does_not_hold_is_refused(gateway, act, name: str) -> None:
    gateway.lie = receipt_lie(RECEIPT_LIES[name])
    with pytest.raises(Corrupt):
        act(open_client(gateway))


def test_the_receipt_of_another_transaction_is_refused(gateway) -> None:
    client = open_client(gateway)
    first = put(client, "L1")
    gateway.lie = lambda request, response: (
        Response(200, "", first.raw) if request.path in SUBMISSIONS else response
    )
    with pytest.raises(ProofInvalid, match="another transaction"):
        put(client, "L2")


def test_receipts_in_another_order_are_refused(gateway) -> None:
    def lie(request: Request, response: Response) -> Response:
        if not request.path.endswith("batch"):
            return response
        lines = response.body.removesuffix(b"\n").split(b"\n")
        return Response(200, "", b"\n".join([lines[1], lines[0], *lines[2:]]) + b"\n")

    gateway.lie = lie
    with pytest.raises(ProofInvalid, match="another transaction"):
        put_batch(open_client(gateway))


def _flip(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


def set_at(*path: str | int) -> Callable[[dict], None]:
    """Change the text or number at ``path``."""

    def change(document: dict) -> None:
        place = document
        for step in path[:-1]:
            place = place[step]
        value = place[path[-1]]
        place[path[-1]] = _flip(value) if isinstance(value, str) else value + 1

    return change


CERTIFICATE_LIES = {
    "header: log root": set_at("header", "log_root"),
    "header: state root": set_at("header", "state_root"),
    "header: previous": set_at("header", "previous"),
    "header: time": set_at("header", "time_ms"),
    "header: size": set_at("header", "log_size"),
    "header: height": set_at("header", "height"),
    "header: validators": set_at("header", "validators"),
    "header: rules": set_at("header", "rules"),
    "header: ledger": set_at("header", "ledger"),
    "header path": lambda d: d["certificate"]["header_path"].insert(0, HASH),
    "header path dropped": lambda d: d["certificate"].update(header_path=[]),
    "note: size": lambda d: d["certificate"].update(
        note=d["certificate"]["note"].replace("\n3\n", "\n4\n")
    ),
    "note: line end": lambda d: d["certificate"].update(note=d["certificate"]["note"] + "\n"),
    "note: unsigned": lambda d: d["certificate"].update(
        note=d["certificate"]["note"].split("\n\n")[0] + "\n\n"
    ),
    "no certificate": lambda d: d.pop("certificate"),
    "unknown engine": lambda d: d["certificate"].update(engine="none"),
}


@pytest.mark.parametrize("name", CERTIFICATE_LIES)
@pytest.mark.parametrize("where", ["leaves", "headers", "state"])
def test_a_header_that_the_operator_did_not_sign_is_refused(where: str, name: str) -> None:
    ledger = FakeLedger()
    put(open_client(FakeGateway(ledger)))
    path, ask = {
        "leaves": ("/v1/blocks/1/leaves", lambda c: c.block(1)),
        "headers": ("/v1/headers/1", lambda c: c.header(1)),
        "state": ("/v1/state", lambda c: c.state("book", "lots", "L1")),
    }[where]
    ask(open_client(FakeGateway(ledger)))
    with pytest.raises(Corrupt):
        ask(open_client(FakeGateway(ledger, edited(path, CERTIFICATE_LIES[name]))))


LEAF_LIES = {
    "leaf changed": set_at("leaves", 0),
    "leaf dropped": lambda d: d["leaves"].pop(),
    "leaf added": lambda d: d["leaves"].append(HASH),
    "leaves reordered": lambda d: d["leaves"].reverse(),
    "frontier changed": set_at("frontier", 0),
    "frontier dropped": lambda d: d.update(frontier=[]),
    "peak added": lambda d: d["frontier"].append(HASH),
    "leaf cut": lambda d: d["leaves"].insert(0, d["leaves"].pop(0)[:-2]),
}


@pytest.mark.parametrize("name", LEAF_LIES)
def test_leaves_that_do_not_lead_to_the_root_are_refused(gateway, name: str) -> None:
    gateway.lie = edited("/v1/blocks/1/leaves", LEAF_LIES[name])
    with pytest.raises(Corrupt):
        put_batch(open_client(gateway))


def test_the_leaves_of_another_block_are_refused(gateway) -> None:
    ledger = gateway.ledger
    put(open_client(gateway), "L1")
    gateway.lie = edited("/v1/blocks/2/leaves", lambda _: ledger_leaves(ledger, 1))
    with pytest.raises(ProofInvalid, match="height 1, not 2"):
        put(open_client(gateway), "L2")


def ledger_leaves(ledger: FakeLedger, height: int) -> dict:
    return ledger.leaves(height)


def test_a_forged_operator_is_refused() -> None:
    genesis = build_genesis()
    forged = FakeGateway(FakeLedger(genesis, operator="thief"))
    client = Client(transport=forged, trust=forged.ledger.genesis.ledger)
    with pytest.raises(ProofInvalid, match="operator"):
        client.header(0)


def test_a_forged_ledger_of_the_same_names_is_refused(gateway) -> None:
    forged = FakeGateway(FakeLedger(build_genesis(operator="thief"), operator="thief"))
    with pytest.raises(AnotherLedger):
        open_client(forged, trust=gateway.ledger.genesis.ledger).header(0)


STATE_LIES = {
    "other value": lambda d: d["proof"]["entries"][0].update(value=2),
    "absent": lambda d: d["proof"]["entries"][0].pop("value"),
    "null": lambda d: d["proof"]["entries"][0].update(value=None),
    "no entry": lambda d: d["proof"]["entries"].clear(),
    "two entries": lambda d: d["proof"]["entries"].append(d["proof"]["entries"][0]),
    "bucket dropped": lambda d: d["proof"]["entries"][0].update(bucket=[]),
    "value hash": set_at("proof", "entries", 0, "bucket", 0),
    "short entry": lambda d: d["proof"]["entries"][0]["bucket"].append(to_text(bytes(32))),
    "top bucket": set_at("proof", "bucket", 0),
    "sibling added": lambda d: d["proof"]["entries"][0]["siblings"].append(to_text(bytes(480))),
    "short sibling": lambda d: d["proof"]["entries"][0]["siblings"].append(to_text(bytes(32))),
    "other contract": lambda d: d["proof"]["bucket"].clear(),
    "unknown field": lambda d: d["proof"].update(extra=1),
}


@pytest.mark.parametrize("name", STATE_LIES)
def test_a_state_value_that_is_not_under_the_root_is_refused(gateway, name: str) -> None:
    client = open_client(gateway)
    put(client)
    gateway.lie = edited("/v1/state", STATE_LIES[name])
    with pytest.raises(Corrupt):
        client.state("book", "lots", "L1")


def test_a_true_proof_of_another_key_is_refused(gateway) -> None:
    client = open_client(gateway)
    put(client, "L1")
    put(client, "L2", 2)
    other = gateway.ledger.state("book", b"lots\x00\x30L2\x00")
    gateway.lie = edited("/v1/state", lambda _: other)
    with pytest.raises(ProofInvalid, match="the value is another one"):
        client.state("book", "lots", "L1")
    absent = gateway.ledger.state("book", b"lots\x00\x30L9\x00")
    gateway.lie = edited("/v1/state", lambda _: absent)
    with pytest.raises(ProofInvalid, match="present and absent"):
        client.state("book", "lots", "L1")


def test_a_true_but_older_state_is_refused(gateway) -> None:
    client = open_client(gateway)
    put(client, "L1")
    old = json.dumps(None)
    body = gateway.exchange(Request("GET", "/v1/state/book/lots?key=%22L2%22")).body
    put(client, "L2")
    gateway.lie = lambda request, response: (
        Response(200, "", body) if request.path.startswith("/v1/state") else response
    )
    with pytest.raises(AnswerStale):
        client.state("book", "lots", "L2")
    assert old == "null"


RECORD_LIES = {
    "other transaction": set_at("transaction", "body", "nonce"),
    "other signature": set_at("transaction", "signatures", 0, "signature"),
    "other receipt": set_at("receipt", "cost"),
    "other height": set_at("receipt", "height"),
}


@pytest.mark.parametrize("name", RECORD_LIES)
def test_a_record_that_the_log_does_not_hold_is_refused(gateway, name: str) -> None:
    tx = put(open_client(gateway)).tx
    gateway.lie = edited("/v1/transactions/", RECORD_LIES[name])
    with pytest.raises(HanseError) as caught:
        open_client(gateway).transaction(tx)
    assert isinstance(caught.value, Corrupt) or caught.value.refusal == "not_found"


BLOCK_LIES = {
    "record dropped": lambda d: d["records"].pop(),
    "record doubled": lambda d: d["records"].append(d["records"][0]),
    "records reordered": lambda d: d["records"].reverse(),
    "other receipt": set_at("records", 0, "receipt", "cost"),
    "other id": lambda d: d.update(block_id=HASH),
    "other header": set_at("header", "time_ms"),
}


@pytest.mark.parametrize("name", BLOCK_LIES)
def test_a_block_with_dropped_or_changed_records_is_refused(gateway, name: str) -> None:
    client = open_client(gateway)
    put_batch(client)
    assert len(client.block(1)) == 5
    change = BLOCK_LIES[name]
    gateway.lie = lambda q, r: edited(q.path, change)(q, r) if q.path == "/v1/blocks/1" else r
    with pytest.raises(Corrupt):
        client.block(1)


# ---- one history


def fork(ledger: FakeLedger, blocks: int) -> FakeLedger:
    """Return a ledger of the same operator that has other records after the first ``blocks``."""
    other = FakeLedger(ledger.genesis.raw)
    client = open_client(FakeGateway(other))
    for height in range(1, blocks):
        other.execute(
            [
                (raw, other.hash(raw), {"action": "refuse"})
                for raw, _ in ledger.blocks[height].records
            ]
        )
    for n in range(3):
        put(client, f"other {n}")
    return other


def test_a_forked_history_is_refused(gateway) -> None:
    client = open_client(gateway)
    put(client)
    gateway.ledger = fork(gateway.ledger, 1)
    with pytest.raises(HistoryRewritten):
        client.checkpoint_update()


def test_a_forked_history_is_refused_in_any_answer(gateway) -> None:
    asks = {
        "submit": lambda c: put(c, "L9"),
        "state": lambda c: c.state("book", "lots", "L1"),
        "header": lambda c: c.header(3),
        "older header": lambda c: c.header(1),
        "block": lambda c: c.block(2),
        "checkpoint": lambda c: c.checkpoint_update(),
    }
    for ask in asks.values():
        ledger = FakeLedger()
        client = open_client(FakeGateway(ledger))
        put(client)
        put(client, "L2")
        client._transport.ledger = fork(ledger, 1)
        with pytest.raises(Corrupt):
            ask(client)


def test_a_history_cut_back_is_refused(gateway) -> None:
    client = open_client(gateway)
    put(client, "L1")
    early = copy.copy(gateway.ledger)
    early.blocks = list(gateway.ledger.blocks)
    put(client, "L2")
    gateway.ledger = early
    with pytest.raises(Corrupt):
        client.checkpoint_update()


def test_a_rewritten_history_is_noticed_by_the_next_run(gateway, tmp_path: Path) -> None:
    with open_client(gateway, state_dir=tmp_path) as client:
        put(client)
    gateway.ledger = fork(gateway.ledger, 1)
    with open_client(gateway, state_dir=tmp_path) as again, pytest.raises(HistoryRewritten):
        again.header(1)
    with open_client(gateway) as forgetful:
        forgetful.header(1)


def test_a_damaged_memory_is_not_taken_for_a_first_time(gateway, tmp_path: Path) -> None:
    with open_client(gateway, state_dir=tmp_path) as client:
        put(client)
    path = tmp_path / f"{gateway.ledger.genesis.ledger}.json"
    data = path.read_bytes()
    for damaged in (b"", data[:-9], data.replace(b"hanse/", b"hansa/")):
        path.write_bytes(damaged)
        with pytest.raises(MemoryUnusable):
            open_client(gateway, state_dir=tmp_path).header(0)


def test_a_wrong_consistency_path_is_refused(gateway) -> None:
    client = open_client(gateway)
    put(client)
    for n in range(5):
        put(open_client(gateway), f"M{n}")
    for change in (lambda d: d["path"].pop(), lambda d: d.update(path=[]), set_at("path", 0)):
        gateway.lie = edited("/v1/consistency", change)
        with pytest.raises(HistoryRewritten):
            client.checkpoint_update()
    gateway.lie = None
    client.checkpoint_update()


def test_a_cosigned_checkpoint_needs_the_quorum() -> None:
    gateway = FakeGateway(FakeLedger(build_genesis(quorum=2)))
    client = open_client(gateway)
    put(client)
    gateway.ledger.cosign(1, "w-east")
    with pytest.raises(ProofInvalid, match="quorum"):
        client.checkpoint_update()
    gateway.ledger.cosign(1, "w-east", "w-west")
    report = client.checkpoint_update()
    assert report.witnesses == ("w-east", "w-west")
    assert report.witnessed == report.newest


def test_a_forged_cosignature_is_refused() -> None:
    gateway = FakeGateway(FakeLedger(build_genesis(quorum=1)))
    gateway.ledger.cosign(0, "w-east")
    line = gateway.ledger.cosigned[0][0]
    gateway.ledger.cosigned[0] = [type(line)("w-west", line.key_id, line.payload)]
    with pytest.raises(ProofInvalid, match="not a witness"):
        open_client(gateway).checkpoint_update()


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b'{"a":1', b"\xff", b'{"a":1.5}'])
@pytest.mark.parametrize("path", ["/v1/genesis", "/v1/headers", "/v1/blocks", "/v1/state"])
def test_garbage_is_the_nodes_fault(gateway, path: str, body: bytes) -> None:
    gateway.lie = lambda request, response: (
        Response(200, "", body) if request.path.startswith(path) else response
    )
    client = open_client(gateway)
    ask = {
        "/v1/state": lambda: client.state("book", "lots", "L1"),
        "/v1/blocks": lambda: client.block(0),
    }
    with pytest.raises(AnswerInvalid):
        ask.get(path, lambda: client.header(0))()


def test_other_bytes_than_asked_for_are_refused(gateway) -> None:
    client = open_client(gateway)
    with pytest.raises(ProofInvalid, match="digest"):
        client.get_document(HASH)
    gateway.lie = edited("/v1/documents", lambda d: d.update(digest=HASH))
    with pytest.raises(ProofInvalid, match="other bytes"):
        client.put_document(b"a document")
    gateway.lie = edited("/v1/formats", lambda d: d.update(document_digest=HASH))
    with pytest.raises(ProofInvalid, match="other bytes"):
        client.check_format("epcis", b"x")
