# SPDX-License-Identifier: Apache-2.0
"""What was decided about contracts, carried out at the beginning of a block; from state alone.

Nothing here is a transaction: the proposal itself says what came of it, at which height and why.
A block settles a few proposals; a migration that does not fit one block goes on in those after it.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.limits import CONTRACTS_MAX, SETTLED_PER_BLOCK_MAX
from hanse.contracts import replace
from hanse.contracts.compatibility import compare, verdict_of
from hanse.contracts.migrating import differing
from hanse.contracts.schema import describe
from hanse.contracts.state import Reader
from hanse.crypto import Hash
from hanse.kernel import entries as e
from hanse.kernel.proposals import ContractStatus, Proposal
from hanse.kernel.upgrade import (
    Begun,
    Place,
    Refusal,
    Tried,
    begin_upgrade,
    check_base,
    go_on,
    load_package,
    put_version,
)
from hanse.kernel.writes import hashed_changes
from hanse.merkle.trie import StateTries

_FINDINGS_MAX: Final = 100  # that a rehearsal names; no node agrees on it
STATUS_AFTER: Final[dict[str, ContractStatus]] = {
    "freeze": "frozen",
    "retire": "retired",
    "unfreeze": "active",
}


class Trial(msgspec.Struct, frozen=True, array_like=True, tag="trial"):
    """What carrying out a proposal would do; ``code`` is ``None`` where it can be carried out.

    ``verdict`` and ``findings``, code and path, are what the types alone say of an upgrade.
    """

    code: str | None = None
    reason: str = ""
    cost: int = 0
    entries: int = 0
    changed: int = 0
    maps: tuple[str, ...] = ()
    root_before: str = ""
    root_after: str = ""
    verdict: str = ""
    findings: tuple[tuple[str, str], ...] = ()
    digest: str = ""
    chunks: int = 0  # blocks that it takes, once to check the entries and, if more, to write them


def due_contracts(reader: Reader, height: int) -> set[str]:
    """Return the contracts of the proposals that the block of ``height`` settles, or works on."""
    running = e.MIGRATION.get(reader, ())
    found: set[str] = set() if running is None else {running.contract}
    for (at, number), _ in e.AGENDA.rows(reader, SETTLED_PER_BLOCK_MAX):
        held = e.PROPOSALS.get(reader, number)
        if isinstance(at, int) and at <= height and held is not None:
            found.add(held.terms.contract)
    return found


def settle_due(place: Place, put: e.Put, height: int) -> bool:
    """Carry out what is due in the block of ``height``; returns whether anything was."""
    running = e.MIGRATION.get(place.reader, ())
    if running is not None:
        held = e.PROPOSALS.get(place.reader, running.number)
        assert held is not None, "a migration is that of a proposal"
        at_work = (held, running.number, height)
        _try(place, put, at_work, partial(go_on, place, put, running, held, height))
    due = [key for key, _ in e.AGENDA.rows(place.reader, SETTLED_PER_BLOCK_MAX)]
    is_busy = running is not None
    done = is_busy
    for at, number in due:
        assert isinstance(at, int)
        assert isinstance(number, int)
        if at > height:
            break
        done = True
        e.AGENDA.put(put, (at, number), None)
        held = e.PROPOSALS.get(place.reader, number)
        assert held is not None, "the agenda names proposals that are there"
        if held.status == "approved" and held.due_height == at:
            has_package = held.terms.package is not None
            if is_busy and has_package:  # one check, one chunk of a migration for a block
                e.AGENDA.put(put, (height + 1, number), True)
                e.PROPOSALS.put(put, number, replace(held, due_height=height + 1))
                continue
            is_busy = is_busy or has_package
            _carry_out(place, put, held, number, height)
        elif held.status == "proposed":
            _settle(place, put, number, replace(held, status="expired", settled_height=height))
        elif held.status in ("rejected", "withdrawn"):
            _thaw(place, put, number, held, height)
    return done


def _settle(place: Place, put: e.Put, number: int, settled: Proposal) -> None:
    """Write what became of a proposal, and let go what waited for it."""
    counted = e.COUNTERS.get(place.reader, ())
    assert counted is not None
    e.COUNTERS.put(put, (), replace(counted, open=counted.open - 1))
    e.PROPOSALS.put(put, number, settled)
    if settled.status != "done":
        assert settled.settled_height is not None
        _thaw(place, put, number, settled, settled.settled_height)


def _thaw(place: Place, put: e.Put, number: int, held: Proposal, height: int) -> None:
    """Let a contract be called again that was frozen for an upgrade which does not come."""
    now = e.CONTRACTS.get(place.reader, held.terms.contract)
    if now is not None and now.status == "frozen" and now.frozen_for == number:
        thawed = replace(now, status="active", since_height=height, frozen_for=None)
        e.CONTRACTS.put(put, held.terms.contract, thawed)


def _carry_out(place: Place, put: e.Put, held: Proposal, number: int, height: int) -> None:
    """Do what a proposal asks for, and write what became of it; a migration may go on."""
    at = (held, number, height)
    _try(place, put, at, partial(_is_carried_out, place, put, held, number, height))


def _try(place: Place, put: e.Put, at: tuple[Proposal, int, int], do: Callable[[], bool]) -> None:
    """Settle a proposal by what ``do`` tells, unless that goes on in the next block."""
    held, number, height = at
    try:
        is_done = do()
    except Refusal as error:
        code, reason = error.code, error.reason
        failed = replace(held, status="failed", code=code, reason=reason, settled_height=height)
        _settle(place, put, number, failed)
    else:
        if is_done:
            _settle(place, put, number, replace(held, status="done", settled_height=height))


def _is_carried_out(place: Place, put: e.Put, held: Proposal, number: int, height: int) -> bool:
    now = check_base(place.reader, held)
    if held.terms.kind == "install":
        if len(e.CONTRACTS.rows(place.reader, CONTRACTS_MAX)) >= CONTRACTS_MAX:
            raise Refusal("too_many_contracts", f"a ledger has at most {CONTRACTS_MAX}")
        load_package(place, held)
        put_version(place, put, held, None, (number, height))
        return True
    assert now is not None
    if held.terms.kind == "upgrade":
        return begin_upgrade(place, put, held, now, number, height)
    status = STATUS_AFTER[held.terms.kind]
    frozen_for = held.terms.upgrade
    if frozen_for is not None:
        upgrade = e.PROPOSALS.get(place.reader, frozen_for)
        if upgrade is None or upgrade.status not in ("proposed", "approved"):
            raise Refusal("upgrade_settled", f"proposal {frozen_for} waits for nothing any more")
    changed = replace(now, status=status, since_height=height, frozen_for=frozen_for)
    e.CONTRACTS.put(put, held.terms.contract, changed)
    return True


def try_proposal(place: Place, held: Proposal) -> Trial:
    """Return what is to be said of a proposal without its migration; nothing is written."""
    name = held.terms.contract
    try:
        check_base(place.reader, held)
        if held.terms.package is None:
            return Trial()
        new = load_package(place, held)
        if held.terms.kind == "install":
            return Trial()
        old = place.library.find(place.reader, name, held.base)
        assert old is not None, "the current version is loaded, or its text is in the state"
        findings = compare(describe(old, "", ""), describe(new, "", ""))
    except Refusal as error:
        return Trial(code=error.code, reason=error.reason)
    return Trial(
        findings=tuple((found.code, found.path) for found in findings[:_FINDINGS_MAX]),
        maps=differing(old, new),
        verdict=verdict_of(findings),
    )


def rehearse_upgrade(
    trial: Trial, contract: str, tries: StateTries, hasher: Hash, ask: Callable[[Begun], Tried]
) -> Trial:
    """Return ``trial`` with what an upgrade's migration does, chunk by chunk as on the ledger.

    Args:
        trial: what :func:`try_proposal` said.
        contract: the contract's name.
        tries: those of the state, on which nothing else will be built: the roots come of them.
        hasher: the network's.
        ask: what the next chunk would do.
    """
    begun = Begun()
    entries = changed = chunks = 0
    before = tries.root_of(contract)
    while True:
        tried = ask(begun)
        if tried.code is not None:
            return Trial(code=tried.code, reason=tried.reason)
        hashed, ordered = hashed_changes(hasher, tried.writes, tried.ordered)
        tries.update({contract: hashed}, {contract: ordered})
        entries, changed, chunks = entries + tried.entries, changed + len(tried.writes), chunks + 1
        totals = (begun.cost + tried.cost, begun.size + tried.size)
        begun = Begun(tried.after or b"", tried.digest, *totals)
        if tried.after is None:
            break
    return msgspec.structs.replace(
        trial,
        changed=changed,
        chunks=chunks,
        cost=begun.cost,
        digest=to_text(begun.digest) if begun.digest else "",
        entries=entries,
        root_after=to_text(tries.root_of(contract)),
        root_before=to_text(before),
    )
