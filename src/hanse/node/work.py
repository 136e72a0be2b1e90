# SPDX-License-Identifier: Apache-2.0
"""What a node and its worker say to one another: frames of a length and msgpack, plain data only.

A frame has its length in front (four bytes, big-endian). Each request has one answer, in order. The
node takes nothing on trust that the worker says: see :func:`executed_from`.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.documents import Body, Receipt, Signature, Transaction
from hanse.codec.limits import RECEIPT_BYTES_MAX, STATE_KEY_BYTES_MAX, VALUE_BYTES_MAX
from hanse.contracts.runtime import Outcome
from hanse.contracts.state import Reader
from hanse.kernel import BUILT_IN_NAMES, Asked, BlockView, Dropped, Executed, Kernel
from hanse.kernel.genesis import Writes
from hanse.kernel.lifecycle import Trial, due_contracts
from hanse.kernel.upgrade import Begun, Tried
from hanse.node.errors import WorkerTripped

LENGTH: Final = struct.Struct(">I")
FRAME_BYTES_MAX: Final = 1 << 28  # of an answer; what a block writes is bounded far below

Changes = dict[str, dict[bytes, bytes | None]]


class Told(msgspec.Struct, frozen=True, array_like=True):
    """How far the node is, said with each request: heights, each at least that of before.

    Attributes:
        durable: up to here blocks are in the log; queries see these.
        sealed: the checkpoint that is being written will hold blocks up to here.
        written: the checkpoint up to here is written, and is to be read.
    """

    durable: int
    sealed: int
    written: int


class Opening(msgspec.Struct, frozen=True, array_like=True, tag="open"):
    """The ledger whose blocks the worker executes: where its state is, its rules, its contracts."""

    path: str
    ledger: str
    genesis: bytes
    packages: list[tuple[str, dict[str, str]]]  # module, files


class Loaded(msgspec.Struct, frozen=True, array_like=True, tag="load"):
    """State that the worker did not execute itself and that LMDB does not have."""

    height: int
    time_ms: int
    writes: Changes
    nonces: dict[bytes, tuple[bytes, int]]


class Item(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A transaction as far as its execution needs it; its signatures have been verified."""

    action: str
    args: bytes
    contract: str
    cost_max: int
    expires_ms: int
    key: str
    ledger: str
    signer: str
    signed_by: list[tuple[str, str]]
    id: bytes
    nonce_digest: bytes


class Work(msgspec.Struct, frozen=True, array_like=True, tag="block"):
    """The transactions of one block, in their order; who signed the commit before it."""

    time_ms: int
    items: list[Item]
    signed: tuple[str, ...]


class Question(msgspec.Struct, frozen=True, array_like=True, tag="query"):
    """A query, on the newest durable block."""

    asked: Asked


class Attempt(msgspec.Struct, frozen=True, array_like=True, tag="attempt"):
    """What a transaction would do as the next one after the newest durable block."""

    time_ms: int
    item: Item


class Rehearsal(msgspec.Struct, frozen=True, array_like=True, tag="rehearse"):
    """Try a proposal on the newest durable block; ``begun``: the next chunk of its migration."""

    number: int
    begun: Begun | None = None


class CatchUp(msgspec.Struct, frozen=True, array_like=True, tag="catch_up"):
    """Make more of what a migration under way needs and a fresh process lacks."""


class Follow(msgspec.Struct, frozen=True, array_like=True, tag="follow"):
    """Move on to where the node is, and no more."""


