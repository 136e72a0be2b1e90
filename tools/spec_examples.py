# SPDX-License-Identifier: Apache-2.0
"""Write the examples of ``spec/transaction.md`` and ``spec/block.md`` from a small real ledger.

An example stands in a page as a line ``<!-- example: NAME -->`` and a fenced block below it.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

import msgspec

from hanse.client.note import Checkpoint, Note, build_operator_line
from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import (
    Body,
    Transaction,
    decode_transaction,
    encode_transaction,
    record_leaf,
)
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.crypto import SHA256
from hanse.crypto.signers import Signer, from_private
from hanse.identity import Genesis, encode_genesis, ledger_id
from hanse.identity import genesis as g
from hanse.kernel import BlockResult, Kernel
from hanse.merkle.log import leaf_hash
from hanse.node.blocks import as_applied, encode_block
from hanse.node.proofs import certificate_document, header_path, root_with_header
from hanse.storage import Store

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "spec/transaction.md", ROOT / "spec/block.md")
PLACE = re.compile(r"(<!-- example: ([a-z-]+) -->\n```)([a-z]*)\n(.*?)```", re.DOTALL)
SUITE = "ed25519-sha256"
TIME_MS = 1_800_000_000_000
MEMBER, OPERATOR = "alice@acme", "node1@acme"


def build_genesis(alice: Signer, operator: Signer) -> Genesis:
    """Return a ledger of one organisation, one member and the built-in registry."""
    key = g.GenesisKey("k1", to_text(alice.public_key), "signing", SUITE)
    validator = g.GenesisValidator("node1", "acme", to_text(operator.public_key), SUITE)
    return Genesis(
        # the hash only illustrates: a real one is that of the contract's text
        contracts=[g.GenesisContract(to_text(bytes(32)), "registry", "1")],
        hash="sha256",
        members=[g.GenesisMember(MEMBER, [key], ["admin"])],
        network="example",
        organisations=[g.GenesisOrganisation("acme", "Acme Ltd")],
        policies=[],
        rules=g.Rules(),
        time_ms=TIME_MS,
        v=1,
        validators=[validator],
        witness_quorum=0,
        witnesses=[],
    )


def build_transaction(alice: Signer, ledger: str) -> Transaction:
    """Return Alice's transaction: she grants herself the role of buyer."""
    body = Body(
        action="grant_role",
        args=msgspec.Raw(encode({"member": MEMBER, "role": "buyer"})),
        contract="registry",
        cost_max=2_000,
        expires_ms=TIME_MS + 600_000,
        key="k1",
        ledger=ledger,
        nonce=to_text(bytes(range(16))),
        signer=MEMBER,
        v=1,
    )
    return decode_transaction(encode_transaction(body, alice.sign), SHA256.tagged)


def certify(store: Store, ledger: str, result: BlockResult, operator: Signer) -> bytes:
    """Return the operator's certificate of a block that the store does not have yet."""
    frontier, _ = store.log_frontier.append(result.leaf_hashes[:-1])
    root = root_with_header(SHA256, frontier, result.block_id)
    checkpoint = Checkpoint(ledger, frontier.size + 1, root)
    note = Note(checkpoint, (build_operator_line(checkpoint, OPERATOR, operator),))
    return encode(certificate_document(header_path(frontier), note))


def build_examples() -> dict[str, str]:
    """Return each example's text by its name."""
    alice, operator = from_private(SUITE, bytes([1]) * 32), from_private(SUITE, bytes([2]) * 32)
    genesis = build_genesis(alice, operator)
    ledger = ledger_id(encode_genesis(genesis), "sha256")
    kernel = Kernel(genesis, ledger, ())
    tx = build_transaction(alice, ledger)
    with tempfile.TemporaryDirectory() as home:
        store = Store.open(Path(home) / "state", SHA256)
        first = kernel.genesis_block(store)
        store.apply(as_applied(first))
        order = OrderedBlock(1, TIME_MS + 1_000, (OrderedSubmission(bytes(32), (tx,)),))
        result = kernel.apply_block(store, order)
        certificate = certify(store, ledger, result, operator)
        store.close()
    ((_, receipt),) = result.records
    leaf = record_leaf(tx.raw, receipt, SHA256.tagged)
    facts = {
        "ledger": ledger,
        "tx id": to_text(tx.id),
        "nonce digest": to_text(tx.nonce_digest),
        "record leaf": to_text(leaf),
        "its leaf hash": to_text(leaf_hash(SHA256, leaf)),
        "block id (height 0)": to_text(first.block_id),
        "block id": to_text(result.block_id),
        "header's leaf hash": to_text(leaf_hash(SHA256, result.block_id)),
        "alice's public key": to_text(alice.public_key),
        "operator's public key": to_text(operator.public_key),
    }
    block = encode_block(result, certificate)
    names = ("ledger", "tx id", "nonce digest", "alice's public key")
    return {
        "transaction": pretty(tx.raw),
        "transaction-bytes": tx.raw.decode() + "\n",
        "transaction-values": listing({name: facts[name] for name in names}),
        "block": pretty(block),
        "block-values": listing({k: v for k, v in facts.items() if k not in names[2:]}),
    }


def pretty(data: bytes) -> str:
    """Return a document laid out for reading; its canonical form is one line."""
    return json.dumps(json.loads(data), indent=2, ensure_ascii=False) + "\n"


def listing(values: dict[str, str]) -> str:
    """Return names and values in two columns."""
    width = max(map(len, values))
    return "".join(f"{name:<{width}}  {text}\n" for name, text in values.items())


def fill(page: str, examples: dict[str, str]) -> str:
    """Return the page with every example as it is now."""
    return PLACE.sub(lambda m: f"{m[1]}{m[3]}\n{examples[m[2]]}```", page)


def main() -> int:
    """Write the pages, or with ``--check`` say which are not up to date."""
    examples = build_examples()
    stale = []
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        filled = fill(page, examples)
        if filled != page:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(filled, encoding="utf-8")
    print(f"changed: {', '.join(stale) or 'nothing'}")
    return int("--check" in sys.argv and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
