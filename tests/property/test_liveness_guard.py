# SPDX-License-Identifier: Apache-2.0
"""Over all n to 10 and all sets of validators that run: no change leaves those without a quorum."""

from bisect import bisect_left
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from tests.unit.kernel.small_ledger import public_key

from hanse.kernel import entries as e
from hanse.kernel.changes import Change, NodeTerms, PartyTerms, ValidatorTerms
from hanse.kernel.directory import Directory
from hanse.kernel.effects import Refusal, try_change
from hanse.kernel.parties import EngineValidator, Node
from hanse.kernel.registry import Organisation

HEIGHT = 200
SUITE = "ed25519-sha256"
KEYS = [public_key(f"voter {number}") for number in range(12)]
POWERS = {
    "equal": [1] * 10,
    "falling": [12, 10, 9, 8, 7, 5, 4, 3, 2, 1],
    "one_heavy": [9, 1, 1, 1, 1, 1, 1, 1, 1, 1],
}


class Rows:
    """A state of a few rows."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[bytes, bytes | None]] = {}
        self._sorted: dict[str, list[bytes]] = {}

    def put(self, contract: str, writes: dict[bytes, bytes | None]) -> None:
        self.rows.setdefault(contract, {}).update(writes)
        self._sorted[contract] = sorted(self.rows[contract])

    def get(self, contract: str, key: bytes) -> bytes | None:
        return self.rows.get(contract, {}).get(key)

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        keys = self._sorted.get(contract, [])
        found: list[tuple[bytes, bytes]] = []
        for key in keys[bisect_left(keys, max(prefix, start)) :]:
            value = self.rows[contract][key]
            if not key.startswith(prefix) or len(found) >= limit:
                break
            if value is not None:
                found.append((key, value))
        return found


def party(number: int) -> str:
    return f"o{number:02}"


def build(powers: list[int]) -> Rows:
    rows = Rows()
    for number, power in enumerate([*powers, 0]):  # the last has a node and no vote
        name = party(number)
        e.ORGANISATIONS.put(rows.put, name, Organisation(from_height=0, name=name))
        node = Node(from_height=0, public_key=KEYS[number], suite=SUITE)
        e.NODES.put(rows.put, (name, "n", 0), node)
        if power:
            entry = EngineValidator(
                from_height=0, key_height=0, power=power, public_key=KEYS[number]
            )
            e.ENGINE_VALIDATORS.put(rows.put, (name, "n", 0), entry)
    return rows


def changes(powers: list[int]) -> Iterator[Change]:
    """Yield changes of every kind that touches the set; of large ones not of each validator."""

    def vote(resource: Any, number: int, **parts: Any) -> Change:
        terms = ValidatorTerms(organisation=party(number), node="n", **parts)
        return Change(reason="r", resource=resource, validator=terms)

    n = len(powers)
    yield vote("validator.add", n, power=powers[0], public_key=KEYS[11])
    for number in range(n) if n < 5 else (0,):
        yield vote("validator.remove", number)
        if n < 8:
            yield vote("validator.rotate", number, public_key=KEYS[11])
            yield vote("validator.power", number, power=powers[number] + 3)
    if n < 7:
        terms = PartyTerms(organisation=party(n - 1))
        yield Change(reason="r", resource="organisation.suspend", party=terms)
        yield Change(reason="r", resource="organisation.remove", party=terms)


def judge(rows: Rows, change: Change, running: set[str], forced: bool) -> str:
    """Return what became of a change, judged again by other arithmetic."""
    try:
        view = try_change(rows, change, HEIGHT)
    except Refusal as error:
        return error.code
    share = Fraction(0)
    seats = Directory().engine_validators(view, HEIGHT + 1)
    total = sum(seat.entry.power for seat in seats)
    for seat in seats:
        fresh = seat.entry.public_key == KEYS[11]  # nobody has seen that key vote
        if seat.organisation in running and not fresh:
            share += Fraction(seat.entry.power, total)
    assert share > Fraction(2, 3) or forced, (change, running)
    return "ok"


@pytest.mark.parametrize(
    ("n", "kind"),
    [(n, kind) for n in range(1, 11) for kind in POWERS if n < 7 or kind == "equal"],
)
def test_no_accepted_change_leaves_those_who_run_without_a_quorum(n: int, kind: str) -> None:
    powers = POWERS[kind][:n]
    rows = build(powers)
    found: set[str] = set()
    listed = list(changes(powers))
    for size in range(n + 1):
        for chosen in combinations(range(n), size):
            for number in range(n):
                seen = HEIGHT - 99 if number in chosen else HEIGHT - 100
                e.ATTENDANCE.put(rows.put, (party(number), "n"), seen)
            running = {party(number) for number in chosen}
            found |= {judge(rows, change, running, forced=False) for change in listed}
    allowed = {"ok", "no_quorum", "no_validators"}
    assert found <= allowed
    assert "no_quorum" in found
    assert "ok" in found


def test_what_is_forced_is_not_judged() -> None:
    rows = build([1, 1, 1, 1])
    terms = ValidatorTerms(organisation=party(0), node="n")
    asked = Change(reason="r", resource="validator.remove", validator=terms, forced=True)
    assert judge(rows, asked, set(), forced=True) == "ok"
    unforced = Change(reason="r", resource="validator.remove", validator=terms)
    assert judge(rows, unforced, set(), forced=False) == "no_quorum"


def test_a_change_that_is_not_of_the_set_is_not_judged() -> None:
    rows = build([1, 1, 1, 1])
    terms = NodeTerms(organisation=party(0), node="other", public_key=KEYS[11], suite=SUITE)
    asked = Change(reason="r", resource="node.add", node=terms)
    assert try_change(rows, asked, HEIGHT).writes["registry"]
