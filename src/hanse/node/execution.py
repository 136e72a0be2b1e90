# SPDX-License-Identifier: Apache-2.0
"""The worker seen from the node: started, told, asked; when it trips, started again.

What trips is asked once more, for it may have been the machine's fault; the second time whoever
asked gets :class:`WorkerTripped`. Everybody else is served by a fresh worker meanwhile.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from hanse.codec.documents import Transaction
from hanse.contracts.state import Reader
from hanse.identity import encode_genesis
from hanse.kernel import Asked, Executed, Kernel
from hanse.kernel.lifecycle import Trial
from hanse.kernel.upgrade import Begun, Tried
from hanse.node import work
from hanse.node.errors import WorkerTripped
from hanse.storage import Generation

COMMAND: Final = (sys.executable, "-m", "hanse.node.worker")
PATIENCE_S: Final = 120.0  # for one answer; a block takes two seconds at worst, migrations more
ATTEMPTS_MAX: Final = 2
END_S: Final = 0.5  # in which a process that was told so ends by itself
_KEPT_VARIABLES: Final = ("PYTHONPATH", "PYTHONHASHSEED", "LD_LIBRARY_PATH", "LC_ALL", "LANG")
_BUFFER_BYTES: Final = 4 << 20  # of the pipe: an answer never waits for a busy node
_PART_BYTES: Final = 1 << 18


class Read(Reader, Protocol):
    """A store, or a snapshot of one: what the process reads, and how far the node is."""

    @property
    def path(self) -> Path:
        """Its folder."""
        ...

    @property
    def height(self) -> int:
        """Height of the newest durable block."""
        ...

    @property
    def sealed_height(self) -> int:
        """Height up to which the checkpoint under way, or else the last one, holds everything."""
        ...

    @property
    def checkpoint_height(self) -> int:
        """Height up to which LMDB holds everything."""
        ...

    def unwritten(self) -> Sequence[Generation]:
        """Return what LMDB lacks, in order."""
        ...


@dataclass(eq=False, slots=True)
class _Asked:
    """A request that waits for its answer, and how an answer is taken."""

    request: work.Request
    take: Callable[[Any], Awaitable[Any]]
    done: asyncio.Future[Any]
    sent: bool = False
    written: int = -1  # the checkpoint that the worker reads once it has answered
    attempts: int = 0


Launched = tuple[subprocess.Popen[bytes], socket.socket]
"""A process that imports what it needs while nobody waits for it, and the node's end to it."""


def launch() -> Launched:
    """Start a process that waits for the ledger it is for; :meth:`Worker.start` tells it."""
    mine, its = socket.socketpair()
    for end in (mine, its):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    with its:
        child = subprocess.Popen(
            list(COMMAND),
            stdin=its.fileno(),
            stdout=its.fileno(),
            stderr=subprocess.DEVNULL,
            env=kept,
        )
    mine.settimeout(PATIENCE_S)
    return child, mine


def dismiss(launched: Launched) -> None:
    """End a process that was never told what it is for."""
    child, link = launched
    link.close()  # which is how it knows
    child.kill()
    child.wait()


