# SPDX-License-Identifier: Apache-2.0
"""Run every generator of portable vectors (``vectors/<format>/generate_*.py``).

With ``--check`` nothing may change: the files that differ from what the generators write are named.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def snapshot() -> dict[str, str]:
    """Return the digest of every vector file by its path."""
    files = [path for path in (ROOT / "vectors").rglob("*") if path.suffix in {".json", ".txt"}]
    return {str(p.relative_to(ROOT)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def main() -> int:
    """Run the generators; return 1 when one fails, or under ``--check`` when a file changed."""
    before = snapshot()
    generators = sorted((ROOT / "vectors").glob("*/generate_*.py"))
    for generator in generators:
        if subprocess.run([sys.executable, str(generator)], cwd=ROOT, check=False).returncode:
            print(f"{generator.relative_to(ROOT)} failed")
            return 1
    after = snapshot()
    changed = sorted(name for name in before | after if before.get(name) != after.get(name))
    for name in changed:
        print(f"changed: {name}")
    print(f"{len(generators)} generators, {len(after)} files, {len(changed)} changed")
    return int("--check" in sys.argv and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
