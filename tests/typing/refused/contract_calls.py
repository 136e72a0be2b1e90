# SPDX-License-Identifier: Apache-2.0
"""Mistakes in calls: on a bench, through the typed client, through a generated client."""

from shelf import Lot, Shelf
from shelf_client import AsyncShelfClient, Role, ShelfClient
from shelf_client import Lot as SentLot

from hanse import AsyncClient, Client
from hanse.contracts import BigInt, Date
from hanse.testing.bench import Bench

BENCH: Bench[Shelf] = Bench(Shelf)
PACKER = BENCH.actor("acme", "packer")
ONE = BigInt(1)

GOOD: Lot = PACKER(Shelf.put, "L1", 5, ONE, due=Date("2026-01-01"))
WEIGHT: int | None = PACKER(Shelf.weight, "L1")
PACKER(Shelf.put, "L1", "5", ONE)  # expect: arg-type
PACKER(Shelf.put, "L1", 5, 1)  # expect: arg-type
PACKER(Shelf.put, "L1", 5)  # expect: call-arg
PACKER(Shelf.put, "L1", 5, ONE, dew=None)  # expect: call-arg
PACKER(Shelf.put, "L1", 5, ONE, None, 1)  # expect: call-arg
PACKER(Shelf.put, "L1", 5, ONE, due="2026-01-01")  # expect: arg-type
PACKER(Shelf.putt, "L1", 5, ONE)  # expect: attr-defined
WRONG: str = PACKER(Shelf.weight, "L1")  # expect: assignment
KGS = PACKER(Shelf.put, "L1", 5, ONE).kgs  # expect: attr-defined
BENCH.actor("acme", 3)  # expect: arg-type


def typed(client: Client) -> None:
    """Call with the contract's own class."""
    lot: Lot = client.call(Shelf.put, "L1", 5, ONE).value
    client.call(Shelf.put, "L1", "5", ONE)  # expect: arg-type
    client.call(Shelf.put, lot="L1", kg=5)  # expect: call-arg
    client.call(Shelf.put, "L1", 5, ONE, weight=1)  # expect: call-arg
    client.ask(Shelf.weight, 1)  # expect: arg-type
    wrong: int = client.ask(Shelf.weight, "L1")  # expect: assignment
    kgs = client.call(Shelf.put, "L1", 5, ONE).value.kgs  # expect: attr-defined
    lot = client.call(Shelf.put, "L1", 5, ONE)  # expect: assignment
    del lot, wrong, kgs


def generated(client: ShelfClient) -> None:
    """Call with a generated client."""
    lot: SentLot = client.put("L1", 5, ONE, due=Date("2026-01-01")).value
    client.put("L1", "5", ONE)  # expect: arg-type
    client.put("L1", 5, 1)  # expect: arg-type
    client.put("L1", 5)  # expect: call-arg
    client.put("L1", 5, ONE, dew=None)  # expect: call-arg
    client.put("L1", 5, ONE, None)  # expect: call-arg
    client.putt("L1", 5, ONE)  # expect: attr-defined
    wrong: int = client.weight("L1")  # expect: assignment
    client.weight("L1", "L2")  # expect: call-arg
    kgs = client.put("L1", 5, ONE).value.kgs  # expect: attr-defined
    lot.kg = 3  # expect: misc
    SentLot(owner="acme", kg=1, worth=ONE)  # expect: arg-type
    role: Role = "packer"
    role = "clrek"  # expect: assignment
    ShelfClient("http://127.0.0.1:8420")  # expect: arg-type
    del role, wrong, kgs


async def asynchronous(client: AsyncShelfClient, plain: AsyncClient) -> None:
    """Call with a generated asynchronous client."""
    lot: SentLot = (await client.put("L1", 5, ONE)).value
    await client.put("L1", "5", ONE)  # expect: arg-type
    wrong: int = await client.weight("L1")  # expect: assignment
    also_wrong: int | None = client.weight("L1")  # expect: assignment
    ShelfClient(plain)  # expect: arg-type
    del lot, wrong, also_wrong