Request = CatchUp | Follow | Rehearsal | Opening | Loaded | Work | Question | Attempt


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record: which transaction of the block, its receipt, what it wrote."""

    at: int
    receipt: bytes
    writes: Changes


class Done(msgspec.Struct, frozen=True, array_like=True, tag="block"):
    """What came of a block; ``height`` is the one that it has when it has records."""

    height: int
    records: list[Record]
    dropped: list[tuple[int, str]]
    repeated: list[int]
    begun: Changes  # of decided things that were due, before the first record


class Noted(msgspec.Struct, frozen=True, array_like=True, tag="noted"):
    """Nothing to say but that the request was carried out."""


class CaughtUp(msgspec.Struct, frozen=True, array_like=True, tag="caught_up"):
    """Whether nothing is lacking any more."""

    is_whole: bool


class Came(msgspec.Struct, frozen=True, array_like=True, tag="outcome"):
    """What came of a query or a trial; of the writes, how many entries."""

    code: str | None
    cost: int
    reason: str
    facts: bytes | None
    result: bytes | None
    events: list[tuple[str, str, bytes]]
    writes: int


class Failed(msgspec.Struct, frozen=True, array_like=True, tag="failed"):
    """The worker cannot go on; the name of what it met, never a text of a contract."""

    what: str


Answer = CaughtUp | Done | Trial | Tried | Noted | Came | Failed

encode: Final = msgspec.msgpack.Encoder().encode
request_decoder: Final = msgspec.msgpack.Decoder(tuple[Told, Request])
answer_decoder: Final = msgspec.msgpack.Decoder(Answer)
_receipt_decoder: Final = msgspec.json.Decoder(Receipt)


def item_of(tx: Transaction) -> Item:
    """Return what the worker needs of a transaction."""
    body = tx.body
    return Item(
        body.action,
        bytes(body.args),
        body.contract,
        body.cost_max,
        body.expires_ms,
        body.key,
        body.ledger,
        body.signer,
        [(s.signer, s.key) for s in tx.signatures],
        tx.id,
        tx.nonce_digest,
    )


def transaction_of(item: Item) -> Transaction:
    """Return the transaction as its execution sees it: without its bytes and signatures."""
    body = Body(
        item.action,
        msgspec.Raw(item.args),
        item.contract,
        item.cost_max,
        item.expires_ms,
        item.key,
        item.ledger,
        "",
        item.signer,
        1,
    )
    signed = tuple([Signature(key, "", signer) for signer, key in item.signed_by])
    return Transaction(b"", b"", body, signed, item.id, item.nonce_digest)


def done_from(executed: Executed, transactions: Sequence[Transaction]) -> Done:
    """Return what came of the block of ``transactions``, by their places in it."""
    places = {id(tx): at for at, tx in enumerate(transactions)}
    return Done(
        executed.height,
        [
            Record(places[id(tx)], receipt, changes)
            for (tx, receipt), changes in zip(executed.records, executed.changes, strict=True)
        ],
        [(places[id(drop.transaction)], drop.code) for drop in executed.dropped],
        [places[id(tx)] for tx in executed.repeated],
        executed.begun,
    )


def reaches_further(done: Done, transactions: Sequence[Transaction]) -> bool:
    """Whether something was written beyond the contracts that the transactions name.

    Whether it may be tells the state before the block.
    """
    return bool(done.begun) or any(
        record.writes and (len(record.writes) > 1 or not _is_own(record, transactions))
        for record in done.records
    )


def _is_own(record: Record, transactions: Sequence[Transaction]) -> bool:
    known = 0 <= record.at < len(transactions)
    return known and transactions[record.at].body.contract in record.writes


def executed_from(
    done: Done, transactions: Sequence[Transaction], kernel: Kernel, state: Reader
) -> Executed:
    """Return what the worker says has come of ``transactions``, once it is found to be possible.

    A worker in which a contract has broken out may say anything. What it says of a transaction
    stays within the key spaces of the contract that this calls, and each has exactly one answer.

    Args:
        done: the worker's answer.
        transactions: of the block, in their order.
        kernel: the rules.
        state: before the block, where something :func:`reaches_further`.

    Raises:
        WorkerTripped: the answer is not possible.
    """
    view = BlockView(state)
    _check_begun(done, view)
    places = [record.at for record in done.records]
    rest = [at for at, _ in done.dropped] + done.repeated
    if places != sorted(places) or sorted(places + rest) != list(range(len(transactions))):
        raise WorkerTripped("not one answer for each transaction")
    records: list[tuple[Transaction, bytes]] = []
    changes: list[Writes] = []
    for index, record in enumerate(done.records):
        tx = transactions[record.at]
        _check_record(record, tx, (done.height, index))
        for contract in record.writes:
            own = contract == tx.body.contract
            if not own and contract not in kernel.touched(view, tx.body.contract, done.height):
                raise WorkerTripped(f"{tx.body.contract} wrote into {contract}")
        records.append((tx, record.receipt))
        changes.append(record.writes)
    dropped = tuple(Dropped(transactions[at], code) for at, code in done.dropped)
    repeated = tuple(transactions[at] for at in done.repeated)
    return Executed(done.height, tuple(records), tuple(changes), dropped, repeated, done.begun)


def _check_begun(done: Done, view: BlockView) -> None:
    """Establish that what the block began with is of contracts of which something was due."""
    if not done.begun:
        return
    allowed = {*due_contracts(view, done.height), *BUILT_IN_NAMES}
    for contract, written in done.begun.items():
        if contract not in allowed:
            raise WorkerTripped(f"nothing was due of {contract}")
        _check_sizes(written)
        view.add(contract, written)


def _check_record(record: Record, tx: Transaction, place: tuple[int, int]) -> None:
    if len(record.receipt) > RECEIPT_BYTES_MAX:
        raise WorkerTripped("a receipt is too large")
    try:
        receipt = _receipt_decoder.decode(record.receipt)
    except msgspec.DecodeError:
        raise WorkerTripped("no receipt") from None
    if (receipt.height, receipt.index) != place or receipt.tx != to_text(tx.id):
        raise WorkerTripped("the receipt is another's")
    for written in record.writes.values():
        _check_sizes(written)


def _check_sizes(written: Mapping[bytes, bytes | None]) -> None:
    for key, value in written.items():
        if len(key) > STATE_KEY_BYTES_MAX or len(value or b"") > VALUE_BYTES_MAX:
            raise WorkerTripped("a state entry is too large")


def came_from(outcome: Outcome) -> Came:
    """Return what came of a call."""
    return Came(
        outcome.code,
        outcome.cost,
        outcome.reason,
        outcome.facts,
        outcome.result,
        [(e.contract, e.event, bytes(e.fields)) for e in outcome.events],
        sum(len(written) for written in outcome.writes.values()),
    )
