# SPDX-License-Identifier: Apache-2.0
"""What was decided about contracts, carried out at the beginning of a block; from state alone.

Nothing here is a transaction: the proposal itself says what came of it, at which height and why.
A block settles a few proposals; a migration happens within one block, whole or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.limits import (
    CONTRACTS_MAX,
    FROZEN_ENTRIES_MAX,
    HINT_CHARS_MAX,
    MIGRATION_COST_MAX,
    SCAN_ROWS_MAX,
    SETTLED_PER_BLOCK_MAX,
    VERSIONS_MAX,
)
from hanse.contracts import replace
from hanse.contracts.compatibility import compare, verdict_of
from hanse.contracts.dialect.finding import OutsideDialect
from hanse.contracts.migrating import Migrated, differing, migrate_state
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.schema import describe
from hanse.contracts.sources import hash_lowered, load_files
from hanse.contracts.state import Reader
from hanse.crypto import Hash
from hanse.kernel import entries as e
from hanse.kernel.library import Library, read_files
from hanse.kernel.proposals import ALLOWED, ContractStatus, Deployed, Proposal, Version
from hanse.kernel.registry import ContractEntry, ContractVersion
from hanse.kernel.writes import contract_root

_FINDINGS_MAX: Final = 100  # that a rehearsal names; no node agrees on it
STATUS_AFTER: Final[dict[str, ContractStatus]] = {
    "freeze": "frozen",
    "retire": "retired",
    "unfreeze": "active",
}


class Refusal(Exception):
    """A proposal cannot be carried out: it has failed, and nothing of it remains."""

    def __init__(self, code: str, reason: str) -> None:
        """Say why, in the words that the proposal will show."""
        super().__init__(reason)
        self.code = code
        self.reason = reason[:HINT_CHARS_MAX]


@dataclass(frozen=True, slots=True)
class Tried:
    """What an upgrade would do to a contract's state, and did not."""

    migrated: Migrated
    root_before: str
    root_after: str


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


@dataclass(frozen=True, slots=True)
class Place:
    """The state as proposals are carried out upon: what reads it, a library, block time.

    ``tells_roots``: somebody wants to know roots that no ballot binds.
    """

    reader: Reader
    library: Library
    hasher: Hash
    time_ms: int
    bytes_max: int
    tells_roots: bool = False


def due_contracts(reader: Reader, height: int) -> set[str]:
    """Return the contracts of the proposals that the block of ``height`` settles."""
    found: set[str] = set()
    for (at, number), _ in e.AGENDA.rows(reader, SETTLED_PER_BLOCK_MAX):
        held = e.PROPOSALS.get(reader, number)
        if isinstance(at, int) and at <= height and held is not None:
            found.add(held.terms.contract)
    return found


def settle_due(place: Place, put: e.Put, height: int) -> bool:
    """Carry out what is due in the block of ``height``; returns whether anything was."""
    due = [key for key, _ in e.AGENDA.rows(place.reader, SETTLED_PER_BLOCK_MAX)]
    done = False
    for at, number in due:
        assert isinstance(at, int)
        if at > height:
            break
        done = True
        e.AGENDA.put(put, (at, number), None)
        held = e.PROPOSALS.get(place.reader, number)
        assert held is not None, "the agenda names proposals that are there"
        if held.status == "proposed":
            settled = replace(held, status="expired", settled_height=height)
        elif held.status == "approved" and held.due_height == at:
            settled = _carried_out(place, put, held, number, height)
        else:
            continue
        counted = e.COUNTERS.get(place.reader, ())
        assert counted is not None
        e.COUNTERS.put(put, (), replace(counted, open=counted.open - 1))
        e.PROPOSALS.put(put, number, settled)
        if held.status == "approved" and held.terms.package is not None:
            break  # a check and a migration are enough for one block
    return done


