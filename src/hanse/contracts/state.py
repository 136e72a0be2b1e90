# SPDX-License-Identifier: Apache-2.0
"""State of a contract: ``Map`` and ``Value``, over one call's overlay on the block's state."""

from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from hanse.codec.limits import (
    ACTION_WRITES_MAX,
    ORDERED_KEY_BYTES_MAX,
    SCAN_ROWS_MAX,
    STATE_KEY_BYTES_MAX,
)
from hanse.contracts.keys import (
    decode_key,
    encode_key,
    encode_part,
    key_encoder,
    key_from_json,
    key_shape,
    prefix_shape,
)
from hanse.contracts.meter import COSTS, Meter
from hanse.contracts.records import Codec
from hanse.contracts.refusals import Fault, ReaderFailed, Refused

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


class Written(Generic[V]):
    """One entry that an action wrote, with its values before and after (``None``: absent)."""

    __slots__ = ("_decode", "_key", "after", "before")

    def __init__(
        self,
        key: Any,
        before: V | None,
        after: V | None,
        decode: Callable[[bytes], Any] | None = None,
    ) -> None:
        """Keep both values, and the key; with ``decode``, as bytes until somebody asks for it."""
        self._key = key
        self._decode = decode
        self.before = before
        self.after = after

    @property
    def key(self) -> Any:
        """The key, in the map's declared type; of a single value, the empty tuple."""
        if self._decode is not None:  # once, so that asking again and again costs nothing
            self._key, self._decode = self._decode(self._key), None
        return self._key


_READ, _WRITE, _SCAN, _ROW = COSTS["read"], COSTS["write"], COSTS["scan"], COSTS["row"]
_MISSING: Final = object()
AFTER: Final = b"\xff"
"""After an encoded key: beyond all keys that begin with it, before all that come later. What may
follow a key's parts is the tag of another part; only an inner zero of a text is escaped by this."""

Doing = Literal["action", "query", "invariant", "nothing"]
"""What the open call is about: only an action writes, an invariant reads by key alone."""


class Reader(Protocol):
    """The committed state below a transaction: the block's overlay over the store."""

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value bytes at ``key``, ``None`` when absent."""
        ...

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return up to ``limit`` rows under ``prefix`` from ``start`` on, in key order."""
        ...


