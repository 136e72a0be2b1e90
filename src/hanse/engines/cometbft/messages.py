# SPDX-License-Identifier: Apache-2.0
"""The requests and responses of ABCI 2.0, and which answers which.

Names, numbers and types are those of CometBFT 0.40 (``tendermint.abci``), in British spelling, so
that its pages explain them; the docstrings say what the engine wants.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from hanse.engines.cometbft.parts import (
    EPOCH,
    NO_COMMIT,
    NO_EXTENDED_COMMIT,
    CheckTxType,
    ChunkResult,
    CommitInfo,
    ConsensusParams,
    Event,
    ExecTxResult,
    ExtendedCommitInfo,
    Misbehaviour,
    OfferResult,
    ProofOps,
    ProposalStatus,
    Snapshot,
    Timestamp,
    ValidatorUpdate,
    VerifyStatus,
)
from hanse.engines.cometbft.wire import At

# requests


@dataclass(frozen=True, slots=True)
class RequestEcho:
    """Say the same."""

    message: Annotated[str, At(1)] = ""


@dataclass(frozen=True, slots=True)
class RequestFlush:
    """Send every answer that waits."""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """Say how far you are."""

    version: Annotated[str, At(1)] = ""
    block_version: Annotated[int, At(2, "uint64")] = 0
    p2p_version: Annotated[int, At(3, "uint64")] = 0
    abci_version: Annotated[str, At(4)] = ""


@dataclass(frozen=True, slots=True)
class RequestInitChain:
    """Begin at the genesis; comes as long as Info answers height 0."""

    time: Annotated[Timestamp, At(1)] = EPOCH
    chain_id: Annotated[str, At(2)] = ""
    consensus_params: Annotated[ConsensusParams | None, At(3)] = None
    validators: Annotated[tuple[ValidatorUpdate, ...], At(4)] = ()
    app_state_bytes: Annotated[bytes, At(5)] = b""
    initial_height: Annotated[int, At(6)] = 0


@dataclass(frozen=True, slots=True)
class RequestQuery:
    """Read something."""

    data: Annotated[bytes, At(1)] = b""
    path: Annotated[str, At(2)] = ""
    height: Annotated[int, At(3)] = 0
    prove: Annotated[bool, At(4)] = False


@dataclass(frozen=True, slots=True)
class RequestCheckTx:
    """Judge a submission that came over the engine's RPC."""

    tx: Annotated[bytes, At(1)] = b""
    type: Annotated[CheckTxType, At(2)] = CheckTxType.NEW


@dataclass(frozen=True, slots=True)
class RequestCommit:
    """Keep what the last FinalizeBlock made."""


@dataclass(frozen=True, slots=True)
class RequestListSnapshots:
    """Name the snapshots that others may have."""


@dataclass(frozen=True, slots=True)
class RequestOfferSnapshot:
    """A peer has this snapshot; the app hash is that of a header with two thirds of the votes."""

    snapshot: Annotated[Snapshot | None, At(1)] = None
    app_hash: Annotated[bytes, At(2)] = b""


@dataclass(frozen=True, slots=True)
class RequestLoadSnapshotChunk:
    """Give a peer a chunk."""

    height: Annotated[int, At(1, "uint64")] = 0
    format: Annotated[int, At(2, "uint32")] = 0
    chunk: Annotated[int, At(3, "uint32")] = 0


@dataclass(frozen=True, slots=True)
class RequestApplySnapshotChunk:
    """Take a chunk from a peer."""

    index: Annotated[int, At(1, "uint32")] = 0
    chunk: Annotated[bytes, At(2)] = b""
    sender: Annotated[str, At(3)] = ""


@dataclass(frozen=True, slots=True)
class RequestPrepareProposal:
    """This node proposes: say what the block shall hold."""

    max_tx_bytes: Annotated[int, At(1)] = 0
    txs: Annotated[tuple[bytes, ...], At(2)] = ()
    local_last_commit: Annotated[ExtendedCommitInfo, At(3)] = NO_EXTENDED_COMMIT
    misbehaviour: Annotated[tuple[Misbehaviour, ...], At(4)] = ()
    height: Annotated[int, At(5)] = 0
    time: Annotated[Timestamp, At(6)] = EPOCH
    next_validators_hash: Annotated[bytes, At(7)] = b""
    proposer_address: Annotated[bytes, At(8)] = b""


@dataclass(frozen=True, slots=True)
class RequestProcessProposal:
    """Another proposes: judge its block."""

    txs: Annotated[tuple[bytes, ...], At(1)] = ()
    proposed_last_commit: Annotated[CommitInfo, At(2)] = NO_COMMIT
    misbehaviour: Annotated[tuple[Misbehaviour, ...], At(3)] = ()
    hash: Annotated[bytes, At(4)] = b""
    height: Annotated[int, At(5)] = 0
    time: Annotated[Timestamp, At(6)] = EPOCH
    next_validators_hash: Annotated[bytes, At(7)] = b""
    proposer_address: Annotated[bytes, At(8)] = b""


