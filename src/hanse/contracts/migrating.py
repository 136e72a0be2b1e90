# SPDX-License-Identifier: Apache-2.0
"""State that another version of a contract wrote, as this version reads it; metered, and pure.

A migration turns one entry into one entry: it sees its key and what was stored, no other state and
no time. So it gives the same in a rehearsal as when it counts, in whatever order entries come, and
however many of them are done at once.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NoReturn, get_type_hints

from hanse.codec.limits import COST_MAX, HINT_CHARS_MAX, MIGRATION_CHECKED_MAX, SCAN_ROWS_MAX
from hanse.contracts.contract import Context, Mark
from hanse.contracts.meter import COSTS
from hanse.contracts.records import Codec, StoredValueDamaged
from hanse.contracts.refusals import CostExceeded, Fault, ReaderFailed, Refused
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.schema import Schema, schema_of
from hanse.contracts.state import Map, Reader

Writes = dict[bytes, bytes | None]
_Reading = Callable[[bytes, bytes], bytes | None]
_NO_VALUE: Final = object()
TAG_ENTRIES: Final = "hanse/migration/1"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Which part of a migration is done at once.

    Attributes:
        after: state key of the last entry that was looked at before; empty at the beginning.
        digest: of all entries that were.
        cost: units after which no further entry is begun.
        size: bytes of what is written, after which none is.
        checks: ask the invariants, as long as nothing has been written.
        every: look at the entries of all maps, those of which nothing changes, too.
        until: state key of the entry with which it ends at the latest.
    """

    after: bytes = b""
    digest: bytes = b""
    cost: int | None = None
    size: int | None = None
    checks: bool = True
    every: bool = False
    until: bytes | None = None


WHOLE: Final = Chunk()


@dataclass(frozen=True, slots=True)
class Migrated:
    """What became of a contract's entries: ``code`` is ``None`` exactly when all went well.

    ``after`` is the last entry that was looked at, ``None`` once all were. ``digest`` fixes every
    entry that was looked at, before and after, and is the same in whatever chunks they come.
    ``rows`` are those of a chunk of every entry, as they were; ``writes`` has what changes.
    """

    code: str | None
    cost: int
    entries: int = 0  # that stand in maps which are looked at
    reason: str = ""
    writes: Writes | None = None
    after: bytes | None = None
    digest: bytes = b""
    rows: tuple[tuple[bytes, bytes], ...] = ()