class Door:
    """What one running call may touch: its overlay, the state below, its meter."""

    __slots__ = ("_seen", "contract", "doing", "meter", "overlay", "reader")

    def __init__(self, contract: str) -> None:
        """Belong to ``contract``; closed until :meth:`open`."""
        self.contract = contract
        self.overlay: dict[bytes, bytes | None]
        self.close()

    def open(
        self, reader: Reader, meter: Meter, doing: Doing, overlay: dict[bytes, bytes | None]
    ) -> None:
        """Begin a call over what the contract wrote before in the same transaction."""
        self.reader: Reader | None = reader
        self.meter = meter
        self.overlay = overlay
        self._seen: dict[bytes, bytes | None] = {}  # the state below does not change in a call
        self.doing = doing

    def close(self) -> None:
        """End the call; what a contract kept of it can reach nothing any more."""
        self.reader = None
        self.meter = Meter(0)
        self.overlay = {}
        self._seen = {}
        self.doing = "nothing"

    def ask(self, read: Callable[[Reader], T]) -> T:
        """Return what ``read`` finds below; its failure is the node's, not the contract's.

        Raises:
            ReaderFailed: with the failure as cause; no contract can catch it.
        """
        if self.reader is None:
            raise Fault("state is read and written during a call only")
        try:
            return read(self.reader)
        except Exception as error:
            raise ReaderFailed from error

    def get(self, key: bytes) -> bytes | None:
        """Return the value bytes at ``key`` as this call sees them, charged."""
        found = self.overlay.get(key, _MISSING)
        value: Any = self.committed(key) if found is _MISSING else found
        size = 0 if value is None else len(value)
        if len(key) > STATE_KEY_BYTES_MAX:
            size += len(key)  # nothing is there, but it had to be made and hashed
        self.meter.charge(_READ, size)
        return value  # type: ignore[no-any-return]  # bytes or None: the sentinel is gone

    def committed(self, key: bytes) -> bytes | None:
        """Return the value bytes at ``key`` from before this call; the caller charges for it."""
        if self.reader is None:
            raise Fault("state is read and written during a call only")
        if key in self._seen:
            return self._seen[key]
        try:
            value = self._seen[key] = self.reader.get(self.contract, key)
        except Exception as error:  # as in ``ask``, without its closure: the hottest line of a call
            raise ReaderFailed from error
        return value

    def put(self, key: bytes, value: bytes | None) -> None:
        """Write or delete ``key``, charged; only actions may."""
        if self.doing != "action":
            raise Fault("only an action, while it runs, can write state")
        if len(key) > STATE_KEY_BYTES_MAX:
            raise Fault(f"a state key has {len(key)} bytes; the limit is {STATE_KEY_BYTES_MAX}")
        self.meter.charge(_WRITE, len(key) + (0 if value is None else len(value)))
        if key not in self.overlay and len(self.overlay) >= ACTION_WRITES_MAX:
            raise Fault(f"an action writes at most {ACTION_WRITES_MAX} state keys")
        self.overlay[key] = value

    def scan(self, prefix: bytes, start: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return rows under ``prefix`` with this call's own writes merged in, charged by row."""
        if self.doing == "invariant":
            raise Fault("an invariant reads by key, it does not scan")
        if self.reader is None:
            raise Fault("state is read and written during a call only")
        rows: list[tuple[bytes, bytes]] = []
        self.meter.charge(_SCAN + (len(self.overlay) >> 3))
        if limit > 0:
            mine = {k: v for k, v in self.overlay.items() if k.startswith(prefix) and k >= start}
            self.meter.charge(len(mine))  # so many rows more are read, and put in order
            most = limit + len(mine)
            rows = self.ask(lambda reader: reader.scan(self.contract, prefix, start, most))
            if mine:
                merged: dict[bytes, bytes | None] = {**dict(rows), **mine}
                rows = [(k, v) for k, v in sorted(merged.items()) if v is not None]
            rows = rows[:limit]
        self.meter.charge(_ROW * len(rows), sum(len(v) for _, v in rows))
        return rows


class Map(Generic[K, V]):
    """A typed map of the authenticated state; ``m[k]`` refuses with ``not_found``."""

    __slots__ = (
        "_codec",
        "_door",
        "_first",
        "_is_tuple",
        "_key",
        "_key_type",
        "_prefix",
        "_shape",
        "name",
    )

    def __init__(self, name: str, key_type: Any, codec: Codec[V], door: Door) -> None:
        """Belong to the contract behind ``door``; made by the runtime from the annotation.

        Raises:
            TypeError: no key type.
        """
        self.name = name
        self._prefix = name.encode("ascii") + b"\x00"
        self._key_type = key_type
        self._key: Callable[[Any], bytes] = key_encoder(key_type, self._prefix)
        self._shape = key_shape(key_type)
        self._first = prefix_shape(key_type)
        self._is_tuple = _is_tuple(key_type)
        self._codec = codec
        self._door = door

    def _put(self, key: bytes, value: bytes | None) -> None:
        self._door.put(key, value)

    def state_key(self, key: object) -> bytes:
        """Return the state key bytes of ``key``, given in its JSON form; a tuple is typed.

        Raises:
            ValueError: the key is not of the declared type.
        """
        if not isinstance(key, tuple):
            key = key_from_json(self._key_type, key)
        try:
            return self._key(key)
        except Fault as error:
            raise ValueError(str(error)) from None

    def key_of(self, key: bytes) -> K:
        """Return the typed key that state key bytes of this map stand for."""
        found: K = self._decode_key(key)
        return found

    def encode(self, value: V) -> bytes:
        """Return the bytes under which ``value`` is stored."""
        return self._codec.encode(value)

    def written(self, key: bytes, before: bytes | None, after: bytes | None) -> Written[V]:
        """Return one written entry with its values decoded."""
        return Written(key, *_values(self._codec, before, after), self._decode_key)

    def get(self, key: K) -> V | None:
        """Return the value at ``key``, ``None`` when absent."""
        data = self._door.get(self._key(key))
        return None if data is None else self._codec.decode_state(data)

    def __getitem__(self, key: K) -> V:
        """Return the value at ``key``; refuses with ``not_found``."""
        value = self.get(key)
        if value is None:
            raise Refused("not_found", f"there is no such entry in {self.name}", key=_shown(key))
        return value

    def __setitem__(self, key: K, value: V) -> None:
        """Put ``value`` at ``key``, whatever was there."""
        self._put(self._key(key), self._codec.encode(value))

    def __delitem__(self, key: K) -> None:
        """Remove ``key``; refuses with ``not_found``. Its absence is provable afterwards."""
        if key not in self:
            raise Refused("not_found", f"there is no such entry in {self.name}", key=_shown(key))
        self._put(self._key(key), None)

    def __contains__(self, key: K) -> bool:
        """Whether something is at ``key``."""
        return self._door.get(self._key(key)) is not None

    def add(self, key: K, value: V) -> V:
        """Put ``value`` at a ``key`` that is still free; refuses with ``already_exists``."""
        if key in self:
            raise Refused("already_exists", f"{self.name} has such an entry", key=_shown(key))
        self[key] = value
        return value

    def items(
        self, prefix: object = (), *, start: K | None = None, limit: int = 100
    ) -> Iterator[tuple[K, V]]:
        """Yield entries in key order, at most ``SCAN_ROWS_MAX``.

        Args:
            prefix: a tuple: keys that begin with its parts, each part whole; a ``str``: string
                keys (or first parts) that begin with its characters.
            start: where to begin, that key included.
            limit: rows at most; one below 1 gives none.
        """
        limit = min(limit, SCAN_ROWS_MAX)
        if isinstance(prefix, str):
            low = self._prefix + encode_part(prefix)[:-1]
        else:
            low = self._prefix + (encode_key(self._first(prefix)) if prefix != () else b"")
        first = low if start is None else max(low, self._key(start))
        if len(low) > STATE_KEY_BYTES_MAX:
            limit = 0  # no key is as long; it is charged all the same
        if len(first) > STATE_KEY_BYTES_MAX:  # the first place after all keys that may be before
            first = first[:STATE_KEY_BYTES_MAX] + b"\x00"
        rows = self._door.scan(low, first, limit)
        # a part "a" ends with a zero byte, with which an inner zero of "a\0b" is escaped, too:
        # such keys come after all that are meant
        whole = isinstance(prefix, tuple) and prefix != ()
        end = len(low)
        for key, data in rows:
            if whole and key[end : end + 1] == b"\xff":
                return
            yield self._decode_key(key), self._codec.decode_state(data)

    def values(
        self, prefix: object = (), *, start: K | None = None, limit: int = 100
    ) -> Iterator[V]:
        """Yield the values of :meth:`items`."""
        for _, value in self.items(prefix, start=start, limit=limit):
            yield value

    def keys(self, prefix: object = (), *, start: K | None = None, limit: int = 100) -> Iterator[K]:
        """Yield the keys of :meth:`items`."""
        for key, _ in self.items(prefix, start=start, limit=limit):
            yield key

    def _decode_key(self, key: bytes) -> Any:
        parts = decode_key(key[len(self._prefix) :])
        return self._shape(tuple(parts) if self._is_tuple else parts[0])


class Ordered(Map[K, V]):
    """A map that also keeps an ordered tree: a range can be proved to leave no row out."""

    __slots__ = ()

    def _put(self, key: bytes, value: bytes | None) -> None:
        # the tree is at most as deep as a key is long
        self._door.meter.charge(COSTS["ordered"], len(key) << 7)
        if len(key) > ORDERED_KEY_BYTES_MAX:
            limit = ORDERED_KEY_BYTES_MAX
            raise Fault(f"a key of an ordered map has {len(key)} bytes; the limit is {limit}")
        self._door.put(key, value)

    def between(self, first: object, last: object, *, limit: int = 100) -> Iterator[tuple[K, V]]:
        """Yield the entries from ``first`` to ``last``, both included, in key order.

        Args:
            first: a key, or the first parts of one; the empty tuple stands for the beginning.
            last: the same, for the end: all keys that begin with these parts belong to the range.
            limit: most rows, at most ``SCAN_ROWS_MAX``.
        """
        limit = min(limit, SCAN_ROWS_MAX)
        low, high = self._prefix + self._bound(first), self._prefix + self._bound(last) + AFTER
        if len(low) > STATE_KEY_BYTES_MAX:  # the first place after all keys that may be before
            low = low[:STATE_KEY_BYTES_MAX] + b"\x00"
        for key, data in self._door.scan(self._prefix, low, limit):
            if key >= high:
                return
            yield self._decode_key(key), self._codec.decode_state(data)

    def _bound(self, given: object) -> bytes:
        if self._is_tuple or given == ():
            return encode_key(self._first(given))
        return encode_key(self._shape(given))

    def bound(self, given: object) -> bytes:
        """Return the encoded key, or first parts of one, that JSON stands for.

        Raises:
            ValueError: it is not of the declared type.
        """
        if given is None:
            return b""
        if not self._is_tuple:
            return encode_key(self._shape(key_from_json(self._key_type, given)))
        kinds = self._key_type.__args__
        if not isinstance(given, list) or len(given) > len(kinds):
            raise ValueError(f"a bound is an array of at most {len(kinds)}")
        parts = zip(kinds, given, strict=False)
        return encode_key(self._first(tuple(key_from_json(kind, one) for kind, one in parts)))


class Value(Generic[V]):
    """A single cell of the authenticated state."""

    __slots__ = ("_codec", "_door", "_key", "_prefix", "name")

    def __init__(self, name: str, codec: Codec[V], door: Door) -> None:
        """Belong to the contract behind ``door``; made by the runtime from the annotation."""
        self.name = name
        self._key = self._prefix = name.encode("ascii") + b"\x00"
        self._codec = codec
        self._door = door

    def state_key(self, key: object) -> bytes:
        """Return the state key bytes of this cell; ``key`` is ``None`` or the empty tuple."""
        if key not in (None, (), []):
            raise ValueError(f"{self.name} is a single value: it has no key")
        return self._key

    def encode(self, value: V) -> bytes:
        """Return the bytes under which ``value`` is stored."""
        return self._codec.encode(value)

    def written(self, key: bytes, before: bytes | None, after: bytes | None) -> Written[V]:
        """Return the written cell with its values decoded."""
        assert key == self._key
        return Written((), *_values(self._codec, before, after))

    def get(self) -> V | None:
        """Return the value, ``None`` while nothing has been set."""
        data = self._door.get(self._key)
        return None if data is None else self._codec.decode_state(data)

    def set(self, value: V) -> None:
        """Replace the value."""
        self._door.put(self._key, self._codec.encode(value))


def ask_beside(
    collection: Map[Any, Any] | Value[Any], read: Callable[[Reader], T], rows: int = 1
) -> T:
    """Return what ``read`` finds in other state than the contract's own, charged by ``rows``.

    For the contracts of Hanse itself, which read the registry.
    """
    door = collection._door  # noqa: SLF001 - of one module
    door.meter.charge(COSTS["scan"] + COSTS["row"] * rows)
    return door.ask(read)


def _values(
    codec: Codec[V], before: bytes | None, after: bytes | None
) -> tuple[V | None, V | None]:
    return (
        None if before is None else codec.decode_state(before),
        None if after is None else codec.decode_state(after),
    )


def _is_tuple(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) is tuple


def _shown(key: object) -> object:
    return list(key) if isinstance(key, tuple) else key