@dataclass(frozen=True, slots=True)
class RequestExtendVote:
    """Add something to this node's vote; never asked on our networks."""

    hash: Annotated[bytes, At(1)] = b""
    height: Annotated[int, At(2)] = 0
    time: Annotated[Timestamp, At(3)] = EPOCH
    txs: Annotated[tuple[bytes, ...], At(4)] = ()
    proposed_last_commit: Annotated[CommitInfo, At(5)] = NO_COMMIT
    misbehaviour: Annotated[tuple[Misbehaviour, ...], At(6)] = ()
    next_validators_hash: Annotated[bytes, At(7)] = b""
    proposer_address: Annotated[bytes, At(8)] = b""


@dataclass(frozen=True, slots=True)
class RequestVerifyVoteExtension:
    """Judge what another added to its vote; never asked on our networks."""

    hash: Annotated[bytes, At(1)] = b""
    validator_address: Annotated[bytes, At(2)] = b""
    height: Annotated[int, At(3)] = 0
    vote_extension: Annotated[bytes, At(4)] = b""


@dataclass(frozen=True, slots=True)
class RequestFinalizeBlock:
    """More than two thirds committed this block: execute it."""

    txs: Annotated[tuple[bytes, ...], At(1)] = ()
    decided_last_commit: Annotated[CommitInfo, At(2)] = NO_COMMIT
    misbehaviour: Annotated[tuple[Misbehaviour, ...], At(3)] = ()
    hash: Annotated[bytes, At(4)] = b""
    height: Annotated[int, At(5)] = 0
    time: Annotated[Timestamp, At(6)] = EPOCH
    next_validators_hash: Annotated[bytes, At(7)] = b""
    proposer_address: Annotated[bytes, At(8)] = b""


@dataclass(frozen=True, slots=True)
class RequestInsertTx:
    """A peer sent this submission."""

    tx: Annotated[bytes, At(1)] = b""


@dataclass(frozen=True, slots=True)
class RequestReapTxs:
    """Name the submissions that are to go to the peers, each once."""

    max_bytes: Annotated[int, At(1, "uint64")] = 0
    max_gas: Annotated[int, At(2, "uint64")] = 0


# responses


@dataclass(frozen=True, slots=True)
class ResponseException:
    """The application failed; the engine ends."""

    error: Annotated[str, At(1)] = ""


@dataclass(frozen=True, slots=True)
class ResponseEcho:
    """The same."""

    message: Annotated[str, At(1)] = ""


@dataclass(frozen=True, slots=True)
class ResponseFlush:
    """Every answer before this one was sent."""


@dataclass(frozen=True, slots=True)
class ResponseInfo:
    """The last height that is durable, and its app hash; never more than that."""

    data: Annotated[str, At(1)] = ""
    version: Annotated[str, At(2)] = ""
    app_version: Annotated[int, At(3, "uint64")] = 0
    last_block_height: Annotated[int, At(4)] = 0
    last_block_app_hash: Annotated[bytes, At(5)] = b""


@dataclass(frozen=True, slots=True)
class ResponseInitChain:
    """The app hash that the engine's first header carries."""

    consensus_params: Annotated[ConsensusParams | None, At(1)] = None
    validators: Annotated[tuple[ValidatorUpdate, ...], At(2)] = ()
    app_hash: Annotated[bytes, At(3)] = b""


@dataclass(frozen=True, slots=True)
class ResponseQuery:
    """What was read."""

    code: Annotated[int, At(1, "uint32")] = 0
    log: Annotated[str, At(3)] = ""
    info: Annotated[str, At(4)] = ""
    index: Annotated[int, At(5)] = 0
    key: Annotated[bytes, At(6)] = b""
    value: Annotated[bytes, At(7)] = b""
    proof_ops: Annotated[ProofOps | None, At(8)] = None
    height: Annotated[int, At(9)] = 0
    codespace: Annotated[str, At(10)] = ""


@dataclass(frozen=True, slots=True)
class ResponseCheckTx:
    """Code 0 takes the submission."""

    code: Annotated[int, At(1, "uint32")] = 0
    data: Annotated[bytes, At(2)] = b""
    log: Annotated[str, At(3)] = ""
    info: Annotated[str, At(4)] = ""
    gas_wanted: Annotated[int, At(5)] = 0
    gas_used: Annotated[int, At(6)] = 0
    events: Annotated[tuple[Event, ...], At(7)] = ()
    codespace: Annotated[str, At(8)] = ""


