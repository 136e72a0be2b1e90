# SPDX-License-Identifier: Apache-2.0
"""The public judges: every file of their folders, with the counts asserted."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hanse.apps.trace.epcis.queries import find_parameter_kind
from hanse.apps.trace.epcis.rules import _CHECKS, all_kinds
from hanse.apps.trace.epcis.tables import SHAPES
from hanse.apps.trace.epcis.vocabulary import KINDS
from hanse.apps.trace.standards import (
    DEFECTIVE_PREHASHES,
    KNOWN_DEFECTS,
    check,
    conformance,
    event_hash,
    read_events,
    to_json,
)

REPOSITORY = Path(__file__).parents[5]
VECTORS = Path(os.environ.get("HANSE_VECTORS", REPOSITORY.parent / "shared" / "vectors"))

EXPECTED = {
    "epcis-openepcis JSON good": 36,
    "epcis-openepcis JSON bad": 12,
    "epcis-openepcis XML 2.0 good": 37,
    "epcis-openepcis XML 2.0 bad": 7,
    "epcis-openepcis XML 1.2 good": 13,
    "epcis-event-hash documents": 39,
    "epcis-event-hash pre-hash texts": 35,
    "epcis-event-hash equality groups": 11,
}


@pytest.fixture
def vectors(monkeypatch: pytest.MonkeyPatch) -> Path:
    if not VECTORS.is_dir():
        if os.environ.get("CI"):
            pytest.fail("not run: vectors absent")
        pytest.skip("not run: vectors absent")
    monkeypatch.setenv("HANSE_VECTORS", str(VECTORS))
    return VECTORS


@pytest.mark.vectors
def test_every_judge_passes_in_full(vectors: Path) -> None:
    lines: list[dict[str, Any]] = conformance()
    assert {line["judge"]: line["passed"] for line in lines} == EXPECTED
    assert all(line["passed"] == line["total"] and not line["not_run"] for line in lines)


def test_a_judge_without_its_vectors_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HANSE_VECTORS", str(tmp_path))
    assert {(line["passed"], line["not_run"]) for line in conformance()} == {(0, "vectors absent")}


@pytest.mark.vectors
def test_every_bad_file_is_refused_at_a_place_with_a_reason(vectors: Path) -> None:
    files = [p for p in (vectors / "epcis-openepcis").rglob("*.*") if "Invalid" in p.parts]
    for path in files:
        fatal = [f for f in check(path.read_bytes()).findings if f.fatal]
        assert fatal, path
        assert all(f.pointer.startswith("/") or not f.pointer for f in fatal)
        assert all(f.code and f.message for f in fatal)


@pytest.mark.vectors
def test_the_known_defects_of_good_files_are_still_there(vectors: Path) -> None:
    files = [p for p in (vectors / "epcis-openepcis" / "core").rglob("*.*") if
             p.is_file() and "Invalid" not in p.parts]  # fmt: skip
    found = {finding.code for path in files for finding in check(path.read_bytes()).findings}
    listed = {name.partition(" ")[0] for name in KNOWN_DEFECTS if "/" not in name}
    assert listed - found == {"empty_doctype"}  # of a set that may not be kept here


@pytest.mark.vectors
def test_all_sixty_three_hashes_are_found(vectors: Path) -> None:
    folder = vectors / "epcis-event-hash" / "tests" / "examples"
    lists = sorted(folder.glob("*.hashes"))
    wanted = [path.read_text("utf-8").split() for path in lists]
    assert (len(lists), sum(map(len, wanted))) == (28, 63)
    for path, hashes in zip(lists, wanted, strict=True):
        documents = [p for p in (path.with_suffix(".xml"), path.with_suffix(".jsonld"))
                     if p.exists()]  # fmt: skip
        assert documents
        for document in documents:
            assert [event_hash(e) for e in read_events(document.read_bytes())] == hashes


@pytest.mark.vectors
def test_the_damaged_pre_hash_texts_are_still_damaged(vectors: Path) -> None:
    folder = vectors / "epcis-event-hash" / "tests" / "examples"
    for stem in DEFECTIVE_PREHASHES:
        texts = (folder / f"{stem}.prehashes").read_text("utf-8")
        listed = folder / f"{stem}.hashes"
        hashes = set(listed.read_text("utf-8").split()) if listed.exists() else set()
        assert not all(_digest(line) in hashes for line in texts.split("\n") if line), stem


def _digest(text: str) -> str:
    import hashlib  # noqa: PLC0415  # used here alone

    return f"ni:///sha-256;{hashlib.sha256(text.encode()).hexdigest()}?ver=CBV2.0"


def test_every_kind_in_the_tables_can_be_checked() -> None:
    for kind in all_kinds():
        known = kind in SHAPES or kind in _CHECKS or kind.removeprefix("term ") in KINDS
        assert known, kind


def test_the_tables_know_the_whole_vocabulary_by_number() -> None:
    sizes = {name: len(kind.words) for name, kind in KINDS.items()}
    assert sizes == {
        "bizStep": 41, "disposition": 33, "bizTransactionType": 13, "sourceDestType": 3,
        "errorReason": 2, "component": 14, "measurementType": 72, "sensorAlertType": 2,
    }  # fmt: skip


def test_query_parameters_of_every_family_are_known() -> None:
    known = """EQ_bizTransaction_po EQ_source_owning_party GE_quantity_KGM EQ_value_CEL
        EXISTS_example:x EQ_ILMD_example:x GT_INNER_example:x HASATTR_readPoint
        EQ_ATTR_readPoint_x EQ_https://ns.example.com/#x LT_SENSORREPORT_example:x
        EQ_ERROR_DECLARATION_example:x EXISTS_INNER_ILMD_urn:epcglobal:cbv:mda:lotNumber"""
    assert all(find_parameter_kind(name) for name in known.split())
    unknown = "GE_eventDate EQ_x MATCH_x GE_quantity_kg EXISTS_ eventtype EQ_example:"
    assert not any(find_parameter_kind(name) for name in unknown.split())


@pytest.mark.vectors
def test_good_xml_becomes_json_with_the_same_hashes(vectors: Path) -> None:
    resources = vectors / "epcis-openepcis" / "core" / "src" / "main" / "resources"
    files = [p for p in resources.rglob("*.xml") if "Invalid" not in p.parts]
    same = 0
    for path in files:
        data = path.read_bytes()
        turned = read_events(json.dumps(to_json(data)).encode())
        same += [event_hash(e) for e in turned] == [event_hash(e) for e in read_events(data)]
    # the others write values as CURIEs of their own prefixes: see epcis/convert.py
    assert (len(files), same) == (50, 41)
