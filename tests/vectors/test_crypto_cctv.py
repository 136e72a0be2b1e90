# SPDX-License-Identifier: Apache-2.0
"""The 914 Ed25519 edge cases of C2SP/CCTV: three implementations agree with ZIP-215.

The suite's README: "ZIP215 rules require accepting all vectors." Vectors flagged ``reencoded_k``
were signed with another k than the one over the bytes as received; they hold only where k does not
matter, that is where the key itself is of low order and [8][k]A vanishes.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from hanse.crypto import _ed25519, suite_named
from hanse_verify.suites import verify_ed25519

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("HANSE_VECTORS", ROOT.parent / "shared" / "vectors"))
FILE = FOLDER / "cctv-ed25519" / "ed25519" / "ed25519vectors.json"

pytestmark = pytest.mark.vectors


@pytest.fixture(scope="module")
def cases():
    if not FILE.exists() and "CI" not in os.environ:
        pytest.skip("not run: vectors absent")
    return [
        (
            bytes.fromhex(case["key"]),
            case["msg"].encode(),
            bytes.fromhex(case["sig"]),
            frozenset(case["flags"] or ()),
        )
        for case in json.loads(FILE.read_bytes())
    ]


def is_valid_by_zip_215(flags):
    return "reencoded_k" not in flags or "low_order_A" in flags


def test_the_suite_is_the_one_that_we_know(cases):
    assert len(cases) == 914
    counted = Counter(is_valid_by_zip_215(flags) for *_, flags in cases)
    assert counted == {True: 826, False: 88}


def test_each_verdict_is_that_of_zip_215(cases):
    verify = suite_named("ed25519-sha256").is_signature_valid
    wrong = [case for case in cases if verify(*case[:3]) != is_valid_by_zip_215(case[3])]
    assert wrong == []


@pytest.mark.parametrize("size", [1, 7, 914])
def test_batches_of_any_size_give_the_same_verdicts(cases, size):
    suite = suite_named("ed25519-sha256")
    checks = [case[:3] for case in cases]
    batches = [checks[at : at + size] for at in range(0, len(checks), size)]
    verdicts = b"".join(suite.are_signatures_valid(batch) for batch in batches)
    assert [bool(v) for v in verdicts] == [is_valid_by_zip_215(case[3]) for case in cases]


def test_what_the_native_part_accepts_the_rule_accepts(cases):
    batch = _ed25519.fast_batch or (lambda checks: bytes(_ed25519.is_valid(*c) for c in checks))
    for *check, flags in cases:
        assert is_valid_by_zip_215(flags) or batch([tuple(check)]) == b"\x00"


def test_the_python_rule_alone_gives_the_same_verdicts(cases):
    verify = _ed25519.is_valid_in_python
    wrong = [case for case in cases if verify(*case[:3]) != is_valid_by_zip_215(case[3])]
    assert wrong == []


def test_the_small_verifier_gives_the_same_verdicts(cases):
    wrong = [case for case in cases if verify_ed25519(*case[:3]) != is_valid_by_zip_215(case[3])]
    assert wrong == []


def test_openssl_alone_would_refuse_some_that_the_ledger_accepts(cases):
    verify = _ed25519.accepts_by_cryptography
    counted = Counter((verify(*case[:3]), is_valid_by_zip_215(case[3])) for case in cases)
    assert counted[(True, False)] == 0
    assert counted[(False, True)] > 0


def test_keys_of_low_order_are_the_only_ones_that_cannot_be_registered(cases):
    suite = suite_named("ed25519-sha256")
    wrong = [
        case for case in cases if suite.is_public_key_valid(case[0]) == ("low_order_A" in case[3])
    ]
    assert wrong == []
