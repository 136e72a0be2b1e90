# SPDX-License-Identifier: Apache-2.0
"""The ledger on this node: opened, replayed from its log, moved on block by block.

The block log is written first and is the truth; receipts leave only after its fdatasync. The store
follows by checkpoints on a thread and is brought up from the log at start.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from hanse.client.note import Checkpoint, Note, build_operator_line
from hanse.codec.canonical import decode_as, encode
from hanse.codec.documents import Header, Transaction, header_decoder
from hanse.codec.ordered import OrderedBlock
from hanse.contracts.contract import Contract
from hanse.crypto.signers import Signer
from hanse.kernel import Asked, BlockResult, Executed
from hanse.kernel.genesis import Writes
from hanse.node import containment, work
from hanse.node.blocks import (
    Execute,
    as_applied,
    decode_block,
    encode_block,
    execute_again,
    transactions_of,
)
from hanse.node.crash_points import reach
from hanse.node.execution import Worker
from hanse.node.folder import Folder
from hanse.node.packages import keep_packages, load_kernel
from hanse.node.proofs import certificate_document, header_path, root_with_header
from hanse.storage import BlockLog, Snapshot, Store

Progress = Callable[[int, int], None]
Published = Callable[[BlockResult, bytes], Awaitable[None]]
"""Takes a block that is durable and visible, and its certificate, empty without a header."""


class Ledger:
    """One ledger's log, state and rules. Its methods belong to one thread."""

    def __init__(
        self,
        folder: Folder,
        contracts: Iterable[type[Contract]],
        signer: Signer,
        *,
        contained: bool = True,
    ) -> None:
        """Load the rules; :meth:`open` brings the state up.

        Args:
            folder: the node's.
            contracts: those installed.
            signer: the node's key.
            contained: execute contracts in a locked process, where the system has such.

        Raises:
            ContractMismatch: an installed contract is not the approved one.
        """
        self.folder = folder
        self.signer = signer
        self._contracts = tuple(contracts)
        self.kernel = load_kernel(folder, self._contracts)
        self.hash = self.kernel.hash
        self._checkpoint: asyncio.Future[int] | None = None
        self._contained = contained and containment.is_available()
        self.worker: Worker | None = None
        self.lock = asyncio.Lock()  # around what proofs read: held while the tries are ahead
        self._decided: tuple[int, BlockResult] | None = None

    def open(
        self,
        progress: Progress | None = None,
        loaded: Writes | None = None,
        applied: Callable[[BlockResult], None] | None = None,
    ) -> None:
        """Open log and store, replay what the store lacks, and begin the ledger when it is new.

        Args:
            progress: told of replayed heights.
            loaded: state that a new ledger begins with, for benchmarks only.
            applied: shown each block that is replayed, or made here.

        Raises:
            Corrupt: the log is damaged, or replay gives another root than it holds.
        """
        folder = self.folder
        keep_packages(folder, self._contracts)
        self.store = Store.open(folder.state, self.hash)
        acknowledged = self.store.checkpoint_height if self.store.height >= 0 else None
        self.log = BlockLog.open(folder.log, create=True, acknowledged_height=acknowledged)
        last = -1 if self.log.last_height is None else self.log.last_height
        for height in range(self.store.height + 1, last + 1):
            result = self._replay(height)
            if applied is not None:
                applied(result)
            if progress is not None:
                progress(height, last)
        if self.store.height < 0:
            result = self.kernel.genesis_block(self.store, loaded)
            self._keep(result, durable=False)
            if applied is not None:
                applied(result)
        self.kernel.directory.forget()
        if self._contained:
            self._start_worker()

    @property
    def containment(self) -> str:
        """Where contracts run, in words."""
        if self.worker is None:
            return "in process, for development: this system cannot lock a process"
        return f"locked process; started again after a fault: {self.worker.trips}"

    def _start_worker(self) -> Worker:
        """Return the locked process, started once there is a state to read."""
        if self.worker is None:
            self.worker = Worker(self.kernel, self.store)
            self.worker.start()
        return self.worker

    def close(self) -> None:
        """Checkpoint and close; a crash instead of this loses nothing."""
        if self.worker is not None:
            self.worker.stop()
        self._write_checkpoint()
        self.store.close()
        self.log.close()

    @property
    def header(self) -> Header:
        """The newest header."""
        return decode_as(self.store.header, header_decoder)

    def _replay(self, height: int) -> BlockResult:
        block_id, payload = self.log.read(height)
        block = decode_block(payload)
        txs = transactions_of(block, self.hash)
        execute: Execute | None = None
        if self._contained and height:
            execute = self._start_worker().execute_now
        result = execute_again(self.kernel, self.store, block, block_id, txs, execute)
        self.store.apply(as_applied(result))
        if self.store.due and (self.worker is None or self.worker.is_caught_up):
            self.store.checkpoint()
        return result

    def _keep(self, result: BlockResult, *, durable: bool) -> None:
        if not durable:
            payload = encode_block(result, encode(self.certificate_of(result)))
            assert result.header is not None
            self.log.append([(result.header.height, result.block_id, payload)])
        self.store.apply(as_applied(result))

    def certificate_of(self, result: BlockResult) -> dict[str, object] | None:
        """Return the operator's certificate of a block that the store does not have yet.

        ``None`` where an engine's validators make a header final, in their next block.
        """
        if self.folder.genesis.voters:
            return None
        frontier = result.frontier
        root = root_with_header(self.hash, frontier, result.block_id)
        checkpoint = Checkpoint(self.folder.ledger, frontier.size + 1, root)
        name = f"{self.folder.node}@{self.folder.organisation}"
        note = Note(checkpoint, (build_operator_line(checkpoint, name, self.signer),))
        return certificate_document(header_path(frontier), note)

    async def deliver(self, block: OrderedBlock, published: Published) -> None:
        """Apply ``block``, make it durable, then make it visible and hand it to ``published``.

        Raises:
            StorageFailed: the log could not be written; the process must end and start again.
        """
        executed = await self._execute(block)
        async with self.lock:
            result, certificate = await self._append(self._seal(block, executed))
        await published(result, certificate)
        self._start_checkpoint()

    async def decide(self, block: OrderedBlock) -> BlockResult:
        """Return what ``block`` does; nothing is durable or visible before :meth:`commit`.

        Until then proofs wait. A block of the same engine height is the same block: engines decide
        a height once, and may ask again when they were started again.

        Raises:
            WorkerTripped: the contracts of the block broke the locked process, twice.
        """
        decided = self._decided
        if decided is not None and decided[0] == block.engine_height:
            return decided[1]
        reach("decide.begin")
        executed = await self._execute(block)
        reach("decide.executed")
        await self.lock.acquire()
        result = self._seal(block, executed)
        reach("decide.sealed")
        self._decided = (block.engine_height, result)
        return result

    async def commit(self, published: Published) -> None:
        """Make the block that was decided last durable and visible; again does nothing.

        Raises:
            StorageFailed: the log could not be written; the process must end and start again.
        """
        if self._decided is None:
            return
        reach("commit.begin")
        result, certificate = await self._append(self._decided[1])
        self._decided = None
        self.lock.release()
        await published(result, certificate)
        reach("commit.published")
        self._start_checkpoint()

    async def _execute(self, block: OrderedBlock) -> Executed | None:
        """Let the locked process execute a block, while the one before is perhaps being sealed."""
        if self.worker is None:
            return None
        transactions = self.kernel.in_order(self.store, block)
        return await self.worker.execute(transactions, block.time_ms, block.signed)

    def _seal(self, block: OrderedBlock, executed: Executed | None) -> BlockResult:
        kernel, store = self.kernel, self.store
        if executed is None:
            transactions = kernel.in_order(store, block)
            executed = kernel.execute(store, transactions, block.time_ms, block.signed)
        return kernel.seal(store, block, executed)

    async def _append(self, result: BlockResult) -> tuple[BlockResult, bytes]:
        """Make a block durable, then visible; return it with its certificate."""
        if result.header is None:
            return result, b""
        certificate = encode(self.certificate_of(result))
        entry = (result.header.height, result.block_id, encode_block(result, certificate))
        reach("append.begin")
        await asyncio.get_running_loop().run_in_executor(None, self.log.append, [entry])
        reach("append.synced")
        self._keep(result, durable=True)
        reach("append.kept")
        return result, certificate

    async def query(self, asked: Asked) -> work.Came:
        """Return the answer of a query on the newest durable block.

        Raises:
            WorkerTripped: the process that executes contracts did not survive it.
        """
        if self.worker is not None:
            return await self.worker.query(asked)
        return work.came_from(self.kernel.query(self.store, asked))

    async def trial(self, tx: Transaction, time_ms: int) -> work.Came:
        """Return what ``tx`` would do as the next transaction; nothing comes of it.

        Raises:
            WorkerTripped: the process that executes contracts did not survive it.
        """
        if self.worker is not None:
            return await self.worker.trial(tx, time_ms)
        height = self.store.height + 1
        return work.came_from(self.kernel.run(self.store, tx, height, time_ms))

    def _start_checkpoint(self) -> None:
        """Begin a checkpoint on a thread when one is due; its failure surfaces with the next."""
        if self._checkpoint is not None and self._checkpoint.done():
            self._checkpoint.result()
            self._checkpoint = None
        caught_up = self.worker is None or self.worker.is_caught_up
        if self._checkpoint is None and self.store.due and caught_up:
            self.store.seal()
            loop = asyncio.get_running_loop()
            self._checkpoint = loop.run_in_executor(None, self._write_checkpoint)

    def _write_checkpoint(self) -> int:
        reach("checkpoint.begin")
        height = self.store.checkpoint()
        reach("checkpoint.written")
        return height

    async def newest_snapshot(self) -> Callable[[], Snapshot]:
        """Return what opens the state of now, on whatever thread: a checkpoint is made before."""
        loop = asyncio.get_running_loop()
        if self.worker is not None:
            await self.worker.follow()  # to the last checkpoint, before there is another
        async with self.lock:
            await self.finish()
            await loop.run_in_executor(None, self.store.checkpoint)
        return self.store.snapshot

    async def finish(self) -> None:
        """Wait for a checkpoint under way."""
        if self._checkpoint is not None:
            with suppress(asyncio.CancelledError):
                await self._checkpoint
