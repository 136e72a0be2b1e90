# SPDX-License-Identifier: Apache-2.0
"""A locked process: arbitrary Python in it reaches nothing, and dies of the attempt."""

import signal
import subprocess
import sys

import pytest

from hanse.node import containment

PREPARED = """
import ctypes, os, socket, subprocess, sys, threading, time
from hanse.node import containment
libc = ctypes.CDLL(None)
libc.open, libc.mmap, libc.mprotect, libc.ptrace, libc.unshare, libc.process_vm_readv
containment.lock_down(frozenset({0, 1}))
try:
    CODE
except BaseException as error:
    os.write(1, type(error).__name__.encode())
else:
    os.write(1, b"done")
os._exit(0)
"""

DEADLY = [
    "open('/etc/passwd')",
    "open('written', 'w')",
    "os.listdir('/')",
    "os.stat('/')",
    "os.unlink('/tmp/x')",
    "libc.open(b'/etc/passwd', 0)",
    "socket.socket()",
    "socket.socketpair()",
    "os.fork()",
    "os.execv('/bin/sh', ['sh'])",
    "subprocess.Popen(['true'])",
    "threading.Thread(target=print).start()",
    "os.kill(os.getppid(), 9)",
    "os.kill(1, 0)",
    "os.getpid()",
    "os.pipe()",
    "os.dup(0)",
    "os.pwrite(1, b'x', 0)",
    "os.fstat(0)",
    "os.setuid(0)",
    "os.nice(1)",
    "time.sleep(0.01)",
    "libc.mprotect(0, 4096, 5)",
    "libc.mmap(0, 4096, 5, 34, -1, 0)",
    "libc.ptrace(0, 0, 0, 0)",
    "libc.unshare(0)",
    "libc.process_vm_readv(1, 0, 0, 0, 0, 0)",
    "libc.syscall(434, 1, 0)",
]
HARMLESS = {
    "sum(range(10_000))": "done",
    "time.time(); time.monotonic()": "done",
    "os.urandom(8)": "done",
    "x = [bytes(1 << 20) for _ in range(64)]; x.clear()": "done",
    "x = bytearray(600 << 20)": "MemoryError",
    "x = [b'0123456789' * i for i in range(100_000)]": "MemoryError",
}


def run(code: str) -> subprocess.CompletedProcess[bytes]:
    """Return how a locked process ends that runs ``code``."""
    script = PREPARED.replace("CODE", code)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)


@pytest.mark.skipif(not containment.is_available(), reason="this system cannot lock a process")
@pytest.mark.parametrize("code", DEADLY)
def test_what_reaches_out_dies_by_signal(code: str) -> None:
    ended = run(code)
    assert (ended.returncode, ended.stdout) == (-signal.SIGSYS, b"")


@pytest.mark.skipif(not containment.is_available(), reason="this system cannot lock a process")
@pytest.mark.parametrize(("code", "found"), HARMLESS.items())
def test_what_stays_inside_goes_on_within_its_memory(code: str, found: str) -> None:
    ended = run(code)
    assert (ended.returncode, ended.stdout.decode()) == (0, found)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has what it takes")
def test_this_system_is_one_that_can() -> None:
    """Elsewhere contracts run in the node's process: where the tests run, they must not."""
    assert containment.is_available()
