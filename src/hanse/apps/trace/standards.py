# SPDX-License-Identifier: Apache-2.0
"""EPCIS 2.0 and 1.2 at the border of the app ``trace``.

``check`` gives the verdict on a document and its typed events; ``event_hash`` is the CBV 2.0 event
hash; ``normalise_id`` brings EPC URIs and GS1 Digital Links to one form. ``conformance`` runs the
public judges. All but the last are pure functions of their arguments.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from hanse.apps.trace.epcis.checking import check, read_events, ruleset_digest
from hanse.apps.trace.epcis.convert import to_json
from hanse.apps.trace.epcis.gs1 import (
    BadIdentifier,
    Gs1Id,
    check_digit,
    find_gs1_id,
    has_check_digit,
    normalise_id,
)
from hanse.apps.trace.epcis.hashing import RawEvent, event_hash, prehash
from hanse.apps.trace.epcis.model import Event, Finding, Party, Quantity, Report

KNOWN_DEFECTS: Final[dict[str, str]] = {
    "sensor_report_without_type": "openEPCIS: good sensor examples leave out the report's type",
    "unknown_term (measurementType)": "openEPCIS: good examples use words no GS1 list has",
    "incomplete_time (1.2)": "openEPCIS: a good 1.2 example has a declarationTime without seconds",
    "wrong_order (query answers)": "openEPCIS: a good query answer has its fields in free order",
    "namespace_missing (QueryResults)": "openEPCIS: good query answers leave out the namespace",
    "qualified_elements": "openEPCIS: good events write their elements with the EPCIS prefix",
    "field_out_of_place (1.2)": "openEPCIS: good 1.2 examples carry fields of 2.0",
    "ilmd_without_add (1.2)": "openEPCIS: a good 1.2 example has ilmd with OBSERVE",
    "not_a_uri (XML)": "openEPCIS: a good 1.2 example has words as its certificationInfo",
    "empty_doctype": "GS1: examples of the schema repository start with an empty DOCTYPE",
    "epcis-event-hash/epcisDocWithAllGS1Keys.prehashes": "the text is damaged; its hash is right",
    "epcis-event-hash/epcisDocWithCustomSchemaInContext.prehashes": "line 2 repeats event 1",
    "epcis-event-hash/epcisDocWithDefaultSchemaInContext.prehashes": "line 2 repeats event 1",
    "epcis-event-hash/epcisDocHavingTooManyUserExtensions.prehashes": "its document is missing",
}
"""Faults of published files and the narrow rule that each led to (findings, never refusals)."""

DEFECTIVE_PREHASHES: Final = frozenset(
    name.removeprefix("epcis-event-hash/").removesuffix(".prehashes")
    for name in KNOWN_DEFECTS
    if name.endswith(".prehashes")
)


def conformance() -> list[dict[str, Any]]:
    """Return one line per public judge: version, passed, total, and what was not run."""
    root = Path(os.environ.get("HANSE_VECTORS", "../shared/vectors"))
    judges: list[tuple[str, str, str, Callable[[Path], Iterator[bool]]]] = [
        ("epcis-openepcis JSON good", "901e5d392f1f", "epcis-openepcis", _documents("json", "2.0")),
        ("epcis-openepcis JSON bad", "901e5d392f1f", "epcis-openepcis",
         _documents("json", "2.0", bad=True)),
        ("epcis-openepcis XML 2.0 good", "901e5d392f1f", "epcis-openepcis",
         _documents("xml", "2.0")),
        ("epcis-openepcis XML 2.0 bad", "901e5d392f1f", "epcis-openepcis",
         _documents("xml", "2.0", bad=True)),
        ("epcis-openepcis XML 1.2 good", "901e5d392f1f", "epcis-openepcis",
         _documents("xml", "1.2")),
        ("epcis-event-hash documents", "5d2f1c389a15", "epcis-event-hash", _hash_documents),
        ("epcis-event-hash pre-hash texts", "5d2f1c389a15", "epcis-event-hash", _prehashes),
        ("epcis-event-hash equality groups", "5d2f1c389a15", "epcis-event-hash", _equal_groups),
    ]  # fmt: skip
    lines: list[dict[str, Any]] = []
    for name, version, folder, judge in judges:
        line: dict[str, Any] = {"judge": name, "version": version, "passed": 0, "total": 0}
        if (root / folder).is_dir():
            results = list(judge(root / folder))
            line |= {"passed": sum(results), "total": len(results), "not_run": ""}
        else:
            line["not_run"] = "vectors absent"
        lines.append(line)
    return lines


def _documents(form: str, version: str, *, bad: bool = False) -> Callable[[Path], Iterator[bool]]:
    """Return the judge over the files of one binding: good accepted, or bad refused with reason."""

    def judge(folder: Path) -> Iterator[bool]:
        base = folder / "core" / "src" / "main" / "resources" / version
        for path in sorted(base.rglob(f"*.{form}")):
            if ("Invalid" in path.parts) is not bad:
                continue
            report = check(path.read_bytes())
            reasons = [f for f in report.findings if f.fatal and f.message]
            yield (report.verdict == "refused" and bool(reasons)) is bad

    return judge


def _hash_pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each document of the hash set with the stem of its lists."""
    for path in sorted((folder / "tests" / "examples").glob("*.hashes")):
        for suffix in (".xml", ".jsonld"):
            if path.with_suffix(suffix).exists():
                yield path.with_suffix(suffix), path


def _hash_documents(folder: Path) -> Iterator[bool]:
    for document, listed in _hash_pairs(folder):
        wanted = listed.read_text("utf-8").split()
        yield [event_hash(e) for e in read_events(document.read_bytes())] == wanted


def _prehashes(folder: Path) -> Iterator[bool]:
    for document, listed in _hash_pairs(folder):
        texts = listed.with_suffix(".prehashes")
        if texts.exists() and texts.stem not in DEFECTIVE_PREHASHES:
            wanted = [line for line in texts.read_text("utf-8").split("\n") if line]
            yield [prehash(e) for e in read_events(document.read_bytes())] == wanted


def _equal_groups(folder: Path) -> Iterator[bool]:
    for path in sorted((folder / "tests" / "expected_equal").iterdir()):
        yield len({event_hash(e) for e in read_events(path.read_bytes())}) == 1


__all__ = [
    "DEFECTIVE_PREHASHES",
    "KNOWN_DEFECTS",
    "BadIdentifier",
    "Event",
    "Finding",
    "Gs1Id",
    "Party",
    "Quantity",
    "RawEvent",
    "Report",
    "check",
    "check_digit",
    "conformance",
    "event_hash",
    "find_gs1_id",
    "has_check_digit",
    "normalise_id",
    "prehash",
    "read_events",
    "ruleset_digest",
    "to_json",
]
