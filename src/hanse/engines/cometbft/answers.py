# SPDX-License-Identifier: Apache-2.0
"""What CometBFT answers about itself, as typed values: status, peers, signed headers, sets.

Its JSON writes 64-bit integers as text, hashes and addresses in hex, keys and signatures in
base64, times as RFC 3339 to the nanosecond.
"""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from hanse.engines.cometbft.parts import BlockIdFlag, Timestamp
from hanse.engines.cometbft.wire import At, encode

DATE_CHARS: Final = len("2026-01-31T00:00:00")


@dataclass(frozen=True, slots=True)
class EngineVersion:
    """Protocol versions in an engine header."""

    block: Annotated[int, At(1, "uint64")] = 0
    app: Annotated[int, At(2, "uint64")] = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """How many parts a block was sent in, and their root."""

    total: Annotated[int, At(1, "uint32")] = 0
    hash: Annotated[bytes, At(2)] = b""


@dataclass(frozen=True, slots=True)
class EngineBlockId:
    """What validators vote for: a header's hash, and the parts of its block."""

    hash: Annotated[bytes, At(1)] = b""
    parts: Annotated[Parts, At(2)] = Parts()


@dataclass(frozen=True, slots=True)
class _Bytes:
    value: Annotated[bytes, At(1)] = b""


@dataclass(frozen=True, slots=True)
class _Number:
    value: Annotated[int, At(1)] = 0


@dataclass(frozen=True, slots=True)
class _Text:
    value: Annotated[str, At(1)] = ""


@dataclass(frozen=True, slots=True)
class EngineHeader:
    """The fourteen fields of an engine header."""

    version: EngineVersion
    chain_id: str
    height: int
    time: Timestamp
    last_block_id: EngineBlockId
    last_commit_hash: bytes
    data_hash: bytes
    validators_hash: bytes
    next_validators_hash: bytes
    consensus_hash: bytes
    app_hash: bytes
    last_results_hash: bytes
    evidence_hash: bytes
    proposer_address: bytes

    def leaves(self) -> tuple[bytes, ...]:
        """Return the encoded fields, the leaves of the header's hash; a field of no value is empty.

        Source: CometBFT 0.40.0, ``types/block.go``, ``Header.Hash``.
        """
        hashes = (
            *(self.last_commit_hash, self.data_hash, self.validators_hash),
            *(self.next_validators_hash, self.consensus_hash, self.app_hash),
            *(self.last_results_hash, self.evidence_hash, self.proposer_address),
        )
        return (
            encode(self.version),
            encode(_Text(self.chain_id)),
            encode(_Number(self.height)),
            encode(self.time),
            encode(self.last_block_id),
            *(encode(_Bytes(value)) for value in hashes),
        )


@dataclass(frozen=True, slots=True)
class CommitVote:
    """One validator's place in a commit, in the order of the set; absent ones have no signature."""

    flag: BlockIdFlag
    address: bytes
    time: Timestamp
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedHeader:
    """An engine header with a commit for it; canonical when the next block carries that commit."""

    header: EngineHeader
    block_id: EngineBlockId
    round: int
    votes: tuple[CommitVote, ...]
    canonical: bool


@dataclass(frozen=True, slots=True)
class SetMember:
    """A validator of the set at a height."""

    address: bytes
    public_key: bytes
    power: int


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """How far an engine is, and who it is."""

    node_id: str
    chain_id: str
    height: int
    app_hash: bytes
    time: Timestamp
    earliest_height: int
    catching_up: bool
    address: bytes
    power: int


@dataclass(frozen=True, slots=True)
class EnginePeer:
    """A peer to which the engine has a connection."""

    node_id: str
    moniker: str
    address: str
    outbound: bool


def parse_time(text: str) -> Timestamp:
    """Return the moment that RFC 3339 text in UTC names, to the nanosecond.

    Raises:
        ValueError: it is not of that form.
    """
    main, _, fraction = text.removesuffix("Z").partition(".")
    digits = fraction or "0"
    if not text.endswith("Z") or len(main) != DATE_CHARS or len(digits) > 9:
        raise ValueError(f"{text!r} is no time in UTC")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{text!r} has no fraction of a second")
    moment = datetime.fromisoformat(f"{main}+00:00")
    return Timestamp(int(moment.timestamp()), int(digits.ljust(9, "0")))