def _carried_out(place: Place, put: e.Put, held: Proposal, number: object, height: int) -> Proposal:
    assert isinstance(number, int)
    try:
        now = check_base(place.reader, held)
        if held.terms.package is not None:
            _put_version(place, put, held, now, number, height)
        else:
            assert now is not None
            status = STATUS_AFTER[held.terms.kind]
            changed = replace(now, status=status, since_height=height)
            e.CONTRACTS.put(put, held.terms.contract, changed)
    except Refusal as error:
        return replace(
            held, status="failed", code=error.code, reason=error.reason, settled_height=height
        )
    return replace(held, status="done", settled_height=height)


def check_base(reader: Reader, held: Proposal) -> Deployed | None:
    """Return the contract as it stands, established to be what the proposal was made for.

    Raises:
        Refusal: it is not.
    """
    now = e.CONTRACTS.get(reader, held.terms.contract)
    status = "absent" if now is None else now.status
    if status not in ALLOWED[held.terms.kind]:
        raise Refusal("wrong_status", f"the contract is {status}")
    if now is not None and now.package != held.base:
        raise Refusal("base_changed", "another version is current than when it was proposed")
    return now


def load_package(reader: Reader, held: Proposal, hasher: Hash) -> LoadedContract:
    """Return the contract that a proposal is about, established to be what its ballots bind.

    Raises:
        Refusal: its texts are not.
    """
    package = held.terms.package
    assert package is not None
    try:
        loaded = load_files(read_files(reader, package), hasher)
    except OutsideDialect:  # where, may be told otherwise by another Python: `contract check` does
        raise Refusal("outside_dialect", "the text is not written in the dialect") from None
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - whatever a text does, it must not stop the ledger
        raise Refusal("not_a_contract", "the text holds no contract, or one of bad types") from None
    if (loaded.name, loaded.version) != (held.terms.contract, package.version):
        found = f"{loaded.name} {loaded.version}"
        raise Refusal("other_contract", f"the text declares {found}")
    lowered = hash_lowered(loaded, hasher.tagged)
    if lowered != package.lowered:
        raise Refusal("lowering_differs", f"the text is lowered to {lowered}")
    return loaded


def try_upgrade(place: Place, held: Proposal, cost_max: int) -> Tried:
    """Return what an upgrade would do to the state; nothing is written.

    Raises:
        Refusal: it cannot be carried out.
    """
    name = held.terms.contract
    new = load_package(place.reader, held, place.hasher)
    old = place.library.find(place.reader, name, held.base)
    assert old is not None, "the current version is loaded, or its text is in the state"
    migrated = migrate_state(old, new, place.reader, place.time_ms, cost_max)
    if migrated.code is not None:
        raise Refusal(migrated.code, migrated.reason)
    writes = migrated.writes or {}
    size = sum([len(key) + len(value or b"") for key, value in writes.items()])
    if size > place.bytes_max:
        raise Refusal("migration_too_large", f"{size} bytes; a block takes {place.bytes_max}")
    before = after = b""
    if held.terms.mode == "frozen":
        before, after = hashed_roots(place, (old, new), writes, FROZEN_ENTRIES_MAX)
    elif place.tells_roots:
        before, after = hashed_roots(place, (old, new), writes)
    return Tried(migrated, to_text(before), to_text(after))


def try_proposal(place: Place, held: Proposal) -> Trial:
    """Return what carrying out a proposal would do to the state; nothing is written."""
    name = held.terms.contract
    try:
        check_base(place.reader, held)
        if held.terms.kind == "install":
            load_package(place.reader, held, place.hasher)
        if held.terms.kind != "upgrade":
            return Trial()
        tried = try_upgrade(place, held, MIGRATION_COST_MAX)
        old = place.library.find(place.reader, name, held.base)
        assert old is not None
        new = load_package(place.reader, held, place.hasher)
        findings = compare(describe(old, "", ""), describe(new, "", ""))
    except Refusal as error:
        return Trial(code=error.code, reason=error.reason)
    return Trial(
        changed=len(tried.migrated.writes or {}),
        cost=tried.migrated.cost,
        entries=tried.migrated.entries,
        findings=tuple((found.code, found.path) for found in findings[:_FINDINGS_MAX]),
        maps=differing(old, new),
        root_after=tried.root_after,
        root_before=tried.root_before,
        verdict=verdict_of(findings),
    )


