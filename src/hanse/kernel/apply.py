# SPDX-License-Identifier: Apache-2.0
"""``apply_block``: from a state and an ordered block to writes, receipts and a header. Pure.

The order in which a transaction is looked at is fixed (``kernel.outcomes``): ledger, duplicate, key
status and expiry, authorisation, arguments, the action's own refusals, invariants. What is wrong up
to the expiry drops the transaction without record; from there on a refusal is a receipt like any
other.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import (
    TAG_HEADER,
    TAG_KEY,
    TAG_VALUE,
    Header,
    Receipt,
    Transaction,
    record_leaf,
)
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.contracts.contract import Contract
from hanse.contracts.meter import COST_VERSION
from hanse.contracts.runtime import Call, LoadedContract, Outcome
from hanse.crypto import SHA256, Hash, hash_named
from hanse.errors import Corrupt, Misconfigured
from hanse.identity import RESERVED_CONTRACT, Genesis, is_valid_at, organisation_of
from hanse.kernel.directory import Directory
from hanse.kernel.genesis import Writes, genesis_writes, rules_hash, validators_hash
from hanse.kernel.registry import Registry
from hanse.kernel.writes import size_of, split_by_map
from hanse.merkle.log import Frontier, leaf_hash
from hanse.merkle.trie import StateTries

REPLAY = RESERVED_CONTRACT
"""Name under which the chain of nonce digests stands in the top trie."""


class State(Protocol):
    """The ledger below the block that is being applied; height -1 before the genesis block."""

    @property
    def height(self) -> int:
        """Height of the newest block; -1 before the genesis header."""
        ...

    @property
    def block_id(self) -> bytes:
        """Id of the newest block."""
        ...

    @property
    def time_ms(self) -> int:
        """Time of the newest block."""
        ...

    @property
    def log_frontier(self) -> Frontier:
        """The log's right edge after the newest header's leaf."""
        ...

    @property
    def tries(self) -> StateTries:
        """The state tries; moved to a block's root while it is applied."""
        ...

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value bytes at ``key``, ``None`` when absent."""
        ...

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return rows under ``prefix`` from ``start`` on, in key order."""
        ...

    def find_nonce(self, nonce_digest: bytes) -> bytes | None:
        """Return the id of the transaction that used this nonce within its window."""
        ...


@dataclass(frozen=True, slots=True)
class Dropped:
    """A transaction that left no record, and why."""

    transaction: Transaction
    code: str


@dataclass(frozen=True, slots=True)
class BlockResult:
    """All that a block did; ``header`` is ``None`` when no record, so no block, came of it.

    ``leaf_hashes`` are those of the records and, last, the header; ``frontier`` is that of the log
    before the header's leaf.
    """

    header: Header | None
    header_bytes: bytes
    block_id: bytes
    records: tuple[tuple[Transaction, bytes], ...]
    dropped: tuple[Dropped, ...]
    repeated: tuple[Transaction, ...]
    writes: Writes
    leaf_hashes: tuple[bytes, ...]
    frontier: Frontier


@dataclass(eq=False)
class BlockOverBudget(Corrupt):
    """An engine proposed a block beyond the rules' budgets."""

    budget: str
    limit: int
    actual: int
    code: ClassVar[str] = "block_over_budget"
    hint: ClassVar[str] = "The proposer broke the rules; keep the block as evidence and refuse it."


@dataclass(eq=False)
class ContractNameTaken(Misconfigured):
    """Two contracts of one name, or one with a name that belongs to the ledger itself."""

    name: str
    code: ClassVar[str] = "contract_name_taken"
    hint: ClassVar[str] = "Give the contract another name; `registry` and `replay` are taken."


@dataclass(eq=False)
class CostRulesUnknown(Misconfigured):
    """The ledger's rules count costs by a table that this version does not have."""

    cost_version: int
    known: int
    code: ClassVar[str] = "cost_rules_unknown"
    hint: ClassVar[str] = "Run the version of Hanse that the ledger was founded with."


