# SPDX-License-Identifier: Apache-2.0
"""Write the reference pages that the code knows best: commands, codes, the API, the dialect."""

import sys
from pathlib import Path

from tools.api_page import api_page
from tools.commands_page import commands_page
from tools.compatibility_page import compatibility_page
from tools.dialect_page import costs_page, dialect_page
from tools.errors_page import errors_page
from tools.settings_page import configuration_page, watching_page

FOLDER = Path(__file__).resolve().parent.parent / "docs/reference"


def build_pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    return {
        "api.md": api_page(),
        "compatibility.md": compatibility_page(),
        "cli.md": commands_page(),
        "configuration.md": configuration_page(),
        "costs.md": costs_page(),
        "dialect.md": dialect_page(),
        "errors.md": errors_page(),
        "watching.md": watching_page(),
    }


def main() -> int:
    """Write the pages, or with ``--check`` say whether they are up to date."""
    stale = []
    for name, page in build_pages().items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != page:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(page, encoding="utf-8")
    print(f"changed: {', '.join(stale) or 'nothing'}")
    return int("--check" in sys.argv and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
