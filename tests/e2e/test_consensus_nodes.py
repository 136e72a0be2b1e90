# SPDX-License-Identifier: Apache-2.0
"""Four nodes under one hand that plays the engine: what each does when CometBFT asks.

The engine itself is in ``tests/engine``; here every step of ABCI is taken by the test, so that a
proposer may lie, a node may be asked again, and all may be compared after each block.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.consensus_rig import MINUTE, Net, run

from hanse.codec.submission import make_submission
from hanse.engines.cometbft import messages as m
from hanse.engines.cometbft.parts import ProposalStatus

Scenario = Callable[[Net], Awaitable[None]]


def test_what_one_gateway_admits_every_node_records(tmp_path: Path) -> None:
    async def scenario(net: Net) -> None:
        sent = [asyncio.ensure_future(net.nodes[i].submit([net.pay(i)])) for i in range(4)]
        await net.blocks_until(sent)
        for answers in sent:
            (answer,) = answers.result()
            assert json.loads(answer.body)["status"] == "ok"
        assert len({n.status()["state_root"] for n in net.nodes}) == 1
        assert net.nodes[0].status()["height"] >= 1

    run(tmp_path, scenario)


def test_a_transaction_sent_to_all_gateways_counts_once(tmp_path: Path) -> None:
    async def scenario(net: Net) -> None:
        raw = net.pay(0)
        sent = [asyncio.ensure_future(node.submit([raw])) for node in net.nodes]
        await net.blocks_until(sent)
        assert len({task.result()[0].body for task in sent}) == 1
        assert sum(len(net.records(node)) for node in net.nodes) == 4  # one record, at each node

    run(tmp_path, scenario)


def test_nobody_votes_for_a_block_with_a_bad_signature(tmp_path: Path) -> None:
    async def scenario(net: Net) -> None:
        good = net.decoded(net.pay(0))
        bad = net.decoded(net.pay(0).replace(b'"amount_minor":1', b'"amount_minor":9'))
        host = net.hosts[3]
        forged = make_submission((host.ledger, host.node, 1), (good, bad), host.sign, net.tagged)
        stolen = make_submission(
            (host.ledger, net.hosts[0].node, 1), (good,), host.sign, net.tagged
        )
        for submission in (forged, stolen):
            for application in net.applications[:3]:
                asked = m.RequestProcessProposal(txs=(submission.raw,))
                answer = await application.process_proposal(asked)
                assert answer.status == ProposalStatus.REJECT
                inserted = await application.insert_tx(m.RequestInsertTx(tx=submission.raw))
                assert inserted.code == 1

    run(tmp_path, scenario)


def test_nobody_votes_for_a_node_that_may_not_submit_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(net: Net) -> None:
        for index in (1, 3):
            sent.append(asyncio.ensure_future(net.nodes[index].submit([net.pay(index)])))
        await net.gossip()
        before = (await net.applications[0].prepare_proposal(net.proposal())).txs
        asked = m.RequestProcessProposal(txs=before)
        assert (await net.applications[2].process_proposal(asked)).status == ProposalStatus.ACCEPT
        for host in net.hosts:  # all have verified what they hold; then the state changes
            monkeypatch.setattr(host, "may_submit", lambda node: node != net.hosts[3].node)
        assert (await net.applications[2].process_proposal(asked)).status == ProposalStatus.REJECT
        after = (await net.applications[0].prepare_proposal(net.proposal())).txs
        assert len(before) == 2
        assert len(after) == 1
        await net.block()

    sent: list[asyncio.Future[Any]] = []
    run(tmp_path, scenario)
    sent[1].cancel()


@pytest.mark.parametrize("change", ["twice", "over budget", "no submission"])
def test_nobody_votes_for_a_block_that_breaks_the_rules(tmp_path: Path, change: str) -> None:
    async def scenario(net: Net) -> None:
        host = net.hosts[3]

        def submission(seq: int, count: int, cost: int) -> bytes:
            txs = tuple(net.decoded(net.pay(3, cost=cost)) for _ in range(count))
            return make_submission((host.ledger, host.node, seq), txs, host.sign, net.tagged).raw

        one = submission(1, 1, 2_000)
        txs = {
            "twice": (one, one),
            "over budget": tuple(submission(2 + i, 4, 180_000) for i in range(3)),
            "no submission": (one, b"{}"),
        }[change]
        answer = await net.applications[0].process_proposal(m.RequestProcessProposal(txs=txs))
        assert answer.status == ProposalStatus.REJECT
        fine = await net.applications[0].process_proposal(m.RequestProcessProposal(txs=(one,)))
        assert fine.status == ProposalStatus.ACCEPT

    run(tmp_path, scenario)


def test_the_same_block_asked_again_gives_the_same_answer(tmp_path: Path) -> None:
    async def scenario(net: Net) -> None:
        sent = asyncio.ensure_future(net.nodes[0].submit([net.pay(0)]))
        await net.gossip()
        txs = (await net.applications[0].prepare_proposal(net.proposal())).txs
        asked = net.finalize(txs)
        first = await net.applications[0].finalize_block(asked)
        again = await net.applications[0].finalize_block(asked)  # the engine was started again
        assert first == again
        assert net.hosts[0].durable()[0] < net.height
        await net.applications[0].commit(m.RequestCommit())
        assert net.hosts[0].durable() == (net.height, first.app_hash)
        assert json.loads((await sent)[0].body)["status"] == "ok"
        for application in net.applications[1:]:
            assert (await application.finalize_block(asked)).app_hash == first.app_hash
            await application.commit(m.RequestCommit())

    run(tmp_path, scenario)


def test_an_empty_block_changes_nothing(tmp_path: Path) -> None:
    async def scenario(net: Net) -> None:
        before = net.nodes[0].status()
        for _ in range(3):
            await net.block()
        assert net.nodes[0].status() == before

    run(tmp_path, scenario)


def test_the_order_in_a_block_is_not_the_proposers(tmp_path: Path) -> None:
    async def scenario(net: Net) -> None:
        sent: list[asyncio.Future[Any]] = []
        for index in range(4):
            sent.append(asyncio.ensure_future(net.nodes[index].submit([net.pay(index)])))
        await net.gossip()
        txs = (await net.applications[0].prepare_proposal(net.proposal())).txs
        assert len(txs) == 4
        hashes = set()
        for number, application in enumerate(net.applications):
            turned = txs[number:] + txs[:number]
            hashes.add((await application.finalize_block(net.finalize(turned))).app_hash)
            await application.commit(m.RequestCommit())
        assert len(hashes) == 1
        await asyncio.gather(*sent)

    run(tmp_path, scenario)


def test_what_was_never_ordered_is_answered_as_expired(tmp_path: Path) -> None:
    async def scenario(net: Net) -> None:
        sent = asyncio.ensure_future(net.nodes[0].submit([net.pay(0, expires=MINUTE // 60)]))
        await asyncio.sleep(0.1)
        net.time_ms += 10 * MINUTE
        other = asyncio.ensure_future(net.nodes[1].submit([net.pay(1, expires=30 * MINUTE)]))
        await net.gossip(only=(1,))
        await net.block(proposer=1)
        assert json.loads((await sent)[0].body)["code"] == "expired"
        assert json.loads((await other)[0].body)["status"] == "ok"

    run(tmp_path, scenario)


def test_a_node_that_starts_again_goes_on(tmp_path: Path) -> None:
    async def scenario(net: Net) -> None:
        await net.blocks_until([asyncio.ensure_future(net.nodes[0].submit([net.pay(0)]))])
        at = net.hosts[2].durable()
        await net.restart(2)
        info = await net.applications[2].info(m.RequestInfo())
        assert (info.last_block_height, info.last_block_app_hash) == at
        await net.blocks_until([asyncio.ensure_future(net.nodes[2].submit([net.pay(2)]))])
        assert len({n.status()["state_root"] for n in net.nodes}) == 1

    run(tmp_path, scenario)
