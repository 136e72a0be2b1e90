# SPDX-License-Identifier: Apache-2.0
"""What makes a header final, for whoever asks: the operator's note, or the engine's next commit.

On CometBFT a block is final when it is executed, and provable when the engine has committed the
header after it. What is asked of the engine is kept in a file beside the log: it may be removed.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from hanse.client import _genesis as client_genesis
from hanse.client._commit import is_enough
from hanse.client.note import encode_note, parse_note
from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.commits import EngineCommit, EngineVote, EngineVoter
from hanse.codec.documents import TAG_VALIDATORS, Header
from hanse.engines.cometbft.answers import SetMember, SignedHeader
from hanse.engines.cometbft.errors import EngineRpcFailed
from hanse.engines.cometbft.parts import BlockIdFlag
from hanse.engines.cometbft.rpc import EngineRpc
from hanse.engines.cometbft.wire import encode as encode_wire
from hanse.identity import GenesisEngineValidator
from hanse.node import proofs
from hanse.node.blocks import StoredBlock
from hanse.node.cosigning import Cosigning
from hanse.node.errors import NotProvable, NotProvableYet

WAIT_S: Final = 3.0  # for the engine's next commit; an engine without records makes one in 0.5 s
POLL_S: Final = 0.03
STEPS_SHOWN: Final = 50  # of one answer
SCAN_ROWS: Final = 500  # headers looked at before others are served

Document = dict[str, Any]
Headers = Callable[[int], Header]
"""The header of one of our heights."""
Named = Callable[[Header], Sequence[GenesisEngineValidator]]
"""Who votes after the block of a header, sorted by organisation and node: what it names."""


class Finality(Protocol):
    """What the proofs of a node need."""

    async def certificate(self, block: StoredBlock) -> object:
        """Return what makes the block's header final, as far as a client needs it.

        Raises:
            NotProvableYet: the engine has not committed the next header in time.
        """

    async def complete(self, block: StoredBlock) -> object:
        """Return the certificate of an evidence file.

        Raises:
            NotProvableYet: see :meth:`certificate`.
            NotCosigned: the witnesses did not answer in time.
        """

    async def steps(self, since: int) -> list[Document]:
        """Return changes of the engine's validators, agreed at engine height ``since`` or above."""

    def provable(self, height: int) -> int:
        """Return the newest height, at most ``height``, that is surely provable."""

    def close(self) -> None:
        """Let go of what is open."""


class EmbeddedFinality:
    """The operator's note is stored with each block; lines of witnesses come later."""

    def __init__(self, cosigning: Cosigning) -> None:
        """Take lines from ``cosigning``."""
        self._cosigning = cosigning

    async def certificate(self, block: StoredBlock) -> object:
        """Return the operator's note with the lines collected so far."""
        note = self._cosigning.find(block.header.log_size + 1)
        if note is None or len(note.lines) == 1:
            return msgspec.Raw(block.certificate)
        stored = msgspec.json.decode(block.certificate)
        return stored | {"note": encode_note(note)}

    async def complete(self, block: StoredBlock) -> object:
        """Return the note with exactly a quorum of lines."""
        stored = msgspec.json.decode(block.certificate)
        note = parse_note(stored["note"])
        if self._cosigning.quorum:
            note = await self._cosigning.wait(note.checkpoint.size)
        complete = proofs.quorum_note(note, self._cosigning.quorum)
        return proofs.certificate_document(stored["header_path"], complete)

    async def steps(self, since: int) -> list[Document]:
        """Return none: the operator stays."""
        del since
        return []

    def provable(self, height: int) -> int:
        """Return ``height``."""
        return height

    def close(self) -> None:
        """Do nothing: nothing is open."""


class CommitSource(Protocol):
    """The engine, as far as finality is concerned."""

    async def commit(self, height: int) -> EngineCommit | None:
        """Return an engine height's header with its commit; ``None`` as long as there is none."""


