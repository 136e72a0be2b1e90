# SPDX-License-Identifier: Apache-2.0
"""The light client on a ledger of several validators: every answer proved, every lie refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.client.client_fakes import FakeGateway, problem
from tests.unit.client.engine_fakes import VotingLedger
from tests.unit.client.test_client_lies import edited, open_client, put
from tests.verifier import engine

from hanse.client._http import PROVABLE_TRIES, AnswerInvalid, Request, Response
from hanse.client._memory import MemoryUnusable
from hanse.client.note import NoCheckpoints
from hanse.client.session import AnswerStale, ForkShown, HistoryRewritten
from hanse.errors import Corrupt, ProofInvalid, Refusal

MANY: dict[int, engine.Powers] = {
    start: engine.POWERS | {"beta": 30 + start} for start in range(3, 40, 3)
}


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway(VotingLedger(engine.CHANGES))


def test_receipts_state_and_blocks_are_proved_across_changes_of_the_validators(
    gateway: FakeGateway,
) -> None:
    client = open_client(gateway)
    for n in range(8):
        receipt = put(client, f"L{n}")
        assert (receipt.ok, receipt.height) == (True, n + 1)
        found = client.state("book", "lots", f"L{n}")
        assert (found.present, found.height) == (True, n + 1)
        assert len(client.block(n + 1)) == 1
    assert client.header(7).power == "75 of 90"
    assert client.header(0).power == "55 of 75"
    assert gateway.count("/v1/validators") == 4  # two steps, each found and then no further one


def test_a_batch_costs_one_commit_and_no_proof_of_consistency_for_each_block(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = open_client(gateway)
    put(client)
    verified = []
    from hanse.client import session  # what is counted

    honest = session.verify_committed
    monkeypatch.setattr(
        session, "verify_committed", lambda *args: verified.append(args) or honest(*args)
    )
    asked = gateway.count("/v1/consistency")
    calls = [("book", "put", {"key": f"B{n}", "value": {"kg": n}}) for n in range(50)]
    outcomes = client.submit_many(calls, cost_max=1_000)
    assert len(outcomes) == 50
    assert {outcome.height for outcome in outcomes} == {2}
    assert len(verified) == 1
    assert gateway.count("/v1/consistency") == asked


def test_more_changes_than_one_answer_holds_are_followed() -> None:
    ledger = VotingLedger(MANY)
    writer = open_client(FakeGateway(ledger))
    for n in range(20):
        put(writer, f"L{n}")
    reader = open_client(FakeGateway(ledger))
    assert reader.header(20).power is not None
    assert reader.header(4).header.height == 4


def test_the_newest_header_and_its_voters_are_remembered(
    gateway: FakeGateway, tmp_path: Path
) -> None:
    with open_client(gateway, state_dir=tmp_path) as client:
        for n in range(7):
            put(client, f"L{n}")
        size = client.session.size_seen
    asked = gateway.count("/v1/validators")
    with open_client(gateway, state_dir=tmp_path) as again:
        again.header(7)
        assert again.session.size_seen == size
        assert gateway.count("/v1/validators") == asked  # the set is known
        assert again.header(1).header.height == 1  # an older one: all steps are followed
    seen = json.loads((tmp_path / f"{gateway.ledger.genesis.ledger}.json").read_bytes())
    assert (seen["engine"], seen["since"], len(seen["voters"])) == ("cometbft", 6, 4)


def test_a_damaged_memory_of_a_header_is_not_taken_for_a_first_time(
    gateway: FakeGateway, tmp_path: Path
) -> None:
    with open_client(gateway, state_dir=tmp_path) as client:
        put(client)
    path = tmp_path / f"{gateway.ledger.genesis.ledger}.json"
    data = path.read_bytes()
    for damaged in (b"", data[:-9], data.replace(b'"voters":[', b'"voters":[null,')):
        path.write_bytes(damaged)
        with pytest.raises(MemoryUnusable):
            open_client(gateway, state_dir=tmp_path).header(0)


# what is not provable yet


def late(times: int) -> Callable[[Request, Response], Response]:
    """Let the node say so many times that the next commit is not there yet."""
    left = [times]

    def lie(request: Request, response: Response) -> Response:
        if request.path.endswith("/leaves") and left[0]:
            left[0] -= 1
            return Response(409, "", problem("not_provable_yet", 409, height=1))
        return response

    return lie


def test_a_receipt_that_is_final_is_given_when_it_is_provable(gateway: FakeGateway) -> None:
    gateway.lie = late(PROVABLE_TRIES - 1)
    assert put(open_client(gateway)).ok


def test_a_receipt_that_does_not_become_provable_is_not_given(gateway: FakeGateway) -> None:
    gateway.lie = late(PROVABLE_TRIES)
    client = open_client(gateway)
    made = client.draft("book", "put", {"key": "L1", "value": 1}, cost_max=100)
    with pytest.raises(Refusal) as caught:
        client.submit_draft(made)
    assert caught.value.refusal == "not_provable_yet"
    assert client.submit_draft(made).height == 1  # the same bytes count once


# forks and lies


def other_history(ledger: VotingLedger, blocks: int) -> VotingLedger:
    """Return a ledger of the same validators with other records after the first ``blocks``."""
    other = VotingLedger(ledger.engine.sets)
    other.engine = ledger.engine
    client = open_client(FakeGateway(other))
    for height in range(1, len(ledger.blocks)):
        if height < blocks:
            other.submit([raw for raw, _ in ledger.blocks[height].records])
        else:
            put(client, f"other {height}")
    return other


def test_two_final_headers_of_one_height_are_kept_as_evidence(
    gateway: FakeGateway, tmp_path: Path
) -> None:
    ledger = gateway.ledger
    with open_client(gateway, state_dir=tmp_path) as client:
        for n in range(3):
            put(client, f"L{n}")
        gateway.ledger = other_history(ledger, 2)
        with pytest.raises(ForkShown) as caught:
            client.header(3)
    assert caught.value.height == 3
    path = tmp_path / f"{ledger.genesis.ledger}.fork.json"
    kept = path.read_bytes()
    shown = json.loads(kept)["headers"]
    assert [one["header"]["height"] for one in shown] == [3, 3]
    assert shown[0]["header"]["log_root"] != shown[1]["header"]["log_root"]
    assert all(one["certificate"]["votes"] for one in shown)
    with open_client(gateway, state_dir=tmp_path) as again, pytest.raises(ForkShown):
        again.header(3)
    assert path.read_bytes() == kept


def test_a_history_of_other_records_is_refused_at_another_height(gateway: FakeGateway) -> None:
    client = open_client(gateway)
    for n in range(3):
        put(client, f"L{n}")
    other = other_history(gateway.ledger, 1)
    put(open_client(FakeGateway(other)), "one more")
    gateway.ledger = other
    with pytest.raises(HistoryRewritten):
        client.header(4)


def test_an_answer_older_than_what_was_seen_is_refused(gateway: FakeGateway) -> None:
    client = open_client(gateway)
    put(client, "L1")
    old = gateway.answer(Request("GET", '/v1/state/book/lots?key="L1"'))
    put(client, "L2")
    gateway.lie = lambda request, response: (
        Response(200, "", old) if request.path.startswith("/v1/state") else response
    )
    with pytest.raises(AnswerStale):
        client.state("book", "lots", "L1")


def test_former_validators_cannot_make_a_header_final(gateway: FakeGateway) -> None:
    client = open_client(gateway)
    for n in range(4):
        put(client, f"L{n}")
    former = VotingLedger({})
    former.engine = engine.Engine("a", gateway.ledger.genesis.ledger, {})
    for height in range(1, 5):
        former.submit([raw for raw, _ in gateway.ledger.blocks[height].records])
    put(open_client(FakeGateway(former)), "theirs")
    gateway.ledger = former
    with pytest.raises(Corrupt):
        client.header(5)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["certificate"].update(votes=d["certificate"]["votes"][::-1]),
        lambda d: d["certificate"].update(votes=[None] * 4),
        lambda d: d["certificate"].update(round=1),
        lambda d: d["certificate"].pop("validators"),
        lambda d: d["certificate"]["validators"].reverse(),
        lambda d: d["certificate"]["validators"][0].update(organisation="acme"),
        lambda d: d["certificate"].update(steps=[]),
        lambda d: d["header"].update(time_ms=d["header"]["time_ms"] + 1),
        lambda d: d["header"].update(engine_height=3),
    ],
)
def test_a_changed_certificate_is_refused(
    gateway: FakeGateway, change: Callable[[dict], object]
) -> None:
    client = open_client(gateway)
    for n in range(4):
        put(client, f"L{n}")
    gateway.lie = edited("/v1/headers/4", change)
    with pytest.raises((ProofInvalid, AnswerInvalid)):
        client.header(4)
    gateway.lie = None
    assert client.header(4).header.height == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["steps"].clear(),
        lambda d: d["steps"].reverse(),
        lambda d: d.update(steps=d["steps"][1:]),
        lambda d: d["steps"][0].update(next=d["steps"][0]["next"][1:]),
        lambda d: d["steps"][0]["next"][0].update(power=1_000),
        lambda d: d["steps"][1].update(votes=[None] * 4),
        lambda d: d["steps"].append(d["steps"][1]),
    ],
)
def test_a_changed_step_is_refused(gateway: FakeGateway, change: Callable[[dict], object]) -> None:
    writer = open_client(gateway)
    for n in range(7):
        put(writer, f"L{n}")
    gateway.lie = edited("/v1/validators?since=1", change)
    with pytest.raises((ProofInvalid, AnswerInvalid)):
        open_client(gateway).header(7)


# what this kind of ledger has not


def test_nobody_signs_checkpoints(gateway: FakeGateway) -> None:
    client = open_client(gateway)
    put(client)
    report = client.checkpoint_update()
    assert report.newest.size == client.header(1).header.log_size
    assert (report.witnessed, report.witnesses) == (None, ())
    with pytest.raises(NoCheckpoints):
        client.cosign(None)
