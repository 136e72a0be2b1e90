# SPDX-License-Identifier: Apache-2.0
"""A server that drops, adds or alters a row of a range, or hides that there is more, is caught."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.unit.contracts.ordered_contract import Shelf

from hanse.client.ranges import RangeProof, bound_bytes, verify_range_proof
from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_KEY, TAG_VALUE
from hanse.contracts.keys import encode_key
from hanse.contracts.state import AFTER
from hanse.crypto import SHA256
from hanse.errors import Malformed, ProofInvalid
from hanse.kernel import load_contract
from hanse.kernel.writes import split_by_map
from hanse.merkle.trie import StateTries
from hanse.node.ranges import range_proof

SHELF = load_contract(Shelf)
NAMES = [f"{n:03}" for n in range(100)]


class Shop:
    """A store with one contract, as a node has it."""

    def __init__(self, rows: dict[str, int], extra: dict[bytes, bytes] | None = None) -> None:
        self.values = {SHELF.state_key("things", k): encode(n) for k, n in rows.items()}
        self.values |= extra or {}
        self.tries = StateTries(SHA256, {})
        hashed: dict[bytes, bytes | None] = {
            k: SHA256.tagged(TAG_VALUE, v) for k, v in self.values.items()
        }
        entries = {SHA256.tagged(TAG_KEY, k): v for k, v in hashed.items()}
        self.tries.update({"shelf": entries}, {"shelf": split_by_map(SHELF.ordered, hashed)})

    def scan(self, _: str, prefix: bytes, start: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        rows = sorted((k, v) for k, v in self.values.items() if k.startswith(prefix))
        return [(k, v) for k, v in rows if k >= start][:limit]

    def get(self, _: str, key: bytes) -> bytes | None:
        return self.values.get(key)

    def prove(
        self, first: str, last: str, limit: int = 50, name: str = "things", *, reverse: bool = False
    ) -> dict[str, Any]:
        store: Any = self
        bounds = (encode(first).decode(), encode(last).decode())
        found = range_proof(store, SHELF, name, bounds, limit, reverse=reverse)
        return dict(msgspec.json.decode(encode(found)))


def judge(
    root: bytes, proof: dict[str, Any], first: str, last: str, limit: int = 50,
    name: str = "things", *, reverse: bool = False,
) -> list[int]:  # fmt: skip
    bounds = (bound_bytes(first), bound_bytes(last) + AFTER)
    made = msgspec.json.decode(encode(proof), type=RangeProof)
    of = ("shelf", name)
    rows = verify_range_proof(SHA256, root, of, bounds, made, limit, reverse=reverse)
    return [msgspec.json.decode(value) for _, value in rows]


@pytest.fixture
def shop() -> Shop:
    return Shop({name: n for n, name in enumerate(NAMES)})


def test_an_honest_answer_is_the_whole_range(shop: Shop) -> None:
    root = shop.tries.root
    assert judge(root, shop.prove("010", "019"), "010", "019") == list(range(10, 20))
    assert judge(root, shop.prove("0105", "0106"), "0105", "0106") == []
    assert judge(root, shop.prove("099", "zzz"), "099", "zzz") == [99]


def test_an_answer_that_stops_at_the_limit_says_so_and_proves_as_far(shop: Shop) -> None:
    proof = shop.prove("010", "080", 50)
    assert to_bytes(proof["next"]) == encode_key("060")
    assert judge(shop.tries.root, proof, "010", "080") == list(range(10, 60))
    with pytest.raises(ProofInvalid):
        judge(shop.tries.root, {**proof, "next": None}, "010", "080")


def test_in_reverse_the_last_rows_are_proved_and_where_they_begin(shop: Shop) -> None:
    root, proof = shop.tries.root, shop.prove("010", "080", 20, reverse=True)
    assert (proof["next"], to_bytes(proof["previous"])) == (None, encode_key("060"))
    assert judge(root, proof, "010", "080", 20, reverse=True) == list(range(61, 81))
    whole = shop.prove("010", "015", 20, reverse=True)
    assert "previous" not in whole
    assert judge(root, whole, "010", "015", 20, reverse=True) == list(range(10, 16))
    assert whole == shop.prove("010", "015", 20)


def test_the_first_rows_do_not_pass_for_the_last_nor_the_last_for_the_first(shop: Shop) -> None:
    first = shop.prove("010", "080", 20)
    last = shop.prove("010", "080", 20, reverse=True)
    for proof, reverse in ((first, True), (last, False)):
        with pytest.raises(ProofInvalid, match="other end"):
            judge(shop.tries.root, proof, "010", "080", 20, reverse=reverse)
    for limit in (19, 21):
        with pytest.raises(ProofInvalid, match="before the limit"):
            judge(shop.tries.root, last, "010", "080", limit, reverse=True)
    for previous in ("059", "061"):
        moved = {**last, "previous": to_text(encode_key(previous))}
        with pytest.raises(ProofInvalid):
            judge(shop.tries.root, moved, "010", "080", 20, reverse=True)


def drop(proof: dict[str, Any]) -> None:
    del proof["values"][3]


def drop_end(proof: dict[str, Any]) -> None:
    proof["values"].pop()
    proof["next"] = to_text(encode_key("019"))


def add(proof: dict[str, Any]) -> None:
    proof["values"].append(7)


def alter(proof: dict[str, Any]) -> None:
    proof["values"][3] = 7


def swap(proof: dict[str, Any]) -> None:
    proof["values"][2:4] = reversed(proof["values"][2:4])


def cut_page(proof: dict[str, Any]) -> None:
    proof["pages"].pop()


def drop_row_of_page(proof: dict[str, Any]) -> None:
    page = to_bytes(proof["pages"][-1])
    size = int.from_bytes(page[1:3], "big")
    proof["pages"][-1] = to_text(page[:1] + page[3 + size + 32 :])


def other_page(proof: dict[str, Any]) -> None:
    proof["pages"].append(proof["pages"][-1])


def no_pages(proof: dict[str, Any]) -> None:
    proof["pages"], proof["values"] = [], []


def empty_next(proof: dict[str, Any]) -> None:
    proof["pages"], proof["values"], proof["next"] = [], [], to_text(encode_key("010"))


def no_contract(proof: dict[str, Any]) -> None:
    no_pages(proof)
    proof["entry"] = {"bucket": [], "siblings": []}


def other_path(proof: dict[str, Any]) -> None:
    proof["entry"], proof["bucket"] = {**proof["entry"], "bucket": []}, proof["bucket"]


FORGERIES = [
    drop, drop_end, add, alter, swap, cut_page, drop_row_of_page, other_page, no_pages,
    empty_next, no_contract, other_path,
]  # fmt: skip


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda f: f.__name__)
def test_a_forged_answer_is_refused(shop: Shop, forge: Callable[[dict[str, Any]], None]) -> None:
    proof = shop.prove("010", "019")
    forge(proof)
    with pytest.raises((ProofInvalid, Malformed)):
        judge(shop.tries.root, proof, "010", "019")


def test_a_proof_of_another_range_map_or_state_is_refused(shop: Shop) -> None:
    proof = shop.prove("010", "019")
    for bounds in (("010", "040"), ("000", "019"), ("030", "039")):
        with pytest.raises(ProofInvalid):
            judge(shop.tries.root, proof, *bounds)
    with pytest.raises(ProofInvalid):
        judge(shop.tries.root, proof, "010", "019", name="owned")
    other = Shop({name: n for n, name in enumerate(NAMES) if name != "015"})
    with pytest.raises(ProofInvalid):
        judge(other.tries.root, proof, "010", "019")


def test_a_plain_map_cannot_be_proved_empty() -> None:
    plain = Shop({"a": 1}, {SHELF.state_key("plain", "a"): encode(1)})
    for name in ("plain", "nothing"):
        path = plain.tries.prove_range("shelf", name, b"", b"\xff")
        shown = {
            "bucket": [to_text(k + v) for k, v in path.top.bucket],
            "siblings": [to_text(s) for s in path.top.siblings],
            "entry": {
                "bucket": [to_text(k + v) for k, v in path.inner.bucket],
                "siblings": [to_text(s) for s in path.inner.siblings],
            },
            "next": None,
            "pages": [],
            "values": [],
        }
        with pytest.raises(ProofInvalid, match="keeps no ordered tree"):
            judge(plain.tries.root, shown, "a", "z", name=name)


def test_an_empty_ordered_map_is_proved_empty_and_so_is_a_contract_without_state() -> None:
    beside = Shop({}, {SHELF.state_key("plain", "a"): encode(1)})
    assert judge(beside.tries.root, beside.prove("a", "z"), "a", "z") == []
    nothing = Shop({})
    assert judge(nothing.tries.root, nothing.prove("a", "z"), "a", "z") == []


def test_only_an_ordered_map_is_asked_for_a_range(shop: Shop) -> None:
    with pytest.raises(Malformed, match="no ordered map plain"):
        shop.prove("a", "b", name="plain")