@dataclass(frozen=True, slots=True)
class ResponseCommit:
    """Blocks below ``retain_height`` may be dropped by the engine; 0 keeps all."""

    retain_height: Annotated[int, At(3)] = 0


@dataclass(frozen=True, slots=True)
class ResponseListSnapshots:
    """What others may have."""

    snapshots: Annotated[tuple[Snapshot, ...], At(1)] = ()


@dataclass(frozen=True, slots=True)
class ResponseOfferSnapshot:
    """Whether to fetch it."""

    result: Annotated[OfferResult, At(1)] = OfferResult.UNKNOWN


@dataclass(frozen=True, slots=True)
class ResponseLoadSnapshotChunk:
    """The chunk; empty when there is none."""

    chunk: Annotated[bytes, At(1)] = b""


@dataclass(frozen=True, slots=True)
class ResponseApplySnapshotChunk:
    """Whether to go on, which chunks to fetch again, whom to refuse."""

    result: Annotated[ChunkResult, At(1)] = ChunkResult.UNKNOWN
    refetch_chunks: Annotated[tuple[int, ...], At(2, "uint32")] = ()
    reject_senders: Annotated[tuple[str, ...], At(3)] = ()


@dataclass(frozen=True, slots=True)
class ResponsePrepareProposal:
    """The submissions of the block."""

    txs: Annotated[tuple[bytes, ...], At(1)] = ()


@dataclass(frozen=True, slots=True)
class ResponseProcessProposal:
    """Whether to vote for it."""

    status: Annotated[ProposalStatus, At(1)] = ProposalStatus.UNKNOWN


@dataclass(frozen=True, slots=True)
class ResponseExtendVote:
    """The addition to the vote."""

    vote_extension: Annotated[bytes, At(1)] = b""


@dataclass(frozen=True, slots=True)
class ResponseVerifyVoteExtension:
    """Whether to take the vote."""

    status: Annotated[VerifyStatus, At(1)] = VerifyStatus.UNKNOWN


@dataclass(frozen=True, slots=True)
class ResponseFinalizeBlock:
    """What the block did: a result per submission, and the app hash of the next header.

    Validator updates of engine height E are in force from E + 2.
    """

    events: Annotated[tuple[Event, ...], At(1)] = ()
    tx_results: Annotated[tuple[ExecTxResult, ...], At(2)] = ()
    validator_updates: Annotated[tuple[ValidatorUpdate, ...], At(3)] = ()
    consensus_param_updates: Annotated[ConsensusParams | None, At(4)] = None
    app_hash: Annotated[bytes, At(5)] = b""


@dataclass(frozen=True, slots=True)
class ResponseInsertTx:
    """Code 0 takes it; from 32,000 on, a peer may send it again a little later."""

    code: Annotated[int, At(1, "uint32")] = 0


@dataclass(frozen=True, slots=True)
class ResponseReapTxs:
    """The submissions for the peers."""

    txs: Annotated[tuple[bytes, ...], At(1)] = ()


# the envelope: number in the request's choice, name of the method, number in the response's choice

EXCEPTION_NUMBER: Final = 1
CALLS: Final[tuple[tuple[int, type, str, type, int], ...]] = (
    (1, RequestEcho, "echo", ResponseEcho, 2),
    (2, RequestFlush, "flush", ResponseFlush, 3),
    (3, RequestInfo, "info", ResponseInfo, 4),
    (5, RequestInitChain, "init_chain", ResponseInitChain, 6),
    (6, RequestQuery, "query", ResponseQuery, 7),
    (8, RequestCheckTx, "check_tx", ResponseCheckTx, 9),
    (11, RequestCommit, "commit", ResponseCommit, 12),
    (12, RequestListSnapshots, "list_snapshots", ResponseListSnapshots, 13),
    (13, RequestOfferSnapshot, "offer_snapshot", ResponseOfferSnapshot, 14),
    (14, RequestLoadSnapshotChunk, "load_snapshot_chunk", ResponseLoadSnapshotChunk, 15),
    (15, RequestApplySnapshotChunk, "apply_snapshot_chunk", ResponseApplySnapshotChunk, 16),
    (16, RequestPrepareProposal, "prepare_proposal", ResponsePrepareProposal, 17),
    (17, RequestProcessProposal, "process_proposal", ResponseProcessProposal, 18),
    (18, RequestExtendVote, "extend_vote", ResponseExtendVote, 19),
    (19, RequestVerifyVoteExtension, "verify_vote_extension", ResponseVerifyVoteExtension, 20),
    (20, RequestFinalizeBlock, "finalize_block", ResponseFinalizeBlock, 21),
    (21, RequestInsertTx, "insert_tx", ResponseInsertTx, 22),
    (22, RequestReapTxs, "reap_txs", ResponseReapTxs, 23),
)
