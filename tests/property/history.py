# SPDX-License-Identifier: Apache-2.0
"""One history of many transactions, good and bad, played in memory; prints what nodes agree on.

``python -m tests.property.history TRANSACTIONS``. Nothing here uses the hash of a text, the order
of a set, a locale or a clock; ``spoilt`` as a second argument does, so that a test can see it fail.
"""

import hashlib
import sys
from typing import Any

from tests.unit.kernel.small_ledger import SUITE, SmallLedger, public_key

from hanse.codec.base64url import to_text
from hanse.codec.documents import Transaction

BLOCK_TXS = 50
SIGNERS = ("alice@acme", "anna@acme", "bob@bolt", "carol@cargo", "carl@cargo", "nobody@acme")
TEXTS = ("\u0130stanbul \u0131i", "straße", "\u0000zero", "鉄", "e\u0301", "")


def draw(number: int, what: str, below: int) -> int:
    """Return a number below ``below``, the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{what} {number}".encode()).digest()[:8]) % below


def choose(number: int, *, spoilt: bool) -> tuple[str, str, dict[str, Any]]:
    """Return contract, action and arguments of transaction ``number``."""
    text = TEXTS[draw(number, "text", len(TEXTS))]
    key = f"{text}{draw(number, 'key', 60)}"
    member = SIGNERS[draw(number, "member", len(SIGNERS))]
    role = f"r{draw(number, 'role', 4)}"
    if spoilt:
        key = next(iter({"a", "b", "c", "d", "e"}))
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("notes", "put", {"key": key, "text": text * draw(number, "times", 20)}),
        ("notes", "add", {"key": key}),
        ("notes", "take", {"key": key}),
        ("notes", "put_as_writer", {"key": key}),
        ("notes", "only_for", {"organisation": member.split("@")[1]}),
        ("notes", "fail", {}),
        ("notes", "break_rule", {}),
        ("notes", "fill", {"count": draw(number, "count", 40), "size": 10}),
        ("notes", "refuse", {"code": role}),
        ("notes", "put", {"key": number}),
        ("registry", "grant_role", {"member": member, "role": "writer"}),
        ("registry", "revoke_role", {"member": member, "role": "writer"}),
        ("registry", "withdraw", {"tx": "t" * 43, "reason": text}),
        ("registry", "add_member", add_member(number, member.split("@")[1])),
    ]
    return calls[draw(number, "call", len(calls))]


def add_member(number: int, organisation: str) -> dict[str, Any]:
    """Return the arguments that admit someone."""
    return {
        "key_id": "k1",
        "member": f"m{draw(number, 'new', 30)}@{organisation}",
        "public_key": to_text(public_key("k1")),
        "roles": ["writer"],
        "suite": SUITE,
    }


def play(count: int, *, spoilt: bool = False) -> str:
    """Return the last block id and a digest of all headers and receipts."""
    ledger = SmallLedger()
    seen = hashlib.sha256(ledger.genesis_result.header_bytes)
    before: list[Transaction] = []
    for start in range(0, count, BLOCK_TXS):
        txs = []
        for number in range(start, min(start + BLOCK_TXS, count)):
            contract, action, args = choose(number, spoilt=spoilt)
            signer = SIGNERS[draw(number, "signer", len(SIGNERS))]
            cost_max = 10_000 if draw(number, "cost", 10) else 150
            tx = ledger.tx(signer, contract, action, args, cost_max=cost_max)
            again = before and draw(number, "again", 10) == 0
            txs.append(before[draw(number, "which", len(before))] if again else tx)
        result = ledger.block(txs, after_ms=1 + draw(start, "ms", 2_000))
        before = txs
        seen.update(result.header_bytes)
        for _, receipt in result.records:
            seen.update(receipt)
        for dropped in result.dropped:
            seen.update(dropped.code.encode())
    root = ledger.state.tries.root
    return f"{to_text(ledger.state.block_id)} {to_text(root)} {seen.hexdigest()}"


if __name__ == "__main__":
    sys.stdout.write(play(int(sys.argv[1]), spoilt="spoilt" in sys.argv))
