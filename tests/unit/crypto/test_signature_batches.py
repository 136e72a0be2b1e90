# SPDX-License-Identifier: Apache-2.0
"""Many signatures at once: the verdicts of one after another, whatever batch they stand in."""

import os

import pytest

from hanse.crypto import SUITES, _ed25519, suite_named
from hanse.crypto.signers import generate

ED25519 = suite_named("ed25519-sha256")


def good(suite: str, count: int) -> list[tuple[bytes, bytes, bytes]]:
    made = []
    for number in range(count):
        signer = generate(suite)
        message = b"message %d" % number
        made.append((signer.public_key, message, signer.sign(message)))
    return made


@pytest.mark.parametrize("suite", SUITES)
def test_a_batch_has_the_verdict_of_each(suite: str) -> None:
    checks = good(suite, 5)
    key, message, signature = checks[1]
    checks[1] = (key, message + b"!", signature)
    checks[3] = (key, message, signature[:-1])
    checks.append((b"", b"", b""))
    rule = suite_named(suite)
    assert list(rule.are_signatures_valid(checks)) == [1, 0, 1, 0, 1, 0]
    assert rule.are_signatures_valid([]) == b""
    assert rule.are_signatures_valid(checks[:1]) == b"\x01"


@pytest.mark.parametrize("bad", [0, 255, 256, 299])
def test_one_bad_signature_is_found_in_a_large_batch(bad: int) -> None:
    key, message, signature = good("ed25519-sha256", 1)[0]
    checks = [(key, message, signature)] * 300
    checks[bad] = (key, message, signature[:32] + bytes(32))
    assert [at for at, v in enumerate(ED25519.are_signatures_valid(checks)) if v == 0] == [bad]


def test_a_refusal_of_the_native_part_is_decided_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it accepts is final, what it refuses is not: ZIP-215 accepts more than libraries do."""
    small = bytes.fromhex("01" + "00" * 31)  # of small order: every message holds
    checks = [*good("ed25519-sha256", 2), (small, b"m", small + bytes(32))]
    asked: list[int] = []

    def refuses_all(found: list[_ed25519.Check]) -> bytes:
        asked.append(len(found))
        return bytes(len(found))

    monkeypatch.setattr(_ed25519, "fast_batch", refuses_all)
    assert ED25519.are_signatures_valid(checks) == b"\x01\x01\x01"
    checks[0] = (checks[0][0], b"other", checks[0][2])
    assert ED25519.are_signatures_valid(checks) == b"\x00\x01\x01"
    assert asked == [3, 3]


def test_without_the_native_part_verdicts_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = good("ed25519-sha256", 3)
    checks[2] = (checks[2][0], b"other", checks[2][2])
    with_it = ED25519.are_signatures_valid(checks)
    monkeypatch.setattr(_ed25519, "fast_batch", None)
    assert ED25519.are_signatures_valid(checks) == with_it == b"\x01\x01\x00"


def test_the_native_part_is_in_use_where_it_must_be() -> None:
    """``HANSE_NATIVE`` is set by the step of CI that has just built it."""
    assert (_ed25519.fast_batch is not None) or not os.environ.get("HANSE_NATIVE")
