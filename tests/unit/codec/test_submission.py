# SPDX-License-Identifier: Apache-2.0
"""Submissions: one encoding, every rule of the form, the id apart from the signature."""

import json
from typing import Any

import msgspec
import pytest

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import Body, decode_transaction, encode_transaction
from hanse.codec.limits import SUBMISSION_BYTES_MAX, SUBMISSION_TXS_MAX
from hanse.codec.submission import Submission, decode_submission, make_submission
from hanse.crypto import SHA256
from hanse.crypto.signers import from_private
from hanse.errors import Rejected

SIGNER = from_private("ed25519-sha256", bytes([7]) * 32)


def _transaction(number: int) -> bytes:
    body = Body(
        action="act",
        args=msgspec.Raw(b"{}"),
        contract="c",
        cost_max=number,
        expires_ms=1,
        key="k1",
        ledger="L",
        nonce=to_text(number.to_bytes(16, "big")),
        signer="a@b",
        v=1,
    )
    return encode_transaction(body, SIGNER.sign)


def _made(count: int = 3) -> Submission:
    txs = tuple(decode_transaction(_transaction(i), SHA256.tagged) for i in range(count))
    return make_submission(("L", "n@b", 5), txs, SIGNER.sign, SHA256.tagged)


def test_what_was_made_is_read_back() -> None:
    made = _made()
    assert decode_submission(made.raw, SHA256.tagged) == made
    assert made.cost == 3
    suite = SIGNER.suite
    assert suite.is_signature_valid(SIGNER.public_key, made.message, made.signature)


def test_the_id_is_that_of_the_body_alone() -> None:
    made = _made()
    other = json.loads(made.raw)
    other["signature"] = "AAAA"
    assert decode_submission(encode(other), SHA256.tagged).id == made.id
    other["body"]["seq"] = 6
    assert decode_submission(encode(other), SHA256.tagged).id != made.id


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d["body"].update(txs=[]), "malformed"),
        (lambda d: d["body"].update(txs=d["body"]["txs"] * 2), "malformed"),
        (lambda d: d["body"].update(seq=-1), "malformed"),
        (lambda d: d["body"].update(seq=2**53), "malformed"),
        (lambda d: d["body"].update(v=2), "malformed"),
        (lambda d: d["body"].update(node="n" * 130), "malformed"),
        (lambda d: d["body"].update(more=1), "malformed"),
        (lambda d: d.update(more=1), "malformed"),
        (lambda d: d.pop("signature"), "malformed"),
        (lambda d: d.update(signature="?"), "malformed"),
        (lambda d: d["body"]["txs"][0].pop("signatures"), "malformed"),
        (lambda d: d["body"]["txs"][0]["body"].update(cost_max=-1), "malformed"),
        (lambda d: d["body"]["txs"][0]["body"].update(args={"x": 2**60}), "number_too_large"),
    ],
)
def test_another_form_is_refused(change: Any, code: str) -> None:
    document = json.loads(_made().raw)
    change(document)
    data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(Rejected) as caught:
        decode_submission(data, SHA256.tagged)
    assert caught.value.code == code


def test_one_value_has_one_encoding() -> None:
    raw = _made().raw
    for other in (
        raw + b" ",
        raw.replace(b'"body":', b'"body": ', 1),
        raw.replace(b'"ledger":"L",', b'"ledger":"\\u004c",', 1),
        b'{"signature":' + raw.split(b'"signature":')[-1][:-1] + b"," + raw[1:],
    ):
        with pytest.raises(Rejected):
            decode_submission(other, SHA256.tagged)


def test_every_cut_is_refused() -> None:
    raw = _made(1).raw
    for end in range(len(raw)):
        with pytest.raises(Rejected):
            decode_submission(raw[:end], SHA256.tagged)


def test_the_bounds_hold() -> None:
    assert len(_made(SUBMISSION_TXS_MAX).transactions) == SUBMISSION_TXS_MAX
    assert decode_submission(_made(SUBMISSION_TXS_MAX).raw, SHA256.tagged)
    with pytest.raises(Rejected) as caught:
        decode_submission(_made(SUBMISSION_TXS_MAX + 1).raw, SHA256.tagged)
    assert caught.value.code == "malformed"
    with pytest.raises(Rejected) as caught:
        decode_submission(b"x" * (SUBMISSION_BYTES_MAX + 1), SHA256.tagged)
    assert caught.value.code == "too_large"
