# SPDX-License-Identifier: Apache-2.0
"""The values inside the messages of ABCI 2.0; each field's annotation is its place on the wire.

Names, numbers and types are those of CometBFT 0.40 (``tendermint.abci``, ``tendermint.types``), in
British spelling, so that its pages explain them.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Final

from hanse.engines.cometbft.wire import At


class CheckTxType(IntEnum):
    """Why a submission is checked."""

    NEW = 0
    RECHECK = 1


class BlockIdFlag(IntEnum):
    """What a validator's vote in a commit was for."""

    UNKNOWN = 0
    ABSENT = 1
    COMMIT = 2
    NIL = 3


class MisbehaviourType(IntEnum):
    """What a validator was convicted of."""

    UNKNOWN = 0
    DUPLICATE_VOTE = 1
    LIGHT_CLIENT_ATTACK = 2


class ProposalStatus(IntEnum):
    """Whether this node votes for a proposed block."""

    UNKNOWN = 0
    ACCEPT = 1
    REJECT = 2


class VerifyStatus(IntEnum):
    """Whether a vote extension is taken."""

    UNKNOWN = 0
    ACCEPT = 1
    REJECT = 2


class OfferResult(IntEnum):
    """What to do with an offered snapshot."""

    UNKNOWN = 0
    ACCEPT = 1
    ABORT = 2
    REJECT = 3
    REJECT_FORMAT = 4
    REJECT_SENDER = 5


class ChunkResult(IntEnum):
    """What to do after a chunk of a snapshot."""

    UNKNOWN = 0
    ACCEPT = 1
    ABORT = 2
    RETRY = 3
    RETRY_SNAPSHOT = 4
    REJECT_SNAPSHOT = 5


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A moment since 1970, UTC."""

    seconds: Annotated[int, At(1)] = 0
    nanos: Annotated[int, At(2, "int32")] = 0

    @property
    def ms(self) -> int:
        """Whole milliseconds since 1970."""
        return self.seconds * 1_000 + self.nanos // 1_000_000


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of time."""

    seconds: Annotated[int, At(1)] = 0
    nanos: Annotated[int, At(2, "int32")] = 0


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A voting key; on our networks always Ed25519."""

    ed25519: Annotated[bytes, At(1)] = b""
    secp256k1: Annotated[bytes, At(2)] = b""


@dataclass(frozen=True, slots=True)
class ValidatorUpdate:
    """A voting key and its new power; power 0 removes it."""

    pub_key: Annotated[PublicKey, At(1)] = PublicKey()
    power: Annotated[int, At(2)] = 0


@dataclass(frozen=True, slots=True)
class Validator:
    """A validator by the first 20 bytes of the SHA-256 of its key."""

    address: Annotated[bytes, At(1)] = b""
    power: Annotated[int, At(3)] = 0


@dataclass(frozen=True, slots=True)
class VoteInfo:
    """One validator's vote in a commit."""

    validator: Annotated[Validator, At(1)] = Validator()
    block_id_flag: Annotated[BlockIdFlag, At(3)] = BlockIdFlag.UNKNOWN


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """The votes that a block carries about its predecessor."""

    round: Annotated[int, At(1, "int32")] = 0
    votes: Annotated[tuple[VoteInfo, ...], At(2)] = ()


@dataclass(frozen=True, slots=True)
class ExtendedVoteInfo:
    """One vote with its extension."""

    validator: Annotated[Validator, At(1)] = Validator()
    vote_extension: Annotated[bytes, At(3)] = b""
    extension_signature: Annotated[bytes, At(4)] = b""
    block_id_flag: Annotated[BlockIdFlag, At(5)] = BlockIdFlag.UNKNOWN


@dataclass(frozen=True, slots=True)
class ExtendedCommitInfo:
    """The votes about the last block as the proposer holds them."""

    round: Annotated[int, At(1, "int32")] = 0
    votes: Annotated[tuple[ExtendedVoteInfo, ...], At(2)] = ()


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """Proof that a validator broke the protocol, as the engine judged it."""

    type: Annotated[MisbehaviourType, At(1)] = MisbehaviourType.UNKNOWN
    validator: Annotated[Validator, At(2)] = Validator()
    height: Annotated[int, At(3)] = 0
    time: Annotated[Timestamp, At(4)] = Timestamp()
    total_voting_power: Annotated[int, At(5)] = 0


