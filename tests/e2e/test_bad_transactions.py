# SPDX-License-Identifier: Apache-2.0
"""Bad transactions at a real node: one clear code each, no record, and the node goes on."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from rig import MINUTE, Rig, run

from hanse.client.bulk import encode_args
from hanse.codec.base64url import to_text
from hanse.codec.limits import COST_MAX, EXPIRY_MS_MAX, TX_BYTES_MAX
from hanse.crypto import signers
from hanse.engines import budget
from hanse.engines.embedded import BLOCK_TXS
from hanse.node.clock import wall_clock_ms
from hanse.node.verifier import Check, verify_here

CORPUS = Path(__file__).parents[1] / "corpus" / "canonical.json"


def test_every_malformed_transaction_of_the_corpus_gets_one_code(tmp_path: Path) -> None:
    cases = json.loads(CORPUS.read_text(encoding="utf-8"))
    rows = [_bytes_of(case) for case in cases]
    assert len(rows) > 200

    async def scenario(rig: Rig) -> None:
        height = rig.service.status()["height"]
        for raw in rows:
            answer = await rig.answer(raw)
            assert not answer["ok"], raw[:60]
            assert answer["code"], raw[:60]
        assert rig.service.status()["height"] == height

    run(tmp_path, scenario)


def _bytes_of(case: dict[str, str]) -> bytes:
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    middle = case["text"] * int(case.get("repeat", 1))
    return (case.get("before", "") + middle + case.get("after", "")).encode()


def _changed(raw: bytes, **body: object) -> bytes:
    document = json.loads(raw)
    document["body"] |= body
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _signature(raw: bytes, value: bytes) -> bytes:
    document = json.loads(raw)
    document["signatures"][0]["signature"] = to_text(value)
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


LOW_ORDER = bytes.fromhex("0100000000000000000000000000000000000000000000000000000000000000")


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("wrong_ledger", lambda rig: _changed(rig.pay(), ledger=to_text(bytes(32)))),
        ("malformed", lambda rig: _changed(rig.pay(), v=2)),
        ("malformed", lambda rig: _changed(rig.pay(), nonce="c2hvcnQ")),
        ("malformed", lambda rig: _changed(rig.pay(), cost_max=True)),
        ("malformed", lambda rig: _changed(rig.pay(), unknown=1)),
        ("number_too_large", lambda rig: _changed(rig.pay(), cost_max=2**53)),
        ("bad_signature", lambda rig: _changed(rig.pay(), cost_max=1_999)),
        ("bad_signature", lambda rig: _signature(rig.pay(), bytes(64))),
        ("bad_signature", lambda rig: _signature(rig.pay(), LOW_ORDER + bytes(32))),
        ("bad_signature", lambda rig: _signature(rig.pay(), b"")),
        (
            "bad_signature",  # a signature of another suite than the registered key's
            lambda rig: rig.pay(rig.pen("al@bank", signer=signers.generate("p256-sha256"))),
        ),
        ("unknown_member", lambda rig: rig.pay(rig.pen("eve@bank", signer=rig.keys["al@bank"]))),
        ("unknown_key", lambda rig: rig.pay(rig.pen("al@bank", "k9", rig.keys["al@bank"]))),
        ("expired", lambda rig: rig.pay(expires=-MINUTE)),
        ("expires_too_late", lambda rig: rig.pay(expires=EXPIRY_MS_MAX + 10 * MINUTE)),
        ("cost_max_too_large", lambda rig: rig.pay(cost=COST_MAX + 1)),
        ("too_large", lambda _: b'{"a":"' + b"x" * TX_BYTES_MAX + b'"}'),
        ("too_large", lambda _: b"[" * 10_000 + b"]" * 10_000),
        ("not_canonical", lambda rig: rig.pay().replace(b'{"body"', b'{"body":1,"body"', 1)),
        ("not_canonical", lambda rig: rig.pay() + b" "),
        ("malformed", lambda rig: rig.pay().replace(b'"cost_max":2000', b'"cost_max":NaN')),
        ("not_canonical", lambda rig: rig.pay().replace(b'"cost_max":2000', b'"cost_max":2e3')),
    ],
)
def test_a_bad_transaction_gets_its_code_and_leaves_no_record(
    tmp_path: Path, code: str, make: Callable[[Rig], bytes]
) -> None:
    async def scenario(rig: Rig) -> None:
        height = rig.service.status()["height"]
        answer = await rig.answer(make(rig))
        assert (answer["ok"], answer["code"]) == (False, code)
        assert answer["hint"]
        assert rig.service.status()["height"] == height

    run(tmp_path, scenario)


def test_a_repeated_transaction_has_one_effect_and_one_receipt(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        raw = rig.pay()
        first = await rig.answer(raw)
        many = await rig.service.submit([raw] * 1_000)
        assert {a.body for a in many} == {
            json.dumps(
                {k: v for k, v in first.items() if k != "ok"}, sort_keys=True, separators=(",", ":")
            ).encode()
        }
        balance = await rig.service.query("smallbank", "balance", {"account": "a1"}, None)
        assert json.loads(bytes(balance["result"])) == 11

    run(tmp_path, scenario)


def test_the_same_nonce_over_other_bytes_is_refused(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        pen = rig.pen("al@bank")
        raw = rig.pay(pen)
        assert (await rig.answer(raw))["status"] == "ok"
        nonce = json.loads(raw)["body"]["nonce"]
        assert (await rig.answer(_changed(rig.pay(pen), nonce=nonce)))["code"] == "nonce_reused"

    run(tmp_path, scenario)


def test_a_revoked_key_signs_nothing_from_the_next_block_on(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        before = rig.pay()
        args: dict[str, object] = {"member": "al@bank", "key_id": "k1"}
        assert (await rig.registry("revoke_key", args, "root@bank"))["status"] == "ok"
        assert (await rig.answer(before))["code"] == "key_not_valid"

    run(tmp_path, scenario)


def test_a_key_of_small_order_cannot_be_registered(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        args: dict[str, object] = {
            "member": "eve@bank",
            "key_id": "k1",
            "public_key": to_text(LOW_ORDER),
            "suite": "ed25519-sha256",
            "roles": [],
        }
        assert (await rig.registry("add_member", args, "root@bank"))["code"] == "bad_key"

    run(tmp_path, scenario)


def test_lines_of_a_large_batch_are_executed_in_their_order_in_several_blocks(
    tmp_path: Path,
) -> None:
    count = 3 * BLOCK_TXS + 2  # the last lines are so few that they are verified at once
    what = ("smallbank", "create_account")

    async def scenario(rig: Rig) -> None:
        pen = rig.pen("al@bank")
        rows = [
            pen.draft(
                what,
                encode_args({"account": f"b{number // 2}", "checking": 1, "savings": 1}),
                2_000,
                wall_clock_ms() + MINUTE,
            ).raw
            for number in range(count)  # each account twice: the second is the one refused
        ]
        answers = [json.loads(a.body) for a in await rig.service.submit(rows)]
        assert [a.get("code") for a in answers] == [None, "already_exists"] * (count // 2)
        places = [(a["height"], a["index"]) for a in answers]
        assert places == sorted(places)
        by_block = Counter(height for height, _ in places)
        assert max(by_block.values()) <= BLOCK_TXS
        assert len(by_block) >= 4

    run(tmp_path, scenario)


def test_transactions_under_verification_count_against_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "PENDING_TXS_MAX", 200)

    async def scenario(rig: Rig) -> None:
        gate = asyncio.Event()

        async def verify(checks: list[Check]) -> bytes:
            await gate.wait()
            return verify_here(checks)

        monkeypatch.setattr(rig.service._verifier, "verify", verify)
        calls = [
            asyncio.create_task(rig.service.submit([rig.pay() for _ in range(100)]))
            for _ in range(3)
        ]
        done, _ = await asyncio.wait(calls, timeout=0.1)
        assert not done
        gate.set()
        first, second, third = await asyncio.gather(*calls)
        assert all(answer.ok for answer in (*first, *second))
        assert {json.loads(answer.body)["code"] for answer in third} == {"queue_full"}
        assert {answer.status for answer in third} == {429}
        assert (await rig.answer(rig.pay()))["status"] == "ok"  # nothing stays counted

    run(tmp_path, scenario)
