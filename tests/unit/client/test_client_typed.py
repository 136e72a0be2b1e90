# SPDX-License-Identifier: Apache-2.0
"""Typed calls: a contract's methods name the action, its arguments and its result."""

import json

import pytest
from client_fakes import START_MS, FakeGateway, FakeLedger, edited, signer_of

from hanse.client import AnswerInvalid, Client
from hanse.client.typed import bind, target_of
from hanse.contracts import BigInt, Context, Contract, Date, action, query, record
from hanse.errors import Malformed, Refusal


@record
class Lot:
    key: str
    value: int


class Book(Contract):
    @action(role="maker")
    def put(self, ctx: Context, key: str, value: int = 7) -> Lot:
        """Never runs here."""
        raise AssertionError

    @action(role="maker")
    def refuse(self, ctx: Context) -> None:
        """Never runs here."""
        raise AssertionError

    @action(role=None)
    def everything(
        self, ctx: Context, big: BigInt, day: Date, data: bytes, lots: list[Lot], maybe: str | None
    ) -> None:
        """Never runs here."""
        raise AssertionError

    @query
    def mine(self, ctx: Context, limit: int) -> list[str]:
        """Never runs here."""
        raise AssertionError

    def plain(self, ctx: Context) -> None:
        """Not callable from outside."""
        raise AssertionError


class Renamed(Book):
    name = "book"


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway(FakeLedger())


@pytest.fixture
def client(gateway: FakeGateway) -> Client:
    return Client(
        transport=gateway,
        trust=gateway.ledger.genesis.ledger,
        member="alice@acme",
        signer=signer_of("alice"),
        now_ms=lambda: START_MS,
    )


def test_an_action_gives_its_declared_result_and_a_proved_receipt(client: Client) -> None:
    called = client.call(Book.put, "L1", value=3)
    assert called.value == Lot(key="L1", value=3)
    assert called.receipt.verified


def test_a_rejected_action_raises_its_refusal(client: Client) -> None:
    with pytest.raises(Refusal) as caught:
        client.call(Book.refuse)
    assert caught.value.refusal == "not_holder"


def test_values_are_written_in_the_form_of_their_types() -> None:
    lots = [Lot(key="a", value=1)]
    args = bind(target_of(Book.everything), (BigInt(2**80), Date("2026-11-25"), b"\xff\x00"), {
        "lots": lots, "maybe": None,
    })  # fmt: skip
    text = {name: json.loads(bytes(raw)) for name, raw in args.items()}
    assert text == {
        "big": str(2**80), "data": "_wA", "day": "2026-11-25", "lots": [{"key": "a", "value": 1}],
        "maybe": None,
    }  # fmt: skip


def test_arguments_of_another_type_are_refused_before_signing(client: Client) -> None:
    with pytest.raises(Malformed):
        client.call(Book.put, "L1", value="3")
    with pytest.raises(TypeError):
        client.call(Book.put)
    with pytest.raises(TypeError):
        client.call(Book.put, "L1", other=3)


def test_a_query_gives_its_declared_result_or_is_refused(client, gateway) -> None:
    with pytest.raises(AnswerInvalid):
        client.ask(Book.mine, 3)
    gateway.lie = edited("/v1/contracts", lambda d: d.update(result=["a", "b"]))
    assert client.ask(Book.mine, 3) == ["a", "b"]


def test_only_actions_and_queries_of_a_contract_are_targets() -> None:
    assert target_of(Book.put).contract == "book"
    for thing in (Book.plain, len):
        with pytest.raises(TypeError):
            target_of(thing)
