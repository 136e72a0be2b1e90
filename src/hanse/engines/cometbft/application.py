# SPDX-License-Identifier: Apache-2.0
"""What CometBFT asks of an application, with the answers that need no thought."""

from hanse.engines.cometbft import messages as abci
from hanse.engines.cometbft.parts import ChunkResult, OfferResult, VerifyStatus


class Application:
    """One method per call of ABCI 2.0; what Hanse does not use is answered here.

    CometBFT opens four connections: consensus, mempool, query and snapshot. Calls of one
    connection follow one another; those of different connections overlap at each ``await``. A
    method that raises ends the engine: nothing is asked after it.
    """

    async def echo(self, request: abci.RequestEcho) -> abci.ResponseEcho:
        """Answer the same text."""
        return abci.ResponseEcho(request.message)

    async def flush(self, request: abci.RequestFlush) -> abci.ResponseFlush:
        """Answer; the server sends what waits."""
        del request
        return abci.ResponseFlush()

    # query

    async def info(self, request: abci.RequestInfo) -> abci.ResponseInfo:
        """Answer the last height that is durable, never more; the engine replays from there."""
        raise NotImplementedError

    async def query(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        """Refuse: reads go to the gateway, with proofs."""
        return abci.ResponseQuery(code=1, log="read through the gateway", height=request.height)

    # mempool

    async def check_tx(self, request: abci.RequestCheckTx) -> abci.ResponseCheckTx:
        """Judge what came over the engine's RPC, which ours never offers."""
        raise NotImplementedError

    async def insert_tx(self, request: abci.RequestInsertTx) -> abci.ResponseInsertTx:
        """Take a submission that a peer sent, or refuse it."""
        raise NotImplementedError

    async def reap_txs(self, request: abci.RequestReapTxs) -> abci.ResponseReapTxs:
        """Hand over what the peers have not been sent yet."""
        raise NotImplementedError

    # consensus

    async def init_chain(self, request: abci.RequestInitChain) -> abci.ResponseInitChain:
        """Begin at the genesis; may come again until height 1 is durable."""
        raise NotImplementedError

    async def prepare_proposal(
        self, request: abci.RequestPrepareProposal
    ) -> abci.ResponsePrepareProposal:
        """Choose the submissions of a block, at most ``max_tx_bytes`` with their framing."""
        raise NotImplementedError

    async def process_proposal(
        self, request: abci.RequestProcessProposal
    ) -> abci.ResponseProcessProposal:
        """Judge a proposed block by what every honest node judges alike."""
        raise NotImplementedError

    async def extend_vote(self, request: abci.RequestExtendVote) -> abci.ResponseExtendVote:
        """Add nothing to a vote."""
        del request
        return abci.ResponseExtendVote()

    async def verify_vote_extension(
        self, request: abci.RequestVerifyVoteExtension
    ) -> abci.ResponseVerifyVoteExtension:
        """Take a vote to which nothing was added."""
        empty = not request.vote_extension
        return abci.ResponseVerifyVoteExtension(
            VerifyStatus.ACCEPT if empty else VerifyStatus.REJECT
        )

    async def finalize_block(
        self, request: abci.RequestFinalizeBlock
    ) -> abci.ResponseFinalizeBlock:
        """Execute a block that more than two thirds committed; keep nothing yet."""
        raise NotImplementedError

    async def commit(self, request: abci.RequestCommit) -> abci.ResponseCommit:
        """Keep what the last FinalizeBlock made."""
        raise NotImplementedError

    # snapshot

    async def list_snapshots(
        self, request: abci.RequestListSnapshots
    ) -> abci.ResponseListSnapshots:
        """Offer none."""
        del request
        return abci.ResponseListSnapshots()

    async def offer_snapshot(
        self, request: abci.RequestOfferSnapshot
    ) -> abci.ResponseOfferSnapshot:
        """Take none."""
        del request
        return abci.ResponseOfferSnapshot(OfferResult.REJECT)

    async def load_snapshot_chunk(
        self, request: abci.RequestLoadSnapshotChunk
    ) -> abci.ResponseLoadSnapshotChunk:
        """Have no chunk."""
        del request
        return abci.ResponseLoadSnapshotChunk()

    async def apply_snapshot_chunk(
        self, request: abci.RequestApplySnapshotChunk
    ) -> abci.ResponseApplySnapshotChunk:
        """Take no chunk."""
        del request
        return abci.ResponseApplySnapshotChunk(ChunkResult.ABORT)
