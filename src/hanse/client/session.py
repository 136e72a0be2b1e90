# SPDX-License-Identifier: Apache-2.0
"""What both clients share: a session with one ledger, sans I/O.

Each method that needs the node is a generator: it yields requests, is sent responses, and returns
only what it has verified. A session remembers the newest checkpoint; every certified header that
comes later must extend it, every earlier one must be a beginning of it.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Final

import msgspec

from hanse.client import _clock
from hanse.client._certificate import CertifiedHeader, verify_certified
from hanse.client._genesis import Genesis, decode_genesis
from hanse.client._http import AnswerInvalid, Request, Steps, decode_answer, fetch, fetch_json
from hanse.client._memory import Memory, MemoryOfProcess, Seen
from hanse.client.bulk import BlockLeaves, Drafter, verify_leaves
from hanse.client.note import (
    Checkpoint,
    Note,
    encode_note,
    parse_note,
    verify_operator,
    verify_witnesses,
)
from hanse.codec.base64url import to_hash
from hanse.codec.canonical import JsonObject
from hanse.codec.limits import LOG_CONSISTENCY_MAX
from hanse.crypto.signers import Signer
from hanse.errors import Corrupt, HanseError, Misconfigured, ProofInvalid, Refusal, Rejected
from hanse.merkle.log import verify_consistency

BLOCKS_KEPT: Final = 64  # verified blocks of leaves, about 100 KB each at worst


@dataclass(eq=False)
class HistoryRewritten(Corrupt):
    """The ledger's log is not an extension of what it was: records were changed or taken away."""

    reason: str
    size_seen: int
    size_shown: int
    code: ClassVar[str] = "history_rewritten"
    status: ClassVar[int] = 502
    hint: ClassVar[str] = "Keep the state folder and the node's note as evidence; tell the members."


@dataclass(eq=False)
class AnswerStale(Corrupt):
    """The answer is true of an older height than one this client has already seen."""

    size_seen: int
    size_shown: int
    code: ClassVar[str] = "answer_stale"
    status: ClassVar[int] = 502
    hint: ClassVar[str] = "Ask again, or another node; this one lags, or hides what came later."


@dataclass(eq=False)
class AnotherLedger(Corrupt):
    """The node serves another ledger than the one that is trusted."""

    trusted: str
    shown: str
    code: ClassVar[str] = "another_ledger"
    status: ClassVar[int] = 502
    hint: ClassVar[str] = (
        "Check the address and the trusted ledger id; get the id from its members."
    )


@dataclass(eq=False)
class SignerMissing(Misconfigured):
    """The client was opened without a member and a key, so it can read but not sign."""

    code: ClassVar[str] = "signer_missing"
    hint: ClassVar[str] = 'Open it with `member="alice@acme"` and `signer=…`.'


@dataclass(frozen=True, slots=True)
class Member:
    """Who signs: member, key id and private key."""

    name: str
    key_id: str
    signer: Signer


@dataclass(frozen=True, slots=True)
class CheckpointReport:
    """The newest checkpoint, and the newest with the witnesses' quorum, both verified."""

    newest: Checkpoint
    witnessed: Checkpoint | None
    witnesses: tuple[str, ...]


class _Consistency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: list[str]


class _HeaderAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: msgspec.Raw
    header: msgspec.Raw


_consistency_decoder = msgspec.json.Decoder(_Consistency)
_header_decoder = msgspec.json.Decoder(_HeaderAnswer)


