# SPDX-License-Identifier: Apache-2.0
"""The process in which contracts run: it reads the ledger's state, locks itself, and answers.

It holds no key, no environment and no open file but its two pipes. State comes from the store's
memory map, transactions come as plain data, and what they did goes back as plain data.
"""

import gc
import os
import signal
from collections import deque
from pathlib import Path
from typing import Any

from hanse.contracts.dialect.program import build_program
from hanse.crypto import hash_named
from hanse.identity import decode_genesis
from hanse.kernel import BlockView, Executed, Kernel
from hanse.kernel.upgrade import catch_up
from hanse.node import containment, work
from hanse.storage import Follower


class Ahead:
    """The state after the blocks that were executed here, of which the log may lack the last."""

    def __init__(self, durable: Follower) -> None:
        """Stand where ``durable`` stands."""
        self.durable = durable
        self.height = durable.height
        self.time_ms = durable.time_ms
        self._waiting: deque[tuple[int, int, work.Changes, dict[bytes, tuple[bytes, int]]]] = (
            deque()
        )
        self._view = BlockView(durable)
        self._changed: dict[str, int] = {}

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value bytes at ``key``, ``None`` when absent."""
        mine = self._view.writes.get(contract)
        if mine is not None and key in mine:
            return mine[key]
        return self.durable.get(contract, key)

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return rows under ``prefix`` from ``start`` on, in key order."""
        return self._view.scan(contract, prefix, start, limit)

    def find_nonce(self, nonce_digest: bytes) -> bytes | None:
        """Return the id of the transaction that used this nonce within its window."""
        found = None
        for _, _, _, nonces in self._waiting:
            found = nonces.get(nonce_digest) or found
        found = found or self.durable.nonce(nonce_digest)
        return None if found is None or found[1] < self.time_ms else found[0]

    def changed_height(self, contract: str) -> int:
        """Return the last height at which ``contract`` was written since opening; -1 for none."""
        return max(self._changed.get(contract, -1), self.durable.changed_height(contract))

    def add(self, executed: Executed, time_ms: int) -> None:
        """Stand after a block that the log does not hold yet."""
        if not executed.records:
            return
        writes = executed.merged()
        nonces = {tx.nonce_digest: (tx.id, tx.body.expires_ms) for tx, _ in executed.records}
        self._waiting.append((executed.height, time_ms, writes, nonces))
        for contract, written in writes.items():
            self._view.add(contract, written)
            self._changed[contract] = executed.height
        self.height, self.time_ms = executed.height, time_ms

    def keep(self, height: int) -> None:
        """Know that the blocks up to ``height`` are in the log."""
        if not self._waiting or self._waiting[0][0] > height:
            return
        while self._waiting and self._waiting[0][0] <= height:
            self.durable.add(*self._waiting.popleft())
        self.restart()

    def restart(self) -> None:
        """Stand after what waits, above whatever ``durable`` has become."""
        self._view = BlockView(self.durable)
        self.height, self.time_ms = self.durable.height, self.durable.time_ms
        for height, time_ms, writes, _ in self._waiting:
            for contract, written in writes.items():
                self._view.add(contract, written)
            self.height, self.time_ms = height, time_ms


class Session:
    """One ledger's kernel over its state, and what the node has said of its progress."""

    def __init__(self, opening: work.Opening) -> None:
        """Load the rules and the contracts, and open the state."""
        genesis = decode_genesis(opening.genesis)
        programs = [build_program(module, files) for module, files in opening.packages]
        self._kernel = Kernel(genesis, opening.ledger, programs)
        self._durable = Follower(Path(opening.path), hash_named(genesis.hash))
        self._ahead = Ahead(self._durable)
        self._sealed = self._durable.checkpoint_height

    def follow(self, told: work.Told) -> None:
        """Move on to where the node is."""
        if told.sealed > self._sealed:
            self._ahead.keep(told.sealed)
            self._durable.seal()
            self._sealed = told.sealed
        self._ahead.keep(told.durable)
        if told.written > self._durable.checkpoint_height:
            self._durable.renew()

    def answer(self, request: work.Request) -> work.Answer:
        """Return what came of ``request``."""
        if isinstance(request, work.Work):
            transactions = [work.transaction_of(item) for item in request.items]
            executed = self._kernel.execute(
                self._ahead, transactions, request.time_ms, request.signed
            )
            self._ahead.add(executed, request.time_ms)
            return work.done_from(executed, transactions)
        if isinstance(request, work.Question):
            return work.came_from(self._kernel.query(self._durable, request.asked))
        if isinstance(request, work.Attempt):
            tx = work.transaction_of(request.item)
            height = self._durable.height + 1
            return work.came_from(self._kernel.run(self._durable, tx, height, request.time_ms))
        if isinstance(request, work.Loaded):
            self._durable.add(request.height, request.time_ms, request.writes, request.nonces)
            self._ahead.restart()
            return work.Noted()
        if isinstance(request, work.Rehearsal):
            durable, begun = self._durable, request.begun
            if begun is None:
                return self._kernel.try_proposal(durable, request.number, durable.time_ms)
            return self._kernel.try_chunk(durable, request.number, durable.time_ms, begun)
        if isinstance(request, work.CatchUp):
            place = self._kernel.place(self._durable, self._durable.time_ms)
            return work.CaughtUp(catch_up(place))
        assert isinstance(request, work.Follow)
        return work.Noted()


def main() -> None:
    """Answer the frames on descriptor 0 on descriptor 1 until they end; locked after the first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the node says when it is over
    os.environ.clear()
    session: Session | None = None
    try:
        while True:
            told, request = _read()
            if isinstance(request, work.Opening):
                session = Session(request)
                _lock()
                _write(work.Noted())
                continue
            assert session is not None, "the first request opens the ledger"
            session.follow(told)
            _write(session.answer(request))
    except EOFError:
        return
    except BaseException as error:  # noqa: BLE001  # whatever it is, the node has to know and stop
        _write(work.Failed(type(error).__name__))


def _lock() -> None:
    gc.collect()
    gc.freeze()  # what was loaded is never looked at again, and what is remembered seldom:
    gc.set_threshold(100_000, 50, 100)  # what an action leaves behind has no cycles
    if containment.is_available():
        containment.lock_down(frozenset({0, 1}))


def _read() -> tuple[work.Told, work.Request]:
    head = _read_exactly(work.LENGTH.size)
    return work.request_decoder.decode(_read_exactly(work.LENGTH.unpack(head)[0]))


def _read_exactly(size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        part = os.read(0, size - len(found))
        if not part:
            raise EOFError
        found += part
    return bytes(found)


def _write(answer: Any) -> None:
    data = work.encode(answer)
    rest = memoryview(work.LENGTH.pack(len(data)) + data)
    while rest:
        rest = rest[os.write(1, rest) :]


if __name__ == "__main__":
    main()
    os._exit(0)