class BlockView:
    """A block's overlay over the state: what the transactions of this block have written so far."""

    def __init__(self, state: State) -> None:
        """Begin with no writes."""
        self._state = state
        self.writes: Writes = {}
        self._sorted: dict[str, list[bytes]] = {}
        self.bytes_written = 0

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value bytes at ``key``, this block's writes included."""
        mine = self.writes.get(contract)
        if mine is not None and key in mine:
            return mine[key]
        return self._state.get(contract, key)

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return rows under ``prefix``, this block's writes merged in, in key order."""
        mine = self.writes.get(contract)
        if not mine:
            return self._state.scan(contract, prefix, start, limit)
        keys = self._sorted.get(contract)
        if keys is None:
            keys = self._sorted[contract] = sorted(mine)
        changed: list[bytes] = []
        for key in keys[bisect_left(keys, max(prefix, start)) :]:
            if not key.startswith(prefix):
                break
            changed.append(key)
        rows = self._state.scan(contract, prefix, start, limit + len(changed))
        if changed:
            merged: dict[bytes, bytes | None] = {**dict(rows), **{k: mine[k] for k in changed}}
            rows = [(k, v) for k, v in sorted(merged.items()) if v is not None]
        return rows[:limit]

    def add(self, contract: str, writes: Mapping[bytes, bytes | None]) -> None:
        """Take a transaction's writes in."""
        mine = self.writes.setdefault(contract, {})
        keys = self._sorted.get(contract)
        for key, value in writes.items():
            if keys is not None and key not in mine:
                insort(keys, key)
            mine[key] = value
            self.bytes_written += len(key) + (0 if value is None else len(value))


def load_contract(cls: type[Contract], hasher: Hash = SHA256) -> LoadedContract:
    """Return a contract ready to be called: from its text, unless it is part of the kernel.

    ``hasher`` is the network's; a caller that runs no call need not name it.
    """
    return LoadedContract(cls, hasher, built_in=cls is Registry)


