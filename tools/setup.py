# SPDX-License-Identifier: Apache-2.0
"""Make ``.venv`` hold exactly what the lock file says, given only a Python and a network.

This file runs on the machine's own Python, whatever its age, and says what is missing. A stamp
of the inputs makes a second run return at once.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

UV_VERSION = "0.13.9"
PYTHON_MIN = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".tools" / "bin" / "uv"
STAMP = ROOT / ".tools" / "ready"
INPUTS = ("pyproject.toml", "uv.lock", "packages/hanse-verify/pyproject.toml", "tools/setup.py")


def check_python() -> None:
    """Leave with advice unless this Python is new enough."""
    if sys.version_info >= PYTHON_MIN:
        return
    names = [f"python3.{minor}" for minor in (14, 13, 12, 11)]
    newer = [name for name in names if answers(name)]
    sys.stderr.write(f"Hanse needs Python 3.11 or newer; {sys.executable} is ")
    sys.stderr.write(f"{platform.python_version()}.\n")
    if newer:
        sys.stderr.write(f"Found here: make PYTHON={newer[0]}\n")
    else:
        sys.stderr.write("Install one (Debian, Ubuntu: apt-get install python3 python3-venv).\n")
    raise SystemExit(1)


def answers(name: str) -> bool:
    """Tell whether this interpreter runs; one that pyenv only names does not."""
    try:
        return subprocess.run([name, "-V"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def fingerprint() -> str:
    """Return what the installation depends on, as one line."""
    digest = hashlib.sha256(f"{sys.executable} {sys.version} {UV_VERSION}".encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def run(what: str, *argv: str) -> bool:
    """Run a command quietly; show its output and return False when it fails."""
    done = subprocess.run(
        argv, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.stderr.write(f"setup: {what} failed\n{done.stdout[-4000:]}{done.stderr[-4000:]}\n")
    return done.returncode == 0


def environment() -> "dict[str, str]":
    """Return the environment without another virtual environment's traces."""
    kept = {name: text for name, text in os.environ.items() if name != "VIRTUAL_ENV"}
    return {**kept, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}


def has_uv() -> bool:
    """Tell whether the pinned uv is in place."""
    if not UV.exists():
        return False
    said = subprocess.run(
        [str(UV), "--version"], capture_output=True, text=True, check=False
    ).stdout
    return said.split()[1:2] == [UV_VERSION]


def install_uv() -> None:
    """Put the pinned uv below ``.tools``, by a virtual environment or else by pip alone."""
    print(f"setup: installing uv {UV_VERSION} below .tools", flush=True)
    wanted = f"uv=={UV_VERSION}"
    shutil.rmtree(ROOT / ".tools", ignore_errors=True)
    try:
        import ensurepip  # noqa: F401, PLC0415  # Debian ships Python without it
    except ImportError:
        argv = [sys.executable, "-m", "pip", "install", "--quiet", "--target", ".tools", wanted]
        advice = "no venv and no pip here; Debian, Ubuntu: apt-get install python3-venv"
    else:
        if not run("python -m venv .tools", sys.executable, "-m", "venv", ".tools"):
            raise SystemExit(1)
        argv = [".tools/bin/python", "-m", "pip", "install", "--quiet", wanted]
        advice = "is the package index reachable?"
    if not run("installing uv", *argv) or not has_uv():
        sys.stderr.write(f"setup: {advice}\n")
        raise SystemExit(1)


def main() -> None:
    """Install what the lock file says, unless it is there already."""
    check_python()
    wanted = fingerprint()
    done = (ROOT / ".venv/bin/hanse").exists() and STAMP.exists()
    if done and STAMP.read_text(encoding="ascii") == wanted:
        return
    if not has_uv():
        install_uv()
    print("setup: installing the locked packages below .venv", flush=True)
    sync = [str(UV), "sync", "--locked", "--all-extras", "--quiet", "--python", sys.executable]
    if not run("uv sync", *sync):
        raise SystemExit(1)
    STAMP.write_text(wanted, encoding="ascii")


if __name__ == "__main__":
    main()
