# SPDX-License-Identifier: Apache-2.0
"""``apply_block``: from a state and an ordered block to writes, receipts and a header. Pure.

The order in which a transaction is looked at is fixed (``kernel.outcomes``): ledger, duplicate, key
status and expiry, authorisation, arguments, the action's own refusals, invariants. What is wrong up
to the expiry drops the transaction without record; from there on a refusal is a receipt like any
other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import (
    TAG_HEADER,
    Header,
    Transaction,
    record_leaf,
)
from hanse.codec.ordered import OrderedBlock
from hanse.contracts.contract import Contract
from hanse.contracts.dialect.program import Program
from hanse.contracts.meter import COST_VERSION
from hanse.contracts.runtime import Call, LoadedContract, Outcome
from hanse.contracts.state import Reader
from hanse.crypto import Hash, hash_named
from hanse.identity import RESERVED_CONTRACT, Genesis, Rules, is_valid_at, organisation_of
from hanse.kernel import entries as e
from hanse.kernel.block import Asked, Below, BlockResult, Dropped, Executed, State
from hanse.kernel.directory import Directory
from hanse.kernel.effects import settle_changes
from hanse.kernel.errors import (
    BlockOverBudget,
    ContractNameTaken,
    CostRulesUnknown,
    check_software,
)
from hanse.kernel.genesis import (
    Writes,
    genesis_writes,
    is_governed,
    rules_hash,
    seats_hash,
    validators_hash,
)
from hanse.kernel.library import BUILT_IN, Library
from hanse.kernel.lifecycle import Trial, settle_due, try_proposal
from hanse.kernel.liveness import note_attendance
from hanse.kernel.receipts import build_receipt
from hanse.kernel.upgrade import Begun, Place, Tried, ordered_after, try_chunk
from hanse.kernel.view import BlockView
from hanse.kernel.writes import changed_seats, hashed_changes, size_of
from hanse.merkle.log import leaf_hash

_KNOWN = frozenset({"registry", "governance"})  # read by the kernel itself, and remembered

REPLAY = RESERVED_CONTRACT
"""Name under which the chain of nonce digests stands in the top trie."""


FEATURES: frozenset[str] = frozenset({"network-1"})
"""What this software can do that a vote may ask of every node (``software.activate``)."""


class Kernel:
    """The rules of one ledger: its genesis, its contracts, loaded once."""

    def __init__(
        self, genesis: Genesis, ledger: str, contracts: Iterable[type[Contract] | Program]
    ) -> None:
        """Load the built-in contracts and those given, which genesis approves by their hashes.

        Raises:
            ContractNameTaken: two of them have one name.
            CostRulesUnknown: the ledger counts costs by another table.
            OutsideDialect: one of them is not written in the dialect.
        """
        if genesis.rules.cost_version != COST_VERSION:
            raise CostRulesUnknown(genesis.rules.cost_version, COST_VERSION)
        self.genesis = genesis
        self.ledger = ledger
        self.hash: Hash = hash_named(genesis.hash)
        self.rules = genesis.rules
        self.directory = Directory()
        self._applying = Directory()  # of blocks alone: what is read beside them never mixes in
        self._sealing = Directory()
        self.contracts: dict[str, LoadedContract] = {}
        self.library = Library(self.hash, (*BUILT_IN, *contracts))
        for loaded in self.library.installed:
            if loaded.name in self.contracts or loaded.name == REPLAY:
                raise ContractNameTaken(loaded.name)
            self.contracts[loaded.name] = loaded
        for approved in genesis.contracts:
            if approved.name in self.contracts:
                self.library.approve(approved.hash, self.contracts[approved.name])
        self._governed = is_governed(genesis)
        self._has_engine = genesis.engine_validators is not msgspec.UNSET
        self._validators = validators_hash(genesis, self.hash.tagged)
        self._rules_hash = rules_hash(genesis, self.hash.tagged)

    def rules_in(self, reader: Reader) -> Rules:
        """Return the rules in force for the block after ``reader``: of genesis, or decided since.

        ``rules`` of a header stays that of the genesis; what was decided is state, proved as such.
        """
        if not self._governed:
            return self.rules
        return self.directory.look_at(reader).rules(reader, self.rules)

    def touched(self, reader: Reader, contract: str, height: int) -> frozenset[str]:
        """Return the contracts whose state a transaction of ``contract`` may change."""
        found: set[str] = set()
        waiting = [contract]
        while waiting:
            name = waiting.pop()
            loaded = None if name in found else self._find(Directory(), reader, name, height)
            found.add(name)
            waiting += [] if loaded is None else loaded.uses
        return frozenset(found)

    def genesis_block(self, state: State, loaded: Writes | None = None) -> BlockResult:
        """Return height 0: the registry's first entries under a header, no records.

        Args:
            state: empty.
            loaded: further state to begin with, for benchmarks; no log can reproduce it.
        """
        assert state.height == -1, "a ledger begins once"
        writes = genesis_writes(self.genesis)
        for contract, changes in (loaded or {}).items():
            writes.setdefault(contract, {}).update(changes)
        root = self._update(state, writes, {})
        return self._finish(state, writes, (), OrderedBlock(0, self.genesis.time_ms, ()), root)

    def apply_block(self, state: State, block: OrderedBlock) -> BlockResult:
        """Return what ``block`` does to ``state``, whose tries are moved to the new root.

        Raises:
            BlockOverBudget: the block is beyond the rules.
        """
        transactions = self.in_order(state, block)
        executed = self.execute(state, transactions, block.time_ms, block.signed)
        return self.seal(state, block, executed)

    def in_order(self, state: State, block: OrderedBlock) -> list[Transaction]:
        """Return the transactions of ``block`` in the order in which they are executed.

        Its budgets are those of genesis, or where organisations may decide otherwise the ceilings:
        who proposes a block, or judges a proposal, looks at :meth:`rules_in`.

        Raises:
            BlockOverBudget: the block is beyond the rules.
        """
        most = Rules() if self._governed else self.rules
        submissions = list(block.submissions)
        if len(submissions) > 1:  # by hash, so that a proposer cannot choose the order
            tagged, previous = self.hash.tagged, state.block_id
            submissions.sort(key=lambda s: tagged("hanse/order/1", previous + s.id))
        transactions = [tx for s in submissions for tx in s.transactions]
        for budget, limit, actual in (
            ("transactions", most.block_txs_max, len(transactions)),
            ("cost", most.block_cost_max, sum(tx.body.cost_max for tx in transactions)),
            ("bytes", most.block_bytes_max, sum(len(tx.raw) for tx in transactions)),
        ):
            if actual > limit:
                raise BlockOverBudget(budget, limit, actual)
        return transactions

    def execute(
        self,
        state: Below,
        transactions: Iterable[Transaction],
        time_ms: int,
        signed: Sequence[str] = (),
    ) -> Executed:
        """Return what ``transactions`` do, one after another, as the block after ``state``.

        ``signed`` are the nodes whose votes stand in the block's last commit.
        """
        assert time_ms >= state.time_ms
        height = state.height + 1
        view = BlockView(state)
        self._applying.look_at(state)
        rules = self._applying.rules(state, self.rules) if self._governed else self.rules
        begun = self.begin_block(view, height, time_ms, signed)
        records: list[tuple[Transaction, bytes]] = []
        changes: list[Writes] = []
        dropped: list[Dropped] = []
        repeated: list[Transaction] = []
        seen: dict[bytes, bytes] = {}
        for tx in transactions:
            code = self._gate(state, view, seen, tx, (height, time_ms, rules))
            if code == "":
                repeated.append(tx)
                continue
            if code is not None:
                dropped.append(Dropped(tx, code))
                continue
            outcome = self.run(view, tx, height, time_ms)
            size = size_of(outcome.writes)
            if view.bytes_written + size > rules.block_write_bytes_max:
                dropped.append(Dropped(tx, "block_full"))
                continue
            for contract, written in outcome.writes.items():
                view.add(contract, written)
                if contract in _KNOWN:
                    self._applying.forget()
            seen[tx.nonce_digest] = tx.id
            records.append((tx, build_receipt(tx, outcome, height, len(records))))
            changes.append(outcome.writes)
        if not _KNOWN.isdisjoint(view.writes):
            self._applying.forget()  # what it read of this block may never come to be
        lost = tuple(dropped), tuple(repeated)
        return Executed(height, tuple(records), tuple(changes), *lost, begun if records else {})

    def seal(self, state: State, block: OrderedBlock, executed: Executed) -> BlockResult:
        """Return the block that ``executed`` makes on ``state``: new roots, leaves, header.

        Raises:
            SoftwareTooOld: the block needs what this software does not have.
        """
        lost = (executed.dropped, executed.repeated)
        if not executed.records:
            return BlockResult(None, b"", state.block_id, (), *lost, {}, (), state.log_frontier)
        assert executed.height == state.height + 1
        if self._governed:
            features = self._sealing.look_at(state).features(state)
            check_software(features, FEATURES, executed.height)
        writes = executed.merged()
        updates = changed_seats(state, executed.begun, executed.height)
        root = self._new_root(state, writes, executed)
        done = self._finish(state, writes, executed.records, block, root)
        return replace(
            done, dropped=lost[0], repeated=lost[1], validator_updates=updates, executed=executed
        )

    def begin_block(
        self, view: BlockView, height: int, time_ms: int, signed: Sequence[str] = ()
    ) -> Writes:
        """Carry out what was decided and is due; it takes no room from the block.

        Before that, who signed the last commit is noted: by that the liveness guard judges.

        Raises:
            LoweringDiffers: a contract's text is lowered otherwise here than was approved.
        """
        if self._governed:
            note_attendance(self._applying, view, view.add, signed, height)
        settled = settle_due(self.place(view, time_ms), view.add, height)
        settled = (self._governed and settle_changes(view, view.add, height)) or settled
        if not view.writes:
            return {}
        view.bytes_written = 0
        if not settled:
            return {contract: dict(changes) for contract, changes in view.writes.items()}
        self._applying.forget()
        return {contract: dict(changes) for contract, changes in view.writes.items()}

    def place(self, reader: Reader, time_ms: int) -> Place:
        """Return a state as proposals are carried out, or rehearsed, upon it."""
        return Place(reader, self.library, self.hash, time_ms, self.rules_in(reader))

    def try_proposal(self, reader: Reader, number: int, time_ms: int) -> Trial:
        """Return what is to be said of a proposal, which must be there, without its migration."""
        held = e.PROPOSALS.get(reader, number)
        assert held is not None
        return try_proposal(self.place(reader, time_ms), held)

    def try_chunk(self, reader: Reader, number: int, time_ms: int, begun: Begun) -> Tried:
        """Return what the next chunk of a proposed upgrade, which must be there, would do."""
        held = e.PROPOSALS.get(reader, number)
        assert held is not None
        return try_chunk(self.place(reader, time_ms), held, begun)

    def run(self, reader: Reader, tx: Transaction, height: int, time_ms: int) -> Outcome:
        """Return the outcome of an admitted transaction: authorise, then call; nothing is written.

        What ``reader`` raises, ``RecursionError`` and ``MemoryError`` are faults of this node, not
        outcomes: whoever applies a block must stop then.
        """
        body = tx.body
        applying = isinstance(reader, BlockView)
        directory = self._applying if applying else self.directory.look_at(reader)

        def find(contract: str) -> LoadedContract | None:
            found = self._find(directory, reader, contract, height)
            return found if found and directory.status(reader, contract) == "active" else None

        out = directory.suspended(reader, height)
        if out and any(organisation_of(signature.signer) in out for signature in tx.signatures):
            return Outcome("organisation_suspended", 0, "a signer's organisation is suspended")
        loaded = self._find(directory, reader, body.contract, height)
        if loaded is None:
            return Outcome("unknown_contract", 0, "no such contract is active at this height")
        status = directory.status(reader, body.contract)
        if status != "active":
            return Outcome(f"contract_{status}", 0, f"the contract is {status}")
        entry = loaded.entries.get(body.action)
        if entry is None or entry.mark.kind != "action":
            return Outcome("unknown_action", 0, "the contract has no such action")
        role = entry.mark.role
        if role is not None and not directory.has_role(reader, body.signer, role, height):
            return Outcome("not_authorised", 0, "the signer lacks the role", encode({"role": role}))
        return loaded.call(
            reader,
            Call(
                entry=entry,
                args=bytes(body.args),
                member=body.signer,
                organisation=organisation_of(body.signer),
                now=time_ms,
                height=height,
                tx=to_text(tx.id),
                cost_max=body.cost_max,
                roles=lambda: directory.roles(reader, body.signer, height),
                signers=tuple(signature.signer for signature in tx.signatures),
                has_role=lambda member, role: directory.has_role(reader, member, role, height),
                contracts=find,
            ),
        )

    def find(self, reader: Reader, contract: str, height: int) -> LoadedContract | None:
        """Return the version of a contract that is current in the block of that height.

        Raises:
            LoweringDiffers: its text is lowered otherwise here than what was approved.
        """
        return self._find(self.directory.look_at(reader), reader, contract, height)

    def _find(
        self, directory: Directory, reader: Reader, contract: str, height: int
    ) -> LoadedContract | None:
        version = directory.version(reader, contract, height)
        return None if version is None else self.library.find(reader, contract, version.hash)

    def query(self, reader: Reader, asked: Asked) -> Outcome:
        """Return the answer of a query on ``reader``, which stands at the asked height."""
        directory = self.directory.look_at(reader)

        def find(contract: str) -> LoadedContract | None:
            is_read = directory.status(reader, contract) != "migrating"
            return self._find(directory, reader, contract, asked.height) if is_read else None

        if directory.status(reader, asked.contract) == "migrating":
            return Outcome("contract_migrating", 0, "its entries are of two versions for a while")
        loaded = find(asked.contract)
        entry = None if loaded is None else loaded.entries.get(asked.name)
        if loaded is None or entry is None or entry.mark.kind != "query":
            return Outcome("unknown_query", 0, "no such query is active at this height")
        return loaded.call(
            reader,
            Call(
                entry=entry,
                args=asked.args,
                member=asked.member,
                organisation=organisation_of(asked.member),
                now=asked.time_ms,
                height=asked.height,
                tx="",
                cost_max=self.rules_in(reader).cost_max,
                roles=lambda: directory.roles(reader, asked.member, asked.height),
                contracts=find,
            ),
        )

    def _gate(
        self,
        state: Below,
        view: BlockView,
        seen: dict[bytes, bytes],
        tx: Transaction,
        block: tuple[int, int, Rules],
    ) -> str | None:
        """Return ``None`` to go on, a code to drop ``tx``, or ``""`` where it has its receipt."""
        height, time_ms, rules = block
        if tx.body.ledger != self.ledger:
            return "wrong_ledger"
        earlier = seen.get(tx.nonce_digest) or state.find_nonce(tx.nonce_digest)
        if earlier is not None:
            return "" if earlier == tx.id else "nonce_reused"
        code = self._key_status(view, tx, height)
        if code is not None:
            return code
        if tx.body.expires_ms < time_ms:
            return "expired"
        if tx.body.expires_ms > time_ms + rules.expiry_ms_max:
            return "expires_too_late"
        return "cost_max_too_large" if tx.body.cost_max > rules.cost_max else None

    def _key_status(self, view: BlockView, tx: Transaction, height: int) -> str | None:
        """Return what is wrong with the keys of ``tx`` at ``height``; signatures held before."""
        found = []
        for signature in tx.signatures:
            key = self._applying.key(view, signature.signer, signature.key)
            member = self._applying.member(view, signature.signer)
            if member is None:
                return "unknown_member"
            if key is None:
                return "unknown_key"
            found.append((key, member))
        for key, _ in found:
            if not is_valid_at(key, height) or key.purpose != "signing":
                return "key_not_valid"
        for _, member in found:
            if not is_valid_at(member, height):
                return "member_not_valid"
            party = self._applying.organisation(view, member.organisation)
            if party is not None and not is_valid_at(party, height):
                return "member_not_valid"
        return None

    def _new_root(self, state: State, writes: Writes, executed: Executed) -> bytes:
        used = sorted(
            tx.nonce_digest + tx.id + tx.body.expires_ms.to_bytes(8, "big")
            for tx, _ in executed.records
        )
        before = state.tries.root_of(REPLAY)
        state.tries.set_root(REPLAY, self.hash.tagged("hanse/replay/1", before + b"".join(used)))
        return self._update(state, writes, executed.begun)

    def _update(self, state: State, writes: Writes, begun: Writes) -> bytes:
        """Move the tries by ``writes``, trees of ordered maps included; returns the state root."""
        hashed: Writes = {}
        trees: dict[str, dict[str, dict[bytes, bytes | None]]] = {}
        unfinished: dict[str, tuple[str, ...]] = {}
        for contract, changes in writes.items():
            names, more = self._ordered_maps(state, contract, begun)
            made = hashed_changes(self.hash, changes, (*names, *more))
            hashed[contract], trees[contract] = made
            unfinished[contract] = more
        return state.tries.update(hashed, trees, unfinished)

    def _ordered_maps(
        self, state: State, contract: str, begun: Writes
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the ordered maps of a contract as it is after the beginning of the block.

        And, while it migrates to another version, those that will be: their trees are being made.
        """
        if state.height < 0:
            loaded = self.contracts.get(contract)
            return (() if loaded is None else loaded.ordered), ()
        more: tuple[str, ...] = ()
        if begun:
            view = BlockView(state)
            for name, changes in begun.items():
                view.add(name, changes)
            loaded = self._find(Directory(), view, contract, state.height + 1)
            running = e.MIGRATION.get(view, ())
            if running is not None and running.contract == contract:
                more = ordered_after(self.place(view, state.time_ms), running)
        else:
            directory = self._sealing.look_at(state)
            loaded = self._find(directory, state, contract, state.height + 1)
        names = () if loaded is None else loaded.ordered
        return names, tuple([name for name in more if name not in names])

    def _finish(  # one call site each for genesis and for blocks
        self,
        state: State,
        writes: Writes,
        records: tuple[tuple[Transaction, bytes], ...],
        block: OrderedBlock,
        state_root: bytes,
    ) -> BlockResult:
        tagged = self.hash.tagged
        leaves = [
            leaf_hash(self.hash, record_leaf(tx.raw, receipt, tagged)) for tx, receipt in records
        ]
        frontier, _ = state.log_frontier.append(leaves)
        height = state.height + 1
        header = Header(
            engine_height=block.engine_height,
            height=height,
            ledger=self.ledger,
            log_root=to_text(frontier.root()),
            log_size=frontier.size,
            previous=to_text(state.block_id if height else bytes(32)),
            rules=self._rules_hash,
            state_root=to_text(state_root),
            time_ms=block.time_ms,
            v=1,
            validators=self._validators_at(state, height),
        )
        header_bytes = encode(header)
        block_id = tagged(TAG_HEADER, header_bytes)
        leaves.append(leaf_hash(self.hash, block_id))
        done = (header, header_bytes, block_id, records, (), (), writes, tuple(leaves))
        return BlockResult(*done, frontier, signed=block.signed)

    def _validators_at(self, state: State, height: int) -> str:
        """Return what the header says of who will sign the engine's next one."""
        if not self._has_engine or height == 0:
            return self._validators
        seats = self._sealing.look_at(state).engine_validators(state, height)
        return seats_hash(seats, self.hash.tagged)
