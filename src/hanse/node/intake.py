# SPDX-License-Identifier: Apache-2.0
"""Transactions on their way: prepared, verified, handed to the engine; each gets one answer."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from hanse.codec.documents import Transaction
from hanse.engines import Engine
from hanse.errors import Rejected
from hanse.kernel import BlockResult, Kernel
from hanse.node.admission import Prepared, check_rest, prepare, refused
from hanse.node.answers import Answer, Request, problem_answer
from hanse.node.errors import NodeStopped, NotOrdered
from hanse.node.verifier import Verifier
from hanse.storage import Store

ADMITTED_TXS: Final = 128  # of one call at a time: 3 ms, in which nobody else is served
PATIENCE_S: Final = 30.0  # for an engine without quorum, until the caller is told to come again

Receipts = Callable[[bytes], bytes | None]
"""Finds the receipt of a transaction id that is recorded."""


class Intake:
    """What waits for an answer, by nonce; one transaction that comes twice is ordered once."""

    def __init__(  # noqa: PLR0913, PLR0917  # what it stands between
        self,
        kernel: Kernel,
        store: Store,
        engine: Engine,
        verifier: Verifier,
        receipts: Receipts,
        now_ms: Callable[[], int],
    ) -> None:
        """Take transactions in for ``engine``, their signatures verified by ``verifier``."""
        self._kernel = kernel
        self._store = store
        self._engine = engine
        self._verifier = verifier
        self._receipts = receipts
        self._now_ms = now_ms
        self._pending: dict[bytes, tuple[bytes, list[tuple[Request, int]]]] = {}
        self.verifying = 0  # transactions prepared that the engine does not have yet
        self.failure: BaseException | None = None

    async def submit(self, raws: Sequence[bytes]) -> list[Answer]:
        """Return one answer for each transaction, in order, once all are durable or refused.

        Raises:
            NodeStopped: the node met a fault.
        """
        if not raws:
            return []
        if self.failure is not None:
            raise NodeStopped(type(self.failure).__name__)
        request = Request([None] * len(raws), len(raws))
        before: asyncio.Task[None] | None = None
        for start in range(0, len(raws), ADMITTED_TXS):
            prepared = self._prepare_all(raws, start, request)
            self.verifying += len(prepared)
            before = asyncio.create_task(self._admit(prepared, request, before))
            await asyncio.sleep(0)  # its signatures are verified while the next are prepared
        assert before is not None
        await before
        try:
            async with asyncio.timeout(PATIENCE_S):
                await request.done
        except TimeoutError:
            late = problem_answer(NotOrdered(int(PATIENCE_S)))
            return [late if a is None else a for a in request.answers]
        return [a for a in request.answers if a is not None]

    def _prepare_all(
        self, raws: Sequence[bytes], start: int, request: Request
    ) -> list[tuple[int, Prepared]]:
        prepared: list[tuple[int, Prepared]] = []
        store = self._store
        for index, raw in enumerate(raws[start : start + ADMITTED_TXS], start):
            try:
                self._engine.check(self.verifying + len(prepared) + 1)
                prepared.append((index, prepare(self._kernel, store, store, raw)))
            except Rejected as error:
                request.put(index, problem_answer(error))
        return prepared

    async def _admit(
        self,
        prepared: list[tuple[int, Prepared]],
        request: Request,
        before: asyncio.Task[None] | None,
    ) -> None:
        """Verify the signatures; once ``before`` is done, hand to the engine what is fit for it."""
        checks = [check for _, made in prepared for check in made.checks]
        try:
            verdicts = await self._verifier.verify(checks)
            if before is not None:
                await before
        finally:
            self.verifying -= len(prepared)
        now_ms, rules = self._now_ms(), self._kernel.rules_in(self._store)
        ready: list[Transaction] = []
        at = 0
        for index, made in prepared:
            signed = verdicts[at : at + len(made.checks)]
            at += len(made.checks)
            try:
                if not made.duplicate:
                    check_rest(rules, made.transaction, signed, now_ms)
                self._take(made, request, index, ready)
            except Rejected as error:
                request.put(index, problem_answer(error))
        self._engine.submit(ready)

    def _take(
        self, admitted: Prepared, request: Request, index: int, ready: list[Transaction]
    ) -> None:
        tx = admitted.transaction
        if admitted.duplicate:
            request.put(index, self._recorded(tx))
            return
        waiting = self._pending.get(tx.nonce_digest)
        if waiting is None:
            self._pending[tx.nonce_digest] = (tx.id, [(request, index)])
            ready.append(tx)
        elif waiting[0] == tx.id:
            waiting[1].append((request, index))
        else:
            raise refused("nonce_reused", tx)

    def _recorded(self, tx: Transaction) -> Answer:
        receipt = self._receipts(tx.id)
        assert receipt is not None
        return Answer(ok=True, status=200, body=receipt)

    def applied(self, result: BlockResult) -> None:
        """Answer whoever waits for a transaction of a block that is durable now."""
        for tx, receipt in result.records:
            self.answer(tx, Answer(ok=True, status=200, body=receipt))
        for drop in result.dropped:
            self.answer(drop.transaction, problem_answer(refused(drop.code, drop.transaction)))
        for tx in result.repeated:
            if tx.nonce_digest in self._pending:
                self.answer(tx, self._recorded(tx))

    def answer(self, tx: Transaction, answer: Answer) -> None:
        """Answer whoever waits for this transaction."""
        _, waiting = self._pending.pop(tx.nonce_digest, (b"", []))
        for request, index in waiting:
            request.put(index, answer)

    def fail(self, error: BaseException) -> None:
        """Let nobody wait for an answer that cannot come; the process ends and starts again."""
        self.failure = error
        for _, waiting in self._pending.values():
            for request, _ in waiting:
                if not request.done.done():
                    request.done.set_exception(NodeStopped(type(error).__name__))
        self._pending.clear()
