# SPDX-License-Identifier: Apache-2.0
"""Blocks and records read from the log, with the sentences that people see."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.canonical import decode_as
from hanse.codec.documents import (
    Header,
    Transaction,
    decode_transaction,
    receipt_decoder,
    record_leaf,
)
from hanse.errors import Malformed
from hanse.kernel import BlockResult
from hanse.merkle.log import consistency_path, frontier_at, leaf_hash
from hanse.node.blocks import StoredBlock, as_stored, decode_block

if TYPE_CHECKING:
    from hanse.node.catalogue import Catalogue
    from hanse.node.ledger import Ledger

BLOCKS_KEPT = 32  # blocks kept for repeated reads
BLOCKS_LISTED_MAX = 200  # blocks in one listing


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record of the log with its place."""

    height: int
    index: int
    leaf_index: int
    transaction: bytes
    receipt: bytes
    sentence: str


class BlockReader:
    """Reads what is durable; keeps the last few decoded blocks."""

    def __init__(self, node: "Ledger", catalogue: "Catalogue") -> None:
        """Read from ``node``; ``catalogue`` knows the sentences."""
        self._node = node
        self._catalogue = catalogue
        self._kept: OrderedDict[int, tuple[StoredBlock, bytes]] = OrderedDict()
        self._leaves: OrderedDict[int, tuple[bytes, ...]] = OrderedDict()  # of records

    @property
    def newest_height(self) -> int:
        """The newest durable height."""
        return self._node.store.height

    def decode(self, raw: bytes) -> Transaction:
        """Return a recorded transaction decoded."""
        return decode_transaction(raw, self._node.hash.tagged)

    def keep(self, result: BlockResult, certificate: bytes) -> None:
        """Keep a block that has just become durable: whoever sent it will soon ask for it."""
        assert result.header is not None
        self._kept[result.header.height] = (as_stored(result, certificate), result.block_id)
        self._leaves[result.header.height] = result.leaf_hashes[:-1]
        for kept in (self._kept, self._leaves):
            if len(kept) > BLOCKS_KEPT:
                kept.popitem(last=False)

    def stored(self, height: int) -> tuple[StoredBlock, bytes] | None:
        """Return a block and its id, ``None`` above the newest height."""
        if not 0 <= height <= self._node.store.height:
            return None
        found = self._kept.get(height)
        if found is None:
            block_id, payload = self._node.log.read(height)
            found = (decode_block(payload), block_id)
            self._kept[height] = found
            if len(self._kept) > BLOCKS_KEPT:
                self._kept.popitem(last=False)
        return found

    def find(self, tx_id: bytes) -> RecordView | None:
        """Return the record of a transaction, ``None`` when there is none here."""
        place = self._node.store.find_transaction(tx_id)
        if place is None:
            return None
        height, index = place
        found = self.stored(height)
        assert found is not None
        block = found[0]
        raw, receipt = block.records[index]
        first = block.header.log_size - len(block.records)
        return RecordView(height, index, first + index, raw, receipt, self.sentence(raw, receipt))

    def sentence(self, raw: bytes, receipt: bytes) -> str:
        """Return what happened, in words."""
        return self._catalogue.sentence(self.decode(raw), decode_as(receipt, receipt_decoder))

    def blocks(self, before: int | None, limit: int) -> list[dict[str, Any]]:
        """Return summaries, newest first."""
        top = (
            self._node.store.height if before is None else min(before - 1, self._node.store.height)
        )
        rows = []
        for height in range(top, max(-1, top - min(limit, BLOCKS_LISTED_MAX)), -1):
            found = self.stored(height)
            assert found is not None
            rows.append(self._summary(*found))
        return rows

    def _summary(self, block: StoredBlock, block_id: bytes) -> dict[str, Any]:
        receipts = [decode_as(receipt, receipt_decoder) for _, receipt in block.records]
        return {
            "block_id": to_text(block_id),
            "height": block.header.height,
            "refused": sum(r.status == "rejected" for r in receipts),
            "time_ms": block.header.time_ms,
            "transactions": len(receipts),
        }

    def block(self, height: int) -> dict[str, Any] | None:
        """Return a block with its records and their sentences, without its certificate."""
        found = self.stored(height)
        if found is None:
            return None
        block, block_id = found
        return {
            "block_id": to_text(block_id),
            "header": msgspec.Raw(block.header_bytes),
            "records": [
                {
                    "receipt": msgspec.Raw(receipt),
                    "sentence": self.sentence(raw, receipt),
                    "transaction": msgspec.Raw(raw),
                }
                for raw, receipt in block.records
            ],
        }

    def feed_item(self, height: int) -> dict[str, Any]:
        """Return a block as the feed shows it."""
        found = self.stored(height)
        assert found is not None
        block, block_id = found
        rows = []
        for raw, receipt_bytes in block.records:
            tx, receipt = self.decode(raw), decode_as(receipt_bytes, receipt_decoder)
            row = {
                "action": tx.body.action,
                "contract": tx.body.contract,
                "sentence": self._catalogue.sentence(tx, receipt),
                "signer": tx.body.signer,
                "status": receipt.status,
                "tx": receipt.tx,
            }
            rows.append(row if receipt.code is None else {**row, "code": receipt.code})
        return {
            "block_id": to_text(block_id),
            "height": height,
            "time_ms": block.header.time_ms,
            "transactions": rows,
        }

    def leaves(self, height: int) -> dict[str, Any] | None:
        """Return a block's leaf hashes and the log's frontier before them, no certificate."""
        found = self.stored(height)
        if found is None:
            return None
        block, _ = found
        hashed = self._node.hash
        before = block.header.log_size - len(block.records)
        frontier = frontier_at(hashed, self._node.store.log_node, before)
        leaves = self._leaves.get(height) or [
            leaf_hash(hashed, record_leaf(raw, receipt, hashed.tagged))
            for raw, receipt in block.records
        ]
        return {
            "frontier": [to_text(p) for p in frontier.peaks],
            "header": msgspec.Raw(block.header_bytes),
            "leaves": [to_text(leaf) for leaf in leaves],
        }

    def header(self, height: int) -> Header:
        """Return a header.

        Raises:
            LookupError: it is above the newest height.
        """
        found = self.stored(height)
        if found is None:
            raise LookupError(height)
        return found[0].header

    def consistency(self, old: int, new: int) -> list[str]:
        """Return the consistency path between two sizes.

        Raises:
            Malformed: the sizes are not 1 ≤ old ≤ new ≤ size of the log.
        """
        size = self._node.store.log_frontier.size
        if not 1 <= old <= new <= size:
            raise Malformed(reason=f"1 ≤ old ≤ new ≤ {size} is needed", at="$.old")
        path = consistency_path(self._node.hash, self._node.store.log_node, old, new)
        return [to_text(h) for h in path]
