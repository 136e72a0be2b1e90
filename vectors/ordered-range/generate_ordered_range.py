# SPDX-License-Identifier: Apache-2.0
"""Write ``ordered_range.json``: ranges proved by the ledger's own code, and forgeries of them.

Read by ``tests/vectors/test_range_vectors.py`` with the stand-alone verifier, which shares no code
with what is imported here.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from shelf import Shelf

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_KEY, TAG_VALUE
from hanse.contracts.keys import encode_key
from hanse.crypto import Hash, hash_named
from hanse.kernel import load_contract
from hanse.kernel.writes import split_by_map
from hanse.merkle.trie import StateTries
from hanse.node.ranges import range_evidence, range_proof

Case = dict[str, Any]
SHELF = load_contract(Shelf)
KINDS = ("apple", "nut", "plum", "quince")
ALL = ("", "")


class Shop:
    """A state with the rows of one contract, brought about by puts and deletions."""

    def __init__(self, hasher: Hash) -> None:
        """Begin with a plain map alone; so the ordered ones are empty, and have their roots."""
        self.hash = hasher
        self.values: dict[bytes, bytes] = {}
        self.tries = StateTries(hasher, {})
        self.put({SHELF.state_key("plain", "a"): 1})

    def put(self, rows: dict[bytes, int | None]) -> None:
        """Put or (``None``) delete rows by state key."""
        values = {key: None if n is None else encode(n) for key, n in rows.items()}
        hashed = {k: v and self.hash.tagged(TAG_VALUE, v) for k, v in values.items()}
        entries = {self.hash.tagged(TAG_KEY, key): value for key, value in hashed.items()}
        self.tries.update({"shelf": entries}, {"shelf": split_by_map(SHELF.ordered, hashed)})
        self.values |= {key: value for key, value in values.items() if value is not None}
        for key in [key for key, value in values.items() if value is None]:
            del self.values[key]

    def get(self, _: str, key: bytes) -> bytes | None:
        """Return a value, as a node's store does."""
        return self.values.get(key)

    def scan(self, _: str, prefix: bytes, start: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return rows in key order, as a node's store does."""
        rows = sorted((k, v) for k, v in self.values.items() if k.startswith(prefix))
        return [(k, v) for k, v in rows if k >= start][:limit]

    def case(
        self, name: str, bounds: tuple[str, str] = ALL, limit: int = 1_000, *,
        of: str = "kg", reverse: bool = False,
    ) -> Case:  # fmt: skip
        """Return the vector of one question."""
        store: Any = self
        proof = range_proof(store, SHELF, of, bounds, limit, reverse=reverse)
        parts = msgspec.json.decode(encode(range_evidence(SHELF, of, bounds, proof)))
        facts = {"hash": self.hash.name, "state_root": to_text(self.tries.root)}
        return {"name": name, "holds": True, **facts, **parts}


def key(kind: str, n: int) -> bytes:
    """Return the state key of a row."""
    return SHELF.state_key("kg", [kind, n])


def genuine(hasher: Hash) -> Iterator[Case]:
    """Yield a case of each kind, while rows come and go."""
    shop = Shop(hasher)
    yield shop.case("no rows at all")
    shop.put({key("nut", n): n for n in range(3)})
    yield shop.case("three rows in one bucket")
    yield shop.case("nothing before the first row", ("", '["apple"]'))
    yield shop.case("an empty map beside a full one", of="none")
    shop.put({key(kind, n): 10 * n for kind in KINDS for n in range(12)})
    yield shop.case("whole map of several pages")
    yield shop.case("all keys that begin with one part", ('["nut"]', '["nut"]'))
    yield shop.case("one row", ('["nut",7]', '["nut",7]'))
    yield shop.case("nothing between two rows", ('["nut",12]', '["nut",99]'))
    yield shop.case("open beginning", ("", '["apple",4]'))
    yield shop.case("open end", ('["quince",9]', ""))
    yield shop.case("first after last", ('["plum"]', '["apple"]'))
    yield shop.case("limit reached", ('["nut"]', '["plum"]'), 5)
    yield shop.case("limit reached from the end", ('["nut"]', '["plum"]'), 5, reverse=True)
    yield shop.case("from the end, and all of it", ('["nut"]', '["nut"]'), 20, reverse=True)
    yield shop.case("the last row", limit=1, reverse=True)
    shop.put({key("nut", n): None for n in range(2, 12)})
    yield shop.case("after deletions", ('["nut"]', '["nut"]'))
    shop.put({key(kind, n): None for kind in ("apple", "plum", "quince") for n in range(12)})
    yield shop.case("after deletions that join pages")
    shop.put({key("nut", n): None for n in range(2)})
    yield shop.case("after the deletion of every row")


def _drop_value(part: Case) -> None:
    part["values"].pop(1)


def _add_value(part: Case) -> None:
    part["values"].append(0)


def _alter_value(part: Case) -> None:
    part["values"][0] += 1


def _swap_values(part: Case) -> None:
    part["values"][:2] = part["values"][1::-1]


def _drop_page(part: Case) -> None:
    part["pages"].pop()


def _repeat_page(part: Case) -> None:
    part["pages"].append(part["pages"][-1])


def _drop_row_of_page(part: Case) -> None:
    page = to_bytes(part["pages"][-1])
    size = int.from_bytes(page[1:3], "big")
    part["pages"][-1] = to_text(page[:1] + page[35 + size :])


def _say_empty(part: Case) -> None:
    part |= {"pages": [], "values": []}


def _hide_the_rest(part: Case) -> None:
    part["next"] = None


def _stop_outside(part: Case) -> None:
    part["next"] = to_text(encode_key(("zzz", 0)))


def _stop_earlier(part: Case) -> None:
    part["next"] = to_text(encode_key(("nut", 3)))


def _stop_at_both_ends(part: Case) -> None:
    part["previous"] = to_text(encode_key(("nut", -1)))


def _first_as_last(part: Case) -> None:
    part |= {"next": None, "previous": part["next"]}


def _no_state(part: Case) -> None:
    _say_empty(part)
    part["entry"] = {"bucket": [], "siblings": []}


def _value_of_a_tree(part: Case) -> None:
    part["entry"]["value"] = 0


FORGERIES: dict[str, tuple[str, Callable[[Case], None]]] = {
    "row left out": ("whole map of several pages", _drop_value),
    "row added": ("one row", _add_value),
    "row altered": ("one row", _alter_value),
    "rows exchanged": ("all keys that begin with one part", _swap_values),
    "page left out": ("whole map of several pages", _drop_page),
    "page repeated": ("all keys that begin with one part", _repeat_page),
    "row cut out of its page": ("all keys that begin with one part", _drop_row_of_page),
    "said to be empty": ("one row", _say_empty),
    "contract said to have no state": ("one row", _no_state),
    "rest hidden": ("limit reached", _hide_the_rest),
    "stop outside of the range": ("limit reached", _stop_outside),
    "stop before the last row shown": ("limit reached", _stop_earlier),
    "stop at both ends": ("limit reached", _stop_at_both_ends),
    "first rows as the last": ("limit reached", _first_as_last),
    "path with a value": ("one row", _value_of_a_tree),
}


def forged(cases: dict[str, Case]) -> Iterator[Case]:
    """Yield forgeries, named after what was done to a genuine case."""
    for name, (of, forge) in FORGERIES.items():
        case = copy.deepcopy(cases[of])
        forge(case["range"])
        yield {**case, "name": name, "holds": False}
    plain = {**copy.deepcopy(cases["no rows at all"]), "map": "plain"}
    yield {**plain, "name": "map that keeps no tree", "holds": False}
    wider = copy.deepcopy(cases["all keys that begin with one part"])
    wider |= {"last": to_text(encode_key(("plum",))), "name": "proof of a narrower range"}
    yield {**wider, "holds": False}


def build() -> bytes:
    """Return the file: one case a line."""
    cases = {case["name"]: case for case in genuine(hash_named("sha256"))}
    found = [*cases.values(), *forged(cases)]
    found += [{**case, "name": f"{case['name']}, SM3"} for case in genuine(hash_named("sm3"))][4:8]
    lines = [json.dumps(case, sort_keys=True, separators=(",", ":")) for case in found]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


if __name__ == "__main__":
    (Path(__file__).parent / "ordered_range.json").write_bytes(build())
