# SPDX-License-Identifier: Apache-2.0
"""The command ``hanse-verify``; exit codes: 0 valid, 1 not or withdrawn, 2 usage, 5 no anchor."""

import argparse
import json
import re
import sys
from pathlib import Path

from hanse_verify.documents import BYTES_MAX, Document
from hanse_verify.evidence import verify

_is_anchor = re.compile(r"[\w-]{43}|hanse/\S{43}\n\d+\n\S{44}\n\n(\u2014 \S+ \S+\n)+").fullmatch
_SENTENCES = {
    "valid": "VALID",
    "withdrawn": "WITHDRAWN: true then, and taken back since",
    "unknown_issuer": "UNKNOWN ISSUER: all fits, but no trust anchor says whose ledger it is",
    "not_valid": "NOT VALID: altered, damaged, or made without power",
}


def main(arguments: list[str] | None = None) -> int:
    """Print the verdict on one file and return the exit code."""
    parser = argparse.ArgumentParser("hanse-verify", description="Check evidence of a ledger.")
    parser.add_argument("--trust", metavar="ANCHOR", help="ledger id, or file with a checkpoint")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("file", metavar="FILE", help="evidence; - for standard input")
    words = sys.argv[1:] if arguments is None else list(arguments)
    if "--trust" in words[:-1]:  # one id in 64 begins with a dash
        at = words.index("--trust")
        words[at : at + 2] = [f"--trust={words[at + 1]}"]
    options = parser.parse_args(words)
    trust: str | None = options.trust
    try:
        if trust is not None and not _is_anchor(trust):
            trust = Path(trust).read_text("utf-8")
            if not _is_anchor(trust):
                parser.error("the trust anchor is neither a ledger id nor a checkpoint")
        with sys.stdin.buffer if options.file == "-" else Path(options.file).open("rb") as file:
            result = verify(file.read(BYTES_MAX + 2), trust)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    sys.stdout.write((json.dumps(result) if options.json else describe(result)) + "\n")
    return {"valid": 0, "unknown_issuer": 5}.get(result["verdict"], 1)


def describe(result: Document) -> str:
    """Return a result for people, with nothing in it that could command a terminal."""
    lines = [_SENTENCES[result["verdict"]]]
    for step in result["steps"]:
        lines += [f"  {'ok' if step['passed'] else 'NO'}  {step['step']}: {step['detail']}"]
    if result["verdict"] != "not_valid":  # what is not proved is not shown
        shown = {"digest": result["digest"], **result["claim"]}
        lines += [f"  {name} = {json.dumps(value)}" for name, value in shown.items()]
    safe = ("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in lines)
    return "\n".join(safe)


if __name__ == "__main__":
    sys.exit(main())
