# SPDX-License-Identifier: Apache-2.0
"""The portable vectors of ranges: written by the ledger, judged by the stand-alone verifier."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hanse_verify.documents import check, decode, unb64
from hanse_verify.range import check_range
from hanse_verify.suites import HASHES

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "ordered-range"
FILE = FOLDER / "ordered_range.json"
CASES = {case["name"]: case for case in json.loads(FILE.read_bytes())}


def holds(case: dict) -> bool:
    try:
        check(case["range"], "range")
        check_range(HASHES[case["hash"]], unb64(case["state_root"]), case)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", CASES)
def test_every_vector_gets_its_verdict(name: str) -> None:
    assert holds(CASES[name]) == CASES[name]["holds"]


def test_the_vectors_have_both_kinds_and_each_is_one_canonical_document() -> None:
    kinds = [case["holds"] for case in CASES.values()]
    assert (kinds.count(True), kinds.count(False)) == (22, 17)
    for case in CASES.values():
        assert decode(json.dumps(case, sort_keys=True, separators=(",", ":")).encode()) == case


def test_the_generator_writes_the_same_bytes_again(tmp_path: Path) -> None:
    for name in ("shelf.py", "generate_ordered_range.py"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    script = tmp_path / "generate_ordered_range.py"
    subprocess.run([sys.executable, str(script)], check=True, timeout=60)
    assert (tmp_path / "ordered_range.json").read_bytes() == FILE.read_bytes()