class EngineCommits:
    """The commits of this node's own engine, asked over its RPC."""

    def __init__(self, rpc: EngineRpc) -> None:
        """Ask ``rpc``."""
        self._rpc = rpc

    async def commit(self, height: int) -> EngineCommit | None:
        """Return an engine height's header with its commit; ``None`` as long as there is none."""
        try:
            signed = await self._rpc.commit(height)
            members = await self._rpc.validators(height)
        except EngineRpcFailed:
            return None
        return commit_of(signed, members)


def commit_of(signed: SignedHeader, members: Sequence[SetMember]) -> EngineCommit:
    """Return what the engine answered about one of its heights, as it was hashed and signed."""
    return EngineCommit(
        height=signed.header.height,
        leaves=signed.header.leaves(),
        parts=encode_wire(signed.block_id.parts),
        round=signed.round,
        votes=tuple(
            EngineVote(encode_wire(vote.time), vote.signature)
            if vote.flag == BlockIdFlag.COMMIT
            else None
            for vote in signed.votes
        ),
        voters=tuple(EngineVoter(member.public_key, member.power) for member in members),
    )


class CometbftFinality:
    """Certificates from the engine's commits, and the steps from the genesis to any of them."""

    def __init__(
        self,
        genesis: client_genesis.Genesis,
        source: CommitSource,
        headers: Headers,
        named: Named,
        path: Path,
    ) -> None:
        """Ask ``source`` and keep what it says in ``path``.

        Args:
            genesis: of the ledger.
            source: the engine's commits.
            headers: the ledger's own, of every durable height.
            named: who votes after the block of a header.
            path: a file of its own.
        """
        self._genesis = genesis
        self._source = source
        self._headers = headers
        self._named = named
        self._kept = _Kept(path)
        self._asking = asyncio.Lock()
        self._provable = 0

    def close(self) -> None:
        """Let go of the file."""
        self._kept.close()

    def provable(self, height: int) -> int:
        """Return the newest height, at most ``height``, that is surely provable.

        The block before the newest is: its proof was committed before the newest was executed.
        """
        return min(height, max(self._provable, height - 1, 0))

    async def certificate(self, block: StoredBlock) -> Document:
        """Return the commit of the engine's next header, without the steps that lead to its set."""
        header = block.header
        commit = await self._commit(header.engine_height + 1, header.height)
        self._provable = max(self._provable, header.height)
        document = {"engine": "cometbft", **commit["commit"]}
        if header.validators != self._genesis.validators:
            document["validators"] = self._list_of(header)
        return document

    def _list_of(self, header: Header) -> list[GenesisEngineValidator]:
        named = list(self._named(header))
        found = self._genesis.hash.tagged(TAG_VALIDATORS, encode(named))
        if to_text(found) != header.validators:
            raise NotProvable(header.height, "this node does not know who voted then")
        return named

    async def complete(self, block: StoredBlock) -> Document:
        """Return the certificate with all steps since genesis."""
        document = await self.certificate(block)
        header = block.header
        changes = await self._changes(header.height)
        steps = [await self._step(at) for at in changes if at <= header.engine_height]
        return document | {"steps": [step for step in steps if step is not None]}

    async def steps(self, since: int) -> list[Document]:
        """Return the first changes of the set agreed at ``since`` or above."""
        changes = await self._changes(None)
        found = []
        for at in changes:
            step = await self._step(at) if at >= since else None
            if step is not None:
                found.append(step)
            if len(found) == STEPS_SHOWN:
                break
        return found

    async def _step(self, at: int) -> Document | None:
        """Return the step at an engine height, ``None`` where only nodes changed, not the set."""
        before, after = await self._commit(at, None), await self._commit(at + 1, None)
        if before["voters"] == after["voters"]:
            return None
        return {**before["commit"], "next": after["voters"]}

    async def _changes(self, height: int | None) -> list[int]:
        """Return the engine heights at which another set was announced, up to one of our heights.

        What the block of one height changes, the next header names: so the header between, of the
        engine, is the one that announces it.
        """
        place, engine_height, named = self._kept.position
        looked = 0
        while height is None or place < height:
            try:
                header = self._headers(place + 1)
            except LookupError:
                break
            if named not in ("", header.validators):
                self._kept.add_change(engine_height + 1)
            place, engine_height, named = header.height, header.engine_height, header.validators
            self._kept.position = (place, engine_height, named)
            looked += 1
            if looked % SCAN_ROWS == 0:
                await asyncio.sleep(0)
                place, engine_height, named = self._kept.position  # another may have gone on
        self._kept.save_position()
        return self._kept.changes

    async def _commit(self, at: int, height: int | None) -> Document:
        """Return what the engine committed at ``at``, waiting for it.

        Raises:
            NotProvableYet: it did not come in time.
        """
        until = time.monotonic() + WAIT_S
        while True:
            kept = self._kept.find(at)
            if kept is not None:
                return kept
            async with self._asking:
                kept = self._kept.find(at)
                found = None if kept is not None else await self._source.commit(at)
                if found is not None:
                    self._kept.put(at, encode(document_of(found)))
                    continue
            if time.monotonic() >= until:
                raise NotProvableYet(at if height is None else height, at)
            await asyncio.sleep(POLL_S)


