# SPDX-License-Identifier: Apache-2.0
"""One transaction executed again on the exact state before it, with all that it read and wrote."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar

import msgspec

from hanse.codec.base64url import to_hash, to_text
from hanse.codec.canonical import decode_as, encode
from hanse.codec.documents import Header, Receipt, Transaction, receipt_decoder
from hanse.contracts.app import App
from hanse.contracts.keys import decode_key
from hanse.contracts.runtime import LoadedContract, Outcome
from hanse.errors import Rejected
from hanse.kernel import BlockView, Kernel
from hanse.node.errors import NotFound
from hanse.node.folder import Folder
from hanse.node.rerun import ReadBlock, Rerun, rerunning

Progress = Callable[[int, int], None]


@dataclass(eq=False)
class AnotherContract(Rejected):
    """The code that should execute the transaction is of another contract."""

    given: str
    wanted: str
    code: ClassVar[str] = "another_contract"
    hint: ClassVar[str] = "Give the file of the contract that the transaction names."


Around = Callable[[LoadedContract, Callable[[], Outcome]], Outcome]
"""Runs the call of a contract, watched by somebody: a debugger."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A state entry that was read or written; ``None`` is an absent or deleted one."""

    contract: str
    entry: str
    value: Any


@dataclass(frozen=True, slots=True)
class Replayed:
    """What executing a transaction again did, beside the receipt that the log holds."""

    tx: str
    height: int
    index: int
    contract: str
    action: str
    agrees: bool
    reads: tuple[Touched, ...]
    scans: tuple[Touched, ...]
    writes: tuple[Touched, ...]
    computed: dict[str, Any]
    receipt: dict[str, Any]
    changed: "Changed | None" = None

    def to_document(self) -> dict[str, Any]:
        """Return the JSON form; ``changed`` only where other code was asked for."""
        document = {name: getattr(self, name) for name in self.__slots__}
        if self.changed is None:
            del document["changed"]
        return document


@dataclass(frozen=True, slots=True)
class Changed:
    """What the same transaction does on the same state under other code."""

    computed: dict[str, Any]
    writes: tuple[Touched, ...]
    alters: bool


@dataclass(slots=True)
class Watched:
    """A block under way as the kernel reads it, noting what is read."""

    view: BlockView
    reads: dict[tuple[str, bytes], bytes | None] = field(default_factory=dict)
    scans: list[Touched] = field(default_factory=list)

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value bytes at ``key``."""
        value = self.view.get(contract, key)
        self.reads.setdefault((contract, key), value)
        return value

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return rows under ``prefix`` from ``start`` on, in key order."""
        rows = self.view.scan(contract, prefix, start, limit)
        self.scans.append(Touched(contract, entry_text(prefix), len(rows)))
        return rows


def replay(  # noqa: PLR0913  # what is replayed, and two ways to look at it, by name
    folder: Folder,
    apps: tuple[App, ...],
    tx: str,
    progress: Progress | None = None,
    *,
    on: LoadedContract | None = None,
    around: Around | None = None,
) -> Replayed:
    """Return what ``tx`` did, executed again after everything before it was.

    Args:
        folder: the node's; it is only read.
        apps: those that the ledger runs.
        tx: the transaction's id.
        progress: told of replayed heights.
        on: other code of the same contract, which executes ``tx`` once more on the same state.
        around: runs the call, the one on the other code where there is some.

    Raises:
        NotFound: the log holds no such transaction.
        Corrupt: the log does not replay up to it.
    """
    wanted = to_hash(tx, "$.tx")
    contracts = [contract for app in apps for contract in app.contracts]
    with rerunning(folder, contracts, contained=False) as rerun:  # it is watched from here
        for height in range(rerun.last_height + 1):
            found = rerun.read(height)
            at = next((i for i, t in enumerate(found.transactions) if t.id == wanted), None)
            if at is not None:
                return _again(rerun, found, at, on, around)
            rerun.execute(found)
            if progress is not None:
                progress(height, rerun.last_height)
    raise NotFound("transaction", tx)


def _again(
    rerun: Rerun, found: ReadBlock, at: int, on: LoadedContract | None, around: Around | None
) -> Replayed:
    """Execute the first records of a block, the last of them under watch."""
    wanted = found.transactions[at]

    def run(kernel: Kernel, reader: Watched, tx: Transaction, header: Header) -> Outcome:
        watched = tx is wanted and around is not None and on is None
        approved = kernel.find(reader, tx.body.contract, header.height) if watched else None
        if approved is None or around is None:
            return _run(kernel, reader, tx, header)
        return around(approved, lambda: _run(kernel, reader, tx, header))

    header = found.block.header
    tx, outcome, watched = list(islice(run_again(rerun, found, run), at + 1))[at]
    changed = None
    if on is not None:
        other = _run_on(rerun.kernel, Watched(watched.view), tx, header, on, around)
        changed = _changed(outcome, other)
    raw = found.block.records[at][1]
    return Replayed(
        tx=to_text(tx.id),
        height=header.height,
        index=at,
        contract=tx.body.contract,
        action=tx.body.action,
        agrees=_agrees(decode_as(raw, receipt_decoder), tx, outcome, (header.height, at)),
        reads=tuple(_touched(c, k, v) for (c, k), v in watched.reads.items()),
        scans=tuple(watched.scans),
        writes=_writes(outcome),
        computed=_computed(outcome),
        receipt=msgspec.json.decode(raw),
        changed=changed,
    )


