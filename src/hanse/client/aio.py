# SPDX-License-Identifier: Apache-2.0
"""``AsyncClient``: the same session for asyncio, over aiohttp, with a stream for the hot path."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

from hanse.client import _clock, joint, ranges, reading, submission
from hanse.client._certificate import CertifiedHeader
from hanse.client._feed import FeedEvent, FeedParser
from hanse.client._genesis import Genesis
from hanse.client._http import (
    AnswerInvalid,
    NotReachable,
    Steps,
    get_json,
    segment,
)
from hanse.client.bulk import Draft
from hanse.client.history import VERSIONS, History
from hanse.client.history import history as steps_of_history
from hanse.client.ranges import Bound, VerifiedRange
from hanse.client.reading import Key, QueryAnswer, VerifiedRecord, VerifiedState
from hanse.client.receipts import Outcome, VerifiedReceipt
from hanse.client.session import CheckpointReport
from hanse.client.submission import EXPIRES_IN_MS, Call
from hanse.client.sync import DEFAULT_URL, TIMEOUT_S, open_session
from hanse.client.transports import AioTransport, AsyncTransport
from hanse.client.typed import C, Called, Method, answered, bind, called, target_of
from hanse.client.witness import Witness
from hanse.codec.canonical import JsonObject
from hanse.codec.limits import PENDING_TXS_MAX
from hanse.crypto.signers import Signer

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

STREAM_WINDOW: Final = min(4_000, PENDING_TXS_MAX)  # drafts on their way at once


class AsyncClient:
    """The asynchronous twin of :class:`hanse.client.Client`: the same steps, awaited.

    Many calls may run at once on one client; each is verified against one common history.
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
        transport: AsyncTransport | None = None,
        now_ms: Callable[[], int] = _clock.now_ms,
    ) -> None:
        """Open without asking the node anything yet; the options are those of ``Client``."""
        self.session: Final = open_session(
            url,
            trust=trust,
            member=member,
            signer=signer,
            key_id=key_id,
            state_dir=state_dir,
            now_ms=now_ms,
        )
        self._transport: Final[AsyncTransport] = transport or AioTransport(url, timeout_s)

    async def run(self, steps: Steps[T]) -> T:
        """Return what ``steps`` end in, carrying each of their requests to the node."""
        try:
            request = next(steps)
            while True:
                request = steps.send(await self._transport.exchange(request))
        except StopIteration as stop:
            value: T = stop.value
            return value

    async def close(self) -> None:
        """Make durable what was seen, and let go of the connections."""
        self.session.save()
        await self._transport.close()

    async def __aenter__(self) -> Self:
        """Return this client."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, whatever happened."""
        await self.close()

    @property
    def trusted_on_first_use(self) -> bool:
        """Whether the ledger id came from the node itself: it may then be a forged ledger."""
        return self.session.trusted_on_first_use

    # ---- submissions

    async def submit(
        self,
        contract: str,
        action: str,
        args: Mapping[str, object],
        *,
        cost_max: int | None = None,
        expires_in_ms: int = EXPIRES_IN_MS,
    ) -> VerifiedReceipt:
        """Return the proved receipt of one signed transaction; see ``Client.submit``."""
        call = (contract, action, args)
        made = await self.run(submission.draft(self.session, call, cost_max, expires_in_ms))
        return await self.submit_draft(made)

    async def draft(  # noqa: PLR0913  # options, by name
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
        return await self.run(steps)

    async def sign_draft(self, raw: bytes) -> Draft:
        """Return a draft of another member with this client's signature added.

        The signature binds to all that its body says: look at that first.

        Raises:
            AnotherLedger: it is for another ledger than the trusted one.
        """
        return await self.run(joint.sign_draft(self.session, raw))

    async def read_draft(self, raw: bytes) -> Draft:
        """Return the draft that ``raw`` is; the node verifies its signatures when it is sent.

        Raises:
            AnotherLedger: it is for another ledger than the trusted one.
        """
        return await self.run(joint.read_draft(self.session, raw))

    async def submit_draft(self, made: Draft) -> VerifiedReceipt:
        """Return the proved receipt of one draft."""
        return await self.run(submission.submit(self.session, made))

    async def submit_many(
        self, calls: Sequence[Call], *, cost_max: int | None = None
    ) -> list[Outcome]:
        """Return one outcome for each call, in order: a proved receipt, or why not admitted."""
        drafts = [await self.run(submission.draft(self.session, c, cost_max)) for c in calls]
        return await self.submit_drafts(drafts)

    async def submit_drafts(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Return one outcome for each draft, in order; any number of drafts, sent in batches."""
        return await self.run(submission.submit_drafts(self.session, drafts))

    async def stream(self, drafts: Iterable[Draft]) -> AsyncIterator[tuple[Draft, Outcome]]:
        """Yield each draft with its outcome, in order, while later ones are still being sent.

        At most ``STREAM_WINDOW`` drafts are on their way at once.

        Raises:
            NotReachable: the connection was lost; drafts without outcome may be sent again.
        """
        await self.genesis()
        waiting: deque[Draft] = deque()
        window = asyncio.Semaphore(STREAM_WINDOW)

        async def body() -> AsyncIterator[bytes]:
            for made in drafts:
                await window.acquire()
                waiting.append(made)
                yield made.raw + b"\n"

        rest = b""
        async for chunk in self._transport.duplex("/v1/transactions/stream", body()):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(lines) > len(waiting):
                raise AnswerInvalid(path="/v1/transactions/stream", reason="more lines than asked")
            made = [waiting.popleft() for _ in lines]
            pairs = list(zip(made, lines, strict=True))
            outcomes = await self.run(submission.verify_lines(self.session, pairs))
            for pair in zip(made, outcomes, strict=True):
                window.release()
                yield pair
        if waiting or rest:
            raise NotReachable(url=self.session.url, reason="the stream ended too early")

    async def dry_run(
        self,
        contract: str,
        action: str,
        args: Mapping[str, object],
        *,
        also_signed_by: Sequence[str] = (),
    ) -> dict[str, object]:
        """Return what the action would do now; the node's word, and nothing is recorded."""
        steps = submission.dry_run(self.session, (contract, action, args), also_signed_by)
        return await self.run(steps)

    async def call(
        self, action: Method[C, P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Called[R]:
        """Return receipt and typed result of an action of a contract class; see ``Client.call``."""
        target = target_of(action)
        receipt = await self.submit(target.contract, target.name, bind(target, args, kwargs))
        return called(target, receipt)

    # ---- questions

    async def ask(self, question: Method[C, P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the typed result of a query of a contract class; the node's word."""
        target = target_of(question)
        answer = await self.query(target.contract, target.name, bind(target, args, kwargs))
        return answered(target, answer)

    async def query(
        self, contract: str, name: str, args: dict[str, object], *, signer: str | None = None
    ) -> QueryAnswer:
        """Return a query's result; the node's word, at the height that it names."""
        return await self.run(reading.query(self.session, contract, name, args, signer))

    async def state(self, contract: str, collection: str, key: Key) -> VerifiedState:
        """Return the value at ``key`` of a contract's map, present or absent, proved."""
        return await self.run(reading.state(self.session, contract, collection, key))

    async def between(  # noqa: PLR0913  # which rows of what; the rest by name
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
        return await self.run(steps)

    async def history(
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
        return await self.run(steps_of_history((contract, collection), key, as_of, limit))

    async def transaction(self, tx: str) -> VerifiedRecord:
        """Return a transaction and its receipt, proved; the sentence is the node's word."""
        return await self.run(reading.record(self.session, tx))

    async def block(self, height: int) -> list[VerifiedRecord]:
        """Return all records of a block, proved to be all of them."""
        return await self.run(reading.block(self.session, height))

    async def header(self, height: int) -> CertifiedHeader:
        """Return a header that is final and provable, part of the one history."""
        return await self.run(self.session.header(height))

    async def genesis(self) -> Genesis:
        """Return what proofs need of the genesis; its hash is the trusted ledger id."""
        return await self.run(self.session.genesis())

    async def checkpoint_update(self) -> CheckpointReport:
        """Return the newest checkpoints, proved to extend what was seen, and keep them."""
        return await self.run(self.session.checkpoint_update())

    async def evidence(self, tx: str) -> bytes:
        """Return the evidence file of a record, for a stranger; verified before it is returned."""
        return await self.run(reading.evidence(self.session, tx))

    async def evidence_of_state(self, contract: str, collection: str, key: Key) -> bytes:
        """Return the evidence file of a state value; verified before it is returned."""
        return await self.run(reading.evidence_of_state(self.session, contract, collection, key))

    async def evidence_of_range(  # noqa: PLR0913  # as between
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
        return await self.run(steps)

    async def cosign(self, witness: Witness) -> int:
        """Return the log's size that ``witness`` has just cosigned and the node has taken up."""
        return await self.run(reading.cosign(self.session, witness))

    # ---- documents

    async def check_format(
        self, name: str, data: bytes, media_type: str | None = None
    ) -> JsonObject:
        """Return the node's report on a standard's document; its word, on exactly these bytes."""
        return await self.run(reading.check_format(self.session, name, data, media_type))

    async def put_document(self, data: bytes) -> str:
        """Return the digest under which the node keeps ``data``."""
        return await self.run(reading.put_document(self.session, data))

    async def get_document(self, digest: str) -> bytes:
        """Return the bytes with this digest, established to be those."""
        return await self.run(reading.get_document(self.session, digest))

    async def import_document(
        self, name: str, data: bytes, media_type: str | None = None
    ) -> list[Outcome]:
        """Return the outcomes of the actions that put a standard's document on the ledger."""
        calls = reading.drafts_of(await self.check_format(name, data, media_type))
        await self.put_document(data)
        return await self.submit_many(calls)

    # ---- the node's word

    async def ledger(self) -> JsonObject:
        """Return the node's report on itself: height, roots, contracts; of the trusted ledger."""
        return await self.run(self.session.ledger())

    async def get(self, path: str) -> Any:
        """Return the JSON at any path of the API; the node's word."""
        await self.genesis()
        return await self.run(get_json(path))

    async def why(self, tx: str) -> Any:
        """Return code, clause, cause and remedy of a refusal; the node's word."""
        return await self.get(f"/v1/transactions/{segment(tx)}/why")

    async def describe(self, contract: str) -> Any:
        """Return a contract's actions, queries, events and maps; the node's word."""
        return await self.get(f"/v1/contracts/{segment(contract)}")

    async def feed(self, from_height: int | None = None) -> AsyncIterator[FeedEvent]:
        """Yield an event for each block, each proved to be in the log; see ``Client.feed``."""
        await self.genesis()
        path = "/v1/feed" if from_height is None else f"/v1/feed?from={from_height}"
        last = ""
        failures = 0
        while failures < 2:
            failures += 1
            parser = FeedParser()
            async for chunk in self._transport.stream(path, last):
                for event in parser.feed(chunk):
                    failures = 0
                    last = last if event.height is None else str(event.height)
                    await self.run(reading.verify_event(self.session, event))
                    yield event
        raise NotReachable(url=self.session.url, reason="the feed ended")
