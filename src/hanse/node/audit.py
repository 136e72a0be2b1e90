# SPDX-License-Identifier: Apache-2.0
"""An audit: everything that a node's log claims, established again from genesis.

Signatures under the keys of that height, certificates, receipts, every root; then the node's own
state, row by row, against the one computed here. Signatures are verified in a second process.
"""

import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from hanse.client import _genesis as client_genesis
from hanse.client._certificate import verify_certified
from hanse.client.note import Note, parse_note, verify_operator, verify_witnesses
from hanse.codec.base64url import to_text
from hanse.codec.documents import receipt_decoder
from hanse.contracts.app import App
from hanse.errors import HanseError, ProofInvalid, Rejected
from hanse.node.admission import signature_checks
from hanse.node.errors import RecordInvalid, RootMismatch
from hanse.node.folder import Folder
from hanse.node.rerun import ReadBlock, Rerun, rerunning, stored_height
from hanse.node.verifier import Check, verify_here
from hanse.storage import Snapshot, Store
from hanse.storage.errors import StateDamaged

CHECKS: Final = 1_000  # signatures handed over at once: about 40 ms of work
IN_HAND: Final = 8  # such batches under way; beyond it, execution waits
ROWS: Final = 1_000  # rows compared at once

Progress = Callable[[int, int], None]
_Place = tuple[int, str]  # height and transaction of a check


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit without a finding has established."""

    blocks: int
    height: int
    ledger: str
    log_size: int
    refused: int
    rows_compared: int
    seconds: float
    signatures: int
    state: str
    state_root: str
    transactions: int

    @property
    def tx_per_s(self) -> int:
        """Transactions executed again each second."""
        return round(self.transactions / self.seconds) if self.seconds else 0


class _Registry:
    """The registry below a block, without a height: remembered until it changes."""

    def __init__(self, store: Store) -> None:
        self.get = store.get
        self.scan = store.scan


class _Signatures:
    """Checks gathered over blocks and verified in order, in a process of their own."""

    def __init__(self, *, many: bool) -> None:
        """Begin; with ``many`` to come the process is started now, to be ready when it is asked."""
        self.count = 0
        self._checks: list[Check] = []
        self._places: list[_Place] = []
        self._under_way: deque[tuple[Future[bytes], list[Check], list[_Place]]] = deque()
        self._pool: ProcessPoolExecutor | None = None
        if many:
            self._start().submit(verify_here, [])

    def _start(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, context)
        return self._pool

    def add(self, place: _Place, checks: Iterable[Check]) -> None:
        for check in checks:
            self._checks.append(check)
            self._places.append(place)
        if len(self._checks) >= CHECKS:
            self._send()

    def _send(self) -> None:
        work = self._start().submit(verify_here, self._checks)
        self._under_way.append((work, self._checks, self._places))
        self._checks, self._places = [], []
        while len(self._under_way) > IN_HAND:
            self._settle()

    def _settle(self) -> None:
        work, checks, places = self._under_way.popleft()
        try:
            verdicts = work.result()
        except BrokenProcessPool:
            verdicts = verify_here(checks)
        self._judge(verdicts, places)

    def _judge(self, verdicts: bytes, places: list[_Place]) -> None:
        self.count += len(places)
        if 0 in verdicts:
            raise RecordInvalid(*places[verdicts.index(0)], "a signature does not hold")

    def finish(self) -> None:
        """Establish that every signature handed in so far holds.

        Raises:
            RecordInvalid: the first that does not.
        """
        while self._under_way:
            self._settle()
        checks, places = self._checks, self._places
        self._checks, self._places = [], []
        self._judge(verify_here(checks), places)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


class _Auditor:
    def __init__(self, rerun: Rerun, signatures: _Signatures) -> None:
        self._rerun = rerun
        self._signatures = signatures
        self._kernel = rerun.kernel
        self._registry = _Registry(rerun.store)
        self._registry_root = b""
        self._genesis = client_genesis.decode_genesis(rerun.folder.genesis_bytes)
        self._state_at = stored_height(rerun.folder, rerun.kernel)
        self._cosigned = _cosigned(rerun.folder)
        self.transactions = self.refused = self.rows = 0
        self.state = "no checkpoint yet" if self._state_at is None else "ahead of this audit"

    def block(self, height: int) -> None:
        found = self._rerun.read(height)
        self._gather(found)
        result = self._rerun.execute(found)
        self._check_certificate(found)
        self.transactions += len(result.records)
        for _, receipt in result.records:
            self.refused += receipt_decoder.decode(receipt).status == "rejected"
        if height == self._state_at:
            self._compare_state(height)

    def _gather(self, found: ReadBlock) -> None:
        root = self._rerun.store.tries.root_of("registry")
        if root != self._registry_root:
            self._kernel.directory.forget()
            self._registry_root = root
        for tx in found.transactions:
            place = (found.height, to_text(tx.id))
            try:
                self._signatures.add(place, signature_checks(self._kernel, self._registry, tx))
            except Rejected as error:
                raise RecordInvalid(*place, str(error)) from None

    def _check_certificate(self, found: ReadBlock) -> None:
        """Establish that operator and witnesses signed the log as it is after this block.

        Where an engine's validators vote, their commits are with the engine, not in this log.
        """
        if self._genesis.engine_validators is not None:
            return
        block, height, log = found.block, found.height, self._rerun.store.log_frontier
        try:
            certified = verify_certified(block.header_bytes, block.certificate, self._genesis)
        except (Rejected, ProofInvalid) as error:
            raise RecordInvalid(height, "", f"its certificate: {error}") from None
        shown = certified.checkpoint
        if (shown.size, shown.root) != (log.size, log.root()):
            raise RecordInvalid(height, "", "its certificate states another log")
        if self._cosigned is None or self._cosigned[0] != height:
            return
        note = self._cosigned[1]
        try:
            verify_operator(note, self._genesis)
            verify_witnesses(note, self._genesis)
        except ProofInvalid as error:
            raise RecordInvalid(height, "", f"its cosignatures: {error.reason}") from None
        if note.checkpoint != certified.checkpoint:
            cosigned, here = note.checkpoint.root, certified.checkpoint.root
            raise RootMismatch(height, to_text(cosigned), to_text(here))

    def _compare_state(self, height: int) -> None:
        """Establish that the node's store holds what was computed here, when it still is there."""
        snapshot = Snapshot.open(self._rerun.folder.state, self._kernel.hash)
        try:
            if snapshot.height != height:
                return  # the node runs, and has gone on
            here = self._rerun.store
            if snapshot.block_id != here.block_id or snapshot.header != here.header:
                shown = to_text(snapshot.block_id)
                raise RootMismatch(height, to_text(here.block_id), shown)
            if snapshot.state_root != here.tries.root:
                shown = to_text(snapshot.state_root)
                raise RootMismatch(height, to_text(here.tries.root), shown)
            for contract in self._kernel.directory.contracts(here):
                self._compare_rows(snapshot, contract, height)
            self.state = f"compared at height {height}"
        finally:
            snapshot.close()

    def _compare_rows(self, snapshot: Snapshot, contract: str, height: int) -> None:
        start = b""
        while True:
            shown = snapshot.scan(contract, b"", start, ROWS)
            computed = self._rerun.store.scan(contract, b"", start, ROWS)
            if shown != computed:
                raise StateDamaged(f"rows of {contract} differ at height {height}")
            self.rows += len(shown)
            if len(shown) < ROWS:
                return
            start = shown[-1][0] + b"\x00"


