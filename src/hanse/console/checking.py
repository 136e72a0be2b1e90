# SPDX-License-Identifier: Apache-2.0
"""Verification as a page shows it: the client's verdict, and altered copies that must fail."""

import json
from collections.abc import Mapping
from typing import Any, Final

from hanse.client import evidence
from hanse.console.ledger import Step, Verdict

STEPS: Final = ("format", "signature", "inclusion", "finality", "key_status", "withdrawal")
ALTERATIONS: Final = ("receipt", "argument", "signature", "path", "root")


def judge(data: bytes, trust: str | None) -> Verdict:
    """Return the client's verdict on evidence, with the steps that were not reached at the end."""
    result: Mapping[str, Any] = evidence.verify(data, trust).to_document()
    steps = []
    for step in result["steps"]:
        name = str(step["step"]).replace(" ", "_")
        steps.append(Step(name, bool(step["passed"]), str(step["detail"])))
    seen = {step.name for step in steps}
    steps += [Step(name, None, "") for name in STEPS if name not in seen]
    return Verdict(
        verdict=str(result["verdict"]),
        steps=tuple(steps),
        ledger=str(result.get("ledger") or ""),
        kind=str(result.get("kind") or ""),
        height=result.get("height"),
        as_of_height=result.get("as_of_height"),
        as_of_time_ms=result.get("as_of_time_ms"),
        claim=result.get("claim") or {},
    )


def parse(data: bytes) -> dict[str, Any]:
    """Return the evidence as a JSON object for drawing; an empty one where it is not JSON."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def alter(data: bytes, what: str) -> bytes:
    """Return the evidence with one small thing changed, so that a reader can see it fail.

    The digest is made anew, as a forger would: else every change would fail by that alone.
    """
    document = parse(data)
    record = document.get("record")
    if not isinstance(record, dict):
        return data
    if what == "receipt":
        record["receipt"]["cost"] += 1
    elif what == "argument":
        args = record["transaction"]["body"]["args"]
        name = next(iter(sorted(args)), None)
        args["note" if name is None else name] = "altered"
    elif what == "signature":
        signature = record["transaction"]["signatures"][0]
        signature["signature"] = _flip(signature["signature"])
    elif what == "path" and record["path"]:
        record["path"][0] = _flip(record["path"][0])
    elif what in {"path", "root"}:
        document["header"]["log_root"] = _flip(document["header"]["log_root"])
    return evidence.with_digest(document)


def _flip(text: str) -> str:
    return ("B" if text[0] != "B" else "C") + text[1:]
