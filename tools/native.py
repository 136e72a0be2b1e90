# SPDX-License-Identifier: Apache-2.0
"""Build the optional native part from ``native`` and put it into ``.venv``; needs Rust.

With ``--check`` it goes into a temporary folder instead, and the tests of signatures run on it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools._steps import PYTHON, ROOT
from tools.setup import UV

BUILD_TIMEOUT_S = 1_200
TESTED = ("tests/unit/crypto", "tests/vectors/test_crypto_cctv.py")
REQUIRED = "HANSE_NATIVE"  # a test fails where this is set and the native part is not in use


def cargo_folder() -> Path | None:
    """Return the folder of Rust's ``cargo``, also where a shell has not been told of it."""
    usual = Path.home() / ".cargo" / "bin"
    found = shutil.which("cargo", path=os.pathsep.join([os.environ.get("PATH", ""), str(usual)]))
    return None if found is None else Path(found).parent


def missing() -> str:
    """Return why it cannot be built here, or nothing."""
    return "" if cargo_folder() else "not run: Rust absent (https://rustup.rs)"


def build(*where: str) -> None:
    """Build it and install it ``where`` pip is told."""
    path = os.pathsep.join([str(cargo_folder()), os.environ.get("PATH", "")])
    kept = {name: text for name, text in os.environ.items() if name != "VIRTUAL_ENV"}
    argv = [str(UV), "pip", "install", "--quiet", "--reinstall", *where, str(ROOT / "native")]
    subprocess.run(argv, env={**kept, "PATH": path}, timeout=BUILD_TIMEOUT_S, check=True)


def main(*, check: bool) -> int:
    """Build it; return what the process ends with."""
    reason = missing()
    if reason:
        sys.stderr.write(f"native: {reason}\n")
        return 1
    if not check:
        build("--python", PYTHON)
        print("native: batches of Ed25519 signatures are verified by it from now on")
        return 0
    with tempfile.TemporaryDirectory(prefix="native-") as folder:
        build("--python", PYTHON, "--target", folder)
        env = {**os.environ, "PYTHONPATH": folder, REQUIRED: "1"}
        tests = [PYTHON, "-m", "pytest", "-q", *TESTED]
        return subprocess.run(tests, cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
