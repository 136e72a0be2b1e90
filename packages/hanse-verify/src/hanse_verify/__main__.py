# SPDX-License-Identifier: Apache-2.0
"""The command ``hanse-verify [--trust ANCHOR] [--json] FILE``.

Exit codes: 0 valid; 1 not valid or withdrawn; 2 usage; 5 unknown issuer.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from hanse_verify.canonical import EvidenceError
from hanse_verify.display import describe
from hanse_verify.evidence import BYTES_MAX, verify
from hanse_verify.note import parse_note


def main(arguments: list[str] | None = None) -> int:
    """Print the verdict on one file and return the exit code."""
    parser = argparse.ArgumentParser(
        "hanse-verify", description="Check evidence of a Hanse ledger."
    )
    parser.add_argument("--trust", metavar="ANCHOR", help="ledger id, or file with a checkpoint")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("file", metavar="FILE", help="evidence; - for standard input")
    options = parser.parse_args(arguments)
    try:
        trust = None if options.trust is None else read_anchor(options.trust)
        with sys.stdin.buffer if options.file == "-" else Path(options.file).open("rb") as file:
            data = file.read(BYTES_MAX + 2)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    document = verify(data, trust).to_document()
    sys.stdout.write((json.dumps(document) if options.json else describe(document)) + "\n")
    return {"valid": 0, "unknown_issuer": 5}.get(document["verdict"], 1)


def read_anchor(text: str) -> str:
    """Return the ledger id, or the checkpoint that the file of this name holds."""
    if re.fullmatch(r"[A-Za-z0-9_-]{43}", text):
        return text
    note = Path(text).read_text("utf-8")
    try:
        parse_note(note)
    except EvidenceError as error:
        raise EvidenceError(f"the trust anchor: {error}") from None
    return note


if __name__ == "__main__":
    sys.exit(main())
