# SPDX-License-Identifier: Apache-2.0
"""The examples of ``spec/suites.md`` are true."""

import json
import re
from pathlib import Path

from hanse.codec.base64url import to_bytes, to_text
from hanse.crypto import SUITES, hash_named, suite_named
from hanse.crypto.keyfiles import load
from hanse_verify.sm2 import verify_sm2
from hanse_verify.suites import verify_ed25519

PAGE = Path(__file__).parents[3] / "spec" / "suites.md"
SIGNED, HASHES, KEY_FILE = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_signed_examples_hold_and_cover_every_suite():
    examples = [json.loads(line) for line in SIGNED.splitlines()]
    assert tuple(example["suite"] for example in examples) == SUITES
    others = {"ed25519-sha256": verify_ed25519, "sm2-sm3": verify_sm2}
    for example in examples:
        names = ("public_key", "message", "signature")
        key, message, signature = (to_bytes(example[name]) for name in names)
        suite = suite_named(example["suite"])
        for verify in (suite.is_signature_valid, others.get(suite.name, suite.is_signature_valid)):
            assert verify(key, message, signature)
            assert not verify(key, message + b".", signature)


def test_the_tagged_hashes_are_the_ones_shown():
    for name, text in json.loads(HASHES).items():
        assert to_text(hash_named(name).tagged("hanse/tx/1", b"{}")) == text


def test_the_key_file_opens_with_its_passphrase(tmp_path):
    path = tmp_path / "k"
    path.write_text(KEY_FILE)
    path.chmod(0o600)
    signer = load(path, passphrase="correct horse battery staple")
    assert to_text(signer.public_key) in SIGNED


def test_the_table_has_the_lengths_of_the_code():
    rows = {row.split("|")[1].strip(): row for row in PAGE.read_text().splitlines() if "|" in row}
    suites = [suite_named(name) for name in SUITES]
    for title, name in (
        ("public key, bytes", "public_key_bytes"),
        ("signature, bytes", "signature_bytes"),
    ):
        shown = [int(re.match(r" *(\d+)", cell)[1]) for cell in rows[title].split("|")[2:5]]
        assert shown == [getattr(suite, name) for suite in suites]
