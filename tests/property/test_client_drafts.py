# SPDX-License-Identifier: Apache-2.0
"""Drafts made from templates are, byte for byte, what the codec would have written."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.client._genesis import Genesis, PartyKey
from hanse.client.bulk import Drafter, encode_args
from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.documents import TAG_SIGNED, Body, decode_transaction, encode_transaction
from hanse.codec.limits import COST_MAX, INTEGER_MAX
from hanse.crypto import SHA256
from hanse.crypto.signers import from_private

SIGNER = from_private("ed25519-sha256", bytes(range(32)))
GENESIS = Genesis(
    raw=b"",
    ledger=to_text(SHA256(b"ledger")),
    network="Harbour",
    hash=SHA256,
    operator=PartyKey("node1@acme", SIGNER.suite, SIGNER.public_key),
    witnesses={},
    witness_quorum=0,
    validators="",
    rules="",
    engine_validators=None,
)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(
    who=st.tuples(texts, texts, texts, texts),
    args=st.dictionaries(names, values, max_size=4),
    cost_max=st.integers(0, COST_MAX),
    expires_ms=st.integers(0, INTEGER_MAX),
)
def test_a_template_writes_the_bytes_of_the_codec(who, args, cost_max, expires_ms) -> None:
    member, key_id, contract, action = who
    raw_args = encode_args(args)
    drafter = Drafter(GENESIS, member, key_id, SIGNER)
    made = drafter.draft((contract, action), raw_args, cost_max, expires_ms)
    found = decode_transaction(made.raw, SHA256.tagged)
    body = Body(
        action=action,
        args=msgspec.Raw(raw_args),
        contract=contract,
        cost_max=cost_max,
        expires_ms=expires_ms,
        key=key_id,
        ledger=GENESIS.ledger,
        nonce=found.body.nonce,
        signer=member,
        v=1,
    )
    assert made.raw == encode_transaction(body, SIGNER.sign)
    assert made.id == found.id
    assert made.signed_digest == SHA256.tagged(TAG_SIGNED, made.raw)
    signature = to_bytes(found.signatures[0].signature)
    assert SIGNER.suite.is_signature_valid(SIGNER.public_key, found.message, signature)
