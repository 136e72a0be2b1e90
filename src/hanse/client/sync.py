# SPDX-License-Identifier: Apache-2.0
"""``Client``: the session for ordinary code, over the standard library's HTTP."""

import http.client
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, ParamSpec, Protocol, Self, TypeVar
from urllib.parse import urlsplit

from hanse.client import _clock, joint, ranges, reading, submission
from hanse.client._certificate import CertifiedHeader
from hanse.client._feed import FeedEvent, FeedParser
from hanse.client._genesis import Genesis
from hanse.client._http import NotReachable, Request, Response, Steps, get_json, problem_of, segment
from hanse.client._memory import Memory, MemoryOfFolder
from hanse.client.bulk import Draft
from hanse.client.history import VERSIONS, History
from hanse.client.history import history as steps_of_history
from hanse.client.ranges import Bound, VerifiedRange
from hanse.client.reading import Key, QueryAnswer, VerifiedRecord, VerifiedState
from hanse.client.receipts import Outcome, VerifiedReceipt
from hanse.client.session import CheckpointReport, Member, Session, SignerMissing
from hanse.client.submission import EXPIRES_IN_MS, Call
from hanse.client.typed import C, Called, Method, answered, bind, called, target_of
from hanse.client.witness import Witness
from hanse.codec.canonical import JsonObject
from hanse.codec.limits import DOCUMENT_BYTES_MAX
from hanse.crypto.signers import Signer
from hanse.errors import TooLarge

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

DEFAULT_URL: Final = "http://127.0.0.1:8420"
TIMEOUT_S: Final = 30
ANSWER_BYTES_MAX: Final = DOCUMENT_BYTES_MAX


class Transport(Protocol):
    """What carries requests to one node."""

    def exchange(self, request: Request) -> Response:
        """Return the node's whole response."""

    def stream(self, path: str, last_event_id: str) -> Iterator[bytes]:
        """Yield the chunks of an endless response until the connection ends."""

    def close(self) -> None:
        """Let go of the connection."""


class HttpTransport:
    """One kept-alive connection; a request that meets a dead one is sent once more on a new one."""

    def __init__(self, url: str, timeout_s: int = TIMEOUT_S) -> None:
        """Prepare for an http or https address; connect at the first request."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NotReachable(url=url, reason="not an http or https address")
        self._url: Final = url
        self._host, self._port = parts.hostname, parts.port
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._timeout_s: Final = timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=self._timeout_s, context=self._tls
        )

    def exchange(self, request: Request) -> Response:
        """Return the node's whole response; every request may be sent twice (see ``Request``).

        Raises:
            NotReachable: both tries failed.
            TooLarge: the answer has more than ``ANSWER_BYTES_MAX`` bytes.
        """
        try:
            return self._exchange_once(request)
        except (OSError, http.client.HTTPException):
            self.close()
        try:
            return self._exchange_once(request)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NotReachable(url=self._url, reason=repr(error)) from None

    def _exchange_once(self, request: Request) -> Response:
        if self._connection is None:
            self._connection = self._connect()
        headers = {"Content-Type": request.content_type} if request.method == "POST" else {}
        body = request.body if request.method == "POST" else None
        self._connection.request(request.method, request.path, body=body, headers=headers)
        with self._connection.getresponse() as answer:
            data = answer.read(ANSWER_BYTES_MAX + 1)
            kind = answer.getheader("Content-Type", "")
            status = answer.status
        if len(data) > ANSWER_BYTES_MAX:
            self.close()
            raise TooLarge(what="answer bytes", limit=ANSWER_BYTES_MAX, actual=len(data))
        return Response(status, kind, data)

    def stream(self, path: str, last_event_id: str) -> Iterator[bytes]:
        """Yield the chunks of an endless response until the connection ends."""
        connection = self._connect()
        try:
            headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
            connection.request("GET", path, headers=headers)
            with connection.getresponse() as answer:
                if answer.status != 200:
                    body = answer.read(ANSWER_BYTES_MAX)
                    kind = answer.getheader("Content-Type", "")
                    raise problem_of(Response(answer.status, kind, body))
                while chunk := answer.read1():
                    yield chunk
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def close(self) -> None:
        """Let go of the connection; the next request opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def open_session(  # noqa: PLR0913  # the options of both clients, in one place
    url: str,
    *,
    trust: str | None,
    member: str | None,
    signer: Signer | None,
    key_id: str,
    state_dir: Path | str | None,
    now_ms: Callable[[], int],
) -> Session:
    """Return the session that a client's options describe.

    Raises:
        SignerMissing: a member without a key, or a key without a member.
    """
    if (member is None) != (signer is None):
        raise SignerMissing
    memory: Memory | None = None if state_dir is None else MemoryOfFolder(Path(state_dir))
    pen = None if member is None or signer is None else Member(member, key_id, signer)
    return Session(url, trust=trust, member=pen, memory=memory, now_ms=now_ms)