@dataclass(frozen=True, slots=True)
class EventAttribute:
    """A key and value of an event."""

    key: Annotated[str, At(1)] = ""
    value: Annotated[str, At(2)] = ""
    index: Annotated[bool, At(3)] = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something the engine may index; Hanse answers with none."""

    type: Annotated[str, At(1)] = ""
    attributes: Annotated[tuple[EventAttribute, ...], At(2)] = ()


@dataclass(frozen=True, slots=True)
class ExecTxResult:
    """What became of one submission; code, data and gas enter the engine's next header."""

    code: Annotated[int, At(1, "uint32")] = 0
    data: Annotated[bytes, At(2)] = b""
    log: Annotated[str, At(3)] = ""
    info: Annotated[str, At(4)] = ""
    gas_wanted: Annotated[int, At(5)] = 0
    gas_used: Annotated[int, At(6)] = 0
    events: Annotated[tuple[Event, ...], At(7)] = ()
    codespace: Annotated[str, At(8)] = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot that can be had in chunks."""

    height: Annotated[int, At(1, "uint64")] = 0
    format: Annotated[int, At(2, "uint32")] = 0
    chunks: Annotated[int, At(3, "uint32")] = 0
    hash: Annotated[bytes, At(4)] = b""
    metadata: Annotated[bytes, At(5)] = b""


@dataclass(frozen=True, slots=True)
class ProofOp:
    """One step of a proof that a query returns."""

    type: Annotated[str, At(1)] = ""
    key: Annotated[bytes, At(2)] = b""
    data: Annotated[bytes, At(3)] = b""


@dataclass(frozen=True, slots=True)
class ProofOps:
    """The steps of a query's proof."""

    ops: Annotated[tuple[ProofOp, ...], At(1)] = ()


@dataclass(frozen=True, slots=True)
class BlockParams:
    """Bounds of an engine block; max_gas -1 is none."""

    max_bytes: Annotated[int, At(1)] = 0
    max_gas: Annotated[int, At(2)] = 0


@dataclass(frozen=True, slots=True)
class EvidenceParams:
    """How old and large evidence of misbehaviour may be."""

    max_age_num_blocks: Annotated[int, At(1)] = 0
    max_age_duration: Annotated[Duration, At(2)] = Duration()
    max_bytes: Annotated[int, At(3)] = 0


@dataclass(frozen=True, slots=True)
class ValidatorParams:
    """Which kinds of keys may vote."""

    pub_key_types: Annotated[tuple[str, ...], At(1)] = ()


@dataclass(frozen=True, slots=True)
class VersionParams:
    """The application's version in the engine's headers."""

    app: Annotated[int, At(1, "uint64")] = 0


@dataclass(frozen=True, slots=True)
class AbciParams:
    """From which height votes carry extensions; 0 is never."""

    vote_extensions_enable_height: Annotated[int, At(1)] = 0


@dataclass(frozen=True, slots=True)
class AuthorityParams:
    """An opaque text of the application."""

    authority: Annotated[str, At(1)] = ""


@dataclass(frozen=True, slots=True)
class ConsensusParams:
    """What all engines of a network agree on; an absent part stays as it is."""

    block: Annotated[BlockParams | None, At(1)] = None
    evidence: Annotated[EvidenceParams | None, At(2)] = None
    validator: Annotated[ValidatorParams | None, At(3)] = None
    version: Annotated[VersionParams | None, At(4)] = None
    abci: Annotated[AbciParams | None, At(5)] = None
    authority: Annotated[AuthorityParams | None, At(6)] = None


EPOCH: Final = Timestamp()
NO_COMMIT: Final = CommitInfo()
NO_EXTENDED_COMMIT: Final = ExtendedCommitInfo()
