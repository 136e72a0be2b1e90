# SPDX-License-Identifier: Apache-2.0
"""Limits of contracts, proofs and genesis documents: max is accepted, max and one is not."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.limits.strain_contract import Strain
from tools.roots import build_genesis, public_key

from hanse.codec import limits
from hanse.codec.canonical import decode, encode
from hanse.contracts import BigInt
from hanse.contracts.runtime import Call, LoadedContract, Outcome
from hanse.crypto import SHA256
from hanse.errors import Malformed, ProofInvalid, Rejected, TooLarge
from hanse.identity import Genesis, decode_genesis, encode_genesis
from hanse.identity import genesis as g
from hanse.merkle.log import verify_consistency, verify_inclusion
from hanse.merkle.paths import StatePath, verify_state

HASH = bytes(32)


class Rows:
    """A state of many rows."""

    def get(self, contract: str, key: bytes) -> bytes | None:
        return None

    def scan(self, contract: str, prefix: bytes, start: bytes, limit: int) -> list[Any]:
        from hanse.contracts.keys import encode_key

        return [(b"texts\x00" + encode_key(f"{n:06}"), b'""') for n in range(limit)]


STRAIN = LoadedContract(Strain)


def run(name: str, **args: Any) -> Outcome:
    """Return what comes of a call without a bound on its cost."""
    call = Call(
        entry=STRAIN.entries[name],
        args=encode(args),
        member="alice@acme",
        organisation="acme",
        now=0,
        height=1,
        tx="t",
        cost_max=10**9,
        roles=lambda: (),
    )
    return STRAIN.call(Rows(), call)


# what a key of n characters adds: map name, zero byte, type byte, closing zero byte
KEY_CHARS = limits.STATE_KEY_BYTES_MAX - len("texts") - 3
VALUE_CHARS = limits.VALUE_BYTES_MAX - len('""')
RESULT_CHARS = limits.RECEIPT_BYTES_MAX // 2 - len('["",""]')


@pytest.mark.parametrize(
    ("name", "at_limit", "beyond"),
    [
        ("write", {"keys": limits.ACTION_WRITES_MAX}, {"keys": limits.ACTION_WRITES_MAX + 1}),
        ("ring", {"times": limits.ACTION_EVENTS_MAX}, {"times": limits.ACTION_EVENTS_MAX + 1}),
        (
            "put",
            {"key_chars": KEY_CHARS, "value_chars": 1},
            {"key_chars": KEY_CHARS + 1, "value_chars": 1},
        ),
        (
            "put",
            {"key_chars": 1, "value_chars": VALUE_CHARS},
            {"key_chars": 1, "value_chars": VALUE_CHARS + 1},
        ),
        ("answer", {"chars": RESULT_CHARS}, {"chars": RESULT_CHARS + 1}),
    ],
    ids=["writes", "events", "key bytes", "value bytes", "result bytes"],
)
def test_a_contract_reaches_its_limit_and_no_further(
    name: str, at_limit: dict[str, int], beyond: dict[str, int]
) -> None:
    assert run(name, **at_limit).code is None
    refused = run(name, **beyond)
    assert refused.code == "contract_fault"
    assert refused.writes == {}
    assert refused.events == ()


def test_one_read_gives_no_more_rows_than_its_limit() -> None:
    assert decode(run("count", limit=limits.SCAN_ROWS_MAX).result or b"") == limits.SCAN_ROWS_MAX
    more = run("count", limit=limits.SCAN_ROWS_MAX + 1)
    assert decode(more.result or b"") == limits.SCAN_ROWS_MAX


@pytest.mark.parametrize("sign", [1, -1])
def test_a_large_integer_stays_below_its_bits(sign: int) -> None:
    edge = sign * (2**limits.BIG_INTEGER_BITS_MAX - 1)
    assert BigInt(edge) == edge
    assert run("keep", number=str(edge)).code is None
    with pytest.raises(ValueError, match="magnitude"):
        BigInt(edge + sign)
    assert run("keep", number=str(edge + sign)).code == "bad_argument"


def test_paths_are_no_longer_than_any_tree_is_deep() -> None:
    size = 2**limits.LOG_DEPTH_MAX
    for path_length, size_claimed in [
        (limits.LOG_DEPTH_MAX + 1, size),
        (limits.LOG_DEPTH_MAX, size + 1),
    ]:
        with pytest.raises(ProofInvalid):
            verify_inclusion(SHA256, HASH, 0, size_claimed, [HASH] * path_length, HASH)
    root = leaf = SHA256(b"leaf")
    for _ in range(limits.LOG_DEPTH_MAX):
        root = SHA256(b"\x01" + root + HASH)
    verify_inclusion(SHA256, leaf, 0, size, [HASH] * limits.LOG_DEPTH_MAX, root)


def test_consistency_has_no_more_hashes_than_two_paths() -> None:
    assert limits.LOG_CONSISTENCY_MAX == 2 * limits.LOG_DEPTH_MAX
    for count, reason in [
        (limits.LOG_CONSISTENCY_MAX, "the path"),
        (limits.LOG_CONSISTENCY_MAX + 1, "longer than any tree"),
    ]:
        with pytest.raises(ProofInvalid, match=reason):
            verify_consistency(SHA256, 1, HASH, 2, HASH, [HASH] * count)


def test_a_state_path_is_no_deeper_than_a_key_hash_has_half_bytes() -> None:
    level = bytes(480)
    root = HASH
    for _ in range(limits.TRIE_DEPTH_MAX):
        root = SHA256.tagged("hanse/node/1", root + level)
    deepest = StatePath(bucket=(), siblings=(level,) * limits.TRIE_DEPTH_MAX)
    assert verify_state(SHA256, root, HASH, deepest) is None
    beyond = StatePath(bucket=(), siblings=(level,) * (limits.TRIE_DEPTH_MAX + 1))
    root = SHA256.tagged("hanse/node/1", root + level)
    with pytest.raises(ProofInvalid, match="deeper"):
        verify_state(SHA256, root, HASH, beyond)


def replaced(**changes: Any) -> Genesis:
    """Return a genesis document with some parts replaced."""
    return msgspec.structs.replace(build_genesis(), **changes)


def test_a_genesis_names_no_more_organisations_than_its_limit() -> None:
    base = build_genesis().organisations
    most = limits.ORGANISATIONS_MAX - len(base)
    more = [g.GenesisOrganisation(f"o{number}", "O") for number in range(most + 1)]
    encode_genesis(replaced(organisations=[*base, *more[:most]]))
    with pytest.raises(Malformed) as refused:
        encode_genesis(replaced(organisations=[*base, *more]))
    assert refused.value.at == "$.organisations"


def test_a_genesis_names_no_more_witnesses_than_its_limit() -> None:
    suite, key = public_key(7)
    names = [f"w{number}" for number in range(limits.WITNESSES_MAX + 1)]
    witnesses = [g.GenesisWitness(name, key, suite) for name in names]
    encode_genesis(replaced(witnesses=witnesses[:-1], witness_quorum=limits.WITNESSES_MAX))
    with pytest.raises(Malformed) as refused:
        encode_genesis(replaced(witnesses=witnesses))
    assert refused.value.at == "$.witness_quorum"


def test_a_genesis_document_has_no_more_bytes_than_its_limit() -> None:
    spare = limits.GENESIS_BYTES_MAX - len(padded(""))
    at_limit = padded("x" * spare)
    assert len(at_limit) == limits.GENESIS_BYTES_MAX
    decode_genesis(at_limit)
    with pytest.raises(TooLarge):
        decode_genesis(padded("x" * (spare + 1)))


def padded(text: str) -> bytes:
    """Return a genesis document with a member of a later version, which is kept and hashed."""
    document: Any = decode(encode_genesis(build_genesis()))
    return encode({**document, "later": text})


@pytest.mark.parametrize("chars", [1, limits.ORGANISATION_NAME_CHARS_MAX])
def test_an_organisation_has_a_name_within_its_limit(chars: int) -> None:
    encode_genesis(named("x" * chars))
    for other in (0, limits.ORGANISATION_NAME_CHARS_MAX + 1):
        with pytest.raises(Malformed):
            encode_genesis(named("x" * other))


def named(text: str) -> Genesis:
    """Return a genesis document with an organisation of this name."""
    first, *others = build_genesis().organisations
    return replaced(organisations=[g.GenesisOrganisation(first.id, text), *others])


@pytest.mark.parametrize(
    ("rule", "floor", "ceiling"),
    [
        ("expiry_ms_max", 1, limits.EXPIRY_MS_MAX),
        ("cost_max", 1, limits.COST_MAX),
        ("block_txs_max", 1, limits.BLOCK_TXS_MAX),
        # whatever is admitted must fit into a block
        ("block_cost_max", limits.COST_MAX, limits.BLOCK_COST_MAX),
        ("block_bytes_max", limits.TX_BYTES_MAX, limits.BLOCK_BYTES_MAX),
        ("block_write_bytes_max", 1, limits.BLOCK_WRITE_BYTES_MAX),
    ],
)
def test_the_rules_of_a_ledger_stay_below_their_ceiling(
    rule: str, floor: int, ceiling: int
) -> None:
    for value in (floor, ceiling):
        encode_genesis(replaced(rules=g.Rules(**{rule: value})))
    for value in (floor - 1, ceiling + 1):
        with pytest.raises(Rejected):
            encode_genesis(replaced(rules=g.Rules(**{rule: value})))


def test_every_limit_is_kept_somewhere() -> None:
    source = Path(limits.__file__).parent.parent
    home = Path(limits.__file__)
    text = "\n".join(p.read_text(encoding="utf-8") for p in source.rglob("*.py") if p != home)
    assert [name for name in limits.LIMITS if name not in text] == []
