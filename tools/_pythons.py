# SPDX-License-Identifier: Apache-2.0
"""The other Pythons: found on this machine, each with its own environment below ``.tools``."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".tools" / "bin" / "uv"
VERSIONS = ("3.11", "3.12", "3.13")


def find_python(version: str) -> str | None:
    """Return an interpreter of this minor version, from the path or from pyenv, or ``None``."""
    pyenv = Path.home() / ".pyenv" / "versions"
    candidates = sorted(pyenv.glob(f"{version}.*/bin/python{version}"))
    on_path = shutil.which(f"python{version}")
    for candidate in [*([on_path] if on_path else []), *map(str, reversed(candidates))]:
        # a pyenv shim may be there without its version: only an answer counts
        argv = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
        if said == version:
            return candidate
    return None


def missing(version: str) -> str:
    """Return why this version cannot be used here, or nothing."""
    return "" if find_python(version) else f"no Python {version} found on PATH or under ~/.pyenv"


def environment(version: str) -> Path:
    """Return the locked environment of this Python version, made or mended as needed."""
    home = ROOT / ".tools" / f"venv-{version}"
    python = find_python(version)
    assert python is not None, missing(version)
    argv = [str(UV), "sync", "--locked", "--all-extras", "--quiet", "--python", python]
    env = {name: text for name, text in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(
        argv,
        cwd=ROOT,
        env={**env, "UV_PROJECT_ENVIRONMENT": str(home), "UV_PYTHON_DOWNLOADS": "never"},
        check=True,
    )
    return home