def _cosigned(folder: Folder) -> tuple[int, Note] | None:
    """Return the newest cosigned checkpoint that the node keeps; a damaged file is a finding."""
    if not folder.cosigned.is_file():
        return None
    try:
        saved = msgspec.json.decode(folder.cosigned.read_bytes(), type=dict[str, int | str])
        return int(saved["height"]), parse_note(str(saved["note"]))
    except (msgspec.MsgspecError, KeyError, ValueError, Rejected) as error:
        raise StateDamaged(f"{folder.cosigned.name}: {error}") from None


def audit(
    folder: Folder,
    apps: tuple[App, ...],
    progress: Progress | None = None,
    *,
    scratch: Path | None = None,
) -> AuditReport:
    """Return the figures of an audit that found nothing wrong.

    Args:
        folder: the node's; it is only read, and the node may run.
        apps: all that are installed.
        progress: told of audited heights.
        scratch: where the temporary store lies.

    Raises:
        Corrupt: at the first difference, with its height.
        ContractMismatch: an installed contract is not the approved one.
    """
    begun = time.monotonic()
    size = sum([part.stat().st_size for part in folder.log.glob("*")])
    signatures = _Signatures(many=size > CHECKS * 1_000)
    contracts = [contract for app in apps for contract in app.contracts]
    try:
        with rerunning(folder, contracts, scratch) as rerun:
            auditor = _Auditor(rerun, signatures)
            last = rerun.last_height
            if last < 0:
                raise RecordInvalid(0, "", "the log is empty")
            for height in range(last + 1):
                try:
                    auditor.block(height)
                except HanseError:
                    signatures.finish()  # what is wrong further down comes first
                    raise
                if progress is not None:
                    progress(height, last)
            signatures.finish()
            store = rerun.store
            seconds = time.monotonic() - begun
            return AuditReport(
                blocks=last,
                height=last,
                ledger=folder.ledger,
                log_size=store.log_frontier.size,
                refused=auditor.refused,
                rows_compared=auditor.rows,
                seconds=round(seconds, 3),
                signatures=signatures.count,
                state=auditor.state,
                state_root=to_text(store.tries.root),
                transactions=auditor.transactions,
            )
    finally:
        signatures.close()
