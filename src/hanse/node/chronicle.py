# SPDX-License-Identifier: Apache-2.0
"""The history of state entries kept beside the node: a thread that writes what blocks changed.

The node hands each durable block over and goes on. What the model lacks at start (it was deleted,
or the machine lost power) is executed again from the log before the node serves. Where the model
cannot be written, the ledger goes on, and questions about the past are refused until a restart.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.canonical import decode_as
from hanse.codec.documents import header_decoder
from hanse.contracts.contract import Contract
from hanse.kernel import BlockResult
from hanse.lake.history import BEGUN, HistoryModel, Place, Written, WrittenBlock
from hanse.node.blocks import decode_block
from hanse.node.errors import HistoryNotKept
from hanse.node.folder import Folder
from hanse.node.ledger import Progress
from hanse.node.packages import load_kernel
from hanse.node.rerun import rerunning, stored_height
from hanse.storage import BlockLog

WAITING_MAX: Final = 256  # blocks handed over and not yet taken; beyond, the node waits
BATCH_BLOCKS: Final = 64  # blocks of one transaction of the model
GATHER_S: Final = 0.05  # how long a block may wait for others to be written together
READ_WAIT_S: Final = 2.0  # how long a reader waits for the model to have what is durable


class Chronicle:
    """Follows one node's blocks; :meth:`prepare`, then :meth:`start`, then :meth:`follow`."""

    def __init__(
        self, folder: Folder, contracts: Iterable[type[Contract]], *, kept: bool = True
    ) -> None:
        """Open the model in the node's folder; where none is kept, nothing is ever written."""
        self._folder = folder
        self._contracts = list(contracts)
        self.model = HistoryModel(folder.history, folder.ledger) if kept else None
        self._waiting: queue.Queue[WrittenBlock | None] = queue.Queue(WAITING_MAX)
        self._moved = threading.Condition()
        self._hurried = threading.Event()  # a reader waits, or the node stops: write now
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="history")

    # before the node serves ---------------------------------------------------------------------

    def prepare(self, progress: Progress | None = None) -> None:
        """Bring the model to where the store's checkpoint is; the ledger must not be open yet.

        A model that is ahead of the log, or of another state root, begins anew.

        Raises:
            Corrupt: the log does not replay.
        """
        if self.model is None:
            return
        kernel = load_kernel(self._folder, self._contracts)
        checkpoint = stored_height(self._folder, kernel)
        if checkpoint is None:
            self.model.clear()  # there is no ledger yet
            return
        log = BlockLog.open(self._folder.log, readonly=True, acknowledged_height=checkpoint)
        try:
            _compare(self.model, log)
        finally:
            log.close()
        if self.model.height >= checkpoint:
            return  # the rest is replayed by the ledger, which hands it over
        with rerunning(self._folder, self._contracts) as rerun:
            for height in range(rerun.last_height + 1):
                self.take_now(rerun.execute(rerun.read(height)))
                if progress is not None:
                    progress(height, rerun.last_height)

    def take_now(self, result: BlockResult) -> None:
        """Write a block before the thread runs."""
        if self.model is not None:
            self.model.add([_written(result)])

    # while it serves ----------------------------------------------------------------------------

    def start(self) -> None:
        """Write from now on what :meth:`follow` hands over."""
        if self.model is not None:
            self._thread.start()

    async def follow(self, result: BlockResult) -> None:
        """Hand a durable block over; waits only while the thread is ``WAITING_MAX`` behind."""
        if self.model is None:
            return
        block = _written(result)
        try:
            self._waiting.put_nowait(block)
        except queue.Full:
            await asyncio.to_thread(self._waiting.put, block)

    async def stop(self) -> None:
        """Write what was handed over, and close."""
        if self._thread.is_alive():
            self._hurried.set()
            await asyncio.to_thread(self._waiting.put, None)
            await asyncio.to_thread(self._thread.join)
        if self.model is not None:
            self.model.close()

    def _run(self) -> None:
        ended = False
        while not ended:
            batch = [self._waiting.get()]
            self._hurried.wait(GATHER_S)
            while batch[-1] is not None and len(batch) < BATCH_BLOCKS and not self._waiting.empty():
                batch.append(self._waiting.get())
            ended = batch[-1] is None
            self._write([block for block in batch if block is not None])

    def _write(self, blocks: list[WrittenBlock]) -> None:
        if self._failure is None and self.model is not None:
            try:
                self.model.add(blocks)
            except (sqlite3.Error, ValueError) as error:
                self._failure = error  # blocks are taken and dropped: the ledger goes on
        with self._moved:
            self._moved.notify_all()

    # reading ------------------------------------------------------------------------------------

    async def answer(
        self,
        entry: tuple[str, str, str],
        key: bytes,
        before: Place | None,
        limit: int,
        durable: int,
    ) -> dict[str, Any]:
        """Return the versions of an entry, the newest first, as a document.

        Args:
            entry: contract, map, and key as JSON; empty for a single value.
            key: its state key.
            before: only versions before this place; ``None`` for all up to the newest.
            limit: most versions.
            durable: height that the model should have reached; it is waited for.

        Raises:
            HistoryNotKept: this node keeps none, or its model cannot be written.
        """
        contract, name, key_json = entry
        place = (durable + 1, BEGUN) if before is None else before
        asked = (contract, key, place, limit + 1, durable)
        height, found = await asyncio.to_thread(self._read, *asked)
        versions, following = version_documents(found, limit)
        return {
            "contract": contract,
            "height": height,
            "key": msgspec.json.decode(key_json) if key_json else None,
            "map": name,
            "next": following,
            "versions": versions,
        }

    def _read(
        self, contract: str, key: bytes, before: Place, limit: int, durable: int
    ) -> tuple[int, list[Written]]:
        model = self.model
        if model is None:
            raise HistoryNotKept("it runs without --history")
        with self._moved:
            self._hurried.set()
            self._moved.wait_for(lambda: self._failure or model.height >= durable, READ_WAIT_S)
            self._hurried.clear()
        if self._failure is not None:
            raise HistoryNotKept(type(self._failure).__name__)
        return model.height, model.versions(contract, key, before, limit)