def document_of(commit: EngineCommit) -> Document:
    """Return commit and set as documents spell them; votes beyond two thirds are left out."""
    total = sum(voter.power for voter in commit.voters)
    signed = 0
    votes: list[Document | None] = []
    for vote, voter in zip(commit.votes, commit.voters, strict=True):
        if vote is None or is_enough(signed, total):
            votes.append(None)
            continue
        votes.append({"signature": to_text(vote.signature), "time": to_text(vote.time)})
        signed += voter.power
    return {
        "commit": {
            "header": [to_text(leaf) for leaf in commit.leaves],
            "parts": to_text(commit.parts),
            "round": commit.round,
            "votes": votes,
        },
        "voters": [
            {"power": voter.power, "public_key": to_text(voter.public_key)}
            for voter in commit.voters
        ],
    }


class _Kept:
    """What the engine said once, by its heights, and where the set changed; a cache."""

    def __init__(self, path: Path) -> None:
        try:
            self._open(path)
        except sqlite3.DatabaseError:  # a power cut may tear it: all of it can be had again
            self._base.close()
            path.unlink()
            self._open(path)

    def _open(self, path: Path) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.executescript(
            "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;"
            "CREATE TABLE IF NOT EXISTS commits (height INTEGER PRIMARY KEY, document BLOB);"
            "CREATE TABLE IF NOT EXISTS changes (height INTEGER PRIMARY KEY);"
            "CREATE TABLE IF NOT EXISTS position"
            " (id INTEGER PRIMARY KEY, height INTEGER, engine_height INTEGER, validators TEXT);"
        )
        row = self._base.execute(
            "SELECT height, engine_height, validators FROM position"
        ).fetchone()
        self.position: tuple[int, int, str] = row or (-1, 0, "")
        self.changes: list[int] = [
            height for (height,) in self._base.execute("SELECT height FROM changes ORDER BY height")
        ]

    def close(self) -> None:
        self._base.close()

    def find(self, height: int) -> Document | None:
        row = self._base.execute(
            "SELECT document FROM commits WHERE height = ?", (height,)
        ).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Document)

    def put(self, height: int, document: bytes) -> None:
        self._base.execute("INSERT OR REPLACE INTO commits VALUES (?, ?)", (height, document))

    def add_change(self, height: int) -> None:
        self._base.execute("INSERT OR IGNORE INTO changes VALUES (?)", (height,))
        if not self.changes or height > self.changes[-1]:
            self.changes.append(height)

    def save_position(self) -> None:
        self._base.execute("INSERT OR REPLACE INTO position VALUES (1, ?, ?, ?)", self.position)
