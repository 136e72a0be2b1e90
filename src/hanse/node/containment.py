# SPDX-License-Identifier: Apache-2.0
"""A process locks itself: no file, no network, no other process, no more memory than it is given.

Linux only: resource limits, Landlock with no right at all, and a seccomp filter under which every
system call but a short list kills the process. What it has mapped and opened before stays usable.

Sources: ``landlock(7)``, ``seccomp(2)``, ``prctl(2)``; numbers of system calls from the kernel's
tables for x86-64 and for the generic (arm64) ABI; BPF from ``linux/filter.h``.
"""

import ctypes
import os
import platform
import resource
import struct
import sys
from pathlib import Path
from typing import Final

MEMORY_BYTES: Final = 512 << 20  # that a locked process may take on top of what it has mapped

_ALLOWED: Final[dict[str, tuple[int, int]]] = {  # x86-64, arm64
    "read": (0, 63),
    "write": (1, 64),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "exit": (60, 93),
    "futex": (202, 98),
    "clock_gettime": (228, 113),
    "exit_group": (231, 94),
    "getrandom": (318, 278),
}
_NOT_EXECUTABLE: Final[dict[str, tuple[int, int]]] = {"mmap": (9, 222), "mprotect": (10, 226)}
_MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column, AUDIT_ARCH

_LANDLOCK_CREATE: Final = 444  # the same on every architecture
_LANDLOCK_RESTRICT: Final = 446
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_DUMPABLE: Final = 4
_FILTER_MODE: Final = 2
_KILL: Final = 0x80000000  # SECCOMP_RET_KILL_PROCESS
_ALLOW: Final = 0x7FFF0000
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06
_PROT_EXEC: Final = 4
_THIRD_ARGUMENT: Final = 32  # offset of the low half of args[2] in ``struct seccomp_data``


def is_available() -> bool:
    """Whether this system can lock a process."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return False
    if not Path("/proc/self/statm").is_file():
        return False
    return _landlock_abi() >= 1 and "Seccomp:" in Path("/proc/self/status").read_text("ascii")


def lock_down(keep: frozenset[int]) -> None:
    """Lock this process, which must have one thread; there is no way back.

    Args:
        keep: file descriptors that stay open; nothing else does.

    Raises:
        OSError: the system refused; the process must not go on.
    """
    for fd in [int(name) for name in os.listdir("/proc/self/fd")]:  # noqa: PTH208 # names suffice
        if fd not in keep:
            _close(fd)
    mapped = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    limits = {"AS": mapped + MEMORY_BYTES, "FSIZE": 0, "CORE": 0, "NPROC": 0}
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    libc = ctypes.CDLL(None, use_errno=True)
    _require(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _require(libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))
    _deny_files(libc)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    program = _filter(platform.machine())
    code = ctypes.create_string_buffer(program, len(program))
    size = len(program) // 8
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxP", size, ctypes.addressof(code)))
    _require(libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, head, 0, 0))


def _close(fd: int) -> None:
    try:
        os.close(fd)
    except OSError:
        return  # it was the one that listed them


def _require(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _landlock_abi() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.syscall(_LANDLOCK_CREATE, None, 0, 1))


def _deny_files(libc: ctypes.CDLL) -> None:
    """Take every right on files, and on TCP ports where the kernel knows that, and grant none."""
    abi = _landlock_abi()
    rights = {1: 13, 2: 14}.get(abi, 15 if abi < 5 else 16)
    network = 3 if abi >= 4 else 0
    wanted = struct.pack("QQ", (1 << rights) - 1, network)[: 16 if abi >= 4 else 8]
    fd = _require(libc.syscall(_LANDLOCK_CREATE, wanted, len(wanted), 0))
    try:
        _require(libc.syscall(_LANDLOCK_RESTRICT, fd, 0))
    finally:
        os.close(fd)


def _filter(machine: str) -> bytes:
    """Return the seccomp filter: eight bytes an instruction, jumps relative to the next one."""
    column, architecture = _MACHINES[machine]
    free = [row[column] for row in _ALLOWED.values()]
    guarded = [row[column] for row in _NOT_EXECUTABLE.values()]
    code = [
        (_LOAD, 0, 0, 4),  # the architecture
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # the number of the system call
    ]
    rest = len(free) + len(guarded)
    for at, number in enumerate(free):
        code.append((_EQUAL, rest - at + 3, 0, number))  # to the last line: allowed
    for at, number in enumerate(guarded):
        code.append((_EQUAL, len(guarded) - at, 0, number))  # to the look at its third argument
    code += [
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _THIRD_ARGUMENT),
        (_ANY_BIT, 0, 1, _PROT_EXEC),
        (_RETURN, 0, 0, _KILL),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in code)