def _compare(model: HistoryModel, log: BlockLog) -> None:
    """Begin the model anew where it is ahead of the log, or of another state root."""
    last = -1 if log.last_height is None else log.last_height
    if model.height > last:
        model.clear()
    elif model.height >= 0:
        header = decode_as(decode_block(log.read(model.height)[1]).header_bytes, header_decoder)
        if header.state_root != model.state_root:
            model.clear()


def _written(result: BlockResult) -> WrittenBlock:
    """Return what a block changed, by record; all of genesis is what it began with."""
    header, executed = result.header, result.executed
    assert header is not None, "only a block with a header is durable"
    return WrittenBlock(
        height=header.height,
        state_root=header.state_root,
        time_ms=header.time_ms,
        begun=result.writes if executed is None else executed.begun,
        records=[(tx.id, tx.body.action, tx.body.signer) for tx, _ in result.records],
        changes=() if executed is None else executed.changes,
    )


def version_documents(found: list[Written], limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """Return versions as documents, and the place before which the next page begins.

    Args:
        found: the newest first, and one more than is shown where there is one: so each knows what
            was there before.
        limit: most versions.
    """
    shown = []
    for one, older in zip(found[:limit], [*found[1:], None], strict=False):
        document: dict[str, Any] = {
            "action": one.action,
            "height": one.height,
            "index": None if one.tx is None else one.place,
            "present": one.value is not None,
            "signer": one.signer,
            "time_ms": one.time_ms,
            "tx": None if one.tx is None else to_text(one.tx),
            "value": None if one.value is None else msgspec.Raw(one.value),
            "was_present": older is not None and older.value is not None,
            "was": None if older is None or older.value is None else msgspec.Raw(older.value),
        }
        if one.tx is not None:
            document["evidence"] = f"/v1/transactions/{to_text(one.tx)}/evidence"
        shown.append(document)
    more = len(found) > limit
    return shown, f"{found[limit - 1].height}.{found[limit - 1].place + 1}" if more else None
