# SPDX-License-Identifier: Apache-2.0
"""What transactions wrote: its size, which of it belongs into ordered trees, and a root of it."""

from collections.abc import Iterable, Mapping, Sequence

from hanse.codec.documents import TAG_KEY, TAG_VALUE
from hanse.contracts.state import Reader
from hanse.crypto import Hash
from hanse.kernel.directory import Directory
from hanse.kernel.entries import ENGINE_VALIDATORS, REGISTRY
from hanse.kernel.genesis import Writes
from hanse.kernel.view import BlockView
from hanse.merkle.trie import StateTries


def split_by_map(
    names: Iterable[str], changes: Mapping[bytes, bytes | None]
) -> dict[str, dict[bytes, bytes | None]]:
    """Return the changes of state keys by map, for each map named, under their own keys."""
    found: dict[str, dict[bytes, bytes | None]] = {name: {} for name in names}
    for key, value in changes.items():
        name, _, rest = key.partition(b"\x00")
        mine = found.get(name.decode("ascii"))
        if mine is not None:
            mine[rest] = value
    return found


def size_of(writes: Writes) -> int:
    """Return the bytes of keys and values that a transaction wrote."""
    return sum(len(k) + len(v or b"") for rows in writes.values() for k, v in rows.items())


def hashed_changes(
    hasher: Hash, changes: Mapping[bytes, bytes | None], ordered: Sequence[str]
) -> tuple[dict[bytes, bytes | None], dict[str, dict[bytes, bytes | None]]]:
    """Return changes of one contract as its trie takes them, and the trees of ``ordered`` maps."""
    tagged = hasher.tagged
    values = {k: None if v is None else tagged(TAG_VALUE, v) for k, v in changes.items()}
    hashed = {tagged(TAG_KEY, key): value for key, value in values.items()}
    return hashed, split_by_map(ordered, values) if ordered else {}


def contract_root(hasher: Hash, entries: Mapping[bytes, bytes], ordered: Sequence[str]) -> bytes:
    """Return the root of a contract that holds ``entries``, its ``ordered`` maps named.

    A root depends on nothing but the entries, so this is what the tries of a ledger have.
    """
    hashed, trees = hashed_changes(hasher, entries, ordered)
    tries = StateTries(hasher, {})
    tries.update({"c": hashed}, {"c": trees})
    return tries.root_of("c")


def changed_seats(below: Reader, begun: Writes, height: int) -> tuple[tuple[bytes, int], ...]:
    """Return what the beginning of a block changes in the engine: keys with their power, 0 to end.

    Args:
        below: the state before the block.
        begun: what its beginning wrote.
        height: of the block.
    """
    written = begun.get(REGISTRY, {})
    if not any(map(ENGINE_VALIDATORS.begins, written)):
        return ()
    view = BlockView(below)
    view.add(REGISTRY, written)
    before = _powers(below, height)
    after = _powers(view, height + 1)
    return tuple(
        (key, after.get(key, 0))
        for key in sorted(before.keys() | after.keys())
        if before.get(key, 0) != after.get(key, 0)
    )


def _powers(reader: Reader, height: int) -> dict[bytes, int]:
    seats = Directory().engine_validators(reader, height)
    return {bytes(seat.entry.public_key): seat.entry.power for seat in seats}
