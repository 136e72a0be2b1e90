# SPDX-License-Identifier: Apache-2.0
"""Run pytest under another Python version: ``python -m tools.other_python 3.12 tests/unit``."""

import subprocess
import sys

from tools._pythons import ROOT, environment

if __name__ == "__main__":
    version, *args = sys.argv[1:]
    python = environment(version) / "bin" / "python"
    argv = [str(python), "-m", "pytest", "-p", "no:cacheprovider", *args]
    sys.exit(subprocess.run(argv, cwd=ROOT, check=False).returncode)
