# SPDX-License-Identifier: Apache-2.0
"""Four nodes of one ledger in this process; the test plays the engine between them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hanse.client import Drafter, decode_genesis
from hanse.client.bulk import encode_args
from hanse.codec.documents import Transaction, decode_transaction
from hanse.crypto import signers
from hanse.crypto.signers import Signer
from hanse.engines.cometbft import messages as m
from hanse.engines.cometbft.engine import CometApplication
from hanse.engines.cometbft.home import Keys
from hanse.engines.cometbft.parts import ProposalStatus, Timestamp
from hanse.node import service as service_module
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import Folder, make_folder, open_folder
from hanse.node.founding import Founder, Operator, found
from hanse.node.service import NodeService
from hanse.testing.smallbank import APP

MINUTE = 60_000
ORGANISATIONS = ("acme", "bank", "city", "dock")
SUITE = "ed25519-sha256"


class Played:
    """An engine that does nothing by itself: the test asks its application."""

    rpc = None  # no proofs are asked for here
    budget: object = None

    def __init__(self, application: CometApplication, *rest: object) -> None:
        del rest
        self.application = application
        self.check, self.submit = application.check, application.submit

    @property
    def waiting(self) -> int:
        return self.application.waiting

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    async def wait(self) -> None:
        await asyncio.Event().wait()


class Net:
    """The nodes, and the block that is next."""

    def __init__(self, folders: list[Folder], keys: dict[str, Signer]) -> None:
        self.folders = folders
        self.keys = keys
        self.nodes: list[NodeService] = []
        self.height = 1
        self.time_ms = wall_clock_ms()

    async def start(self) -> None:
        for folder in self.folders:
            self.nodes.append(await self._started(folder))
        for application in self.applications:
            asked = m.RequestInitChain(chain_id=self.nodes[0].ledger, initial_height=1)
            assert (await application.init_chain(asked)).app_hash == self.hosts[0].durable()[1]
        what = ("smallbank", "create_account")
        sent = []
        for index, organisation in enumerate(ORGANISATIONS):
            args = encode_args({"account": organisation, "checking": 5, "savings": 5})
            draft = self._pen(index).draft(what, args, 2_000, wall_clock_ms() + MINUTE)
            sent.append(asyncio.ensure_future(self.nodes[index].submit([draft.raw])))
        await self.blocks_until(sent)

    async def _started(self, folder: Folder) -> NodeService:
        service = NodeService(folder, (APP,))
        await service.start()
        return service

    async def restart(self, index: int) -> None:
        await self.nodes[index].stop()
        self.nodes[index] = await self._started(open_folder(self.folders[index].path))

    async def stop(self) -> None:
        for node in self.nodes:
            await node.stop()

    @property
    def applications(self) -> list[CometApplication]:
        engines: list[Any] = [node._engine for node in self.nodes]
        return [engine.application for engine in engines]

    @property
    def hosts(self) -> list[Any]:
        return [application._host for application in self.applications]

    def _pen(self, index: int) -> Drafter:
        member = f"al@{ORGANISATIONS[index]}"
        return Drafter(decode_genesis(self.nodes[0].genesis_bytes), member, "k1", self.keys[member])

    def pay(self, index: int, *, cost: int = 2_000, expires: int = 5 * MINUTE) -> bytes:
        args = encode_args({"account": ORGANISATIONS[index], "amount_minor": 1})
        what = ("smallbank", "deposit_checking")
        return self._pen(index).draft(what, args, cost, wall_clock_ms() + expires).raw

    @property
    def tagged(self) -> Callable[[str, bytes], bytes]:
        return self.nodes[0].hash.tagged

    def decoded(self, raw: bytes) -> Transaction:
        return decode_transaction(raw, self.tagged)

    def records(self, node: NodeService) -> list[Any]:
        """Return the records of the newest block."""
        found = node.reader.stored(int(node.status()["height"]))
        assert found is not None
        return list(found[0].records)

    async def gossip(self, only: Sequence[int] = (0, 1, 2, 3)) -> None:
        """Give every node what the others have taken in."""
        await asyncio.sleep(0.1)  # for their signatures, and for submissions to be made
        for index in only:
            fresh = (await self.applications[index].reap_txs(m.RequestReapTxs())).txs
            for other, application in enumerate(self.applications):
                for raw in fresh:
                    if other != index:
                        answer = await application.insert_tx(m.RequestInsertTx(tx=raw))
                        assert answer.code == 0

    def proposal(self) -> m.RequestPrepareProposal:
        return m.RequestPrepareProposal(max_tx_bytes=8 << 20, height=self.height)

    def finalize(self, txs: tuple[bytes, ...]) -> m.RequestFinalizeBlock:
        time = Timestamp(self.time_ms // 1_000, self.time_ms % 1_000 * 1_000_000)
        return m.RequestFinalizeBlock(txs=txs, height=self.height, time=time)

    async def block(self, proposer: int = 0) -> None:
        """Make one block: propose, judge, execute, keep; all must agree."""
        txs = (await self.applications[proposer].prepare_proposal(self.proposal())).txs
        hashes = set()
        for application in self.applications:
            asked = m.RequestProcessProposal(txs=txs, height=self.height)
            answer = await application.process_proposal(asked)
            assert answer.status == ProposalStatus.ACCEPT
        for application in self.applications:
            hashes.add((await application.finalize_block(self.finalize(txs))).app_hash)
            await application.commit(m.RequestCommit())
        assert len(hashes) == 1
        self.height += 1
        self.time_ms = max(self.time_ms + 1, wall_clock_ms())

    async def blocks_until(self, sent: Sequence[asyncio.Future[Any]]) -> None:
        """Make blocks until all of these are answered."""
        for turn in range(8):
            await self.gossip()
            await self.block(turn % 4)
            if all(future.done() for future in sent):
                return
        raise AssertionError("no answer after eight blocks")


def run(tmp_path: Path, scenario: Callable[[Net], Awaitable[None]]) -> None:
    """Run ``scenario`` on four fresh nodes."""

    async def main() -> None:
        keys = {f"al@{name}": signers.generate(SUITE) for name in ORGANISATIONS}
        nodes = {name: signers.generate(SUITE) for name in ORGANISATIONS}
        engine = {o: Keys(signers.generate(SUITE), signers.generate(SUITE)) for o in ORGANISATIONS}
        operators = [
            Operator(f"n-{o}", o, nodes[o], engine[o].voting.public_key) for o in ORGANISATIONS
        ]
        genesis = found(
            network="four",
            time_ms=wall_clock_ms() - MINUTE,
            organisations={name: name.title() for name in ORGANISATIONS},
            members={name: Founder(("admin",), key) for name, key in keys.items()},
            operator=operators[0],
            others=operators[1:],
            contracts=APP.contracts,
        )
        folders = [
            make_folder(tmp_path / o, genesis, f"n-{o}", nodes[o], engine[o]) for o in ORGANISATIONS
        ]
        net = Net(folders, keys)
        with patch.object(service_module, "CometEngine", Played):
            await net.start()
            try:
                await scenario(net)
            finally:
                await net.stop()

    asyncio.run(main())
