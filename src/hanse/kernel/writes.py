# SPDX-License-Identifier: Apache-2.0
"""What transactions wrote: its size, and which of it belongs into ordered trees."""

from collections.abc import Iterable, Mapping

from hanse.kernel.genesis import Writes


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
