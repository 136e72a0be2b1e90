# SPDX-License-Identifier: Apache-2.0
"""The ledger that a benchmark runs on: loaded in bulk, so that its size costs no transactions."""

from dataclasses import dataclass
from pathlib import Path

from hanse.cli.localnet import make_network
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
    """A loaded ledger with the keys of its members; on several validators a folder of each."""

    folders: tuple[Folder, ...]
    members: dict[str, Signer]
    accounts: int

    @property
    def folder(self) -> Folder:
        """The first node's folder."""
        return self.folders[0]


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
    keys = _load((folder,), "bank", members, accounts, suite)
    return Bank((folder,), keys, accounts)


def load_network_bank(
    path: Path, *, validators: int, members: int, accounts: int, suite: str
) -> Bank:
    """Return a new ledger of that many validators, each loaded with the same state."""
    nodes = make_network(path, validators, APP.contracts, suite=suite)
    folders = tuple(node.folder for node in nodes)
    keys = _load(folders, nodes[0].organisation, members, accounts, suite)
    return Bank(folders, keys, accounts)


def _load(
    folders: tuple[Folder, ...], organisation: str, members: int, accounts: int, suite: str
) -> dict[str, Signer]:
    """Begin the ledger of each folder with the same members and accounts; return their keys."""
    keys = {f"m{i:05d}@{organisation}": signers.generate(suite) for i in range(members)}
    loaded = {"registry": _members(keys, organisation), "smallbank": _accounts(accounts)}
    for folder in folders:
        ledger = Ledger(folder, APP.contracts, folder.signer(), contained=False)
        ledger.open(loaded=loaded)
        ledger.close()
    return keys


def _members(keys: dict[str, Signer], organisation: str) -> dict[bytes, bytes | None]:
    member = Codec[r.Member](r.Member)
    key = Codec[r.Key](r.Key)
    out: dict[bytes, bytes | None] = {}
    for name, signer in keys.items():
        entry = r.Member(from_height=0, organisation=organisation)
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
