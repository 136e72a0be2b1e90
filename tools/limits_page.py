# SPDX-License-Identifier: Apache-2.0
"""Write ``spec/limits.md`` from ``src/hanse/codec/limits.py``: every bound, its unit and reason."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src/hanse/codec/limits.py"
PAGE = ROOT / "spec/limits.md"
OPENING = """\
# Limits

<!-- Written by `make docs` from src/hanse/codec/limits.py; a test compares the two. -->

Everything has a limit, and each limit has one home. What exceeds one is refused with `too_large`
or with the code that its own page names. Bounds on which all nodes must agree are also part of a
ledger's `rules`; the value here is then the ceiling.
"""


def build_page(source: str) -> str:
    """Return the page for the text of ``limits.py``."""
    from hanse.codec.limits import LIMITS  # noqa: PLC0415  # the page can be tested on other text

    parts = [OPENING]
    for line in source.splitlines():
        if found := re.match(r"# ([a-z][a-z ]+)$", line):
            parts.append(
                f"\n## {found[1].capitalize()}\n\n| limit | value | what it bounds, and why |"
            )
            parts.append("\n|---|--:|---|\n")
        elif found := re.match(r"([A-Z][A-Z0-9_]*): Final = .*?# (.+)$", line):
            name, about = found[1], found[2].replace("|", "\\|")
            parts.append(f"| `{name}` | {LIMITS[name]:,} | {about} |\n")
    return "".join(parts)


def main() -> int:
    """Write the page, or with ``--check`` say whether it is up to date."""
    page = build_page(SOURCE.read_text(encoding="utf-8"))
    if "--check" in sys.argv:
        return int(page != PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
