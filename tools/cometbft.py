# SPDX-License-Identifier: Apache-2.0
"""Build CometBFT below ``.tools``, at the pinned version, from source that the pinned sum vouches.

Go compares the module with the checksum database, and the checksum that it writes into the binary
is compared with ours. Where there is no Go, or an old one, the pinned one comes from the module
proxy, as Go itself fetches its toolchains; nothing needs root. At once when all is there.
"""

import base64
import hashlib
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

from hanse.engines.cometbft.binary import MODULE, SUM, VERSION, read_build

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".tools" / "cometbft"
BINARY = HOME / "bin" / "cometbft"
GO_MIN = (1, 25)  # what the module asks for
GO_VERSION = "1.26.8"
GO_SUMS = {  # of golang.org/toolchain at v0.0.1-go1.26.8, as sum.golang.org has them
    "linux-amd64": "h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=",
    "linux-arm64": "h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc=",
    "darwin-arm64": "h1:dFjGhY6f8DTsY8/rLchUTDRRfjJP4pCrGCwxvHFT2Fg=",
}
PROXY = "https://proxy.golang.org"
BUILD_TIMEOUT_S = 1_800
DOWNLOAD_BYTES_MAX = 200_000_000


class Failed(Exception):
    """The build cannot go on; the text says what to do."""


def is_built() -> bool:
    """Tell whether the pinned version is in place."""
    build = read_build(BINARY)
    return build is not None and (build.module, build.version, build.sum) == (MODULE, VERSION, SUM)


def find_go() -> Path | None:
    """Return a Go that is new enough, of this machine or fetched before."""
    on_path = shutil.which("go")
    candidates = [Path(on_path)] if on_path else []
    for go in [*candidates, HOME / "go" / "bin" / "go"]:
        if not go.exists():
            continue
        said = subprocess.run([str(go), "version"], capture_output=True, text=True, check=False)
        found = re.search(r"go(\d+)\.(\d+)", said.stdout)
        if found and (int(found[1]), int(found[2])) >= GO_MIN:
            return go
    return None


def fetch_go() -> Path:
    """Put the pinned Go below ``.tools`` and return it."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    target = f"{sys.platform}-{machine}"
    if target not in GO_SUMS:
        raise Failed(f"no pinned Go for {target}: install Go {GO_MIN[0]}.{GO_MIN[1]} or newer")
    name = f"v0.0.1-go{GO_VERSION}.{target}"
    url = f"{PROXY}/golang.org/toolchain/@v/{name}.zip"
    HOME.mkdir(parents=True, exist_ok=True)
    archive = HOME / "go.zip"
    print(f"cometbft: fetching Go {GO_VERSION} from the module proxy", flush=True)
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, archive.open("wb") as file:
            shutil.copyfileobj(answer, file)
        if module_sum(archive) != GO_SUMS[target]:
            raise Failed(f"{url} is not what its pinned checksum says: nothing was installed")
        unpack(archive, f"golang.org/toolchain@{name}/", HOME / "go")
    except OSError as error:
        raise Failed(f"{url}: {error}; install Go by the system's packages instead") from None
    finally:
        archive.unlink(missing_ok=True)
    return HOME / "go" / "bin" / "go"


def module_sum(archive: Path) -> str:
    """Return the checksum of a module's archive as go.sum writes it (``h1:``)."""
    lines = []
    with zipfile.ZipFile(archive) as zipped:
        if sum(info.file_size for info in zipped.infolist()) > 5 * DOWNLOAD_BYTES_MAX:
            raise Failed("the archive unpacks to more than a Go toolchain can have")
        for name in sorted(zipped.namelist()):
            digest = hashlib.sha256()
            with zipped.open(name) as file:
                while data := file.read(1 << 20):
                    digest.update(data)
            lines.append(f"{digest.hexdigest()}  {name}\n")
    whole = hashlib.sha256("".join(lines).encode()).digest()
    return "h1:" + base64.b64encode(whole).decode()


def unpack(archive: Path, prefix: str, folder: Path) -> None:
    """Make ``folder`` hold the files below ``prefix``; the programs among them can be run."""
    beside = folder.with_name(folder.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(beside)
    inner = beside / prefix
    for part in ("bin", "pkg/tool"):
        for path in (inner / part).rglob("*"):
            if path.is_file():
                path.chmod(path.stat().st_mode | stat.S_IXUSR)
    inner.rename(folder)
    shutil.rmtree(beside)


def build(go: Path) -> None:
    """Build the pinned module with this Go."""
    print(f"cometbft: building {VERSION} with {go}; some minutes, once", flush=True)
    env = {**os.environ, "GOBIN": str(BINARY.parent), "CGO_ENABLED": "0"}
    argv = [str(go), "install", "-trimpath", f"{MODULE}/cmd/cometbft@{VERSION}"]
    try:
        done = subprocess.run(
            argv, env=env, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"the build took more than {BUILD_TIMEOUT_S} s") from None
    if done.returncode:
        raise Failed(f"{' '.join(argv)} failed:\n{done.stderr[-4000:]}")
    if not is_built():
        found = read_build(BINARY)
        BINARY.unlink(missing_ok=True)
        raise Failed(f"what was built is not {VERSION} {SUM}: {found}")


def main() -> int:
    """Leave the pinned CometBFT below ``.tools``; return the exit code."""
    if not is_built():
        try:
            build(find_go() or fetch_go())
        except Failed as error:
            sys.stderr.write(f"cometbft: {error}\n")
            return 1
        print(f"cometbft: {BINARY.relative_to(ROOT)} is {VERSION}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
