# SPDX-License-Identifier: Apache-2.0
"""What both clients share: a session with one ledger, sans I/O.

Each method that needs the node is a generator: it yields requests, is sent responses, and returns
only what it has verified. A session remembers the newest checkpoint; every certified header that
comes later must extend it, every earlier one must be a beginning of it. Where an engine votes, it
remembers the newest header and who votes, and follows the changes of the validators one by one.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from hanse.client import _clock
from hanse.client._certificate import (
    CertifiedHeader,
    decode_commit,
    decode_header,
    trusted_header,
    verify_certified,
    verify_committed,
)
from hanse.client._commit import VALIDATORS, CommitCertificate, Voters, voters_of
from hanse.client._faults import (
    AnotherLedger,
    AnswerStale,
    ForkShown,
    HistoryRewritten,
    SignerMissing,
    node_at_fault,
)
from hanse.client._genesis import Genesis, decode_genesis
from hanse.client._http import (
    AnswerInvalid,
    Request,
    Steps,
    decode_answer,
    fetch,
    fetch_json,
    fetch_provable,
)
from hanse.client._memory import Memory, MemoryOfProcess, Seen, SeenHeader
from hanse.client._sets import Sets, sets_of, weights_of
from hanse.client.bulk import BlockLeaves, Drafter, decode_leaves, verify_leaves
from hanse.client.note import (
    Checkpoint,
    Note,
    encode_note,
    parse_note,
    verify_operator,
    verify_witnesses,
)
from hanse.codec.base64url import to_bytes, to_hash, to_text
from hanse.codec.canonical import JsonObject, encode
from hanse.codec.commits import embed
from hanse.codec.limits import LOG_CONSISTENCY_MAX
from hanse.crypto.signers import Signer
from hanse.errors import HanseError, Malformed, ProofInvalid, Refusal
from hanse.merkle.log import verify_consistency

BLOCKS_KEPT: Final = 64  # verified blocks of leaves, about 100 KB each at worst


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
        self._newest: Checkpoint | None = None
        self._note: Note | None = None  # of the newest checkpoint, where an operator signs
        self._witnessed: Note | None = None
        self._sets: Sets | None = None  # where an engine votes
        self._headers: OrderedDict[int, CertifiedHeader] = OrderedDict()  # newest seen last
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
        if genesis.engine_validators is not None:
            self._sets = sets_of(genesis)
        if isinstance(seen, Seen):
            self._note = parse_note(seen.newest)
            self._newest = self._note.checkpoint
            self._witnessed = None if seen.witnessed is None else parse_note(seen.witnessed)
        elif seen is not None:
            self._sets = Sets(genesis, seen.since, voters_of(seen.voters))
            self._newest = Checkpoint(genesis.ledger, seen.log_size, to_hash(seen.log_root))
            header, certificate = bytes(seen.header), decode_commit(bytes(seen.certificate))
            head = trusted_header(header, certificate, genesis)
            self._headers[head.header.height] = head

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
        return 0 if self._newest is None else self._newest.size

    def header(self, height: int) -> Steps[CertifiedHeader]:
        """Return the header at ``height``: certified, and part of the one history."""
        yield from self.genesis()
        path = f"/v1/headers/{height}"
        body = yield from fetch_provable(Request("GET", path))
        answer = decode_answer(body, _header_decoder, path)
        found = yield from self.certified(bytes(answer.header), bytes(answer.certificate), path)
        if found.header.height != height:
            raise ProofInvalid(reason=f"asked for height {height}, got {found.header.height}")
        yield from self.see(found)
        return found

    def certified(
        self, raw_header: bytes, raw_certificate: bytes, path: str
    ) -> Steps[CertifiedHeader]:
        """Return the header of an answer, established to be final; not yet of the one history.

        Raises:
            ProofInvalid: the certificate does not make this header of this ledger final.
        """
        genesis = yield from self.genesis()
        with node_at_fault(path):
            if genesis.engine_validators is None:
                return verify_certified(raw_header, raw_certificate, genesis)
            header, certificate = decode_header(raw_header), decode_commit(raw_certificate)
            if certificate.steps is not msgspec.UNSET:
                raise Malformed(reason="an answer has no steps", at="$.certificate.steps")
        voters = yield from self._voters(certificate, header.engine_height + 1)
        with node_at_fault(path):
            return verify_committed(raw_header, header, certificate, voters, genesis)

    def _voters(self, certificate: CommitCertificate, height: int) -> Steps[Voters]:
        """Return who votes at an engine height, learnt from the node where it is not known."""
        assert self._sets is not None, "an engine votes on this ledger"
        found = self._sets.find(height)
        if found is None:
            yield from self._learn_again()
        elif to_bytes(certificate.header[VALIDATORS]) != embed(1, found.root):
            yield from self._sets.learn()
        found = self._sets.find(height)
        assert found is not None, "the first set of a genesis votes from the first height on"
        return found

    def _learn_again(self) -> Steps[None]:
        """Learn all changes since genesis, of which the memory holds only the last."""
        assert self._genesis is not None, "asked after the genesis"
        assert self._sets is not None, "an engine votes on this ledger"
        fresh = sets_of(self._genesis)
        yield from fresh.learn()
        since, voters = self._sets.first
        if fresh.find(since) != voters:
            raise ProofInvalid(reason="the steps lead to other validators than were seen before")
        self._sets = fresh

    def leaves(self, height: int) -> Steps[BlockLeaves]:
        """Return the proved leaves of the block at ``height``, kept ones without asking."""
        kept = self._blocks.get(height)
        if kept is not None:
            self._blocks.move_to_end(height)
            return kept
        genesis = yield from self.genesis()
        path = f"/v1/blocks/{height}/leaves"
        body = yield from fetch_provable(Request("GET", path))
        with node_at_fault(path):
            answer = decode_leaves(body)
        certified = yield from self.certified(answer.header, answer.certificate, path)
        with node_at_fault(path):
            block = verify_leaves(answer, certified, height, genesis.hash)
        yield from self.see(block.certified, (block.size_before, block.root_before))
        self._blocks[height] = block
        while len(self._blocks) > BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        return block

    def see(self, found: CertifiedHeader, before: tuple[int, bytes] | None = None) -> Steps[None]:
        """Establish that ``found`` and what was seen belong to one history; keep the newer.

        Args:
            found: a certified header.
            before: size and root of a beginning of its log, proved already; when the newest
                checkpoint is just that, no request is needed.

        Raises:
            HistoryRewritten: neither is an extension of the other.
            ForkShown: there was another header of this height, final like this one.
        """
        if found.note is not None:
            yield from self.see_note(found.note, before)
            return
        self._refuse_fork(found)
        yield from self._see_checkpoint(found.checkpoint, before)
        height = found.header.height
        if height not in self._headers:
            self._headers[height] = found
            newest = max(self._headers)
            self._headers.move_to_end(newest)
            self._dirty = self._dirty or height == newest
            while len(self._headers) > BLOCKS_KEPT:
                self._headers.popitem(last=False)

    def see_note(self, note: Note, before: tuple[int, bytes] | None = None) -> Steps[None]:
        """Establish that ``note``, its signatures verified, belongs to the one history; keep it.

        Raises:
            HistoryRewritten: it does not.
        """
        size_before = self.size_seen
        yield from self._see_checkpoint(note.checkpoint, before)
        if note.checkpoint.size > size_before and note.checkpoint == self._newest:
            self._note = note
        self._see_witnessed(note)

    def _see_checkpoint(self, shown: Checkpoint, before: tuple[int, bytes] | None) -> Steps[None]:
        while self._newest is not None:
            seen = self._newest
            if before != (seen.size, seen.root):
                yield from self._prove_one_history(seen, shown)
            if self._newest == seen:
                break  # nobody else moved it while we asked
        if shown.size > self.size_seen:
            self._newest, self._dirty = shown, True

    def _refuse_fork(self, found: CertifiedHeader) -> None:
        """Establish that no other header of this height was seen to be final; keep both if so."""
        seen = self._headers.get(found.header.height)
        if seen is None or seen.block_id == found.block_id:
            return
        headers = [
            {"certificate": one.commit, "header": msgspec.Raw(one.raw)} for one in (seen, found)
        ]
        ledger = found.header.ledger
        self._memory.save_fork(ledger, encode({"headers": headers, "ledger": ledger, "v": 1}))
        ids = (to_text(seen.block_id), to_text(found.block_id))
        raise ForkShown(height=found.header.height, seen=ids[0], shown=ids[1])

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
        if old.size == 0 < new.size:
            return  # every log begins with the empty one
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

    def require_fresh(self, size: int, size_before: int) -> None:
        """Establish that a log of ``size`` is not older than what was seen before the question.

        Raises:
            AnswerStale: it is older.
        """
        if size < size_before:
            raise AnswerStale(size_seen=size_before, size_shown=size)

    def checkpoint_update(self) -> Steps[CheckpointReport]:
        """Return the newest checkpoints after proving that they extend what was seen before.

        Raises:
            HistoryRewritten: they do not.
            AnswerStale: the node shows an older one than before.
        """
        genesis = yield from self.genesis()
        size_before = self.size_seen
        if genesis.engine_validators is not None:
            return (yield from self._header_update(size_before))
        newest = yield from self._checkpoint("/v1/checkpoint")
        yield from self.see_note(newest)
        self.require_fresh(newest.checkpoint.size, size_before)
        try:
            cosigned = yield from self._checkpoint("/v1/checkpoint?cosigned=1")
        except Refusal:
            cosigned = None  # no quorum yet
        if cosigned is not None:
            yield from self.see_note(cosigned)
        self.save()
        witnessed = self._witnessed
        return CheckpointReport(
            newest=newest.checkpoint,
            witnessed=None if witnessed is None else witnessed.checkpoint,
            witnesses=() if witnessed is None else tuple(x.name for x in witnessed.lines[1:]),
        )

    def _header_update(self, size_before: int) -> Steps[CheckpointReport]:
        """Return the log of the newest header, provable by then; no witness signs here."""
        height = (yield from self.ledger()).get("height")
        if type(height) is not int:
            raise AnswerInvalid(path="/v1/ledger", reason="a height is needed")
        found = yield from self.header(height)
        self.require_fresh(found.size, size_before)
        self.save()
        return CheckpointReport(newest=found.checkpoint, witnessed=None, witnesses=())

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
        if not self._dirty or self._genesis is None or self._newest is None:
            return
        if self._sets is None:
            assert self._note is not None, "an operator's checkpoint comes in a note"
            witnessed = None if self._witnessed is None else encode_note(self._witnessed)
            seen: Seen | SeenHeader = Seen(newest=encode_note(self._note), witnessed=witnessed)
        else:
            seen = self._seen_header(self._newest, self._sets)
        self._memory.save_seen(self._genesis.ledger, seen)
        self._dirty = False

    def _seen_header(self, newest: Checkpoint, sets: Sets) -> SeenHeader:
        head = self._headers[max(self._headers)]
        assert head.commit is not None, "it was committed by an engine"
        since, voters = sets.newest
        return SeenHeader(
            certificate=msgspec.Raw(encode(head.commit)),
            header=msgspec.Raw(head.raw),
            log_root=to_text(newest.root),
            log_size=newest.size,
            since=since,
            voters=weights_of(voters),
        )


def _rewritten(seen: Checkpoint, shown: Checkpoint, reason: str) -> HistoryRewritten:
    return HistoryRewritten(reason=reason, size_seen=seen.size, size_shown=shown.size)


__all__ = [
    "AnotherLedger",
    "AnswerStale",
    "CheckpointReport",
    "ForkShown",
    "HanseError",
    "HistoryRewritten",
    "Member",
    "Session",
    "SignerMissing",
    "node_at_fault",
]
