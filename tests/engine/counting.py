# SPDX-License-Identifier: Apache-2.0
"""An application that counts bytes: its app hash is a hash over all that was delivered."""

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from hanse.engines.cometbft import messages as abci
from hanse.engines.cometbft.application import Application
from hanse.engines.cometbft.parts import ExecTxResult, ProposalStatus, ValidatorUpdate

GENESIS = hashlib.sha256(b"genesis").digest()


@dataclass
class Counting(Application):
    """Keeps its height, hash and byte count in one small file; ``durable_lag`` blocks behind."""

    file: Path
    durable_lag: int = 0
    height: int = 0
    app_hash: bytes = GENESIS
    bytes_seen: int = 0
    replayed: list[int] = field(default_factory=list)
    updates: dict[int, tuple[ValidatorUpdate, ...]] = field(default_factory=dict)
    waiting: dict[bytes, bytes] = field(default_factory=dict)
    fresh: deque[bytes] = field(default_factory=deque)
    history: dict[int, bytes] = field(default_factory=dict)
    signers: dict[int, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    failing_at: int = 0
    _next: tuple[int, bytes, int] = (0, GENESIS, 0)

    def __post_init__(self) -> None:
        if self.file.exists():
            height, digest, seen = self.file.read_text(encoding="ascii").split()
            self.height, self.app_hash = int(height), bytes.fromhex(digest)
            self.bytes_seen = int(seen)
        self.history[self.height] = self.app_hash
        self.grown = asyncio.Event()

    def submit(self, payload: bytes) -> None:
        """Take a submission at this node."""
        key = hashlib.sha256(payload).digest()
        if key not in self.waiting:
            self.waiting[key] = payload
            self.fresh.append(payload)

    async def info(self, request: abci.RequestInfo) -> abci.ResponseInfo:
        del request
        self.replayed.clear()
        return abci.ResponseInfo(
            data="counting",
            version="1",
            last_block_height=self.height,
            last_block_app_hash=self.app_hash if self.height else b"",
        )

    async def init_chain(self, request: abci.RequestInitChain) -> abci.ResponseInitChain:
        assert request.initial_height == 1
        return abci.ResponseInitChain(app_hash=GENESIS)

    async def check_tx(self, request: abci.RequestCheckTx) -> abci.ResponseCheckTx:
        del request
        return abci.ResponseCheckTx(code=1)

    async def insert_tx(self, request: abci.RequestInsertTx) -> abci.ResponseInsertTx:
        self.waiting.setdefault(hashlib.sha256(request.tx).digest(), request.tx)
        return abci.ResponseInsertTx()

    async def reap_txs(self, request: abci.RequestReapTxs) -> abci.ResponseReapTxs:
        del request
        found = tuple(self.fresh)
        self.fresh.clear()
        return abci.ResponseReapTxs(found)

    async def prepare_proposal(
        self, request: abci.RequestPrepareProposal
    ) -> abci.ResponsePrepareProposal:
        chosen, size = [], 0
        for payload in self.waiting.values():
            size += len(payload) + 16
            if size > request.max_tx_bytes:
                break
            chosen.append(payload)
        return abci.ResponsePrepareProposal(tuple(chosen))

    async def process_proposal(
        self, request: abci.RequestProcessProposal
    ) -> abci.ResponseProcessProposal:
        del request
        return abci.ResponseProcessProposal(ProposalStatus.ACCEPT)

    async def finalize_block(
        self, request: abci.RequestFinalizeBlock
    ) -> abci.ResponseFinalizeBlock:
        if request.height == self.failing_at:
            raise RuntimeError("told to fail")
        digest, seen = self.app_hash, self.bytes_seen
        for payload in request.txs:
            digest = hashlib.sha256(digest + payload).digest()
            seen += len(payload)
            self.waiting.pop(hashlib.sha256(payload).digest(), None)
        self._next = (request.height, digest, seen)
        self.replayed.append(request.height)
        self.signers[request.height] = sum(
            vote.block_id_flag == 2 for vote in request.decided_last_commit.votes
        )
        return abci.ResponseFinalizeBlock(
            tx_results=tuple(ExecTxResult() for _ in request.txs),
            validator_updates=self.updates.get(request.height, ()),
            app_hash=digest,
        )

    async def commit(self, request: abci.RequestCommit) -> abci.ResponseCommit:
        del request
        self.height, self.app_hash, self.bytes_seen = self._next
        self.history[self.height] = self.app_hash
        if not self.durable_lag or self.height % self.durable_lag == 0:
            text = f"{self.height} {self.app_hash.hex()} {self.bytes_seen}"
            self.file.write_text(text, encoding="ascii")
        self.grown.set()
        return abci.ResponseCommit()

    async def reached(self, height: int, timeout_s: float = 30) -> None:
        """Return once this height is committed."""
        async with asyncio.timeout(timeout_s):
            while self.height < height:
                self.grown.clear()
                await self.grown.wait()
