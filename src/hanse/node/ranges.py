# SPDX-License-Identifier: Apache-2.0
"""Rows of a range of an ordered map with the proof that there are no others."""

from typing import TYPE_CHECKING, Any

import msgspec

from hanse.codec.base64url import to_text
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.state import AFTER, Ordered
from hanse.errors import Malformed
from hanse.node.proofs import path_document

if TYPE_CHECKING:
    from hanse.storage import Store


def range_proof(
    store: "Store", loaded: LoadedContract, name: str, bounds: tuple[str, str], limit: int
) -> dict[str, Any]:
    """Return the rows from the first bound to the last, both included, at most ``limit``.

    Args:
        store: at the header under which it is proved.
        loaded: the contract.
        name: of its map.
        bounds: keys or first parts of keys as JSON; empty for the beginning and the end.
        limit: most rows.

    Raises:
        Malformed: no such ordered map, or a bound of another type.
    """
    collection = loaded.collections.get(name)
    if not isinstance(collection, Ordered):
        raise Malformed(reason=f"{loaded.name} has no ordered map {name}", at="$.map")
    low, high = (_bound(collection, text) for text in bounds)
    high += AFTER
    prefix = name.encode("ascii") + b"\x00"
    found = store.scan(loaded.name, prefix, prefix + low, limit + 1)
    rows = [(key[len(prefix) :], value) for key, value in found if key < prefix + high]
    after = None
    if len(rows) > limit:
        after = high = rows[limit][0]
        rows = rows[:limit]
    path = store.tries.prove_range(loaded.name, name, low, high)
    return path_document(path.top) | {
        "entry": path_document(path.inner),
        "next": None if after is None else to_text(after),
        "pages": [to_text(page) for page in path.pages],
        "values": [msgspec.Raw(value) for _, value in rows],
    }


def range_evidence(
    loaded: LoadedContract, name: str, bounds: tuple[str, str], proof: dict[str, Any]
) -> dict[str, Any]:
    """Return what an evidence file of a range has beside the certified header."""
    collection = loaded.collections[name]
    assert isinstance(collection, Ordered), "its range has been proved"
    first, last = (to_text(_bound(collection, text)) for text in bounds)
    return {"contract": loaded.name, "first": first, "last": last, "map": name, "range": proof}


def _bound(collection: Ordered[Any, Any], text: str) -> bytes:
    try:
        return collection.bound(msgspec.json.decode(text) if text else None)
    except (msgspec.DecodeError, ValueError) as error:
        raise Malformed(reason=str(error), at="?from_key, ?to_key") from None