class Session:
    """What is known and believed about one ledger at one node.

    Args:
        url: names the node, for trust on first use.
        trust: the ledger id; ``None`` trusts the id first shown, and
            :attr:`trusted_on_first_use` says so.
        member: who signs; ``None`` for a reader.
        memory: where the newest checkpoints are kept.
        now_ms: this machine's clock, for expiry only.
    """

    def __init__(
        self,
        url: str,
        *,
        trust: str | None = None,
        member: Member | None = None,
        memory: Memory | None = None,
        now_ms: Callable[[], int] = _clock.now_ms,
    ) -> None:
        """Begin with what the memory holds."""
        self.url: Final = url
        self.member: Final = member
        self.now_ms: Final = now_ms
        self.trusted_on_first_use = False
        self.costs: dict[tuple[str, str], int] = {}
        self._memory: Final[Memory] = MemoryOfProcess() if memory is None else memory
        self._trust = trust
        self._genesis: Genesis | None = None
        self._newest: Note | None = None
        self._witnessed: Note | None = None
        self._dirty = False
        self._blocks: OrderedDict[int, BlockLeaves] = OrderedDict()
        self._drafter: Drafter | None = None

    # ---- the ledger

    def genesis(self) -> Steps[Genesis]:
        """Return the genesis whose hash is the trusted ledger id; asked for once.

        Raises:
            AnotherLedger: the node serves another one.
        """
        if self._genesis is not None:
            return self._genesis
        trust = self._trust or self._memory.load_trust(self.url)
        raw = yield from fetch(Request("GET", "/v1/genesis"))
        with node_at_fault("/v1/genesis"):
            genesis = decode_genesis(raw)
        if trust is None:
            self._memory.save_trust(self.url, genesis.ledger)
        elif genesis.ledger != trust:
            raise AnotherLedger(trusted=trust, shown=genesis.ledger)
        if self._genesis is None:
            self.trusted_on_first_use = self._trust is None
            self._recall(genesis)
            self._genesis = genesis
        return self._genesis

    def _recall(self, genesis: Genesis) -> None:
        seen = self._memory.load_seen(genesis.ledger)
        if seen is not None:
            self._newest = parse_note(seen.newest)
            self._witnessed = None if seen.witnessed is None else parse_note(seen.witnessed)

    def drafter(self) -> Steps[Drafter]:
        """Return the pen of the client's own member.

        Raises:
            SignerMissing: the client was opened as a reader.
        """
        if self.member is None:
            raise SignerMissing
        genesis = yield from self.genesis()
        if self._drafter is None:
            member = self.member
            self._drafter = Drafter(genesis, member.name, member.key_id, member.signer)
        return self._drafter

    def ledger(self) -> Steps[JsonObject]:
        """Return the node's report on itself, established to be of the trusted ledger."""
        genesis = yield from self.genesis()
        report = yield from fetch_json(Request("GET", "/v1/ledger"))
        if report.get("ledger") != genesis.ledger:
            raise AnotherLedger(trusted=genesis.ledger, shown=str(report.get("ledger")))
        return report

    # ---- headers, and one history

    @property
    def size_seen(self) -> int:
        """Size of the log at the newest checkpoint seen; 0 at first."""
        return 0 if self._newest is None else self._newest.checkpoint.size

    def header(self, height: int) -> Steps[CertifiedHeader]:
        """Return the header at ``height``: certified, and part of the one history."""
        genesis = yield from self.genesis()
        path = f"/v1/headers/{height}"
        body = yield from fetch(Request("GET", path))
        answer = decode_answer(body, _header_decoder, path)
        with node_at_fault(path):
            found = verify_certified(bytes(answer.header), bytes(answer.certificate), genesis)
        if found.header.height != height:
            raise ProofInvalid(reason=f"asked for height {height}, got {found.header.height}")
        yield from self.see(found.note)
        return found

    def leaves(self, height: int) -> Steps[BlockLeaves]:
        """Return the proved leaves of the block at ``height``, kept ones without asking."""
        kept = self._blocks.get(height)
        if kept is not None:
            self._blocks.move_to_end(height)
            return kept
        genesis = yield from self.genesis()
        path = f"/v1/blocks/{height}/leaves"
        answer = yield from fetch(Request("GET", path))
        with node_at_fault(path):
            block = verify_leaves(answer, height, genesis)
        yield from self.see(block.certified.note, (block.size_before, block.root_before))
        self._blocks[height] = block
        while len(self._blocks) > BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        return block

    def see(self, note: Note, before: tuple[int, bytes] | None = None) -> Steps[None]:
        """Establish that ``note`` and the newest checkpoint belong to one history; keep the newer.

        Args:
            note: its operator's signature is verified, and so are its cosignatures.
            before: size and root of a beginning of the note's log, proved already; when the newest
                checkpoint is just that, no request is needed.

        Raises:
            HistoryRewritten: neither is an extension of the other.
        """
        shown = note.checkpoint
        while self._newest is not None:
            seen = self._newest.checkpoint
            if before != (seen.size, seen.root):
                yield from self._prove_one_history(seen, shown)
            if self._newest.checkpoint == seen:
                break  # nobody else moved it while we asked
        if shown.size > self.size_seen:
            self._newest, self._dirty = note, True
        self._see_witnessed(note)

    def _see_witnessed(self, note: Note) -> None:
        assert self._genesis is not None, "a note was verified by it"
        if len(note.lines) - 1 < self._genesis.witness_quorum:
            return
        if self._witnessed is None or note.checkpoint.size > self._witnessed.checkpoint.size:
            self._witnessed, self._dirty = note, True

    def _prove_one_history(self, seen: Checkpoint, shown: Checkpoint) -> Steps[None]:
        old, new = sorted((seen, shown), key=lambda checkpoint: checkpoint.size)
        genesis = yield from self.genesis()
        path: list[bytes] = []
        if old.size < new.size:
            where = f"/v1/consistency?old={old.size}&new={new.size}"
            try:
                body = yield from fetch(Request("GET", where))
            except Refusal as error:
                raise _rewritten(seen, shown, f"no proof of consistency: {error}") from None
            answer = decode_answer(body, _consistency_decoder, where)
            if len(answer.path) > LOG_CONSISTENCY_MAX:
                raise AnswerInvalid(path=where, reason="the path is longer than any tree")
            with node_at_fault(where):
                path = [to_hash(text) for text in answer.path]
        try:
            verify_consistency(genesis.hash, old.size, old.root, new.size, new.root, path)
        except ProofInvalid as error:
            raise _rewritten(seen, shown, error.reason) from None

    def require_fresh(self, note: Note, size_before: int) -> None:
        """Establish that ``note`` is not older than what was seen before the question was put.

        Raises:
            AnswerStale: it is older.
        """
        if note.checkpoint.size < size_before:
            raise AnswerStale(size_seen=size_before, size_shown=note.checkpoint.size)

    def checkpoint_update(self) -> Steps[CheckpointReport]:
        """Return the newest checkpoints after proving that they extend what was seen before.

        Raises:
            HistoryRewritten: they do not.
            AnswerStale: the node shows an older one than before.
        """
        size_before = self.size_seen
        newest = yield from self._checkpoint("/v1/checkpoint")
        yield from self.see(newest)
        self.require_fresh(newest, size_before)
        try:
            cosigned = yield from self._checkpoint("/v1/checkpoint?cosigned=1")
        except Refusal:
            cosigned = None  # no quorum yet
        if cosigned is not None:
            yield from self.see(cosigned)
        self.save()
        witnessed = self._witnessed
        return CheckpointReport(
            newest=newest.checkpoint,
            witnessed=None if witnessed is None else witnessed.checkpoint,
            witnesses=() if witnessed is None else tuple(x.name for x in witnessed.lines[1:]),
        )

    def _checkpoint(self, path: str) -> Steps[Note]:
        genesis = yield from self.genesis()
        body = yield from fetch(Request("GET", path))
        with node_at_fault(path):
            note = parse_note(body.decode("utf-8", "replace"))
        verify_operator(note, genesis)
        names = verify_witnesses(note, genesis)
        if path.endswith("cosigned=1") and len(names) < genesis.witness_quorum:
            raise ProofInvalid(reason="fewer cosignatures than the quorum")
        return note

    def save(self) -> None:
        """Make durable what was seen, when there is news."""
        if self._dirty and self._genesis is not None and self._newest is not None:
            witnessed = None if self._witnessed is None else encode_note(self._witnessed)
            seen = Seen(newest=encode_note(self._newest), witnessed=witnessed)
            self._memory.save_seen(self._genesis.ledger, seen)
            self._dirty = False


def _rewritten(seen: Checkpoint, shown: Checkpoint, reason: str) -> HistoryRewritten:
    return HistoryRewritten(reason=reason, size_seen=seen.size, size_shown=shown.size)


@contextmanager
def node_at_fault(path: str) -> Iterator[None]:
    """Turn errors of form into ``AnswerInvalid``: what a node sends is not the caller's fault."""
    try:
        yield
    except (AnswerInvalid, Refusal):
        raise
    except Rejected as error:
        raise AnswerInvalid(path=path, reason=str(error)) from None


__all__ = [
    "AnotherLedger",
    "AnswerStale",
    "CheckpointReport",
    "HanseError",
    "HistoryRewritten",
    "Member",
    "Session",
    "SignerMissing",
    "node_at_fault",
]
