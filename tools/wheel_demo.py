# SPDX-License-Identifier: Apache-2.0
"""The wheels alone, with nothing but their locked dependencies, can play the demonstration.

So no test tool, no source tree and no extra leaks into run time.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools._pythons import ROOT, UV

DEMO_S = 300


def run(*argv: str, cwd: Path = ROOT, timeout_s: int = 600) -> None:
    """Run one command without the environment of the source tree; stop at its failure."""
    kept = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    print(f"$ {' '.join(argv)}", flush=True)
    subprocess.run(argv, cwd=cwd, env=kept, timeout=timeout_s, stdin=subprocess.DEVNULL, check=True)


def main() -> None:
    """Build, install and play in a directory that holds nothing else."""
    with tempfile.TemporaryDirectory(prefix="wheel-") as name:
        home = Path(name)
        uv, python = str(UV), str(home / "venv" / "bin" / "python")
        run(uv, "build", "--quiet", "--all-packages", "--wheel", "--out-dir", str(home / "dist"))
        lock = str(home / "locked.txt")
        run(uv, "export", "--quiet", "--locked", "--no-dev", "--no-emit-workspace", "-o", lock)
        run(uv, "venv", "--quiet", "--python", sys.executable, str(home / "venv"))
        run(uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock)
        wheels = sorted(str(wheel) for wheel in (home / "dist").glob("*.whl"))
        assert len(wheels) == 2, wheels
        run(uv, "pip", "install", "--quiet", "--python", python, "--no-deps", *wheels)
        run(uv, "pip", "check", "--quiet", "--python", python)
        empty = home / "empty"
        empty.mkdir()
        bin_ = home / "venv" / "bin"
        run(str(bin_ / "hanse"), "--version", cwd=empty)
        run(str(bin_ / "hanse-verify"), "--help", cwd=empty)
        run(str(bin_ / "hanse"), "demo", "--once", cwd=empty, timeout_s=DEMO_S)
        shutil.rmtree(empty)
    print("the wheels alone play the demonstration")


if __name__ == "__main__":
    main()
