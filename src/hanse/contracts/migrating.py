# SPDX-License-Identifier: Apache-2.0
"""State that another version of a contract wrote, as this version reads it; metered, and pure.

A migration turns one entry into one entry: it sees its key and what was stored, no other state and
no time. So it gives the same in a rehearsal as when it counts, in whatever order entries come.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NoReturn, get_type_hints

from hanse.codec.limits import ACTION_WRITES_MAX, HINT_CHARS_MAX, SCAN_ROWS_MAX
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


@dataclass(frozen=True, slots=True)
class Migrated:
    """What became of a contract's entries: ``code`` is ``None`` exactly when all went well."""

    code: str | None
    cost: int
    entries: int = 0  # that stand in maps which are looked at
    reason: str = ""
    writes: Writes | None = None


class _Stop(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason[:HINT_CHARS_MAX]


class _Over:
    """The state with the migrated entries in place."""

    def __init__(self, reader: Reader, contract: str, writes: Writes) -> None:
        self._reader = reader
        self._contract = contract
        self._writes = writes

    def get(self, contract: str, key: bytes) -> bytes | None:
        if contract == self._contract and key in self._writes:
            return self._writes[key]
        return self._reader.get(contract, key)

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


def migrate_state(
    old: LoadedContract, new: LoadedContract, reader: Reader, now: int, cost_max: int
) -> Migrated:
    """Return what the entries that ``old`` wrote are under ``new``; nothing is written.

    Every entry of a map whose types differ is looked at: it is migrated where ``new`` says how, and
    must read as its type otherwise. The invariants of ``new`` are asked about what was migrated.
    What ``reader`` raises goes to the caller, who must stop.

    Args:
        old: the version that is active.
        new: the version that is to be.
        reader: the state.
        now: block time, for invariants that ask.
        cost_max: units it may use.
    """
    meter = new._meter  # noqa: SLF001 - the other half of one class; its text charges this one
    meter.limit = meter.left = cost_max
    writes: Writes = {}
    entries = 0
    code, reason = None, ""
    try:
        _check_order(old, new)
        for name, reading in _looked_at(old, new):
            begins = name in new.ordered and name not in old.ordered  # its tree takes all rows in
            for key, value in _rows(reader, old.name, name):
                entries += 1
                meter.charge(COSTS["read"], len(value))
                after = reading(key, value)
                if begins or after != value:
                    meter.charge(COSTS["write"], len(key) + len(after or b""))
                    writes[key] = after
        _check(new, reader, writes, now)
    except _Stop as error:
        code, reason = error.code, error.reason
    except Refused as error:
        code, reason = error.code, error.hint
    except CostExceeded:
        code, reason = "cost_exceeded", f"more than {cost_max} units are needed"
    except ReaderFailed as error:
        if error.__cause__ is None:
            raise
        raise error.__cause__ from None
    return Migrated(code, meter.used, entries, reason, writes if code is None else None)


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


def _rows(reader: Reader, contract: str, name: str) -> Iterator[tuple[bytes, bytes]]:
    prefix = start = name.encode("ascii") + b"\x00"
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


def _check(new: LoadedContract, reader: Reader, writes: Writes, now: int) -> None:
    """Ask the invariants about what was migrated, as writes that change nothing, so many a time."""
    keys = [key for key, value in writes.items() if value is not None]
    over = _Over(reader, new.name, writes)
    door, meter = new._door, new._meter  # noqa: SLF001 - the other half of one class
    for first in range(0, len(keys), ACTION_WRITES_MAX):
        written = {key: writes[key] for key in keys[first : first + ACTION_WRITES_MAX]}
        door.open(over, meter, "invariant", written)
        tagged = new._tagged  # noqa: SLF001 - the other half of one class
        context = Context(_Nobody(now), door, tagged, [], _call_nothing)
        try:
            with _contract_at_work("contract_fault"):
                new._check_invariants(context)  # noqa: SLF001 - the other half of one class
        finally:
            door.close()


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
