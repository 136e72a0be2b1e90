# SPDX-License-Identifier: Apache-2.0
"""``hanse audit``: everything a ledger claims, computed again from genesis, without a running node."""

import tempfile
import time
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hanse.client import decode_genesis
from hanse.client.note import parse_note, verify_operator
from hanse.codec.base64url import to_text
from hanse.codec.documents import Transaction
from hanse.contracts.app import App
from hanse.errors import HanseError, Rejected
from hanse.kernel import Kernel
from hanse.node.admission import signature_checks
from hanse.node.blocks import StoredBlock, as_applied, decode_block, execute_again, transactions_of
from hanse.node.errors import RecordInvalid
from hanse.node.folder import Folder
from hanse.node.ledger import Progress, load_kernel
from hanse.node.proofs import root_with_header
from hanse.node.verifier import Check, verify_here
from hanse.storage import BlockLog, Store

CHECKS_AT_ONCE = 1_000  # signatures verified at once, on the other core
BATCHES_AHEAD = 8  # batches that may wait before execution does


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit has established for every block up to ``height``."""

    ledger: str
    height: int
    transactions: int
    state_root: str
    log_size: int
    seconds: float

    @property
    def tx_per_s(self) -> int:
        """Transactions executed again each second."""
        return round(self.transactions / self.seconds) if self.seconds else 0


def audit(folder: Folder, apps: tuple[App, ...], progress: Progress | None = None) -> AuditReport:
    """Execute the log again from genesis and hold every byte of it against the result.

    Signatures, certificates, receipts, roots and the chain of headers are checked. The node's own
    store is neither read nor written; the node may be running.

    Raises:
        RootMismatch: a block's header or a receipt is not what its execution gives.
        RecordInvalid: a signature or a certificate does not hold.
        BlockDamaged: the log itself is damaged.
    """
    begin = time.monotonic()
    log = BlockLog.open(folder.log, readonly=True)
    try:
        with tempfile.TemporaryDirectory(prefix="hanse-audit-") as path:
            auditor = _Auditor(folder, apps, log, Path(path))
            try:
                auditor.run(progress)
                return auditor.report(time.monotonic() - begin)
            finally:
                auditor.close()
    finally:
        log.close()


class _Auditor:
    """Executes blocks here while their signatures are verified in another process."""

    def __init__(self, folder: Folder, apps: tuple[App, ...], log: BlockLog, path: Path) -> None:
        self._folder = folder
        self._log = log
        self._kernel: Kernel = load_kernel(folder, [c for app in apps for c in app.contracts])
        self._genesis = decode_genesis(folder.genesis_bytes)
        self._store = Store.open(path / "state", self._kernel.hash)
        self._pool = ProcessPoolExecutor(1)
        self._waiting: deque[tuple[Future[bytes], list[tuple[int, str]]]] = deque()
        self._transactions = 0

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._store.close()

    def report(self, seconds: float) -> AuditReport:
        store = self._store
        return AuditReport(
            ledger=self._folder.ledger,
            height=store.height,
            transactions=self._transactions,
            state_root=to_text(store.tries.root),
            log_size=store.log_frontier.size,
            seconds=seconds,
        )

    def run(self, progress: Progress | None) -> None:
        last = -1 if self._log.last_height is None else self._log.last_height
        checks: list[Check] = []
        places: list[tuple[int, str]] = []
        for height in range(last + 1):
            block_id, payload = self._log.read(height)
            block = decode_block(payload)
            txs = transactions_of(block, self._kernel.hash)
            for tx in txs:
                found = self._checks(tx, height)
                checks += found
                places += [(height, to_text(tx.id))] * len(found)
            self._execute(block, block_id, txs)
            if len(checks) >= CHECKS_AT_ONCE:
                self._send(checks, places)
                checks, places = [], []
            if progress is not None:
                progress(height, last)
        self._send(checks, places)
        while self._waiting:
            self._receive()

    def _checks(self, tx: Transaction, height: int) -> tuple[Check, ...]:
        try:
            return signature_checks(self._kernel, self._store, tx)
        except Rejected as error:
            raise RecordInvalid(height, to_text(tx.id), error.code) from None

    def _execute(self, block: StoredBlock, block_id: bytes, txs: tuple[Transaction, ...]) -> None:
        result = execute_again(self._kernel, self._store, block, block_id, txs)
        frontier, _ = self._store.log_frontier.append(result.leaf_hashes[:-1])
        root = root_with_header(self._kernel.hash, frontier, block_id)
        try:
            note = parse_note(msgspec.json.decode(block.certificate)["note"])
            verify_operator(note, self._genesis)
        except HanseError as error:
            raise RecordInvalid(block.header.height, "certificate", str(error)) from None
        if (note.checkpoint.size, note.checkpoint.root) != (frontier.size + 1, root):
            raise RecordInvalid(block.header.height, "certificate", "it states another log")
        self._store.apply(as_applied(result))
        self._transactions += len(txs)
        if self._store.due:
            self._store.checkpoint()

    def _send(self, checks: list[Check], places: list[tuple[int, str]]) -> None:
        if checks:
            self._waiting.append((self._pool.submit(verify_here, checks), places))
        if len(self._waiting) > BATCHES_AHEAD:
            self._receive()

    def _receive(self) -> None:
        answer, places = self._waiting.popleft()
        verdicts = answer.result()
        if 0 in verdicts:
            height, tx = places[verdicts.index(0)]
            raise RecordInvalid(height, tx, "a signature does not hold")
