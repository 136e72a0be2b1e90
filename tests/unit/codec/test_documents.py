# SPDX-License-Identifier: Apache-2.0
"""The form of a transaction: exact fields, limits at their edges, identity over the body alone."""

from hashlib import sha256
from typing import Any

import msgspec
import pytest

from hanse.codec import canonical
from hanse.codec.base64url import to_text
from hanse.codec.documents import (
    Body,
    Receipt,
    decode_transaction,
    encode_transaction,
    record_leaf,
)
from hanse.codec.limits import (
    NONCE_BYTES_MAX,
    NONCE_BYTES_MIN,
    SIGNER_CHARS_MAX,
    TX_BYTES_MAX,
    TX_SIGNATURES_MAX,
)
from hanse.errors import Malformed, NotCanonical, Rejected, TooLarge

NONCE = to_text(bytes(range(16)))
BODY: dict[str, Any] = {
    "action": "ship",
    "args": {"lot": "L1"},
    "contract": "trace",
    "cost_max": 1000,
    "expires_ms": 1_800_000_000_000,
    "key": "k1",
    "ledger": to_text(bytes(32)),
    "nonce": NONCE,
    "signer": "alice@acme",
    "v": 1,
}
SIGNATURE = {"key": "k1", "signature": to_text(bytes(64)), "signer": "alice@acme"}


def tagged(tag: str, data: bytes) -> bytes:
    """Return H(tag, 0, data) with SHA-256."""
    return sha256(tag.encode() + b"\x00" + data).digest()


def signed(body: dict[str, Any] | None = None, signatures: list[Any] | None = None) -> bytes:
    """Return the bytes of a transaction with this body."""
    return canonical.encode(
        {
            "body": BODY | (body or {}),
            "signatures": [SIGNATURE] if signatures is None else signatures,
        }
    )


def test_a_transaction_keeps_the_bytes_it_came_in() -> None:
    raw = signed()
    transaction = decode_transaction(raw, tagged)
    assert transaction.raw == raw
    assert transaction.body_bytes == canonical.encode(BODY)
    assert transaction.message == b"hanse/tx/1\x00" + canonical.encode(BODY)
    assert transaction.id == sha256(transaction.message).digest()
    assert transaction.nonce_digest == tagged("hanse/nonce/1", f"alice@acme\n{NONCE}".encode())
    assert canonical.decode(bytes(transaction.body.args)) == {"lot": "L1"}


def test_identity_is_over_the_body_and_not_the_signatures() -> None:
    other = {**SIGNATURE, "signature": to_text(bytes([1]) * 64)}
    first = decode_transaction(signed(), tagged)
    second = decode_transaction(signed(signatures=[other]), tagged)
    assert first.id == second.id
    assert first.raw != second.raw


def test_what_is_encoded_is_decoded() -> None:
    body = msgspec.convert({**BODY, "args": msgspec.Raw(b"{}")}, Body)
    messages: list[bytes] = []

    def sign(message: bytes) -> bytes:
        messages.append(message)
        return bytes(64)

    transaction = decode_transaction(encode_transaction(body, sign), tagged)
    assert messages == [transaction.message]
    assert transaction.body == body


@pytest.mark.parametrize("name", sorted(BODY))
def test_no_field_of_the_body_may_be_missing(name: str) -> None:
    body = {key: value for key, value in BODY.items() if key != name}
    with pytest.raises(Malformed):
        decode_transaction(canonical.encode({"body": body, "signatures": [SIGNATURE]}), tagged)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": "1"},
        {"args": []},
        {"args": None},
        {"args": "{}"},
        {"cost_max": -1},
        {"cost_max": "1"},
        {"cost_max": True},
        {"expires_ms": -1},
        {"expires_ms": None},
        {"action": 1},
        {"signer": None},
        {"more": 1},
        {"signer": "bob@acme"},
        {"key": "k2"},
        {"nonce": ""},
        {"nonce": NONCE + "="},
        {"nonce": NONCE[:-1] + "x"},
        {"nonce": NONCE[:-2] + "+/"},
        {"nonce": NONCE[:-1] + "é"},
        {"nonce": to_text(bytes(18))[:-1] + "\n"},
    ],
    ids=str,
)
def test_a_body_of_another_form_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        decode_transaction(signed(change), tagged)


