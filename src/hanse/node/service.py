# SPDX-License-Identifier: Apache-2.0
"""What a node offers to the gateway: submit, read, prove, explain; on one event loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from hanse import __version__
from hanse.client import _genesis as client_genesis
from hanse.client.note import Note, encode_note, parse_note
from hanse.codec.base64url import to_hash, to_text
from hanse.codec.canonical import decode_as
from hanse.codec.documents import Transaction, header_decoder
from hanse.codec.ordered import OrderedBlock
from hanse.contracts.app import App
from hanse.contracts.contract import Contract
from hanse.engines import EmbeddedEngine
from hanse.engines.embedded import Budget
from hanse.errors import Malformed, Rejected
from hanse.kernel import BlockResult
from hanse.kernel.entries import REGISTRY
from hanse.node import proofs
from hanse.node.admission import Prepared, check_rest, prepare, refused
from hanse.node.answers import Answer, Request, problem_answer
from hanse.node.catalogue import Catalogue
from hanse.node.clock import wall_clock_ms
from hanse.node.cosigning import Cosigning
from hanse.node.errors import NodeStopped, NotFound, WorkerTripped
from hanse.node.feed import Feed
from hanse.node.folder import Folder
from hanse.node.ledger import Ledger, Progress
from hanse.node.metrics import Metrics
from hanse.node.queries import Queries
from hanse.node.ranges import range_evidence, range_proof
from hanse.node.reading import BlockReader, RecordView
from hanse.node.rehearsal import rehearse
from hanse.node.verifier import Verifier
from hanse.vault.documents import Documents

ADMITTED_TXS: Final = 128  # of one call at a time: 3 ms, in which nobody else is served

Document = dict[str, Any]


class NodeService:
    """One organisation's node with the embedded engine."""

    def __init__(
        self,
        folder: Folder,
        apps: tuple[App, ...],
        *,
        passphrase: str | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        """Prepare a node; :meth:`start` opens it. ``now_ms`` is the clock that it believes."""
        self._now_ms = now_ms
        self.folder = folder
        self.apps = apps
        contracts: list[type[Contract]] = [c for app in apps for c in app.contracts]
        self._node = Ledger(folder, contracts, folder.signer(passphrase))
        self.kernel = self._node.kernel
        self.hash = self.kernel.hash
        self.ledger = folder.ledger
        self.genesis_bytes = folder.genesis_bytes
        self.documents = Documents(folder.documents)
        self.catalogue = Catalogue(self.kernel, apps)
        self._genesis = client_genesis.decode_genesis(folder.genesis_bytes)
        self._cosigning = Cosigning(self._genesis, folder.cosigned)
        self._pending: dict[bytes, tuple[bytes, list[tuple[Request, int]]]] = {}
        self._metrics = Metrics()
        self._verifier = Verifier()
        self._verifying = 0  # transactions prepared that the engine does not have yet
        self._failure: BaseException | None = None
        self._rehearsing = asyncio.Lock()

    async def start(self, progress: Progress | None = None) -> None:
        """Open the ledger, replay what is needed, and begin to take transactions.

        Raises:
            Corrupt: the log or the state is damaged.
        """
        self._node.open(progress)
        await self._verifier.start()
        store = self._node.store
        self.catalogue.follow(store)
        self.reader = BlockReader(self._node, self.catalogue)
        self.queries = Queries(self._node, self.catalogue, self._now_ms)
        self._feed = Feed(self.reader)
        self._cosigning.add(store.height, self._newest_certificate()[1])
        header = self._node.header
        self._engine = EmbeddedEngine(
            self._deliver,
            self._now_ms,
            self._budget(),
            height=header.engine_height,
            time_ms=header.time_ms,
        )
        self._engine.start()

    def _budget(self) -> Budget:
        rules = self.kernel.rules_in(self._node.store)
        return Budget(rules.block_txs_max, rules.block_cost_max, rules.block_bytes_max)

    async def stop(self) -> None:
        """Finish the block in hand, write a checkpoint, close."""
        await self._engine.stop()
        await self._verifier.stop()
        await self._node.finish()
        self._node.close()

    async def failed(self) -> None:
        """Return only by raising what has stopped the engine."""
        await self._engine.wait()

    # -- submitting -----------------------------------------------------------------------------

    async def submit(self, raws: Sequence[bytes]) -> list[Answer]:
        """Return one answer for each transaction, in order, once all are durable."""
        if not raws:
            return []
        if self._failure is not None:
            raise NodeStopped(type(self._failure).__name__)
        request = Request([None] * len(raws), len(raws))
        before: asyncio.Task[None] | None = None
        for start in range(0, len(raws), ADMITTED_TXS):
            prepared = self._prepare_all(raws, start, request)
            self._verifying += len(prepared)
            before = asyncio.create_task(self._admit(prepared, request, before))
            await asyncio.sleep(0)  # its signatures are verified while the next are prepared
        assert before is not None
        await before
        await request.done
        return [a for a in request.answers if a is not None]

    def _prepare_all(
        self, raws: Sequence[bytes], start: int, request: Request
    ) -> list[tuple[int, Prepared]]:
        prepared: list[tuple[int, Prepared]] = []
        store = self._node.store
        for index, raw in enumerate(raws[start : start + ADMITTED_TXS], start):
            try:
                self._engine.check(self._verifying + len(prepared) + 1)
                prepared.append((index, prepare(self.kernel, store, store, raw)))
            except Rejected as error:
                request.put(index, problem_answer(error))
        return prepared

    async def _admit(
        self,
        prepared: list[tuple[int, Prepared]],
        request: Request,
        before: asyncio.Task[None] | None,
    ) -> None:
        """Verify the signatures; once ``before`` is done, hand to the engine what is fit for it."""
        checks = [check for _, made in prepared for check in made.checks]
        try:
            verdicts = await self._verifier.verify(checks)
            if before is not None:
                await before
        finally:
            self._verifying -= len(prepared)
        now_ms, rules = self._now_ms(), self.kernel.rules_in(self._node.store)
        ready: list[Transaction] = []
        at = 0
        for index, made in prepared:
            signed = verdicts[at : at + len(made.checks)]
            at += len(made.checks)
            try:
                if not made.duplicate:
                    check_rest(rules, made.transaction, signed, now_ms)
                self._take(made, request, index, ready)
            except Rejected as error:
                request.put(index, problem_answer(error))
        self._engine.submit(ready)

    def _take(
        self, admitted: Prepared, request: Request, index: int, ready: list[Transaction]
    ) -> None:
        tx = admitted.transaction
        if admitted.duplicate:
            found = self.reader.find(tx.id)
            assert found is not None
            request.put(index, Answer(ok=True, status=200, body=found.receipt))
            return
        waiting = self._pending.get(tx.nonce_digest)
        if waiting is None:
            self._pending[tx.nonce_digest] = (tx.id, [(request, index)])
            ready.append(tx)
        elif waiting[0] == tx.id:
            waiting[1].append((request, index))
        else:
            raise refused("nonce_reused", tx)

    async def _deliver(self, block: OrderedBlock) -> None:
        try:
            await self._node.deliver(block, self._published)
        except WorkerTripped as error:
            self._set_apart(block, error)
        except BaseException as error:
            self._fail(error)
            raise

    def _set_apart(self, block: OrderedBlock, error: WorkerTripped) -> None:
        """Execute each transaction of a block that tripped the worker in a block of its own.

        One that trips it alone is not ordered: on an engine of one operator nobody else has it.
        """
        transactions = [tx for s in block.submissions for tx in s.transactions]
        if len(transactions) > 1:
            self._engine.again(transactions)
        else:
            for tx in transactions:
                self._answer(tx, problem_answer(error))

    def _fail(self, error: BaseException) -> None:
        """Let nobody wait for an answer that cannot come; the process ends and starts again."""
        self._failure = error
        for _, waiting in self._pending.values():
            for request, _ in waiting:
                if not request.done.done():
                    request.done.set_exception(NodeStopped(type(error).__name__))
        self._pending.clear()

    async def _published(self, result: BlockResult, certificate: bytes) -> None:
        if result.header is not None:
            self.reader.keep(result, certificate)
        for tx, receipt in result.records:
            self._answer(tx, Answer(ok=True, status=200, body=receipt))
        for drop in result.dropped:
            self._answer(drop.transaction, problem_answer(refused(drop.code, drop.transaction)))
        for tx in result.repeated:
            found = self.reader.find(tx.id)
            assert found is not None
            self._answer(tx, Answer(ok=True, status=200, body=found.receipt))
        if result.header is not None:
            note = parse_note(msgspec.json.decode(certificate)["note"])
            self._cosigning.add(result.header.height, note)
            self._metrics.block(result)
            if REGISTRY in result.writes:  # which holds what was decided about budgets
                self._engine.budget = self._budget()
            self._feed.publish(result)

    def _answer(self, tx: Transaction, answer: Answer) -> None:
        _, waiting = self._pending.pop(tx.nonce_digest, (b"", []))
        for request, index in waiting:
            request.put(index, answer)

    # -- reading --------------------------------------------------------------------------------

    def status(self) -> Document:
        """Return the facts of ``GET /v1/ledger``."""
        header = self._node.header
        genesis = self.folder.genesis
        return {
            "block_id": to_text(self._node.store.block_id),
            "contracts": list(self.kernel.directory.contracts(self._node.store)),
            "engine": "embedded",
            "hash": genesis.hash,
            "height": header.height,
            "ledger": self.ledger,
            "log_size": header.log_size + 1,
            "network": genesis.network,
            "node": self.folder.node,
            "organisation": self.folder.organisation,
            "rules": msgspec.to_builtins(self.kernel.rules_in(self._node.store)),
            "state_root": header.state_root,
            "suite": genesis.validators[0].suite,
            "time_ms": header.time_ms,
            "version": __version__,
            "witness_quorum": genesis.witness_quorum,
        }

    def record(self, tx: str) -> RecordView | None:
        """Return the record with this transaction id, if this node has it."""
        return self.reader.find(to_hash(tx, "$.tx"))

    def why(self, tx: str) -> Document:
        """Return the explanation of a receipt: code, clause, cause, remedy, who could mend it."""
        found = self.record(tx)
        if found is None:
            raise NotFound("transaction", tx)
        return self.catalogue.why(found.transaction, found.receipt)

    def blocks(self, before: int | None, limit: int) -> list[Document]:
        """Return summaries of the newest blocks below ``before``, newest first."""
        return self.reader.blocks(before, limit)

    def block(self, height: int) -> Document | None:
        """Return a block with its records and their sentences."""
        return self.reader.block(height)

    def leaves(self, height: int) -> Document | None:
        """Return a block's leaf hashes with the log's frontier before them."""
        return self.reader.leaves(height)

    def header(self, height: int) -> Document | None:
        """Return a header with its certificate, cosignatures collected so far included."""
        found = self.reader.header(height)
        if found is None:
            return None
        document, size = found
        note = self._cosigning.find(size)
        if note is not None:
            document["certificate"]["note"] = encode_note(note)
        return document

    def checkpoint(self, cosigned: bool) -> str:
        """Return the newest note to cosign; when ``cosigned``, the newest one with its quorum."""
        if not cosigned:
            note = self._cosigning.to_cosign
            assert note is not None
            return encode_note(note)
        complete = self._cosigning.newest_complete
        if complete is None:
            raise NotFound("checkpoint", "cosigned")
        return encode_note(complete[1])

    def consistency(self, old: int, new: int) -> list[str]:
        """Return the consistency path between two sizes of the log."""
        return self.reader.consistency(old, new)

    def add_cosignature(self, note: str) -> None:
        """Keep the witness lines of ``note``."""
        self._cosigning.add_lines(note)

    def contracts(self) -> list[Document]:
        """Return one line for each contract."""
        return self.catalogue.contracts()

    def describe(self, contract: str) -> Document:
        """Return a contract's description, schemas and source included."""
        return self.catalogue.describe(contract)

    async def rehearse(self, number: int) -> Document:
        """Return what a proposal would do to the state of now; one at a time, on a thread.

        Raises:
            NotFound: no such proposal.
        """
        async with self._rehearsing:
            opened = await self._node.newest_snapshot()

            def run() -> Document:
                snapshot = opened()
                try:
                    return rehearse(self.kernel, snapshot, number)
                finally:
                    snapshot.close()

            return await asyncio.to_thread(run)

    def organisations(self) -> list[Document]:
        """Return organisations with members, roles and keys."""
        return self.queries.organisations()

    async def query(self, contract: str, name: str, args: Document, signer: str | None) -> Document:
        """Return the answer of a query at the newest height."""
        return await self.queries.query(contract, name, args, signer)

    async def check(
        self, contract: str, action: str, args: Document, signers: tuple[str, ...]
    ) -> Document:
        """Return what the action would do now, signed by all of these; nothing is recorded."""
        return await self.queries.check(contract, action, args, signers)

    def feed(self, from_height: int | None) -> AsyncIterator[Document]:
        """Yield blocks as they become durable, from ``from_height`` on when given."""
        return self._feed.read(from_height)

    def formats(self) -> list[Document]:
        """Return the document formats that can be checked here."""
        return self.catalogue.formats()

    def check_format(self, name: str, data: bytes, media_type: str | None) -> Document:
        """Return the report on a document, with drafts of the actions that it asks for."""
        return self.catalogue.check_format(name, data, media_type)

    def metrics(self) -> str:
        """Return the node's figures in the Prometheus text format."""
        store = self._node.store
        return self._metrics.text(
            height=store.height,
            behind=store.height - store.checkpoint_height,
            waiting=self._engine.waiting,
            readers=self._feed.readers,
            trips=0 if self._node.worker is None else self._node.worker.trips,
        )

    def ready(self) -> tuple[bool, Document]:
        """Return whether the node takes transactions, with the reasons."""
        return self._failure is None, {
            "engine": "stopped" if self._failure else "running",
            "height": self._node.store.height,
            "containment": self._node.containment,
        }

    # -- proving --------------------------------------------------------------------------------

    async def state(self, contract: str, name: str, key_json: str) -> Document:
        """Return a state value with its proof under the newest header."""
        key = self._state_key(contract, name, key_json)
        async with self._node.lock:
            proof = proofs.state_proof(self._node.store, self.hash, contract, [key])
            path, note = self._newest_certificate()
            return {
                "certificate": proofs.certificate_document(path, note),
                "header": msgspec.Raw(self._node.store.header),
                "proof": proof,
            }

    async def range(
        self, contract: str, name: str, bounds: tuple[str, str], limit: int
    ) -> Document:
        """Return rows of an ordered map with the proof that there are no others."""
        loaded = self.queries.loaded(contract)
        async with self._node.lock:
            proof = range_proof(self._node.store, loaded, name, bounds, limit)
            path, note = self._newest_certificate()
            return {
                "certificate": proofs.certificate_document(path, note),
                "header": msgspec.Raw(self._node.store.header),
                "range": proof,
            }

    async def evidence_range(
        self, contract: str, name: str, bounds: tuple[str, str], limit: int
    ) -> bytes:
        """Return the evidence document of rows of an ordered map."""
        loaded = self.queries.loaded(contract)
        async with self._node.lock:
            proof = range_proof(self._node.store, loaded, name, bounds, limit)
            parts = range_evidence(loaded, name, bounds, proof)
            finish = self._prepare()
        return await finish("range", parts)

    async def evidence_state(self, contract: str, name: str, key_json: str) -> bytes:
        """Return the evidence document of a state value, present or absent."""
        key = self._state_key(contract, name, key_json)
        async with self._node.lock:
            proof = proofs.state_proof(self._node.store, self.hash, contract, [key])
            parts = {"contract": contract, "key": to_text(key), "state": proof}
            finish = self._prepare()
        return await finish("state", parts)

    async def evidence_record(self, tx: str) -> bytes:
        """Return the evidence document of a record."""
        found = self.record(tx)
        if found is None:
            raise NotFound("transaction", tx)
        transaction = self.reader.decode(found.transaction)
        async with self._node.lock:
            size = decode_as(self._node.store.header, header_decoder).log_size
            parts = proofs.record_parts(
                self._node.store, self.hash, transaction, found.receipt, found.leaf_index, size
            )
            finish = self._prepare()
        return await finish("record", parts)

    def _prepare(self) -> Callable[[str, Document], Awaitable[bytes]]:
        """Hold on to the newest header while its cosignatures are awaited."""
        header, (path, note) = self._node.store.header, self._newest_certificate()

        async def finish(kind: str, parts: Document) -> bytes:
            cosigned = await self._cosigning.wait(note.checkpoint.size)
            complete = proofs.quorum_note(cosigned, self._cosigning.quorum)
            certificate = proofs.certificate_document(path, complete)
            documents = {
                "certificate": certificate,
                "genesis": msgspec.Raw(self.genesis_bytes),
                "header": msgspec.Raw(header),
            }
            return proofs.evidence(kind, self.hash, documents, parts)

        return finish

    def _newest_certificate(self) -> tuple[list[str], Note]:
        found = self.reader.stored(self._node.store.height)
        assert found is not None
        document = msgspec.json.decode(found[0].certificate)
        return document["header_path"], parse_note(document["note"])

    def _state_key(self, contract: str, name: str, key_json: str) -> bytes:
        loaded = self.queries.loaded(contract)
        try:
            key = msgspec.json.decode(key_json) if key_json else None
            return loaded.state_key(name, key)
        except (msgspec.DecodeError, ValueError) as error:
            raise Malformed(reason=str(error), at="$.key") from None
