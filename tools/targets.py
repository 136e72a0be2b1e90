# SPDX-License-Identifier: Apache-2.0
"""Print the Makefile's targets with their help texts."""

import re
from pathlib import Path

MAKEFILE = Path(__file__).parent.parent / "Makefile"


def list_targets(text: str) -> list[tuple[str, str]]:
    """Return name and help of every target that has a help text."""
    return re.findall(r"^([a-z-]+):\s*## (.+)$", text, flags=re.MULTILINE)


if __name__ == "__main__":
    for name, about in list_targets(MAKEFILE.read_text(encoding="utf-8")):
        print(f"  make {name:<12} {about}")
