# SPDX-License-Identifier: Apache-2.0
"""Genuine evidence of ranges, made as the rest is in ``build.py``, and a judge of what it states.

The tree is the shortest transcription of ``spec/ordered-tree.md``; rows that were deleted simply
are not there, since the tree of a set does not depend on how it came about.
"""

import base64
import copy
import json
from collections.abc import Mapping

from tests.verifier.build import Ledger, b64, text_key

Entries = list[tuple[bytes, bytes]]
KINDS = ("apple", "nut", "plum")
ROWS = {(kind, f"{n:02}"): n for kind in KINDS for n in range(20) if n % 7}


def bare(*parts: str) -> bytes:
    """Return a key of an ordered map: a state key without the map's name."""
    return text_key("", *parts)[1:]


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


class RangeLedger(Ledger):
    """The small ledger with a contract ``shelf``: ``ranks`` and ``none`` are ordered maps."""

    def __init__(self, suite: str = "ed25519-sha256", rows: Mapping[tuple, int] = ROWS) -> None:
        self.maps = {"none": {}, "ranks": {bare(*key): n for key, n in rows.items()}}
        super().__init__(suite)

    def _first_state(self) -> dict:
        shelf = {b"ranks\0" + key: n for key, n in self.maps["ranks"].items()}
        return super()._first_state() | {"shelf": shelf | {text_key("plain", "a"): 1}}

    def _entries(self, height: int, contract: str) -> Entries:
        entries = super()._entries(height, contract)
        if contract == "shelf":
            for name in self.maps:
                root = self.tree(self.rows(name)) if self.maps[name] else bytes(32)
                entries.append((self.raw_tag("ordered-map", name.encode()), root))
        return sorted(entries)

    def rows(self, name: str) -> Entries:
        return sorted((key, self.tag("value", n)) for key, n in self.maps[name].items())

    def tree(self, entries: Entries) -> bytes:
        return self.raw_tag("ordered", self.page(entries))

    def page(self, entries: Entries) -> bytes:
        if len(entries) <= 16:
            return b"\0" + b"".join(len(k).to_bytes(2, "big") + k + v for k, v in entries)
        digits, parts = self.parts(entries)
        packed = bytes.fromhex(digits + "0" * (len(digits) % 2))
        out = b"\1" + len(digits).to_bytes(2, "big") + packed
        for digit, part in parts.items():
            number = int(digit, 16) + 1 if digit else 0
            out += bytes([number, len(part) if len(part) <= 16 else 0]) + self.tree(part)
        return out

    @staticmethod
    def parts(entries: Entries) -> tuple[str, dict[str, Entries]]:
        first, last = entries[0][0].hex(), entries[-1][0].hex()  # what they share, all share
        same = [a == b for a, b in zip(first, last, strict=False)]
        digits = first[: [*same, False].index(False)]
        parts: dict[str, Entries] = {}
        for key, value in entries:
            parts.setdefault(key.hex()[len(digits) :][:1], []).append((key, value))
        return digits, parts

    def pages(self, entries: Entries, low: str, high: str) -> list[bytes]:
        found = [self.page(entries)] if entries else []
        if len(entries) > 16:
            digits, parts = self.parts(entries)
            for digit, part in parts.items():
                under = digits + digit
                if low <= under < high if digit == "" else under < high and low < under + "g":
                    found += self.pages(part, low, high)
        return found

    def range(
        self, name: str, first: bytes = b"", last: bytes = b"", limit: int = 1_000,
        *, reverse: bool = False, contract: str = "shelf",
    ) -> dict:  # fmt: skip
        """Return the file of a range: the first rows of it, or in reverse the last."""
        low, high, cut = first, last + b"\xff", {"next": None}
        rows = self.rows(name) if contract == "shelf" else []
        inside = [key for key, _ in rows if low <= key < high]
        if len(inside) > limit and reverse:
            inside, previous = inside[-limit:], inside[-limit - 1]
            cut["previous"], low = b64(previous), previous + b"\0"
        elif len(inside) > limit:
            inside, high = inside[:limit], inside[limit]
            cut["next"] = b64(high)
        entries = self._entries(3, contract)
        bucket, siblings = [], []
        if entries:
            bucket, siblings = self._path(entries, self.raw_tag("ordered-map", name.encode()))
        top, top_siblings = self._path(self._top(3), self.raw_tag("contract", contract.encode()))
        part = {
            "bucket": top, "entry": {"bucket": bucket, "siblings": siblings},
            "pages": [b64(page) for page in self.pages(rows, low.hex(), high.hex())],
            "siblings": top_siblings, "values": [self.maps[name][key] for key in inside], **cut,
        }  # fmt: skip
        words = {"contract": contract, "first": b64(first), "last": b64(last), "map": name}
        file = self._common(3, "range") | words | {"range": part}
        return self.sealed(copy.deepcopy(file))

    def states_a_truth(self, data: bytes) -> bool:
        """Tell by looking at the rows themselves whether what a range file says is so."""
        file = json.loads(data)
        part, low, high = file["range"], raw(file["first"]), raw(file["last"]) + b"\xff"
        if file["contract"] not in ("registry", "book", "shelf"):
            held: dict[bytes, int] = {}
        elif file["contract"] != "shelf" or file["map"] not in self.maps:
            return False
        else:
            held = self.maps[file["map"]]
        ends = [end for end in (part["next"], part.get("previous")) if end is not None]
        if any(not low <= raw(end) < high or not part["values"] for end in ends) or len(ends) > 1:
            return False
        if part["next"] is not None:
            high = raw(part["next"])
        if "previous" in part:
            low = raw(part["previous"]) + b"\0"
        return part["values"] == [held[key] for key in sorted(held) if low <= key < high]


def range_files(ledger: RangeLedger) -> dict[str, dict]:
    """Return one file of each kind of range, by name."""
    nut = bare("nut")
    return {
        "whole map": ledger.range("ranks"),
        "one kind": ledger.range("ranks", nut, nut),
        "one row": ledger.range("ranks", bare("nut", "03"), bare("nut", "03")),
        "nothing between two rows": ledger.range("ranks", bare("nut", "07"), bare("nut", "07")),
        "nothing before": ledger.range("ranks", last=bare("aaa")),
        "open beginning": ledger.range("ranks", last=bare("apple", "05")),
        "open end": ledger.range("ranks", first=bare("plum", "15")),
        "first and last exchanged": ledger.range("ranks", bare("plum"), bare("apple")),
        "limit reached": ledger.range("ranks", nut, limit=5),
        "limit reached in reverse": ledger.range("ranks", last=nut, limit=5, reverse=True),
        "in reverse, all": ledger.range("ranks", nut, nut, 50, reverse=True),
        "empty map": ledger.range("none"),
        "contract without state": ledger.range("ranks", contract="toll"),
    }  # fmt: skip
