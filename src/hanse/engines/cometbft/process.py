# SPDX-License-Identifier: Apache-2.0
"""CometBFT as a child: started, watched, ended; what it says is kept and its last words are read.

It dies with this process, whatever that dies of. When it ends by itself it is started again, a few
times and ever later; not when its log says why it must not go on.
"""

import asyncio
import os
import signal
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hanse.codec.limits import ENGINE_LOG_BYTES_MAX
from hanse.engines.cometbft.errors import EngineStopped
from hanse.engines.cometbft.verdicts import judge_line
from hanse.errors import HanseError

RESTARTS_MAX: Final = 5  # within a window; more is no accident
WINDOW_S: Final = 300.0
DELAYS_S: Final = (0.2, 1.0, 3.0, 10.0, 30.0)  # before each restart
PATIENCE_S: Final = 10.0  # between the polite signal and the last
LINE_BYTES_MAX: Final = 1024 * 1024  # of the log; CometBFT puts whole stacks into one
LAST_LINES: Final = 20

# becomes the engine: asks the kernel to be killed with its parent, and is, if that is gone already
_LAUNCHER: Final = (
    "import ctypes,os,sys;"
    "ctypes.CDLL(None,use_errno=True).prctl(1,9,0,0,0);"
    "os.getppid()==int(sys.argv[1]) or os._exit(1);"
    "os.execv(sys.argv[2],sys.argv[2:])"
)


@dataclass(frozen=True, slots=True)
class Command:
    """What to start and where its words go."""

    binary: Path
    home: Path
    log: Path
    sockets: tuple[Path, ...] = ()  # on which it listens; what a killed one left is removed

    def argv(self) -> list[str]:
        """Return the whole command line."""
        engine = [str(self.binary), "start", "--home", str(self.home)]
        if not sys.platform.startswith("linux"):
            return engine  # elsewhere it ends with the socket on which it asks
        return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *engine]


class EngineProcess:
    """One CometBFT from its start to its end, restarts included."""

    def __init__(self, command: Command) -> None:
        """Prepare; :meth:`start` starts."""
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._verdict: HanseError | None = None
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._stopping = asyncio.Event()
        self._starts: deque[float] = deque()
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The child's process id while one runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start the child and watch it; call from the thread that lives as long as the node."""
        assert self._task is None, "started already"
        await self._spawn()
        self._task = asyncio.get_running_loop().create_task(self._watch(), name="engine-process")

    async def wait(self) -> None:
        """Return after :meth:`stop`.

        Raises:
            StateDiverged: the node must not go on.
            EngineRefused: CometBFT wrote down why it cannot go on.
            EngineStopped: it ended again and again without saying why.
        """
        assert self._task is not None, "not started"
        await asyncio.shield(self._task)

    async def stop(self, patience_s: float = PATIENCE_S) -> None:
        """End the child: ask, wait, kill; afterwards none runs."""
        self._stopping.set()
        task = self._task
        if task is None:
            return
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait([task], timeout=patience_s)
        if not done:
            self._signal(signal.SIGKILL)
            await asyncio.wait([task], timeout=patience_s)
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _signal(self, number: signal.Signals) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            # not its own method, which may bury the child before the event loop has seen it
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)

    async def _spawn(self) -> None:
        environment = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("CMT_", "TM_")) and name not in {"CMTHOME", "TMHOME"}
        }  # each of them would override the configuration
        for path in self._command.sockets:
            if path.is_socket():
                path.unlink()
        self._process = await asyncio.create_subprocess_exec(
            *self._command.argv(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            limit=LINE_BYTES_MAX,
            start_new_session=True,  # a Ctrl-C is for the node, which then ends us in order
        )
        self._starts.append(asyncio.get_running_loop().time())

    async def _watch(self) -> None:
        """Read the child's words until it ends; start it again or say why not."""
        loop = asyncio.get_running_loop()
        while True:
            assert self._process is not None
            await self._read(self._process)
            code = await self._process.wait()
            if self._verdict is not None:
                raise self._verdict
            if self._stopping.is_set():
                return
            while self._starts and loop.time() - self._starts[0] > WINDOW_S:
                self._starts.popleft()
            recent = len(self._starts)
            if recent > RESTARTS_MAX:
                raise EngineStopped(code, "\n".join(self._last))
            delay_s = DELAYS_S[min(max(recent, 1), len(DELAYS_S)) - 1]
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay_s)
                return
            self.restarts += 1
            await self._spawn()
            if self._stopping.is_set():
                self._signal(signal.SIGTERM)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Keep what the child says; on a fatal word end it."""
        assert process.stdout is not None
        log = _Log(self._command.log)
        try:
            while True:
                try:
                    line = await process.stdout.readuntil()
                except asyncio.IncompleteReadError as end:
                    line = end.partial
                    if not line:
                        return
                except asyncio.LimitOverrunError as over:
                    line = await process.stdout.readexactly(over.consumed or 1)
                log.write(line)
                text = line.decode("utf-8", "replace").rstrip()
                self._last.append(text[:2_000])
                verdict = judge_line(text)
                if verdict is not None and self._verdict is None and not self._stopping.is_set():
                    self._verdict = verdict
                    # a failed consensus leaves the rest of the program running
                    self._signal(signal.SIGTERM)
                    loop = asyncio.get_running_loop()
                    loop.call_later(PATIENCE_S, self._signal, signal.SIGKILL)
        finally:
            log.close()


class _Log:
    """A file that is moved aside when it is full; one older one is kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def write(self, line: bytes) -> None:
        """Append; a full disk loses words, not the engine."""
        if self._size + len(line) > ENGINE_LOG_BYTES_MAX:
            self.close()
            self._path.replace(self._path.with_suffix(".log.1"))
            self._open()
        with suppress(OSError):
            self._size += os.write(self._number, line)

    def close(self) -> None:
        """Close the file."""
        os.close(self._number)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._number = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._number).st_size
