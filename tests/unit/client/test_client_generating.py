# SPDX-License-Identifier: Apache-2.0
"""A generated client is the same text whatever the order of a description, and imports as it is."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from hanse.client.generated import Endpoint
from hanse.client.generating import python_client
from hanse.contracts import BigInt, Date
from hanse.contracts.package_file import build_package
from hanse.contracts.records import Codec

STORE = (Path(__file__).parents[2] / "corpus" / "store_contract.txt").read_text("utf-8")


def described(text: str) -> dict[str, Any]:
    return build_package("made", {"made": text}).description


def load(text: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the generated module, as an import would give it."""
    module = ModuleType("made_client")
    monkeypatch.setitem(sys.modules, "made_client", module)
    exec(compile(text, "made_client.py", "exec"), module.__dict__)
    return module


def test_the_order_of_members_makes_no_difference() -> None:
    made = described(STORE)
    text = python_client(made)
    assert python_client(msgspec.json.decode(msgspec.json.encode(made, order="sorted"))) == text
    assert python_client(msgspec.json.decode(msgspec.json.encode(made))) == text
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100


def test_types_defaults_and_words_come_through(monkeypatch: pytest.MonkeyPatch) -> None:
    text = python_client(described(STORE))
    assert 'Role = Literal["keeper"]\n' in text
    assert "        Role: keeper.\n" in text
    assert '    """Where "things" stand: C:\\\\shelf."""\n' in text
    module = load(text, monkeypatch)
    place = module.Place(row=1)
    thing = module.Thing(
        owner="acme", by="ada@acme", grams=1, worth=BigInt(2**70), seal=b"\x00", made="2026-01-31",
        at_ms=5, place=place,
    )  # fmt: skip
    codec = Codec[Any](module.Thing)
    again = codec.decode(codec.encode(thing))
    assert again == thing
    assert (type(again.worth), type(again.made)) == (BigInt, Date)
    assert (thing.kind, thing.pair, thing.tags) == ("raw", ("a", 1), [])
    defaults = module.StoreClient.put.__kwdefaults__
    assert defaults == {
        "kind": "raw",
        "limit": 10,
        "note": 'it\'s "here"',
        "parts": (1, 2),
        "place": None,
        "spare": b"\x00\xff",
    }
    assert type(defaults["limit"]) is BigInt


COLLIDING = '''\
from hanse.contracts import Context, Contract, Map, action, query, record


@record
class Client:
    """A client of the shop, which is no client of the ledger."""

    Called: str
    Role: int = 0


@record
class Endpoint:
    pass


@record
class ShopClient:
    of: Client
    to: Endpoint | None = None


class Shop(Contract):
    rows: Map[str, ShopClient]

    @action(role=None)
    def Final(self, ctx: Context, row: str) -> Client:
        """End with a quote: "this"."""
        return self.rows[row].of

    @query
    def final(self, ctx: Context) -> int:
        return 7

    @query
    def Date(self, ctx: Context) -> list[ShopClient]:
        return list(self.rows.values())
'''


def test_names_of_the_contract_do_not_hide_those_of_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = load(python_client(described(COLLIDING)), monkeypatch)
    assert {"Client_", "Endpoint_", "ShopClient_", "ShopClient"} <= set(vars(module))
    assert module.ShopClient.Final_.__doc__.strip() == 'End with a quote: "this".'
    assert isinstance(module._FINAL, Endpoint)
    assert isinstance(module._FINAL_, Endpoint)
    assert isinstance(module._DATE, Endpoint)
    made = module.ShopClient_(of=module.Client_(Called="x"))
    assert made.of.Role == 0


def test_records_of_one_name_and_other_fields_are_two_classes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = {
        "made": (
            "from hanse.contracts import Contract, Map, record\n"
            "from .model import Pair\n\n\n@record\nclass Lot:\n    kg: int\n\n\n"
            "class Shelf(Contract):\n    a: Map[str, Lot]\n    b: Map[str, Pair]\n\n"
            "    @query\n    def one(self, ctx: Context) -> Lot:\n        return self.a['x']\n\n"
            "    @query\n    def two(self, ctx: Context) -> Pair:\n        return self.b['x']\n"
        ).replace("import Contract", "import Context, Contract, query"),
        "model": (
            "from hanse.contracts import record\n\n\n@record\nclass Lot:\n    name: str\n\n\n"
            "@record\nclass Pair:\n    lot: Lot\n"
        ),
    }
    module = load(python_client(build_package("made", files).description), monkeypatch)
    assert module.Lot(kg=1).kg == 1
    assert module.Pair(lot=module.Lot_(name="x")).lot.name == "x"