class _Stop(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason[:HINT_CHARS_MAX]


class _Over:
    """The state with every entry migrated: those of ``written`` were, others are when read."""

    def __init__(
        self, reader: Reader, contract: str, written: Writes, readings: Mapping[bytes, _Reading]
    ) -> None:
        self._reader = reader
        self._contract = contract
        self._written = written
        self._readings = readings

    def get(self, contract: str, key: bytes) -> bytes | None:
        if contract == self._contract and key in self._written:
            return self._written[key]
        value = self._reader.get(contract, key)
        if contract != self._contract or value is None:
            return value
        reading = self._readings.get(key.partition(b"\x00")[0])
        return value if reading is None else reading(key, value)

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        return self._reader.scan(contract, prefix, start, limit)  # no invariant scans


def check_migrations(loaded: LoadedContract) -> None:
    """Establish that the migrations of a contract fit its maps.

    Raises:
        TypeError: with the method that does not.
    """
    named: set[tuple[str, str]] = set()
    for mark, function in loaded.migrations:
        _check_step(loaded, mark, function)
        if (mark.from_, mark.of) in named:
            raise TypeError(f"two migrations of {mark.of} come from version {mark.from_}")
        named.add((mark.from_, mark.of))


def migrate_state(  # noqa: PLR0913, PLR0917 - of one question
    old: LoadedContract,
    new: LoadedContract,
    reader: Reader,
    now: int,
    cost_max: int,
    chunk: Chunk = WHOLE,
) -> Migrated:
    """Return what the entries that ``old`` wrote are under ``new``; nothing is written.

    Every entry of a map whose types differ is looked at: it is migrated where ``new`` says how, and
    must read as its type otherwise. The invariants of ``new`` are asked about what was migrated.
    One entry, and one look of the invariants, may cost what a transaction may. What ``reader``
    raises goes to the caller, who must stop.

    Args:
        old: the version that is active.
        new: the version that is to be.
        reader: the state.
        now: block time, for invariants that ask.
        cost_max: units it may use.
        chunk: which part of it; the whole by default.
    """
    run = _Run(old, new, reader, now, cost_max)
    code, reason = None, ""
    after: bytes | None = None
    try:
        after = run.entries_of(chunk)
    except (CostExceeded, ReaderFailed, Refused, _Stop) as error:
        code, reason = run.why(error)
    writes = run.writes if code is None else None
    rows = tuple(run.rows)
    return Migrated(code, run.cost, run.entries, reason, writes, after, run.digest, rows)


class _Run:
    """A migration, or part of it, under way."""

    def __init__(
        self,
        old: LoadedContract,
        new: LoadedContract,
        reader: Reader,
        now: int,
        cost_max: int,
    ) -> None:
        self.old, self.new, self.reader, self.now = old, new, reader, now
        self.cost_max = cost_max
        self.meter = new._meter  # noqa: SLF001 - the other half of one class; its text charges it
        self.tagged = new._tagged  # noqa: SLF001 - the same
        self.readings: dict[bytes, _Reading] = {}
        self.writes: Writes = {}
        self.asked: Writes = {}  # that the invariants have not seen
        self.rows: list[tuple[bytes, bytes]] = []
        self.cost = self.entries = self.size = 0
        self.checks = True
        self.digest = b""

    def entries_of(self, chunk: Chunk) -> bytes | None:
        """Look at the entries of ``chunk``; returns the last one, ``None`` when none is left."""
        self.checks, self.digest = chunk.checks, chunk.digest
        _check_order(self.old, self.new)
        looked_at = dict(_looked_at(self.old, self.new))
        self.readings = {name.encode("ascii"): reading for name, reading in looked_at.items()}
        done: bytes | None = None
        for name in sorted({*looked_at, *self.old.map_types}) if chunk.every else looked_at:
            reading = looked_at.get(name)
            begins = name in self.new.ordered and name not in self.old.ordered  # its tree takes all
            for key, value in _rows(self.reader, self.old.name, name, chunk.after):
                if done is not None and (done == chunk.until or self._is_full(chunk)):
                    self._ask()
                    return done
                if chunk.every:
                    self.rows.append((key, value))
                if reading is None:
                    self._pass(value)
                else:
                    self._take(key, value, reading, begins=begins)
                if len(self.asked) >= MIGRATION_CHECKED_MAX:
                    self._ask()
                done = key
        self._ask()
        return None

    def _is_full(self, chunk: Chunk) -> bool:
        if chunk.cost is not None and self.cost >= chunk.cost:
            return True
        return chunk.size is not None and self.size >= chunk.size

    def _pass(self, value: bytes) -> None:
        with self._metered():
            self.meter.charge(COSTS["read"], len(value))

    def _take(self, key: bytes, value: bytes, reading: _Reading, *, begins: bool) -> None:
        self.entries += 1
        with self._metered():
            self.meter.charge(COSTS["read"], len(value))
            after = reading(key, value)
            if begins or after != value:
                self.meter.charge(COSTS["write"], len(key) + len(after or b""))
                self.writes[key] = after
                self.size += len(key) + len(after or b"")
                if self.checks and after is not None:
                    self.asked[key] = after
        parts = (key, value, b"-" if after is None else b"+" + after)
        whole = b"".join([len(part).to_bytes(4, "big") + part for part in parts])
        self.digest = self.tagged(TAG_ENTRIES, self.digest + whole)

    @contextmanager
    def _metered(self) -> Iterator[None]:
        """Count what is done; it may cost what is left, and as much as a transaction at most."""
        meter = self.meter
        meter.limit = meter.left = min(COST_MAX, self.cost_max - self.cost)
        try:
            yield
        finally:
            self.cost += meter.used
        if meter.exceeded:
            raise CostExceeded

    def _ask(self) -> None:
        """Ask the invariants about what was migrated since, as writes that change nothing."""
        if not self.asked:
            return
        written, self.asked = self.asked, {}
        over = _Over(self.reader, self.new.name, written, self.readings)
        door = self.new._door  # noqa: SLF001 - the other half of one class
        with self._metered():
            door.open(over, self.meter, "invariant", dict(written))
            context = Context(_Nobody(self.now), door, self.tagged, [], _call_nothing)
            try:
                with _contract_at_work("contract_fault"):
                    self.new._check_invariants(context)  # noqa: SLF001 - the same
            finally:
                door.close()

    def why(self, error: BaseException) -> tuple[str, str]:
        """Return code and reason of what ended a migration; what failed the node is raised."""
        if self.meter.exceeded or isinstance(error, CostExceeded):
            # a text may go on for a few steps after its last unit, and then fail in another way
            left = self.cost_max - self.cost
            many = f"more than {self.cost_max} units are needed"
            return "cost_exceeded", f"one step needs more than {COST_MAX}" if left > 0 else many
        if isinstance(error, ReaderFailed):
            cause = error.__cause__
            if isinstance(cause, _Stop):
                return cause.code, cause.reason
            raise error if cause is None else cause from None
        if isinstance(error, Refused):
            return error.code, error.hint
        assert isinstance(error, _Stop)
        return error.code, error.reason


def differing(old: LoadedContract, new: LoadedContract) -> tuple[str, ...]:
    """Return the maps and values whose entries ``new`` looks at, one by one, when it takes over."""
    return tuple(name for name, _ in _looked_at(old, new))


def _looked_at(old: LoadedContract, new: LoadedContract) -> Iterator[tuple[str, _Reading]]:
    """Yield the maps and values whose entries may read otherwise now, in order, and how they do."""
    stepped = {mark.of: f for mark, f in new.migrations if mark.from_ == old.version}
    for name in sorted({*old.map_types, *stepped}):
        if name in stepped or _shape(old, name) != _shape(new, name):
            yield name, _reading(old, new, name, stepped.get(name))


def _shape(loaded: LoadedContract, name: str) -> object:
    if name not in loaded.map_types:
        return _NO_VALUE
    ordered = name in loaded.ordered
    return ordered, _key_kind(loaded, name), _bare(schema_of(loaded.map_types[name][1]))


def _check_order(old: LoadedContract, new: LoadedContract) -> None:
    """Refuse a map that would be ordered no more: its tree stays, and would prove what was."""
    for name in old.ordered:
        if name not in new.ordered:
            raise _Stop("order_lost", f"{name} is ordered and cannot stop being so")


def _rows(reader: Reader, contract: str, name: str, after: bytes) -> Iterator[tuple[bytes, bytes]]:
    prefix = name.encode("ascii") + b"\x00"
    start = max(prefix, after + b"\x00")
    if not start.startswith(prefix):
        return  # all of this map was looked at before
    while True:
        rows = reader.scan(contract, prefix, start, SCAN_ROWS_MAX)
        yield from rows
        if len(rows) < SCAN_ROWS_MAX:
            return
        start = rows[-1][0] + b"\x00"


def _reading(
    old: LoadedContract, new: LoadedContract, name: str, step: Callable[..., Any] | None
) -> _Reading:
    """Return what tells how an entry of ``name`` reads now; ``None`` where it is no more."""
    collection = new.collections.get(name)
    if collection is None or _key_kind(old, name) != _key_kind(new, name):
        word = "is declared no more" if collection is None else "has keys of another type"
        return _refusing("entry_lost", f"{name} {word}, and has entries")
    codec = Codec[Any](new.map_types[name][1] if step is None else _old_type(step))

    def read(key: bytes, data: bytes) -> bytes | None:
        try:
            before = codec.decode_stored(data)
        except StoredValueDamaged:
            reason = f"{name}{list(new.key_parts(key))} does not read as {codec.hint}"
            raise _Stop("entry_unreadable", reason) from None
        if step is None:
            return data
        given = (collection.key_of(key), before) if isinstance(collection, Map) else (before,)
        with _contract_at_work("migration_fault", f"{name}{list(new.key_parts(key))}: "):
            value = step(new._instance, *given)  # noqa: SLF001 - the other half of one class
            return None if value is None else collection.encode(value)

    return read


def _refusing(code: str, reason: str) -> _Reading:
    def read(_key: bytes, _data: bytes) -> bytes | None:
        raise _Stop(code, reason)

    return read


@contextmanager
def _contract_at_work(code: str, where: str = "") -> Iterator[None]:
    """Make an outcome of whatever a contract does wrong; what fails the node goes through."""
    try:
        yield
    except (MemoryError, RecursionError):
        raise
    except Refused as error:
        if not where:
            raise
        raise _Stop("migration_refused", f"{where}{error.code} {error.hint}") from None
    except Fault as error:
        raise _Stop(code, f"{where}{error}") from None
    except Exception:  # noqa: BLE001 - a bug of the contract is an outcome, too
        raise _Stop(code, f"{where}the contract failed in a way it did not foresee") from None


def _key_kind(loaded: LoadedContract, name: str) -> object:
    key = loaded.map_types[name][0] if name in loaded.map_types else None
    return None if key is None else _bare(schema_of(key))


def _bare(schema: Schema) -> Schema:
    """Return a schema without names of records and their docstrings: what data depend on."""
    bare: Schema = {}
    for word, part in schema.items():
        if word == "properties":
            bare[word] = {name: _bare(inner) for name, inner in part.items()}
        elif word in ("anyOf", "prefixItems"):
            bare[word] = [_bare(inner) for inner in part]
        elif word == "items" and isinstance(part, dict):
            bare[word] = _bare(part)
        elif word not in ("description", "title"):
            bare[word] = part
    return bare


@dataclass(frozen=True, slots=True)
class _Nobody:
    """Who asks invariants about a migration."""

    now: int
    member: str = ""
    organisation: str = ""
    height: int = 0
    tx: str = ""
    roles: Callable[[], tuple[str, ...]] = tuple


def _call_nothing(*_: object) -> NoReturn:
    raise Fault("an invariant calls no contract")


def _check_step(loaded: LoadedContract, mark: Mark, function: Callable[..., Any]) -> None:
    name = function.__name__
    if mark.of not in loaded.map_types:
        raise TypeError(f"{name}: {mark.of} is no map or value of the contract")
    key_type, value_type = loaded.map_types[mark.of]
    hints = get_type_hints(function)
    returns = hints.pop("return", None)
    given = list(hints.values())
    keys = [] if key_type is None else [key_type]
    if len(given) != len(keys) + 1 or given[:-1] != keys:
        raise TypeError(f"{name}: a migration takes the key (of a map) and the entry as it was")
    Codec[Any](given[-1])
    if returns not in (value_type, value_type | None):
        raise TypeError(f"{name}: a migration returns an entry of {mark.of}, or None")


def _old_type(function: Callable[..., Any]) -> Any:
    hints = get_type_hints(function)
    return [hint for name, hint in hints.items() if name != "return"][-1]