class Worker:
    """The locked process of one ledger.

    Blocks are executed one way or the other: blocking, as long as the log is replayed, or on an
    event loop, from the first coroutine on.
    """

    def __init__(self, kernel: Kernel, store: Read, launched: Launched | None = None) -> None:
        """Execute by the rules of ``kernel`` on the state of ``store``, once started.

        ``launched`` is a process to begin with, which its launcher dismisses; else a fresh one.
        """
        self._launched = launched
        self._kernel = kernel
        self._store = store
        self._child: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._waiting: deque[_Asked] = deque()
        self._asked = asyncio.Event()
        self._sending = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._answered = -1  # height of the newest block that was executed
        self._read_height = -1  # of the checkpoint that the process reads
        self.trips = 0

    # life ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the process and let it know the state; blocks until it is locked.

        Raises:
            WorkerTripped: it does not start.
        """
        told = self._told()
        launched, self._launched = self._launched, None
        self._child, self._socket = launched or launch()
        self._ask(self._opening(), told)
        self._read_height = told.written  # or a later one already
        for generation in self._store.unwritten():
            head = generation.head
            if head is not None:
                contracts = {name: o.values for name, o in generation.contracts.items()}
                loaded = work.Loaded(head.height, head.time_ms, contracts, generation.nonces)
                self._ask(loaded, self._told())
        while not _expect(self._ask(work.CatchUp(), self._told()), work.CaughtUp).is_whole:
            pass  # one short answer after another: a migration under way may have a million entries

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._child is not None

    def _opening(self) -> work.Opening:
        """Return what a worker begins with: no key, no class, but the texts of the contracts."""
        kernel = self._kernel
        packages = [
            (loaded.program.module, dict(loaded.program.files))
            for loaded in kernel.contracts.values()
            if loaded.program is not None
        ]
        genesis = encode_genesis(kernel.genesis)
        return work.Opening(str(self._store.path), kernel.ledger, genesis, packages)

    def stop(self) -> None:
        """End the process."""
        if self._reader is not None:
            self._reader.cancel()
        if self._socket is not None:
            self._socket.close()  # which is how it knows
        self._end()

    def kill(self) -> None:
        """Kill the process: what is under way and what comes is executed by a fresh one."""
        if self._child is not None:
            self._child.kill()

    def _end(self) -> str:
        """Wait a moment for the process to end, else kill it; return how it ended."""
        child, self._child = self._child, None
        how = "not running"
        if child is not None:
            try:
                child.wait(END_S)
            except subprocess.TimeoutExpired:
                child.kill()
            status = child.wait()
            how = f"ended by {signal.Signals(-status).name}" if status < 0 else f"exit {status}"
        return how

    # asking, blocking ---------------------------------------------------------------------------

    def execute_now(
        self, transactions: Sequence[Transaction], time_ms: int, signed: Sequence[str] = ()
    ) -> Executed:
        """Return what ``transactions`` do as the next block; blocks.

        Raises:
            WorkerTripped: the process did not survive it.
        """
        told = self._told()
        items = [work.item_of(tx) for tx in transactions]
        done = self._ask(work.Work(time_ms, items, tuple(signed)), told)
        self._read_height = told.written
        return self._taken(_expect(done, work.Done), transactions)

    def rehearse_now(self, number: int) -> Trial:
        """Return what is to be said of a proposal without its migration; blocks.

        Raises:
            WorkerTripped: the process did not survive it.
        """
        trial: Trial = _expect(self._ask(work.Rehearsal(number), self._told()), Trial)
        return trial

    def try_chunk_now(self, number: int, begun: Begun) -> Tried:
        """Return what the next chunk of an upgrade would do to the newest durable block; blocks.

        Raises:
            WorkerTripped: the process did not survive it.
        """
        asked = work.Rehearsal(number, begun)
        tried: Tried = _expect(self._ask(asked, self._told()), Tried)
        return tried

    def _ask(self, request: work.Request, told: work.Told) -> work.Answer:
        assert self._socket is not None
        frame = work.encode((told, request))
        try:
            self._socket.sendall(work.LENGTH.pack(len(frame)) + frame)
            size = work.LENGTH.unpack(self._receive_now(work.LENGTH.size))[0]
            return _answer_in(self._receive_now(_bounded(size)))
        except WorkerTripped:
            self._end()
            raise
        except TimeoutError:
            self._end()
            raise WorkerTripped("no answer in time") from None
        except OSError:
            raise WorkerTripped(self._end()) from None

    def _receive_now(self, size: int) -> bytes:
        assert self._socket is not None
        found = bytearray()
        while len(found) < size:
            part = self._socket.recv(min(size - len(found), _PART_BYTES))
            if not part:
                raise ConnectionResetError
            found += part
        return bytes(found)

    # asking, on the event loop ------------------------------------------------------------------

    @property
    def is_caught_up(self) -> bool:
        """Whether the process reads the newest checkpoint, so that another one may be written."""
        return self._read_height >= self._store.checkpoint_height

    async def execute(
        self, transactions: Sequence[Transaction], time_ms: int, signed: Sequence[str] = ()
    ) -> Executed:
        """Return what ``transactions`` do as the block after those asked for before.

        Raises:
            WorkerTripped: the process did not survive it, twice.
        """

        async def take(answer: object) -> Executed:
            done = _expect(answer, work.Done)
            if work.reaches_further(done, transactions):
                await self._store_at(done.height - 1)
            executed = self._taken(done, transactions)
            if executed.records:
                self._answered = executed.height
            return executed

        items = [work.item_of(tx) for tx in transactions]
        request = work.Work(time_ms, items, tuple(signed))
        executed: Executed = await self._request(request, take)
        return executed

    async def query(self, asked: Asked) -> work.Came:
        """Return the answer of a query on the newest durable block.

        Raises:
            WorkerTripped: the process did not survive it, twice.
        """
        came: work.Came = await self._request(work.Question(asked), _came_of(work.Came))
        return came

    async def trial(self, tx: Transaction, time_ms: int) -> work.Came:
        """Return what ``tx`` would do as the next one; nothing comes of it.

        Raises:
            WorkerTripped: the process did not survive it, twice.
        """
        attempt = work.Attempt(time_ms, work.item_of(tx))
        came: work.Came = await self._request(attempt, _came_of(work.Came))
        return came

    async def follow(self) -> None:
        """Let the process move on to where the node is."""
        await self._request(work.Follow(), _came_of(work.Noted))

    async def _request(self, request: work.Request, take: Callable[[Any], Awaitable[Any]]) -> Any:
        if self._reader is None:
            assert self._socket is not None, "started before it is asked"
            self._socket.setblocking(False)
            self._reader = asyncio.create_task(self._answer_all(), name="worker")
        if self._reader.done():
            raise WorkerTripped("the worker is not running")
        asked = _Asked(request, take, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        self._asked.set()
        await self._send(asked)
        return await asked.done

    async def _send(self, asked: _Asked) -> None:
        async with self._sending:
            if not asked.sent:  # else a worker that was started meanwhile has been asked
                await self._transmit(asked)

    async def _transmit(self, asked: _Asked) -> None:
        assert self._socket is not None
        told = self._told()
        asked.sent, asked.written = True, told.written
        frame = work.encode((told, asked.request))
        with suppress(OSError):  # the reader finds out why
            data = work.LENGTH.pack(len(frame)) + frame
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def _answer_all(self) -> None:
        """Hand out answers in their order, as long as there is a worker to be had."""
        try:
            while True:
                if not self._waiting:
                    self._asked.clear()
                    await self._asked.wait()
                await self._answer_next()
        except BaseException as error:
            while self._waiting:
                lost = self._waiting.popleft().done
                if not lost.done():
                    lost.set_exception(WorkerTripped(type(error).__name__))
            raise

    async def _answer_next(self) -> None:
        asked = self._waiting[0]
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await self._receive()
            came = await asked.take(answer)
        except TimeoutError:
            await self._recover("no answer in time")
        except WorkerTripped as error:
            await self._recover(error.what)
        except OSError:
            await self._recover("")
        else:
            self._waiting.popleft()
            self._read_height = asked.written
            if not asked.done.done():
                asked.done.set_result(came)

    async def _receive(self) -> work.Answer:
        size = work.LENGTH.unpack(await self._receive_exactly(work.LENGTH.size))[0]
        return _answer_in(await self._receive_exactly(_bounded(size)))

    async def _receive_exactly(self, size: int) -> bytes:
        loop, link = asyncio.get_running_loop(), self._socket
        if link is None:
            raise ConnectionResetError
        found = bytearray()
        while len(found) < size:
            part = await loop.sock_recv(link, min(size - len(found), _PART_BYTES))
            if not part:
                raise ConnectionResetError
            found += part
        return bytes(found)

    async def _recover(self, reason: str) -> None:
        """Start the process again and ask anew, without what has now tripped it twice."""
        how = self._end()  # whoever is about to send gets an error, too
        self.trips += 1
        first = self._waiting[0]
        first.attempts += 1
        if first.attempts >= ATTEMPTS_MAX:
            self._waiting.popleft()
            if not first.done.done():
                first.done.set_exception(WorkerTripped(reason or how))
        async with self._sending:
            if self._socket is not None:
                self._socket.close()
            await self._store_at(self._answered)  # so that all of it is there to load
            await asyncio.get_running_loop().run_in_executor(None, self.start)
            assert self._socket is not None
            self._socket.setblocking(False)
            for asked in self._waiting:
                asked.sent = False
            at = 0
            while at < len(self._waiting):  # it may grow meanwhile
                await self._transmit(self._waiting[at])
                at += 1

    def _taken(self, done: work.Done, transactions: Sequence[Transaction]) -> Executed:
        return work.executed_from(done, transactions, self._kernel, self._store)

    async def _store_at(self, height: int) -> None:
        """Wait for blocks that were executed before and are being written."""
        while self._store.height < height:  # noqa: ASYNC110  # rare, and a matter of milliseconds
            await asyncio.sleep(0.002)

    def _told(self) -> work.Told:
        store = self._store
        return work.Told(store.height, store.sealed_height, store.checkpoint_height)


def _answer_in(frame: bytes) -> work.Answer:
    try:
        answer: work.Answer = work.answer_decoder.decode(frame)
    except msgspec.DecodeError:
        raise WorkerTripped("no answer of the known form") from None
    if isinstance(answer, work.Failed):
        raise WorkerTripped(answer.what)
    return answer


def _expect(answer: Any, kind: type[Any]) -> Any:
    if not isinstance(answer, kind):
        raise WorkerTripped(f"{type(answer).__name__} is no answer to this")
    return answer


def _came_of(kind: type[Any]) -> Callable[[Any], Awaitable[Any]]:
    async def take(answer: Any) -> Any:
        return _expect(answer, kind)

    return take


def _bounded(size: int) -> int:
    if size > work.FRAME_BYTES_MAX:
        raise WorkerTripped("an answer is too large")
    return size