@pytest.mark.parametrize(
    "signatures",
    [
        [],
        [{**SIGNATURE, "signer": "bob@acme"}],
        [{**SIGNATURE, "key": "k2"}],
        [{"key": "k1", "signer": "alice@acme"}],
        [{**SIGNATURE, "more": 1}],
        [{**SIGNATURE, "signature": None}],
        [None],
    ],
    ids=str,
)
def test_signatures_of_another_form_are_malformed(signatures: list[Any]) -> None:
    with pytest.raises(Malformed):
        decode_transaction(signed(signatures=signatures), tagged)


def test_a_transaction_may_have_as_many_bytes_as_its_limit() -> None:
    spare = TX_BYTES_MAX - len(signed({"args": {"text": ""}}))
    at_limit = signed({"args": {"text": "x" * spare}})
    assert len(at_limit) == TX_BYTES_MAX
    decode_transaction(at_limit, tagged)
    with pytest.raises(TooLarge):
        decode_transaction(signed({"args": {"text": "x" * (spare + 1)}}), tagged)


def test_a_transaction_may_have_as_many_signatures_as_their_limit() -> None:
    signatures: list[Any] = [
        SIGNATURE,
        *({**SIGNATURE, "signer": f"m{n}@acme"} for n in range(1, TX_SIGNATURES_MAX)),
    ]
    decode_transaction(signed(signatures=signatures), tagged)
    with pytest.raises(Malformed):
        decode_transaction(
            signed(signatures=[*signatures, {**SIGNATURE, "signer": "z@acme"}]), tagged
        )


def test_a_signer_has_no_more_characters_than_their_limit() -> None:
    longest = f"{'m' * (SIGNER_CHARS_MAX - 5)}@acme"
    for signer, accepted in [(longest, True), (f"m{longest}", False)]:
        raw = signed({"signer": signer}, [{**SIGNATURE, "signer": signer}])
        if accepted:
            assert decode_transaction(raw, tagged).body.signer == signer
            continue
        with pytest.raises(Malformed):
            decode_transaction(raw, tagged)


def test_a_signer_and_key_sign_once() -> None:
    with pytest.raises(Malformed):
        decode_transaction(signed(signatures=[SIGNATURE, SIGNATURE]), tagged)


@pytest.mark.parametrize("size", range(NONCE_BYTES_MIN, NONCE_BYTES_MAX + 1))
def test_a_nonce_within_its_limits_is_accepted(size: int) -> None:
    decode_transaction(signed({"nonce": to_text(bytes(size))}), tagged)


@pytest.mark.parametrize("size", [0, 1, NONCE_BYTES_MIN - 1, NONCE_BYTES_MAX + 1, 64])
def test_a_nonce_beyond_its_limits_is_refused(size: int) -> None:
    with pytest.raises(Malformed):
        decode_transaction(signed({"nonce": to_text(bytes(size))}), tagged)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b" " + signed(), NotCanonical),
        (signed() + b"\n", NotCanonical),
        (signed().replace(b'"lot":"L1"', b'"lot":1.0'), NotCanonical),
        (signed().replace(b'"lot"', b'"lot-1"'), NotCanonical),
        (signed()[:-1], Malformed),
        (b"[]", Malformed),
        (b"null", Malformed),
        (b"", Malformed),
    ],
)
def test_bytes_of_another_form_are_refused(data: bytes, error: type[Rejected]) -> None:
    with pytest.raises(error):
        decode_transaction(data, tagged)


def test_nothing_absent_is_written_into_a_receipt() -> None:
    receipt = Receipt(cost=3, events=[], height=1, index=0, status="ok", tx="t", v=1)
    assert canonical.encode(receipt) == (
        b'{"cost":3,"events":[],"height":1,"index":0,"status":"ok","tx":"t","v":1}'
    )


def test_a_record_leaf_cannot_be_taken_for_a_header() -> None:
    leaf = record_leaf(b"signed", b"receipt", tagged)
    assert leaf == tagged("hanse/signed/1", b"signed") + tagged("hanse/receipt/1", b"receipt")
    assert len(leaf) == 64
