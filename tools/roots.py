# SPDX-License-Identifier: Apache-2.0
"""Play one seeded history through the kernel and print what every honest node must agree on.

``python -m tools.roots TRANSACTIONS RECURSION_LIMIT [contained]``. Good and bad transactions
alternate by a hash of their number, so that nothing depends on the random generator of a Python.
"""

import contextlib
import hashlib
import locale
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from hanse.apps.trace.contract import Trace
from hanse.codec.base64url import to_text
from hanse.codec.canonical import decode, encode
from hanse.codec.documents import Transaction, decode_transaction
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.crypto import SHA256
from hanse.crypto.signers import from_private
from hanse.identity import Genesis, encode_genesis, ledger_id
from hanse.identity import genesis as g
from hanse.kernel import Kernel
from hanse.node.blocks import as_applied
from hanse.node.execution import Worker
from hanse.storage import Store

TIME_MS = 1_800_000_000_000
BLOCK_TXS = 40
SUITES = ("ed25519-sha256", "p256-sha256", "sm2-sm3")
MEMBERS = ("alice@acme", "bob@bolt", "carol@cargo")
KINDS = ("farm", "plant", "warehouse", "shop")


def draw(number: int, what: str, below: int) -> int:
    """Return a number below ``below``, the same on every machine."""
    digest = hashlib.sha256(f"{what} {number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % below


def public_key(number: int) -> tuple[str, str]:
    """Return suite and public key of a made-up person."""
    suite = SUITES[draw(number, "suite", len(SUITES))]
    seed = hashlib.sha256(f"key {number}".encode()).digest()
    return suite, to_text(from_private(suite, seed).public_key)


def build_genesis() -> Genesis:
    """Return a ledger of three organisations with the registry and the app ``trace``."""
    organisations = [member.split("@")[1] for member in MEMBERS]
    members = []
    for number, member in enumerate(MEMBERS):
        suite, key = public_key(number)
        keys = [g.GenesisKey("k1", key, "signing", suite)]
        members.append(g.GenesisMember(member, keys, ["admin", "operator", "maker", "recall"]))
    suite, key = public_key(99)
    nowhere = to_text(bytes(32))
    return Genesis(
        contracts=[g.GenesisContract(nowhere, name, "1") for name in ("registry", "trace")],
        hash="sha256",
        members=members,
        network="roots",
        organisations=[g.GenesisOrganisation(name, name.title()) for name in organisations],
        policies=[],
        rules=g.Rules(),
        time_ms=TIME_MS,
        v=1,
        validators=[g.GenesisValidator("node1", organisations[0], key, suite)],
        witness_quorum=0,
        witnesses=[],
    )


def choose_call(number: int, member: str) -> tuple[str, str, dict[str, Any]]:
    """Return contract, action and arguments of a transaction, right or wrong."""
    kind = draw(number, "kind", 8)
    organisation = member.split("@")[1]
    name = f"m{draw(number, 'name', 40)}@{organisation}"
    role = f"role{draw(number, 'role', 5)}"
    if kind <= 1:
        suite, key = public_key(1_000 + number % 20)
        args: dict[str, Any] = {
            "member": name,
            "key_id": "k1",
            "public_key": key,
            "suite": suite,
            "roles": [role],
        }
        return "registry", "add_member", args
    if kind == 2:
        return "registry", "grant_role", {"member": name, "role": role}
    if kind == 3:
        return "registry", "revoke_role", {"member": name, "role": role}
    if kind == 4:
        return "registry", "retire_member", {"member": name}
    if kind == 5:
        return "registry", f"no_{role}", {}
    digits = f"9521234{draw(number, 'gln', 100_000):05}"
    gln = digits + str(-sum(int(d) * (3 - 2 * (i % 2 == 0)) for i, d in enumerate(digits)) % 10)
    place = KINDS[draw(number, "place", len(KINDS))]
    args = {"gln": gln, "name": f"Ünïcode 鉄 {number}", "kind": place if kind == 6 else number}
    return "trace", "register_location", args


def spoil(args: dict[str, Any]) -> dict[str, Any]:
    """Return arguments that differ between processes: the control of the whole comparison."""
    return {**args, "spoilt": hash("the same text") % 1_000_000}


def build_transaction(number: int, ledger: str) -> Transaction:
    """Return transaction ``number``; admission has checked signatures, so these are zeros."""
    member = MEMBERS[draw(number, "member", len(MEMBERS))]
    contract, action, args = choose_call(number, member)
    if "spoil" in sys.argv:
        args = spoil(args)
    fresh = number - draw(number, "again", 2) * draw(number, "back", 3)
    body = {
        "action": action,
        "args": args,
        "contract": contract,
        "cost_max": 20_000 if draw(number, "cost", 20) else 10,
        "expires_ms": TIME_MS + 600_000 + draw(number, "expiry", 3) * 10_000_000,
        "key": "k1",
        "ledger": ledger,
        "nonce": to_text(hashlib.sha256(f"nonce {fresh}".encode()).digest()[:16]),
        "signer": member,
        "v": 1,
    }
    signature = {"key": "k1", "signature": to_text(bytes(64)), "signer": member}
    return decode_transaction(encode({"body": body, "signatures": [signature]}), SHA256.tagged)


def play(transactions: int, home: Path, *, contained: bool = False) -> list[str]:
    """Return what all nodes must agree on after so many transactions.

    ``contained``: they are executed in a locked process.
    """
    genesis = build_genesis()
    ledger = ledger_id(encode_genesis(genesis), "sha256")
    kernel = Kernel(genesis, ledger, [Trace])
    store = Store.open(home, SHA256)
    result = kernel.genesis_block(store)
    store.apply(as_applied(result))
    worker = Worker(kernel, store)
    if contained:
        worker.start()
    receipts, headers = hashlib.sha256(), hashlib.sha256(result.header_bytes)
    counts: Counter[str] = Counter()
    cost = 0
    for block, start in enumerate(range(0, transactions, BLOCK_TXS), 1):
        numbers = range(start, min(start + BLOCK_TXS, transactions))
        # one in ten is sent again as it is
        sent = [number - (draw(number, "resend", 10) == 0) for number in numbers]
        txs = [build_transaction(max(0, number), ledger) for number in sent]
        halves = (tuple(txs[::2]), tuple(txs[1::2]))
        submissions = tuple(OrderedSubmission(bytes([i]) * 32, h) for i, h in enumerate(halves))
        ordered = OrderedBlock(block, TIME_MS + block * 40_000, submissions)
        execute = worker.execute_now if contained else partial(kernel.execute, store)
        executed = execute(kernel.in_order(store, ordered), ordered.time_ms)
        result = kernel.seal(store, ordered, executed)
        counts.update(drop.code for drop in result.dropped)
        counts["repeated"] += len(result.repeated)
        for _, receipt in result.records:
            receipts.update(receipt)
            outcome: Any = decode(receipt)
            counts[outcome.get("code", "ok")] += 1
            cost += outcome["cost"]
        if result.header is not None:
            headers.update(result.header_bytes)
            store.apply(as_applied(result))
        if block % 7 == 0 and (worker.is_caught_up or not contained):
            store.checkpoint()
    worker.stop()
    store.close()
    return [
        f"block    {to_text(result.block_id)}",
        f"headers  {to_text(headers.digest())}",
        f"receipts {to_text(receipts.digest())}",
        f"cost     {cost}",
        *(f"{count:8} {code}" for code, count in sorted(counts.items())),
    ]


if __name__ == "__main__":
    with contextlib.suppress(locale.Error):  # not every machine has every locale
        locale.setlocale(locale.LC_ALL, "")
    sys.setrecursionlimit(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
    with tempfile.TemporaryDirectory() as folder:
        print(
            "\n".join(
                play(int(sys.argv[1]), Path(folder) / "state", contained="contained" in sys.argv)
            )
        )