def hashed_roots(
    place: Place,
    versions: tuple[LoadedContract, LoadedContract],
    writes: Mapping[bytes, bytes | None],
    entries_max: int | None = None,
) -> tuple[bytes, bytes]:
    """Return a contract's root under one version, and under the next after ``writes``.

    Who executes blocks has no tries, so they are made of the entries.

    Raises:
        Refusal: there are more than ``entries_max``, too many for one block.
    """
    old, new = versions
    entries: dict[bytes, bytes] = {}
    start = b""
    while rows := place.reader.scan(old.name, b"", start, SCAN_ROWS_MAX):
        entries.update(rows)
        if entries_max is not None and len(entries) > entries_max:
            reason = f"an upgrade of a frozen contract takes {entries_max} entries"
            raise Refusal("migration_too_large", reason)
        start = rows[-1][0] + b"\x00"
    before = contract_root(place.hasher, entries, old.ordered)
    if not writes and old.ordered == new.ordered:
        return before, before
    for key, value in writes.items():
        if value is None:
            del entries[key]
        else:
            entries[key] = value
    return before, contract_root(place.hasher, entries, new.ordered)


def _put_version(  # noqa: PLR0913, PLR0917 - of one call
    place: Place, put: e.Put, held: Proposal, now: Deployed | None, number: int, height: int
) -> None:
    package, name = held.terms.package, held.terms.contract
    assert package is not None
    count = 1 if now is None else now.number + 1
    if count > VERSIONS_MAX:
        raise Refusal("too_many_versions", f"a contract has at most {VERSIONS_MAX}")
    if now is None:
        if len(e.CONTRACTS.rows(place.reader, CONTRACTS_MAX)) >= CONTRACTS_MAX:
            raise Refusal("too_many_contracts", f"a ledger has at most {CONTRACTS_MAX}")
        load_package(place.reader, held, place.hasher)
    else:
        put(name, _approved_writes(place, held, now))
    frozen = now is not None and now.status == "frozen" and held.terms.mode == "open"
    deployed = Deployed(
        number=count,
        package=package.hash,
        since_height=now.since_height if frozen and now is not None else height,
        status="frozen" if frozen else "active",  # under ``frozen`` the freeze was for this
    )
    e.CONTRACTS.put(put, name, deployed)
    e.VERSIONS.put(
        put,
        (name, count),
        Version(
            from_height=height,
            lowered=package.lowered,
            package=package.hash,
            proposal=number,
            version=package.version,
        ),
    )
    entry = e.REGISTERED.get(place.reader, name) or ContractEntry(versions=[])
    begun = ContractVersion(from_height=height, hash=package.hash, version=package.version)
    e.REGISTERED.put(put, name, ContractEntry(versions=[*entry.versions, begun]))


def _approved_writes(place: Place, held: Proposal, now: Deployed) -> dict[bytes, bytes | None]:
    """Return what the migration writes, established to be what the ballots bind."""
    bound = held.rehearsal
    assert bound is not None, "nobody votes on an upgrade that was not rehearsed"
    tried = try_upgrade(place, held, _cost_bound(bound.cost))
    if held.terms.mode == "frozen":
        if now.status != "frozen" or now.since_height > bound.height:
            raise Refusal("not_frozen", f"it was not frozen from height {bound.height} on")
        if (tried.root_before, tried.root_after) != (bound.root_before, bound.root_after):
            raise Refusal("root_differs", f"{tried.root_before} became {tried.root_after}")
    return tried.migrated.writes or {}


def _cost_bound(rehearsed: int) -> int:
    """Return the units that an activation may use: the state may have grown by half."""
    return min(MIGRATION_COST_MAX, rehearsed + rehearsed // 2 + 10_000)
