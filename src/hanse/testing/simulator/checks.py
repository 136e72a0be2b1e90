# SPDX-License-Identifier: Apache-2.0
"""What must always hold, looked at after every event: the invariants of the design, by number.

I1  no acknowledged receipt is lost          I5  a transaction has effect at most once
I2  one height, one block, one root          I7  a node answers rightly or refuses
I3  replay from genesis gives the same       I8  alive again after the faults
I4  what is conserved stays conserved        and: nobody signs twice, or before it is durable
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hanse.codec.base64url import to_text
from hanse.codec.canonical import decode, encode
from hanse.codec.documents import TAG_VALIDATORS, Header, Transaction
from hanse.contracts.keys import encode_key
from hanse.crypto import SHA256
from hanse.engines.simulated_messages import NIL, Delivery, Known, Proposal, Send, Step, Vote
from hanse.node.blocks import decode_block, execute_again, transactions_of
from hanse.testing.memory import MemoryState
from hanse.testing.simulator.node import Applied, Receipt, SimulatedNode


@dataclass(slots=True)
class Block:
    """A block as the first node that had it has it."""

    id: bytes
    time_ms: int
    records: tuple[tuple[bytes, bytes], ...]  # id of the transaction, receipt


@dataclass(slots=True)
class Checks:
    """What has been seen so far; ``violations`` says what should not have been."""

    violations: list[str] = field(default_factory=list)
    blocks: dict[int, Block] = field(default_factory=dict)
    receipts: dict[bytes, Receipt] = field(default_factory=dict)  # acknowledged by honest nodes
    _acknowledged: dict[str, int] = field(default_factory=dict)  # newest height, by node
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    _used: dict[bytes, Transaction] = field(default_factory=dict)  # by nonce
    _said: dict[tuple[bytes, int, int, Step], bytes] = field(default_factory=dict)
    _asked: dict[int, dict[tuple[str, str], bytes | None]] = field(default_factory=dict)

    def fail(self, invariant: str, about: str) -> None:
        """Note that an invariant is broken."""
        self.violations.append(f"{invariant}: {about}")

    # after every event --------------------------------------------------------------------------

    def applied(self, node: SimulatedNode, applied: Applied) -> None:
        """Look at a block that a node has just applied."""
        delivery, result = applied.delivery, applied.result
        if self.deliveries.setdefault(delivery.height, delivery) != delivery:
            self.fail("I2", f"{node.name} was given another block at {delivery.height}")
        if result is None or result.header is None:
            return
        height = result.header.height
        new = height not in self.blocks
        records = [(tx, receipt) for tx, receipt in result.records]
        self._take(node.name, result.header, result.block_id, records)
        voted = bool(node.founded.genesis.voters)
        if voted and result.header.validators != _validators_after(node, delivery.height):
            self.fail("set", f"{node.name}: block {height} names other validators than vote next")
        if new:
            self._in_order(delivery, node.block_before, [tx for tx, _ in records])
            self._conserved(node.state)

    def answered(self, node: SimulatedNode, receipt: Receipt) -> None:
        """Look at a receipt that has just left a node."""
        if receipt.refused:
            return
        before = self.receipts.setdefault(receipt.tx, receipt)
        if before != receipt:
            self.fail("I7", f"{node.name} gives another receipt than was given before")
        block = self.blocks.get(receipt.height)
        if block is None or block.records[receipt.index] != (receipt.tx, receipt.receipt):
            self.fail("I1", f"{node.name} acknowledged what is not in block {receipt.height}")
        newest = max(receipt.height, self._acknowledged.get(node.name, 0))
        self._acknowledged[node.name] = newest

    def said(self, node: SimulatedNode, send: Send) -> None:
        """Look at what an honest node says in its own name."""
        if not isinstance(send.message, Known):
            return
        key = node.engine.key
        for proposal in send.message.proposals:
            if proposal.proposer == key:
                at = (key, proposal.height, proposal.round, Step.PROPOSE)
                self._said_once(node, at, proposal.block.id, proposal)
        for vote in send.message.votes:
            if vote.voter == key:
                self._said_once(node, (key, vote.height, vote.round, vote.step), vote.block, vote)

    def restarted(self, node: SimulatedNode, log_height: int) -> None:
        """Look at a node whose log was just opened, before it has spoken with anybody."""
        promised = self._acknowledged.get(node.name, -1)
        if log_height < promised:
            self.fail("I1", f"{node.name} acknowledged {promised}, its disk has {log_height}")
        for height in range(log_height + 1):
            if height not in self.blocks:
                block_id, payload = node.log.read(height)
                block = decode_block(payload)
                receipts = [receipt for _, receipt in block.records]
                txs = transactions_of(block, SHA256)
                self._take(node.name, block.header, block_id, zip(txs, receipts, strict=True))

    def asked(self, node: SimulatedNode, account: str) -> None:
        """Ask a node for a balance; whether it was right shows when the log is replayed."""
        height, answer = node.ask("smallbank", "balance", {"account": account})
        known = self._asked.setdefault(height, {})
        if known.setdefault(("balance", account), answer) != answer:
            self.fail("I7", f"{node.name} gives another balance at {height}")

    # at the end ---------------------------------------------------------------------------------

    def end(self, nodes: Iterable[SimulatedNode]) -> None:
        """Look at all that is left on the disks of honest nodes, and replay it from genesis."""
        logs: dict[tuple[bytes, ...], SimulatedNode] = {}
        for node in nodes:
            last = node.log.last_height
            assert last is not None
            read = [node.log.read(height) for height in range(last + 1)]
            for height, (block_id, _) in enumerate(read):
                if height in self.blocks and self.blocks[height].id != block_id:
                    self.fail("I2", f"{node.name} keeps another block {height}")
            logs.setdefault(tuple(payload for _, payload in read), node)
            for receipt in self.receipts.values():
                if receipt.height > last:
                    self.fail("I1", f"{node.name} lacks block {receipt.height}, acknowledged")
        for node in logs.values():
            self._replay(node)

    # how ----------------------------------------------------------------------------------------

    def _take(
        self,
        name: str,
        header: Header,
        block_id: bytes,
        records: Iterable[tuple[Transaction, bytes]],
    ) -> None:
        height = header.height
        held = self.blocks.get(height)
        if held is not None:
            if held.id != block_id:
                self.fail("I2", f"{name} has another block {height}")
            return
        kept = list(records)
        ids = tuple((tx.id, receipt) for tx, receipt in kept)
        self.blocks[height] = Block(block_id, header.time_ms, ids)
        before = self.blocks.get(height - 1)
        for tx, _ in kept:
            used = self._used.get(tx.nonce_digest)
            self._used[tx.nonce_digest] = tx
            if used is None:
                continue
            # a nonce is free again for another transaction when the first has expired
            free = before is not None and used.body.expires_ms < before.time_ms
            if used.id == tx.id or not free:
                self.fail("I5", f"a nonce has effect again in block {height}")

    def _in_order(self, delivery: Delivery, previous: bytes, txs: list[Transaction]) -> None:
        """Establish that submissions were executed by hash, not as their proposer liked."""
        tag = "hanse/order/1"
        submissions = sorted(
            delivery.submissions, key=lambda s: SHA256.tagged(tag, previous + s.id)
        )
        place: dict[bytes, int] = {}
        for submission in submissions:
            for tx in submission.transactions:
                place.setdefault(tx.id, len(place))
        places = [place[tx.id] for tx in txs]
        if places != sorted(places):
            self.fail("order", f"block at engine height {delivery.height} is not in order")

    def _conserved(self, state: MemoryState) -> None:
        """Recompute outside the contracts what they promise to conserve."""
        bank = _rows(state, "smallbank")
        money = sum(row["checking"] + row["savings"] for row in bank.get("accounts", ()))
        issued = sum(row["amount_minor"] for row in bank.get("issued", ()))
        if money != issued:
            self.fail("I4", f"there are {money}, issued were {issued}")
        vouchers = _rows(state, "vouchers")
        held = sum(row["free"] + row["locked"] for row in vouchers.get("holdings", ()))
        used = sum(row["amount"] for row in vouchers.get("retirements", ()))
        made = sum(row["issued"] for row in vouchers.get("kinds", ()))
        if held + used != made:
            self.fail("I4", f"{made} vouchers were issued, {held} are held, {used} used")

    def _said_once(
        self,
        node: SimulatedNode,
        at: tuple[bytes, int, int, Step],
        block: bytes,
        spoken: Vote | Proposal,
    ) -> None:
        before = self._said.get(at)
        if before is None:
            self._said[at] = block
            if not node.disk.journal.is_durable(spoken):
                self.fail("sign", f"{node.name} spoke before its word was on the disk")
        elif before != block:
            one, other = (b.hex()[:8] if b != NIL else "nothing" for b in (before, block))
            self.fail("sign", f"{node.name} signed {one} and {other} at {at[1:]}")

    def _replay(self, node: SimulatedNode) -> None:
        """Execute a log from genesis by rules of its own, and answer what was asked on the way."""
        kernel = node.founded.load_kernel("the auditor")
        state = MemoryState(SHA256)
        last = node.log.last_height
        assert last is not None
        for height in range(last + 1):
            block_id, payload = node.log.read(height)
            block = decode_block(payload)
            txs = transactions_of(block, SHA256)
            state.apply(execute_again(kernel, state, block, block_id, txs))
            for (_, account), answer in self._asked.get(height, {}).items():
                if _balance(state, account) != answer:
                    self.fail("I7", f"the balance of {account} at {height} was not that")
        if state.tries.root != node.state.tries.root:
            self.fail("I3", f"{node.name} has another root than its replayed log")


def _validators_after(node: SimulatedNode, engine_height: int) -> str:
    """Return the hash of the list that signs the engine's header after this height."""
    powers = node.engine.powers_at(engine_height + 1)
    seats = []
    for name, key in node.founded.nodes.items():
        if key in powers:
            own, _, organisation = name.partition("@")
            seats.append((organisation, own, powers[key], to_text(key)))
    listed = [
        {"node": own, "organisation": organisation, "power": power, "public_key": key}
        for organisation, own, power, key in sorted(seats)
    ]
    return to_text(SHA256.tagged(TAG_VALIDATORS, encode(listed)))


def _balance(state: MemoryState, account: str) -> bytes | None:
    """Return what a node should have answered, from the bytes of the state."""
    held = state.get("smallbank", b"accounts\x00" + encode_key(account))
    if held is None:
        return None
    row = _fields(held)
    return b"%d" % (row["checking"] + row["savings"])


def _rows(state: MemoryState, contract: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a contract by map, decoded from their bytes."""
    found: dict[str, list[dict[str, Any]]] = {}
    for key, value in state.values.get(contract, {}).items():
        if value.startswith(b"{"):
            name = key.partition(b"\x00")[0].decode()
            found.setdefault(name, []).append(_fields(value))
    return found


def _fields(value: bytes) -> dict[str, Any]:
    """Return a record's fields."""
    row = decode(value)
    assert isinstance(row, dict)
    return row
