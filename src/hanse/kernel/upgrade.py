# SPDX-License-Identifier: Apache-2.0
"""An upgrade carried out: within one block where it fits, else chunk by chunk over as many as need.

First every entry is migrated and checked, and nothing is written; then each is written. The
contract stands still meanwhile and a migration is a pure function of one entry, so what was checked
cannot fail when it is written: there is nothing to roll back, ever (ADR 0020).
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.limits import (
    FROZEN_BYTES_MAX,
    HINT_CHARS_MAX,
    MIGRATION_CHUNKS,
    MIGRATION_COST_MAX,
    VERSIONS_MAX,
)
from hanse.contracts import replace
from hanse.contracts.dialect.finding import OutsideDialect
from hanse.contracts.migrating import Chunk, migrate_state
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.sources import hash_lowered, load_files
from hanse.contracts.state import Reader
from hanse.crypto import Hash
from hanse.identity import Rules
from hanse.kernel import entries as e
from hanse.kernel.library import Library, read_files
from hanse.kernel.proposals import ALLOWED, Deployed, Migration, Proposal, Version
from hanse.kernel.registry import ContractEntry, ContractVersion
from hanse.kernel.roots import ENTRY_BYTES, START, Point, Roots, Versions

_COST_SLACK: Final = 10_000  # units above half more than a rehearsal used


class Refusal(Exception):
    """A proposal cannot be carried out: it has failed, and nothing of it remains."""

    def __init__(self, code: str, reason: str) -> None:
        """Say why, in the words that the proposal will show."""
        super().__init__(reason)
        self.code = code
        self.reason = reason[:HINT_CHARS_MAX]


@dataclass(frozen=True, slots=True)
class Place:
    """The state as proposals are carried out upon: what reads it, a library, block time."""

    reader: Reader
    library: Library
    hasher: Hash
    time_ms: int
    rules: Rules

    def chunk(
        self, after: bytes, digest: bytes, *, checks: bool = True, every: bool = False
    ) -> Chunk:
        """Return how much of a migration one block does."""
        cost = self.rules.block_cost_max // MIGRATION_CHUNKS
        size = self.rules.block_write_bytes_max // MIGRATION_CHUNKS
        return Chunk(after, digest, cost, size, checks, every)


class Begun(msgspec.Struct, frozen=True, array_like=True):
    """How far a rehearsal has come; what a migration on the ledger keeps there."""

    after: bytes = b""
    digest: bytes = b""
    cost: int = 0
    size: int = 0


class Tried(msgspec.Struct, frozen=True, array_like=True, tag="tried"):
    """What the next chunk of an upgrade would do; ``after`` is ``None`` once it is the last one.

    ``ordered`` names the ordered maps of the version that is to be. ``size`` counts what the roots
    are made of, where they have to be.
    """

    code: str | None = None
    reason: str = ""
    cost: int = 0
    entries: int = 0
    writes: dict[bytes, bytes | None] = {}
    after: bytes | None = None
    digest: bytes = b""
    ordered: tuple[str, ...] = ()
    size: int = 0


# what a proposal is about -------------------------------------------------------------------------


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


def load_package(place: Place, held: Proposal) -> LoadedContract:
    """Return the contract that a proposal is about, established to be what its ballots bind.

    Raises:
        Refusal: its texts are not.
    """
    package = held.terms.package
    assert package is not None
    known = place.library.tried(package.hash, package.lowered)
    if known is not None:
        return known
    try:
        loaded = load_files(read_files(place.reader, package), place.hasher)
    except OutsideDialect:  # where, may be told otherwise by another Python: `contract check` does
        raise Refusal("outside_dialect", "the text is not written in the dialect") from None
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - whatever a text does, it must not stop the ledger
        raise Refusal("not_a_contract", "the text holds no contract, or one of bad types") from None
    if (loaded.name, loaded.version) != (held.terms.contract, package.version):
        found = f"{loaded.name} {loaded.version}"
        raise Refusal("other_contract", f"the text declares {found}")
    lowered = hash_lowered(loaded, place.hasher.tagged)
    if lowered != package.lowered:
        raise Refusal("lowering_differs", f"the text is lowered to {lowered}")
    place.library.keep_tried(package.hash, lowered, loaded)
    return loaded


def _versions(place: Place, held: Proposal) -> Versions:
    new = load_package(place, held)
    old = place.library.find(place.reader, held.terms.contract, held.base)
    assert old is not None, "the current version is loaded, or its text is in the state"
    return old, new


def try_chunk(place: Place, held: Proposal, begun: Begun) -> Tried:
    """Return what the next chunk of an upgrade would do to the state; nothing is written."""
    try:
        if begun == Begun():
            check_base(place.reader, held)
        old, new = _versions(place, held)
    except Refusal as error:
        return Tried(error.code, error.reason)
    left = MIGRATION_COST_MAX - begun.cost
    chunk = place.chunk(begun.after, begun.digest, every=held.terms.mode == "frozen")
    done = migrate_state(old, new, place.reader, place.time_ms, left, chunk)
    if done.code is not None:
        return Tried(done.code, done.reason, done.cost)
    size = sum([ENTRY_BYTES + len(key) for key, _ in done.rows])
    try:
        _check_size(begun.size + size)
    except Refusal as error:
        return Tried(error.code, error.reason, done.cost)
    numbers, writes = (done.cost, done.entries), done.writes or {}
    return Tried(None, "", *numbers, writes, done.after, done.digest, new.ordered, size)


# carrying it out ----------------------------------------------------------------------------------


def begin_upgrade(  # noqa: PLR0913, PLR0917 - of one call
    place: Place, put: e.Put, held: Proposal, now: Deployed, number: int, height: int
) -> bool:
    """Begin an upgrade in the block of ``height``; returns whether it is carried out already.

    Raises:
        Refusal: it cannot be carried out.
    """
    bound = held.rehearsal
    assert bound is not None, "nobody votes on an upgrade that was not rehearsed"
    _check_number(now)
    if held.terms.mode == "frozen" and (now.status != "frozen" or now.since_height > bound.height):
        raise Refusal("not_frozen", f"it was not frozen from height {bound.height} on")
    running = Migration(
        after=b"",
        changed=0,
        contract=held.terms.contract,
        cost=0,
        digest="",
        entries=0,
        height=height,
        number=number,
        phase="check",
        was=now,
        written=0,
    )
    on = _check_chunk(place, put, running, held, height)
    if on is not None:
        migrating = replace(now, status="migrating", since_height=height)
        e.CONTRACTS.put(put, running.contract, migrating)
        e.MIGRATION.put(put, (), on)
    return on is None


def go_on(place: Place, put: e.Put, running: Migration, held: Proposal, height: int) -> bool:
    """Do the next chunk of a migration that began before; returns whether it was the last one.

    Raises:
        Refusal: it cannot be carried out; nothing was written, the contract is as it was.
    """
    step = _check_chunk if running.phase == "check" else _write_chunk
    try:
        on = step(place, put, running, held, height)
    except Refusal:
        place.library.roots = None
        e.CONTRACTS.put(put, running.contract, running.was)
        e.MIGRATION.put(put, (), None)
        raise
    e.MIGRATION.put(put, (), on)
    return on is None


def _check_chunk(
    place: Place, put: e.Put, running: Migration, held: Proposal, height: int
) -> Migration | None:
    """Migrate and check the next entries; returns how it goes on, ``None`` when all is done."""
    bound = held.rehearsal
    assert bound is not None
    versions = _versions(place, held)
    left = _cost_bound(bound.cost) - running.cost
    is_frozen = held.terms.mode == "frozen"
    point = _point_of(running)
    roots = _roots_at(place, versions, running.number, point) if is_frozen else None
    done = migrate_state(
        *versions, place.reader, place.time_ms, left, place.chunk(*point, every=is_frozen)
    )
    if done.code is not None:
        raise Refusal(done.code, done.reason)
    on = replace(
        running,
        after=done.after or b"",
        changed=running.changed + len(done.writes or {}),
        cost=running.cost + done.cost,
        digest=to_text(done.digest) if done.digest else "",
        entries=running.entries + done.entries,
    )
    if roots is not None:
        _check_size(roots.take(done, point))
    if done.after is not None:
        return on
    if roots is not None:
        place.library.roots = None
        _check_frozen(on, held, roots)
    if on.changed and running.after:
        return replace(on, phase="write")
    put(running.contract, done.writes or {})
    put_version(place, put, held, running.was, (running.number, height))
    return None


def _point_of(running: Migration) -> Point:
    return running.after, to_bytes(running.digest) if running.digest else b""


def _check_size(size: int) -> None:
    if size > FROZEN_BYTES_MAX:
        reason = f"the roots of a contract are compared up to {FROZEN_BYTES_MAX} bytes of keys"
        raise Refusal("too_many_entries", f"{reason}, {ENTRY_BYTES} added for each entry")


def _roots_at(place: Place, versions: Versions, number: int, point: Point) -> Roots:
    """Return the tries of a migration that has come to ``point``, made again if need be."""
    library = place.library
    roots = library.roots
    if roots is None or roots.number != number or point == START or not roots.has_passed(point):
        roots = library.roots = Roots(place.hasher, versions, number)
    while not roots.has_passed(point):
        roots.catch_up(place.reader, point)
    return roots


def catch_up(place: Place) -> bool:
    """Make more of the tries that the next chunk of a migration needs; returns if all are there.

    Without that the next block makes them: it takes longer then, and nothing else is different.
    """
    running = e.MIGRATION.get(place.reader, ())
    held = None if running is None else e.PROPOSALS.get(place.reader, running.number)
    if running is None or held is None or running.phase != "check" or held.terms.mode != "frozen":
        return True
    library, point = place.library, _point_of(running)
    roots = library.roots
    if roots is None or roots.number != running.number:
        roots = library.roots = Roots(place.hasher, _versions(place, held), running.number)
    return roots.has_passed(point) or roots.catch_up(place.reader, point)


def _check_frozen(done: Migration, held: Proposal, roots: Roots) -> None:
    """Establish that the entries of a frozen contract, and its roots, are those voted on.

    Raises:
        Refusal: they are not.
    """
    bound = held.rehearsal
    assert bound is not None
    if done.digest != bound.digest:
        raise Refusal("entries_differ", "the entries, or what becomes of them, are not those")
    before, after = roots.values()
    # no entries make two roots: zeros, or that over empty trees once the contract was written to
    is_same = before == bound.root_before or roots.is_empty
    if not is_same or after != bound.root_after:
        raise Refusal("root_differs", f"{before} became {after}")


def _write_chunk(
    place: Place, put: e.Put, running: Migration, held: Proposal, height: int
) -> Migration | None:
    """Write the next entries, every one of which was checked; returns how it goes on."""
    versions = _versions(place, held)
    chunk = place.chunk(running.after, b"", checks=False)
    done = migrate_state(*versions, place.reader, place.time_ms, MIGRATION_COST_MAX, chunk)
    assert done.code is None, f"an entry that was checked does not migrate: {done.reason}"
    put(running.contract, done.writes or {})
    if done.after is not None:
        written = running.written + len(done.writes or {})
        return replace(running, after=done.after, written=written)
    put_version(place, put, held, running.was, (running.number, height))
    return None


def _check_number(now: Deployed | None) -> int:
    count = 1 if now is None else now.number + 1
    if count > VERSIONS_MAX:
        raise Refusal("too_many_versions", f"a contract has at most {VERSIONS_MAX}")
    return count


def put_version(
    place: Place, put: e.Put, held: Proposal, was: Deployed | None, at: tuple[int, int]
) -> None:
    """Make a proposal's package the contract's current version; ``at``: proposal and height."""
    package, name = held.terms.package, held.terms.contract
    assert package is not None
    number, height = at
    frozen = was is not None and was.status == "frozen" and held.terms.mode == "open"
    count = _check_number(was)
    deployed = Deployed(
        number=count,
        package=package.hash,
        since_height=was.since_height if frozen and was is not None else height,
        status="frozen" if frozen else "active",  # under ``frozen`` the freeze was for this
        frozen_for=was.frozen_for if frozen and was is not None else None,
    )
    e.CONTRACTS.put(put, name, deployed)
    e.PACKAGES.put(put, package.hash, package)  # whatever others said of these texts since
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


def ordered_after(place: Place, running: Migration) -> tuple[str, ...]:
    """Return the ordered maps of the version that a migration under way leads to."""
    held = e.PROPOSALS.get(place.reader, running.number)
    assert held is not None
    return load_package(place, held).ordered


def _cost_bound(rehearsed: int) -> int:
    """Return the units that an activation may use: the state may have grown by half."""
    return min(MIGRATION_COST_MAX, rehearsed + rehearsed // 2 + _COST_SLACK)