def parse_signed_header(result: Any) -> SignedHeader:
    """Return the header and commit of an answer to ``commit``."""
    header, commit = result["signed_header"]["header"], result["signed_header"]["commit"]
    if commit["height"] != header["height"]:
        raise ValueError(f"a commit of height {commit['height']} for {header['height']}")
    return SignedHeader(
        header=EngineHeader(
            version=EngineVersion(
                int(header["version"]["block"]), int(header["version"].get("app", "0"))
            ),
            chain_id=header["chain_id"],
            height=int(header["height"]),
            time=parse_time(header["time"]),
            last_block_id=_block_id(header["last_block_id"]),
            last_commit_hash=bytes.fromhex(header["last_commit_hash"]),
            data_hash=bytes.fromhex(header["data_hash"]),
            validators_hash=bytes.fromhex(header["validators_hash"]),
            next_validators_hash=bytes.fromhex(header["next_validators_hash"]),
            consensus_hash=bytes.fromhex(header["consensus_hash"]),
            app_hash=bytes.fromhex(header["app_hash"]),
            last_results_hash=bytes.fromhex(header["last_results_hash"]),
            evidence_hash=bytes.fromhex(header["evidence_hash"]),
            proposer_address=bytes.fromhex(header["proposer_address"]),
        ),
        block_id=_block_id(commit["block_id"]),
        round=int(commit["round"]),
        votes=tuple(_vote(vote) for vote in commit["signatures"]),
        canonical=bool(result["canonical"]),
    )


def parse_status(result: Any) -> EngineStatus:
    """Return what an answer to ``status`` says."""
    node, sync, own = result["node_info"], result["sync_info"], result["validator_info"]
    return EngineStatus(
        node_id=node["id"],
        chain_id=node["network"],
        height=int(sync["latest_block_height"]),
        app_hash=bytes.fromhex(sync["latest_app_hash"]),
        time=parse_time(sync["latest_block_time"]),
        earliest_height=int(sync["earliest_block_height"]),
        catching_up=bool(sync["catching_up"]),
        address=bytes.fromhex(own["address"]),
        power=int(own["voting_power"]),
    )


def parse_peers(result: Any) -> tuple[EnginePeer, ...]:
    """Return the peers of an answer to ``net_info``."""
    return tuple(
        EnginePeer(
            node_id=peer["node_info"]["id"],
            moniker=peer["node_info"]["moniker"],
            address=peer["remote_ip"],
            outbound=bool(peer["is_outbound"]),
        )
        for peer in result["peers"]
    )


def parse_members(result: Any) -> tuple[int, tuple[SetMember, ...]]:
    """Return how many there are in all, and those of an answer to ``validators``."""
    members = tuple(
        SetMember(
            address=bytes.fromhex(one["address"]),
            public_key=base64.b64decode(one["pub_key"]["value"], validate=True),
            power=int(one["voting_power"]),
        )
        for one in result["validators"]
    )
    return int(result["total"]), members


def parse_submissions(result: Any) -> tuple[bytes, ...]:
    """Return what the block of an answer to ``block`` ordered."""
    return tuple(
        base64.b64decode(text, validate=True) for text in result["block"]["data"]["txs"] or ()
    )


def _block_id(value: Any) -> EngineBlockId:
    parts = value["parts"]
    return EngineBlockId(
        bytes.fromhex(value["hash"]), Parts(int(parts["total"]), bytes.fromhex(parts["hash"]))
    )


def _vote(value: Any) -> CommitVote:
    signature = value["signature"]
    return CommitVote(
        flag=BlockIdFlag(value["block_id_flag"]),
        address=bytes.fromhex(value["validator_address"]),
        time=parse_time(value["timestamp"]),
        signature=base64.b64decode(signature, validate=True) if signature else b"",
    )
