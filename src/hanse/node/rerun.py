# SPDX-License-Identifier: Apache-2.0
"""A node's log read and executed again, beside the node: from genesis, into a store of its own.

Nothing of the node's folder is written, and the node may run meanwhile. Whatever is wrong with what
the log holds is ``Corrupt``: no request is at fault here.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hanse.codec.base64url import to_text
from hanse.codec.documents import TAG_HEADER, Transaction
from hanse.contracts.contract import Contract
from hanse.errors import Rejected
from hanse.kernel import BlockResult, Kernel
from hanse.node import containment
from hanse.node.blocks import (
    StoredBlock,
    as_applied,
    decode_block,
    execute_again,
    transactions_of,
)
from hanse.node.errors import RecordInvalid, RootMismatch
from hanse.node.execution import Worker, dismiss, launch
from hanse.node.folder import Folder
from hanse.node.packages import load_kernel
from hanse.storage import BlockLog, Snapshot, Store


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """A block of the log, decoded."""

    block: StoredBlock
    block_id: bytes
    transactions: tuple[Transaction, ...]

    @property
    def height(self) -> int:
        """The block's height."""
        return self.block.header.height


class Rerun:
    """The log of one node, and a store that follows it block by block."""

    def __init__(
        self, folder: Folder, kernel: Kernel, log: BlockLog, store: Store, worker: Worker | None
    ) -> None:
        """Use :func:`rerunning`."""
        self.folder = folder
        self.kernel = kernel
        self.log = log
        self.store = store
        self._worker = worker

    @property
    def last_height(self) -> int:
        """The newest durable height of the log; -1 while it is empty."""
        return -1 if self.log.last_height is None else self.log.last_height

    def read(self, height: int) -> ReadBlock:
        """Return the block at ``height``, its form checked, its content not yet.

        Raises:
            Corrupt: the log does not hold a block there.
        """
        block_id, payload = self.log.read(height)
        try:
            block = decode_block(payload)
            transactions = transactions_of(block, self.kernel.hash)
        except Rejected as error:
            raise RecordInvalid(height, "", str(error)) from None
        if self.kernel.hash.tagged(TAG_HEADER, block.header_bytes) != block_id:
            raise RecordInvalid(height, "", "the header does not have the block's id")
        if block.header.height != height:
            raise RecordInvalid(height, "", f"the header says height {block.header.height}")
        if height and block.header.time_ms < self.store.time_ms:
            raise RecordInvalid(height, "", "block time runs backwards")
        return ReadBlock(block, block_id, transactions)

    def execute(
        self, found: ReadBlock, look: Callable[[BlockResult], None] | None = None
    ) -> BlockResult:
        """Return the result of executing the next block, established to be the one of the log.

        ``look`` is shown the result while the store still holds the values from before.

        Raises:
            Corrupt: header or receipts differ in any byte.
        """
        store, worker = self.store, self._worker
        execute = None
        if worker is not None and found.height:
            if not worker.is_running:
                worker.start()
            execute = worker.execute_now
        try:
            block, txs = found.block, found.transactions
            result = execute_again(self.kernel, store, block, found.block_id, txs, execute)
        except Rejected as error:
            raise RecordInvalid(found.height, "", str(error)) from None
        if result.header is None:
            raise RootMismatch(found.height, to_text(found.block_id), "no block at all")
        if look is not None:
            look(result)
        store.apply(as_applied(result))
        if store.due and (execute is None or worker is None or worker.is_caught_up):
            store.checkpoint()
        return result


@contextmanager
def rerunning(
    folder: Folder,
    contracts: Iterable[type[Contract]],
    scratch: Path | None = None,
    *,
    contained: bool = True,
) -> Iterator[Rerun]:
    """Yield a rerun that stands before genesis; its store is gone when the block ends.

    Args:
        folder: the node's; it is only read.
        contracts: of all installed apps.
        scratch: where the temporary store lies; the system's place by default.
        contained: execute contracts in a locked process, where the system has such.

    Raises:
        ContractMismatch: an installed contract is not the approved one.
        Corrupt: the log is damaged, or lacks what the node's store shows to have been durable.
    """
    with ExitStack() as undone:
        launched = launch() if contained and containment.is_available() else None
        if launched is not None:  # it imports while the rules are loaded here
            undone.callback(dismiss, launched)
        kernel = load_kernel(folder, contracts)
        log = BlockLog.open(
            folder.log, readonly=True, acknowledged_height=stored_height(folder, kernel)
        )
        undone.callback(log.close)
        path = undone.enter_context(tempfile.TemporaryDirectory(prefix="hanse-rerun-", dir=scratch))
        store = Store.open(Path(path), kernel.hash)
        undone.callback(store.close)
        worker = None if launched is None else Worker(kernel, store, launched)
        if worker is not None:
            undone.callback(worker.stop)
        yield Rerun(folder, kernel, log, store, worker)


def stored_height(folder: Folder, kernel: Kernel) -> int | None:
    """Return the height of the node's last checkpoint; ``None`` where it has no store."""
    if not (folder.state / "data.mdb").is_file():
        return None
    snapshot = Snapshot.open(folder.state, kernel.hash)
    try:
        return snapshot.height if snapshot.height >= 0 else None
    finally:
        snapshot.close()