class Client:
    """A member's or reader's view of one ledger: signs, submits, and verifies every answer.

    One client belongs to one thread. What cannot be proved (queries, reports, sentences) is said to
    be the node's word in the method's description; the rest raises rather than return a lie.

    Args:
        url: of a node's gateway.
        trust: the ledger id, from a source other than the node; ``None`` trusts the first id shown,
            and :attr:`trusted_on_first_use` says so.
        member: ``name@organisation`` who signs, with ``signer``; ``None`` for a reader.
        key_id: the registry's name of the signer's key.
        state_dir: folder that keeps the newest checkpoints between runs; ``None`` forgets them.
        transport: replaces HTTP, for tests.
    """

    def __init__(  # noqa: PLR0913  # options, all by name
        self,
        url: str = DEFAULT_URL,
        *,
        trust: str | None = None,
        member: str | None = None,
        signer: Signer | None = None,
        key_id: str = "k1",
        state_dir: Path | str | None = None,
        timeout_s: int = TIMEOUT_S,
        transport: Transport | None = None,
        now_ms: Callable[[], int] = _clock.now_ms,
    ) -> None:
        """Open without asking the node anything yet."""
        self.session: Final = open_session(
            url,
            trust=trust,
            member=member,
            signer=signer,
            key_id=key_id,
            state_dir=state_dir,
            now_ms=now_ms,
        )
        self._transport: Final = transport or HttpTransport(url, timeout_s)

    def run(self, steps: Steps[T]) -> T:
        """Return what ``steps`` end in, carrying each of their requests to the node."""
        try:
            request = next(steps)
            while True:
                request = steps.send(self._transport.exchange(request))
        except StopIteration as stop:
            value: T = stop.value
            return value

    def close(self) -> None:
        """Make durable what was seen, and let go of the connection."""
        self.session.save()
        self._transport.close()

    def __enter__(self) -> Self:
        """Return this client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, whatever happened."""
        self.close()

    @property
    def trusted_on_first_use(self) -> bool:
        """Whether the ledger id came from the node itself: it may then be a forged ledger."""
        return self.session.trusted_on_first_use

    # ---- submissions

    def submit(
        self,
        contract: str,
        action: str,
        args: Mapping[str, object],
        *,
        cost_max: int | None = None,
        expires_in_ms: int = EXPIRES_IN_MS,
    ) -> VerifiedReceipt:
        """Return the proved receipt of one signed transaction.

        Raises:
            Refusal: not admitted. A refusal by the contract is a receipt; see ``require_ok``.
        """
        made = self.draft(contract, action, args, cost_max=cost_max, expires_in_ms=expires_in_ms)
        return self.submit_draft(made)

    def submit_draft(self, made: Draft) -> VerifiedReceipt:
        """Return the proved receipt of one draft.

        Raises:
            Refusal: not admitted.
        """
        return self.run(submission.submit(self.session, made))

    def draft(  # noqa: PLR0913  # options, by name
        self,
        contract: str,
        action: str,
        args: Mapping[str, object],
        *,
        cost_max: int | None = None,
        expires_in_ms: int = EXPIRES_IN_MS,
        also_signed_by: Sequence[str] = (),
    ) -> Draft:
        """Return a signed transaction that can be sent later, and more than once.

        ``also_signed_by`` names the members who will sign it, too; see :meth:`sign_draft`.
        """
        call = (contract, action, args)
        steps = submission.draft(self.session, call, cost_max, expires_in_ms, also_signed_by)
        return self.run(steps)

    def sign_draft(self, raw: bytes) -> Draft:
        """Return a draft of another member with this client's signature added.

        The signature binds to all that its body says: look at that first.

        Raises:
            AnotherLedger: it is for another ledger than the trusted one.
        """
        return self.run(joint.sign_draft(self.session, raw))

    def read_draft(self, raw: bytes) -> Draft:
        """Return the draft that ``raw`` is; the node verifies its signatures when it is sent.

        Raises:
            AnotherLedger: it is for another ledger than the trusted one.
        """
        return self.run(joint.read_draft(self.session, raw))

    def submit_many(self, calls: Sequence[Call], *, cost_max: int | None = None) -> list[Outcome]:
        """Return one outcome for each call, in order: a proved receipt, or why not admitted."""
        drafts = [self.run(submission.draft(self.session, call, cost_max)) for call in calls]
        return self.submit_drafts(drafts)

    def submit_drafts(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Return one outcome for each draft, in order; any number of drafts, sent in batches."""
        return self.run(submission.submit_drafts(self.session, drafts))

    def dry_run(
        self,
        contract: str,
        action: str,
        args: Mapping[str, object],
        *,
        also_signed_by: Sequence[str] = (),
    ) -> dict[str, object]:
        """Return what the action would do now; the node's word, and nothing is recorded."""
        steps = submission.dry_run(self.session, (contract, action, args), also_signed_by)
        return self.run(steps)

    def call(self, action: Method[C, P, R], /, *args: P.args, **kwargs: P.kwargs) -> Called[R]:
        """Return receipt and typed result of an action of a contract class.

        Raises:
            Refusal: not admitted, or rejected by the contract.
        """
        target = target_of(action)
        receipt = self.submit(target.contract, target.name, bind(target, args, kwargs))
        return called(target, receipt)

    # ---- questions

    def ask(self, question: Method[C, P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the typed result of a query of a contract class; the node's word."""
        target = target_of(question)
        return answered(
            target, self.query(target.contract, target.name, bind(target, args, kwargs))
        )

    def query(
        self, contract: str, name: str, args: dict[str, object], *, signer: str | None = None
    ) -> QueryAnswer:
        """Return a query's result; the node's word, at the height that it names."""
        return self.run(reading.query(self.session, contract, name, args, signer))

    def state(self, contract: str, collection: str, key: Key) -> VerifiedState:
        """Return the value at ``key`` of a contract's map, present or absent, proved."""
        return self.run(reading.state(self.session, contract, collection, key))

    def between(  # noqa: PLR0913  # which rows of what; the rest by name
        self,
        contract: str,
        collection: str,
        first: Bound = (),
        last: Bound = (),
        *,
        limit: int = ranges.ROWS,
        reverse: bool = False,
    ) -> VerifiedRange:
        """Return the rows of an ordered map from ``first`` to ``last``, proved to be all.

        Both ends are included; first parts of a key stand for all keys that begin with them. In
        reverse the last row comes first, and ``limit`` counts from the end.
        """
        of = (contract, collection)
        steps = ranges.between(self.session, of, first, last, limit, reverse=reverse)
        return self.run(steps)

    def history(
        self,
        contract: str,
        collection: str,
        key: Key,
        as_of: int | str | None = None,
        *,
        limit: int = VERSIONS,
    ) -> History:
        """Return what an entry was, the newest version first: the node's word, not proved.

        ``as_of`` is a height, or ``next`` of the page before; see ``evidence`` for proofs.
        """
        return self.run(steps_of_history((contract, collection), key, as_of, limit))

    def transaction(self, tx: str) -> VerifiedRecord:
        """Return a transaction and its receipt, proved; the sentence is the node's word."""
        return self.run(reading.record(self.session, tx))

    def block(self, height: int) -> list[VerifiedRecord]:
        """Return all records of a block, proved to be all of them."""
        return self.run(reading.block(self.session, height))

    def header(self, height: int) -> CertifiedHeader:
        """Return a header that is final and provable, part of the one history."""
        return self.run(self.session.header(height))

    def genesis(self) -> Genesis:
        """Return what proofs need of the genesis; its hash is the trusted ledger id."""
        return self.run(self.session.genesis())

    def checkpoint_update(self) -> CheckpointReport:
        """Return the newest checkpoints, proved to extend all that was seen before, and keep them.

        Raises:
            HistoryRewritten: they do not.
        """
        return self.run(self.session.checkpoint_update())

    def evidence(self, tx: str) -> bytes:
        """Return the evidence file of a record, for a stranger; verified before it is returned."""
        return self.run(reading.evidence(self.session, tx))

    def evidence_of_state(self, contract: str, collection: str, key: Key) -> bytes:
        """Return the evidence file of a state value; verified before it is returned."""
        return self.run(reading.evidence_of_state(self.session, contract, collection, key))

    def evidence_of_range(  # noqa: PLR0913  # as between
        self,
        contract: str,
        collection: str,
        first: Bound = (),
        last: Bound = (),
        *,
        limit: int = ranges.ROWS,
        reverse: bool = False,
    ) -> bytes:
        """Return the evidence file of rows of an ordered map; verified before it is returned."""
        of = (contract, collection)
        steps = reading.evidence_of_range(self.session, of, first, last, limit, reverse=reverse)
        return self.run(steps)

    def cosign(self, witness: Witness) -> int:
        """Return the log's size that ``witness`` has just cosigned and the node has taken up."""
        return self.run(reading.cosign(self.session, witness))

    # ---- documents

    def check_format(self, name: str, data: bytes, media_type: str | None = None) -> JsonObject:
        """Return the node's report on a standard's document; its word, on exactly these bytes."""
        return self.run(reading.check_format(self.session, name, data, media_type))

    def put_document(self, data: bytes) -> str:
        """Return the digest under which the node keeps ``data``."""
        return self.run(reading.put_document(self.session, data))

    def get_document(self, digest: str) -> bytes:
        """Return the bytes with this digest, established to be those."""
        return self.run(reading.get_document(self.session, digest))

    def import_document(
        self, name: str, data: bytes, media_type: str | None = None
    ) -> list[Outcome]:
        """Return the outcomes of the actions that put a standard's document on the ledger.

        Raises:
            Refusal: ``document_refused`` with the report.
        """
        calls = reading.drafts_of(self.check_format(name, data, media_type))
        self.put_document(data)
        return self.submit_many(calls)

    # ---- the node's word

    def ledger(self) -> JsonObject:
        """Return the node's report on itself: height, roots, contracts; of the trusted ledger."""
        return self.run(self.session.ledger())

    def get(self, path: str) -> Any:
        """Return the JSON at any path of the API; the node's word."""
        self.genesis()
        return self.run(get_json(path))

    def why(self, tx: str) -> Any:
        """Return code, clause, cause and remedy of a refusal; the node's word."""
        return self.get(f"/v1/transactions/{segment(tx)}/why")

    def describe(self, contract: str) -> Any:
        """Return a contract's actions, queries, events and maps; the node's word."""
        return self.get(f"/v1/contracts/{segment(contract)}")

    def feed(self, from_height: int | None = None) -> Iterator[FeedEvent]:
        """Yield an event for each block from ``from_height`` on, each proved to be in the log.

        A lost connection is taken up again once after each event; sentences are the node's word.

        Raises:
            NotReachable: the connection is lost twice without an event between.
        """
        self.genesis()
        path = "/v1/feed" if from_height is None else f"/v1/feed?from={from_height}"
        last = ""
        failures = 0
        while failures < 2:
            failures += 1
            parser = FeedParser()
            for chunk in self._transport.stream(path, last):
                for event in parser.feed(chunk):
                    failures = 0
                    last = last if event.height is None else str(event.height)
                    self.run(reading.verify_event(self.session, event))
                    yield event
        raise NotReachable(url=self.session.url, reason="the feed ended")
