# SPDX-License-Identifier: Apache-2.0
"""What a node offers to the gateway: submit, read, prove, explain; on one event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from hanse import __version__
from hanse.client import _genesis as client_genesis
from hanse.client import note as notes
from hanse.client.note import Note, encode_note, parse_note
from hanse.codec.base64url import to_hash, to_text
from hanse.codec.canonical import decode_as
from hanse.codec.documents import Header, header_decoder
from hanse.codec.ordered import OrderedBlock
from hanse.codec.submission import Submission
from hanse.contracts.app import App
from hanse.contracts.contract import Contract
from hanse.engines import Budget, EmbeddedEngine, Engine
from hanse.engines.cometbft.child import CometEngine, Meeting
from hanse.engines.cometbft.engine import CometApplication
from hanse.engines.cometbft.rpc import EngineRpc
from hanse.errors import Malformed
from hanse.identity import GenesisEngineValidator
from hanse.kernel import BlockResult
from hanse.kernel.entries import REGISTRY
from hanse.kernel.genesis import as_listed
from hanse.node import health, proofs, restored
from hanse.node.admission import refused
from hanse.node.answers import Answer, problem_answer
from hanse.node.blocks import StoredBlock
from hanse.node.catalogue import Catalogue
from hanse.node.chronicle import Chronicle
from hanse.node.clock import wall_clock_ms
from hanse.node.consensus import Consensus, engine_genesis
from hanse.node.cosigning import Cosigning
from hanse.node.engine_watch import EngineWatch
from hanse.node.errors import NotFound, WorkerTripped
from hanse.node.feed import Feed
from hanse.node.finality import CometbftFinality, EmbeddedFinality, EngineCommits, Finality
from hanse.node.folder import Folder
from hanse.node.intake import Intake
from hanse.node.ledger import Ledger, Progress
from hanse.node.logs import tell
from hanse.node.metrics import Metrics
from hanse.node.queries import Queries
from hanse.node.ranges import range_evidence, range_proof
from hanse.node.reading import BlockReader, RecordView
from hanse.node.rehearsal import rehearse
from hanse.node.verifier import Verifier
from hanse.vault.documents import Documents

Document = dict[str, Any]


class NodeService:
    """One organisation's node with the embedded engine."""

    def __init__(  # noqa: PLR0913  # options, all by name
        self,
        folder: Folder,
        apps: tuple[App, ...],
        *,
        passphrase: str | None = None,
        history: bool = False,
        now_ms: Callable[[], int] = wall_clock_ms,
        meeting: Meeting | None = None,
        bounds: health.Bounds = health.USUAL,
    ) -> None:
        """Prepare a node; :meth:`start` opens it.

        Args:
            folder: the node's.
            apps: those that are installed.
            passphrase: opens its key files.
            history: keep what entries were, for questions about the past.
            now_ms: the clock that it believes.
            meeting: where its engine meets others, on a ledger of several validators.
            bounds: beyond what it says that it is not ready.
        """
        self._bounds = bounds
        self._watch: EngineWatch | None = None
        self._meeting = meeting or Meeting()
        self._passphrase = passphrase
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
        self._metrics = Metrics()
        self._verifier = Verifier()
        self._rehearsing = asyncio.Lock()
        self._chronicle = Chronicle(folder, contracts, kept=history)

    async def start(self, progress: Progress | None = None) -> None:
        """Open the ledger, replay what is needed, and begin to take transactions.

        Raises:
            Corrupt: the log or the state is damaged.
        """
        self._chronicle.prepare(progress)
        self._node.open(progress, applied=self._chronicle.take_now)
        self._node.log.on_sync = self._metrics.synced
        self._chronicle.start()
        await self._verifier.start()
        store = self._node.store
        self.catalogue.follow(store)
        self.reader = BlockReader(self._node, self.catalogue)
        self.queries = Queries(self._node, self.catalogue, self._now_ms)
        self._feed = Feed(self.reader)
        if not self.folder.genesis.voters:
            self._cosigning.add(store.height, _note_of(self._newest().certificate))
        self._engine = self._make_engine()
        self._finality = self._make_finality()
        self._intake = Intake(
            self.kernel, store, self._engine, self._verifier, self._receipt, self._now_ms
        )
        await self._engine.start()
        if isinstance(rpc := getattr(self._engine, "rpc", None), EngineRpc):
            self._watch = EngineWatch(rpc)
            self._watch.start()

    def _make_engine(self) -> Engine:
        """Return what orders here: the node itself, or CometBFT where the genesis has voters."""
        if self.folder.genesis.voters:
            host = Consensus(self._node, self._verifier, self._published, self._expired)
            application = CometApplication(
                host, self.hash.tagged, self._budget(), self._now_ms() * 100
            )
            # at the first round, before any vote: the look back for votes of this key has passed
            application.on_round = lambda: restored.clear(self.folder.path)
            return CometEngine(
                application,
                engine_genesis(self.folder),
                self.folder.engine_keys(self._passphrase),
                self.folder.engine,
                host.node,
                self._meeting,
            )
        header = self._node.header
        return EmbeddedEngine(
            self._deliver,
            self._now_ms,
            self._budget(),
            height=header.engine_height,
            time_ms=header.time_ms,
        )

    def _make_finality(self) -> Finality:
        """Return what proves headers here: the operator's notes, or the commits of the engine."""
        if not isinstance(self._engine, CometEngine):
            return EmbeddedFinality(self._cosigning)
        source = EngineCommits(self._engine.rpc)
        path = self.folder.commits
        return CometbftFinality(self._genesis, source, self.reader.header, self._voters, path)

    def _voters(self, header: Header) -> list[GenesisEngineValidator]:
        """Return who votes after the block of a header, as the registry has it."""
        store = self._node.store
        directory = self.kernel.directory.look_at(store)
        return as_listed(directory.engine_validators(store, header.height))

    def _budget(self) -> Budget:
        rules = self.kernel.rules_in(self._node.store)
        return Budget(rules.block_txs_max, rules.block_cost_max, rules.block_bytes_max)

    async def stop(self) -> None:
        """Finish the block in hand, write a checkpoint, close."""
        if self._watch is not None:
            await self._watch.stop()
        await self._engine.stop()
        await self._verifier.stop()
        self._finality.close()
        await self._node.finish()
        self._node.close()
        await self._chronicle.stop()

    async def failed(self) -> None:
        """Return only by raising what has stopped the engine."""
        await self._engine.wait()

    # -- submitting -----------------------------------------------------------------------------

    async def submit(self, raws: Sequence[bytes]) -> list[Answer]:
        """Return one answer for each transaction, in order, once all are durable."""
        with self._metrics.submission(len(raws)):
            return await self._intake.submit(raws)

    async def _deliver(self, block: OrderedBlock) -> None:
        try:
            with self._metrics.timed_block():
                await self._node.deliver(block, self._published)
        except WorkerTripped as error:
            tell("worker_tripped", engine_height=block.engine_height, what=error.what)
            self._set_apart(block, error)
        except BaseException as error:
            self._intake.fail(error)
            raise

    def _set_apart(self, block: OrderedBlock, error: WorkerTripped) -> None:
        """Execute each transaction of a block that tripped the worker in a block of its own.

        One that trips it alone is not ordered: on an engine of one operator nobody else has it.
        """
        transactions = [tx for s in block.submissions for tx in s.transactions]
        if len(transactions) > 1:
            assert isinstance(self._engine, EmbeddedEngine)
            self._engine.again(transactions)
        else:
            for tx in transactions:
                self._intake.answer(tx, problem_answer(error))

    async def _published(self, result: BlockResult, certificate: bytes) -> None:
        if result.header is None:
            self._intake.applied(result)
            return
        self.reader.keep(result, certificate)
        self._intake.applied(result)
        if REGISTRY in result.writes:  # which holds what was decided about budgets
            self._engine.budget = self._budget()
        if not self.folder.genesis.voters:
            self._cosigning.add(result.header.height, _note_of(certificate))
        self._metrics.block(result)
        self._feed.publish(result)
        await self._chronicle.follow(result)

    def _expired(self, submission: Submission) -> None:
        for tx in submission.transactions:
            self._intake.answer(tx, problem_answer(refused("expired", tx)))

    def _receipt(self, tx_id: bytes) -> bytes | None:
        found = self.reader.find(tx_id)
        return None if found is None else found.receipt

    # -- reading --------------------------------------------------------------------------------

    def status(self) -> Document:
        """Return the facts of ``GET /v1/ledger``."""
        header = self._node.header
        genesis = self.folder.genesis
        return {
            "block_id": to_text(self._node.store.block_id),
            "contracts": list(self.kernel.directory.contracts(self._node.store)),
            "engine": "cometbft" if genesis.voters else "embedded",
            "hash": genesis.hash,
            "height": header.height,
            "ledger": self.ledger,
            "log_size": header.log_size + 1,
            "network": genesis.network,
            "node": self.folder.node,
            "organisation": self.folder.organisation,
            "provable_height": self._finality.provable(header.height),
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

    async def block(self, height: int) -> Document | None:
        """Return a block with its records and their sentences, once it is provable."""
        return await self._certified(height, self.reader.block(height))

    async def leaves(self, height: int) -> Document | None:
        """Return a block's leaf hashes with the log's frontier before them, once provable."""
        return await self._certified(height, self.reader.leaves(height))

    async def header(self, height: int) -> Document | None:
        """Return a header with its certificate, cosignatures collected so far included."""
        return await self._certified(height, {})

    async def _certified(self, height: int, document: Document | None) -> Document | None:
        found = self.reader.stored(height)
        if found is None or document is None:
            return None
        certificate = await self._finality.certificate(found[0])
        return document | {
            "certificate": certificate,
            "header": msgspec.Raw(found[0].header_bytes),
        }

    async def validators(self, since: int) -> list[Document]:
        """Return changes of the engine's validators that were agreed at ``since`` or above."""
        return await self._finality.steps(since)

    def checkpoint(self, cosigned: bool) -> str:
        """Return the newest note to cosign; when ``cosigned``, the newest one with its quorum."""
        if self.folder.genesis.voters:
            raise notes.NoCheckpoints(self.ledger)
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
        if self.folder.genesis.voters:
            raise notes.NoCheckpoints(self.ledger)
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
        return health.figures(self._facts(), self._bounds, self.folder, self._metrics.samples())

    def ready(self) -> tuple[bool, Document]:
        """Return whether the node takes transactions, with the reasons why not."""
        return health.ready(self._facts(), self._bounds, self.folder)

    def _facts(self) -> health.Facts:
        facts = health.facts_of(self._node, self._now_ms(), self._metrics.stalled_s)
        return msgspec.structs.replace(
            facts,
            waiting=self._engine.waiting,
            verifying=self._intake.verifying,
            readers=self._feed.readers,
            is_failed=self._intake.failure is not None,
            engine=None if self._watch is None else self._watch.facts,
        )

    # -- proving --------------------------------------------------------------------------------

    async def state(self, contract: str, name: str, key_json: str) -> Document:
        """Return a state value with its proof under the newest header."""
        key = self._state_key(contract, name, key_json)
        async with self._node.lock:
            proof = proofs.state_proof(self._node.store, self.hash, contract, [key])
            block = self._newest()
        return {
            "certificate": await self._finality.certificate(block),
            "header": msgspec.Raw(block.header_bytes),
            "proof": proof,
        }

    async def history(
        self, contract: str, name: str, key_json: str, before: tuple[int, int] | None, limit: int
    ) -> Document:
        """Return what a state entry was, the newest version first; not proved."""
        of, key = (contract, name, key_json), self._state_key(contract, name, key_json)
        return await self._chronicle.answer(of, key, before, limit, self._node.store.height)

    async def range(
        self, contract: str, name: str, bounds: tuple[str, str], limit: int, *, reverse: bool
    ) -> Document:
        """Return rows of an ordered map with the proof that there are no others."""
        loaded = self.queries.loaded(contract)
        async with self._node.lock:
            proof = range_proof(self._node.store, loaded, name, bounds, limit, reverse=reverse)
            block = self._newest()
        return {
            "certificate": await self._finality.certificate(block),
            "header": msgspec.Raw(block.header_bytes),
            "range": proof,
        }

    async def evidence_range(
        self, contract: str, name: str, bounds: tuple[str, str], limit: int, *, reverse: bool
    ) -> bytes:
        """Return the evidence document of rows of an ordered map."""
        loaded = self.queries.loaded(contract)
        async with self._node.lock:
            proof = range_proof(self._node.store, loaded, name, bounds, limit, reverse=reverse)
            parts = range_evidence(loaded, name, bounds, proof)
            block = self._newest()
        return await self._evidence(block, "range", parts)

    async def evidence_state(self, contract: str, name: str, key_json: str) -> bytes:
        """Return the evidence document of a state value, present or absent."""
        key = self._state_key(contract, name, key_json)
        async with self._node.lock:
            proof = proofs.state_proof(self._node.store, self.hash, contract, [key])
            parts = {"contract": contract, "key": to_text(key), "state": proof}
            block = self._newest()
        return await self._evidence(block, "state", parts)

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
            block = self._newest()
        return await self._evidence(block, "record", parts)

    async def _evidence(self, block: StoredBlock, kind: str, parts: Document) -> bytes:
        """Return the evidence file of ``parts`` under the header of ``block``."""
        documents = {
            "certificate": await self._finality.complete(block),
            "genesis": msgspec.Raw(self.genesis_bytes),
            "header": msgspec.Raw(block.header_bytes),
        }
        return proofs.evidence(kind, self.hash, documents, parts)

    def _newest(self) -> StoredBlock:
        found = self.reader.stored(self._node.store.height)
        assert found is not None, "what is applied can be read"
        return found[0]

    def _state_key(self, contract: str, name: str, key_json: str) -> bytes:
        loaded = self.queries.loaded(contract)
        try:
            key = msgspec.json.decode(key_json) if key_json else None
            return loaded.state_key(name, key)
        except (msgspec.DecodeError, ValueError) as error:
            raise Malformed(reason=str(error), at="$.key") from None


def _note_of(certificate: bytes) -> Note:
    return parse_note(msgspec.json.decode(certificate)["note"])
