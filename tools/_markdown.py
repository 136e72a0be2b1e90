# SPDX-License-Identifier: Apache-2.0
"""What the writers of reference pages share."""

WRITTEN = "<!-- Written by `make docs` from the code; a test compares the two. -->\n"


def cell(text: object) -> str:
    """Return text that a table's cell can hold."""
    return " ".join(str(text).split()).replace("|", "\\|")
