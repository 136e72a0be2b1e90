# SPDX-License-Identifier: Apache-2.0
"""What could hurt a node on this machine, looked at before it does. Each finding names its fix."""

import importlib.util
import os
import resource
import shutil
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import lmdb

from hanse.codec.canonical import decode_as
from hanse.codec.documents import header_decoder
from hanse.codec.limits import CLOCK_SKEW_MS_MAX
from hanse.contracts.app import App
from hanse.crypto import hash_named
from hanse.engines.cometbft.binary import find_binary, verify_build
from hanse.engines.cometbft.errors import EngineMissing, EngineVersionRefused
from hanse.errors import HanseError
from hanse.node import containment
from hanse.node.blocks import decode_block
from hanse.node.checks import faults
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import Folder, open_folder
from hanse.node.packages import load_kernel
from hanse.node.settings import read
from hanse.storage import BlockLog, Snapshot

Level = Literal["ok", "note", "fail"]

SYNCS: Final = 60  # fsyncs measured; under a second on any disk fit for a ledger
SYNC_BYTES: Final = 16 * 1024  # bytes before each
SYNC_P99_MS_MAX: Final = 50.0  # above it a block takes longer to keep than to make
FREE_BYTES_MIN: Final = 2 * 1024**3
OPEN_FILES_MIN: Final = 4_096
EARLIEST_MS: Final = 1_735_689_600_000  # 2025-01-01: before this code was written
NETWORK: Final = frozenset(
    [
        "9p",
        "afs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    ]
)
PASSING: Final = frozenset({"ramfs", "tmpfs"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: in order, worth a note, or to be mended before a node runs."""

    name: str
    level: Level
    detail: str
    fix: str = ""


def examine(folder: Path | None, apps: tuple[App, ...], *, port: int) -> list[Finding]:
    """Return what was found on this machine, and in a node's folder when there is one."""
    place = folder if folder is not None and folder.is_dir() else Path(tempfile.gettempdir())
    looks: list[Callable[[], Iterator[Finding]]] = [
        _python,
        _libraries,
        lambda: _disk(place),
        lambda: _file_system(place),
        lambda: _port(port),
        _limits,
        _clock,
        _containment,
        _engine,
    ]
    if folder is not None:
        looks.append(lambda: _folder(folder, apps))
    return [finding for look in looks for finding in look()]


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    yield Finding("python", "ok" if good else "fail", version, "" if good else "Use 3.11 or later.")
    if sys.flags.optimize:
        fix = "Run without -O and unset PYTHONOPTIMIZE."
        yield Finding("assertions", "fail", "python -O removes them", fix)
    else:
        yield Finding("assertions", "ok", "on")


def _libraries() -> Iterator[Finding]:
    lmdb_version = ".".join(map(str, lmdb.version()))
    yield Finding("lmdb", "ok", f"{lmdb_version}; opened with sync and metasync, without writemap")
    for name, source, use in (
        ("httptools", "", "HTTP parsing"),
        ("uvloop", "pip install uvloop", "a faster event loop"),
        ("ed25519_zebra", "pip install py-ed25519-zebra-bindings", "Ed25519 three times as fast"),
        ("hanse_native", "make native, in the source", "Ed25519 in batches, twice as fast again"),
        ("gmssl_pyx", "pip install 'hanse[sm]'", "SM2 in native code"),
    ):
        if importlib.util.find_spec(name) is not None:
            yield Finding(name, "ok", f"present: {use}")
        elif source:
            yield Finding(name, "note", f"absent: {use}", f"Optional: {source}")
        else:
            yield Finding(name, "fail", f"absent: {use}", "Install hanse again.")


def _disk(place: Path) -> Iterator[Finding]:
    try:
        taken = _sync_times_ms(place)
    except OSError as error:
        fix = "Mend the disk, or the owner of the folder."
        yield Finding("disk", "fail", f"{place}: {error.strerror}", fix)
        return
    p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    slow = p99 > SYNC_P99_MS_MAX
    detail = f"write and fsync of 16 KiB: p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    fix = "Every block waits for it: use a local disk with a write cache that survives power loss."
    yield Finding("disk", "note" if slow else "ok", detail, fix if slow else "")
    free = shutil.disk_usage(place).free
    short = free < FREE_BYTES_MIN
    detail = f"{free / 1024**3:.1f} GiB free"
    yield Finding("space", "note" if short else "ok", detail, "Make room." if short else "")


def _sync_times_ms(place: Path) -> list[float]:
    """Return how long each write with its fsync took, sorted."""
    taken: list[float] = []
    number, name = tempfile.mkstemp(".doctor", ".hanse-", place)
    try:
        data = os.urandom(SYNC_BYTES)
        for _ in range(SYNCS):
            begun = time.monotonic()
            os.write(number, data)
            os.fsync(number)
            taken.append((time.monotonic() - begun) * 1_000)
    finally:
        os.close(number)
        Path(name).unlink()
    return sorted(taken)


def _file_system(place: Path) -> Iterator[Finding]:
    kind = file_system_of(place)
    if kind is None:
        detail, fix = "its type cannot be seen here", "Make sure that it is no network mount."
        yield Finding("file system", "note", detail, fix)
    elif kind in NETWORK:
        fix = "LMDB and fsync need a local file system: move the folder."
        yield Finding("file system", "fail", f"{kind}: a network mount", fix)
    elif kind in PASSING:
        fix = "Good for trying out only: everything is gone at the next start."
        yield Finding("file system", "note", f"{kind}: in memory", fix)
    else:
        yield Finding("file system", "ok", kind)


def file_system_of(place: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """Return the type of the file system that holds ``place``; ``None`` where nobody says."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    whole, best, kind = place.resolve(), -1, None
    for line in lines:
        left, _, right = line.partition(" - ")
        point = Path(left.split(" ")[4].replace("\\040", " "))
        if len(point.parts) >= best and whole.is_relative_to(point):
            best, kind = len(point.parts), right.split(" ")[0]
    return kind


def _port(port: int) -> Iterator[Finding]:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            fix = "If that is not your node: stop it, or choose another --port."
            yield Finding("port", "note", f"{port}: {error.strerror}", fix)
            return
    yield Finding("port", "ok", f"{port} is free")


def _limits() -> Iterator[Finding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = soft != resource.RLIM_INFINITY and soft < OPEN_FILES_MIN
    fix = f"ulimit -n {OPEN_FILES_MIN}, or LimitNOFILE in the unit." if few else ""
    yield Finding("open files", "note" if few else "ok", f"limit {soft}", fix)


def _clock() -> Iterator[Finding]:
    now_ms = wall_clock_ms()
    if now_ms < EARLIEST_MS:
        fix = "Set the clock; keep it by NTP."
        yield Finding("clock", "fail", f"{now_ms} ms lies before this code was written", fix)
        return
    begun_wall, begun = wall_clock_ms(), time.monotonic()
    time.sleep(0.05)
    jump = abs((wall_clock_ms() - begun_wall) - (time.monotonic() - begun) * 1_000)
    if jump > 20:
        fix = "Something sets the clock; let NTP slew it instead."
        yield Finding("clock", "note", f"it jumped by {jump:.0f} ms while looked at", fix)
    else:
        yield Finding("clock", "ok", "runs evenly; its distance from others is not measured here")


def _containment() -> Iterator[Finding]:
    if containment.is_available():
        yield Finding("containment", "ok", "contracts run in a process locked by Landlock, seccomp")
        return
    detail = "this system cannot lock a process: contracts run in the node's own, for development"
    yield Finding("containment", "note", detail, "Use Linux 5.13 or later, on x86-64 or arm64.")


def _engine() -> Iterator[Finding]:
    try:
        build = verify_build(find_binary())
    except EngineMissing as error:
        detail = "no CometBFT here; only a ledger of several organisations needs it"
        yield Finding("cometbft", "note", detail, error.hint)
    except EngineVersionRefused as error:
        yield Finding("cometbft", "fail", f"{error.path}: {error.reason}", error.hint)
    else:
        yield Finding("cometbft", "ok", f"{build.version}, built with {build.go}")


def _folder(path: Path, apps: tuple[App, ...]) -> Iterator[Finding]:
    try:
        folder = open_folder(path)
    except HanseError as error:
        yield Finding("folder", "fail", str(error), error.hint)
        return
    yield Finding("folder", "ok", f"{folder.node} of {folder.organisation}, ledger {folder.ledger}")
    yield from _keys(folder)
    yield from _settings(folder)
    yield from _history(folder)
    try:
        load_kernel(folder, [contract for app in apps for contract in app.contracts])
        names = ", ".join(c.name for c in folder.genesis.contracts)
        yield Finding("contracts", "ok", f"as approved: {names}")
    except HanseError as error:
        yield Finding("contracts", "fail", str(error), error.hint)


def _keys(folder: Folder) -> Iterator[Finding]:
    files = sorted({*folder.path.glob("keys/*"), *folder.path.glob("members/*.key")})
    if not (folder.keys / "node.key").is_file():
        yield Finding(
            "node key", "fail", "keys/node.key is missing", "Restore it; it is in no backup."
        )
    exposed = []
    for file in files:
        with suppress(OSError):
            if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                exposed.append(file)
    for file in exposed:
        detail = f"{file.relative_to(folder.path)} can be read by others"
        yield Finding("key files", "fail", detail, f"chmod 600 {file}")
    if not exposed:
        yield Finding("key files", "ok", f"{len(files)}, for the owner only")


def _settings(folder: Folder) -> Iterator[Finding]:
    try:
        settings = read(folder.path, os.environ)
    except HanseError as error:
        yield Finding("settings", "fail", str(error), error.hint)
        return
    found = list(faults(settings, folder.path))
    for fault in found:
        yield Finding("settings", "fail", f"{fault.name}: {fault.reason}", f"Change {fault.at}.")
    if not found:
        yield Finding("settings", "ok", "they fit; `hanse config show --origin` lists them")
    if settings.path("backup.folder") is None:
        fix = "Set backup.folder: then /metrics has the age of the newest backup."
        yield Finding("backups", "note", "nobody watches their age", fix)


def _history(folder: Folder) -> Iterator[Finding]:
    """Look at log and store; neither is locked, cut or written."""
    if not folder.log.is_dir():
        yield Finding("log", "note", "there is none yet", "The first start makes it.")
        return
    try:
        log = BlockLog.open(folder.log, readonly=True)
    except HanseError as error:
        yield Finding("log", "fail", str(error), error.hint)
        return
    try:
        last = -1 if log.last_height is None else log.last_height
        yield Finding("log", "ok", f"up to height {last}")
        if last >= 0:
            yield from _block_time(decode_block(log.read(last)[1]).header.time_ms)
        yield from _store(folder, last)
    except HanseError as error:
        yield Finding("log", "fail", str(error), error.hint)
    finally:
        log.close()


def _block_time(newest_ms: int) -> Iterator[Finding]:
    ahead = newest_ms - wall_clock_ms()
    if ahead > CLOCK_SKEW_MS_MAX:
        fix = "This clock is behind, or the one that made the block was ahead: set them by NTP."
        yield Finding("block time", "fail", f"the newest block lies {ahead} ms ahead", fix)
    else:
        yield Finding("block time", "ok", "the newest block lies in the past")


def _store(folder: Folder, last: int) -> Iterator[Finding]:
    if not (folder.state / "data.mdb").is_file():
        yield Finding("store", "note", "there is none", "It is rebuilt from the log at the start.")
        return
    try:
        snapshot = Snapshot.open(folder.state, hash_named(folder.genesis.hash))
    except HanseError as error:
        yield Finding("store", "fail", str(error), error.hint)
        return
    try:
        height = snapshot.height
        if height > last:
            fix = "The log is the truth and lacks blocks: restore it from a backup."
            yield Finding("store", "fail", f"at height {height}, beyond the log's {last}", fix)
            return
        if snapshot.header:
            decode_as(snapshot.header, header_decoder)
        detail = f"checkpoint at height {height}, {last - height} behind the log"
        detail = "no checkpoint yet; the log has everything" if height < 0 else detail
        yield Finding("store", "ok", detail)
    finally:
        snapshot.close()
