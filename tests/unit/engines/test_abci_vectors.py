# SPDX-License-Identifier: Apache-2.0
"""Every message of ABCI 2.0 has the bytes that CometBFT's own Go types write."""

import json
from pathlib import Path
from typing import Any

import pytest

from hanse.engines.cometbft import messages as abci
from hanse.engines.cometbft import parts
from hanse.engines.cometbft.abci import (
    frame_request,
    frame_response,
    next_frame,
    parse_request,
    parse_response,
)

VECTORS = json.loads((Path(__file__).parent / "abci_vectors.json").read_text(encoding="ascii"))

TIME = parts.Timestamp(1_764_510_000, 123_456_789)
HASH = b"\x05" * 32
ONE = parts.Validator(b"\x01" * 20, 10)
TWO = parts.Validator(b"\x02" * 20, 300)
COMMIT = parts.CommitInfo(
    1,
    (
        parts.VoteInfo(ONE, parts.BlockIdFlag.COMMIT),
        parts.VoteInfo(TWO, parts.BlockIdFlag.ABSENT),
    ),
)
EXTENDED = parts.ExtendedCommitInfo(
    2, (parts.ExtendedVoteInfo(ONE, b"e", b"\x03" * 64, parts.BlockIdFlag.NIL),)
)
MISBEHAVIOUR = (parts.Misbehaviour(parts.MisbehaviourType.DUPLICATE_VOTE, TWO, 9, TIME, 1 << 40),)
PARAMS = parts.ConsensusParams(
    parts.BlockParams(16 << 20, -1),
    parts.EvidenceParams(100_000, parts.Duration(48 * 3600), 1 << 20),
    parts.ValidatorParams(("ed25519",)),
    parts.VersionParams(1),
    parts.AbciParams(),
    parts.AuthorityParams(),
)
UPDATES = (
    parts.ValidatorUpdate(parts.PublicKey(b"\x07" * 32), 10),
    parts.ValidatorUpdate(parts.PublicKey(b"\x08" * 32), 0),
)
TXS = (b"a", b"\x09" * 300, b"")
EVENTS = (parts.Event("t", (parts.EventAttribute("k", "v", True),)),)
SNAPSHOT = parts.Snapshot(1 << 63, 1, 4_294_967_295, b"\x04" * 32, b"m")

REQUESTS = [
    abci.RequestEcho("grüße"),
    abci.RequestFlush(),
    abci.RequestInfo("0.39.0", 11, 9, "2.0.0"),
    abci.RequestInitChain(TIME, "ledger", PARAMS, UPDATES, b"{}", 1),
    abci.RequestQuery(b"d", "/p", 5, True),
    abci.RequestCheckTx(b"tx", parts.CheckTxType.RECHECK),
    abci.RequestCommit(),
    abci.RequestListSnapshots(),
    abci.RequestOfferSnapshot(SNAPSHOT, HASH),
    abci.RequestLoadSnapshotChunk(3, 1, 2),
    abci.RequestApplySnapshotChunk(2, b"c", "s"),
    abci.RequestPrepareProposal(1 << 20, TXS, EXTENDED, MISBEHAVIOUR, 10, TIME, HASH, ONE.address),
    abci.RequestProcessProposal(TXS, COMMIT, MISBEHAVIOUR, HASH, 10, TIME, HASH, ONE.address),
    abci.RequestExtendVote(HASH, 10, TIME, TXS, COMMIT, MISBEHAVIOUR, HASH, ONE.address),
    abci.RequestVerifyVoteExtension(HASH, ONE.address, 10, b"e"),
    abci.RequestFinalizeBlock(TXS, COMMIT, MISBEHAVIOUR, HASH, 10, TIME, HASH, ONE.address),
    # Go's zero time is the year 1
    abci.RequestFinalizeBlock(height=1, time=parts.Timestamp(-62_135_596_800)),
    abci.RequestInsertTx(b"\x09" * 200),
    abci.RequestReapTxs(1 << 63, 1),
]
RESPONSES = [
    abci.ResponseException("no"),
    abci.ResponseEcho("grüße"),
    abci.ResponseFlush(),
    abci.ResponseInfo("hanse", "0.1", 1, 12, HASH),
    abci.ResponseInitChain(PARAMS, UPDATES, HASH),
    abci.ResponseQuery(
        *(1, "l", "i", -1, b"k", b"v"),
        parts.ProofOps((parts.ProofOp("t", b"k", b"d"),)),
        *(7, "c"),
    ),
    abci.ResponseCheckTx(32_000, b"d", "l", "i", -1, 2, EVENTS, "c"),
    abci.ResponseCommit(99),
    abci.ResponseListSnapshots((SNAPSHOT,)),
    abci.ResponseOfferSnapshot(parts.OfferResult.REJECT_SENDER),
    abci.ResponseLoadSnapshotChunk(b"c"),
    abci.ResponseApplySnapshotChunk(parts.ChunkResult.RETRY, (0, 300, 4_294_967_295), ("a", "b")),
    abci.ResponsePrepareProposal(TXS),
    abci.ResponseProcessProposal(parts.ProposalStatus.ACCEPT),
    abci.ResponseExtendVote(b"e"),
    abci.ResponseVerifyVoteExtension(parts.VerifyStatus.REJECT),
    abci.ResponseFinalizeBlock(
        EVENTS,
        (
            parts.ExecTxResult(),
            parts.ExecTxResult(4, b"d", "l", "i", 1, -9, EVENTS, "c"),
        ),
        UPDATES,
        PARAMS,
        HASH,
    ),
    abci.ResponseInsertTx(1),
    abci.ResponseReapTxs(TXS),
]


def payload(frame: bytes) -> bytes:
    """Return what a frame holds; it is all of it."""
    found = next_frame(bytearray(frame), 0)
    assert found is not None
    assert found[1] == len(frame)
    return frame[found[0] :]


@pytest.mark.parametrize(
    ("request_", "frame"),
    list(zip(REQUESTS, VECTORS["requests"], strict=True)),
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_request_has_the_bytes_that_go_writes(request_: Any, frame: str) -> None:
    data = bytes.fromhex(frame)
    assert parse_request(payload(data)) == request_
    assert frame_request(request_).hex() == frame


@pytest.mark.parametrize(
    ("response", "frame"),
    list(zip(RESPONSES, VECTORS["responses"], strict=True)),
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_response_has_the_bytes_that_go_writes(response: Any, frame: str) -> None:
    data = bytes.fromhex(frame)
    assert frame_response(response).hex() == frame
    assert parse_response(payload(data)) == response


def test_every_call_is_among_them() -> None:
    assert {type(value) for value in REQUESTS} == {kind for _, kind, _, _, _ in abci.CALLS}
    answers = {kind for _, _, _, kind, _ in abci.CALLS} | {abci.ResponseException}
    assert {type(value) for value in RESPONSES} == answers
