# SPDX-License-Identifier: Apache-2.0
"""The ledger's checks and the stand-alone verifier's share no code and give equal verdicts."""

import random  # noqa: TID251 - seeded, in a test

import pytest

from hanse.crypto.signers import from_private
from hanse_verify.sm2 import verify_sm2
from hanse_verify.suites import verify_ed25519

CHECKS = [("ed25519-sha256", verify_ed25519, 60), ("sm2-sm3", verify_sm2, 40)]


def flip(data, bit):
    out = bytearray(data)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


@pytest.mark.parametrize(("name", "verify", "rounds"), CHECKS)
def test_signed_flipped_and_random_bytes_have_equal_verdicts(name, verify, rounds):
    source = random.Random(f"crypto {name}")  # seeded: every run asks the same questions
    accepted = 0
    for turn in range(rounds):
        signer = from_private(name, b"\x01" + source.randbytes(31))
        suite, key = signer.suite, signer.public_key
        message = source.randbytes(turn)
        signature = signer.sign(message)
        bit = source.randrange(len(signature) * 8)
        for case in (
            (key, message, signature),
            (key, message, flip(signature, bit)),
            (flip(key, bit % 250), message, signature),
            (key, message + b"\0", signature),
            (key, message, source.randbytes(64)),
            (key[:1] + source.randbytes(len(key) - 1), message, signature),
            (key[:-1], message, signature),
            (key, message, signature[:-1]),
        ):
            verdict = suite.is_signature_valid(*case)
            assert verify(*case) is verdict, [part.hex() for part in case]
            accepted += verdict
    assert accepted == rounds
