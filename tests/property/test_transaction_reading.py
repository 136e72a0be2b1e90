# SPDX-License-Identifier: Apache-2.0
"""The quick way to read a transaction takes exactly what the slow one takes."""

import json
from contextlib import nullcontext
from unittest.mock import patch

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hanse.codec import documents
from hanse.codec.canonical import encode
from hanse.codec.documents import Body, decode_transaction, encode_transaction
from hanse.crypto import SHA256
from hanse.crypto.signers import from_private
from hanse.errors import HanseError

SIGNER = from_private("ed25519-sha256", bytes([9]) * 32)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**54), 2**54) | st.text(max_size=8) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="ascii"), max_size=6), inner, max_size=3)
    ),
    max_leaves=12,
)


def _read(raw: bytes, *, quickly: bool) -> object:
    slowly = patch.object(documents, "_read_quickly", lambda _raw: None)
    try:
        with nullcontext() if quickly else slowly:
            return decode_transaction(raw, SHA256.tagged)
    except HanseError as error:
        return error.code, error.facts()


def _raw() -> bytes:
    body = Body(
        action="act",
        args=msgspec.Raw(encode({"a": 1, "b": ["x", None], "c": {"d": "é"}})),
        contract="c",
        cost_max=5,
        expires_ms=7,
        key="k1",
        ledger="L",
        nonce="AAECAwQFBgcICQoLDA0ODw",
        signer="a@b",
        v=1,
    )
    return encode_transaction(body, SIGNER.sign)


@given(
    VALUES,
    st.sampled_from(["args", "cost_max", "expires_ms", "action", "private", "nonce", "v", "more"]),
)
def test_any_value_in_any_field(value: object, name: str) -> None:
    document = json.loads(_raw())
    document["body"][name] = value
    for raw in (
        json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
        json.dumps(document, sort_keys=True, separators=(",", ":")),
        json.dumps(document),
    ):
        data = raw.encode("utf-8", "surrogatepass")
        assert _read(data, quickly=True) == _read(data, quickly=False)


@given(st.integers(0, 400), st.binary(max_size=3), st.integers(0, 3))
def test_any_edit_of_the_bytes(at: int, put: bytes, cut: int) -> None:
    raw = _raw()
    edited = raw[:at] + put + raw[at + cut :]
    assert _read(edited, quickly=True) == _read(edited, quickly=False)


@given(st.integers(1, 40))
def test_any_depth(levels: int) -> None:
    document = json.loads(_raw())
    document["body"]["args"] = {"x": json.loads("[" * levels + "]" * levels)}
    data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert _read(data, quickly=True) == _read(data, quickly=False)


def test_the_usual_one_is_read_quickly() -> None:
    assert documents._read_quickly(_raw()) is not None
