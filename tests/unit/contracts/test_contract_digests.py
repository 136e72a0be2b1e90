# SPDX-License-Identifier: Apache-2.0
"""Digests inside a contract: under the network's hash, charged by size, one for each list."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.dialect_run import run, value
from tests.unit.contracts.hashing_contract import Hashing
from tests.unit.contracts.scripted import call
from tests.unit.kernel.small_ledger import SmallLedger

from hanse.codec.base64url import to_text
from hanse.contracts.digests import digest_of
from hanse.contracts.meter import COSTS
from hanse.crypto import SHA256, SM3
from hanse.testing.bench import Bench

PARTS = st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.binary(max_size=5))


@pytest.mark.parametrize("hasher", [SHA256, SM3], ids=lambda hasher: hasher.name)
def test_a_contract_hashes_as_the_network_does(hasher: object) -> None:
    assert hasher in (SHA256, SM3)
    bench = Bench(Hashing, hasher=SHA256 if hasher is SHA256 else SM3)
    found = bench.actor("acme")(Hashing.hashed, "milk", 5)
    assert found == digest_of(bench.hash.tagged, "test", "milk", 5, b"\x00")


def test_the_kernel_gives_contracts_its_own_hash() -> None:
    kernel = SmallLedger().kernel
    assert {loaded._tagged for loaded in kernel.contracts.values()} == {kernel.hash.tagged}


def test_a_digest_can_be_recomputed_by_hand() -> None:
    data = b"hanse/digest/1\x00" + b"\x30t\x00" + b"\x30a\x00" + b"\x20\x81\x05"
    assert digest_of(SHA256.tagged, "t", "a", 5) == to_text(hashlib.sha256(data).digest())


@given(st.lists(PARTS, max_size=4), st.lists(PARTS, max_size=4))
def test_two_lists_of_parts_share_no_digest(one: list[object], other: list[object]) -> None:
    alike = [(type(p), p) for p in one] == [(type(p), p) for p in other]
    same = digest_of(SHA256.tagged, "t", *one) == digest_of(SHA256.tagged, "t", *other)
    assert same == alike


def test_a_tag_is_no_part() -> None:
    assert digest_of(SHA256.tagged, "a", "b") != digest_of(SHA256.tagged, "b", "a")
    assert digest_of(SHA256.tagged, "ab") != digest_of(SHA256.tagged, "a", "b")


def test_a_digest_is_charged_by_its_bytes() -> None:
    def cost(*parts: str) -> int:
        return call(does=lambda _, ctx: ctx.digest("t", *parts)).cost

    base = call(does=lambda *_: None).cost
    assert cost() == base + COSTS["digest"]
    assert cost("x" * 160) == base + COSTS["digest"] + 10
    assert call(does=lambda _, ctx: ctx.digest("t", "x" * 4_000), cost_max=200).code == (
        "cost_exceeded"
    )


@pytest.mark.parametrize("part", [None, 1.5, [1], {"a": 1}])
def test_only_plain_parts_can_be_hashed(part: object) -> None:
    bad: Any = part
    assert call(does=lambda _, ctx: ctx.digest("t", bad)).code == "contract_fault"


def test_a_lowered_contract_hashes_what_the_context_does() -> None:
    found = value('return ctx.digest("t", "a", -5, True, b"\\x00", BigInt(2 ** 60))', "str")
    assert found == digest_of(SHA256.tagged, "t", "a", -5, True, b"\x00", 2**60)


@pytest.mark.parametrize(
    "bad",
    [
        *('ctx.digest("t", None)', 'ctx.digest("t", [1])', 'ctx.digest("t", (1, 2))'),
        *('ctx.digest(1, "a")', 'ctx.digest(b"t")', '"t".digest("a")'),
    ],
)
def test_a_lowered_contract_hashes_plain_parts_under_a_text_and_nothing_else(bad: str) -> None:
    assert run(f"return {bad}", "str").code == "contract_fault"


def test_a_lowered_digest_is_charged_before_its_parts_are_put_together() -> None:
    def cost(*parts: str) -> int:
        return run(f"return ctx.digest({', '.join(parts)})", "str").cost

    # each part counts as an item and, as text, by its size; then the digest by its bytes
    assert cost("'t'", "'a'", "'b'") == cost("'t'") + 2
    assert cost("'t'", f"'{'x' * 1_600}'") == cost("'t'") + 1 + 200
    many = ", ".join(["text"] * 1_000)
    lines = f"text = 'x' * 60_000\nreturn ctx.digest('t', {many})"
    assert run(lines, "str").code == "cost_exceeded"
