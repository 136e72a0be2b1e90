# SPDX-License-Identifier: Apache-2.0
"""Which CometBFT is started: found by name, judged by what its builder wrote into it.

The program's own answer to ``version`` is no guide (0.40.0 says 0.39.0). Go writes the module, its
version and the module's checksum into every binary; that is read here, without running it.
"""

import mmap
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hanse.engines.cometbft.errors import EngineMissing, EngineVersionRefused
from hanse.engines.cometbft.wire import EngineWireInvalid, decode_varint

MODULE: Final = "github.com/cometbft/cometbft"
VERSION: Final = "v0.40.0"
SUM: Final = "h1:0+zc7FlcnonFfMwzhyDCd5vK/fHZqz0RfRyTCxZsFPU="  # of the module, as go.sum has it
LINE: Final = "v0.40."  # of releases; a later one of it is taken, its sum is not known here
ADVISORIES: Final = {"v1.0.": "GHSA-c32p-wcqj-j677 (block time) and GHSA-hrhf-2vcr-ghch unpatched"}
VARIABLE: Final = "HANSE_COMETBFT"

_MAGIC: Final = b"\xff Go buildinf:"
_HEAD_BYTES: Final = 32  # before the texts, which stand inline since Go 1.18
_INLINE: Final = 2
_GUARD_BYTES: Final = 16  # before and behind the text about modules
_TEXT_BYTES_MAX: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Build:
    """What a Go binary says it was built from."""

    go: str
    module: str
    version: str
    sum: str


def find_binary() -> Path:
    """Return the CometBFT to start: ``HANSE_COMETBFT``, else below ``.tools``, else of the path.

    Raises:
        EngineMissing: none is there.
        EngineVersionRefused: the one found is not CometBFT 0.40.
    """
    looked: list[str] = []
    for path in _candidates():
        looked.append(str(path))
        if path.is_file() and os.access(path, os.X_OK):
            verify_build(path)
            return path.resolve()
    raise EngineMissing(", ".join(looked))


def verify_build(path: Path) -> Build:
    """Establish that the file is a CometBFT of the checked line, and return what it says of itself.

    Raises:
        EngineVersionRefused: another program or line, or 0.40.0 from another source.
    """
    build = read_build(path)
    if build is None or build.module != MODULE:
        raise EngineVersionRefused(
            str(path), build.version if build else "?", "it is not CometBFT built by Go"
        )
    for line, why in ADVISORIES.items():
        if build.version.startswith(line):
            raise EngineVersionRefused(str(path), build.version, why)
    if not build.version.startswith(LINE):
        raise EngineVersionRefused(str(path), build.version, f"checked is the line {LINE}x")
    if build.version == VERSION and build.sum != SUM:
        raise EngineVersionRefused(str(path), build.version, f"its source is not {SUM}")
    return build


def read_build(path: Path) -> Build | None:
    """Return what Go wrote into the binary; ``None`` when it did not, or the file is none.

    Source: debug/buildinfo of Go, form of Go 1.18 and later.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            at = data.find(_MAGIC)
            if at < 0 or not data[at + 15] & _INLINE:
                return None
            near = data[at + _HEAD_BYTES : at + _HEAD_BYTES + _TEXT_BYTES_MAX]
        size, begin = decode_varint(near, 0)
        go = near[begin : begin + size].decode()
        size, begin = decode_varint(near, begin + size)
        text = near[begin + _GUARD_BYTES : begin + size - _GUARD_BYTES].decode()
    except (OSError, ValueError, IndexError, EngineWireInvalid):
        return None
    for line in text.splitlines():
        kind, *parts = line.split("\t")
        if kind == "mod" and len(parts) >= 2:
            return Build(go, parts[0], parts[1], parts[2] if len(parts) > 2 else "")
    return None


def _candidates() -> Iterator[Path]:
    """Return where to look, in order; a named one is the only one."""
    named = os.environ.get(VARIABLE)
    if named:
        yield Path(named)
        return
    for folder in (Path(sys.prefix).parent, Path.cwd()):  # beside .venv; where `make` runs
        yield folder / ".tools" / "cometbft" / "bin" / "cometbft"
    on_path = shutil.which("cometbft")
    if on_path:
        yield Path(on_path)
