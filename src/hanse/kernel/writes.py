# SPDX-License-Identifier: Apache-2.0
"""What transactions wrote: its size, which of it belongs into ordered trees, and a root of it."""

from collections.abc import Iterable, Mapping

from hanse.codec.documents import TAG_KEY, TAG_VALUE
from hanse.crypto import Hash
from hanse.kernel.genesis import Writes
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


def contract_root(hasher: Hash, entries: Mapping[bytes, bytes], ordered: Iterable[str]) -> bytes:
    """Return the root of a contract that holds ``entries``, its ``ordered`` maps named.

    A root depends on nothing but the entries, so this is what the tries of a ledger have.
    """
    tagged = hasher.tagged
    values: dict[bytes, bytes | None] = {k: tagged(TAG_VALUE, v) for k, v in entries.items()}
    tries = StateTries(hasher, {})
    tries.update(
        {"c": {tagged(TAG_KEY, key): value for key, value in values.items()}},
        {"c": split_by_map(ordered, values)},
    )
    return tries.root_of("c")
