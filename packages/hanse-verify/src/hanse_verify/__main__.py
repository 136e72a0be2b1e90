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
from hanse_verify.evidence import BYTES_MAX, Result, Verdict, verify
from hanse_verify.note import parse_note

EXIT_CODES = {Verdict.VALID: 0, Verdict.UNKNOWN_ISSUER: 5}
SENTENCES = {
    Verdict.VALID: "VALID",
    Verdict.WITHDRAWN: "WITHDRAWN: true then, and taken back since",
    Verdict.UNKNOWN_ISSUER: "UNKNOWN ISSUER: all fits, but no trust anchor says whose ledger it is",
    Verdict.NOT_VALID: "NOT VALID: altered, damaged, or made without power",
}


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
    result = verify(data, trust)
    text = json.dumps(result.to_document()) if options.json else describe(result)
    sys.stdout.write(f"{text}\n")
    return EXIT_CODES.get(result.verdict, 1)


def read_anchor(text: str) -> str:
    """Return the ledger id, or the checkpoint in the file of that name."""
    if re.fullmatch(r"[A-Za-z0-9_-]{43}", text):
        return text
    note = Path(text).read_text("utf-8")
    try:
        parse_note(note)
    except EvidenceError as error:
        raise EvidenceError(f"the trust anchor: {error}") from None
    return note


def describe(result: Result) -> str:
    """Return the result for people, with nothing in it that could command a terminal."""
    lines = [SENTENCES[result.verdict]]
    lines += [f"  {'ok ' if s.passed else 'NO '} {s.step}: {s.detail}" for s in result.steps]
    claim = result.claim if result.verdict is not Verdict.NOT_VALID else {}
    lines += [f"  {name} = {json.dumps(value)}" for name, value in claim.items()]
    safe = ("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in lines)
    return "\n".join(safe)


if __name__ == "__main__":
    sys.exit(main())
