# SPDX-License-Identifier: Apache-2.0
"""One transaction executed again on the exact state before it, with all that it read and wrote."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from hanse.codec.base64url import to_hash, to_text
from hanse.codec.canonical import decode_as, encode
from hanse.codec.documents import Header, Receipt, Transaction, receipt_decoder
from hanse.contracts.app import App
from hanse.contracts.keys import decode_key
from hanse.contracts.runtime import Outcome
from hanse.kernel import BlockView, Kernel
from hanse.node.errors import NotFound
from hanse.node.folder import Folder
from hanse.node.rerun import ReadBlock, Rerun, rerunning

Progress = Callable[[int, int], None]


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

    def to_document(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


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
        self.scans.append(Touched(contract, _entry(prefix), len(rows)))
        return rows


def replay(
    folder: Folder, apps: tuple[App, ...], tx: str, progress: Progress | None = None
) -> Replayed:
    """Return what ``tx`` did, executed again after everything before it was.

    Raises:
        NotFound: the log holds no such transaction.
        Corrupt: the log does not replay up to it.
    """
    wanted = to_hash(tx, "$.tx")
    contracts = [contract for app in apps for contract in app.contracts]
    with rerunning(folder, contracts) as rerun:
        for height in range(rerun.last_height + 1):
            found = rerun.read(height)
            at = next((i for i, t in enumerate(found.transactions) if t.id == wanted), None)
            if at is not None:
                return _again(rerun, found, at)
            rerun.execute(found)
            if progress is not None:
                progress(height, rerun.last_height)
    raise NotFound("transaction", tx)


def _again(rerun: Rerun, found: ReadBlock, at: int) -> Replayed:
    """Execute the first records of a block, the last of them under watch."""
    header = found.block.header
    tx, outcome, watched = list(islice(run_again(rerun, found), at + 1))[at]
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
        writes=tuple(
            _touched(contract, k, v)
            for contract, changes in outcome.writes.items()
            for k, v in changes.items()
        ),
        computed=_computed(outcome),
        receipt=msgspec.json.decode(raw),
    )


def run_again(rerun: Rerun, found: ReadBlock) -> Iterator[tuple[Transaction, Outcome, "Watched"]]:
    """Yield each record of a block, executed on what the store and the earlier ones left."""
    kernel, header = rerun.kernel, found.block.header
    view = BlockView(rerun.store)
    for tx in found.transactions:
        kernel.directory.forget()  # an earlier one may have changed the registry
        watched = Watched(view)
        outcome = _run(kernel, watched, tx, header)
        yield tx, outcome, watched
        for contract, changes in outcome.writes.items():
            view.add(contract, changes)
    kernel.directory.forget()


def _run(kernel: Kernel, reader: Watched, tx: Transaction, header: Header) -> Outcome:
    below: Any = reader  # it reads as a block under way does, and says what was read
    return kernel.run(below, tx, header.height, header.time_ms)


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
    return Touched(contract, _entry(key), shown)


def _entry(key: bytes) -> str:
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
