# SPDX-License-Identifier: Apache-2.0
"""The ledger that a benchmark runs on: loaded in bulk, so that its size costs no transactions."""

from dataclasses import dataclass
from pathlib import Path

from hanse.contracts.keys import encode_key
from hanse.contracts.records import Codec
from hanse.crypto import signers
from hanse.crypto.signers import Signer
from hanse.kernel import registry as r
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import Folder, make_folder
from hanse.node.founding import Founder, Operator, found
from hanse.node.ledger import Ledger
from hanse.testing.smallbank import APP, Account

OPENING = 1_000_000  # minor units in each account at first


@dataclass(frozen=True, slots=True)
class Bank:
    """A loaded ledger with the keys of its members."""

    folder: Folder
    members: dict[str, Signer]
    accounts: int


def account(number: int) -> str:
    """Return the name of an account."""
    return f"a{number:07d}"


def load_bank(path: Path, *, members: int, accounts: int, suite: str) -> Bank:
    """Return a new ledger with that many members and accounts, already checkpointed."""
    operator = signers.generate(suite)
    genesis = found(
        network="bench",
        time_ms=wall_clock_ms(),
        organisations={"bank": "The Bench Bank"},
        members={"root@bank": Founder(("admin",), operator)},
        operator=Operator("node1", "bank", operator),
        contracts=APP.contracts,
    )
    folder = make_folder(path, genesis, "node1", operator)
    keys = {f"m{i:05d}@bank": signers.generate(suite) for i in range(members)}
    ledger = Ledger(folder, APP.contracts, operator)
    ledger.open(loaded={"registry": _members(keys), "smallbank": _accounts(accounts)})
    ledger.close()
    return Bank(folder, keys, accounts)


def _members(keys: dict[str, Signer]) -> dict[bytes, bytes | None]:
    member = Codec[r.Member](r.Member)
    key = Codec[r.Key](r.Key)
    out: dict[bytes, bytes | None] = {}
    for name, signer in keys.items():
        entry = r.Member(from_height=0, organisation="bank")
        out[b"members\x00" + encode_key(name)] = member.encode(entry)
        public = r.Key(
            from_height=0,
            public_key=signer.public_key,
            purpose="signing",
            suite=signer.suite.name,
        )
        out[b"keys\x00" + encode_key((name, "k1"))] = key.encode(public)
    return out


def _accounts(count: int) -> dict[bytes, bytes | None]:
    data = Codec[Account](Account).encode(Account(checking=OPENING, savings=OPENING))
    return {b"accounts\x00" + encode_key(account(i)): data for i in range(count)}
