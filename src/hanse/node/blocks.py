# SPDX-License-Identifier: Apache-2.0
"""Blocks as the log keeps them: made from a result, read again, executed again."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from hanse.codec.base64url import to_text
from hanse.codec.canonical import decode_as, encode
from hanse.codec.documents import (
    BlockDocument,
    Header,
    Transaction,
    block_decoder,
    decode_transaction,
    header_decoder,
)
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.crypto import Hash
from hanse.kernel import BlockResult, Executed, Kernel, State
from hanse.node.errors import RootMismatch
from hanse.storage import AppliedBlock

Execute = Callable[[Sequence[Transaction], int, Sequence[str]], Executed]
"""Executes transactions at a time as the next block, after a commit that those nodes signed.

It is ``Kernel.execute`` on a state, or a worker's.
"""


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block read from the log, its documents still as bytes."""

    header: Header
    header_bytes: bytes
    certificate: bytes
    records: tuple[tuple[bytes, bytes], ...]
    signed: tuple[str, ...] = ()


def encode_block(result: BlockResult, certificate: bytes) -> bytes:
    """Return the block's document (``spec/block.md``), canonical since its parts are."""
    records = b",".join(b"[" + tx.raw + b"," + receipt + b"]" for tx, receipt in result.records)
    signed = b',"signed":' + encode(result.signed) if result.signed else b""
    return b"".join(
        (
            b'{"certificate":',
            certificate,
            b',"header":',
            result.header_bytes,
            b',"records":[',
            records,
            b"]",
            signed,
            b"}",
        )
    )


def as_stored(result: BlockResult, certificate: bytes) -> StoredBlock:
    """Return the block as :func:`decode_block` reads it from what :func:`encode_block` wrote."""
    assert result.header is not None
    records = tuple([(tx.raw, receipt) for tx, receipt in result.records])
    return StoredBlock(result.header, result.header_bytes, certificate, records, result.signed)


def decode_block(payload: bytes) -> StoredBlock:
    """Return the block whose document ``payload`` is.

    Raises:
        Malformed: the payload is no block document.
    """
    document: BlockDocument = decode_as(payload, block_decoder)
    header_bytes = bytes(document.header)
    return StoredBlock(
        header=decode_as(header_bytes, header_decoder),
        header_bytes=header_bytes,
        certificate=bytes(document.certificate),
        records=tuple((bytes(tx), bytes(receipt)) for tx, receipt in document.records),
        signed=document.signed,
    )


def transactions_of(block: StoredBlock, hashed: Hash) -> tuple[Transaction, ...]:
    """Return the decoded transactions of a stored block."""
    return tuple(decode_transaction(raw, hashed.tagged) for raw, _ in block.records)


def as_ordered(block: StoredBlock, transactions: Iterable[Transaction]) -> OrderedBlock:
    """Return the stored block in the form in which an engine would have delivered it."""
    submission = OrderedSubmission(b"", tuple(transactions))
    header = block.header
    return OrderedBlock(header.engine_height, header.time_ms, (submission,), block.signed)


def execute_again(  # noqa: PLR0913, PLR0917  # a block, where, and by whom
    kernel: Kernel,
    state: State,
    block: StoredBlock,
    block_id: bytes,
    txs: Iterable[Transaction],
    execute: Execute | None = None,
) -> BlockResult:
    """Return the result of executing a stored block on ``state``, established to be the one stored.

    ``execute`` is the kernel's own, unless a worker does it.

    Raises:
        RootMismatch: the result differs in any byte of header or receipts.
    """
    if block.header.height == 0:
        result = kernel.genesis_block(state)
    else:
        ordered = as_ordered(block, txs)
        transactions = kernel.in_order(state, ordered)
        execute = execute or partial(kernel.execute, state)
        executed = execute(transactions, ordered.time_ms, ordered.signed)
        result = kernel.seal(state, ordered, executed)
    receipts = tuple(receipt for _, receipt in result.records)
    same = result.header_bytes == block.header_bytes and result.block_id == block_id
    if not same or receipts != tuple(receipt for _, receipt in block.records):
        raise RootMismatch(block.header.height, to_text(block_id), to_text(result.block_id))
    return result


def as_applied(result: BlockResult) -> AppliedBlock:
    """Return what the store keeps of a block."""
    assert result.header is not None
    return AppliedBlock(
        height=result.header.height,
        block_id=result.block_id,
        header=result.header_bytes,
        time_ms=result.header.time_ms,
        writes=result.writes,
        leaves=list(result.leaf_hashes),
        transactions=[(tx.id, tx.nonce_digest, tx.body.expires_ms) for tx, _ in result.records],
    )