def _run_on(  # noqa: PLR0913, PLR0917  # as _run, and on what
    kernel: Kernel,
    reader: Watched,
    tx: Transaction,
    header: Header,
    on: LoadedContract,
    around: Around | None,
) -> Outcome:
    """Return the outcome under other code of the contract; the kernel is as before afterwards."""
    name = tx.body.contract
    if on.name != name:
        raise AnotherContract(on.name, name)
    version = kernel.directory.version(reader, name, header.height)
    if version is None:
        return _run(kernel, reader, tx, header)
    with kernel.library.lent(version.hash, on):
        if around is not None:
            return around(on, lambda: _run(kernel, reader, tx, header))
        return _run(kernel, reader, tx, header)


def _changed(before: Outcome, after: Outcome) -> Changed:
    computed = _computed(after)
    told = {**_computed(before), "at": "", "cost": 0}
    alters = told != {**computed, "at": "", "cost": 0} or before.writes != after.writes
    return Changed(computed, _writes(after), alters)


def _writes(outcome: Outcome) -> tuple[Touched, ...]:
    return tuple(
        _touched(contract, key, value)
        for contract, changes in outcome.writes.items()
        for key, value in changes.items()
    )


def _run(kernel: Kernel, reader: Watched, tx: Transaction, header: Header) -> Outcome:
    below: Any = reader  # it reads as a block under way does, and says what was read
    return kernel.run(below, tx, header.height, header.time_ms)


def run_again(
    rerun: Rerun,
    found: ReadBlock,
    run: Callable[[Kernel, Watched, Transaction, Header], Outcome] = _run,
) -> Iterator[tuple[Transaction, Outcome, Watched]]:
    """Yield each record of a block, executed on what the store and the earlier ones left."""
    kernel, header = rerun.kernel, found.block.header
    view = BlockView(rerun.store)
    kernel.begin_block(view, header.height, header.time_ms)
    for tx in found.transactions:
        kernel.directory.forget()  # an earlier one may have changed the registry
        watched = Watched(view)
        outcome = run(kernel, watched, tx, header)
        yield tx, outcome, watched
        for contract, changes in outcome.writes.items():
            view.add(contract, changes)
    kernel.directory.forget()


def _agrees(receipt: Receipt, tx: Transaction, outcome: Outcome, place: tuple[int, int]) -> bool:
    """Whether every field of the receipt is what was computed."""
    computed = Receipt(
        cost=outcome.cost,
        events=list(outcome.events),
        height=place[0],
        index=place[1],
        status="ok" if outcome.code is None else "rejected",
        tx=to_text(tx.id),
        v=1,
        code=outcome.code,
        facts=msgspec.UNSET if outcome.facts is None else msgspec.Raw(outcome.facts),
        reason=outcome.reason or None,
        result=msgspec.UNSET if outcome.result is None else msgspec.Raw(outcome.result),
    )
    return encode(receipt) == encode(computed)


def _computed(outcome: Outcome) -> dict[str, Any]:
    document: dict[str, Any] = {
        "cost": outcome.cost,
        "events": [msgspec.json.decode(encode(event)) for event in outcome.events],
        "status": "ok" if outcome.code is None else "rejected",
    }
    if outcome.code is not None:
        document |= {"at": outcome.at, "code": outcome.code, "reason": outcome.reason}
    if outcome.result is not None:
        document["result"] = msgspec.json.decode(outcome.result)
    return document


def _touched(contract: str, key: bytes, value: bytes | None) -> Touched:
    shown = None if value is None else msgspec.json.decode(value)
    return Touched(contract, entry_text(key), shown)


def entry_text(key: bytes) -> str:
    """Return a state key as people write it: map and key parts."""
    name, _, rest = key.partition(b"\x00")
    try:
        parts = decode_key(rest)
    except ValueError:
        return f"{name.decode('ascii', 'replace')}[{to_text(rest)}]"
    return f"{name.decode('ascii', 'replace')}{_shown(list(parts))}"


def _shown(parts: list[object]) -> str:
    readable = [to_text(p) if isinstance(p, bytes) else p for p in parts]
    return msgspec.json.encode(readable).decode()
