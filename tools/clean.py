# SPDX-License-Identifier: Apache-2.0
"""Remove everything that make has made; sources and committed files stay."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MADE = (".venv", ".tools", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "dist")
KEPT = (".git", *MADE)


def main() -> None:
    """Remove what make has made, byte code included."""
    for name in (*MADE, ".import_linter_cache", "demo-data"):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for top in ROOT.iterdir():
        if top.is_dir() and top.name not in KEPT:
            for cache in sorted(top.rglob("__pycache__")):
                shutil.rmtree(cache, ignore_errors=True)


if __name__ == "__main__":
    main()