class Kernel:
    """The rules of one ledger: its genesis, its contracts, loaded once."""

    def __init__(self, genesis: Genesis, ledger: str, contracts: Iterable[type[Contract]]) -> None:
        """Load the built-in contracts and those given.

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
        self._registry_root: bytes | None = None
        self.contracts: dict[str, LoadedContract] = {}
        classes: list[type[Contract]] = [Registry, *contracts]
        for cls in classes:
            loaded = load_contract(cls, self.hash)
            if loaded.name in self.contracts or loaded.name == REPLAY:
                raise ContractNameTaken(loaded.name)
            self.contracts[loaded.name] = loaded
        self._validators = validators_hash(genesis, self.hash.tagged)
        self._rules_hash = rules_hash(genesis, self.hash.tagged)

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
        root = self._update(state, writes)
        return self._finish(state, writes, (), OrderedBlock(0, self.genesis.time_ms, ()), root)

    def apply_block(self, state: State, block: OrderedBlock) -> BlockResult:
        """Return what ``block`` does to ``state``, whose tries are moved to the new root.

        Raises:
            BlockOverBudget: the block is beyond the rules.
        """
        self._check_budgets(block)
        assert block.time_ms >= state.time_ms
        height = state.height + 1
        view = BlockView(state)
        self._look_at(state)
        records: list[tuple[Transaction, bytes]] = []
        dropped: list[Dropped] = []
        repeated: list[Transaction] = []
        seen: dict[bytes, bytes] = {}
        for submission in self._in_order(state, block):
            for tx in submission.transactions:
                code = self._gate(state, view, seen, tx, height, block.time_ms)
                if code == "":
                    repeated.append(tx)
                    continue
                if code is not None:
                    dropped.append(Dropped(tx, code))
                    continue
                outcome = self.run(view, tx, height, block.time_ms)
                size = size_of(outcome.writes)
                if view.bytes_written + size > self.rules.block_write_bytes_max:
                    dropped.append(Dropped(tx, "block_full"))
                    continue
                for contract, changes in outcome.writes.items():
                    view.add(contract, changes)
                    if contract == "registry":
                        self._applying.forget()
                        self._registry_root = None
                seen[tx.nonce_digest] = tx.id
                records.append((tx, _receipt(tx, outcome, height, len(records))))
        lost = (tuple(dropped), tuple(repeated))
        if not records:
            return BlockResult(None, b"", state.block_id, (), *lost, {}, (), state.log_frontier)
        root = self._new_root(state, view, records)
        done = self._finish(state, view.writes, tuple(records), block, root)
        return replace(done, dropped=lost[0], repeated=lost[1])

    def _look_at(self, state: State) -> None:
        """Keep what was read of the registry only while its root is the same."""
        root = state.tries.root_of("registry")
        if root != self._registry_root:
            self._applying.forget()
            self._registry_root = root

    def run(self, reader: BlockView | State, tx: Transaction, height: int, time_ms: int) -> Outcome:
        """Return the outcome of an admitted transaction: authorise, then call; nothing is written.

        What ``reader`` raises, ``RecursionError`` and ``MemoryError`` are faults of this node, not
        outcomes: whoever applies a block must stop then.
        """
        body = tx.body
        applying = isinstance(reader, BlockView)
        directory = self._applying if applying else self.directory.look_at(reader)

        def find(contract: str) -> LoadedContract | None:
            known = self.contracts.get(contract)
            return known if known and directory.is_active(reader, contract, height) else None

        loaded = find(body.contract)
        if loaded is None:
            return Outcome("unknown_contract", 0, "no such contract is active at this height")
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

    def _gate(  # noqa: PLR0913, PLR0917  # the numbered steps share one signature
        self,
        state: State,
        view: BlockView,
        seen: dict[bytes, bytes],
        tx: Transaction,
        height: int,
        time_ms: int,
    ) -> str | None:
        """Return ``None`` to go on, a code to drop ``tx``, or ``""`` where it has its receipt."""
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
        if tx.body.expires_ms > time_ms + self.rules.expiry_ms_max:
            return "expires_too_late"
        return "cost_max_too_large" if tx.body.cost_max > self.rules.cost_max else None

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
        return (
            None if all(is_valid_at(member, height) for _, member in found) else "member_not_valid"
        )

    def _check_budgets(self, block: OrderedBlock) -> None:
        txs = [tx for s in block.submissions for tx in s.transactions]
        for budget, limit, actual in (
            ("transactions", self.rules.block_txs_max, len(txs)),
            ("cost", self.rules.block_cost_max, sum(tx.body.cost_max for tx in txs)),
            ("bytes", self.rules.block_bytes_max, sum(len(tx.raw) for tx in txs)),
        ):
            if actual > limit:
                raise BlockOverBudget(budget, limit, actual)

    def _in_order(self, state: State, block: OrderedBlock) -> list[OrderedSubmission]:
        # by hash, so that a proposer cannot choose the order
        return sorted(
            block.submissions,
            key=lambda s: self.hash.tagged("hanse/order/1", state.block_id + s.id),
        )

    def _hashed(self, writes: Writes) -> dict[str, dict[bytes, bytes | None]]:
        tagged = self.hash.tagged
        return {
            contract: {
                tagged(TAG_KEY, key): None if value is None else tagged(TAG_VALUE, value)
                for key, value in changes.items()
            }
            for contract, changes in writes.items()
        }

    def _new_root(
        self, state: State, view: BlockView, records: list[tuple[Transaction, bytes]]
    ) -> bytes:
        used = sorted(
            tx.nonce_digest + tx.id + tx.body.expires_ms.to_bytes(8, "big") for tx, _ in records
        )
        before = state.tries.root_of(REPLAY)
        state.tries.set_root(REPLAY, self.hash.tagged("hanse/replay/1", before + b"".join(used)))
        return self._update(state, view.writes)

    def _update(self, state: State, writes: Writes) -> bytes:
        """Move the tries by ``writes``, trees of ordered maps included; returns the state root."""
        hashed = self._hashed(writes)
        ordered: dict[str, dict[str, dict[bytes, bytes | None]]] = {}
        for contract, changes in writes.items():
            loaded = self.contracts.get(contract)
            names = () if loaded is None else loaded.ordered
            if names:
                values = zip(changes, hashed[contract].values(), strict=True)
                ordered[contract] = split_by_map(names, dict(values))
        return state.tries.update(hashed, ordered)

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
            validators=self._validators,
        )
        header_bytes = encode(header)
        block_id = tagged(TAG_HEADER, header_bytes)
        leaves.append(leaf_hash(self.hash, block_id))
        done = (header, header_bytes, block_id, records, (), (), writes, tuple(leaves))
        return BlockResult(*done, frontier)


def _receipt(tx: Transaction, outcome: Outcome, height: int, index: int) -> bytes:
    refused = outcome.code is not None
    return encode(
        Receipt(
            cost=outcome.cost,
            events=list(outcome.events),
            height=height,
            index=index,
            status="rejected" if refused else "ok",
            tx=to_text(tx.id),
            v=1,
            code=outcome.code,
            facts=msgspec.UNSET if outcome.facts is None else msgspec.Raw(outcome.facts),
            reason=outcome.reason or None,
            result=msgspec.UNSET if outcome.result is None else msgspec.Raw(outcome.result),
        )
    )
