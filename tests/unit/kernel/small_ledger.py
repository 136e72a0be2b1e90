# SPDX-License-Identifier: Apache-2.0
"""A ledger in memory with a contract of many ways to fail; one call makes one block."""

from collections.abc import Iterable
from typing import Any

from tests.unit.kernel.notes_contract import Notes

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import Receipt, Transaction, decode_transaction, receipt_decoder
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.crypto import SHA256
from hanse.crypto.signers import from_private
from hanse.identity import Genesis, GenesisPolicy, Rules, encode_genesis, ledger_id
from hanse.identity import genesis as g
from hanse.kernel import BlockResult, Kernel
from hanse.testing.memory import MemoryState

TIME_MS = 1_800_000_000_000
SUITE = "ed25519-sha256"


def public_key(name: str) -> bytes:
    """Return a real public key that stands for ``name``."""
    return from_private(SUITE, SHA256(name.encode())).public_key


def build_genesis(**changes: Any) -> Genesis:
    """Return a genesis of three organisations; carol is an admin of the third."""
    key = to_text(public_key("k1"))
    keys = [g.GenesisKey("k1", key, "signing", SUITE)]
    sealing = g.GenesisKey("s1", key, "sealing", SUITE)
    parts: dict[str, Any] = {
        "contracts": [
            g.GenesisContract(to_text(bytes(32)), name, "1") for name in ("notes", "registry")
        ],
        "hash": "sha256",
        "members": [
            g.GenesisMember("alice@acme", [*keys, sealing], ["admin", "writer"]),
            g.GenesisMember("anna@acme", keys, ["admin"]),
            g.GenesisMember("bob@bolt", [*keys, sealing], ["admin"]),
            g.GenesisMember("carol@cargo", keys, ["admin"]),
            g.GenesisMember("carl@cargo", keys, []),
        ],
        "network": "testnet",
        "organisations": [
            g.GenesisOrganisation(name, name.title()) for name in ("acme", "bolt", "cargo")
        ],
        "policies": [GenesisPolicy([], "member.recover", ["admin"], "2")],
        "rules": Rules(recovery_delay_blocks=3),
        "time_ms": TIME_MS,
        "v": 1,
        "validators": [g.GenesisValidator("node1", "acme", key, SUITE)],
        "witness_quorum": 0,
        "witnesses": [],
    }
    return Genesis(**{**parts, **changes})


class SmallLedger:
    """A kernel over a state in memory."""

    def __init__(self, genesis: Genesis | None = None) -> None:
        self.genesis = genesis or build_genesis()
        self.id = ledger_id(encode_genesis(self.genesis), self.genesis.hash)
        self.kernel = Kernel(self.genesis, self.id, [Notes])
        self.state = MemoryState(self.kernel.hash)
        self.genesis_result = self.kernel.genesis_block(self.state)
        self.state.apply(self.genesis_result)
        self.drawn = 0
        self.result: BlockResult = self.genesis_result

    def tx(
        self, signer: str, contract: str, action_name: str, args: dict[str, Any], **changes: Any
    ) -> Transaction:
        """Return a transaction whose signatures nobody checks here."""
        self.drawn += 1
        also = changes.pop("also", ())
        body = {
            "action": action_name,
            "args": args,
            "contract": contract,
            "cost_max": 10_000,
            "expires_ms": self.state.time_ms + 60_000,
            "key": "k1",
            "ledger": self.id,
            "nonce": to_text(SHA256(b"%d" % self.drawn)[:16]),
            "signer": signer,
            "v": 1,
            **changes,
        }
        signers = [(signer, body["key"]), *also]
        signatures = [{"key": k, "signature": to_text(bytes(64)), "signer": s} for s, k in signers]
        raw = encode({"body": body, "signatures": signatures})
        return decode_transaction(raw, self.kernel.hash.tagged)

    def block(self, txs: Iterable[Transaction], *, after_ms: int = 1_000) -> BlockResult:
        """Apply one block of one submission; its transactions keep their order."""
        engine_height = self.state.height + 1
        order = OrderedBlock(
            engine_height, self.state.time_ms + after_ms, (OrderedSubmission(b"", tuple(txs)),)
        )
        self.result = self.kernel.apply_block(self.state, order)
        self.state.apply(self.result)
        return self.result

    def code(self, tx: Transaction, *, after_ms: int = 1_000) -> str:
        """Return what became of ``tx`` in a block of its own: ok, a code, or repeated."""
        return codes(self.block([tx], after_ms=after_ms))[0]

    def do(self, signer: str, name: str, /, **args: Any) -> str:
        """Return what became of ``contract.action`` in a block of its own."""
        contract, _, action_name = name.partition(".")
        return self.code(self.tx(signer, contract, action_name, args))

    def pass_blocks(self, count: int) -> None:
        """Let the height grow."""
        for _ in range(count):
            assert self.do("alice@acme", "notes.put", key="pass", text="") == "ok"


def receipts(result: BlockResult) -> list[Receipt]:
    """Return the receipts of a block."""
    return [receipt_decoder.decode(data) for _, data in result.records]


def codes(result: BlockResult) -> list[str]:
    """Return the outcomes: records first, then what was dropped, then repeats."""
    found = [receipt.code or receipt.status for receipt in receipts(result)]
    return [*found, *(d.code for d in result.dropped), *("repeated" for _ in result.repeated)]
